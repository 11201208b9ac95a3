//! NT_ARM_SVE: the scalable vector registers at their current length.
//!
//! Layout: `struct user_sve_header` and SVE_PT_REGS_SVE of arch/arm64/include/uapi/asm/ptrace.h.

use zerocopy::little_endian::{U16, U32};
use zerocopy::{Immutable, IntoBytes, Unaligned};

use crate::register::{self, Values};

/// `struct user_sve_header`.
#[derive(Immutable, IntoBytes, Unaligned)]
#[repr(C)]
struct Header {
    size: U32,
    max_size: U32,
    vl: U16,
    max_vl: U16,
    flags: U16,
    reserved: U16,
}

const _: () = assert!(size_of::<Header>() == QUADWORD);

/// Bytes in the unit of vector lengths.
const QUADWORD: usize = 16;
/// SVE_PT_REGS_SVE: the registers are complete, and not only v0 to v31.
const REGS_SVE: u16 = 1;
/// ZCR_EL1.LEN.
const LEN: u64 = 0xf;

/// Returns the bytes of the note; `None` if the vCPU has no SVE.
pub(super) fn registers(values: &Values<'_>) -> Option<Vec<u8>> {
    // Bit n stands for n + 1 quadwords, up to the architecture's 16.
    let vls = values.get(register::SVE_VLS)?;
    let available = u32::from(u16::from_le_bytes([vls[0], vls[1]]));
    let most = available.checked_ilog2()?;
    // The largest length that is available and not above ZCR_EL1.LEN.
    let limit = values.u64(register::ZCR_EL1).map_or(most, |zcr| (zcr & LEN) as u32);
    let current = (available & ((2 << limit) - 1)).checked_ilog2()?;
    let (vl, max_vl) = (bytes(current), bytes(most));
    let header = Header {
        size: (size(vl) as u32).into(),
        max_size: (size(max_vl) as u32).into(),
        vl: (vl as u16).into(),
        max_vl: (max_vl as u16).into(),
        flags: REGS_SVE.into(),
        reserved: 0.into(),
    };
    let mut note = header.as_bytes().to_vec();
    (0..32).for_each(|n| append(&mut note, values.get(register::z(n)), vl));
    (0..16).for_each(|n| append(&mut note, values.get(register::p(n)), vl / 8));
    append(&mut note, values.get(register::FFR), vl / 8);
    note.resize(note.len().next_multiple_of(QUADWORD), 0);
    append(&mut note, values.get(register::FPSR), 4);
    append(&mut note, values.get(register::FPCR), 4);
    note.resize(size(vl), 0);
    Some(note)
}

/// Returns the length for a bit of the set.
fn bytes(bit: u32) -> usize {
    (bit as usize + 1) * QUADWORD
}

/// Returns the size of the note for a length: SVE_PT_SIZE.
fn size(vl: usize) -> usize {
    let registers = size_of::<Header>() + 32 * vl + 17 * (vl / 8);
    registers.next_multiple_of(QUADWORD) + QUADWORD
}

/// Appends the first bytes of a register, zeros if it is not listed.
fn append(note: &mut Vec<u8>, value: Option<&[u8]>, bytes: usize) {
    let value = value.and_then(|value| value.get(..bytes)).unwrap_or(&[]);
    note.extend_from_slice(value);
    note.resize(note.len() + bytes - value.len(), 0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::Vcpu;

    fn vcpu(vls: u8, zcr: u64) -> Vcpu {
        let mut lengths = vec![0; 64];
        lengths[0] = vls;
        let mut registers = vec![(register::SVE_VLS, lengths), (register::ZCR_EL1, zcr.to_le_bytes().to_vec())];
        registers.extend((0..32).map(|n| (register::z(n), vec![n as u8; 256])));
        registers.extend((0..16).map(|n| (register::p(n), vec![0x40 + n as u8; 32])));
        registers.push((register::FFR, vec![0x50; 32]));
        registers.push((register::FPSR, vec![0x60; 4]));
        registers.push((register::FPCR, vec![0x61; 4]));
        Vcpu { registers, ..Vcpu::default() }
    }

    #[test]
    fn the_length_is_the_largest_available_that_zcr_permits() {
        // 16, 32 and 64 bytes.
        for (zcr, vl) in [(0, 16), (1, 32), (2, 32), (3, 64), (15, 64)] {
            let note = registers(&Values::of(&vcpu(0b1011, zcr))).unwrap();
            assert_eq!(note[8..12], [vl, 0, 64, 0], "ZCR_EL1.LEN {zcr}");
            assert_eq!(note.len(), u32::from_le_bytes(note[..4].try_into().unwrap()) as usize);
        }
        assert_eq!(registers(&Values::of(&Vcpu::default())), None);
    }

    #[test]
    fn registers_are_where_ptrace_has_them() {
        let note = registers(&Values::of(&vcpu(0b11, 1))).unwrap();
        assert_eq!(note[16 + 32 * 31..][..32], [31; 32]);
        let predicates = 16 + 32 * 32;
        assert_eq!(note[predicates + 15 * 4..][..8], [0x4f, 0x4f, 0x4f, 0x4f, 0x50, 0x50, 0x50, 0x50]);
        // SVE_PT_SVE_FPSR_OFFSET: the 1108 bytes so far, rounded up to quadwords.
        assert_eq!(note[1108..1120], [0; 12]);
        assert_eq!(note[1120..], [0x60, 0x60, 0x60, 0x60, 0x61, 0x61, 0x61, 0x61, 0, 0, 0, 0, 0, 0, 0, 0]);
    }
}
