//! Translation: what the firmware's page tables say of a virtual address.
//!
//! The tables are those of `guest-fw/src/tables.rs`, said as a rule: 39-bit addresses from level 1 on, the
//! windows of [`abi::map`] in pages, memory of the firmware besides its image in 2 MiB blocks, and the same again in the
//! upper half.
//! Which pages of a window are something else, the firmware keeps in [`PageKinds`].

use std::collections::BTreeMap;

use abi::mailbox::PageKind;
use abi::map::{self, GUEST_PAGE, Window};
use arch::{FaultStatus, Tag, TaggedPtr};

use super::state::Core;
use model_base::Features;

mutants::defects!();

/// What kind of memory a page is, by its index in MAIR_EL1 (`guest-fw/src/tables.rs`, `MAIR`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memory {
    /// Normal write-back, 0xff.
    Normal,
    /// Normal write-back with allocation tags, 0xf0.
    Tagged,
    /// Normal Non-cacheable, 0x44.
    NonCacheable,
    /// Device-nGnRE, 0x04.
    Device,
}

/// What an access wants of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Read,
    Write,
    Fetch,
}

/// A byte's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub ipa: u64,
    pub memory: Memory,
    /// The tag that all of it has without having any in memory: it is canonically tagged (FEAT_MTE_CANONICAL_TAGS).
    pub canonical: Option<Tag>,
}

/// The pages of windows that are not as after boot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageKinds(BTreeMap<(u8, u64), PageKind>);

impl PageKinds {
    /// The kind of a page. `ipa` may be any byte of it.
    #[must_use]
    pub fn get(&self, window: Window, ipa: u64) -> PageKind {
        if self.0.is_empty() {
            return PageKind::Default;
        }
        self.0.get(&(window as u8, ipa & !(GUEST_PAGE - 1))).copied().unwrap_or(PageKind::Default)
    }

    /// Changes the kind of a page. `ipa` may be any byte of it.
    pub fn set(&mut self, window: Window, ipa: u64, kind: PageKind) {
        let key = (window as u8, ipa & !(GUEST_PAGE - 1));
        if kind == PageKind::Default {
            self.0.remove(&key);
        } else {
            self.0.insert(key, kind);
        }
    }

    /// Returns whether all pages are as after boot.
    #[must_use]
    pub fn is_default(&self) -> bool {
        self.0.is_empty()
    }
}

/// What the last level of the tables says.
#[derive(Clone, Copy)]
pub(super) struct Entry {
    /// 2 for a block, 3 for a page.
    level: u8,
    ipa: u64,
    memory: Memory,
    canonical: Option<Tag>,
    writable: bool,
    el0: bool,
    executable: bool,
}

/// Bytes that one level-2 entry maps.
const BLOCK: u64 = 2 << 20;
/// The UART's block, and where the firmware has it once more.
const UART: u64 = map::UART_DR & !(BLOCK - 1);
const FIRMWARE_UART: u64 = map::FIRMWARE_UART_DR & !(BLOCK - 1);
/// What the code window shows, and nothing else.
const CODE: std::ops::Range<u64> = map::CODE_BASE..map::CODE_BASE + map::CODE_STRIDE * map::MAX_CPUS as u64;
/// First bytes of the firmware's constants, data and stacks (`guest-fw/src/layout.rs`).
const RODATA: u64 = map::FIRMWARE_BASE + 0x4_0000;
const DATA: u64 = map::FIRMWARE_BASE + 0x8_0000;
const STACKS: u64 = map::FIRMWARE_BASE + 0x10_0000;
const STACK_STRIDE: u64 = 0x1_0000;

#[mutants::rules]
fn is_guard(address: u64) -> bool {
    address >= STACKS && address < STACKS + STACK_STRIDE * map::MAX_CPUS as u64 && address % 0x8000 < 0x1000
}

/// The level at which a walk for these 39 bits ends without an entry, or the entry.
fn walk(va: u64, pages: &PageKinds, features: &Features) -> Result<Entry, u8> {
    let ipa = map::ipa_of(va);
    let data =
        |level, memory| Entry { level, ipa, memory, canonical: None, writable: true, el0: false, executable: false };
    let block = ipa & !(BLOCK - 1);
    // A guest whose tags are hidden may use the attribute all the same: it has no effect.
    let tagged = if features.mte >= 2 { Memory::Tagged } else { Memory::Normal };
    match va >> 32 {
        0 if va >> 30 == map::UART_DR >> 30 => match block {
            UART => Ok(Entry { el0: true, ..data(2, Memory::Device) }),
            FIRMWARE_UART => Ok(Entry { ipa: ipa - FIRMWARE_UART + UART, ..data(2, Memory::Device) }),
            _ => Err(2),
        },
        0 if va >> 30 == map::RAM_BASE >> 30 => match block {
            map::FIRMWARE_BASE if is_guard(ipa) => Err(3),
            map::FIRMWARE_BASE if ipa < RODATA => {
                Ok(Entry { writable: false, executable: true, ..data(3, Memory::Normal) })
            }
            map::FIRMWARE_BASE => Ok(Entry { writable: ipa >= DATA, ..data(3, Memory::Normal) }),
            map::SHARED_BASE => Ok(data(2, Memory::Normal)),
            _ => Err(2),
        },
        map::CODE_WINDOW if va >> 30 == map::code_va(0) >> 30 => match block == map::CODE_BASE & !(BLOCK - 1) {
            true if CODE.contains(&ipa) => {
                Ok(Entry { writable: false, el0: true, executable: true, ..data(3, tagged) })
            }
            true => Err(3),
            false => Err(2),
        },
        number => {
            let Some(window) = Window::from_number(number) else { return Err(1) };
            if va >> 30 != window.va(map::ARENA_BASE) >> 30 {
                return Err(1);
            }
            if !(map::ARENA_BASE..(map::HEAP_BASE + map::HEAP_SIZE).next_multiple_of(BLOCK)).contains(&ipa) {
                return Err(2);
            }
            let arena = ipa < map::ARENA_BASE + map::ARENA_SIZE;
            let heap = (map::HEAP_BASE..map::HEAP_BASE + map::HEAP_SIZE).contains(&ipa);
            if !arena && !heap {
                return Err(3);
            }
            let memory = if matches!(window, Window::Tagged | Window::TaggedEl0) { tagged } else { Memory::Normal };
            let entry = Entry { el0: matches!(window, Window::TaggedEl0 | Window::UntaggedEl0), ..data(3, memory) };
            match pages.get(window, ipa) {
                PageKind::Default => Ok(entry),
                PageKind::Unmapped => Err(3),
                PageKind::ReadOnly => Ok(Entry { writable: false, ..entry }),
                PageKind::NonCacheable => Ok(Entry { memory: Memory::NonCacheable, ..entry }),
                PageKind::Device => Ok(Entry { memory: Memory::Device, ..entry }),
            }
        }
    }
}

