#!/bin/sh
# Fits the certified regressions of examples/regression/nist from both of their starts, and prints how many digits of the
# worst parameter agree with the certificate, of which 11 are known. With names, only those: nist.sh boxbod mgh17
#
# Needs curl, python3 (for JSON), and a server: `make run`, or another one whose address is in ADJOINT_URL.
set -eu
url=${ADJOINT_URL:-http://localhost:8000}
folder=$(cd "$(dirname "$0")/../regression/nist" && pwd)
[ $# -gt 0 ] || set -- $(ls "$folder" | sed -n 's/\.json$//p')

# The file and the number of a start become the body of a job.
body='
import json, sys
known = json.load(open(sys.argv[1]))
start = known["starts"][int(sys.argv[2])]
print(json.dumps({"expr": known["expr"], "data": known["data"], "start": start}))'

# The finished job becomes a row of the table.
row='
import json, math, sys
known, number, job = json.load(open(sys.argv[1])), int(sys.argv[2]), json.load(sys.stdin)
if job.get("state") != "succeeded":
    sys.exit(json.dumps(job.get("error") or job, indent=1))
found, certified = job["result"]["variables"], known["certified"]["parameters"]
error = max(abs(found[name] - value) / abs(value) for name, value in certified.items())
digits = min(11, -math.log10(error)) if error else 11
start = "first" if number == 0 else "second"
method, steps, value = job["method"]["name"], job["result"]["steps"], job["result"]["value"]
print("| %s | %s | %s | %d | %.11g | %.1f |" % (known["name"], start, method, steps, value, digits))'

echo "| problem | start | method | steps | sum of squares | right digits |"
echo "| --- | --- | --- | --- | --- | --- |"
for name; do
    [ -f "$folder/$name.json" ] || { echo "There is no $name.json in examples/regression/nist." >&2; exit 2; }
    for start in 0 1; do
        python3 -c "$body" "$folder/$name.json" "$start" |
            curl -s "$url/jobs" -H 'content-type: application/json' -H 'prefer: wait=30' --data @- |
            python3 -c "$row" "$folder/$name.json" "$start"
    done
done
