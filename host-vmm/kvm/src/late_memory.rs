//! Memory of the kernel's own as a VM's: data of the vDSO, the ring of an io_uring, a device.
//!
//! It is done in a process of its own. The vDSO's data cannot be copied, only moved, and a process that has moved it away from
//! its vDSO does not survive asking for the time. So nothing there does.
#![expect(unsafe_code, reason = "fork, mmap, mremap and the tag ioctl")]

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::fs::OpenOptionsExt;

use kvm_bindings::{KVM_CAP_ARM_MTE, kvm_enable_cap, kvm_userspace_memory_region};
use kvm_ioctls::{Kvm, VmFd};
use kvm_mte::ioctl::{CopyTags, KVM_ARM_TAGS_FROM_GUEST, KVM_ARM_TAGS_TO_GUEST};
use machine::need::Need;
use machine::registers::RegisterId;
use machine::tags::GRANULE;
use machine::{
    Access, Backing, CopyResult, Errno, Introduced, KernelMemory, KernelMemoryAnswers, MachineError, RequestError,
};

use super::backing::vdso_data;
use super::hazard::pipe;
use super::memory::{Mapping, page_size};
use super::process::ChildProcess;
use super::vcpu::{ExitReason, Vcpu};
use super::vm::kernel;
use super::{errno, raw};

/// Where the program is. The memory that it loads from is in the next pages.
const PROGRAM: u64 = 0x4000_0000;
/// Where the program stores what it has loaded, and the syndrome of an exception.
const VALUE: u64 = 0x0900_0000;
const SYNDROME: u64 = 0x0900_0008;
/// Where the vectors are from the program's start on, and in them an exception from the same level with SP_ELx.
const VECTORS: u64 = 0x800;
const SYNCHRONOUS: u64 = 0x200;
const VBAR_EL1: RegisterId = RegisterId::system(3, 0, 12, 0, 0);
/// How often a signal may interrupt the vCPU.
const MAX_EXITS: u32 = 100;
/// Seconds after which the kernel ends a process whose vCPU does not come back.
const ALARM: u32 = 5;
const RW: libc::c_int = libc::PROT_READ | libc::PROT_WRITE;

/// Memory of the kernel's, mapped into this process, and what keeps it there.
struct Mapped {
    start: *mut u8,
    bytes: usize,
    /// Kept open, so that what it stands for stays.
    _file: Option<File>,
}

/// Maps memory of the kernel's.
///
/// # Errors
///
/// `Lacking` when this host has none of the kind.
fn map(memory: KernelMemory) -> Result<Mapped, MachineError> {
    match memory {
        KernelMemory::VdsoData => {
            let (start, bytes) = vdso_data()?;
            Ok(Mapped { start, bytes, _file: None })
        }
        KernelMemory::Ring => {
            let file = ring().ok_or_else(|| Need::IoUring.unmet("this kernel makes no io_uring for this process"))?;
            map_file(file, 0)
        }
        KernelMemory::Device => {
            let reason = "this host has no flash memory that /dev/mem shows";
            let address = flash().ok_or_else(|| Need::HarmlessDevice.unmet(reason))?;
            let file = OpenOptions::new().read(true).write(true).custom_flags(libc::O_SYNC).open("/dev/mem");
            let mapped = file.ok().and_then(|file| map_file(file, address).ok());
            Ok(mapped.ok_or_else(|| Need::HarmlessDevice.unmet(reason))?)
        }
    }
}

/// Maps a page of a file, shared.
fn map_file(file: File, offset: u64) -> Result<Mapped, MachineError> {
    let bytes = page_size() as usize;
    // SAFETY: a new mapping at an address of the kernel's choice disturbs nothing.
    let start = unsafe {
        libc::mmap(std::ptr::null_mut(), bytes, RW, libc::MAP_SHARED, file.as_raw_fd(), offset as libc::off_t)
    };
    if start == libc::MAP_FAILED {
        return Err(kernel("mmap of the kernel's memory", errno::last()));
    }
    Ok(Mapped { start: start.cast(), bytes, _file: Some(file) })
}

