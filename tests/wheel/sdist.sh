#!/usr/bin/env bash
# Build the source distribution, and a wheel from nothing but that, the crates in its Cargo.lock and the
# Python packages in its pyproject.toml. Those are fetched first; then there is no network any more, where
# the system can take it away. Compiles OpenSSL.
#
#   tests/wheel/sdist.sh PYTHON        PYTHON is one that has maturin
set -euo pipefail
cd "$(dirname "$0")/../.."

python=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
examples=$PWD/examples
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset PYO3_PYTHON CARGO_TARGET_DIR
export PIP_DISABLE_PIP_VERSION_CHECK=1

"$python" -m maturin sdist --out "$work"
cd "$work"
sdist=$(echo ./*.tar.gz)
content=$(tar -tf "$sdist")
for file in Cargo.lock LICENSE README.md licenses/{libmimalloc-sys,mimalloc,openssl-sys}.MIT.txt \
    python/OpenSSL.py python/OpenSSL/py.typed src/lib.rs vendor/openssl-src/{Cargo.toml,src/lib.rs}; do
    grep -q "^[^/]*/$file\$" <<<"$content" || {
        echo "*** $sdist lacks $file" >&2
        exit 1
    }
done
if grep -E '(^[^/]*/(target|dist|\.venv[^/]*|\.cargo)/|\.so$|\.pyc$|\.pem$)' <<<"$content" | grep -v '/tests/compat/data/'; then
    echo "*** $sdist holds what is made, and not written" >&2
    exit 1
fi

# Everything that it declares.
mkdir declared source
tar -xf "$sdist" -C source --strip-components 1
(cd source && cargo fetch --quiet --locked)
requires=$(sed -n 's/^requires = \["\(.*\)"\]$/\1/p' source/pyproject.toml)
"$python" -m pip download --quiet --dest declared "$requires"

offline=(unshare --net --map-root-user)
"${offline[@]}" true 2>/dev/null || {
    echo '*** The network stays: this system does not let it be taken away (unshare --net).'
    offline=(env)
}
CARGO_NET_OFFLINE=true "${offline[@]}" \
    "$python" -m pip wheel --quiet --no-deps --no-index --find-links declared --wheel-dir wheels "$sdist"

"$python" -m venv --without-pip venv
"$python" -m pip --python venv/bin/python install --quiet --no-index wheels/*.whl
venv/bin/python -W error "$examples/memory_bio.py"
echo "$(basename "$sdist") holds what it needs: $(basename wheels/*.whl) was built from it and used"
