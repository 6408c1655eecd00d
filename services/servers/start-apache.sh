#!/bin/sh
# Becomes Apache, with a config of configs/apache and the Python packages of the environment it is called from.
# usage: start-apache.sh CONFIG
set -eu
APP_DIR="$PWD/services/app"
SITE_PACKAGES=$PYTHONPATH:$(python3 -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
minor=$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
MOD_WSGI=/usr/lib/apache2/modules/mod_wsgi.so-$minor
export APP_DIR SITE_PACKAGES MOD_WSGI
if ! [ -e "$MOD_WSGI" ]; then
  echo "$MOD_WSGI is missing: Debian's libapache2-mod-wsgi-py3 is for Debian's own Python, and this is $minor" >&2
  exit 1
fi
set -- /usr/sbin/apache2 -D FOREGROUND -f "$PWD/$1"
# Apache serves nothing as root. To itself it is another user then, who still owns the files that root has made.
if [ "$(id -u)" = 0 ]; then set -- unshare --user --map-user=33 --map-group=33 "$@"; fi
exec "$@"
