//! The ways in which a VMM loses state between save and restore.

model_base::defects! {
    TAGS_NOT_SAVED "vmm.tags-not-saved" "tags are not saved at all";
    TAGS_LAST_GRANULE "vmm.tags-last-granule-lost" "the last tag of each stretch of memory is not saved";
    TAGS_LAST_PAGE "vmm.tags-last-page-lost" "the tags of the last page of each stretch of memory are not saved";
    TAGS_LAST_REGION "vmm.tags-last-region-lost" "the tags of the last stretch of memory are not saved";
    TAGS_FIRST_REGION_ONLY "vmm.tags-first-region-only" "only the tags of the first stretch of memory are saved";
    TAGS_NIBBLES "vmm.tags-nibbles-swapped" "packed tags are unpacked upper nibble first";
    TAGS_THREE_BITS "vmm.tags-three-bits" "tags are saved with three bits";
    TAGS_PAGE_OFF "vmm.tags-page-shifted" "tags are restored one page too high within a stretch of memory";
    TAGS_ONE_PAGE "vmm.tags-first-page-only" "a short count is taken for success: only the first page's tags are saved";
    TAGS_BEFORE_DATA "vmm.tags-before-data" "tags are restored before data, and lost where the data's pages replace them";
    TAGS_OF_DATA_ONLY "vmm.tags-of-zero-pages-lost" "a page that is all zero is left out of the saved state, its tags too";
    TAGS_UPPER_HALF "vmm.tags-upper-half-lost" "the tags of the upper half of RAM are not restored";
    DATA_UPPER_HALF "vmm.data-upper-half-lost" "the data of the upper half of RAM is not restored";
    DATA_LAST_PAGE "vmm.data-last-page-lost" "the last page that was saved is not restored";
    DATA_LAST_BYTE "vmm.data-last-bytes-lost" "the last 16 bytes of each stretch of memory are not restored";
    FIRMWARE_PAGE "vmm.first-page-lost" "the first page that was saved is not restored";
    MUTATION_IGNORED "vmm.saved-state-kept-elsewhere" "a restore takes the tags that were saved, not those that it is given";
    CAPABILITY_FORGOTTEN "vmm.capability-not-enabled" "the new VM is made without KVM_CAP_ARM_MTE";
    REGISTERS_LOST "vmm.registers-not-restored" "registers are not restored";
    REGISTERS_SYSTEM_LOST "vmm.system-registers-not-restored" "only core registers are restored";
    REGISTERS_LAST_LOST "vmm.x30-lost" "the last general register is not restored";
    REGISTERS_TRUNCATED "vmm.registers-truncated" "general registers are restored with 32 bits";
    REGISTERS_OF_FIRST "vmm.registers-of-first-vcpu" "every vCPU gets the registers of the first";
    REGISTERS_ONE_VCPU "vmm.second-vcpu-lost" "only the first vCPU's registers are restored";
    MMIO_PENDING "vmm.mmio-not-completed" "a store to a device is not completed before registers are saved: it happens twice";
    PC_SKIPS "vmm.pc-after-next" "an instruction behind a store to a device is skipped";
    GCR_RGSR "vmm.gcr-rgsr-swapped" "GCR_EL1 and RGSR_EL1 are swapped in the saved state";
    TFSRS "vmm.tfsrs-swapped" "TFSR_EL1 and TFSRE0_EL1 are swapped in the saved state";
    GCR_LOST "vmm.gcr-lost" "GCR_EL1 is not restored";
    RGSR_LOST "vmm.rgsr-lost" "RGSR_EL1 is not restored";
    TFSR_LOST "vmm.tfsr-lost" "TFSR_EL1 is not restored";
    TFSRE0_LOST "vmm.tfsre0-lost" "TFSRE0_EL1 is not restored";
    SCTLR_LOST "vmm.sctlr-lost" "SCTLR_EL1 is not restored";
    FPCR_LOST "vmm.fpcr-lost" "FPCR is not restored";
    FPSR_LOST "vmm.fpsr-lost" "FPSR is not restored";
    VECTORS_TRUNCATED "vmm.vectors-truncated" "z0 to z31 are restored with 128 bits";
    PREDICATES_LOST "vmm.predicates-lost" "p0 to p15 are not restored";
    FFR_LOST "vmm.ffr-lost" "FFR is not restored";
    VECTOR_LENGTH_LOST "vmm.vector-length-lost" "ZCR_EL1 is not restored";
    VECTOR_LENGTHS_FORGOTTEN "vmm.vector-lengths-forgotten" "a vCPU that had fewer vector lengths than its host has all after a restore";
    SP_LOST "vmm.sp-lost" "the stack pointer is not restored";
    FLAGS_LOST "vmm.flags-lost" "the flags are not restored";
    TCO_LOST "vmm.tco-lost" "PSTATE.TCO is not restored";
    LEVEL_LOST "vmm.level-lost" "every vCPU goes on at EL1";
}
