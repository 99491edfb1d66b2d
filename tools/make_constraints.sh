#!/usr/bin/env bash
# Lists the exact versions that a fresh install of the server takes now: constraints.txt.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=$(mktemp -d)
trap 'rm -rf "$venv"' EXIT
"${PYTHON:-python3}" -m venv "$venv"
"$venv/bin/python" -m pip install -q --disable-pip-version-check '.[server,postgres,otel,report,ray,batch]'
{
  echo "# Versions that the tests ran with; made by 'make constraints'. pip install -c constraints.txt 'jointtrack[server]'"
  "$venv/bin/python" -m pip freeze --exclude jointtrack --exclude pip --exclude setuptools
} >constraints.txt
