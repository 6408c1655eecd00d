#!/usr/bin/env bash
# Writes SIZE-file.txt, with bytes that cannot be compressed, into the current folder.
# usage: make-file.sh 512M|512MB|512MiB|1G|BYTES
# As in the original write-up, whose dd counted blocks, 1 MB is 1,048,576 bytes here.
set -euo pipefail

fail() {
  echo "make-file.sh: $1" >&2
  exit "$2"
}

size=${1:-}
shopt -s nocasematch
# Few enough digits that no product is beyond what the shell can count.
if [[ ! $size =~ ^0*([1-9][0-9]{0,8})(KB?|KiB|MB?|MiB|GB?|GiB)$ && ! $size =~ ^0*([1-9][0-9]{0,17})(B|)$ ]]; then
  fail "size '$size' is not understood: write 512MB, 512M, 1GiB or a number of bytes" 2
fi
case ${BASH_REMATCH[2]} in
  K*) unit=1024 ;;
  M*) unit=1048576 ;;
  G*) unit=1073741824 ;;
  *) unit=1 ;;
esac
bytes=$((BASH_REMATCH[1] * unit))
name=$size-file.txt
partial=$name.part

trap 'rm -f "$partial"' EXIT
if ! head -c "$bytes" /dev/urandom 2>/dev/null >"$partial"; then
  fail "cannot write $bytes bytes to $PWD: free some space, or go to another folder" 1
fi
mv "$partial" "$name"
echo "$name: $bytes bytes (1 MB is taken as 1,048,576 bytes, as in the original write-up)"
