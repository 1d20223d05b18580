#!/bin/sh
# Runs the tests in two halves side by side, each with servers of its own: a machine has two cores.
# With arguments it is one pytest with these arguments.
set -u
python=.venv/bin/python
drills='tests/end_to_end tests/replay tests/simulation'

[ $# -eq 0 ] || exec "$python" -m pytest "$@"

output=$(mktemp)
trap 'rm -f "$output"' EXIT
# shellcheck disable=SC2086  # the folders are words of their own
"$python" -m pytest $drills >"$output" 2>&1 &
drilling=$!
"$python" -m pytest tests $(for folder in $drills; do printf -- '--ignore=%s ' "$folder"; done)
rest=$?
wait "$drilling"
drilled=$?
printf '\n── pytest %s\n' "$drills"
cat "$output"
[ "$rest" -eq 0 ] && [ "$drilled" -eq 0 ]
