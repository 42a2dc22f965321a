#!/usr/bin/env bash
# The fast tests against the package that is installed for an interpreter, where this tree is not.
#
#   tests/wheel/fast.sh PYTHON [ARGUMENT...]      PYTHON has the wheel; arguments are for pytest
#
# Left out is what compares with pyOpenSSL, which is not there, what talks to other programs, and what
# looks for leaks for half a minute.
set -euo pipefail
python=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
shift
cd "$(dirname "$0")/../.."

place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
# All that tests look at, but not the package and what it is made of.
cp -r benches docs examples fuzz release shim tests "$place"
cp pyproject.toml Cargo.toml Cargo.lock Makefile LICENSE .pre-commit-config.yaml ./*.md "$place"
rm -rf "$place/docs/_build" "$place/fuzz/target"
cd "$place"

"$python" -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
"$python" -m pip install --quiet --disable-pip-version-check --group pyproject.toml:test
"$python" -c '
import sys, OpenSSL
print("Testing", OpenSSL.__file__, "with", sys.version.split()[0])
assert OpenSSL.__file__.startswith(sys.prefix)'
"$python" -m pytest --quiet --no-header -p no:cacheprovider tests \
    --ignore tests/compat --ignore tests/interop --ignore tests/test_leaks.py "$@"
