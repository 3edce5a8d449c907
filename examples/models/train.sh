#!/bin/sh
# Trains a model on a table of data/ and lets it predict the rows that it was not shown:
#
#     sh train.sh digits-mlp        also: digits-cnn, iris, cancer, diabetes
#     sh train.sh digits-mlp 1      begun with another seed than 0
#
# NAME.model.json and NAME.job.json are what is sent.  PICTURE=file.svg draws the losses of all epochs.
# Needs curl, gunzip, python3 (for JSON), and a server: `make run`, or another one whose address is in ADJOINT_URL.
set -eu
url=${ADJOINT_URL:-http://127.0.0.1:8000}
cd "$(dirname "$0")"
name=${1:-}
[ -f "$name.model.json" ] || { echo "There is no $name.model.json in examples/models." >&2; exit 2; }

# One field of an answer; an answer without it is a refusal, and is shown.
field='
import json, sys
answer = json.load(sys.stdin)
print(answer[sys.argv[1]]) if sys.argv[1] in answer else sys.exit(json.dumps(answer, indent=1))'
seeded='
import json, sys
print(json.dumps({**json.load(open(sys.argv[1])), "seed": int(sys.argv[2])}))'
posted='
import json, sys
print(json.dumps({**json.load(open(sys.argv[1])), "model": sys.argv[2]}))'

# 1. The rows to train on.  The same rows again are the same dataset.
data=$(python3 -c "$field" data < "$name.job.json" | sed "s/.*'dataset': '\([a-z]*\)'.*/\1/")
rows() { if [ -f "data/$1.csv.gz" ]; then gunzip -c "data/$1.csv.gz"; else cat "data/$1.csv"; fi; }
rows "$data-train" | curl -s "$url/datasets?name=$data" -H 'content-type: text/csv' --data-binary @- |
    python3 -c "$field" id > /dev/null

# 2. The model.  The same definition again is the same model.
model=$(python3 -c "$seeded" "$name.model.json" "${2:-0}" |
    curl -s "$url/models" -H 'content-type: application/json' --data @- | python3 -c "$field" id)

# 3. The training, for whose end the request waits, up to a minute; then it is asked for.
job=$(python3 -c "$posted" "$name.job.json" "$model" |
    curl -s "$url/jobs" -H 'content-type: application/json' -H 'prefer: wait=60' --data @- | python3 -c "$field" id)
state=running
while [ "$state" = running ] || [ "$state" = queued ]; do
    state=$(curl -s "$url/jobs/$job" -H 'prefer: wait=60' | python3 -c "$field" state)
done

# 4. What it has found.
version=$(curl -s "$url/jobs/$job" | python3 -c '
import json, sys
job = json.load(sys.stdin)
result = job["result"] or sys.exit(json.dumps(job["error"] or job["state"], indent=1))
print("epoch %d of %d steps: %s" % (result["epoch"], result["step"], json.dumps(result["scores"])), file=sys.stderr)
print(result["version"])')
[ -z "${PICTURE:-}" ] || curl -s "$url/jobs/$job/history?limit=10000" | python3 draw.py losses "$name" > "$PICTURE"

# 5. Predictions for the rows that were kept apart, and how good they are.
asked='
import csv, json, sys
rows = list(csv.reader(sys.stdin))[1:]
body = {"x": [[float(cell) for cell in row[:-1]] for row in rows], "version": int(sys.argv[1])}
print(json.dumps(body if sys.argv[2] == "diabetes" else {**body, "probabilities": True}))'
rows "$data-test" | python3 -c "$asked" "$version" "$data" |
    curl -s "$url/models/$model/predict" -H 'content-type: application/json' --data @- > "${TMPDIR:-/tmp}/predicted.$$"
rows "$data-test" | python3 -c '
import csv, json, sys
answer = json.load(open(sys.argv[1]))
true = [float(row[-1]) for row in csv.reader(sys.stdin) if row[-1][0].isdigit()]
flat = lambda found: [one[0] if isinstance(one, list) and len(one) == 1 else one for one in found]
if "class" in answer:
    right = sum(a == b for a, b in zip(flat(answer["class"]), true))
    print("test accuracy %.4f: %d of %d" % (right / len(true), right, len(true)))
    sure = flat(answer["probabilities"])
    if not isinstance(sure[0], list):
        pairs = [(a, b) for a, yes in zip(sure, true) if yes for b, no in zip(sure, true) if not no]
        print("test AUC %.4f" % (sum((a > b) + (a == b) / 2 for a, b in pairs) / len(pairs)))
else:
    found, mean = flat(answer["prediction"]), sum(true) / len(true)
    missed = sum((a - b) ** 2 for a, b in zip(found, true))
    print("test R2 %.4f" % (1 - missed / sum((b - mean) ** 2 for b in true)))
    print("test mean error %.1f" % (sum(abs(a - b) for a, b in zip(found, true)) / len(true)))' "${TMPDIR:-/tmp}/predicted.$$"
rm "${TMPDIR:-/tmp}/predicted.$$"
