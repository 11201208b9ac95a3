//! Save and restore as a VMM does them, and the ways in which a VMM loses state in between.
//!
//! The order is that of [`machine::snapshot`]: memory, tags, registers. The firmware's own state is not bytes here, as it
//! would be in guest memory; so a number stands for it there, at the firmware's first address, and an [`Archive`] knows
//! what the number means. A VMM that loses that page has lost the firmware.

use std::ops::Range;

use abi::map;
use model::cpu::{Cpu, Hidden};
use model::defect::Injected;
use model::firmware::Firmware;
use model::kvm::GRANULE;

use super::ModelMachine;
use super::vm::{kernel, registers};
use machine::registers::{RegisterId, Registers};
use machine::snapshot::{CpuState, Extent, Snapshot};
use machine::tags;
use machine::{MachineError, Vm};

model::defects! {
    TAGS_NOT_SAVED "vmm.tags-not-saved" "tags are not saved at all";
    TAGS_LAST_GRANULE "vmm.tags-last-granule-lost" "the last tag of each stretch of memory is not saved";
    TAGS_LAST_PAGE "vmm.tags-last-page-lost" "the tags of the last page of each stretch of memory are not saved";
    TAGS_LAST_REGION "vmm.tags-last-region-lost" "the tags of the last stretch of memory are not saved";
    TAGS_FIRST_REGION_ONLY "vmm.tags-first-region-only" "only the tags of the first stretch of memory are saved";
    TAGS_NIBBLES "vmm.tags-nibbles-swapped" "packed tags are unpacked upper nibble first";
    TAGS_THREE_BITS "vmm.tags-three-bits" "tags are saved with three bits";
    TAGS_PAGE_OFF "vmm.tags-page-shifted" "tags are restored one page too high within a stretch of memory";
    TAGS_ONE_PAGE "vmm.tags-first-page-only" "a short count is taken for success: only the first page's tags are saved";
    TAGS_BEFORE_DATA "vmm.tags-before-data" "tags are restored before data, and lost where the data's pages replace them";
    TAGS_OF_DATA_ONLY "vmm.tags-of-zero-pages-lost" "a page that is all zero is left out of the saved state, its tags too";
    TAGS_UPPER_HALF "vmm.tags-upper-half-lost" "the tags of the upper half of RAM are not restored";
    DATA_UPPER_HALF "vmm.data-upper-half-lost" "the data of the upper half of RAM is not restored";
    DATA_LAST_PAGE "vmm.data-last-page-lost" "the last page that was saved is not restored";
    DATA_LAST_BYTE "vmm.data-last-bytes-lost" "the last 16 bytes of each stretch of memory are not restored";
    FIRMWARE_PAGE "vmm.first-page-lost" "the first page that was saved is not restored";
    MUTATION_IGNORED "vmm.saved-state-kept-elsewhere" "a restore takes the tags that were saved, not those that it is given";
    CAPABILITY_FORGOTTEN "vmm.capability-not-enabled" "the new VM is made without KVM_CAP_ARM_MTE";
    REGISTERS_LOST "vmm.registers-not-restored" "registers are not restored";
    REGISTERS_SYSTEM_LOST "vmm.system-registers-not-restored" "only core registers are restored";
    REGISTERS_LAST_LOST "vmm.x30-lost" "the last general register is not restored";
    REGISTERS_TRUNCATED "vmm.registers-truncated" "general registers are restored with 32 bits";
    REGISTERS_OF_FIRST "vmm.registers-of-first-vcpu" "every vCPU gets the registers of the first";
    REGISTERS_ONE_VCPU "vmm.second-vcpu-lost" "only the first vCPU's registers are restored";
    MMIO_PENDING "vmm.mmio-not-completed" "a store to a device is not completed before registers are saved: it happens twice";
    PC_SKIPS "vmm.pc-after-next" "an instruction behind a store to a device is skipped";
    GCR_RGSR "vmm.gcr-rgsr-swapped" "GCR_EL1 and RGSR_EL1 are swapped in the saved state";
    TFSRS "vmm.tfsrs-swapped" "TFSR_EL1 and TFSRE0_EL1 are swapped in the saved state";
    GCR_LOST "vmm.gcr-lost" "GCR_EL1 is not restored";
    RGSR_LOST "vmm.rgsr-lost" "RGSR_EL1 is not restored";
    TFSR_LOST "vmm.tfsr-lost" "TFSR_EL1 is not restored";
    TFSRE0_LOST "vmm.tfsre0-lost" "TFSRE0_EL1 is not restored";
    SCTLR_LOST "vmm.sctlr-lost" "SCTLR_EL1 is not restored";
    FPCR_LOST "vmm.fpcr-lost" "FPCR is not restored";
    FPSR_LOST "vmm.fpsr-lost" "FPSR is not restored";
    SP_LOST "vmm.sp-lost" "the stack pointer is not restored";
    FLAGS_LOST "vmm.flags-lost" "the flags are not restored";
    TCO_LOST "vmm.tco-lost" "PSTATE.TCO is not restored";
    LEVEL_LOST "vmm.level-lost" "every vCPU goes on at EL1";
}

