//! What guest memory and CPUs of the model hold that is not in a saved state's bytes and registers.
//!
//! The firmware's own state is not bytes here, as it would be in guest memory; so a number stands for it there, at the
//! firmware's first address, and an [`Archive`] knows what the number means. A VMM that loses that page has lost the
//! firmware.

use std::ops::Range;

use firmware_model::Firmware;
use model::cpu::{Cpu, Hidden};

use machine::snapshot::Snapshot;

/// The hidden states by their numbers, from 1 on.
#[derive(Debug, Default)]
pub struct Archive(Vec<Entry>);

/// One hidden state.
#[derive(Clone, Debug)]
struct Entry {
    firmware: Firmware,
    /// Whether each vCPU's RGSR_EL1 is UNKNOWN.
    rgsr_unknown: Vec<bool>,
    /// What else each vCPU's registers do not show.
    hidden: Vec<Hidden>,
    /// The guest-physical memory that is UNKNOWN.
    unknown: Vec<Range<u64>>,
}

impl Archive {
    /// Returns the number of the next state.
    pub fn next(&self) -> u64 {
        self.0.len() as u64 + 1
    }

    /// Forgets all states: no snapshot from before can be restored.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Keeps what a snapshot of a VM does not show, under [`Self::next`].
    pub fn keep(&mut self, firmware: &Firmware, vm: &kvm_model::Vm, snapshot: &Snapshot) {
        let cpus = 0..snapshot.config.cpus;
        let extents = snapshot.memory.iter();
        let unknown = |ipa: u64, bytes: usize| vm.memory().unknown_in(ipa..ipa + bytes as u64);
        self.0.push(Entry {
            firmware: firmware.clone(),
            rgsr_unknown: cpus.clone().map(|cpu| vm.cpu(cpu).is_some_and(|state| state.sys.rgsr_unknown)).collect(),
            hidden: cpus.map(|cpu| vm.cpu(cpu).map(Cpu::hidden).unwrap_or_default()).collect(),
            unknown: extents.flat_map(|extent| unknown(extent.ipa, extent.data.len())).collect(),
        });
    }

    /// Puts a state back into a restored VM, and returns its firmware; `None` for a number that stands for none.
    pub fn restore(&self, number: u64, vm: &mut kvm_model::Vm) -> Option<Firmware> {
        let entry = self.0.get(usize::try_from(number.checked_sub(1)?).ok()?)?;
        for (cpu, unknown) in entry.rgsr_unknown.iter().enumerate() {
            vm.mark_rgsr(cpu, *unknown);
        }
        for (cpu, hidden) in entry.hidden.iter().enumerate() {
            vm.set_hidden(cpu, hidden.clone());
        }
        entry.unknown.iter().for_each(|range| vm.make_unknown(range.clone()));
        Some(entry.firmware.clone())
    }
}
