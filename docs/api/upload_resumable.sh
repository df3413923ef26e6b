#!/bin/sh
# upload_resumable.sh RECORDING CASE_ID: two pieces, the second after asking how far the first came.
set -eu
uploads=$DFD_URL/api/v1/uploads/
tus() { curl -sS --fail-with-body -H "Authorization: Bearer $DFD_KEY" -H "Tus-Resumable: 1.0.0" "$@"; }
header() { tr -d '\r' | sed -n "s/^$1: //Ip"; }
text() { printf %s "$1" | base64 -w0; }

size=$(stat -c %s "$1")
half=$((size / 2))
where=$(tus -D - -o /dev/null -X POST "$uploads" -H "Upload-Length: $size" \
    -H "Upload-Metadata: case $(text "$2"),filename $(text "$(basename "$1")")" | header Location)

send() { # OFFSET, then the bytes on the input
    tus -D - -o /dev/null -X PATCH "$DFD_URL$where" -H "Upload-Offset: $1" \
        -H "Content-Type: application/offset+octet-stream" --data-binary @-
}
head -c "$half" "$1" | send 0 >/dev/null
offset=$(tus -I "$DFD_URL$where" | header Upload-Offset)
tail -c "+$((offset + 1))" "$1" | send "$offset" | header DFD-Exhibit
