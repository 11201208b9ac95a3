//! Another kernel in place of this one, on the same machine: RAM keeps what this kernel and its guests have left there, tags too.
//!
//! By kexec_load(2), since Debian's cloud kernels have no kexec_file_load: the segments are the kernel, its initramfs, the device tree of
//! this kernel with the initramfs's new place, and a few instructions that begin it all.
#![expect(unsafe_code, reason = "kexec_load has no wrapper, and tags are stored to a mapping of our own")]

use std::fs;
use std::io;
use std::path::Path;

use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous};
use rustix::system::{RebootCommand, reboot};

use crate::device_tree;
use crate::files::{NEXT_INITRAMFS, NEXT_KERNEL};

/// Memory with tags (arch/arm64/include/uapi/asm/mman.h).
const PROT_MTE: u32 = 0x20;
/// Bytes of RAM that are left with tags: almost half of what a nested run has.
const LEFT_BEHIND: usize = 256 << 20;
/// Tags that are stored at a time.
const AT_A_TIME: usize = 4096;

/// Where everything goes: RAM of QEMU's `virt` begins at 1 GiB, and a kernel wants 2 MiB (Documentation/arch/arm64/booting.rst).
const KERNEL: usize = 0x4020_0000;
const INITRAMFS: usize = 0x4a00_0000;
const TREE: usize = 0x4e00_0000;
const START: usize = 0x4e20_0000;
/// Segments are whole pages of any kernel.
const PAGE: usize = 64 << 10;
/// KEXEC_ARCH_AARCH64 (include/uapi/linux/kexec.h).
const ARCHITECTURE: libc::c_ulong = 183 << 16;

/// `struct kexec_segment`.
#[repr(C)]
struct Segment {
    buffer: *const u8,
    bytes: usize,
    memory: usize,
    memory_bytes: usize,
}

impl Segment {
    fn new(bytes: &[u8], memory: usize) -> Self {
        let memory_bytes = bytes.len().next_multiple_of(PAGE);
        Self { buffer: bytes.as_ptr(), bytes: bytes.len(), memory, memory_bytes }
    }
}

/// Fills memory with data and tags, and has the next kernel take over. Returns only if that is not to be.
pub fn run() -> io::Error {
    let error = leave_tags_behind().and_then(|()| load()).and_then(|()| Ok(reboot(RebootCommand::Kexec)?));
    error.err().unwrap_or_else(|| io::Error::other("it returned"))
}

fn leave_tags_behind() -> io::Result<()> {
    let tagged = ProtFlags::from_bits_retain(PROT_MTE);
    let protection = ProtFlags::READ | ProtFlags::WRITE | tagged;
    // SAFETY: a new mapping, which stays to the end.
    let base = unsafe { mmap_anonymous(std::ptr::null_mut(), LEFT_BEHIND, protection, MapFlags::PRIVATE) }?;
    // SAFETY: the mapping has so many bytes, and nothing else refers to it.
    unsafe { base.cast::<u8>().write_bytes(0xa5, LEFT_BEHIND) };
    let step = AT_A_TIME as u64 * machine::tags::GRANULE;
    let tags: Vec<u8> = (0..AT_A_TIME).map(|number| (number % 15 + 1) as u8).collect();
    let end = base as u64 + LEFT_BEHIND as u64;
    (base as u64..end).step_by(step as usize).for_each(|address| kvm::host_tags::store(address, &tags));
    Ok(())
}

/// Returns the instructions that begin a kernel: the device tree in x0, x1 to x3 zero, and a branch.
fn start() -> Vec<u8> {
    const CODE: [u32; 6] = [
        0x5800_00c0, // ldr x0, #24
        0x5800_00e4, // ldr x4, #28
        0xaa1f_03e1, // mov x1, xzr
        0xaa1f_03e2, // mov x2, xzr
        0xaa1f_03e3, // mov x3, xzr
        0xd61f_0080, // br x4
    ];
    let addresses = [TREE as u64, KERNEL as u64];
    CODE.iter().flat_map(|word| word.to_le_bytes()).chain(addresses.iter().flat_map(|a| a.to_le_bytes())).collect()
}

fn load() -> io::Result<()> {
    let root = Path::new("/");
    let (kernel, initramfs) = (fs::read(root.join(NEXT_KERNEL))?, fs::read(root.join(NEXT_INITRAMFS))?);
    let mut tree = fs::read("/sys/firmware/fdt")?;
    let end = INITRAMFS + initramfs.len();
    for (name, address) in [("linux,initrd-start", INITRAMFS), ("linux,initrd-end", end)] {
        if !device_tree::set_number(&mut tree, name, address as u64) {
            return Err(io::Error::other(format!("the device tree has no {name}")));
        }
    }
    let start = start();
    let parts = [(&kernel, KERNEL), (&initramfs, INITRAMFS), (&tree, TREE), (&start, START)];
    let segments = parts.map(|(bytes, memory)| Segment::new(bytes, memory));
    // SAFETY: the segments point to bytes that live until the call returns, and the kernel has copied them then.
    let result = unsafe { libc::syscall(libc::SYS_kexec_load, START, segments.len(), segments.as_ptr(), ARCHITECTURE) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
