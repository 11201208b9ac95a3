//! The model's description of a CPU, from what a machine reported at boot.

use abi::mailbox::BootReport;
use model_base::Features;

/// Returns the features that a CPU reports at boot. What the report does not tell is as on QEMU's `max`.
#[must_use]
pub fn features(boot: &BootReport) -> Features {
    let field = |register: u64, shift: u32| (register >> shift & 0xf) as u8;
    let without = |register: u64, shift: u32| register & !(0xf << shift);
    Features {
        mte: field(boot.pfr1, 8),
        tag_block_bs: field(boot.gmid, 0),
        dczid: (boot.dczid & 0x1f) as u8,
        atomics: field(boot.isar0, 20) >= 2,
        lse128: field(boot.isar0, 20) >= 3,
        lse2: field(boot.mmfr2, 32) != 0,
        mops: field(boot.isar2, 16) != 0,
        store_only: field(boot.pfr2, 4) != 0,
        tagged_far: field(boot.pfr2, 8) != 0,
        idst: field(boot.mmfr2, 36) != 0,
        vector_lengths: boot.vector_lengths as u16,
        streaming_lengths: boot.streaming_lengths as u16,
        pfr0: without(boot.pfr0, 32),
        pfr1: without(boot.pfr1, 8),
        dfr0: boot.dfr0,
        isar0: without(boot.isar0, 20),
        isar1: boot.isar1,
        isar2: without(boot.isar2, 16),
        isar3: boot.isar3,
        mmfr0: boot.mmfr0,
        mmfr1: boot.mmfr1,
        mmfr2: without(without(boot.mmfr2, 32), 36),
        zfr0: boot.zfr0,
        smfr0: boot.smfr0,
        midr: boot.midr,
        mpidr: boot.mpidr,
        revidr: boot.revidr,
        clidr: boot.clidr,
        ctr: boot.ctr,
        ..Features::MAX
    }
}
