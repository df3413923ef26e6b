#!/bin/sh
# Every check and every test. Leaves no process and no file outside the clone.
set -eu
cd "$(dirname "$0")/.."

# Debian's Chromium for the pages and Pango for the PDF report; without them (and without root)
# the tests that need them report themselves as skipped, with the reason.
needed=
command -v chromium >/dev/null 2>&1 || needed="$needed chromium"
ldconfig -p 2>/dev/null | grep -q libpangoft2-1.0 || needed="$needed libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0"
if [ -n "$needed" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "installing$needed"
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y \
        --no-install-recommends $needed >/dev/null || echo "could not install$needed"
fi

# Short, because sockets live below it; removed even when a test is interrupted.
TMPDIR=$(mktemp -d /tmp/dfd.XXXXXX)
# Chromium and Matplotlib would leave their folders at home.
export TMPDIR XDG_CACHE_HOME="$TMPDIR/cache" XDG_CONFIG_HOME="$TMPDIR/config"
trap 'rm -rf "$TMPDIR"' EXIT
trap 'exit 143' TERM
trap 'exit 130' INT

deploy/lint.sh

export PYTHONDONTWRITEBYTECODE=1
.venv/bin/python -m pytest --numprocesses=2 --dist=loadfile "$@"
