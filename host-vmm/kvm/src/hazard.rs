//! Tries a [`Hazard`] in a process of its own, which stays behind if the kernel never lets it go.
//!
//! A thread that is stuck in the kernel cannot be killed, and neither can its process; nor can anybody change the address
//! space that it holds. So the process that tries shares nothing with the suite: it makes a VM of its own. First it does the
//! very same to a page that was tagged before, which even a wrong kernel survives: what a former hazard has broken, or this
//! code would, is not blamed on this one.
//!
//! What comes first decides: the other thread is back, or the buffer is served. The buffer is served, and a process given up,
//! once they have kept a CPU busy for much longer than all that they do: a thread that waits for a locked page spins, and one
//! that merely gets no CPU, on a host under load, spends no time.
#![expect(unsafe_code, reason = "fork, mmap and the tag ioctl")]

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use kvm_bindings::{KVM_CAP_ARM_MTE, kvm_enable_cap, kvm_userspace_memory_region};
use kvm_ioctls::{Kvm, VmFd};
use kvm_mte::ioctl::{CopyTags, KVM_ARM_TAGS_TO_GUEST};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions, kill_process, pidfd_open, waitpid};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use super::backing::{self, PROT_MTE, map_file, memfd};
use super::memory::page_size;
use super::userfault::UserfaultServer;
use super::vm::kernel;
use super::{errno, raw};
use machine::need::Need;
use machine::tags::GRANULE;
use machine::{Backing, CopyResult, Errno, Hazard, HazardOutcome, MachineError, RequestError};

/// CPU time of a process that does what takes microseconds, after which it counts as stuck in the kernel.
const STUCK: Duration = Duration::from_secs(4);
/// CPU time that the other thread may spend at the page until the buffer is served all the same.
const AWAY: Duration = Duration::from_secs(2);
/// How long anybody waits for what spends no CPU time, either: nothing but a hang is that slow.
const HANG: Duration = Duration::from_secs(60);
/// How often CPU time is looked at.
const INTERVAL: Duration = Duration::from_millis(10);
/// Where the VM has its memory.
const IPA: u64 = 0x4000_0000;
/// Pages of memory: one that was tagged before, for the control, and a new one.
const PAGES: u64 = 2;
const TAGGED: u64 = 0;
const NEW: u64 = 1;
const RW: libc::c_int = libc::PROT_READ | libc::PROT_WRITE;

/// What the process that tries says on its pipe.
const READY: u8 = 1;

/// Tries a hazard.
///
/// # Errors
///
/// `Lacking` when the host lacks what it takes, or does not even store tags from a harmless buffer; what the kernel says
/// when it refuses a step.
pub fn attempt(hazard: Hazard) -> Result<HazardOutcome, MachineError> {
    let [mut reader, writer] = pipe()?;
    // SAFETY: the suite has no other thread that could hold a lock now, but for one that waits; see `Deadline`.
    let child = unsafe { libc::fork() };
    match child {
        0 => {
            drop(reader);
            let code = perform(hazard, writer).unwrap_or_else(|error| refusal(&error));
            // SAFETY: ends this process at once; nothing of the suite's is to be dropped in it.
            unsafe { libc::_exit(code) };
        }
        1.. => {
            drop(writer);
            wait(child, &mut reader)
        }
        _ => Err(kernel("fork", errno::last())),
    }
}

/// Makes a pipe: its end to read, and its end to write.
pub(super) fn pipe() -> Result<[File; 2], MachineError> {
    let (read, write) = pipe_with(PipeFlags::CLOEXEC).map_err(|error| kernel("pipe2", Errno(error.raw_os_error())))?;
    Ok([File::from(read), File::from(write)])
}

/// Exit codes of the process that tries: the call's count is complete, or is not, or the host lacks something, or the other
/// thread had to wait; else an error number.
const COMPLETE: i32 = 0;
const SHORT: i32 = 200;
const LACKING: i32 = 201;
const WAITED: i32 = 202;

fn refusal(error: &MachineError) -> i32 {
    match error {
        MachineError::Kernel { errno, .. } if (1..SHORT).contains(&errno.0) => errno.0,
        _ => LACKING,
    }
}

/// How long a process is waited for.
struct Patience {
    process: String,
    /// CPU time of the process that is too long.
    busy: Duration,
    began: Instant,
    /// What the process had spent then.
    spent: Duration,
}

impl Patience {
    /// Begins to wait for a process, by its name under /proc.
    fn new(process: String, busy: Duration) -> Self {
        let spent = cpu_time(&process);
        Self { process, busy, began: Instant::now(), spent }
    }

    /// Returns how long it was, of CPU time or else of time, if it was too long.
    fn over(&self) -> Option<Duration> {
        if cpu_time(&self.process).saturating_sub(self.spent) >= self.busy {
            return Some(self.busy);
        }
        (self.began.elapsed() >= HANG).then_some(HANG)
    }

