#!/usr/bin/env bash
# Holds a studio against its OpenAPI document: schemathesis, from Python, makes requests of it and checks every answer.
#
# usage: scripts/studio_schemathesis.sh PROGRAM [ARGUMENT...]
#
# PROGRAM is sfumato-studio; ARGUMENTs go to `schemathesis run`. Needs Python 3 and, the first time, a network.
set -euo pipefail
cd -P "$(dirname "${BASH_SOURCE[0]}")/.."
program=$1
shift
folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null; wait 2>/dev/null; rm -rf "$folder"' EXIT
[ -x .build/schemathesis/bin/schemathesis ] || {
  python3 -m venv .build/schemathesis
  .build/schemathesis/bin/pip install --quiet schemathesis
}
"$program" --port 0 --data "$folder/data" >"$folder/log" &
server=$!
for _ in $(seq 100); do
  grep -q 'http://' "$folder/log" && break
  sleep 0.1
done
address=$(sed -n 's/^the studio is at //p' "$folder/log")
# Jobs and the events of jobs take as long as they compute; 429 and 503 say that too much was asked for at once.
.build/schemathesis/bin/schemathesis run "$address/api/v1/openapi.json" --header 'X-Sfumato: 1' \
  --checks not_a_server_error,content_type_conformance,response_schema_conformance \
  --exclude-path-regex '/events$|/doctor$|/details$|/plans$|/recipes/check$' --exclude-operation-id post_jobs --rate-limit 40/s "$@"
