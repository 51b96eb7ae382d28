#!/usr/bin/env bash
# Restores on a second kind of machine what this one compressed, at every effort, and compares; also compresses there
# and compares the bytes. The target's standard library, a linker and an emulator must be installed:
#
#   CARGO_TARGET_S390X_UNKNOWN_LINUX_GNU_LINKER=s390x-linux-gnu-gcc \
#   benches/second_target.sh s390x-unknown-linux-gnu "qemu-s390x -L /usr/s390x-linux-gnu" FILE...
set -euo pipefail
target=$1 runner=$2
shift 2
files=()
for file in "$@"; do files+=("$(realpath "$file")"); done
cd "$(dirname "$0")/.."

if [ ! -d "$(rustc --print target-libdir --target "$target" 2>/dev/null)" ]; then
    echo "skipped: no standard library for $target is installed"
    exit 0
fi
cargo build --release --features cli --bin losslaw
cargo build --release --features cli --bin losslaw --target "$target"
folder=${CARGO_TARGET_DIR:-target}
here=$folder/release/losslaw
read -ra there <<<"$runner $folder/$target/release/losslaw"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for file in "${files[@]}"; do
    for effort in fast balanced max; do
        "$here" compress --no-verify --effort "$effort" "$file" "$work/here" >"$work/said"
        "${there[@]}" decompress "$work/here" "$work/back" >"$work/said"
        cmp "$file" "$work/back"
        "${there[@]}" compress --no-verify --threads 1 --effort "$effort" "$file" "$work/there" >"$work/said"
        cmp "$work/here" "$work/there"
        echo "$(basename "$file") $effort: the same both ways, $(stat -c %s "$work/here") bytes"
    done
done
