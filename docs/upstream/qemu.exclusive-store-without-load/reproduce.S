/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * STXRB without an exclusive load before it fails, or takes the fault of a write. With one CPU QEMU takes one of a read (ESR_EL1.WnR, bit 6,
 * is 0) at the last byte of the address space: its monitor has the address -1 while it is clear.
 *
 *	aarch64-linux-gnu-as -o reproduce.o reproduce.S
 *	aarch64-linux-gnu-ld -Ttext=0x40100000 -o reproduce.elf reproduce.o
 *	qemu-system-aarch64 -M virt,mte=on -cpu max -smp 1 -m 64 -nodefaults -display none \
 *		-serial stdio -kernel reproduce.elf
 *
 * It prints what is expected and what is found, and "reproduced" or "not reproduced", and turns the machine off.
 */
	.arch	armv8.7-a+memtag

	.text
	.globl	_start
_start:
	adr	x0, vectors
	msr	vbar_el1, x0
	adr	x0, stack
	mov	sp, x0
	/* v0 to v31 may be used. */
	mov	x0, #3 << 20
	msr	cpacr_el1, x0

	/*
	 * 39 bits of address, blocks of 1 GiB: 0 is Device memory with the UART, 1 is RAM, Normal Tagged, and 2 is the
	 * same RAM once more. Nothing else is mapped. TBI0 is set, TCMA0 is not.
	 */
	ldr	x0, =0x00fff000		/* MAIR: 0 is Device-nGnRnE, 1 is Normal Tagged, 2 is Normal */
	msr	mair_el1, x0
	ldr	x0, =25 | 1 << 8 | 1 << 10 | 3 << 12 | 1 << 23 | 1 << 32 | 1 << 37
	msr	tcr_el1, x0
	adr	x0, table
	msr	ttbr0_el1, x0
	isb
	tlbi	vmalle1
	dsb	sy
	isb
	/* M, C, I, ATA, TCF: tag check faults are off. */
	mrs	x19, sctlr_el1
	ldr	x0, =1 << 0 | 1 << 2 | 1 << 12 | 1 << 43
	orr	x19, x19, x0
	msr	sctlr_el1, x19
	isb
	msr	tco, #0

	clrex
	mov	x0, #-1
	mov	x20, #0
	mov	x25, #0
	stxrb	w2, w3, [x0]
	/* WnR, or 1 where no exception was taken. */
	mov	x1, x20
	ubfx	x20, x20, #6, #1
	cmp	x1, #0
	cinc	x20, x20, eq
	adr	x0, text_what
	bl	print
	mov	x23, #1
	bl	compare
	bl	verdict

	/* PSCI: SYSTEM_OFF. */
off:	ldr	x0, =0x84000008
	hvc	#0
	b	.

/* Prints an expected and a found value, x23 and x20. Counts in x25 if they differ in the lower 32 bits. */
compare:
	mov	x24, x30
	adr	x0, text_expected
	bl	print
	mov	x0, x23
	bl	print_hex
	adr	x0, text_found
	bl	print
	mov	x0, x20
	bl	print_hex
	adr	x0, text_end
	bl	print
	cmp	w20, w23
	cinc	x25, x25, ne
	ret	x24

/* Says what it comes to: x25. */
verdict:
	mov	x24, x30
	adr	x0, text_reproduced
	adr	x1, text_not_reproduced
	cmp	x25, #0
	csel	x0, x0, x1, ne
	bl	print
	ret	x24

/* Prints text that ends with 0. */
print:
	mov	x2, #0x09000000
1:	ldrb	w1, [x0], #1
	cbz	w1, 2f
	strb	w1, [x2]
	b	1b
2:	ret

/* Prints a number of 64 bits. */
print_hex:
	mov	x2, #0x09000000
	mov	x3, #16
1:	ror	x0, x0, #60
	and	x1, x0, #15
	add	x4, x1, #'0'
	add	x5, x1, #'a' - 10
	cmp	x1, #10
	csel	x1, x4, x5, lo
	strb	w1, [x2]
	subs	x3, x3, #1
	b.ne	1b
	ret

/* Synchronous exceptions of EL1: notes ESR_EL1 in x20 and FAR_EL1 in x21, and goes on behind the instruction. */
	.balign	0x800
vectors:
	.space	0x200
	mrs	x20, esr_el1
	mrs	x21, far_el1
	mrs	x22, elr_el1
	add	x22, x22, #4
	msr	elr_el1, x22
	eret
	.balign	0x800

text_what:
	.ascii	"ESR_EL1.WnR: "
	.byte	0
text_expected:
	.asciz	"expected 0x"
text_found:
	.asciz	", found 0x"
text_end:
	.asciz	"\n"
text_reproduced:
	.asciz	"reproduced: STXRB without a load reads\n"
text_not_reproduced:
	.asciz	"not reproduced: STXRB without a load fails, or takes the fault of a write\n"

	.balign	0x1000, 0
table:
	.quad	0x00000000 | 1 << 10 | 0 << 2 | 1
	.quad	0x40000000 | 1 << 10 | 3 << 8 | 1 << 2 | 1
	.quad	0x40000000 | 1 << 10 | 3 << 8 | 0 << 6 | 1 << 2 | 1
	.balign	0x1000, 0
	.space	0x1000
stack:
	.balign	0x1000
/* What is accessed: its tags are 0, as all are when the machine starts. */
data:
	.space	0x1000
