#!/usr/bin/env bash
# Build the fuzz targets, and run them one after another.
#
#   fuzz/run.sh SECONDS [target…]       each target for so many seconds; all of them by default
#
# It needs a nightly Rust. cargo-fuzz is installed into target/tools. With clang OpenSSL is compiled so
# that the fuzzer sees where an input takes it; with gcc, only what it is compared with.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=$1
shift
targets=("$@")
((${#targets[@]})) || targets=(from_client from_server schedule answers certificate key name)

target=$(rustc -vV | sed -n 's/^host: //p')
tools=$PWD/target/tools
if ! [[ -x $tools/bin/cargo-fuzz ]]; then
    cargo install cargo-fuzz --version '^0.13' --locked --root "$tools"
fi

if command -v clang >/dev/null; then
    compiler=clang flags='-fsanitize=address,fuzzer-no-link'
else
    echo '*** No clang: OpenSSL is compiled without coverage, and less of it is reached.' >&2
    compiler=cc flags='-fsanitize=address -fsanitize-coverage=trace-cmp'
fi
flags+=' -fno-omit-frame-pointer -gline-tables-only'
[[ $compiler == clang ]] || flags=${flags/-gline-tables-only/-g1}

# The cargo that cargo-fuzz calls, whichever is the default one.
export RUSTUP_TOOLCHAIN=nightly
env "CC_${target//-/_}=$compiler" "CFLAGS_${target//-/_}=$flags" \
    "$tools/bin/cargo-fuzz" build --target-dir target/fuzz

failed=()
for name in "${targets[@]}"; do
    log=target/fuzz/$name.log
    mkdir -p "fuzz/artifacts/$name"
    echo "$name: $seconds seconds"
    # What a run finds it keeps in the corpus, beside the seeds. 30 seconds for one input are a hang.
    if "target/fuzz/$target/release/$name" "fuzz/corpus/$name" -max_total_time="$seconds" \
        -timeout=30 -rss_limit_mb=4096 -max_len=8192 -print_final_stats=1 \
        -artifact_prefix="fuzz/artifacts/$name/" >"$log" 2>&1; then
        sed -n 's/^stat::\(number_of_executed_units\|new_units_added\|peak_rss_mb\): */  \1 /p' "$log"
        grep -o ' cov: [0-9]* ft: [0-9]*' "$log" | tail -n 1
    else
        failed+=("$name")
        grep -E -m 3 -A 3 'panicked|ERROR: ' "$log" || tail -n 20 "$log"
        echo "*** $name failed; see $log and fuzz/artifacts/$name" >&2
    fi
done
((${#failed[@]} == 0))
