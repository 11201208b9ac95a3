//! The tagged heap: objects with tags that neither their neighbours nor their last owner had
//! (`guest-fw/src/heap.rs`).
//!
//! Blocks are powers of two, split and joined as buddy_system_allocator 0.13 does it, so that addresses are the
//! firmware's too. The lists are kept here and not inside free blocks: data of free memory is nobody's promise.

use abi::mailbox::Status;
use abi::map::{self, HEAP_BASE, HEAP_SIZE, Window};
use arch::{Exclude, Rgsr, Tag, TaggedPtr};

use crate::state::Firmware;
use model::cpu::{Cpu, Env};
use model_base::memory::NoMemory;

mutants::defects!();

const GRANULE: u64 = arch::GRANULE_BYTES as u64;
/// Block sizes are powers of two below 2 to this power.
const ORDERS: usize = 32;

/// The free lists, the newest block of each last.
#[derive(Clone, Debug, Default)]
pub(super) struct Heap {
    free: Vec<Vec<u64>>,
}

/// Why the heap could not do it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeapError {
    /// The firmware answers so.
    Refused(Status),
    /// The heap's memory is not there.
    NoMemory(NoMemory),
}

impl From<NoMemory> for HeapError {
    fn from(place: NoMemory) -> Self {
        Self::NoMemory(place)
    }
}

#[mutants::rules]
impl Heap {
    /// Takes the memory, as at the first allocation.
    fn begin(&mut self) {
        if !self.free.is_empty() {
            return;
        }
        self.free = vec![Vec::new(); ORDERS];
        let (mut at, end) = (HEAP_BASE, HEAP_BASE + HEAP_SIZE);
        while at < end {
            let size = (1 << at.trailing_zeros()).min(1 << (end - at).ilog2());
            self.free[order(size)].push(at);
            at += size;
        }
    }

    fn allocate(&mut self, size: u64) -> Option<u64> {
        let class = order(size);
        let from = (class..ORDERS).find(|order| !self.free[*order].is_empty())?;
        for order in (class + 1..=from).rev() {
            let block = self.free[order].pop()?;
            self.free[order - 1].extend([block + (1 << (order - 1)), block]);
        }
        self.free[class].pop()
    }

    fn release(&mut self, block: u64, size: u64) {
        let (mut block, mut class) = (block, order(size));
        while let Some(at) = self.free[class].iter().position(|other| *other == block ^ 1 << class) {
            self.free[class].remove(at);
            block &= !(1 << class);
            class += 1;
        }
        self.free[class].push(block);
    }
}

/// The order of a block of this size, a power of two.
#[mutants::rules]
fn order(size: u64) -> usize {
    size.trailing_zeros() as usize
}

/// An object as asked for: bytes in whole granules, alignment, and the block that holds it.
struct Layout {
    size: u64,
    align: u64,
    block: u64,
}

/// Whole granules, at least granule aligned, at most the heap.
#[mutants::rules]
fn layout(bytes: u64, align: u64) -> Result<Layout, HeapError> {
    if bytes == 0 || bytes > HEAP_SIZE || align > map::GUEST_PAGE || !align.is_power_of_two() {
        return Err(HeapError::Refused(Status::BadArgument));
    }
    let (size, align) = (bytes.next_multiple_of(GRANULE), align.max(GRANULE));
    Ok(Layout { size, align, block: size.next_power_of_two().max(align) })
}

#[mutants::rules]
impl Firmware {
    /// Allocates from the tagged heap ([`abi::mailbox::Request::HeapAlloc`]); 0 when there is no room.
    ///
    /// # Errors
    ///
    /// When a size or an alignment is out of range, or the memory is not there.
    pub fn heap_alloc(&mut self, bytes: u64, align: u64, cpu: &mut Cpu, env: &mut Env<'_>) -> Result<u64, HeapError> {
        let layout = layout(bytes, align)?;
        self.heap.begin();
        let Some(ipa) = self.heap.allocate(layout.block) else { return Ok(0) };
        let address = Window::Tagged.va(ipa);
        if !env.features.has_tags() {
            return Ok(address);
        }
        let tag = retag(ipa, layout.size, cpu, env)?;
        Ok(TaggedPtr::new(address).with_tag(tag).bits())
    }

    /// Frees what [`Self::heap_alloc`] gave for the same size and alignment
    /// ([`abi::mailbox::Request::HeapFree`]).
    ///
    /// # Errors
    ///
    /// [`Status::BadFree`] when the object's granules do not all have the pointer's tag.
    pub fn heap_free(
        &mut self,
        pointer: u64,
        bytes: u64,
        align: u64,
        cpu: &mut Cpu,
        env: &mut Env<'_>,
    ) -> Result<(), HeapError> {
        let Layout { size, align, block } = layout(bytes, align)?;
        let ipa = map::ipa_of(pointer);
        let inside = ipa >= HEAP_BASE && ipa.is_multiple_of(align) && ipa + size <= HEAP_BASE + HEAP_SIZE;
        if !inside || self.heap.free.is_empty() {
            return Err(HeapError::Refused(Status::BadFree));
        }
        if env.features.has_tags() {
            let tag = TaggedPtr::new(pointer).tag();
            for granule in (ipa..ipa + size).step_by(GRANULE as usize) {
                if env.bus.tag(granule)? != tag {
                    return Err(HeapError::Refused(Status::BadFree));
                }
            }
            retag(ipa, size, cpu, env)?;
        }
        self.heap.release(ipa, block);
        Ok(())
    }

    /// Forgets all objects ([`abi::mailbox::Request::HeapReset`]).
    pub fn heap_reset(&mut self) {
        self.heap = Heap::default();
    }
}

/// Returns an object's granules a tag that its first granule and its neighbours do not have.
///
/// The firmware lets IRG choose with GCR_EL1.RRND = 1, so any such tag is permitted. This is one; which it is, no comparison
/// looks at.
#[mutants::rules]
fn retag(ipa: u64, size: u64, cpu: &mut Cpu, env: &mut Env<'_>) -> Result<Tag, NoMemory> {
    let mut exclude = Exclude::NONE.with(env.bus.tag(ipa)?);
    if ipa > HEAP_BASE {
        exclude = exclude.with(env.bus.tag(ipa - GRANULE)?);
    }
    if ipa + size < HEAP_BASE + HEAP_SIZE {
        exclude = exclude.with(env.bus.tag(ipa + size)?);
    }
    let mut generator = Rgsr::from_bits(cpu.sys.rgsr);
    let tag = generator.choose_random_tag(exclude);
    for granule in (ipa..ipa + size).step_by(GRANULE as usize) {
        env.bus.set_tag(granule, tag)?;
    }
    Ok(tag)
}
