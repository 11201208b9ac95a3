#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Of a machine that is saved (migrate to a file) and loaded again, z0 to z31 of SVE have lost all above their first 128
# bytes: they are 0.
#
#	bash reproduce.sh qemu-system-aarch64
#
# It needs bash. The guest sets all bits of z0, with vectors of 256 bytes, and from then on looks at the last 8 bytes of it, again
# and again: it prints K while they are kept, and L once they are lost.
#
# Exit status: 0 not reproduced, 1 reproduced, 4 this machine cannot tell.
qemu=${1:?usage: reproduce.sh QEMU}
scratch=$(mktemp -d) || exit 4
# The child is a QEMU until it is waited for.
trap 'kill "$source" 2>/dev/null; rm -rf "$scratch"' EXIT

cannot_tell() {
	echo "cannot tell: $1"
	tail -n 5 "$scratch"/*.log
	exit 4
}

# The guest, at EL1 with the MMU off.
words=(
	d2a00660 # mov x0, #0x330000
	d5181040 # msr cpacr_el1, x0
	d5033fdf # isb
	d28001e0 # mov x0, #0xf
	d5181200 # msr zcr_el1, x0
	d5033fdf # isb
	2538dfe0 # mov z0.b, #-1
	d2a81201 # mov x1, #0x40900000
	d2a12002 # mov x2, #0x9000000
	e5804020 # str z0, [x1]
	f9407c23 # ldr x3, [x1, #248]
	52800964 # mov w4, #0x4b
	52800985 # mov w5, #0x4c
	b100047f # cmn x3, #0x1
	1a850084 # csel w4, w4, w5, eq
	39000044 # strb w4, [x2]
	d2a00206 # mov x6, #0x100000
	f10004c6 # subs x6, x6, #0x1
	54ffffe1 # b.ne .-4
	17fffff6 # b .-40, to str
)
for word in "${words[@]}"; do
	# shellcheck disable=SC2059 # The format is the four bytes.
	printf "\\x${word:6:2}\\x${word:4:2}\\x${word:2:2}\\x${word:0:2}"
done >"$scratch/guest.bin"

machine="-M virt -cpu max -m 16 -nodefaults -display none"
mkfifo "$scratch/monitor" || exit 4
# shellcheck disable=SC2086 # The machine is several words.
timeout 60 "$qemu" $machine -device "loader,file=$scratch/guest.bin,addr=0x40800000,cpu-num=0,force-raw=on" \
	-serial "file:$scratch/before" -monitor stdio <"$scratch/monitor" >"$scratch/source.log" 2>&1 &
source=$!
exec 4>"$scratch/monitor"
for ((i = 0; i < 100; i++)); do
	[[ -s $scratch/before ]] && break
	sleep 0.1
done
[[ -s $scratch/before ]] || cannot_tell "the guest prints nothing"

echo "migrate file:$scratch/saved" >&4
for ((i = 0; i < 50; i++)); do
	echo 'info migrate' >&4
	sleep 0.2
	grep -q 'tatus:[[:space:]]*completed' "$scratch/source.log" && break
done
grep -q 'tatus:[[:space:]]*completed' "$scratch/source.log" || cannot_tell "the machine is not saved"
echo quit >&4
exec 4>&-
wait "$source"
grep -q L "$scratch/before" && cannot_tell "the guest has no vectors of 256 bytes"

# shellcheck disable=SC2086
timeout 10 "$qemu" $machine -serial "file:$scratch/after" -monitor none -incoming "file:$scratch/saved" \
	>"$scratch/target.log" 2>&1 &
source=$!
for ((i = 0; i < 100; i++)); do
	[[ -s $scratch/after ]] && break
	sleep 0.1
done
kill "$source"
wait "$source" 2>/dev/null
[[ -s $scratch/after ]] || cannot_tell "the machine that was loaded prints nothing"
if grep -q L "$scratch/after"; then
	echo "reproduced: the last 8 bytes of z0 are lost"
	exit 1
fi
echo "not reproduced: the last 8 bytes of z0 are kept"
