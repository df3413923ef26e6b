#!/bin/sh
# analyse.sh RECORDING: case, upload, analysis, finding. DFD_URL and DFD_KEY say where and as whom.
set -eu
api=$DFD_URL/api/v1
call() { curl -sS --fail-with-body -H "Authorization: Bearer $DFD_KEY" "$@"; }
field() { python3 -c "import json, sys; print(json.load(sys.stdin)['$1'])"; }

case=$(call -H "Idempotency-Key: case-$$-$(date +%s)" --json '{"title": "From a script"}' "$api/cases" | field id)
sha256=$(sha256sum "$1" | cut -d' ' -f1)
exhibit=$(call -F "file=@$1" -F "sha256=$sha256" "$api/cases/$case/evidence" | field id)
analysis=$(call --json "{\"exhibit\": \"$exhibit\"}" "$api/analyses" | field id)

while :; do
    status=$(call "$api/analyses/$analysis?fields=status" | field status)
    case $status in complete) break ;; failed | cancelled) echo "$status" >&2; exit 1 ;; esac
    sleep 1
done
call "$api/analyses/$analysis/finding?fields=verdict,probability,log10_lr"
