#!/usr/bin/env bash
# What the macros and the dependencies cost to compile, beside the same without them. Exits non-zero over a limit, or
# when a dependency has no reason in compile_time/reasons.txt. A target that is missed is no failure: a row beside it says what is
# left of it before a line of this project.
#
#     compile-time.sh [runs] [handlers|builds|dependencies]
#
# Medians of interleaved runs, 5 by default; of one part, or all. Wants a machine that does nothing else.
set -euo pipefail
cd "$(dirname "$0")/.."
runs=${1:-5}
part=${2:-all}
root=$PWD
work=${CARGO_TARGET_DIR:-$root/target}/compile-time
export CARGO_TERM_COLOR=never CARGO_INCREMENTAL=0
unset CARGO_TARGET_DIR
failed=0

# A crate in the work folder, with this project's versions of everything: its dependencies are read from the input.
crate() { # name, file
    mkdir -p "$work/$1/src"
    { printf '[package]\nname = "%s"\nedition = "2024"\n\n[workspace]\n\n[dependencies]\n' "$1"; cat; } > "$work/$1/Cargo.toml"
    cp "$root/Cargo.lock" "$work/$1/Cargo.lock"
    [ ! -f "tests/compile_time/$2" ] || cp "tests/compile_time/$2" "$work/$1/src/main.rs"
}

# Seconds that a command takes in a crate's folder.
seconds() { # crate, command
    local start end
    cd "$work/$1"
    start=$(date +%s%N)
    "${@:2}"
    end=$(date +%s%N)
    cd "$root"
    echo "$start $end" | awk '{ printf "%.3f\n", ($2 - $1) / 1e9 }'
}

median() { sort -n | awk '{ value[NR] = $1 } END { print value[int((NR + 1) / 2)] }'; }

# Prints a figure with its limit, and remembers when it is over.
check() { # what, figure, limit
    if awk "BEGIN { exit !($2 > $3) }"; then
        echo "OVER THE LIMIT: $1: $2, at most $3"
        failed=1
    else
        echo "$1: $2 (at most $3)"
    fi
}

# Prints a figure with what was wanted of it.
target() { # what, figure, wanted
    if awk "BEGIN { exit !($2 > $3) }"; then
        echo "target missed: $1: $2, wanted at most $3"
    else
        echo "target met: $1: $2, wanted at most $3"
    fi
}

divide() { awk "BEGIN { printf \"%.2f\", $1 / $2 }"; }
minus() { awk "BEGIN { printf \"%.2f\", $1 - $2 }"; }

