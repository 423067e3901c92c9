#!/bin/sh
# A first treatment through the emulated board, on the real serial backend: demo.sh IMAGE, with BIN where rfgen is.
set -eu
here=$(dirname "$0")
folder=$(mktemp -d)
sh "$here/run.sh" "$1" "$folder/board" >"$folder/said" 2>&1 &
board=$!
finish() {
    kill "$board" 2>/dev/null || true
    wait "$board" 2>/dev/null || true
    rm -rf "$folder"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
for _ in $(seq 150); do
    grep -q '^rig on' "$folder/said" && break
    if ! kill -0 "$board" 2>/dev/null; then cat "$folder/said" >&2; exit 3; fi
    sleep 0.1
done
cat "$folder/said"
"$BIN/rfgen" run bench-first-light --hal serial --port "$folder/board" --out "$folder/run"