/// Makes an io_uring (io_uring_setup(2)).
fn ring() -> Option<File> {
    /// Bytes of struct io_uring_params, of which all may be 0.
    const PARAMS: usize = 120;
    let mut params = [0_u64; PARAMS / 8];
    // SAFETY: the kernel fills in a structure of that size.
    let file = unsafe { libc::syscall(libc::SYS_io_uring_setup, 4, params.as_mut_ptr()) };
    // SAFETY: a new descriptor, which nobody else has.
    (file >= 0).then(|| unsafe { File::from_raw_fd(file as i32) })
}

/// Finds a flash memory in the device tree; its registers are read as memory is, and nothing happens.
fn flash() -> Option<u64> {
    let nodes = fs::read_dir("/proc/device-tree").ok()?.flatten();
    let node = nodes.into_iter().find(|node| node.file_name().to_string_lossy().starts_with("flash@"))?;
    let reg = fs::read(node.path().join("reg")).ok()?;
    Some(u64::from_be_bytes(*reg.first_chunk()?))
}

/// Makes a VM in a process of its own, gives it such memory, and lets the guest, a fetch and a store access that.
///
/// # Errors
///
/// `Lacking` when this host has no such memory; what the kernel says when it refuses another step.
pub fn access(memory: KernelMemory, introduced: Introduced) -> Result<KernelMemoryAnswers, MachineError> {
    let [mut reader, mut writer] = pipe()?;
    // SAFETY: the suite has no other thread that could hold a lock now, but for one that waits; see `Deadline`.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        drop(reader);
        // SAFETY: the process ends if its vCPU does not come back.
        unsafe { libc::alarm(ALARM) };
        // An io_uring of the suite's own would interrupt its calls when it goes.
        let answers = map(memory).and_then(|mapped| answers(&mapped, introduced));
        let message = answers.map_or_else(|error| encode_error(&error), encode);
        let written = writer.write_all(&message);
        // SAFETY: ends this process at once; nothing of the suite's is to be dropped in it.
        unsafe { libc::_exit(i32::from(written.is_err())) };
    }
    if pid < 0 {
        return Err(kernel("fork", errno::last()));
    }
    let _child = ChildProcess(pid);
    drop(writer);
    let mut message = Vec::new();
    let read = reader.read_to_end(&mut message);
    read.ok()
        .and_then(|_| decode(memory, &message))
        .ok_or(RequestError::ThreadPanicked { thread: "the process with the kernel's memory" })?
}

/// Makes the VM, and lets everything access the memory, in a process that ends afterwards.
fn answers(mapped: &Mapped, introduced: Introduced) -> Result<KernelMemoryAnswers, MachineError> {
    let page = page_size();
    let kvm = Kvm::new().map_err(|error| kernel("opening /dev/kvm", error.into()))?;
    let vm = kvm.create_vm_with_type(0).map_err(|error| kernel("KVM_CREATE_VM", error.into()))?;
    let enable = || {
        let enabled = vm.enable_cap(&kvm_enable_cap { cap: KVM_CAP_ARM_MTE, ..Default::default() });
        enabled.map_err(|error| kernel("KVM_ENABLE_CAP of KVM_CAP_ARM_MTE", error.into()))
    };
    let program = Mapping::new(page, Backing::Anonymous, Access::ReadWrite)?;
    let written = program.write(0, &words());
    debug_assert!(written, "a new mapping can be written");
    add_slot(&vm, 0, PROGRAM, program.address(), page)?;
    let target = PROGRAM + page;
    if introduced == Introduced::AfterSlot {
        enable()?;
        let place = Mapping::new(mapped.bytes as u64, Backing::Anonymous, Access::ReadWrite)?;
        add_slot(&vm, 1, target, place.address(), place.bytes())?;
        // The mapping is the process's until it ends.
        let place = std::mem::ManuallyDrop::new(place);
        move_over(mapped, place.address())?;
    } else {
        add_slot(&vm, 1, target, mapped.start as u64, mapped.bytes as u64)?;
        if introduced == Introduced::BeforeCapability {
            enable()?;
        }
    }
    let mut vcpu = Vcpu::new(&vm, 0).map_err(|errno| kernel("KVM_ARM_VCPU_INIT", errno))?;
    let run = run(&mut vcpu, target)?;
    let copy = |flags| {
        let mut tags = vec![0_u8; (page / GRANULE) as usize];
        let addr = tags.as_mut_ptr().expose_provenance() as u64;
        let argument = CopyTags { guest_ipa: target, length: page, addr, flags, reserved: [0; 2] };
        // SAFETY: the buffer is as long as the tags of a page.
        unsafe { raw::copy_tags(&vm, &argument) }
    };
    let (fetch, store) = (copy(KVM_ARM_TAGS_FROM_GUEST), copy(KVM_ARM_TAGS_TO_GUEST));
    Ok(KernelMemoryAnswers { run, fetch, store })
}

