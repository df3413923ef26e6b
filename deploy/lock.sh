#!/bin/sh
# Compile requirements*.in to pinned requirements*.txt. No index address is written: the machine
# that installs uses its own.
set -eu
cd "$(dirname "$0")/.."
for name in requirements requirements-dev; do
    .venv/bin/pip-compile --quiet --strip-extras --allow-unsafe --resolver=backtracking \
        --no-emit-index-url --no-emit-trusted-host --no-emit-find-links \
        --no-header --output-file "$name.txt" "$name.in" "$@"
done
