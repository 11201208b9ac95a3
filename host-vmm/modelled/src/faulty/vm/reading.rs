//! What a VMM that is wrong saves of tags and registers.

use machine::migration::SavableVm;
use machine::registers::{RegisterId, Registers};
use machine::tags::GRANULE;
use machine::{CopyResult, CopyTags, MachineError, TagBuffer, Vm as _};

use super::FaultyVm;
use super::defects::{
    GCR_RGSR, PC_SKIPS, TAGS_FIRST_REGION_ONLY, TAGS_LAST_GRANULE, TAGS_LAST_PAGE, TAGS_LAST_REGION, TAGS_NIBBLES,
    TAGS_NOT_SAVED, TAGS_OF_DATA_ONLY, TAGS_ONE_PAGE, TAGS_THREE_BITS, TFSRS, VECTOR_LENGTHS_FORGOTTEN,
};

/// Bytes of an instruction.
const INSTRUCTION: u64 = 4;

impl<V: SavableVm> FaultyVm<'_, V> {
    /// Fetches the tags of a stretch of memory, and spoils them.
    pub(super) fn fetch(&self, call: CopyTags<'_>) -> CopyResult {
        let CopyTags { ipa, length, flags, reserved, buffer } = call;
        let TagBuffer::Bytes(tags) = buffer else {
            return self.inner.copy_tags(CopyTags { ipa, length, flags, reserved, buffer });
        };
        let fetched =
            self.inner.copy_tags(CopyTags { ipa, length, flags, reserved, buffer: TagBuffer::Bytes(&mut *tags) })?;
        self.spoil(ipa, &mut tags[..(length / GRANULE) as usize]);
        self.record.borrow_mut().0.insert(ipa, tags.to_vec());
        Ok(fetched)
    }

    fn spoil(&self, ipa: u64, tags: &mut [u8]) {
        let page = self.page_size();
        let per_page = (page / GRANULE) as usize;
        let last = tags.len();
        let touched = self.touched();
        let is_first = touched.first().is_some_and(|range| range.contains(&ipa));
        let is_last = touched.last().is_some_and(|range| range.contains(&ipa));
        match self.injected {
            defect if defect.is(&TAGS_NOT_SAVED) => tags.fill(0),
            defect if defect.is(&TAGS_LAST_REGION) && is_last => tags.fill(0),
            defect if defect.is(&TAGS_FIRST_REGION_ONLY) && !is_first => tags.fill(0),
            defect if defect.is(&TAGS_LAST_GRANULE) => tags[last - 1] = 0,
            defect if defect.is(&TAGS_LAST_PAGE) => tags[last - per_page..].fill(0),
            defect if defect.is(&TAGS_ONE_PAGE) => tags[per_page..].fill(0),
            defect if defect.is(&TAGS_NIBBLES) => {
                tags.as_chunks_mut().0.iter_mut().for_each(|[low, high]| std::mem::swap(low, high));
            }
            defect if defect.is(&TAGS_THREE_BITS) => tags.iter_mut().for_each(|tag| *tag &= 7),
            defect if defect.is(&TAGS_OF_DATA_ONLY) => {
                for (number, tags) in (0..).zip(tags.chunks_mut(per_page)) {
                    let mut data = vec![0; page as usize];
                    let read = self.read(ipa + number * page, &mut data);
                    if read.is_ok() && data.iter().all(|byte| *byte == 0) {
                        tags.fill(0);
                    }
                }
            }
            _ => {}
        }
    }

    /// Returns the registers as a VMM keeps them.
    pub(super) fn saved_registers(&self, cpu: usize, registers: &Registers) -> Result<Registers, MachineError> {
        let injected = self.injected;
        let skips = injected.is(&PC_SKIPS) && self.completed.contains(&cpu);
        let swapped = match injected {
            defect if defect.is(&GCR_RGSR) => Some((RegisterId::GCR_EL1, RegisterId::RGSR_EL1)),
            defect if defect.is(&TFSRS) => Some((RegisterId::TFSR_EL1, RegisterId::TFSRE0_EL1)),
            _ => None,
        };
        let ids: Vec<u64> = registers.iter().map(|(id, _)| id.0).collect();
        Registers::collect(&ids, |id, value| {
            let from = match swapped {
                Some((first, second)) if id == first => second,
                Some((first, second)) if id == second => first,
                _ => id,
            };
            if let Some((_, bytes)) = registers.iter().find(|(other, _)| *other == from) {
                value.copy_from_slice(bytes);
            }
            if injected.is(&VECTOR_LENGTHS_FORGOTTEN) && id == RegisterId::SVE_VLS {
                value[..2].fill(0xff);
            }
            if skips && id == RegisterId::PC {
                let next = registers.get(id).unwrap_or(0) + INSTRUCTION;
                value.copy_from_slice(&next.to_le_bytes());
            }
            Ok(())
        })
    }
}