    /// Waits until something can be read, a byte or the end.
    ///
    /// # Errors
    ///
    /// How long it was, when that is too long.
    fn readable(&self, fd: &impl AsFd) -> Result<(), Duration> {
        let interval = Timespec::try_from(INTERVAL).ok();
        while !poll(&mut [PollFd::new(fd, PollFlags::IN)], interval.as_ref()).is_ok_and(|ready| ready > 0) {
            if let Some(bound) = self.over() {
                return Err(bound);
            }
        }
        Ok(())
    }
}

/// Returns the CPU time of a process, of all its threads and by itself or in the kernel: /proc/PID/stat, utime and stime
/// (proc_pid_stat(5)), in units of 1/100 s. One that is gone spends none.
fn cpu_time(process: &str) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // The second field is a name in parentheses, which may have spaces.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    // From the third field on: 14 and 15 are utime and stime.
    let ticks: u64 = fields.skip(14 - 3).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

fn wait(child: libc::pid_t, reader: &mut File) -> Result<HazardOutcome, MachineError> {
    let damaged = || {
        let reason = "the kernel does not even come back from a store to a page that was tagged before: a former hazard broke it";
        MachineError::from(Need::IntactKernel.unmet(reason))
    };
    let Some(child) = Pid::from_raw(child) else { return Err(kernel("fork", Errno::EINVAL)) };
    let process =
        pidfd_open(child, PidfdFlags::empty()).map_err(|error| kernel("pidfd_open", Errno(error.raw_os_error())))?;
    let patience = || Patience::new(child.as_raw_nonzero().to_string(), STUCK);
    let ready = patience().readable(reader).is_ok() && reader.read(&mut [0]).is_ok_and(|count| count == 1);
    if let Err(bound) = patience().readable(&process) {
        // It may be past hearing it.
        let _ = kill_process(child, Signal::KILL);
        let dies = patience().readable(&process).is_ok();
        let millis = bound.as_millis() as u64;
        return if ready { Ok(HazardOutcome::Hangs { millis, dies }) } else { Err(damaged()) };
    }
    let ended = waitpid(Some(child), WaitOptions::empty()).ok().flatten();
    let code = ended.and_then(|(_, status)| status.exit_status()).unwrap_or(LACKING);
    match code {
        COMPLETE => Ok(HazardOutcome::Returned(Ok(page_size()))),
        SHORT => Ok(HazardOutcome::Returned(Ok(0))),
        WAITED => Ok(HazardOutcome::Waited),
        LACKING => Err(Need::Userfaultfd.unmet("this host has no userfaultfd, or no memfd that a VM may use").into()),
        code if ready => Ok(HazardOutcome::Returned(Err(Errno(code)))),
        code => Err(kernel("making a VM to store tags in", Errno(code))),
    }
}

/// The VM that tries, and the mappings of its memory.
struct HazardVm {
    vm: VmFd,
    /// The mapping that the slot has; not PROT_MTE.
    slot: *mut u8,
    /// Another one of the same memory, PROT_MTE, that nobody touched.
    alias: *mut u8,
    page: u64,
}

// SAFETY: the addresses are numbers here; what is behind them is used by the kernel and by one volatile read.
unsafe impl Sync for HazardVm {}

impl HazardVm {
    fn new() -> Result<Self, MachineError> {
        let page = page_size();
        let bytes = (PAGES * page) as usize;
        let file = memfd(bytes)?;
        let [slot, alias] = [map_file(bytes, RW, &file)?, map_file(bytes, RW | PROT_MTE, &file)?];
        let kvm = Kvm::new().map_err(|error| kernel("opening /dev/kvm", error.into()))?;
        let vm = kvm.create_vm_with_type(0).map_err(|error| kernel("KVM_CREATE_VM", error.into()))?;
        vm.enable_cap(&kvm_enable_cap { cap: KVM_CAP_ARM_MTE, ..Default::default() })
            .map_err(|error| kernel("KVM_ENABLE_CAP of KVM_CAP_ARM_MTE", error.into()))?;
        let region = kvm_userspace_memory_region {
            guest_phys_addr: IPA,
            memory_size: bytes as u64,
            userspace_addr: slot as u64,
            ..Default::default()
        };
        // SAFETY: the mapping stays until this process ends.
        unsafe { vm.set_user_memory_region(region) }.map_err(|error| {
            MachineError::from(
                Need::TakesBacking(Backing::Shared).unmet(format!("a memfd cannot be a memory slot here: {error}")),
            )
        })?;
        Ok(Self { vm, slot, alias, page })
    }

    /// Stores the tags of one page from a buffer.
    fn store(&self, page: u64, buffer: *mut u8) -> CopyResult {
        let argument = CopyTags {
            guest_ipa: IPA + page * self.page,
            length: self.page,
            addr: buffer.expose_provenance() as u64,
            flags: KVM_ARM_TAGS_TO_GUEST,
            reserved: [0; 2],
        };
        // SAFETY: a store only reads the buffer, which is mapped.
        unsafe { raw::copy_tags(&self.vm, &argument) }
    }
}

