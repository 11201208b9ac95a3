//! What this host has, before anything is run: /dev/kvm, MTE and the kernel.

use std::fs;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;

use kvm_bindings::KVM_CAP_ARM_MTE;
use kvm_ioctls::Kvm;

use super::reasons::{Unavailable, mode, no_kvm, no_mte, release};

/// A host on which the suite can run.
#[derive(Debug)]
pub struct Host {
    /// /dev/kvm.
    pub kvm: Kvm,
    /// The release, with the patch of its series in front; see [`release`].
    pub kernel: String,
    /// `VHE`, `nVHE`, `protected`, or `unknown mode`.
    pub mode: &'static str,
}

/// Looks for KVM with MTE.
///
/// # Errors
///
/// What is missing, why that is likely so, and what to do.
pub fn host() -> Result<Host, Unavailable> {
    let kvm = Kvm::new().map_err(|error| no_kvm(error.errno()))?;
    let [osrelease, version] = uname();
    let kernel = release(&osrelease, &version);
    let mode = mode(&kernel_log(), &command_line());
    if kvm.check_extension_raw(KVM_CAP_ARM_MTE.into()) <= 0 {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        return Err(no_mte(&kernel, mode, &command_line(), &cpuinfo, mte_level()));
    }
    Ok(Host { kvm, kernel, mode })
}

/// Returns the kernel's release and version. Not every kernel has them in /proc.
fn uname() -> [String; 2] {
    let names = rustix::system::uname();
    [names.release(), names.version()].map(|name| name.to_string_lossy().into_owned())
}

/// Reads ID_AA64PFR1_EL1.MTE, if the kernel shows its processes ID registers
/// (Documentation/arch/arm64/cpu-feature-registers.rst).
#[expect(unsafe_code, reason = "MRS of an ID register")]
fn mte_level() -> Option<u8> {
    const HWCAP_CPUID: usize = 1 << 11;
    let (capabilities, _) = rustix::param::linux_hwcap();
    (capabilities & HWCAP_CPUID != 0).then(|| {
        let value: u64;
        // SAFETY: the kernel emulates reads of ID registers, and says so by HWCAP_CPUID.
        unsafe { std::arch::asm!("mrs {0}, id_aa64pfr1_el1", out(reg) value, options(nomem, nostack)) };
        (value >> 8 & 0xf) as u8
    })
}

fn command_line() -> String {
    fs::read_to_string("/proc/cmdline").unwrap_or_default()
}

/// Reads what the kernel log holds, as far as this user may. Does not wait for more.
fn kernel_log() -> String {
    let mut text = String::new();
    let log = fs::OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open("/dev/kmsg");
    if let Ok(mut log) = log {
        let mut record = [0; 8192];
        // Each read gives one record; at the end it would block.
        while let Ok(length @ 1..) = log.read(&mut record) {
            text.push_str(&String::from_utf8_lossy(&record[..length]));
        }
    }
    text
}
