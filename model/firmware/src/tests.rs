//! Worked examples: small programs and what they must leave behind, a file a chapter of rules.
//!
//! [`Bench`] is a machine of plain memory; expectations are written out by hand, from the manual.

mod authentication;
mod check;
mod copies;
mod coverage;
mod defects;
mod device;
mod exclusives;
mod features;
mod float;
mod hypercall;
mod matrix;
mod memory_tags;
mod modes;
mod partial;
mod pointer;
mod refusal;
mod scalable;
mod state;
mod unknown_memory;
mod vectors;

use std::collections::{BTreeMap, BTreeSet};

use abi::mailbox::{Block, BlockEnd, PageKind, SYS_REGS, Scalable, SysReg, Trap};
use abi::map::{self, Window};
use arch::Tag;

use crate::{Done, Firmware, HeapError, Outcome, VectorState};
use model::cpu::{Cpu, Env, Vectors};
use model_base::defect::{self, Defect};
use model_base::memory::{Bus, ByteMask, NoMemory};
use model_base::{Features, Platform, choice::Choices};

/// Pages of bytes and tags, there once they are touched.
#[derive(Default, PartialEq)]
struct Ram(BTreeMap<u64, ([u8; 4096], [u8; 256])>, BTreeSet<u64>);

impl Ram {
    fn page(&mut self, ipa: u64) -> Result<&mut ([u8; 4096], [u8; 256]), NoMemory> {
        if !(map::RAM_BASE..map::RAM_BASE + (64 << 20)).contains(&ipa) {
            return Err(NoMemory { ipa, lacks: model_base::memory::Lacks::Slot });
        }
        Ok(self.0.entry(ipa & !4095).or_insert(([0; 4096], [0; 256])))
    }
}

impl Bus for Ram {
    fn read(&mut self, ipa: u64, bytes: &mut [u8]) -> Result<ByteMask, NoMemory> {
        let at = (ipa & 4095) as usize;
        bytes.copy_from_slice(&self.page(ipa)?.0[at..at + bytes.len()]);
        Ok((ipa..)
            .take(bytes.len())
            .zip(0..64)
            .filter(|(at, _)| self.1.contains(at))
            .fold(0, |mask, (_, n)| mask | 1 << n))
    }

    fn write(&mut self, ipa: u64, bytes: &[u8]) -> Result<(), NoMemory> {
        let at = (ipa & 4095) as usize;
        self.page(ipa)?.0[at..at + bytes.len()].copy_from_slice(bytes);
        (ipa..).take(bytes.len()).for_each(|at| {
            self.1.remove(&at);
        });
        Ok(())
    }

    fn make_unknown(&mut self, ipa: u64, which: ByteMask) {
        self.1.extend((0..64).filter(|at| which >> at & 1 != 0).map(|at| ipa + at));
    }

    fn tag(&mut self, ipa: u64) -> Result<Tag, NoMemory> {
        Ok(Tag::truncate(self.page(ipa)?.1[(ipa & 4095) as usize / 16]))
    }

    fn set_tag(&mut self, ipa: u64, tag: Tag) -> Result<(), NoMemory> {
        self.page(ipa)?.1[(ipa & 4095) as usize / 16] = tag.value();
        Ok(())
    }
}

/// A machine with one vCPU.
struct Bench {
    firmware: Firmware,
    cpu: Cpu,
    ram: Ram,
    features: Features,
    platform: Platform,
    /// What is active while it works.
    defect: Option<&'static Defect>,
    choices: Choices,
    /// The next block's: exception level, TCO, registers.
    el: u64,
    tco: bool,
    sp: u64,
    x: [u64; 31],
    sys: [Option<u64>; SYS_REGS],
    v: Option<Vectors>,
    /// The vector length in bytes and the scalable registers, instead of `v`.
    scalable: Option<(u64, Box<Scalable>)>,
}

impl Bench {
    fn new() -> Self {
        Self::of(Features::MAX)
    }

    fn of(features: Features) -> Self {
        Self {
            firmware: Firmware::new(),
            cpu: Cpu::new(&features),
            ram: Ram::default(),
            features,
            platform: Platform::default(),
            defect: None,
            choices: Choices::default(),
            el: 1,
            tco: false,
            sp: 0,
            x: [0; 31],
            sys: [None; SYS_REGS],
            v: None,
            scalable: None,
        }
    }

    fn with(mut self, defect: &'static Defect) -> Self {
        self.defect = Some(defect);
        self
    }

    fn sys(&mut self, register: SysReg, value: u64) -> &mut Self {
        self.sys[register as usize] = Some(value);
        self
    }

    /// Sets the tags of the arena's granules from one on.
    fn tags(&mut self, granule: u64, tags: &[u8]) -> &mut Self {
        for (n, tag) in (granule..).zip(tags) {
            self.ram.set_tag(map::ARENA_BASE + 16 * n, Tag::truncate(*tag)).unwrap();
        }
        self
    }

    /// Reads the tags of the arena's granules from one on.
    fn read_tags(&mut self, granule: u64, count: u64) -> Vec<u8> {
        (granule..granule + count).map(|n| self.ram.tag(map::ARENA_BASE + 16 * n).unwrap().value()).collect()
    }

    /// Reads eight bytes of the arena.
    fn word(&mut self, offset: u64) -> u64 {
        let mut bytes = [0; 8];
        self.ram.read(map::ARENA_BASE + offset, &mut bytes).unwrap();
        u64::from_le_bytes(bytes)
    }

