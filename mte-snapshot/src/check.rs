//! What a valid snapshot is. Both directions ask here: nothing invalid is encoded, and nothing invalid is decoded.

use std::collections::BTreeSet;
use std::fmt::Display;

use kvm_mte::register::Register;
use kvm_mte::{GRANULE, MAX_TAG};

use crate::error::EncodeError;
use crate::register::{self, BadId, Values};
use crate::snapshot::{Extent, Identity, Slot, Snapshot, Vcpu, View};

/// Views and runs of pages are multiples of this, the smallest page of the architecture.
pub(crate) const SMALLEST_PAGE: u64 = 4096;
/// The size of `struct kvm_vcpu_events` on arm64.
pub(crate) const EVENTS: usize = 64;
/// KVM_MAX_VCPUS on arm64 (VGIC_V3_MAX_CPUS).
const MAX_VCPUS: usize = 512;
/// Many times what KVM lists, and no more than fits into a note.
const MAX_REGISTERS: usize = 65536;
/// ID_AA64PFR1_EL1.MTE from which on memory has tags (FEAT_MTE2).
const FEAT_MTE2: u8 = 2;

type Checked = Result<(), EncodeError>;

/// Returns the error of a field.
fn invalid<T>(field: impl Display, expected: impl Display, found: impl Display) -> Result<T, EncodeError> {
    Err(EncodeError { field: field.to_string(), expected: expected.to_string(), found: found.to_string() })
}

/// Checks all fields but the memory.
pub(crate) fn metadata(snapshot: &Snapshot) -> Checked {
    identity(&snapshot.identity)?;
    slots(&snapshot.slots, snapshot.identity.page_size)?;
    views(&snapshot.views, has_tags(&snapshot.identity))?;
    for (index, state) in snapshot.vcpus.iter().enumerate() {
        vcpu(index, state, &snapshot.identity)?;
    }
    lengths(snapshot)
}

/// Returns whether the guest's memory has tags.
pub(crate) fn has_tags(identity: &Identity) -> bool {
    identity.mte >= FEAT_MTE2
}

fn identity(identity: &Identity) -> Checked {
    if ![4096, 16384, 65536].contains(&identity.page_size) {
        return invalid("identity.page_size", "4096, 16384 or 65536", identity.page_size);
    }
    if identity.mte > 15 {
        return invalid("identity.mte", "a field of four bits", identity.mte);
    }
    Ok(())
}

/// Checks that a range is not empty, has whole pages and does not wrap.
fn range(field: &str, name: &str, at: u64, bytes: u64, page: u64) -> Checked {
    if !at.is_multiple_of(page) {
        return invalid(format_args!("{field}.{name}"), format_args!("a multiple of {page}"), format_args!("{at:#x}"));
    }
    if bytes == 0 || !bytes.is_multiple_of(page) {
        let expected = format_args!("a multiple of {page} that is not 0");
        return invalid(format_args!("{field}.bytes"), expected, format_args!("{bytes:#x}"));
    }
    if at.checked_add(bytes - 1).is_none() {
        let expected = "an end in the address space";
        return invalid(format_args!("{field}.bytes"), expected, format_args!("{bytes:#x} bytes from {at:#x}"));
    }
    Ok(())
}

/// Checks that no two ranges, given as first and last address, overlap.
fn disjoint(field: &str, name: &str, ranges: impl Iterator<Item = (u64, u64)>) -> Checked {
    let mut sorted: Vec<(usize, (u64, u64))> = ranges.enumerate().collect();
    sorted.sort_by_key(|(_, range)| *range);
    for pair in sorted.windows(2) {
        let ((left, (_, last)), (right, (first, _))) = (pair[0], pair[1]);
        if first <= last {
            let expected = format_args!("an address after {last:#x}, the end of {field}[{left}]");
            return invalid(format_args!("{field}[{right}].{name}"), expected, format_args!("{first:#x}"));
        }
    }
    Ok(())
}

fn slots(slots: &[Slot], page: u64) -> Checked {
    for (index, slot) in slots.iter().enumerate() {
        range(&format!("slots[{index}]"), "ipa", slot.ipa, slot.bytes, page)?;
    }
    disjoint("slots", "ipa", slots.iter().map(|slot| (slot.ipa, slot.ipa + (slot.bytes - 1))))
}

/// Checks the memory of a snapshot whose other fields are valid.
pub(crate) fn memory(snapshot: &Snapshot) -> Checked {
    let mut slots: Vec<&Slot> = snapshot.slots.iter().collect();
    slots.sort_by_key(|slot| slot.ipa);
    for (index, extent) in snapshot.memory.iter().enumerate() {
        let field = format!("memory[{index}]");
        let bytes = extent.data.len() as u64;
        range(&field, "ipa", extent.ipa, bytes, snapshot.identity.page_size)?;
        let slot = slots.partition_point(|slot| slot.ipa <= extent.ipa).checked_sub(1).map(|at| slots[at]);
        if slot.is_none_or(|slot| extent.ipa - slot.ipa + (bytes - 1) >= slot.bytes) {
            let found = format_args!("{bytes:#x} bytes from {:#x}", extent.ipa);
            return invalid(field, "a range within one slot", found);
        }
        tags(&field, extent, has_tags(&snapshot.identity))?;
    }
    disjoint("memory", "ipa", snapshot.memory.iter().map(|e| (e.ipa, e.ipa + (e.data.len() as u64 - 1))))
}

