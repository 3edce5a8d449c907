#!/bin/sh
# Tells two moons apart, and draws where the border between them was found: PICTURE=moons.svg sh examples/models/moons.sh
# With a number, drawn from that seed in place of 0.
#
# The points are in the request: nothing is uploaded.  Needs curl, python3 and a server, whose address is in ADJOINT_URL.
set -eu
url=${ADJOINT_URL:-http://127.0.0.1:8000}
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT

model=$(python3 "$here/told.py" with seed="${1:-0}" <<'END' |
{
  "input": {"shape": [2]},
  "layers": [
    {"type": "dense", "units": 16, "activation": "tanh"},
    {"type": "dense", "units": 16, "activation": "tanh"},
    {"type": "dense", "units": 1}
  ],
  "target": {"shape": [1]},
  "loss": "bce"
}
END
    curl -s "$url/models" -H 'content-type: application/json' --data @- | python3 "$here/told.py" id)

python3 "$here/moons.py" train >"$folder/points.json"
cat >"$folder/job.json" <<END
{
  "model": "$model",
  "data": $(cat "$folder/points.json"),
  "validation": 0.2,
  "epochs": 100,
  "batch_size": 32,
  "method": {"name": "adam", "lr": 0.01}
}
END
# The answer waits for the end of the training, for at most half a minute.
curl -s "$url/jobs" -H 'content-type: application/json' -H 'prefer: wait=30' --data @"$folder/job.json" |
    python3 "$here/told.py" state

predict() { curl -s "$url/models/$model/predict" -H 'content-type: application/json' --data @-; }
python3 "$here/moons.py" ask | predict | python3 "$here/moons.py" score
if [ -n "${PICTURE:-}" ]; then
    python3 "$here/moons.py" grid | predict | python3 "$here/draw.py" plane "$folder/points.json" >"$PICTURE"
fi
