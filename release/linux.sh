#!/usr/bin/env bash
# Build release wheels for Linux. This runs in a container of PyPA, whose old C library makes wheels that
# run on every newer one:
#
#   docker run --rm --volume "$PWD:/tree" --workdir /tree \
#       quay.io/pypa/manylinux_2_28_x86_64 release/linux.sh dist cp39-cp39 cp314-cp314t
#
# and likewise in musllinux_1_2, and with aarch64 in the place of x86_64.
set -euo pipefail
cd "$(dirname "$0")/.."

directory=$1
shift

# What OpenSSL's build asks for: perl with its modules, and the headers of kernel TLS.
if command -v apk >/dev/null; then
    apk add --no-cache linux-headers perl
else
    dnf install --assumeyes --quiet kernel-headers perl-core
fi
curl --proto '=https' --tlsv1.2 --silent --show-error --fail https://sh.rustup.rs |
    sh -s -- -y --quiet --profile minimal --default-toolchain "${RUST_VERSION:-stable}"
export PATH="$HOME/.cargo/bin:$PATH"

tools=$(mktemp -d)
/opt/python/cp313-cp313/bin/python -m venv "$tools"
"$tools/bin/python" -m pip install --quiet 'pip>=25.1'
"$tools/bin/python" -m pip install --quiet --group build

interpreters=()
for tag; do
    interpreters+=("/opt/python/$tag/bin/python")
done
# The tree belongs to somebody else outside of the container; what is compiled stays inside.
git config --global --add safe.directory "$PWD"
CARGO_TARGET_DIR=/tmp/target release/wheels.sh "$tools/bin/python" "$directory" "${interpreters[@]}"