/// The firmware's states by their numbers, from 1 on.
#[derive(Debug, Default)]
pub(super) struct Archive(Vec<Entry>);

/// What guest memory and CPUs hold that is not in a snapshot's bytes and registers.
#[derive(Clone, Debug)]
struct Entry {
    firmware: Firmware,
    /// Whether each vCPU's RGSR_EL1 is UNKNOWN.
    rgsr_unknown: Vec<bool>,
    /// What else each vCPU's registers do not show.
    hidden: Vec<Hidden>,
    /// The guest-physical memory that is UNKNOWN.
    unknown: Vec<Range<u64>>,
    /// The tags as they were saved.
    tags: Vec<Vec<u8>>,
}

impl Archive {
    /// Forgets all states: no snapshot from before can be restored.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    fn get(&self, number: u64) -> Option<&Entry> {
        self.0.get(usize::try_from(number.checked_sub(1)?).ok()?)
    }
}

/// PSTATE.{N, Z, C, V}.
const NZCV: u64 = 0xf << 28;
const TCO: u64 = 1 << 25;
/// PSTATE.M: EL1t.
const EL1T: u64 = 0b0100;
const LEVEL: u64 = 0b1111;

/// A register that a defect leaves out.
const LOST: &[(&model::defect::Defect, RegisterId)] = &[
    (&GCR_LOST, RegisterId::GCR_EL1),
    (&RGSR_LOST, RegisterId::RGSR_EL1),
    (&TFSR_LOST, RegisterId::TFSR_EL1),
    (&TFSRE0_LOST, RegisterId::TFSRE0_EL1),
    (&SCTLR_LOST, RegisterId::SCTLR_EL1),
    (&SP_LOST, RegisterId::SP_EL0),
    (&FPCR_LOST, RegisterId::FPCR),
    (&FPSR_LOST, RegisterId::FPSR),
    (&REGISTERS_LAST_LOST, RegisterId::x(30)),
];

impl ModelMachine {
    fn injected(&self) -> Injected {
        self.shared.settings.injected
    }

    /// Saves memory, tags and all registers.
    pub(super) fn save_vm(&mut self) -> Result<Snapshot, MachineError> {
        let injected = self.injected();
        if !injected.is(&MMIO_PENDING) {
            (0..self.config.cpus).for_each(|cpu| self.vm.get_mut().complete_mmio(cpu));
        }
        let number = self.archive.0.len() as u64 + 1;
        let recyclable = self.recyclable.get();
        self.write(map::FIRMWARE_BASE, &number.to_le_bytes())?;
        self.recyclable.set(recyclable);
        let memory = self.save_memory()?;
        let vm = self.vm.get_mut();
        let mut cpus = Vec::new();
        let (mut rgsr_unknown, mut hidden) = (Vec::new(), Vec::new());
        for cpu in 0..self.config.cpus {
            cpus.push(CpuState { registers: saved_registers(registers(vm, cpu)?, injected)?, mp_state: 0 });
            rgsr_unknown.push(vm.cpu(cpu).is_some_and(|state| state.sys.rgsr_unknown));
            hidden.push(vm.cpu(cpu).map(Cpu::hidden).unwrap_or_default());
        }
        if let Some(firmware) = &self.firmware {
            let tags = memory.iter().map(|extent| extent.tags.clone()).collect();
            let of = |extent: &Extent| vm.memory().unknown_in(extent.ipa..extent.ipa + extent.data.len() as u64);
            let unknown = memory.iter().flat_map(of).collect();
            self.archive.0.push(Entry { firmware: firmware.clone(), rgsr_unknown, hidden, unknown, tags });
        }
        Ok(Snapshot { config: self.config, memory, cpus, emulated: None })
    }

