//! The tagged heap: a buddy system whose objects get random tags, so that their misuse faults.
//!
//! buddy_system_allocator keeps its free lists inside free blocks; it works in the untagged window,
//! where it is never checked. This file puts tags on top: an object's granules get a tag that
//! neither its neighbours nor its previous owner had, so running over its end and using a stale pointer
//! are caught with certainty, not by chance. Freeing tags the object anew.
//!
//! IRG is the program's as well, so GCR_EL1 and RGSR_EL1 are as before when a request is done.

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

/// Block sizes are powers of two below 2 to this power.
const ORDERS: usize = 32;
const GRANULE: u64 = 16;
const TAG_SHIFT: u32 = 56;

static HEAP: LockedHeap<ORDERS> = LockedHeap::new();

/// Allocates `bytes` bytes at a multiple of `align` and gives a pointer into the tagged window; 0 when
/// there is no room. Without FEAT_MTE2 the pointer's tag is 0.
pub fn allocate(bytes: u64, align: u64) -> Result<u64, Status> {
    let layout = layout(bytes, align)?;
    let mut heap = HEAP.lock();
    if heap.stats_total_bytes() == 0 {
        let start = Window::Untagged.va(HEAP_BASE) as usize;
        // SAFETY: the heap's memory is mapped in this window, and nothing else uses it.
        #[expect(unsafe_code, reason = "hands memory to the allocator")]
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

/// Frees what [`allocate`] gave for the same size and alignment.
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
    // SAFETY: the tags show that the object is allocated; size and alignment are the caller's word,
    // and a wrong one confuses only this heap, which no firmware data lives in.
    #[expect(unsafe_code, reason = "returns memory to the allocator")]
    unsafe {
        HEAP.lock().dealloc(object, layout);
    }
    Status::Done
}

/// Forgets all objects. The memory is taken anew at the next allocation, whatever is in it then.
pub fn reset() {
    *HEAP.lock() = Heap::empty();
}

/// Whole granules, at least granule aligned, at most the heap.
fn layout(bytes: u64, align: u64) -> Result<Layout, Status> {
    if bytes == 0 || bytes > HEAP_SIZE || align > map::GUEST_PAGE {
        return Err(Status::BadArgument);
    }
    let size = bytes.next_multiple_of(GRANULE);
    Layout::from_size_align(size as usize, align.max(GRANULE) as usize).map_err(|_| Status::BadArgument)
}

/// Gives the granules of an object a tag that its first granule and its neighbours do not have.
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

/// Inserts a tag by IRG, and leaves the program's generator as it was.
fn random_tag(address: u64, exclude: u64) -> u64 {
    let (gcr, rgsr) = (GCR_EL1.get(), RGSR_EL1.get());
    GCR_EL1.write(gcr_el1::GCR_FIELDS::RRND::SET);
    let tagged;
    // SAFETY: IRG computes on registers only. It reads GCR_EL1 and RGSR_EL1 after a barrier.
    #[expect(unsafe_code, reason = "IRG")]
    unsafe {
        asm!(".arch_extension memtag", "isb", "irg {0}, {1}, {2}", out(reg) tagged, in(reg) address, in(reg) exclude, options(nostack, preserves_flags));
    }
    GCR_EL1.set(gcr);
    RGSR_EL1.set(rgsr);
    cpu::barrier();
    tagged
}

/// Reads the allocation tag of a granule.
fn load_tag(address: u64) -> u64 {
    let mut tagged = address;
    // SAFETY: the address is in the mapped tagged window; LDG is not itself tag checked.
    #[expect(unsafe_code, reason = "LDG")]
    unsafe {
        asm!(".arch_extension memtag", "ldg {0}, [{1}]", inout(reg) tagged, in(reg) address, options(nostack, preserves_flags));
    }
    tagged >> TAG_SHIFT & 0xf
}

/// Stores a pointer's tag to `size` bytes from it on: by DC GVA where whole blocks allow it, else by
/// ST2G, else by STG.
fn store_tags(tagged: u64, size: u64) {
    let block = 4 << DCZID_EL0.read(DCZID_FIELDS::BS);
    let gva_prohibited = DCZID_EL0.is_set(DCZID_FIELDS::DZP);
    let mut at = tagged;
    while at < tagged + size {
        let left = tagged + size - at;
        at += if !gva_prohibited && at.is_multiple_of(block) && left >= block {
            // SAFETY: `at` stays within the object, which is in the mapped tagged window. The tags are
            // the heap's to set, and data is untouched.
            #[expect(unsafe_code, reason = "DC GVA")]
            unsafe {
                asm!(".arch_extension memtag", "dc gva, {0}", in(reg) at, options(nostack, preserves_flags));
            }
            block
        } else if left >= 2 * GRANULE {
            // SAFETY: as above.
            #[expect(unsafe_code, reason = "ST2G")]
            unsafe {
                asm!(".arch_extension memtag", "st2g {0}, [{0}]", in(reg) at, options(nostack, preserves_flags));
            }
            2 * GRANULE
        } else {
            // SAFETY: as above.
            #[expect(unsafe_code, reason = "STG")]
            unsafe {
                asm!(".arch_extension memtag", "stg {0}, [{0}]", in(reg) at, options(nostack, preserves_flags));
            }
            GRANULE
        };
    }
    cpu::barrier();
}
