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
    let told =
        |name: &str| fs::read_to_string(format!("/proc/sys/kernel/{name}")).unwrap_or_default().trim().to_owned();
    let kernel = release(&told("osrelease"), &told("version"));
    let mode = mode(&kernel_log(), &command_line());
    if kvm.check_extension_raw(KVM_CAP_ARM_MTE.into()) <= 0 {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        return Err(no_mte(&kernel, mode, &command_line(), &cpuinfo));
    }
    Ok(Host { kvm, kernel, mode })
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
