//! The tagged heap: a buddy allocator whose objects have random tags, so that invalid accesses fault.
//!
//! buddy_system_allocator keeps its free lists in free blocks. It uses the untagged window, where accesses are not
//! checked. This module adds the tags: those of an object differ from the tags of both adjacent granules and from the
//! tag before the allocation, so an access past the end or through a stale pointer always faults. Freeing an object
//! changes its tags again.
//!
//! The program under test uses IRG as well, so GCR_EL1 and RGSR_EL1 are restored after each request.

use core::alloc::Layout;
use core::arch::asm;
use core::ptr::NonNull;

use abi::mailbox::Status;
use abi::map::{self, HEAP_BASE, HEAP_SIZE, Window};
use buddy_system_allocator::{Heap, LockedHeap};
use tock_registers::interfaces::{Readable, Writeable};

use crate::cpu;
use crate::registers::dczid_el0::DCZID_FIELDS;
use crate::registers::{DCZID_EL0, GCR_EL1, RGSR_EL1, gcr_el1};

/// The number of block sizes: powers of two below 2^32 bytes.
const ORDERS: usize = 32;
/// The size of a granule, in bytes.
const GRANULE: u64 = 16;
/// The position of the logical tag in a pointer.
const TAG_SHIFT: u32 = 56;

static HEAP: LockedHeap<ORDERS> = LockedHeap::new();

/// Allocates `bytes` bytes at a multiple of `align` and returns a pointer in the tagged window, or 0 if the heap is
/// exhausted. Without FEAT_MTE2 the tag of the pointer is 0.
///
/// # Errors
/// [`Status::BadArgument`] if the size is 0 or larger than the heap, or if the alignment is not a power of two or is
/// larger than a page.
pub fn allocate(bytes: u64, align: u64) -> Result<u64, Status> {
    let layout = layout(bytes, align)?;
    let mut heap = HEAP.lock();
    if heap.stats_total_bytes() == 0 {
        let start = Window::Untagged.va(HEAP_BASE) as usize;
        // SAFETY: HEAP_SIZE bytes at HEAP_BASE are mapped writable in this window at boot, and the firmware uses them
        // for nothing else. If the host has unmapped them since, the allocator takes a translation fault, which is
        // reported as a panic.
        #[expect(unsafe_code, reason = "gives memory to the allocator")]
        unsafe {
            heap.init(start, HEAP_SIZE as usize);
        }
    }
    let Ok(object) = heap.alloc(layout) else {
        return Ok(0);
    };
    let address = Window::Tagged.va(map::ipa_of(object.as_ptr() as u64));
    Ok(if cpu::has_mte2() { retag(address, layout.size() as u64) } else { address })
}

/// Frees an object that [`allocate`] returned for the same size and alignment.
pub fn free(pointer: u64, bytes: u64, align: u64) -> Status {
    let Ok(layout) = layout(bytes, align) else {
        return Status::BadArgument;
    };
    let ipa = map::ipa_of(pointer);
    let size = layout.size() as u64;
    let inside = ipa >= HEAP_BASE && ipa.is_multiple_of(layout.align() as u64) && ipa + size <= HEAP_BASE + HEAP_SIZE;
    if !inside || HEAP.lock().stats_total_bytes() == 0 {
        return Status::BadFree;
    }
    let address = Window::Tagged.va(ipa);
    if cpu::has_mte2() {
        let tag = pointer >> TAG_SHIFT & 0xf;
        if (address..address + size).step_by(GRANULE as usize).any(|granule| load_tag(granule) != tag) {
            return Status::BadFree;
        }
        retag(address, size);
    }
    let Some(object) = NonNull::new(Window::Untagged.va(ipa) as *mut u8) else {
        return Status::BadFree;
    };
    // SAFETY: the range is in the heap. With FEAT_MTE2 its tags are those of the pointer, so the object is allocated.
    // The host is trusted to pass the size and alignment of the allocation, as `abi` requires of it.
    #[expect(unsafe_code, reason = "returns memory to the allocator")]
    unsafe {
        HEAP.lock().dealloc(object, layout);
    }
    Status::Done
}

