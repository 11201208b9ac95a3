#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A machine that is saved (migrate to a file) while a breakpoint of the gdb port holds it cannot be loaded: the new QEMU
# aborts with "invalid runstate transition: 'inmigrate' -> 'debug'".
#
#	bash reproduce.sh qemu-system-aarch64
#
# It needs bash (for /dev/tcp) and a free TCP port, 34121 or $PORT, and no guest: the CPU executes the zeros that its memory
# has, and takes an exception.
#
# Exit status: 0 not reproduced, 1 reproduced, 4 this machine cannot tell.
qemu=${1:?usage: reproduce.sh QEMU}
port=${PORT:-34121}
scratch=$(mktemp -d) || exit 4
# The child is a QEMU until it is waited for.
trap 'kill "$source" 2>/dev/null; rm -rf "$scratch"' EXIT

cannot_tell() {
	echo "cannot tell: $1"
	tail -n 5 "$scratch"/*.log
	exit 4
}

machine="-M virt -cpu max -m 16 -nodefaults -display none"
mkfifo "$scratch/monitor" || exit 4
# shellcheck disable=SC2086 # The machine is several words.
timeout 60 "$qemu" $machine -S -gdb "tcp:127.0.0.1:$port" -monitor stdio <"$scratch/monitor" >"$scratch/source.log" 2>&1 &
source=$!
exec 4>"$scratch/monitor"

# A breakpoint (Z0) at the exception vector; a watchpoint (Z2) does the same.
packet() {
	local sum=0 i
	for ((i = 0; i < ${#1}; i++)); do
		sum=$(((sum + $(printf '%d' "'${1:i:1}")) & 255))
	done
	printf '$%s#%02x' "$1" "$sum" >&3
}
for ((i = 0; i < 100; i++)); do
	(exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break
	sleep 0.1
done
exec 3<>"/dev/tcp/127.0.0.1/$port" || cannot_tell "nobody listens at port $port"
packet Z0,200,4
packet c

state() {
	echo 'info status' >&4
	sleep 0.3
	grep -o 'VM status: .*' "$scratch/source.log" | tail -n 1
}
for ((i = 0; i < 30; i++)); do
	[[ $(state) == *"(debug)"* ]] && break
done
[[ $(state) == *"(debug)"* ]] || cannot_tell "the breakpoint does not hold the machine"

echo "migrate file:$scratch/saved" >&4
for ((i = 0; i < 50; i++)); do
	echo 'info migrate' >&4
	sleep 0.2
	grep -q 'tatus:[[:space:]]*completed' "$scratch/source.log" && break
done
grep -q 'tatus:[[:space:]]*completed' "$scratch/source.log" || cannot_tell "the machine is not saved"
echo quit >&4
exec 3>&- 4>&-
wait "$source"

# shellcheck disable=SC2086
{ timeout 10 "$qemu" $machine -monitor none -incoming "file:$scratch/saved" >"$scratch/target.log" 2>&1; } 2>/dev/null
status=$?
cat "$scratch/target.log"
if grep -q 'invalid runstate transition' "$scratch/target.log"; then
	echo "reproduced: the machine cannot be loaded"
	exit 1
fi
# timeout ends a QEMU that has loaded it.
[[ $status == 124 ]] || cannot_tell "loading ended with status $status"
echo "not reproduced: the machine is loaded"
