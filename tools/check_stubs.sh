#!/usr/bin/env bash
# Fails if the checked-in stubs differ from what protos/ generates.
set -euo pipefail
cd "$(dirname "$0")/.."
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
tools/generate_stubs.sh "$fresh"
if ! diff -r -x __pycache__ "$fresh/jointtrack/v1" client/jointtrack/v1; then
  echo "client/jointtrack/v1 is not what protos/ generates: run 'make proto' and commit." >&2
  exit 1
fi
echo "The stubs are up to date."
