//! Stage 1 translation in software (Arm ARM, D8 "The AArch64 Virtual Memory System Architecture"): what KVM_TRANSLATE does elsewhere,
//! which arm64 does not have.
//!
//! Granules of 4, 16 and 64 KiB, with 48-bit addresses; permissions are not looked at. Not covered are 52-bit addresses (TCR_EL1.DS, and
//! bits 51:48 with 64 KiB), 128-bit descriptors (FEAT_D128) and AttrIndx of FEAT_AIE: the first is an error that says so, the
//! others cannot be turned on by a guest on this board, whose intermediate addresses have 40 bits, or change no address.

use std::fmt;

/// The registers that control translation at EL1 and EL0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Regime {
    /// SCTLR_EL1.
    pub sctlr: u64,
    /// TCR_EL1.
    pub tcr: u64,
    /// TTBR0_EL1.
    pub ttbr0: u64,
    /// TTBR1_EL1.
    pub ttbr1: u64,
    /// MAIR_EL1.
    pub mair: u64,
}

/// Where a virtual address leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Translation {
    /// The intermediate physical address.
    pub ipa: u64,
    /// Bytes from there on that are translated alike: to the end of the page or block.
    pub bytes: u64,
    /// Whether accesses are Tagged: MAIR_EL1's attribute is 0xf0.
    pub tagged: bool,
}

/// Why an address leads nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WalkError {
    /// A translation or address size fault.
    Unmapped,
    /// The tables are of a kind that this walk does not know: TCR_EL1.DS is 1, or TG0 or TG1 is reserved.
    Unsupported,
}

impl fmt::Display for WalkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unmapped => "no translation",
            Self::Unsupported => "tables for 52-bit addresses (TCR_EL1.DS), or of a reserved granule",
        })
    }
}

/// The attribute of Normal Tagged memory (Arm ARM, MAIR_EL1: Inner and Outer Write-Back Non-transient).
const TAGGED: u64 = 0xf0;
/// SCTLR_EL1.M.
const SCTLR_M: u64 = 1;
/// TCR_EL1.DS.
const TCR_DS: u64 = 1 << 59;
/// Bits of an output address: those above are other fields.
const ADDRESS: u64 = 0x0000_ffff_ffff_f000;
/// Bits of a virtual address that tables can translate without 52-bit addresses.
const MOST_BITS: u64 = 48;
/// The last level of every walk.
const LAST: u32 = 3;

/// The fields of TCR_EL1 for one half of the address space.
struct Half {
    /// Bits of an address that are translated: 64 - TxSZ.
    bits: u64,
    /// Bits of the offset in a page.
    page_bits: u64,
    /// TBIx.
    ignores_top_byte: bool,
    /// EPDx.
    disabled: bool,
    table: u64,
}

impl Regime {
    fn half(&self, upper: bool) -> Result<Half, WalkError> {
        let field = |at: u32, bits: u32| self.tcr >> at & ((1 << bits) - 1);
        // The two granule fields have different codes (Arm ARM, TCR_EL1.TG0 and TG1).
        let page_bits = match (upper, field(if upper { 30 } else { 14 }, 2)) {
            (false, 0) | (true, 2) => 12,
            (false, 2) | (true, 1) => 14,
            (false, 1) | (true, 3) => 16,
            _ => return Err(WalkError::Unsupported),
        };
        if self.tcr & TCR_DS != 0 {
            return Err(WalkError::Unsupported);
        }
        Ok(Half {
            bits: 64 - field(if upper { 16 } else { 0 }, 6),
            page_bits,
            ignores_top_byte: field(if upper { 38 } else { 37 }, 1) != 0,
            disabled: field(if upper { 23 } else { 7 }, 1) != 0,
            // Bit 0 is CnP, bits 63:48 are the ASID.
            table: (if upper { self.ttbr1 } else { self.ttbr0 }) & 0x0000_ffff_ffff_fffe,
        })
    }

    /// Translates a virtual address; `read` returns the doubleword at an intermediate physical address, if there is memory.
    ///
    /// # Errors
    ///
    /// Why it leads nowhere.
    pub fn translate(&self, va: u64, read: &mut dyn FnMut(u64) -> Option<u64>) -> Result<Translation, WalkError> {
        let upper = va >> 55 & 1 != 0;
        if self.sctlr & SCTLR_M == 0 {
            // AArch64.S1DisabledOutput: all memory is Device, no access is Tagged, and TBI counts as it does with translation.
            let top = if self.tcr >> (if upper { 38 } else { 37 }) & 1 != 0 { 56 } else { 64 };
            let ipa = if top == 56 { va & ((1 << 56) - 1) } else { va };
            let fits = ipa >> MOST_BITS == 0;
            let page = 4096;
            let bytes = page - ipa % page;
            return if fits { Ok(Translation { ipa, bytes, tagged: false }) } else { Err(WalkError::Unmapped) };
        }
        let half = self.half(upper)?;
        let sign = if upper { u64::MAX } else { 0 };
        let used = if half.ignores_top_byte { 56 } else { 64 };
        let canonical = half.bits >= used || (va ^ sign) << (64 - used) >> (64 - used) >> half.bits == 0;
        if half.disabled || half.bits > MOST_BITS || !canonical {
            return Err(WalkError::Unmapped);
        }
        self.walk(&half, va & ((1 << half.bits) - 1), read)
    }

    fn walk(&self, half: &Half, va: u64, read: &mut dyn FnMut(u64) -> Option<u64>) -> Result<Translation, WalkError> {
        let (page_bits, stride) = (half.page_bits, half.page_bits - 3);
        let levels = half.bits.saturating_sub(page_bits).div_ceil(stride).max(1);
        let first = (LAST + 1).saturating_sub(levels as u32);
        let mut table = half.table;
        for level in first..=LAST {
            let shift = page_bits + stride * u64::from(LAST - level);
            // The first table may be shorter, and is not longer: there are no more bits.
            let index = va >> shift & ((1 << stride) - 1);
            let descriptor = read(table + 8 * index).ok_or(WalkError::Unmapped)?;
            let is_table = descriptor & 3 == 3;
            match (descriptor & 1, is_table, level) {
                (1, true, LAST) => return Ok(self.found(descriptor, shift, va)),
                (1, false, level) if level != LAST && blocks_at(page_bits, level) => {
                    return Ok(self.found(descriptor, shift, va));
                }
                (1, true, _) => table = descriptor & ADDRESS & !((1 << page_bits) - 1),
                _ => return Err(WalkError::Unmapped),
            }
        }
        Err(WalkError::Unmapped)
    }

    fn found(&self, descriptor: u64, shift: u64, va: u64) -> Translation {
        let offset = va & ((1 << shift) - 1);
        let attribute = self.mair >> (8 * (descriptor >> 2 & 7)) & 0xff;
        Translation {
            ipa: (descriptor & ADDRESS & !((1 << shift) - 1)) | offset,
            bytes: (1 << shift) - offset,
            tagged: attribute == TAGGED,
        }
    }
}

/// Returns whether a level can have blocks (Arm ARM, D8.3.1, without 52-bit addresses).
fn blocks_at(page_bits: u64, level: u32) -> bool {
    match page_bits {
        12 => level == 1 || level == 2,
        _ => level == 2,
    }
}

#[cfg(test)]
mod tests;
