//! Tables written out by hand, and what they translate to.

use std::collections::BTreeMap;

use super::*;

/// MAIR_EL1: attribute 0 is Tagged, 1 is Normal, 2 is Device.
const MAIR: u64 = 0x00_ff_f0;
/// A table or page descriptor; bit 10 is the access flag.
const TABLE: u64 = 3;
const PAGE: u64 = 3 | 1 << 10;
const BLOCK: u64 = 1 | 1 << 10;

struct Tables(BTreeMap<u64, u64>);

impl Tables {
    fn translate(&self, regime: &Regime, va: u64) -> Result<(u64, u64, bool), WalkError> {
        let found = regime.translate(va, &mut |ipa| self.0.get(&ipa).copied())?;
        Ok((found.ipa, found.bytes, found.tagged))
    }
}

/// Tables with entries `(table, index, descriptor)`.
fn tables(entries: &[(u64, u64, u64)]) -> Tables {
    Tables(entries.iter().map(|(table, index, descriptor)| (table + 8 * index, *descriptor)).collect())
}

#[test]
fn without_the_mmu_an_address_is_itself_and_untagged() {
    let (off, none) = (Regime::default(), tables(&[]));
    assert_eq!(none.translate(&off, 0x4000_0ff0), Ok((0x4000_0ff0, 0x10, false)));
    assert_eq!(none.translate(&off, 0x0300_0000_4000_0000), Err(WalkError::Unmapped));
    let ignoring = Regime { tcr: 1 << 37, ..off };
    assert_eq!(none.translate(&ignoring, 0x0300_0000_4000_0000), Ok((0x4000_0000, 0x1000, false)));
}

#[test]
fn pages_of_4_kib_are_found_at_the_fourth_level() {
    let regime = Regime { sctlr: 1, tcr: 16, ttbr0: 0x1000 | 7 << 48 | 1, mair: MAIR, ttbr1: 0 };
    let all = tables(&[(0x1000, 1, 0x2000 | TABLE), (0x2000, 2, 0x3000 | TABLE), (0x3000, 3, 0x4000 | TABLE)]);
    let mut with_pages = all;
    with_pages.0.insert(0x4000 + 8 * 4, 0x4_5000 | PAGE);
    with_pages.0.insert(0x4000 + 8 * 5, 0x4_6000 | PAGE | 1 << 2);
    let va = 1 << 39 | 2 << 30 | 3 << 21 | 4 << 12;
    assert_eq!(with_pages.translate(&regime, va | 0x123), Ok((0x4_5123, 0xedd, true)));
    assert_eq!(with_pages.translate(&regime, va + 0x1000), Ok((0x4_6000, 0x1000, false)));
    assert_eq!(with_pages.translate(&regime, va + 0x2000), Err(WalkError::Unmapped));
    // A pointer's tag counts without TBI, and does not with it.
    assert_eq!(with_pages.translate(&regime, va | 5 << 56), Err(WalkError::Unmapped));
    let ignoring = Regime { tcr: regime.tcr | 1 << 37, ..regime };
    assert_eq!(with_pages.translate(&ignoring, va | 5 << 56), Ok((0x4_5000, 0x1000, true)));
    assert_eq!(with_pages.translate(&Regime { tcr: regime.tcr | 1 << 7, ..regime }, va), Err(WalkError::Unmapped));
    assert_eq!(with_pages.translate(&Regime { tcr: regime.tcr | TCR_DS, ..regime }, va), Err(WalkError::Unsupported));
}

