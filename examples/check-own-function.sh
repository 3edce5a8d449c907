#!/bin/sh
# A function that never leaves this machine, computed by awk, and a gradient for it written by hand: is it right?
#
#   sh examples/check-own-function.sh                    the right gradient, and then one with a mistake
#   URL=http://host:8000 sh examples/check-own-function.sh
set -eu
URL=${URL:-http://localhost:8000}

post() { curl -sS "$URL$1" -H 'content-type: application/json' -d "$2"; }

# f(x, y) = x² sin(y), one point per line in, one value per line out, with all the digits that a float64 has.
evaluate() { awk -F, '{ printf "%.17g\n", $1 * $1 * sin($2) }'; }

answer=$(post /check/plan '{"x": [3, 0.5]}')
plan=$(printf '%s' "$answer" | sed 's/^{"plan":\(.*\),"points":.*$/\1/')
values=$(printf '%s' "$answer" | sed 's/^.*"points":\[\[\(.*\)\]\],"count".*$/\1/; s/\],\[/\n/g' | evaluate | paste -sd, -)

judge() {
    post /check/verdict "{\"plan\": $plan, \"values\": [$values], \"claimed\": {\"grad\": [$1]}}" |
        sed 's/^{"verdict":"\([^"]*\)","message":"\([^"]*\)".*$/\1: \2/'
    echo
}

judge "$(awk 'BEGIN { x = 3; y = 0.5; printf "%.17g, %.17g", 2 * x * sin(y), x * x * cos(y) }')"
judge "$(awk 'BEGIN { x = 3; y = 0.5; printf "%.17g, %.17g", 2 * x * sin(y), -x * x * cos(y) }')"