    fn fill(&mut self, offset: u64, bytes: u64, value: u8) {
        for at in offset..offset + bytes {
            self.ram.write(map::ARENA_BASE + at, &[value]).unwrap();
        }
    }

    fn pages(&mut self, window: Window, offset: u64, kind: PageKind) {
        self.firmware.set_pages(window, map::ARENA_BASE + offset, map::GUEST_PAGE, kind);
    }

    fn outcome(&mut self, words: &[u32]) -> Outcome {
        let mut sys_mask = 0;
        let mut sys = [0; SYS_REGS];
        for register in SysReg::ALL {
            if let Some(value) = self.sys[register as usize] {
                sys_mask |= register.bit();
                sys[register as usize] = value;
            }
        }
        let block = Block {
            x: self.x,
            sp: self.sp,
            nzcv: 0,
            el: self.el,
            tco: self.tco.into(),
            sys_mask,
            sys,
            words: words.len() as u64,
            new_words: 1,
            simd: self.v.is_some().into(),
            vector_bytes: self.scalable.as_ref().map_or(0, |(bytes, _)| *bytes),
        };
        let Self { features, platform, choices, ram, .. } = self;
        let _active = defect::activate(self.defect);
        let mut env = Env { features, platform: *platform, choices, bus: ram };
        let simd = self.v.as_ref().map_or(VectorState::Kept, VectorState::Simd);
        let vectors = self.scalable.as_ref().map_or(simd, |(_, values)| VectorState::Scalable(values));
        self.firmware.start(0, &block, words, vectors, &mut self.cpu, &mut env)
    }

    fn resume(&mut self) -> Outcome {
        let Self { features, platform, choices, ram, .. } = self;
        let _active = defect::activate(self.defect);
        let mut env = Env { features, platform: *platform, choices, bus: ram };
        self.firmware.resume(0, &mut self.cpu, &mut env)
    }

    fn allocate(&mut self, bytes: u64, align: u64) -> Result<u64, HeapError> {
        let Self { features, platform, choices, ram, .. } = self;
        let _active = defect::activate(self.defect);
        let mut env = Env { features, platform: *platform, choices, bus: ram };
        self.firmware.heap_alloc(bytes, align, &mut self.cpu, &mut env)
    }

    fn free(&mut self, pointer: u64, bytes: u64) -> Result<(), HeapError> {
        let Self { features, platform, choices, ram, .. } = self;
        let _active = defect::activate(self.defect);
        let mut env = Env { features, platform: *platform, choices, bus: ram };
        self.firmware.heap_free(pointer, bytes, 16, &mut self.cpu, &mut env)
    }

    fn ram_tag(&mut self, ipa: u64) -> u8 {
        self.ram.tag(ipa).unwrap().value()
    }

    /// Runs a program to its end, with registers from x0 on.
    fn run(&mut self, text: &str, x: &[u64]) -> Done {
        let words: Vec<u32> = assembler::assemble(text).unwrap().into_iter().map(isa::Insn::encode).collect();
        self.run_words(&words, x)
    }

    fn run_words(&mut self, words: &[u32], x: &[u64]) -> Done {
        self.x = [0; 31];
        self.x[..x.len()].copy_from_slice(x);
        match self.outcome(words) {
            Outcome::Done(done) => {
                assert_eq!(done.reply.end, BlockEnd::Complete as u64);
                *done
            }
            other => panic!("{other:?}"),
        }
    }

    /// Runs a program that must take exactly one exception.
    fn trap(&mut self, text: &str, x: &[u64]) -> Trap {
        let done = self.run(text, x);
        assert_eq!(done.traps.len(), 1, "{text}: {:x?}", done.traps);
        done.traps[0]
    }

    /// Runs a program that must take none.
    fn calm(&mut self, text: &str, x: &[u64]) -> Done {
        let done = self.run(text, x);
        assert_eq!(done.traps, [], "{text}");
        done
    }

    /// Lists what a program may leave behind, by what `look` makes of it, over all choices.
    fn permitted<T: PartialEq>(
        new: impl Fn() -> Self,
        text: &str,
        x: &[u64],
        look: impl Fn(&mut Self, &Done) -> T,
    ) -> Vec<T> {
        let mut seen = Vec::new();
        let mut next = Some(Choices::default());
        while let Some(choices) = next {
            let mut bench = new();
            bench.choices = choices;
            let done = bench.run(text, x);
            let found = look(&mut bench, &done);
            if !seen.contains(&found) {
                seen.push(found);
            }
            next = bench.choices.next();
        }
        seen
    }
}

/// A pointer to a byte of the arena through a window, with a logical tag.
fn pointer(window: Window, offset: u64, tag: u8) -> u64 {
    window.va(map::ARENA_BASE + offset) | u64::from(tag) << 56
}

/// The same through the tagged window of EL1.
fn tagged(offset: u64, tag: u8) -> u64 {
    pointer(Window::Tagged, offset, tag)
}

/// The same, in the upper half.
fn upper(offset: u64, tag: u8) -> u64 {
    map::upper_half(Window::Tagged.va(map::ARENA_BASE + offset)) & !(0xf << 56) | u64::from(tag) << 56
}

/// ESR_EL1 of tag check faults: EC, IL, WnR, DFSC.
const LOAD_FAULT: u64 = 0x9600_0011;
const STORE_FAULT: u64 = 0x9600_0051;
const LOAD_FAULT_EL0: u64 = 0x9200_0011;
const STORE_FAULT_EL0: u64 = 0x9200_0051;
