#!/usr/bin/env bash
# Build the source distribution, and a wheel from nothing but that, as pip does. Compiles OpenSSL.
#
#   tests/wheel/sdist.sh PYTHON        PYTHON is one that has maturin
set -euo pipefail
cd "$(dirname "$0")/../.."

python=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
examples=$PWD/examples
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset PYO3_PYTHON CARGO_TARGET_DIR

"$python" -m maturin sdist --out "$work"
cd "$work"
sdist=$(echo ./*.tar.gz)
content=$(tar -tf "$sdist")
for file in Cargo.lock LICENSE README.md python/OpenSSL/py.typed src/lib.rs vendor/openssl-src/{Cargo.toml,src/lib.rs}; do
    grep -q "^[^/]*/$file\$" <<<"$content" || {
        echo "*** $sdist lacks $file" >&2
        exit 1
    }
done

"$python" -m pip wheel --quiet --no-deps --wheel-dir wheels "$sdist"
"$python" -m venv --without-pip venv
"$python" -m pip --python venv/bin/python install --quiet --no-index wheels/*.whl
venv/bin/python -W error "$examples/memory_bio.py"
echo "$(basename "$sdist") holds what it needs: $(basename wheels/*.whl) was built from it and used"
