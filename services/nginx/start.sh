#!/bin/sh
# Fills BIND, RUN_DIR, DATA_DIR and the like into an nginx template, then becomes nginx.
# usage: start.sh TEMPLATE
set -eu
built_in=$(nginx -V 2>&1 | tr ' ' '\n' | sed -n 's/^--conf-path=//p')
# As root, nginx would hand its workers to another user, who cannot write to DATA_DIR.
user=
if [ "$(id -u)" = 0 ]; then user='user root;'; fi
if [ "$HOST" = :: ]; then BIND="$BIND ipv6only=off"; fi # IPv4 as well, as at the other servers
# For cross_site.conf: the addresses, and the names with a dot, that this server answers to. As patterns: nginx does not
# start with a plain name of over about 50 characters (map_hash_bucket_size), or with the same name twice.
set -f # a * in ALLOWED_HOSTS is no list of files
for name in "$HOST" "$LAB_DEPLOYMENT" ${ALLOWED_HOSTS:-} ::1 :: 0.0.0.0; do
  name=${name%.}
  case $name in *:*) echo "[$name]" ;; *.*) echo "$name" ;; esac
done | sed -e 's/[^A-Za-z0-9-]/\\&/g' -e 's/.*/"~*^&$" 0;/' >"$RUN_DIR/hosts.map"
set +f
# No page can take an address.
case $HOST in 0.0.0.0 | ::) echo '~^[0-9.]+$ 0; ~^\[[0-9a-f:.]+\]$ 0;' >>"$RUN_DIR/hosts.map" ;; esac
# A user's path may hold what sed reads as its own.
data=$(printf %s "$DATA_DIR" | sed 's/[&|\\]/\\&/g')
configs=$(printf %s "$PWD/configs" | sed 's/[&|\\]/\\&/g')
# The lab's limit takes the place of none, or nginx would take a body of any size to its disk before the app sees it.
limit=${MAX_CONTENT_LENGTH:-0}
refusals=$configs/nginx/refusals.conf
if [ "$limit" != 0 ]; then
  sed "s|larger than this server accepts|larger than the $limit bytes that this server accepts|" \
    configs/nginx/refusals.conf >"$RUN_DIR/refusals.conf"
  refusals=$RUN_DIR/refusals.conf
fi
sed -e "s|\${CONFIGS}/nginx/refusals.conf|$refusals|g" -e "s|client_max_body_size 0;|client_max_body_size $limit;|g" \
  -e "s|\${BIND}|$BIND|g" -e "s|\${HOST}|$HOST|g" -e "s|\${PORT}|$PORT|g" \
  -e "s|\${APP_PORT}|${APP_PORT:-}|g" -e "s|\${RUN_DIR}|$RUN_DIR|g" -e "s|\${DATA_DIR}|$data|g" \
  -e "s|\${CONFIGS}|$configs|g" -e "s|\${SILENCE_SECONDS}|$SILENCE_SECONDS|g" \
  -e "s|\${USER}|$user|g" -e "s|\${NGINX_DIR}|$(dirname "$built_in")|g" \
  "$1" >"$RUN_DIR/nginx.conf"
rm -rf "$DATA_DIR/tmp/nginx" # bodies that an nginx which was killed had not taken in whole
# A limit for the size of files (ulimit -f) must be an error for nginx to answer: by default the signal ends
# its worker, which leaves a part of the file. What is ignored here stays ignored.
trap '' XFSZ
exec nginx -e stderr -c "$RUN_DIR/nginx.conf"
