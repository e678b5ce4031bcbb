#!/usr/bin/env bash
# Builds the receivers and the load, and measures them; `--help` says what can be asked for.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

# Of a smoke test nobody reads the times.
profile=--release
for argument in "$@"; do
    [ "$argument" != --smoke ] || profile=--profile=dev
done

BENCH_RUSTC=$(rustc --version | cut -d ' ' -f 1-2)
export BENCH_RUSTC
cargo run -q "$profile" --locked --manifest-path "$here/Cargo.toml" --target-dir "$here/../../target" -- "$@"
