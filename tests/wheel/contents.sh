#!/usr/bin/env bash
# What a wheel holds, and what not.
#
#   tests/wheel/contents.sh PYTHON WHEEL...
set -euo pipefail
cd "$(dirname "$0")/../.."

python=$1
shift

# The libraries that a module asks for by name, where there is a program that tells.
libraries() {
    if command -v readelf >/dev/null; then
        readelf --dynamic --wide "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'
    elif command -v otool >/dev/null; then
        otool -L "$1" | sed -n '2,$s/^[[:space:]]*\(.*\) (.*/\1/p'
    fi
}

# Those of the C library and of the system, which is all that it may ask for.
SYSTEM='^(lib(c|m|dl|pthread|rt|gcc_s)\.so.*|ld-linux.*|libc\.musl-.*|/usr/lib/libSystem\..*|/System/Library/.*)$'

look_into() { # wheel, directory
    local wheel=$1 content=$2 modules file
    "$python" -m zipfile -e "$wheel" "$content"

    modules=$(cd "$content" && find . -name '*.so*' -o -name '*.pyd' -o -name '*.dylib' -o -name '*.dll')
    [[ $modules == ./OpenSSL/_rust.* && $modules != *$'\n'* ]] || fail "not one compiled module: $modules"
    if libraries "$content/$modules" | grep -vE "$SYSTEM"; then
        fail 'the module asks for these libraries'
    fi
    if command -v readelf >/dev/null && readelf --sections --wide "$content/$modules" | grep -F .debug_info; then
        fail 'the module has debug information'
    fi
    (($(wc -c <"$wheel") < 5000000)) || fail "$(wc -c <"$wheel") bytes are too many"

    for file in python/OpenSSL.py python/OpenSSL/*.py python/OpenSSL/py.typed python/OpenSSL/_rust.pyi; do
        cmp "$file" "$content/${file#python/}" || fail "$file is another one in the wheel, or missing"
    done
    for file in licenses/LICENSE licenses/licenses/{libmimalloc-sys,mimalloc,openssl-sys}.MIT.txt sboms/pyopenssl-rs.cyclonedx.json; do
        [[ -s $(echo "$content"/*.dist-info)/$file ]] || fail "$file is missing"
    done
    if grep '^Requires-Dist' "$content"/*.dist-info/METADATA | grep -v 'extra =='; then
        fail 'the wheel asks for other packages'
    fi
}

for wheel; do
    fail() {
        echo "*** $wheel: $*" >&2
        exit 1
    }
    content=$(mktemp -d)
    look_into "$wheel" "$content"
    rm -rf "$content"
    echo "$(basename "$wheel"): $(($(wc -c <"$wheel") / 1000)) kB, as it should be"
done