/// A walk fails at levels 1 to 3.
#[mutants::rules]
fn translation_fault(level: u8) -> FaultStatus {
    match level {
        1 => FaultStatus::TRANSLATION_L1,
        2 => FaultStatus::TRANSLATION_L2,
        _ => FaultStatus::TRANSLATION_L3,
    }
}

#[mutants::rules]
impl Core<'_, '_> {
    /// Returns whether the top byte of an address is ignored (pseudocode `EffectiveTBI`).
    pub(super) fn tbi(&self, va: u64) -> bool {
        let upper = TaggedPtr::new(va).bit55();
        self.cpu.sys.tcr >> (super::system_registers::TBI0_SHIFT + u32::from(upper)) & 1 == 1
    }

    /// Returns whether tag checks of an address are extended to memory without allocation tags (pseudocode `EffectiveMTX`).
    pub(super) fn mtx(&self, va: u64) -> bool {
        let upper = TaggedPtr::new(va).bit55();
        self.env.features.has_extended_checks()
            && self.cpu.sys.tcr >> (super::system_registers::MTX0_SHIFT + u32::from(upper)) & 1 == 1
    }

    /// Finds what the tables say of an address.
    ///
    /// An address out of range is reported at level 0 (pseudocode `AArch64.S1Translate`). With extended checks bits 59:56 are
    /// no part of it (`AArch64.VAIsOutOfRange`), and memory that is not Tagged is canonically tagged (`S1DecodeMemAttrs`).
    pub(super) fn entry(&self, va: u64) -> Result<Entry, FaultStatus> {
        let upper = TaggedPtr::new(va).bit55();
        let bits = if self.tbi(va) { 56 } else { 64 } - map::VA_BITS;
        let extended = self.mtx(va);
        let sign = if upper { Tag::MAX } else { Tag::ZERO };
        let range = if extended { TaggedPtr::new(va).with_tag(sign).bits() } else { va };
        let high = range >> map::VA_BITS & ((1 << bits) - 1);
        if high != if upper { (1 << bits) - 1 } else { 0 } {
            return Err(FaultStatus::TRANSLATION_L0);
        }
        let va = va & !map::UPPER_HALF;
        let entry = walk(va, self.pages, self.env.features).map_err(translation_fault)?;
        let canonical = if extended && entry.memory != Memory::Tagged { Some(sign) } else { None };
        Ok(Entry { canonical, ..entry })
    }

    /// Returns whether an address is in Device memory, whoever may use it.
    pub(super) fn is_device(&self, va: u64) -> bool {
        self.entry(va).is_ok_and(Entry::is_device)
    }

    /// Finds the place of a byte for an access with the rights of `el` (pseudocode
    /// `AArch64.TranslateAddress`).
    pub(super) fn translate(&self, va: u64, purpose: Purpose, el: u8) -> Result<Place, FaultStatus> {
        self.entry(va)?.place(purpose, el)
    }
}

#[mutants::rules]
impl Entry {
    /// Returns whether it maps Device memory, whoever may use it.
    pub(super) fn is_device(self) -> bool {
        self.memory == Memory::Device
    }

    /// The fault of an access that is not allowed.
    pub(super) fn permission_fault(self) -> FaultStatus {
        if self.level == 2 { FaultStatus::PERMISSION_L2 } else { FaultStatus::PERMISSION_L3 }
    }

    /// Returns the place of a byte for an access with the rights of `el` (pseudocode `AArch64.S1CheckPermissions`).
    pub(super) fn place(self, purpose: Purpose, el: u8) -> Result<Place, FaultStatus> {
        let allowed = match purpose {
            Purpose::Read => true,
            Purpose::Write => self.writable,
            Purpose::Fetch => self.executable,
        };
        if !allowed || (el == 0 && !self.el0) {
            return Err(self.permission_fault());
        }
        Ok(Place { ipa: self.ipa, memory: self.memory, canonical: self.canonical })
    }
}

/// What those who watch look at: no rule.
impl Entry {
    /// The guest-physical address.
    pub(super) fn ipa(self) -> u64 {
        self.ipa
    }

    /// Whether the memory has allocation tags.
    pub(super) fn has_tags(self) -> bool {
        self.memory == Memory::Tagged
    }
}