hyper='
hyper = { version = "1.4", default-features = false, features = ["http1", "server"] }
hyper-util = { version = "0.1.6", default-features = false, features = ["tokio"] }
tokio = { version = "1.38", features = ["macros", "net", "rt-multi-thread", "time"] }'
crate server server.rs <<< "http-body-util = \"0.1\"$hyper"
# The libraries that a receiver is written with, by this project or by hand, and none of its code: JSON, the MAC, traits as objects, a
# log.
crate floor server.rs <<< "async-trait = \"0.1\"
http-body-util = \"0.1\"
hmac = \"0.13\"
serde = { version = \"1\", features = [\"derive\"] }
serde_json = \"1\"
sha2 = { version = \"0.11\", default-features = false }
tracing = { version = \"0.1\", default-features = false, features = [\"std\"] }$hyper"
crate receiver receiver.rs <<< "apideck-hooks = { path = \"$root/apideck-hooks\" }$hyper"
# The dependencies of the server in hyper's guide (hyper.rs/guides/1/server/hello-world): all features. The receiver beside it is built
# from the same, and from this project.
guide='
http-body-util = "0.1"
hyper = { version = "1", features = ["full"] }
hyper-util = { version = "0.1", features = ["full"] }
tokio = { version = "1", features = ["full"] }'
crate guide server.rs <<< "$guide"
crate guided receiver.rs <<< "apideck-hooks = { path = \"$root/apideck-hooks\" }$guide"

handlers() {
    local kinds='plain table by_hand macros'
    echo '== cargo check of 60 handlers for all events'
    for kind in $kinds; do
        crate "$kind" - <<< "apideck-hooks = { path = \"$root/apideck-hooks\" }"
        awk -v "kind=$kind" -f tests/compile_time/handlers.awk apideck-hooks-macros/src/table.rs > "$work/$kind/src/lib.rs"
        # One target folder, so that the dependencies are checked once.
        (cd "$work/$kind" && cargo check -q --target-dir "$work/check")
        : > "$work/$kind.seconds"
    done
    for _ in $(seq "$runs"); do
        for kind in $kinds; do
            touch "$work/$kind/src/lib.rs"
            seconds "$kind" cargo check -q --target-dir "$work/check" >> "$work/$kind.seconds"
        done
    done
    plain=$(median < "$work/plain.seconds")
    table=$(median < "$work/table.seconds")
    by_hand=$(median < "$work/by_hand.seconds")
    macros=$(median < "$work/macros.seconds")
    echo "functions alone $plain s, in a table $table s, in a match $by_hand s, with the macros $macros s"
    target 'times the functions alone' "$(divide "$macros" "$plain")" 1.5
    target 'seconds more than the functions alone' "$(minus "$macros" "$plain")" 0.5
    # Functions that nobody calls: what has to be written to call them comes to this, without a check of the events, and
    # with one type of state and of result for all.
    echo "of these, a table by hand is $(divide "$table" "$plain") times the functions alone"
    check 'times the functions alone' "$(divide "$macros" "$plain")" 2
    check 'seconds more than the functions alone' "$(minus "$macros" "$plain")" 0.5
    check 'times the dispatch by hand' "$(divide "$macros" "$by_hand")" 1.25
}

builds() {
    echo '== clean build of a minimal receiver'
    local kinds='server floor receiver guide guided'
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
    server=$(median < "$work/server.seconds")
    floor=$(median < "$work/floor.seconds")
    receiver=$(median < "$work/receiver.seconds")
    guide=$(median < "$work/guide.seconds")
    guided=$(median < "$work/guided.seconds")
    echo "hyper server $server s, with the libraries $floor s, receiver $receiver s"
    target 'times the hyper server' "$(divide "$receiver" "$server")" 1.25
    echo "with the dependencies of hyper's guide: server $guide s, receiver $guided s"
    target "times the server of hyper's guide" "$(divide "$guided" "$guide")" 1.25
    echo "of these, the libraries alone are $(divide "$floor" "$server") times the hyper server"
    check 'times the server with the libraries' "$(divide "$receiver" "$floor")" 1.4
}

case $part in
    all)
        if [ "$runs" -gt 0 ]; then
            handlers
            builds
        fi
        ;;
    handlers | builds)
        "$part"
        exit "$failed"
        ;;
    dependencies) ;;
    *)
        echo "no part $part" >&2
        exit 2
        ;;
esac

echo '== its dependencies'
dependencies() { (cd "$work/$1" && cargo tree --prefix none --edges normal,build --format '{p}' | awk 'NR > 1 { print $1 }' | sort -u); }
dependencies server > "$work/server.crates"
dependencies receiver > "$work/receiver.crates"
echo "$(wc -l < "$work/receiver.crates") crates, of the hyper server's $(wc -l < "$work/server.crates")"
comm -13 "$work/server.crates" "$work/receiver.crates" > "$work/ours.crates"
while read -r name; do
    if ! grep "^$name: " tests/compile_time/reasons.txt; then
        echo "NO REASON: $name"
        failed=1
    fi
done < "$work/ours.crates"
while IFS=: read -r name _; do
    if ! grep -qx "$name" "$work/ours.crates"; then
        echo "NO DEPENDENCY ANY MORE: $name"
        failed=1
    fi
done < tests/compile_time/reasons.txt
exit "$failed"
