//! Between a machine's saved state and the snapshot that is a file.

use abi::map::{self, Window};
use machine::registers::Registers;
use machine::session::GuestState;
use machine::snapshot::{CpuState, Extent};
use machine::target::Target;
use machine::{Config, MachineError, snapshot as state};
use mte_snapshot::{Application, Identity, Slot, Snapshot, Vcpu, View};

use super::error::SavedError;

/// ID_AA64PFR1_EL1.MTE.
const MTE_SHIFT: u32 = 8;

/// What else is known of whoever saves: the emulator around the kernel, if there is one, and the digest of the guest's image.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// The emulator, as it names itself: `QEMU 10.0.13`; empty for hardware.
    pub emulator: String,
    /// BLAKE3 of the firmware.
    pub image: [u8; 32],
}

impl Origin {
    /// Describes whoever saves the guest of this firmware.
    #[must_use]
    pub fn new(emulator: &str, firmware: &[u8]) -> Self {
        Self { emulator: emulator.to_owned(), image: blake3::hash(firmware).into() }
    }
}

/// Returns where the firmware shows memory: arena and heap in each window, and a vCPU's code.
fn views(cpus: usize) -> Vec<View> {
    let regions = [(map::ARENA_BASE, map::ARENA_SIZE), (map::HEAP_BASE, map::HEAP_SIZE)];
    let windows = Window::ALL.into_iter().flat_map(|window| {
        let tagged = matches!(window, Window::Tagged | Window::TaggedEl0);
        regions.into_iter().map(move |(ipa, bytes)| View { va: window.va(ipa), ipa, bytes, tagged })
    });
    let code = (0..cpus).map(|cpu| View {
        va: map::code_va(cpu),
        ipa: map::code_ipa(cpu),
        bytes: map::CODE_STRIDE,
        tagged: true,
    });
    windows.chain(code).collect()
}

/// Makes a snapshot of a saved state.
///
/// # Errors
///
/// When the state is an emulator's own, which has no registers of KVM.
pub fn snapshot(
    saved: &state::Snapshot,
    target: &Target,
    origin: &Origin,
    application: Option<Application>,
) -> Result<Snapshot, SavedError> {
    if saved.emulated.is_some() || saved.cpus.is_empty() {
        let what = "this machine keeps its saved states to itself; a snapshot takes KVM (--via kvm or nested)";
        return Err(MachineError::Unsupported(what.to_owned()).into());
    }
    let identity = Identity {
        page_size: target.page_size,
        mte: (target.boot.pfr1 >> MTE_SHIFT & 0xf) as u8,
        gmid: target.boot.gmid,
        midr: target.boot.midr,
        kernel: target.host.kernel.clone(),
        emulator: origin.emulator.clone(),
        cpu: target.host.cpu.clone(),
        guest: origin.image,
    };
    let extent = |extent: &Extent| {
        let Extent { ipa, data, tags } = extent.clone();
        mte_snapshot::Extent { ipa, data, tags }
    };
    let vcpu = |state: &CpuState| Vcpu {
        registers: state.registers.iter().map(|(id, value)| (id.0, value.to_vec())).collect(),
        mp_state: state.mp_state,
        events: (!state.events.is_empty()).then(|| state.events.clone()),
    };
    Ok(Snapshot {
        identity,
        slots: vec![Slot { ipa: map::RAM_BASE, bytes: saved.config.ram, read_only: false }],
        memory: saved.memory.iter().map(extent).collect(),
        views: views(saved.config.cpus),
        vcpus: saved.cpus.iter().map(vcpu).collect(),
        application,
    })
}

/// Makes the saved state of a snapshot, to be restored on this machine; `config` is how its VM was made, and `guest` what its session knew.
///
/// # Errors
///
/// When the machine has other pages or another level of MTE, the memory is not that of a program's guest, or a register is of a class that granule
/// does not know.
pub fn state(
    snapshot: &Snapshot,
    config: Config,
    guest: GuestState,
    here: &Target,
) -> Result<state::Snapshot, SavedError> {
    let Identity { page_size, mte, gmid, .. } = snapshot.identity;
    let other = |field, saved: String, here: String| {
        if saved == here { Ok(()) } else { Err(SavedError::OtherMachine { field, saved, here }) }
    };
    other("the host's page size in bytes", page_size.to_string(), here.page_size.to_string())?;
    other("ID_AA64PFR1_EL1.MTE", mte.to_string(), (here.boot.pfr1 >> MTE_SHIFT & 0xf).to_string())?;
    other("GMID_EL1", format!("{gmid:#x}"), format!("{:#x}", here.boot.gmid))?;
    let ram = [Slot { ipa: map::RAM_BASE, bytes: config.ram, read_only: false }];
    if snapshot.slots != ram {
        return Err(SavedError::Foreign { found: "a VM with other memory slots".to_owned() });
    }
    let mut cpus = Vec::new();
    for vcpu in &snapshot.vcpus {
        let ids: Vec<u64> = vcpu.registers.iter().map(|(id, _)| *id).collect();
        let mut values = vcpu.registers.iter().map(|(_, value)| value);
        let registers = Registers::collect(&ids, |_, place| {
            // The snapshot's reader has compared each length with the id's.
            if let Some(value) = values.next().filter(|value| value.len() == place.len()) {
                place.copy_from_slice(value);
            }
            Ok(())
        })?;
        cpus.push(CpuState { registers, mp_state: vcpu.mp_state, events: vcpu.events.clone().unwrap_or_default() });
    }
    let memory = snapshot.memory.iter().cloned();
    let memory = memory.map(|mte_snapshot::Extent { ipa, data, tags }| Extent { ipa, data, tags });
    Ok(state::Snapshot { config, memory: memory.collect(), cpus, emulated: None, guest })
}
