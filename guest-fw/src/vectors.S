// The exception vectors, and entry to and exit from a block.
//
// The firmware runs at EL1h (on SP_EL1), a block at EL1t or EL0t (on SP_EL0). The vector therefore
// distinguishes exceptions of a block from those of the firmware, whatever the block's stack pointer.
// While a block runs, SP_EL1 points at its Frame at the top of the trap stack.

.macro block_vector
    .balign 0x80
    stp     x0, x1, [sp, #{X}]
    stp     x2, x3, [sp, #{X} + 16]
    stp     x4, x5, [sp, #{X} + 32]
    stp     x6, x7, [sp, #{X} + 48]
    stp     x8, x9, [sp, #{X} + 64]
    stp     x10, x11, [sp, #{X} + 80]
    stp     x12, x13, [sp, #{X} + 96]
    stp     x14, x15, [sp, #{X} + 112]
    stp     x16, x17, [sp, #{X} + 128]
    stp     x18, x19, [sp, #{X} + 144]
    b       granule_block_trap
.endm

.macro firmware_vector kind
    .balign 0x80
    msr     tpidr_el1, x0
    mov     x0, #\kind
    msr     tpidrro_el0, x0
    b       granule_firmware_trap
.endm

.section .text.vectors, "ax"
.balign 0x800
granule_vectors:
    block_vector                            // EL1t, synchronous: a block at EL1.
    firmware_vector 1
    firmware_vector 2
    firmware_vector 3
    firmware_vector 4                       // EL1h: the firmware itself.
    firmware_vector 5
    firmware_vector 6
    firmware_vector 7
    block_vector                            // EL0, 64-bit, synchronous: a block at EL0.
    firmware_vector 9
    firmware_vector 10
    firmware_vector 11
    firmware_vector 12                      // EL0, 32-bit: unused.
    firmware_vector 13
    firmware_vector 14
    firmware_vector 15

granule_block_trap:
    stp     x20, x21, [sp, #{X} + 160]
    stp     x22, x23, [sp, #{X} + 176]
    stp     x24, x25, [sp, #{X} + 192]
    stp     x26, x27, [sp, #{X} + 208]
    stp     x28, x29, [sp, #{X} + 224]
    mrs     x0, sp_el0
    stp     x30, x0, [sp, #{X} + 240]       // SP follows x30 in the frame.
    mrs     x0, elr_el1
    mrs     x1, spsr_el1
    stp     x0, x1, [sp, #{PC}]
    mov     x0, sp
    bl      {BLOCK_EXCEPTION}
    cbnz    x0, granule_leave

granule_resume:                             // sp: the frame.
    ldp     x0, x1, [sp, #{PC}]
    msr     elr_el1, x0
    msr     spsr_el1, x1
    ldp     x30, x0, [sp, #{X} + 240]
    msr     sp_el0, x0
    ldp     x28, x29, [sp, #{X} + 224]
    ldp     x26, x27, [sp, #{X} + 208]
    ldp     x24, x25, [sp, #{X} + 192]
    ldp     x22, x23, [sp, #{X} + 176]
    ldp     x20, x21, [sp, #{X} + 160]
    ldp     x18, x19, [sp, #{X} + 144]
    ldp     x16, x17, [sp, #{X} + 128]
    ldp     x14, x15, [sp, #{X} + 112]
    ldp     x12, x13, [sp, #{X} + 96]
    ldp     x10, x11, [sp, #{X} + 80]
    ldp     x8, x9, [sp, #{X} + 64]
    ldp     x6, x7, [sp, #{X} + 48]
    ldp     x4, x5, [sp, #{X} + 32]
    ldp     x2, x3, [sp, #{X} + 16]
    ldp     x0, x1, [sp, #{X}]
    eret

// extern "C" fn granule_enter(frame: *mut Frame): returns when the block has ended.
.global granule_enter
granule_enter:
    stp     x19, x20, [sp, #-96]!
    stp     x21, x22, [sp, #16]
    stp     x23, x24, [sp, #32]
    stp     x25, x26, [sp, #48]
    stp     x27, x28, [sp, #64]
    stp     x29, x30, [sp, #80]
    mov     x1, sp
    str     x1, [x0, #{CALLER_SP}]
    mov     sp, x0
    b       granule_resume

granule_leave:                              // sp: the frame.
    ldr     x0, [sp, #{CALLER_SP}]
    mov     sp, x0
    ldp     x29, x30, [sp, #80]
    ldp     x27, x28, [sp, #64]
    ldp     x25, x26, [sp, #48]
    ldp     x23, x24, [sp, #32]
    ldp     x21, x22, [sp, #16]
    ldp     x19, x20, [sp], #96
    ret

// An exception of the firmware: x0 is in TPIDR_EL1, the number of the vector in TPIDRRO_EL0. The
// handler has its own stack, because the stack pointer may be invalid.
granule_firmware_trap:
    adrp    x0, {PANIC_STACK}
    add     x0, x0, :lo12:{PANIC_STACK}
    add     x0, x0, #{PANIC_STACK_SIZE}
    mov     sp, x0
    sub     sp, sp, #256
    stp     x1, x2, [sp, #8]
    stp     x3, x4, [sp, #24]
    stp     x5, x6, [sp, #40]
    stp     x7, x8, [sp, #56]
    stp     x9, x10, [sp, #72]
    stp     x11, x12, [sp, #88]
    stp     x13, x14, [sp, #104]
    stp     x15, x16, [sp, #120]
    stp     x17, x18, [sp, #136]
    stp     x19, x20, [sp, #152]
    stp     x21, x22, [sp, #168]
    stp     x23, x24, [sp, #184]
    stp     x25, x26, [sp, #200]
    stp     x27, x28, [sp, #216]
    stp     x29, x30, [sp, #232]
    mrs     x0, tpidr_el1
    str     x0, [sp]
    mrs     x0, tpidrro_el0
    mov     x1, sp
    bl      {FIRMWARE_EXCEPTION}
