#!/usr/bin/env bash
# Runs every fuzz target for a short time, 20 seconds or as many as the first argument says. Needs a nightly compiler and
# cargo-fuzz; says so if they are not there.
set -euo pipefail
cd "$(dirname "$0")"

if ! cargo +nightly --version > /dev/null 2>&1; then
    echo 'SKIPPED: no nightly compiler (rustup toolchain install nightly), so nothing was fuzzed'
    exit
fi
if ! cargo +nightly fuzz --version > /dev/null 2>&1; then
    echo 'SKIPPED: no cargo-fuzz (cargo install cargo-fuzz), so nothing was fuzzed'
    exit
fi

# Without a sanitizer, which finds nothing in safe code: there is no other.
cargo +nightly fuzz build --fuzz-dir . --sanitizer none
for target in sorter verifier header payload service; do
    echo "== fuzz $target"
    mkdir -p "corpus/$target"
    # What is found is kept in the first folder; the seeds are only read.
    cargo +nightly fuzz run --fuzz-dir . --sanitizer none "$target" "corpus/$target" "seeds/$target" -- \
        -max_total_time="${1:-20}" -max_len=4096 -timeout=10 -dict=json.dict -print_final_stats=1
done