#[test]
fn a_smaller_address_space_begins_at_a_later_level_and_has_blocks() {
    // 39 bits: three levels (T0SZ 25), as in guest-fw. A block of 1 GiB and one of 2 MiB.
    let regime = Regime { sctlr: 1, tcr: 25, ttbr0: 0x1000, mair: MAIR, ttbr1: 0 };
    let all = tables(&[
        (0x1000, 1, 0x4000_0000 | BLOCK),
        (0x1000, 2, 0x2000 | TABLE),
        (0x2000, 3, 0x8060_0000 | BLOCK | 2 << 2),
    ]);
    assert_eq!(all.translate(&regime, 0x4012_3450), Ok((0x4012_3450, (1 << 30) - 0x12_3450, true)));
    assert_eq!(all.translate(&regime, 2 << 30 | 3 << 21 | 0x1234), Ok((0x8060_1234, (2 << 20) - 0x1234, false)));
    assert_eq!(all.translate(&regime, 1 << 39), Err(WalkError::Unmapped), "beyond T0SZ");
    assert_eq!(all.translate(&regime, 3 << 30), Err(WalkError::Unmapped));
}

#[test]
fn the_upper_half_has_its_own_table_size_and_granule() {
    // TTBR1: 64 KiB pages (TG1 3), 42 bits: two levels. TTBR0 stays with 4 KiB and has nothing.
    let regime =
        Regime { sctlr: 1, tcr: 25 | 22 << 16 | 3 << 30 | 1 << 38, ttbr0: 0x9000, ttbr1: 0x1_0000, mair: MAIR };
    let all = tables(&[
        (0x1_0000, 0x1fff, 0x2_0000 | TABLE),
        (0x2_0000, 1, 0x77_0000 | PAGE),
        (0x1_0000, 0, 0x2000_0000 | BLOCK | 1 << 2),
    ]);
    let top = 0xffff_fc00_0000_0000_u64;
    assert_eq!(all.translate(&regime, top | 0x1fff << 29 | 1 << 16 | 0x42), Ok((0x77_0042, 0xffbe, true)));
    assert_eq!(all.translate(&regime, top | 0x1234), Ok((0x2000_1234, (512 << 20) - 0x1234, false)));
    assert_eq!(all.translate(&regime, (top | 0x1234) ^ 0xa << 56), Ok((0x2000_1234, (512 << 20) - 0x1234, false)));
    assert_eq!(all.translate(&regime, 0xffff_0000_0000_0000), Err(WalkError::Unmapped), "below the upper half");
}

#[test]
fn pages_of_16_kib_have_a_first_level_of_two_entries() {
    // 48 bits: level 0 is bit 47 alone.
    let regime = Regime { sctlr: 1, tcr: 16 | 2 << 14, ttbr0: 0x8000, mair: MAIR, ttbr1: 0 };
    let all = tables(&[
        (0x8000, 1, 0xc000 | TABLE),
        (0xc000, 5, 0x1_0000 | TABLE),
        (0x1_0000, 6, 0x1_4000 | TABLE),
        (0x1_4000, 7, 0x4_0000 | PAGE),
        (0x1_0000, 7, 0x4200_0000 | BLOCK),
        (0xc000, 6, 0x8_0000_0000 | BLOCK),
    ]);
    let va = 1 << 47 | 5 << 36;
    assert_eq!(all.translate(&regime, va | 6 << 25 | 7 << 14 | 9), Ok((0x4_0009, 0x3ff7, true)));
    assert_eq!(all.translate(&regime, va | 7 << 25 | 9), Ok((0x4200_0009, (32 << 20) - 9, true)));
    // There are no blocks at level 1 with 16 KiB, and none at all at the last level.
    assert_eq!(all.translate(&regime, 1 << 47 | 6 << 36), Err(WalkError::Unmapped));
    let last = tables(&[
        (0x8000, 1, 0xc000 | TABLE),
        (0xc000, 5, 0x1_0000 | TABLE),
        (0x1_0000, 6, 0x1_4000 | TABLE),
        (0x1_4000, 7, 0x4_0000 | BLOCK),
    ]);
    assert_eq!(last.translate(&regime, va | 6 << 25 | 7 << 14), Err(WalkError::Unmapped));
}

#[test]
fn a_table_outside_of_memory_is_no_translation() {
    let regime = Regime { sctlr: 1, tcr: 25, ttbr0: 0xdead_0000, mair: MAIR, ttbr1: 0 };
    assert_eq!(tables(&[]).translate(&regime, 0x4000_0000), Err(WalkError::Unmapped));
}