/// Discards all objects. The next allocation initializes the heap again, whatever its memory holds.
pub fn reset() {
    *HEAP.lock() = Heap::empty();
}

/// Returns the layout of an object: whole granules, granule-aligned.
fn layout(bytes: u64, align: u64) -> Result<Layout, Status> {
    if bytes == 0 || bytes > HEAP_SIZE || align > map::GUEST_PAGE || !align.is_power_of_two() {
        return Err(Status::BadArgument);
    }
    let size = bytes.next_multiple_of(GRANULE);
    Layout::from_size_align(size as usize, align.max(GRANULE) as usize).map_err(|_| Status::BadArgument)
}

/// Tags the granules of an object with a tag that neither its first granule nor an adjacent granule has.
fn retag(address: u64, size: u64) -> u64 {
    let mut exclude = 1 << load_tag(address);
    let heap = Window::Tagged.va(HEAP_BASE);
    if address > heap {
        exclude |= 1 << load_tag(address - GRANULE);
    }
    if address + size < heap + HEAP_SIZE {
        exclude |= 1 << load_tag(address + size);
    }
    let tagged = random_tag(address, exclude);
    store_tags(tagged, size);
    tagged
}

/// Inserts a random tag with IRG, and restores the state of the generator.
fn random_tag(address: u64, exclude: u64) -> u64 {
    let (gcr, rgsr) = (GCR_EL1.get(), RGSR_EL1.get());
    GCR_EL1.write(gcr_el1::GCR_FIELDS::RRND::SET);
    let tagged;
    // SAFETY: IRG accesses only registers: the operands and RGSR_EL1, which is restored below.
    #[expect(unsafe_code, reason = "IRG is an instruction")]
    unsafe {
        asm!(".arch_extension memtag", "isb", "irg {0}, {1}, {2}", out(reg) tagged, in(reg) address, in(reg) exclude, options(nostack, preserves_flags));
    }
    GCR_EL1.set(gcr);
    RGSR_EL1.set(rgsr);
    cpu::barrier();
    tagged
}

/// Loads the allocation tag of a granule.
fn load_tag(address: u64) -> u64 {
    let mut tagged = address;
    // SAFETY: the address is in the heap, which is mapped in the tagged window. LDG is not tag checked and reads no data.
    #[expect(unsafe_code, reason = "LDG is an instruction")]
    unsafe {
        asm!(".arch_extension memtag", "ldg {0}, [{1}]", inout(reg) tagged, in(reg) address, options(nostack, preserves_flags));
    }
    tagged >> TAG_SHIFT & 0xf
}

/// Stores the tag of a pointer to the `size` bytes at it: with DC GVA for whole blocks, otherwise with ST2G or STG.
fn store_tags(tagged: u64, size: u64) {
    let block = 4 << DCZID_EL0.read(DCZID_FIELDS::BS);
    let gva_prohibited = DCZID_EL0.is_set(DCZID_FIELDS::DZP);
    let mut at = tagged;
    while at < tagged + size {
        let left = tagged + size - at;
        at += if !gva_prohibited && at.is_multiple_of(block) && left >= block {
            // SAFETY: `block` bytes from `at` are in the object, which the heap owns and which is mapped in the tagged
            // window. DC GVA writes tags only.
            #[expect(unsafe_code, reason = "DC GVA is an instruction")]
            unsafe {
                asm!(".arch_extension memtag", "dc gva, {0}", in(reg) at, options(nostack, preserves_flags));
            }
            block
        } else if left >= 2 * GRANULE {
            // SAFETY: two granules from `at` are in the object, as above. ST2G writes tags only.
            #[expect(unsafe_code, reason = "ST2G is an instruction")]
            unsafe {
                asm!(".arch_extension memtag", "st2g {0}, [{0}]", in(reg) at, options(nostack, preserves_flags));
            }
            2 * GRANULE
        } else {
            // SAFETY: the granule at `at` is in the object, as above. STG writes tags only.
            #[expect(unsafe_code, reason = "STG is an instruction")]
            unsafe {
                asm!(".arch_extension memtag", "stg {0}, [{0}]", in(reg) at, options(nostack, preserves_flags));
            }
            GRANULE
        };
    }
    cpu::barrier();
}