/// Moves the kernel's memory over a mapping (mremap).
fn move_over(mapped: &Mapped, address: u64) -> Result<(), MachineError> {
    let target: *mut libc::c_void = std::ptr::with_exposed_provenance_mut(address as usize);
    let flags = libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED;
    // SAFETY: over a mapping of as many bytes that was just made and that nobody uses. What is moved is not used here any more.
    let moved = unsafe { libc::mremap(mapped.start.cast(), mapped.bytes, mapped.bytes, flags, target) };
    if moved == libc::MAP_FAILED { Err(kernel("mremap of the kernel's memory", errno::last())) } else { Ok(()) }
}

fn add_slot(
    vm: &VmFd,
    slot: u32,
    guest_phys_addr: u64,
    userspace_addr: u64,
    memory_size: u64,
) -> Result<(), MachineError> {
    let region = kvm_userspace_memory_region { slot, flags: 0, guest_phys_addr, memory_size, userspace_addr };
    // SAFETY: the memory stays until this process ends, and is used by raw copies only.
    let set = unsafe { vm.set_user_memory_region(region) };
    set.map_err(|error| kernel("KVM_SET_USER_MEMORY_REGION", error.into()))
}

/// Returns the program: it loads from x0, and stores to x29; an exception stores its syndrome to x30.
fn words() -> Vec<u8> {
    const LDR_X1_X0: u32 = 0xf940_0001;
    const STR_X1_X29: u32 = 0xf900_03a1;
    /// MRS x2, ESR_EL1.
    const MRS_X2_ESR_EL1: u32 = 0xd538_5202;
    const STR_X2_X30: u32 = 0xf900_03c2;
    let mut words = vec![0; (VECTORS + SYNCHRONOUS) as usize / 4];
    words[0] = LDR_X1_X0;
    words[1] = STR_X1_X29;
    words.extend([MRS_X2_ESR_EL1, STR_X2_X30]);
    words.into_iter().flat_map(u32::to_le_bytes).collect()
}

/// Runs the program; returns whether it took an exception, or the kernel's error.
fn run(vcpu: &mut Vcpu, target: u64) -> Result<Result<Option<u64>, Errno>, MachineError> {
    let values = [
        (RegisterId::PC, PROGRAM),
        (RegisterId::x(0), target),
        (RegisterId::x(29), VALUE),
        (RegisterId::x(30), SYNDROME),
    ];
    for (id, value) in values.into_iter().chain([(VBAR_EL1, PROGRAM + VECTORS)]) {
        vcpu.set_register(id, value).map_err(|errno| kernel(&format!("KVM_SET_ONE_REG of {id}"), errno))?;
    }
    for _ in 0..MAX_EXITS {
        match vcpu.run() {
            Ok(ExitReason::Interrupted) => {}
            Ok(ExitReason::Store { ipa: VALUE, .. }) => return Ok(Ok(None)),
            Ok(ExitReason::Store { ipa: SYNDROME, data }) => {
                let bytes = data.first_chunk().ok_or_else(|| kernel("KVM_RUN", Errno::EINVAL))?;
                return Ok(Ok(Some(u64::from_le_bytes(*bytes))));
            }
            Ok(other) => return Err(RequestError::MmioNotCompleted { exit: format!("{other:?}") }.into()),
            Err(errno) => return Ok(Err(errno)),
        }
    }
    Err(MachineError::Storm { cpu: 0, exits: MAX_EXITS.into() })
}

