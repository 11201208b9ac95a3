//! Which bytes of guest memory are UNKNOWN, and what makes them known.
//!
//! A program makes bytes UNKNOWN by storing what is UNKNOWN; whatever else is written, by the guest or by the VMM, is
//! known. A page without such bytes costs no more than to see that it has none.

use std::ops::Range;

use super::guest_memory::GuestMemory;
use super::page::Page;
use model_base::memory::ByteMask;

#[mutants::rules]
impl Page {
    /// Makes bytes that were written known.
    #[cold]
    pub(crate) fn know(&mut self, at: usize, count: usize) {
        if let Some(unknown) = &mut self.unknown {
            (at..at + count).for_each(|at| unknown[at / 64] &= !(1 << (at % 64)));
        }
    }

    fn is_unknown(&self, at: usize) -> bool {
        self.unknown.as_ref().is_some_and(|unknown| unknown[at / 64] >> (at % 64) & 1 != 0)
    }

    /// Returns which of `count` bytes are UNKNOWN, of the first 64.
    #[cold]
    pub(crate) fn unknown_bytes(&self, at: usize, count: usize) -> ByteMask {
        (0..count.min(64)).filter(|n| self.is_unknown(at + n)).fold(0, |mask, n| mask | 1 << n)
    }
}

#[mutants::rules]
impl GuestMemory {
    /// Makes bytes UNKNOWN.
    #[cold]
    pub(crate) fn forget_bytes(&mut self, ipa: u64, which: ByteMask) {
        let words = (self.page / 64) as usize;
        for at in (0..64).filter(|at| which >> at & 1 != 0) {
            let Some(place) = self.place(ipa + at) else { continue };
            let unknown = self.touch((place.slot, place.page)).unknown.get_or_insert_with(|| vec![0; words].into());
            unknown[place.byte / 64] |= 1 << (place.byte % 64);
        }
    }

    /// Lists what is UNKNOWN of a range of guest-physical addresses, in ascending order.
    #[must_use]
    pub fn unknown_in(&self, range: Range<u64>) -> Vec<Range<u64>> {
        let mut found: Vec<Range<u64>> = Vec::new();
        let mut ipa = range.start;
        while ipa < range.end {
            let next = (ipa + 1).next_multiple_of(self.page).min(range.end);
            let place = self.place(ipa);
            let page = place.and_then(|place| Some((place.byte, self.peek((place.slot, place.page))?)));
            if let Some((byte, page)) = page.filter(|(_, page)| page.unknown.is_some()) {
                for at in (ipa..next).filter(|at| page.is_unknown(byte + (at - ipa) as usize)) {
                    match found.last_mut() {
                        Some(last) if last.end == at => last.end += 1,
                        _ => found.push(at..at + 1),
                    }
                }
            }
            ipa = next;
        }
        found
    }
}
