#!/usr/bin/env bash
# The tests once more, watched by a sanitizer or by valgrind; OpenSSL and, for threads, Rust's own
# library are compiled with the sanitizer, too.
#
#   tests/sanitize/run.sh thread SECONDS           ThreadSanitizer: the core's tests and its stress
#   tests/sanitize/run.sh address PYTHON [pytest…] AddressSanitizer: the Python tests, or these
#   tests/sanitize/run.sh memory                   valgrind: errors, and a balance of all blocks
#
# The first two need a nightly Rust, and `thread` its sources: rustup component add rust-src.
set -euo pipefail
cd "$(dirname "$0")/../.."

root=$PWD
target=$(rustc -vV | sed -n 's/^host: //p')

# Runs cargo with a sanitizer, in a target folder of its own.
sanitized() { # sanitizer, cargo's command, its arguments…
    local sanitizer=$1 command=$2
    shift 2
    env "CC_${target//-/_}=cc" "CFLAGS_${target//-/_}=-fsanitize=$sanitizer" \
        RUSTFLAGS="-Zsanitizer=$sanitizer" CARGO_PROFILE_RELEASE_DEBUG=line-tables-only \
        CARGO_TARGET_DIR="$root/target/sanitize/$sanitizer" \
        cargo +nightly "$command" --target "$target" --release --locked "$@"
}

thread() {
    local seconds=${1:-60}
    # The standard library is instrumented, too (-Zbuild-std): what is ordered by its channels and
    # locks would look like a race otherwise.
    local test=(test -Zbuild-std --features testing)
    export TSAN_OPTIONS="suppressions=$root/tests/sanitize/thread.supp history_size=7 exitcode=66"
    # The sanitizer does not go on with threads in the child of a fork.
    sanitized thread "${test[@]}" --lib -- --skip a_fork_leaves_nobody_waiting
    # The sanitizer's own memory is too large to be searched for secrets.
    sanitized thread "${test[@]}" --test core -- --skip secrets
    STRESS_SECONDS=$seconds sanitized thread "${test[@]}" --test stress -- --nocapture --test-threads=1
}

address() {
    local python=$1
    shift
    local package=$root/target/sanitize/address/package runtime=$root/target/sanitize/address/runtime.so
    PYO3_PYTHON=$python PYO3_BUILD_EXTENSION_MODULE=1 \
        sanitized address build --lib --features python

    # The package as it is in python/OpenSSL, with the instrumented extension in place of the other.
    rm -rf "$package"
    mkdir -p "$package/OpenSSL"
    cp python/OpenSSL/*.py python/OpenSSL/*.pyi python/OpenSSL/py.typed "$package/OpenSSL"
    cp "target/sanitize/address/$target/release/libopenssl_rust.so" \
        "$package/OpenSSL/_rust$("$python" -c 'import sysconfig; print(sysconfig.get_config_var("EXT_SUFFIX"))')"

    # Python is not instrumented: Rust's run-time library of the sanitizer has to be there before it.
    # What starts it before all else in a program has no place in a shared library.
    local archive=$root/target/sanitize/address/runtime.a
    cp "$(rustc +nightly --print target-libdir)/librustc-nightly_rt.asan.a" "$archive"
    ar d "$archive" asan_preinit.cpp.o
    cc -shared -o "$runtime" -Wl,--whole-archive "$archive" -Wl,--no-whole-archive \
        -lpthread -ldl -lrt -lm

    # Of no use here: the sanitizer keeps what is freed, the package is in another place than its
    # distribution, and PYTHONPATH would give pyOpenSSL's interpreter this package, too.
    local beside=(--ignore tests/test_leaks.py --ignore tests/test_installation.py
        --ignore tests/compat/test_peers.py)
    # Leaks are valgrind's business: Python itself leaves much behind. Its small blocks come from
    # malloc here, so that they are watched.
    env LD_PRELOAD="$runtime" ASAN_OPTIONS=detect_leaks=0:abort_on_error=1:detect_stack_use_after_return=0 \
        PYTHONMALLOC=malloc PYTHONPATH="$package" \
        "$python" -m pytest -p no:cacheprovider --timeout 900 "${beside[@]}" "$@"
}

memory() {
    local binary rounds log used=()
    binary=$(cargo test --release --locked --features testing --test balance --no-run 2>&1 |
        sed -n 's/.*Executable.*(\(.*\))/\1/p')
    for rounds in 2 6; do
        log=target/sanitize/balance-$rounds.log
        mkdir -p target/sanitize
        BALANCE_ROUNDS=$rounds valgrind --leak-check=full --show-leak-kinds=definite,indirect \
            --errors-for-leak-kinds=definite,indirect --error-exitcode=66 "$binary" --nocapture \
            >"$log" 2>&1 || { cat "$log"; exit 1; }
        grep -h ' rounds, ' "$log"
        used+=("$(sed -n 's/.*in use at exit: //p' "$log")")
        echo "in use at exit: ${used[-1]}"
    done
    if [[ ${used[0]} != "${used[1]}" ]]; then
        echo '*** The longer run has more in use at its end.' >&2
        exit 1
    fi
}

case ${1-} in
thread | address | memory) "$@" ;;
*) sed -n '2,9s/^# \?//p' "$0"; exit 2 ;;
esac