fn tags(field: &str, extent: &Extent, has_tags: bool) -> Checked {
    let granules = extent.data.len() / GRANULE as usize;
    if extent.tags.len() != granules {
        let expected = format_args!("{granules}, one for each granule of the data");
        return invalid(format_args!("{field}.tags.len()"), expected, extent.tags.len());
    }
    let (largest, expected) =
        if has_tags { (MAX_TAG, "a tag of four bits") } else { (0, "0, since identity.mte is below 2") };
    // The whole first, which is fast; only an error needs the place.
    if extent.tags.iter().fold(0, |all, tag| all | tag) > largest
        && let Some(at) = extent.tags.iter().position(|tag| *tag > largest)
    {
        return invalid(format_args!("{field}.tags[{at}]"), expected, extent.tags[at]);
    }
    Ok(())
}

fn views(views: &[View], has_tags: bool) -> Checked {
    for (index, view) in views.iter().enumerate() {
        let field = format!("views[{index}]");
        range(&field, "va", view.va, view.bytes, SMALLEST_PAGE)?;
        range(&field, "ipa", view.ipa, view.bytes, SMALLEST_PAGE)?;
        // Debuggers replace the top byte by copies of bit 55.
        let canonical = |va: u64| (va as i64) << 8 >> 8 == va as i64;
        let last = view.va + (view.bytes - 1);
        if !canonical(view.va) || !canonical(last) || view.va >> 55 != last >> 55 {
            let found = format_args!("{:#x} bytes from {:#x}", view.bytes, view.va);
            return invalid(format_args!("{field}.va"), "addresses whose bits 63:56 are copies of bit 55", found);
        }
        if view.tagged && !has_tags {
            return invalid(format_args!("{field}.tagged"), "false, since identity.mte is below 2", "true");
        }
    }
    disjoint("views", "va", views.iter().map(|view| (view.va, view.va + (view.bytes - 1))))
}

fn vcpu(index: usize, vcpu: &Vcpu, identity: &Identity) -> Checked {
    if vcpu.registers.len() > MAX_REGISTERS {
        let expected = format_args!("at most {MAX_REGISTERS}");
        return invalid(format_args!("vcpus[{index}].registers.len()"), expected, vcpu.registers.len());
    }
    let mut seen = BTreeSet::new();
    for (at, (id, value)) in vcpu.registers.iter().enumerate() {
        let field = format_args!("vcpus[{index}].registers[{at}]");
        let size = match register::size(*id) {
            Ok(size) => size,
            Err(BadId::Form) => return invalid(field, "an id of arm64", format_args!("{id:#x}")),
            Err(BadId::Class(class)) => {
                let expected = format_args!("a register of a known class ({})", register::classes());
                return invalid(field, expected, format_args!("class {class:#x}, in {id:#x}"));
            }
        };
        if value.len() != size {
            let expected = format_args!("a value of {size} bytes for {id:#x}");
            return invalid(field, expected, format_args!("{} bytes", value.len()));
        }
        if !seen.insert(*id) {
            return invalid(field, "each register once", format_args!("{id:#x} again"));
        }
    }
    if let Some(events) = &vcpu.events
        && events.len() != EVENTS
    {
        return invalid(format_args!("vcpus[{index}].events"), format_args!("{EVENTS} bytes"), events.len());
    }
    mte_registers(index, &Values::of(vcpu), identity)
}

/// Checks that the registers agree with the level of MTE.
fn mte_registers(index: usize, values: &Values<'_>, identity: &Identity) -> Checked {
    let field = format_args!("vcpus[{index}].registers");
    for register in Register::ALL {
        let listed = values.get(register.id()).is_some();
        if listed != has_tags(identity) {
            let expected = format_args!(
                "{register} {}, since identity.mte is {}",
                if listed { "missing" } else { "listed" },
                identity.mte
            );
            return invalid(field, expected, format_args!("it is {}", if listed { "listed" } else { "missing" }));
        }
    }
    let level = values.u64(register::ID_AA64PFR1_EL1).map(|value| value >> 8 & 0xf);
    if let Some(level) = level
        && level != u64::from(identity.mte)
    {
        let expected = format_args!("ID_AA64PFR1_EL1.MTE {}, as identity.mte", identity.mte);
        return invalid(field, expected, level);
    }
    Ok(())
}

/// Checks that each note's length fits into its header's 32 bits, with room for what surrounds it.
fn lengths(snapshot: &Snapshot) -> Checked {
    const LIMIT: usize = 1 << 31;
    let application = snapshot.application.as_ref();
    let parts = [
        ("identity.kernel.len()", snapshot.identity.kernel.len(), 4095),
        ("identity.emulator.len()", snapshot.identity.emulator.len(), 4095),
        ("identity.cpu.len()", snapshot.identity.cpu.len(), 4095),
        ("slots.len()", snapshot.slots.len(), LIMIT / 64),
        ("views.len()", snapshot.views.len(), LIMIT / 64),
        ("vcpus.len()", snapshot.vcpus.len(), MAX_VCPUS),
        ("application.name.len()", application.map_or(0, |application| application.name.len()), 4095),
        ("application.bytes.len()", application.map_or(0, |application| application.bytes.len()), LIMIT),
    ];
    for (field, length, limit) in parts {
        if length > limit {
            return invalid(field, format_args!("at most {limit}"), length);
        }
    }
    Ok(())
}
