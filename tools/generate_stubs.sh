#!/usr/bin/env bash
# Generates client/jointtrack/v1 from protos/ (or into the folder given as $1).
# grpcio-tools is pinned to 1.62.3 on purpose: its stubs run on every protobuf from 4.25 to 7.x,
# while newer generators demand a protobuf as new as themselves. It needs Python 3.11 or 3.12 and
# setuptools < 81, hence a virtual environment of its own.
set -euo pipefail
cd "$(dirname "$0")/.."
out=$(realpath -m "${1:-client}")
venv=.proto-venv

if [ ! -x $venv/bin/protoc-gen-mypy ]; then
  python=
  for candidate in python3.12 python3.11 python3; do
    if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null; then
      python=$candidate
      break
    fi
  done
  test -n "$python" || { echo "Generating stubs needs Python 3.11 or 3.12." >&2; exit 1; }
  "$python" -m venv $venv
  $venv/bin/pip install -q --disable-pip-version-check \
    grpcio-tools==1.62.3 mypy-protobuf==3.6.0 'setuptools<81'
fi

mkdir -p "$out"
PATH="$PWD/$venv/bin:$PATH" $venv/bin/python -W ignore -m grpc_tools.protoc \
  -I protos \
  --python_out="$out" --grpc_python_out="$out" --mypy_out="quiet:$out" --mypy_grpc_out="quiet:$out" \
  protos/jointtrack/v1/*.proto
rm -f "$out"/jointtrack/v1/{image,joint,measurement,pose,summary}_pb2_grpc.py{,i}
