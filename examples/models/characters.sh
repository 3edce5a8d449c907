#!/bin/sh
# Learns some of Shakespeare's sonnets character by character, and writes lines that are not in them.
# With a number, drawn from that seed in place of 0.  PICTURE=file.svg draws the loss of every epoch.
#
# Needs curl, python3 and a server: `make run`, or another one whose address is in ADJOINT_URL.
set -eu
url=${ADJOINT_URL:-http://127.0.0.1:8000}
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
json='content-type: application/json'

model=$(python3 "$here/characters.py" model "${1:-0}" |
    curl -s "$url/models" -H "$json" --data @- | python3 "$here/told.py" id)
job=$(python3 "$here/characters.py" job "$model" |
    curl -s "$url/jobs" -H "$json" --data @- | python3 "$here/told.py" id)
curl -sN "$url/jobs/$job/events" | python3 "$here/told.py" events >/dev/null
if [ -n "${PICTURE:-}" ]; then
    curl -s "$url/jobs/$job/history?limit=10000" | python3 "$here/draw.py" losses >"$PICTURE"
fi

# One character after another: what the model says of the next one, and one of them drawn.
body=$(python3 "$here/characters.py" ask "$folder/drawn.json")
i=0
while [ $i -lt "${CHARACTERS:-80}" ]; do
    body=$(curl -s "$url/models/$model/predict" -H "$json" --data "$body" |
        python3 "$here/characters.py" add "$folder/drawn.json")
    i=$((i + 1))
done
python3 "$here/characters.py" show "$folder/drawn.json"