/// The first byte of a message: answers, or an error number and what failed with it, or why there is no such memory.
const ANSWERS: u8 = 0;
const REFUSED: u8 = 1;
const LACKING: u8 = 2;

fn encode(answers: KernelMemoryAnswers) -> Vec<u8> {
    let number = |result: CopyResult| result.map_or_else(|errno| -i64::from(errno.0), |bytes| bytes as i64);
    // An exception's syndrome is not 0.
    let run = number(answers.run.map(Option::unwrap_or_default));
    let numbers = [run, number(answers.fetch), number(answers.store)];
    [ANSWERS].into_iter().chain(numbers.into_iter().flat_map(i64::to_le_bytes)).collect()
}

fn encode_error(error: &MachineError) -> Vec<u8> {
    let (errno, action) = match error {
        MachineError::Lacking(skip) => return [LACKING].into_iter().chain(skip.reason.bytes()).collect(),
        MachineError::Kernel { errno, action } => (errno.0, action.clone()),
        other => (libc::EIO, other.to_string()),
    };
    [REFUSED].into_iter().chain(errno.to_le_bytes()).chain(action.into_bytes()).collect()
}

/// Returns what a host needs to have memory of a kind.
fn need(memory: KernelMemory) -> Need {
    match memory {
        KernelMemory::VdsoData => Need::VdsoData,
        KernelMemory::Ring => Need::IoUring,
        KernelMemory::Device => Need::HarmlessDevice,
    }
}

fn decode(memory: KernelMemory, message: &[u8]) -> Option<Result<KernelMemoryAnswers, MachineError>> {
    let (kind, rest) = message.split_first()?;
    if *kind == LACKING {
        return Some(Err(need(memory).unmet(String::from_utf8_lossy(rest)).into()));
    }
    if *kind == REFUSED {
        let (errno, action) = rest.split_first_chunk()?;
        return Some(Err(kernel(&String::from_utf8_lossy(action), Errno(i32::from_le_bytes(*errno)))));
    }
    let [run, fetch, store] = rest.as_chunks::<8>().0 else { return None };
    let result = |bytes: &[u8; 8]| match i64::from_le_bytes(*bytes) {
        errno @ ..0 => Err(Errno(-errno as i32)),
        value => Ok(value as u64),
    };
    let run = result(run).map(|syndrome| (syndrome != 0).then_some(syndrome));
    Some(Ok(KernelMemoryAnswers { run, fetch: result(fetch), store: result(store) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_and_errors_pass_the_pipe() {
        for run in [Ok(None), Ok(Some(0x9600_0010)), Err(Errno::EFAULT)] {
            let answers = KernelMemoryAnswers { run, fetch: Ok(4096), store: Err(Errno::EINVAL) };
            assert_eq!(decode(KernelMemory::Ring, &encode(answers)).unwrap().unwrap(), answers);
        }
        let returned = |error| decode(KernelMemory::Ring, &encode_error(&error)).unwrap().unwrap_err();
        let error = returned(kernel("mremap", Errno::EINVAL));
        assert!(matches!(error, MachineError::Kernel { errno: Errno::EINVAL, action } if action == "mremap"));
        let lacking = returned(Need::IoUring.unmet("no io_uring").into());
        assert!(matches!(lacking, MachineError::Lacking(skip) if skip == Need::IoUring.unmet("no io_uring")));
        assert!(decode(KernelMemory::Ring, &[]).is_none());
    }
}
