// The self-test's program: ten words that the executor runs at EL1, like any host's block.
//
// x0: a granule of the arena in the tagged window, tag 0. Left behind: x1 the pointer that IRG made,
// x2 what LDG reads back, x3 the data. The store through the wrong tag must fault.

.section .rodata.selftest, "a"
.balign 4
granule_selftest:
.arch_extension memtag
    irg     x1, x0, x9                      // x9 excludes tag 0.
    stg     x1, [x1]
    stg     x1, [x1, #16]
    mov     x2, x0                          // LDG replaces the tag and nothing else.
    ldg     x2, [x0]
    movz    x4, #0xc0de
    str     x4, [x1]
    addg    x5, x1, #0, #1                  // Another tag, so another pointer to the same granule.
    str     x5, [x5]                        // Faults: the granule has x1's tag.
    ldr     x3, [x1]
granule_selftest_end:
