#!/bin/sh
# The checks that need no running platform.
set -eu
cd "$(dirname "$0")/.."
bin=.venv/bin
# The settings create keys on first use; here they go to a folder that is thrown away.
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export DFD_ENV_FILE= DFD_DATA_DIR="$scratch"

$bin/ruff format --check .
$bin/ruff check .
$bin/lint-imports
$bin/python manage.py makemigrations --check --dry-run
$bin/mypy