    /// Reads the touched memory and its tags.
    fn save_memory(&self) -> Result<Vec<Extent>, MachineError> {
        let injected = self.injected();
        let page = self.page_size() as usize;
        let touched = self.vm.borrow().memory().touched();
        let mut memory = Vec::new();
        for range in touched {
            let mut data = vec![0; (range.end - range.start) as usize];
            self.read(range.start, &mut data)?;
            let mut tags = vec![0; data.len() / GRANULE as usize];
            tags::fetch(self, range.start, &mut tags)?.complete()?;
            let per_page = page / GRANULE as usize;
            let last = tags.len();
            match injected {
                defect if defect.is(&TAGS_LAST_GRANULE) => tags[last - 1] = 0,
                defect if defect.is(&TAGS_LAST_PAGE) => tags[last - per_page..].fill(0),
                defect if defect.is(&TAGS_ONE_PAGE) => tags[per_page..].fill(0),
                defect if defect.is(&TAGS_NIBBLES) => {
                    tags.as_chunks_mut().0.iter_mut().for_each(|[low, high]| std::mem::swap(low, high));
                }
                defect if defect.is(&TAGS_THREE_BITS) => tags.iter_mut().for_each(|tag| *tag &= 7),
                defect if defect.is(&TAGS_OF_DATA_ONLY) => {
                    for (data, tags) in data.chunks(page).zip(tags.chunks_mut(per_page)) {
                        if data.iter().all(|byte| *byte == 0) {
                            tags.fill(0);
                        }
                    }
                }
                _ => {}
            }
            memory.push(Extent { ipa: range.start, data, tags });
        }
        let count = memory.len();
        for (place, extent) in memory.iter_mut().enumerate() {
            let lost = injected.is(&TAGS_NOT_SAVED)
                || injected.is(&TAGS_LAST_REGION) && place + 1 == count
                || injected.is(&TAGS_FIRST_REGION_ONLY) && place > 0;
            if lost {
                extent.tags.fill(0);
            }
        }
        Ok(memory)
    }

    /// Destroys the VM and puts a snapshot into a new one.
    pub(super) fn restore_vm(&mut self, snapshot: &Snapshot) -> Result<(), MachineError> {
        let injected = self.injected();
        let recyclable = self.recyclable.get();
        // The old VM goes first: nothing of it may help the new one.
        let mut config = snapshot.config;
        config.mte &= !injected.is(&CAPABILITY_FORGOTTEN);
        let vm = self.shared.create(config)?;
        self.vm.replace(vm);
        self.firmware = None;
        self.config = snapshot.config;
        self.in_block.resize(self.config.cpus, false);
        self.words.resize(self.config.cpus, 0);
        let middle = map::RAM_BASE + self.config.ram / 2;
        for (place, extent) in snapshot.memory.iter().enumerate() {
            self.restore_data(extent, (place == 0, place + 1 == snapshot.memory.len()), middle)?;
        }
        let mut number = [0; 8];
        self.read(map::FIRMWARE_BASE, &mut number)?;
        let entry = self.archive.get(u64::from_le_bytes(number)).cloned();
        for (place, extent) in snapshot.memory.iter().enumerate() {
            let saved = entry.as_ref().filter(|_| injected.is(&MUTATION_IGNORED));
            let tags = saved.and_then(|entry| entry.tags.get(place)).unwrap_or(&extent.tags);
            self.restore_tags(extent.ipa, tags, middle)?;
        }
        for (cpu, state) in snapshot.cpus.iter().enumerate() {
            let state = if injected.is(&REGISTERS_OF_FIRST) { &snapshot.cpus[0] } else { state };
            if injected.is(&REGISTERS_LOST) || injected.is(&REGISTERS_ONE_VCPU) && cpu > 0 {
                continue;
            }
            self.restore_registers(cpu, &state.registers)?;
        }
        if let Some(entry) = entry {
            for (cpu, unknown) in entry.rgsr_unknown.iter().enumerate() {
                self.vm.get_mut().mark_rgsr(cpu, *unknown);
            }
            for (cpu, hidden) in entry.hidden.iter().enumerate() {
                self.vm.get_mut().set_hidden(cpu, *hidden);
            }
            entry.unknown.into_iter().for_each(|range| self.vm.get_mut().make_unknown(range));
            self.firmware = Some(entry.firmware);
        }
        self.recyclable.set(recyclable && self.firmware.is_some());
        Ok(())
    }

