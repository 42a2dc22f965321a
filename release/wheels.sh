#!/usr/bin/env bash
# Build release wheels, one for each interpreter, and look into each.
#
#   release/wheels.sh MATURIN DIRECTORY INTERPRETER...
#
# MATURIN is a Python that has maturin. On Linux the tag of a wheel comes from the C library that it was
# linked to: release wheels are built in a container of PyPA, by release/linux.sh.
set -euo pipefail
cd "$(dirname "$0")/.."

maturin=$1
directory=$2
shift 2

mkdir -p "$directory"
bill=$directory/openssl.cdx.json
"$maturin" release/openssl_sbom.py "$bill"
for interpreter; do
    built=$(mktemp -d)
    PYO3_PYTHON=$interpreter "$maturin" -m maturin build --release --locked \
        --interpreter "$interpreter" --sbom-include "$bill" --out "$built"
    tests/wheel/contents.sh "$maturin" "$built"/*.whl
    mv "$built"/*.whl "$directory"
    rmdir "$built"
done
rm "$bill"
