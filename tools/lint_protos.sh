#!/usr/bin/env bash
# buf's STANDARD rules, offline: google/rpc/status.proto is staged from the installed package.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=$PWD/.venv/bin
staged=$(mktemp -d)
trap 'rm -rf "$staged"' EXIT
cp -r protos/. "$staged/"
mkdir -p "$staged/google/rpc"
site=$("$bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
cp "$site/google/rpc/status.proto" "$staged/google/rpc/"
cp buf.yaml "$staged/"
"$bin/buf" lint "$staged" --path "$staged/jointtrack" && echo "The contract passes buf's STANDARD rules."
