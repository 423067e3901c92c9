#!/bin/sh
# Run the board's image on an emulated board, its UART on a pseudo-terminal, until interrupted.
#   run.sh IMAGE LINK
# MONITOR: where QEMU's monitor listens, as its option has it; nowhere without one.
# The terminal is set raw and kept open here: so no byte is echoed or changed, and a host may come and go. Whoever opens
# it finds it under LINK.
set -eu
image=$1
link=$2
said=$(mktemp)
: "${QEMU:=qemu-system-arm}"
# Ahead of whatever else this machine does, where that is allowed: a board has no such neighbours.
ahead=
if chrt -f 20 true 2>/dev/null; then ahead="chrt -f 20"; fi
# The word at the top of the board's memory (boot_note in mps2.ld) is its boot count.
$ahead "$QEMU" -M mps2-an385 -display none -monitor "${MONITOR:-none}" -serial pty -kernel "$image" \
    -device loader,addr=0x20003ff8,data="$(date +%s)",data-len=4 >"$said" 2>&1 </dev/null &
emulator=$!
finish() {
    kill "$emulator" 2>/dev/null || true
    wait "$emulator" 2>/dev/null || true
    rm -f "$said"
    if [ -L "$link" ]; then rm -f "$link"; fi
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
port=
for _ in $(seq 100); do
    port=$(sed -n 's|.*\(/dev/pts/[0-9]*\).*|\1|p' "$said")
    [ -n "$port" ] && break
    if ! kill -0 "$emulator" 2>/dev/null; then cat "$said" >&2; exit 3; fi
    sleep 0.1
done
if [ -z "$port" ]; then
    echo "run.sh: $QEMU named no pseudo-terminal in 10 s:" >&2
    cat "$said" >&2
    exit 3
fi
exec 3<>"$port"
stty raw -echo <&3
if [ -e "$link" ] && [ ! -L "$link" ]; then
    echo "run.sh: $link is there, and is no symbolic link: give another one as LINK=" >&2
    exit 2
fi
ln -sf "$port" "$link"
sleep 1.5 # QEMU looks once a second whether someone has opened the terminal; before that it takes no byte
echo "rig on $link"
wait "$emulator"
