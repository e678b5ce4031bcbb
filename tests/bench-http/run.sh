#!/usr/bin/env bash
# Builds the receivers and the load, and measures them; `--help` says what can be asked for.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

BENCH_RUSTC=$(rustc --version)
export BENCH_RUSTC
cargo run -q --release --locked --manifest-path "$here/Cargo.toml" --target-dir "$here/../../target" -- "$@"
