#!/usr/bin/env bash
# Measures the compile time that the macros and the dependencies cost, and checks that each
# dependency has a reason.
#
#     run.sh [handlers] [builds] [dependencies] [--runs N] [--check] [--smoke]
#
# Runs all three parts by default, and the dependencies alone with --smoke. Takes medians of N
# interleaved runs (5), and of half as many for builds. A missing reason is always a failure, a
# missed limit only with --check.
set -euo pipefail
cd "$(dirname "$0")/../../.."
root=$PWD
here=tests/perf/compile
work=${CARGO_TARGET_DIR:-$root/target}/perf-compile
export CARGO_TERM_COLOR=never CARGO_INCREMENTAL=0
unset CARGO_TARGET_DIR

parts='' runs=5 check=false failed=0
while [ $# -gt 0 ]; do
    case $1 in
        handlers | builds | dependencies) parts="$parts $1" ;;
        --runs) runs=$2 && shift ;;
        --check) check=true ;;
        --smoke) parts=dependencies ;;
        *) echo "unknown argument $1" >&2 && exit 2 ;;
    esac
    shift
done

# Makes a crate in the work folder, with this project's versions. Reads its dependencies from the
# input.
crate() { # name, file
    mkdir -p "$work/$1/src"
    { printf '[package]\nname = "%s"\nedition = "2024"\n\n[workspace]\n\n[dependencies]\n' "$1"; cat; } > "$work/$1/Cargo.toml"
    cp "$root/Cargo.lock" "$work/$1/Cargo.lock"
    [ ! -f "$here/$2" ] || cp "$here/$2" "$work/$1/src/main.rs"
}

# Prints the seconds that a command takes in a crate's folder.
seconds() { # crate, command
    local start end
    cd "$work/$1"
    start=$(date +%s%N)
    "${@:2}"
    end=$(date +%s%N)
    cd "$root"
    echo "$start $end" | awk '{ printf "%.3f\n", ($2 - $1) / 1e9 }'
}

median() { sort -n "$work/$1.seconds" | awk '{ value[NR] = $1 } END { print value[int((NR + 1) / 2)] }'; }

# Prints a ratio of two medians and its limit.
limit() { # what, one, other, limit
    local ratio verdict=holds
    ratio=$(awk "BEGIN { printf \"%.2f\", $2 / $3 }")
    if awk "BEGIN { exit !($ratio > $4) }"; then
        verdict='**missed**'
        ! $check || failed=1
    fi
    echo "| $1 | ≤ $4 | $ratio | $verdict |"
}

hyper='
hyper = { version = "1.4", default-features = false, features = ["http1", "server"] }
hyper-util = { version = "0.1.6", default-features = false, features = ["tokio"] }
tokio = { version = "1.38", features = ["macros", "net", "rt-multi-thread", "time"] }'
crate server server.rs <<< "http-body-util = \"0.1\"$hyper"
# The libraries that a receiver needs, by this project or by hand: JSON, the MAC, trait objects, a
# log.
crate libraries server.rs <<< "async-trait = \"0.1\"
http-body-util = \"0.1\"
hmac = \"0.13\"
serde = { version = \"1\", features = [\"derive\"] }
serde_json = \"1\"
sha2 = { version = \"0.11\", default-features = false }
tracing = { version = \"0.1\", default-features = false, features = [\"std\"] }$hyper"
crate receiver receiver.rs <<< "apideck-hooks = { path = \"$root/apideck-hooks\" }$hyper"

handlers() {
    local kinds='functions match macros' functions match macros
    for kind in $kinds; do
        crate "$kind" - <<< "apideck-hooks = { path = \"$root/apideck-hooks\" }"
        awk -v "kind=$kind" -f "$here/handlers.awk" apideck-hooks-macros/src/table.rs > "$work/$kind/src/lib.rs"
        # In one target folder, so that the dependencies are checked once.
        (cd "$work/$kind" && cargo check -q --target-dir "$work/check")
        : > "$work/$kind.seconds"
    done
    for _ in $(seq "$runs"); do
        for kind in $kinds; do
            touch "$work/$kind/src/lib.rs"
            seconds "$kind" cargo check -q --target-dir "$work/check" >> "$work/$kind.seconds"
        done
    done
    functions=$(median functions) match=$(median match) macros=$(median macros)
    printf '\n`cargo check` of 60 handlers for all events: %s s, of the functions alone: %s s, with a `match` by hand: %s s\n\n' \
        "$macros" "$functions" "$match"
    printf '| ratio | limit | measured | |\n| --- | --- | ---: | --- |\n'
    limit '60 handlers ÷ the functions alone' "$macros" "$functions" 1.7
    limit '60 handlers ÷ a `match` by hand' "$macros" "$match" 1.0
}

builds() {
    local kinds='libraries receiver' libraries receiver
    for kind in $kinds; do
        (cd "$work/$kind" && cargo fetch -q)
        : > "$work/$kind.seconds"
    done
    for _ in $(seq "$(((runs + 1) / 2))"); do
        for kind in $kinds; do
            rm -rf "$work/$kind/target"
            seconds "$kind" cargo build -q >> "$work/$kind.seconds"
        done
    done
    libraries=$(median libraries) receiver=$(median receiver)
    printf '\nClean build of a minimal receiver: %s s, of the same libraries without this project: %s s\n\n' "$receiver" "$libraries"
    printf '| ratio | limit | measured | |\n| --- | --- | ---: | --- |\n'
    limit 'a receiver ÷ its libraries' "$receiver" "$libraries" 1.4
}

crates() { (cd "$work/$1" && cargo tree --prefix none --edges normal,build --format '{p}' | awk 'NR > 1 { print $1 }' | sort -u); }

dependencies() {
    crates server > "$work/server.crates"
    crates receiver > "$work/receiver.crates"
    printf '\n%s crates, %s of them from a plain hyper server. The reasons for the others:\n\n' \
        "$(wc -l < "$work/receiver.crates")" "$(wc -l < "$work/server.crates")"
    comm -13 "$work/server.crates" "$work/receiver.crates" > "$work/ours.crates"
    while read -r name; do
        if ! grep "^$name: " "$here/reasons.txt"; then
            echo "NO REASON: $name"
            failed=1
        fi
    done < "$work/ours.crates"
    while IFS=: read -r name _; do
        if ! grep -qx "$name" "$work/ours.crates"; then
            echo "NOT A DEPENDENCY ANY MORE: $name"
            failed=1
        fi
    done < "$here/reasons.txt"
}

for part in ${parts:-handlers builds dependencies}; do "$part"; done
exit "$failed"
