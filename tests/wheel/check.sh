#!/usr/bin/env bash
# Build a wheel for each CPython found, look into it, install it where nothing else is, and use it.
#
#   tests/wheel/check.sh PYTHON        PYTHON is one that has maturin
#
# Interpreters are looked for on PATH and among pyenv's versions: one for each minor version from 3.9
# on. OpenSSL is not compiled again: the wheels come from the same target folder as everything else.
set -euo pipefail
cd "$(dirname "$0")/../.."

maturin=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset PYO3_PYTHON

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

# What the module is linked to, one library a line.
libraries() {
    if command -v ldd >/dev/null; then ldd "$1"; else otool -L "$1"; fi
}

check() { # tag, interpreter
    local tag=$1 interpreter=$2 dir=$work/$1 wheel modules python
    mkdir "$dir"
    "$maturin" -m maturin build --quiet --release --locked --interpreter "$interpreter" --out "$dir"
    wheel=$(echo "$dir"/*.whl)

    "$maturin" -m zipfile -e "$wheel" "$dir/content"
    modules=$(cd "$dir/content" && find . -name '*.so*' -o -name '*.pyd' -o -name '*.dylib' -o -name '*.dll')
    [[ $modules == ./OpenSSL/_rust.* && $modules != *$'\n'* ]] ||
        fail "$tag: not one compiled module: $modules"
    if libraries "$dir/content/$modules" | grep -E 'lib(ssl|crypto)'; then
        fail "$tag: the module needs an OpenSSL of the system"
    fi
    for file in OpenSSL/py.typed OpenSSL/_rust.pyi OpenSSL/SSL.py; do
        [[ -f $dir/content/$file ]] || fail "$tag: no $file in the wheel"
    done
    if grep '^Requires-Dist' "$dir"/content/*.dist-info/METADATA | grep -v 'extra =='; then
        fail "$tag: the wheel asks for other packages"
    fi

    "$interpreter" -m venv "$dir/venv"
    python=$dir/venv/bin/python
    "$python" -m pip install --quiet --no-index --disable-pip-version-check "$wheel"
    (cd "$dir" && "$python" -W error -c '
import sys, OpenSSL
from OpenSSL import SSL
assert OpenSSL.__file__.startswith(sys.prefix), OpenSSL.__file__
assert "cryptography" not in sys.modules
print(SSL.SSLeay_version(SSL.SSLEAY_VERSION).decode())') >"$dir/version"
    "$python" -W error examples/memory_bio.py >"$dir/output" || fail "$tag: examples/memory_bio.py"
    grep -q 'cleanly' "$dir/output" || fail "$tag: $(cat "$dir/output")"
    echo "$tag  $(cat "$dir/version")  $(basename "$wheel"), $(du -h "$wheel" | cut -f1)"
}

found=0
while read -r tag interpreter; do
    check "$tag" "$interpreter" </dev/null
    found=$((found + 1))
done < <(interpreters)
((found)) || fail 'no CPython 3.9 or newer found'
echo "$found wheels built, installed and used"