    fn restore_data(&mut self, extent: &Extent, (first, last): (bool, bool), middle: u64) -> Result<(), MachineError> {
        let injected = self.injected();
        let page = self.page_size();
        let all = extent.data.len();
        let kept = match injected {
            defect if defect.is(&DATA_LAST_PAGE) && last => all - page as usize,
            defect if defect.is(&DATA_LAST_BYTE) => all - GRANULE as usize,
            defect if defect.is(&DATA_UPPER_HALF) => (middle.saturating_sub(extent.ipa) as usize).min(all),
            _ => all,
        };
        let skipped = if first && injected.is(&FIRMWARE_PAGE) { page as usize } else { 0 };
        if skipped < kept {
            self.write(extent.ipa + skipped as u64, &extent.data[skipped..kept])?;
        }
        Ok(())
    }

    /// Stores the tags of a stretch of memory. New memory has none, so pages without any need nothing.
    fn restore_tags(&mut self, ipa: u64, tags: &[u8], middle: u64) -> Result<(), MachineError> {
        let injected = self.injected();
        let page = self.page_size();
        let per_page = (page / GRANULE) as usize;
        let pages = (tags.len() / per_page) as u64;
        for (number, part) in (0u64..).zip(tags.chunks(per_page)) {
            let shifted = if injected.is(&TAGS_PAGE_OFF) && pages > 1 { (number + 1) % pages } else { number };
            let at = ipa + shifted * page;
            let lost = injected.is(&TAGS_BEFORE_DATA) || injected.is(&TAGS_UPPER_HALF) && at >= middle;
            if !lost && part.iter().any(|tag| *tag != 0) {
                tags::store(self, at, part)?.complete()?;
            }
        }
        Ok(())
    }

    fn restore_registers(&mut self, cpu: usize, registers: &Registers) -> Result<(), MachineError> {
        let injected = self.injected();
        let general = |id: RegisterId| (0..31).any(|n| RegisterId::x(n) == id);
        for (id, value) in registers.iter() {
            let lost = LOST.iter().any(|(defect, lost)| injected.is(defect) && *lost == id)
                || injected.is(&REGISTERS_SYSTEM_LOST) && id.class() == Some("system register");
            if lost {
                continue;
            }
            let mut bytes = [0; 16];
            let size = value.len().min(bytes.len());
            bytes[..size].copy_from_slice(&value[..size]);
            let mut number = u128::from_le_bytes(bytes);
            let low = number as u64;
            number = match id {
                RegisterId::PSTATE if injected.is(&FLAGS_LOST) => (low & !NZCV).into(),
                RegisterId::PSTATE if injected.is(&TCO_LOST) => (low & !TCO).into(),
                RegisterId::PSTATE if injected.is(&LEVEL_LOST) => (low & !LEVEL | EL1T).into(),
                RegisterId::PC if injected.is(&PC_SKIPS) && self.in_block[cpu] => (low + 4).into(),
                id if injected.is(&REGISTERS_TRUNCATED) && general(id) => (low & 0xffff_ffff).into(),
                _ => number,
            };
            let set = self.vm.get_mut().set_register(cpu, id, number);
            set.map_err(|errno| kernel(&format!("KVM_SET_ONE_REG of {id}"), errno))?;
        }
        Ok(())
    }
}

/// The registers as a VMM keeps them.
fn saved_registers(registers: Registers, injected: Injected) -> Result<Registers, MachineError> {
    let swapped = match injected {
        defect if defect.is(&GCR_RGSR) => (RegisterId::GCR_EL1, RegisterId::RGSR_EL1),
        defect if defect.is(&TFSRS) => (RegisterId::TFSR_EL1, RegisterId::TFSRE0_EL1),
        _ => return Ok(registers),
    };
    let ids: Vec<u64> = registers.iter().map(|(id, _)| id.0).collect();
    Registers::collect(&ids, |id, value| {
        let from = match id {
            id if id == swapped.0 => swapped.1,
            id if id == swapped.1 => swapped.0,
            id => id,
        };
        if let Some((_, bytes)) = registers.iter().find(|(other, _)| *other == from) {
            value.copy_from_slice(bytes);
        }
        Ok(())
    })
}
