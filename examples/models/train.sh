#!/bin/sh
# Trains a model on a table of data/ and has it predict the rows that it was not shown:
#
#     sh examples/models/train.sh digits-mlp        also: digits-cnn, iris, cancer, diabetes
#     sh examples/models/train.sh digits-mlp 1      drawn from the seed 1 in place of 0
#
# NAME.model.json and NAME.job.json are what is sent.  PICTURE=file.svg draws the loss of every epoch.
# Needs curl, python3 (for JSON and CSV), and a server: `make run`, or another one whose address is in ADJOINT_URL.
set -eu
url=${ADJOINT_URL:-http://127.0.0.1:8000}
here=$(cd "$(dirname "$0")" && pwd)
name=${1:-}
seed=${2:-0}
[ -f "$here/$name.model.json" ] || { echo "There is no $name.model.json in examples/models." >&2; exit 2; }
data=${name%-*}

# The rows to train on.  The same rows again are the same dataset.
python3 "$here/table.py" csv "$data-train" |
    curl -s "$url/datasets?name=$data" -H 'content-type: text/csv' --data-binary @- | python3 "$here/told.py" id >/dev/null

# The model.  The same definition again is the same model.
model=$(python3 "$here/told.py" with seed="$seed" <"$here/$name.model.json" |
    curl -s "$url/models" -H 'content-type: application/json' --data @- | python3 "$here/told.py" id)

# The training: a job, whose events tell of every epoch, and in the end which version of the parameters it has made.
job=$(python3 "$here/told.py" with model="$model" <"$here/$name.job.json" |
    curl -s "$url/jobs" -H 'content-type: application/json' --data @- | python3 "$here/told.py" id)
version=$(curl -sN "$url/jobs/$job/events" | python3 "$here/told.py" events)
if [ -n "${PICTURE:-}" ]; then
    curl -s "$url/jobs/$job/history?limit=10000" | python3 "$here/draw.py" losses >"$PICTURE"
fi

# What it says of the rows that were kept apart.
python3 "$here/table.py" ask "$data-test" "$version" |
    curl -s "$url/models/$model/predict" -H 'content-type: application/json' --data @- |
    python3 "$here/table.py" score "$data-test"
