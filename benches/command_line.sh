#!/usr/bin/env bash
# Round trips of every file of a data folder through the command line, by SHA-256, then user time of decoding beside
# zstd -19 and xz -9e. Usage: benches/command_line.sh FOLDER [TIMED_TABLE ...]   (default: adult covertype_93k)
set -euo pipefail
data=$(cd "${1:?usage: command_line.sh FOLDER [TABLE ...]}" && pwd)
shift
cd "$(dirname "$0")/.."
cargo build --quiet --release --features cli
bin=target/release/losslaw
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

files=0
for file in "$data"/tables/* "$data"/misc/*; do
    "$bin" compress "$file" "$work/packed" >/dev/null
    "$bin" decompress "$work/packed" "$work/back" >/dev/null
    a=$(sha256sum <"$file") b=$(sha256sum <"$work/back")
    [ "$a" = "$b" ] || { echo "$file does not come back"; exit 1; }
    files=$((files + 1))
done
echo "command line: $files files back with equal SHA-256"

# User seconds of 20 runs.
user_time() {
    local TIMEFORMAT=%U
    { time for _ in $(seq 20); do "$@" >/dev/null 2>&1; done; } 2>&1
}
for table in "${@:-adult covertype_93k}"; do for table in $table; do
    file=$data/tables/$table.csv
    "$bin" compress "$file" "$work/packed" >/dev/null
    bytes=$(wc -c <"$file")
    show() { awk -v n="$1" -v t="$2" -v b="$bytes" 'BEGIN { printf "%-28s %8.1f MB/s of CSV (user time)\n", n, b * 20 / t / 1e6 }'; }
    show "$table losslaw" "$(user_time "$bin" decompress "$work/packed" "$work/back")"
    if command -v zstd >/dev/null; then
        zstd -19 -q -f "$file" -o "$work/zst"
        show "$table zstd -19 -d" "$(user_time zstd -d -q -f "$work/zst" -o "$work/back")"
    fi
    if command -v xz >/dev/null; then
        xz -9e -c "$file" >"$work/xz"
        show "$table xz -d" "$(user_time xz -d -c "$work/xz")"
    fi
done; done
