//! What the firmware keeps of a VM: kinds of pages, the heap, the block that each vCPU is in; and what it reports at boot.

use abi::mailbox::{BootReport, PageKind, Status};
use abi::map::{self, GUEST_PAGE, Window};

use crate::executor::{Interrupt, Seat};
use crate::heap::Heap;
use model::cpu::{PageKinds, SystemRegisters, reset};
use model_base::Features;

mutants::defects!();

/// Instructions that a block may execute, unless [`Firmware::budget`] says otherwise.
pub const BUDGET: u64 = 50_000_000;

/// The firmware of a VM.
#[derive(Clone, Debug)]
pub struct Firmware {
    /// Instructions that a block may execute before it is given up.
    pub budget: u64,
    /// Whoever waits for a block, and may have waited long enough.
    pub interrupt: Interrupt,
    pub(super) pages: PageKinds,
    pub(super) heap: Heap,
    pub(super) cpus: Vec<Seat>,
}

impl Default for Firmware {
    fn default() -> Self {
        Self::new()
    }
}

#[mutants::rules]
impl Firmware {
    /// The firmware as booted.
    #[must_use]
    pub fn new() -> Self {
        let seat = Seat::default();
        Self {
            budget: BUDGET,
            interrupt: Interrupt::default(),
            pages: PageKinds::default(),
            heap: Heap::default(),
            cpus: vec![seat; map::MAX_CPUS],
        }
    }

    /// What the firmware reports of a vCPU at boot (`guest-fw/src/serve.rs`, `boot_report`).
    #[must_use]
    pub fn boot_report(features: &Features, cpu: usize) -> BootReport {
        let tags = features.has_tags();
        BootReport {
            version: abi::ABI_VERSION,
            entry_el: 1,
            pfr0: features.id_aa64pfr0(),
            pfr1: features.id_aa64pfr1(),
            pfr2: features.id_aa64pfr2(),
            dfr0: features.dfr0,
            isar0: features.id_aa64isar0(),
            isar1: features.isar1,
            isar2: features.id_aa64isar2(),
            isar3: features.isar3,
            mmfr0: features.mmfr0,
            mmfr1: features.mmfr1,
            mmfr2: features.id_aa64mmfr2(),
            zfr0: features.id_aa64zfr0(),
            smfr0: features.smfr0,
            vector_lengths: u64::from(features.vector_lengths),
            streaming_lengths: u64::from(features.streaming_lengths),
            mpidr: features.mpidr_el1(cpu),
            midr: features.midr,
            revidr: features.revidr,
            clidr: features.clidr,
            ctr: features.ctr,
            dczid: u64::from(features.dczid),
            gmid: if tags { u64::from(features.tag_block_bs) } else { 0 },
            mair: if tags { reset::MAIR } else { reset::MAIR_WITHOUT_MTE },
            sys: SystemRegisters::at_boot(features).program(),
        }
    }

    /// The pages of windows that are not as after boot.
    #[must_use]
    pub fn pages(&self) -> &PageKinds {
        &self.pages
    }

    /// Changes the attributes of pages ([`abi::mailbox::Request::SetPages`]; `guest-fw/src/pages.rs`).
    pub fn set_pages(&mut self, window: Window, ipa: u64, bytes: u64, kind: PageKind) -> Status {
        if !ipa.is_multiple_of(GUEST_PAGE) || !bytes.is_multiple_of(GUEST_PAGE) || bytes == 0 {
            return Status::BadArgument;
        }
        let Some(end) = ipa.checked_add(bytes) else { return Status::BadArgument };
        let shown = |page: u64| {
            (map::ARENA_BASE..map::ARENA_BASE + map::ARENA_SIZE).contains(&page)
                || (map::HEAP_BASE..map::HEAP_BASE + map::HEAP_SIZE).contains(&page)
        };
        let pages = || (ipa..end).step_by(GUEST_PAGE as usize);
        if !pages().all(shown) {
            return Status::BadArgument;
        }
        pages().for_each(|page| self.pages.set(window, page, kind));
        Status::Done
    }
}
