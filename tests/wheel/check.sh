#!/usr/bin/env bash
# The way of a release, on every CPython of this machine: from the tree to the source distribution, from
# that to a wheel, from that to an environment where nothing else is, and there the fast tests.
#
#   tests/wheel/check.sh PYTHON [VERSION...]      PYTHON has maturin; versions such as 3.12 or 3.14t
#
# Interpreters are looked for on PATH and among pyenv's versions: one for each minor version from 3.9 on.
# OpenSSL is not compiled again: wheels come from the same target folder as everything else. (sdist.sh
# takes nothing from there.)
set -euo pipefail
cd "$(dirname "$0")/../.."

maturin=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
shift
wanted=" $* "
tree=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset PYO3_PYTHON
export PIP_DISABLE_PIP_VERSION_CHECK=1

fail() {
    echo "*** $*" >&2
    exit 1
}

# Print "version path" for each interpreter of use.
interpreters() {
    local candidate
    for candidate in $(compgen -c python3. | sort -u) "${PYENV_ROOT:-$HOME/.pyenv}"/versions/*/bin/python; do
        [[ $candidate == */* || $candidate =~ ^python3\.[0-9]+t?$ ]] || continue
        "$candidate" - 2>/dev/null <<'PYTHON' || true
import ensurepip, sys, sysconfig, venv
if sys.implementation.name == "cpython" and sys.version_info >= (3, 9) and sys.prefix == sys.base_prefix:
    flag = "t" if sysconfig.get_config_var("Py_GIL_DISABLED") else ""
    print("{}.{:02}{}".format(*sys.version_info[:2], flag), sys.executable)
PYTHON
    done | sort -u -k1,1
}

check() { # tag, interpreter
    local tag=$1 interpreter=$2 dir=$work/$1 wheel python
    mkdir "$dir"

    # Sources in a source distribution are older than whatever cargo has compiled.
    rm -rf target/release/.fingerprint/pyopenssl-rs-*
    "$interpreter" -m venv "$dir/builder"
    CARGO_TARGET_DIR=$tree/target "$dir/builder/bin/python" -m pip wheel --quiet --no-deps --wheel-dir "$dir" "$sdist"
    wheel=$(echo "$dir"/*.whl)
    tests/wheel/contents.sh "$maturin" "$wheel"

    "$interpreter" -m venv "$dir/venv"
    python=$dir/venv/bin/python
    "$python" -m pip install --quiet --no-index "$wheel"
    (cd "$dir" && "$python" -W error -c '
import sys, OpenSSL
from OpenSSL import SSL
assert OpenSSL.__file__.startswith(sys.prefix), OpenSSL.__file__
assert "cryptography" not in sys.modules
print(SSL.SSLeay_version(SSL.SSLEAY_VERSION).decode())') >"$dir/version"
    "$python" -W error examples/memory_bio.py >"$dir/output" || fail "$tag: examples/memory_bio.py"
    grep -q 'cleanly' "$dir/output" || fail "$tag: $(cat "$dir/output")"
    echo "$tag  $(cat "$dir/version")  $(basename "$wheel")"
    tests/wheel/fast.sh "$python"
    rm -rf "$dir"
}

"$maturin" -m maturin sdist --out "$work"
sdist=$(echo "$work"/*.tar.gz)
found=0
while read -r tag interpreter; do
    [[ -z ${wanted// /} || $wanted == *" ${tag/.0/.} "* ]] || continue
    check "$tag" "$interpreter" </dev/null
    found=$((found + 1))
done < <(interpreters)
((found)) || fail 'no CPython 3.9 or newer found'
echo "$found wheels built from the source distribution, installed, and tested"
