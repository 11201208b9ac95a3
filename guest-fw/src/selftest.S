// The block of the self-test: ten instructions that the executor runs at EL1.
//
// Input: x0 points at a granule of the arena in the tagged window, with tag 0. Output: x1 is the
// result of IRG, x2 the result of LDG, x3 the data. The store with the wrong tag must fault.

.section .rodata.selftest, "a"
.balign 4
granule_selftest:
.arch_extension memtag
    irg     x1, x0, x9                      // x9 excludes tag 0.
    stg     x1, [x1]
    stg     x1, [x1, #16]
    mov     x2, x0                          // LDG replaces only the tag.
    ldg     x2, [x0]
    movz    x4, #0xc0de
    str     x4, [x1]
    addg    x5, x1, #0, #1                  // A pointer to the same granule with another tag.
    str     x5, [x5]                        // Tag check fault: the granule has the tag of x1.
    ldr     x3, [x1]
granule_selftest_end:
