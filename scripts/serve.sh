#!/bin/sh
# One deployment in the foreground, for curl and uploader.py. See lab serve --help.
exec "$(dirname "$0")/lab" serve "$@"
