#!/usr/bin/env bash
# From four tools' exports to a board, without writing code: Kafka, Redis and all processes run on this machine.
#   ./run.sh            shows the board until Ctrl-C
#   ./run.sh --once     prints the accounts and ends
set -euo pipefail
cd "$(dirname "$0")"
exports=$(mktemp -d)
trap 'kill "$up" 2>/dev/null; wait "$up" 2>/dev/null; rm -rf "$exports"' EXIT

python make_exports.py "$exports"
heartline up --embedded --data-dir "$exports/data" >"$exports/up.log" 2>&1 &
up=$!
until grep -q 'everything runs' "$exports/up.log"; do kill -0 "$up" || { cat "$exports/up.log"; exit 1; }; sleep 0.5; done

heartline import \
  segment="$exports/segment.jsonl" zendesk="$exports/zendesk.json" \
  delighted="$exports/delighted.csv" stripe="$exports/stripe.csv" --aliases "$exports/aliases.csv"

if [ "${1:-}" = --once ]; then
  until heartline top --once >"$exports/top.txt" && grep -q ' 25 accounts' "$exports/top.txt" && grep -q 'worker lag 0' "$exports/top.txt"; do sleep 1; done
  cat "$exports/top.txt"
else
  grep -o 'everything runs.*' "$exports/up.log"
  wait "$up"
fi