/// Does it, in the process that may be lost. Gives the exit code.
fn perform(hazard: Hazard, mut writer: File) -> Result<i32, MachineError> {
    const STORE: &str = "KVM_ARM_MTE_COPY_TAGS";
    let hazard_vm = HazardVm::new()?;
    let mut harmless = vec![5; (hazard_vm.page / GRANULE) as usize];
    hazard_vm.store(TAGGED, harmless.as_mut_ptr()).map_err(|errno| kernel(STORE, errno))?;
    provoke(&hazard_vm, hazard, TAGGED)?.0.map_err(|errno| kernel(STORE, errno))?;
    writer.write_all(&[READY]).map_err(|_| kernel("write", errno::last()))?;
    Ok(match provoke(&hazard_vm, hazard, NEW)? {
        (_, true) => WAITED,
        (Ok(count), _) if count == hazard_vm.page => COMPLETE,
        (Ok(_), _) => SHORT,
        (Err(errno), _) => refusal(&kernel(STORE, errno)),
    })
}

/// Stores the tags of a page in a hazardous way. Gives what the call returned, and whether somebody had to wait for it.
fn provoke(hazard_vm: &HazardVm, hazard: Hazard, page: u64) -> Result<(CopyResult, bool), MachineError> {
    let bytes = hazard_vm.page as usize;
    let target = |mapping: *mut u8| mapping.wrapping_add(page as usize * bytes);
    match hazard {
        Hazard::BufferInThePage => Ok((hazard_vm.store(page, target(hazard_vm.alias)), false)),
        Hazard::TouchedMeanwhile => store_during(hazard_vm, page, || {
            // SAFETY: a byte of our own mapping.
            unsafe { target(hazard_vm.alias).read_volatile() };
        }),
        Hazard::ProtectedMeanwhile => store_during(hazard_vm, page, || {
            // SAFETY: changes what our own mapping permits, and takes nothing away.
            unsafe { libc::mprotect(target(hazard_vm.slot).cast(), bytes, RW | PROT_MTE) };
        }),
    }
}

/// Lets this thread, and those that it starts, run on these CPUs only. Where that is refused nothing but time is lost.
fn run_on(cpus: &CpuSet) {
    let _ = sched_setaffinity(None, cpus);
}

/// Returns all CPUs but the last, and the last; twice all where there is one.
fn split(all: CpuSet) -> (CpuSet, CpuSet) {
    let (mut others, mut last) = (all, CpuSet::new());
    match (0..CpuSet::MAX_CPU).rev().find(|cpu| all.is_set(*cpu)) {
        Some(cpu) if all.count() > 1 => {
            others.unset(cpu);
            last.set(cpu);
            (others, last)
        }
        _ => (all, all),
    }
}

/// What happens in [`store_during`].
#[derive(PartialEq, Eq)]
enum Event {
    /// The kernel asks for the tag buffer: the store has the page.
    BufferWanted,
    /// The store is over; if the kernel never asked for the buffer, it refused.
    StoreReturned,
}

/// Stores from a buffer that is missing, does something to the target once the kernel waits for the buffer, and returns the
/// buffer when that is done, or takes too long. Gives what the store returned, and whether it took too long.
fn store_during(
    hazard_vm: &HazardVm,
    page: u64,
    act: impl FnOnce() + Send,
) -> Result<(CopyResult, bool), MachineError> {
    let (buffer, _) = backing::map(hazard_vm.page as usize, Backing::Anonymous, RW)?;
    let (happens, events) = mpsc::channel();
    let (allow, allowed) = mpsc::channel::<()>();
    let range = buffer as u64..buffer as u64 + hazard_vm.page;
    let wanted = happens.clone();
    let hold = move || {
        // Whoever is gone does not need to know.
        let _ = wanted.send(Event::BufferWanted);
        let _ = allowed.recv();
    };
    // Who spins in the kernel, with preemption off, keeps everybody else from its CPU, even who is to end that.
    let all = sched_getaffinity(None).unwrap_or_default();
    let (others, last) = split(all);
    run_on(&others);
    let server = UserfaultServer::holding(range, hazard_vm.page, 3, hold)?;
    let buffer = buffer as usize;
    let result = thread::scope(|scope| {
        let store = scope.spawn(move || {
            let result = hazard_vm.store(page, std::ptr::with_exposed_provenance_mut(buffer));
            let _ = happens.send(Event::StoreReturned);
            result
        });
        let holds_page = events.recv() == Ok(Event::BufferWanted);
        // From now on the process does nothing else.
        let patience = Patience::new("self".to_owned(), AWAY);
        let (returns, returned) = mpsc::channel();
        scope.spawn(move || {
            run_on(&last);
            act();
            let _ = returns.send(());
        });
        let is_away = || returned.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout);
        let waited = loop {
            match (is_away(), patience.over()) {
                (false, _) => break false,
                (true, Some(_)) => break holds_page,
                (true, None) => {}
            }
        };
        let _ = allow.send(());
        (store.join(), waited)
    });
    run_on(&all);
    drop(server);
    match result {
        (Ok(result), waited) => Ok((result, waited)),
        (Err(_), _) => Err(RequestError::ThreadPanicked { thread: "the thread that stores" }.into()),
    }
}
