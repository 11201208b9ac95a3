//! What a VMM that is wrong restores of memory, tags and registers.

use std::ops::Range;

use machine::migration::SavableVm;
use machine::registers::{RegisterId, Registers};
use machine::tags::GRANULE;
use machine::{CopyResult, CopyTags, MachineError, TagBuffer, Vm as _};
use model_base::defect::Defect;

use super::FaultyVm;
use super::defects::{
    DATA_LAST_BYTE, DATA_LAST_PAGE, DATA_UPPER_HALF, FFR_LOST, FIRMWARE_PAGE, FLAGS_LOST, FPCR_LOST, FPSR_LOST,
    GCR_LOST, LEVEL_LOST, MUTATION_IGNORED, PREDICATES_LOST, REGISTERS_LAST_LOST, REGISTERS_SYSTEM_LOST,
    REGISTERS_TRUNCATED, RGSR_LOST, SCTLR_LOST, SP_LOST, TAGS_PAGE_OFF, TAGS_UPPER_HALF, TCO_LOST, TFSR_LOST,
    TFSRE0_LOST, VECTOR_LENGTH_LOST, VECTORS_TRUNCATED,
};

/// PSTATE.{N, Z, C, V}.
const NZCV: u64 = 0xf << 28;
const TCO: u64 = 1 << 25;
/// PSTATE.M: EL1t.
const EL1T: u64 = 0b0100;
const LEVEL: u64 = 0b1111;

/// A register that a defect leaves out.
const LOST: &[(&Defect, RegisterId)] = &[
    (&GCR_LOST, RegisterId::GCR_EL1),
    (&RGSR_LOST, RegisterId::RGSR_EL1),
    (&TFSR_LOST, RegisterId::TFSR_EL1),
    (&TFSRE0_LOST, RegisterId::TFSRE0_EL1),
    (&SCTLR_LOST, RegisterId::SCTLR_EL1),
    (&SP_LOST, RegisterId::SP_EL0),
    (&FPCR_LOST, RegisterId::FPCR),
    (&FPSR_LOST, RegisterId::FPSR),
    (&FFR_LOST, RegisterId::FFR),
    (&VECTOR_LENGTH_LOST, RegisterId::ZCR_EL1),
    (&REGISTERS_LAST_LOST, RegisterId::x(30)),
];

impl<V: SavableVm> FaultyVm<'_, V> {
    /// Writes a stretch of memory, without what is lost of it.
    pub(super) fn write_stretch(&mut self, ipa: u64, bytes: &[u8]) -> Result<(), MachineError> {
        if let Some((ipa, page)) = self.held.take() {
            self.inner.write(ipa, &page)?;
        }
        let injected = self.injected;
        let page = self.page_size() as usize;
        let all = bytes.len();
        let kept = match injected {
            defect if defect.is(&DATA_LAST_PAGE) => all - page,
            defect if defect.is(&DATA_LAST_BYTE) => all - GRANULE as usize,
            defect if defect.is(&DATA_UPPER_HALF) => (self.middle().saturating_sub(ipa) as usize).min(all),
            _ => all,
        };
        let skipped = if self.written.is_empty() && injected.is(&FIRMWARE_PAGE) { page } else { 0 };
        if injected.is(&DATA_LAST_PAGE) {
            self.held = Some((ipa + kept as u64, bytes[kept..].to_vec()));
        }
        self.written.push(ipa..ipa + all as u64);
        if skipped < kept { self.inner.write(ipa + skipped as u64, &bytes[skipped..kept]) } else { Ok(()) }
    }

    /// Stores tags of a page, somewhere else or not at all.
    pub(super) fn store(&self, call: CopyTags<'_>) -> CopyResult {
        let CopyTags { ipa, length, flags, reserved, buffer } = call;
        if self.injected.is(&TAGS_UPPER_HALF) && ipa >= self.middle() {
            return Ok(length);
        }
        let stretch = self.written.iter().find(|range| range.contains(&ipa)).cloned().unwrap_or(ipa..ipa + length);
        let ipa = if self.injected.is(&TAGS_PAGE_OFF) { shifted(ipa, length, &stretch) } else { ipa };
        let mut saved = self.saved_tags(ipa, length);
        let buffer = match &mut saved {
            Some(tags) => TagBuffer::Bytes(tags),
            None => buffer,
        };
        self.inner.copy_tags(CopyTags { ipa, length, flags, reserved, buffer })
    }

    /// Returns the tags that were fetched for a range when it was saved, where the VMM prefers them.
    fn saved_tags(&self, ipa: u64, length: u64) -> Option<Vec<u8>> {
        if !self.injected.is(&MUTATION_IGNORED) {
            return None;
        }
        let record = self.record.borrow();
        let (start, tags) = record.0.range(..=ipa).next_back()?;
        let first = ((ipa - start) / GRANULE) as usize;
        Some(tags.get(first..first + (length / GRANULE) as usize)?.to_vec())
    }

    /// Returns the registers as they are restored.
    pub(super) fn restored_registers(&self, registers: &Registers) -> Result<Registers, MachineError> {
        let injected = self.injected;
        let lost = |id: RegisterId| {
            LOST.iter().any(|(defect, lost)| injected.is(defect) && *lost == id)
                || injected.is(&PREDICATES_LOST) && (0..16).any(|n| RegisterId::p(n) == id)
                || injected.is(&REGISTERS_SYSTEM_LOST) && id.class() == Some("system register")
        };
        let ids: Vec<u64> = registers.iter().map(|(id, _)| id).filter(|id| !lost(*id)).map(|id| id.0).collect();
        let general = |id: RegisterId| (0..31).any(|n| RegisterId::x(n) == id);
        Registers::collect(&ids, |id, value| {
            if let Some((_, bytes)) = registers.iter().find(|(other, _)| *other == id) {
                value.copy_from_slice(bytes);
            }
            if injected.is(&VECTORS_TRUNCATED) && id.size() == 256 {
                value[16..].fill(0);
            }
            let before = registers.get(id).unwrap_or(0);
            let after = match id {
                RegisterId::PSTATE if injected.is(&FLAGS_LOST) => before & !NZCV,
                RegisterId::PSTATE if injected.is(&TCO_LOST) => before & !TCO,
                RegisterId::PSTATE if injected.is(&LEVEL_LOST) => before & !LEVEL | EL1T,
                id if injected.is(&REGISTERS_TRUNCATED) && general(id) => before & 0xffff_ffff,
                _ => return Ok(()),
            };
            value.copy_from_slice(&after.to_le_bytes());
            Ok(())
        })
    }
}

/// Returns the page behind a page, and behind the last one of a stretch the first.
fn shifted(ipa: u64, page: u64, stretch: &Range<u64>) -> u64 {
    if ipa + page < stretch.end { ipa + page } else { stretch.start }
}
