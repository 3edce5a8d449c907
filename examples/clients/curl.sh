#!/bin/sh
# Is a gradient written by hand right?  With nothing but a shell and curl.
#
#   sh curl.sh [http://host:port]        or ADJOINT_URL=http://host:port sh curl.sh
set -eu
export LC_ALL=C # awk writes 0.5, not 0,5

url=${1:-${ADJOINT_URL:-http://127.0.0.1:8000}}
expr='x^2*sin(y) + exp(-x*y)'
at='{"x": 3, "y": 0.5}'

# The same function and its gradient by hand; the wrong one forgets the inner derivative -x in one component.
gradient='
function right_x(x, y) { return 2*x*sin(y) - y*exp(-x*y) }
function right_y(x, y) { return x*x*cos(y) - x*exp(-x*y) }
function wrong_y(x, y) { return x*x*cos(y) + exp(-x*y) }'
evaluate() { awk "$gradient BEGIN { printf \"%.17g\", $1 }"; }

# The answer to a question goes to $answer; a refusal is told and ends the script.
post() {
    answer=$(curl -sS "$url$1" -H 'content-type: application/json' -d "$2" -w '\n%{http_code}') || exit 1
    case $answer in
        *'
2'??) return ;;
        *'"title":'*) printf '%s: %s\n' "$(field title)" "$(field detail)" >&2 ;;
        *) printf 'unexpected answer: %s\n' "$answer" >&2 ;;
    esac
    case $answer in *'"hint":'*) printf 'hint: %s\n' "$(field hint)" >&2 ;; esac
    exit 1
}

# The first string, number or array of numbers of this name in the answer.  A quoted name followed by a colon
# is never part of a string: there the quotes have backslashes.
field() {
    printf '%s\n' "${answer#*"\"$1\":"}" | sed -nE '1{
        s/^"(([^"\\]|\\.)*)".*/\1/
        s/^([-+.0-9eE]+)[,}].*/\1/
        s/\\(["\\\/])/\1/g
        p
    }'
}

post /grad "{\"expr\": \"$expr\", \"at\": $at}"
echo "value     $(field value)"
echo "gradient  x $(field x), y $(field y)"

check() {
    post /check "{\"expr\": \"$expr\", \"at\": $at, \"claimed\": {\"grad\": {\"x\": $2, \"y\": $3}}}"
    echo "$1 $(field verdict)"
    case $answer in *'"diagnosis":[{'*)
        answer=${answer#*'"diagnosis":'}
        echo "          $(field kind): $(field detail)"
        ;;
    esac
}

x=$(evaluate 'right_x(3, 0.5)')
check 'by hand  ' "$x" "$(evaluate 'right_y(3, 0.5)')"
check 'mistaken ' "$x" "$(evaluate 'wrong_y(3, 0.5)')"
