#!/usr/bin/env bash
# Builds the two base images from Debian packages, for a host that reaches no image registry.
# usage: offline-images.sh [--write]
#
# Prints the variables that make Compose use them; --write puts them into .env, which Compose reads by itself.
# Packages come from this host's own Debian mirror, or from mmdebstrap's default on a host without one.
# The host's CA certificates go into the Python image, so that builds on it reach what this host reaches.
# The address of pip's index does not, as it may hold a password: --write keeps it in .pip.conf, which only
# builds read (a secret, see compose.yaml) and only you.
set -euo pipefail
cd "$(dirname "$0")/.."

suite=trixie
python_image=upload-lab-python:$suite
nginx_image=upload-lab-nginx:$suite
certificates=/etc/ssl/certs/ca-certificates.crt

say() { echo "offline-images.sh: $*" >&2; }
fail() {
  say "$1"
  exit "${2:-1}"
}

pip_index() { # if this host has one of its own
  echo "${PIP_INDEX_URL:-$(python3 -m pip config get global.index-url 2>/dev/null || true)}"
}

keep_index() { # ADDRESS
  rm -f .pip.conf # whose mode may be another
  (umask 077 && printf '[global]\nindex-url = %s\n' "$1" >.pip.conf)
}

make_image() { # NAME PACKAGES OPTIONS...: the log is shown if it fails
  local name=$1 packages=$2 log
  shift 2
  log=$work/${name%%:*}
  {
    mmdebstrap --variant=minbase --include="$packages" --customize-hook="$hook" \
      "$suite" "$log.tar" "${mirror[@]}" >"$log.log" 2>&1 &&
      docker import "$@" "$log.tar" "$name" >>"$log.log" 2>&1
  } || {
    tail -n 20 "$log.log" >&2
    return 1
  }
  say "$name is ready"
}

write=
case "$*" in
  '') ;;
  --write) write=1 ;;
  *) fail "'$*' is not understood: offline-images.sh [--write]" 2 ;;
esac
docker version >/dev/null 2>&1 || fail "no Docker engine answers: start it, then try again (see: docker info)"
command -v mmdebstrap >/dev/null || ./scripts/apt-install mmdebstrap debian-archive-keyring || exit 1

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'kill $(jobs -p) 2>/dev/null; wait; exit 130' INT TERM # background jobs are deaf to Ctrl-C
mapfile -t mirror < <(./scripts/debian-mirror)
hook=true
if [ -e "$certificates" ]; then hook="upload $certificates $certificates"; fi
say "making $python_image and $nginx_image from ${mirror[0]:-the default mirror}, about half a minute"
# libpython3.13: uWSGI links it; the official Python image has its own. libexpat1 and the like come along.
make_image "$python_image" python3,python3-venv,libpython3.13,ca-certificates \
  --change "ENV PIP_CERT=$certificates" &
make_image "$nginx_image" nginx,ca-certificates &
failed=
for job in $(jobs -p); do wait "$job" || failed=1; done
[ -z "$failed" ] || fail "a base image could not be made, see above"

# A build reaches the mirror and pip's index the way this host does, its loopback and DNS included.
variables="PYTHON_IMAGE=$python_image NGINX_IMAGE=$nginx_image LAB_BUILD_NETWORK=host"
names='PYTHON_IMAGE|NGINX_IMAGE|LAB_BUILD_NETWORK'
index=$(pip_index)
if [ -n "$index" ]; then
  variables="$variables LAB_PIP_CONFIG=.pip.conf" names="$names|LAB_PIP_CONFIG"
fi
if [ -z "$write" ]; then
  tr ' ' '\n' <<<"$variables"
  if [ -n "$index" ]; then say "pip's index of this host goes into .pip.conf with --write"; fi
else
  if [ -n "$index" ]; then keep_index "$index"; fi
  touch .env
  others=$(grep -vE "^($names)=" .env) || true
  { if [ -n "$others" ]; then echo "$others"; fi && tr ' ' '\n' <<<"$variables"; } >"$work/env"
  cat "$work/env" >.env
  say "wrote $variables to .env; next: docker compose up --build"
fi
