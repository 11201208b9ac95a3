//! LDFF1 and LDNF1: loads that stop at a fault and say where in FFR.
//!
//! Pseudocode of LDFF1B and LDNF1B, `MemNF` and `MemSingleNF`. A tag that does not match stops them in every mode, and nothing
//! is recorded.

use abi::map;
use arch::TaggedPtr;

use super::elements::{Element, Transfer};
use super::memory::extend;
use super::{MAX_BYTES, bit, set_bit};
use crate::cpu::access::Access;
use crate::cpu::state::{Core, Executed, Stop};
use crate::cpu::translate::Purpose;
use crate::cpu::watch;
use model_base::Hypervisor;

mutants::defects!();

/// Bytes in a page of the guest.
const PAGE: u64 = map::GUEST_PAGE;

/// Whether an access that may not fault can be made.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Attempt {
    Made,
    /// Only if a tag that does not match has no effect.
    Mismatch,
    Suppressed,
}

/// What elements from the one that is false in FFR on hold (Unpredictable_SVELDNFDATA and SVELDNFZERO).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rest {
    /// What was loaded before the load stopped, and zeros.
    Loaded,
    Zeros,
    Kept,
}

/// Lists the places in `faulting..end` of elements that touch a page which none before touches.
#[mutants::rules]
fn first_touches(transfer: &Transfer, faulting: usize, end: usize) -> Vec<usize> {
    let mut touched = Vec::new();
    let mut list = Vec::new();
    for (place, element) in transfer.elements[..end].iter().enumerate() {
        let ends = [element.va, element.va.wrapping_add(transfer.bytes as u64 - 1)];
        for page in ends.map(|va| TaggedPtr::new(va).untagged().bits() / PAGE) {
            if !touched.contains(&page) {
                touched.push(page);
                if place >= faulting && list.last() != Some(&place) {
                    list.push(place);
                }
            }
        }
    }
    list
}

#[mutants::rules]
impl Core<'_, '_> {
    /// LDFF1, whose first active element takes its fault, or LDNF1.
    pub(super) fn load_first_fault(&mut self, transfer: &Transfer, first_faults: bool) -> Executed {
        let access = self.plain(true, transfer.bytes as u64, transfer.checked);
        let faulting = usize::from(first_faults);
        if let Some(first) = transfer.elements.iter().take(faulting).next() {
            self.reachable(first.va, transfer.bytes as u64, access)?;
        }
        let stops = self.stops_at(transfer, faulting, access)?;
        let index = transfer.list.first();
        let (kept, kept_unknown) = (self.z(index), self.is_unknown_z(index));
        let mut image = [0; MAX_BYTES];
        let mut unknown = false;
        for Element { va, at, .. } in &transfer.elements[..stops.unwrap_or(transfer.elements.len())] {
            let data = &mut image[*at..*at + transfer.element];
            unknown |= self.load(*va, &mut data[..transfer.bytes], Self::reached(access))? != 0;
            extend(data, transfer.bytes, transfer.signed);
        }
        let mut ffr = self.ffr()?;
        if let Some(stopped) = stops {
            let from = transfer.elements[stopped].at;
            (from..self.vector_bytes()).for_each(|n| set_bit(&mut ffr, n, false));
        }
        let length = self.vector_bytes();
        let open = (0..length).step_by(transfer.element).find(|at| !bit(&ffr, *at));
        if let Some(open) = open {
            match [Rest::Loaded, Rest::Zeros, Rest::Kept][self.env.choices.choose(3) as usize] {
                Rest::Loaded => {}
                Rest::Zeros => image[open..].fill(0),
                Rest::Kept => {
                    image[open..].copy_from_slice(&kept[open..]);
                    unknown |= kept_unknown;
                }
            }
        }
        self.set_ffr(&ffr);
        self.set_z(index, &image);
        if unknown {
            self.forget_z(index);
        }
        Ok(())
    }

    /// Returns the place of the element at which a load stops, of which the first `faulting` were made.
    ///
    /// An implementation may stop at any (Unpredictable_NONFAULT). Those that are known stop where they must, at an element of
    /// another page, at one that crosses into it, or at once if that one must stop it. Under KVM they also stop at a page that
    /// was not touched yet: it is not there at stage 2, and loads that may not fault do not make it be.
    fn stops_at(&mut self, transfer: &Transfer, faulting: usize, access: Access) -> Result<Option<usize>, Stop> {
        let elements = &transfer.elements;
        let mut ignores = None;
        let mut must = None;
        for (place, element) in elements.iter().enumerate().skip(faulting) {
            let attempt = self.attempt(element.va, transfer.bytes as u64, access)?;
            // SCTLR_EL1.TCF of 0: a fault has no effect, while the pseudocode does not ask for it.
            if attempt == Attempt::Mismatch && ignores.is_none() {
                ignores = Some(self.ignores_mismatch(access) && self.env.choices.choose(2) == 0);
            }
            if attempt == Attempt::Suppressed || attempt == Attempt::Mismatch && ignores == Some(false) {
                must = Some(place);
                break;
            }
        }
        let page = |va: u64| va / PAGE;
        let crosses = |element: &Element| page(element.va) != page(element.va.wrapping_add(transfer.bytes as u64 - 1));
        let first = elements.first().map_or(0, |element| page(element.va));
        let end = must.unwrap_or(elements.len());
        let may = |from: usize, stops: &dyn Fn(&Element) -> bool| (from..end).find(|place| stops(&elements[*place]));
        // LDNF1 may stop at once if an element must stop it that crosses into another page.
        let at_once = must.filter(|place| faulting == 0 && crosses(&elements[*place])).map(|_| 0);
        let mut options = vec![must];
        let elsewhere = may(1, &|element| page(element.va) != first || crosses(element));
        let missing = if self.env.platform.hypervisor == Hypervisor::Kvm {
            first_touches(transfer, faulting, end)
        } else {
            Vec::new()
        };
        let missing = missing.into_iter().map(Some);
        for option in [elsewhere, may(faulting, &crosses), at_once].into_iter().chain(missing) {
            if option.is_some() && !options.contains(&option) {
                options.push(option);
            }
        }
        Ok(options[self.env.choices.choose(options.len() as u32) as usize])
    }

    /// Looks whether an access can be made without a fault.
    fn attempt(&mut self, va: u64, bytes: u64, access: Access) -> Result<Attempt, Stop> {
        if self.misaligned(va, bytes, access) {
            return Ok(Attempt::Suppressed);
        }
        let first = (PAGE - va % PAGE).min(bytes);
        let mut matches = true;
        for (va, bytes) in [(va, first), (va.wrapping_add(first), bytes - first)] {
            if bytes == 0 {
                continue;
            }
            let Ok(entry) = self.entry(va) else { return Ok(Attempt::Suppressed) };
            let Ok(place) = entry.place(Purpose::Read, access.el) else { return Ok(Attempt::Suppressed) };
            if entry.is_device() {
                return Ok(Attempt::Suppressed);
            }
            if (map::RAM_BASE..map::CODE_BASE).contains(&place.ipa) {
                return Err(Stop::Unmodelled("an access to the firmware's memory"));
            }
            watch::access(self, &[(va, place, bytes)], access);
            matches &= !self.is_checked(va, access) || self.first_mismatch(va, place, bytes)?.is_none();
        }
        Ok(if matches { Attempt::Made } else { Attempt::Mismatch })
    }
}
