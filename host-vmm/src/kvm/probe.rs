//! What this host has, before anything is run: /dev/kvm, MTE, the kernel, and the likely reason when
//! one is missing.

use std::fs;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;

use kvm_bindings::KVM_CAP_ARM_MTE;
use kvm_ioctls::Kvm;

use super::memory::page_size;

/// A host on which the suite can run.
#[derive(Debug)]
pub struct Host {
    /// /dev/kvm.
    pub kvm: Kvm,
    /// `uname -r`.
    pub kernel: String,
    /// Bytes in a page.
    pub page_size: u64,
    /// `VHE`, `nVHE`, `protected`, or `unknown mode`.
    pub mode: &'static str,
}

/// Why nothing can be checked here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Unavailable {
    /// What is missing.
    pub reason: String,
    /// What the user can do.
    pub remedy: String,
}

fn unavailable(reason: impl Into<String>, remedy: impl Into<String>) -> Unavailable {
    Unavailable { reason: reason.into(), remedy: remedy.into() }
}

/// Looks for KVM with MTE.
///
/// # Errors
///
/// What is missing, why that is likely so, and what to do.
pub fn host() -> Result<Host, Unavailable> {
    let kvm = Kvm::new().map_err(|error| no_kvm(error.errno()))?;
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned();
    let mode = mode(&kernel_log(), &command_line());
    if kvm.check_extension_raw(KVM_CAP_ARM_MTE.into()) <= 0 {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        return Err(no_mte(&kernel, mode, &command_line(), &cpuinfo));
    }
    Ok(Host { kvm, kernel, page_size: page_size(), mode })
}

fn command_line() -> String {
    fs::read_to_string("/proc/cmdline").unwrap_or_default()
}

fn no_kvm(errno: i32) -> Unavailable {
    match errno {
        libc::ENOENT => unavailable(
            "there is no /dev/kvm: the kernel has no KVM, or it was not started at EL2",
            "boot a kernel with CONFIG_KVM at EL2, or use --via nested",
        ),
        libc::EACCES | libc::EPERM => unavailable(
            "/dev/kvm exists, but this user may not open it",
            "run as a member of its group (often `kvm`), or as root",
        ),
        _ => unavailable(
            format!("/dev/kvm cannot be opened: {}", std::io::Error::from_raw_os_error(errno)),
            "see the kernel log for kvm's messages",
        ),
    }
}

/// Says why a kernel with KVM does not offer KVM_CAP_ARM_MTE.
fn no_mte(kernel: &str, mode: &str, command_line: &str, cpuinfo: &str) -> Unavailable {
    let what = "this kernel does not offer KVM_CAP_ARM_MTE";
    if command_line.split_whitespace().any(|word| word.starts_with("arm64.nomte")) {
        return unavailable(format!("{what}: it was booted with arm64.nomte"), "boot without arm64.nomte");
    }
    if mode == "protected" {
        return unavailable(
            format!("{what}: KVM runs in protected mode, which has no MTE since Linux 7.3"),
            "boot without kvm-arm.mode=protected",
        );
    }
    let version: Vec<u32> = kernel.split(['.', '-']).map_while(|part| part.parse().ok()).collect();
    if version < vec![5, 14] {
        return unavailable(format!("{what}: it is Linux {kernel}, and KVM has MTE since 5.14"), "boot a newer kernel");
    }
    let cpu_has_mte =
        cpuinfo.lines().any(|line| line.starts_with("Features") && line.split_whitespace().any(|word| word == "mte"));
    if cpu_has_mte {
        unavailable(
            format!(
                "{what}, although the CPU has MTE: a CPU of this machine may lack it, or CONFIG_ARM64_MTE's KVM part is off"
            ),
            "check that every CPU has MTE, and the kernel log for kvm's messages",
        )
    } else {
        unavailable(
            format!("{what}: the CPU has no MTE, firmware keeps it off, or the kernel lacks CONFIG_ARM64_MTE"),
            "use a CPU with FEAT_MTE2 and firmware that enables it (under QEMU: -M virt,mte=on -cpu max)",
        )
    }
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

/// Finds out how KVM runs, from its own message at boot, else from the kernel's parameters.
fn mode(log: &str, command_line: &str) -> &'static str {
    let said = |text: &str| log.lines().any(|line| line.contains("kvm") && line.contains(text));
    if said("Protected") {
        "protected"
    } else if said("VHE mode initialized") && !said("nVHE mode initialized") {
        "VHE"
    } else if said("nVHE mode initialized") {
        "nVHE"
    } else if command_line.contains("kvm-arm.mode=nvhe") {
        "nVHE"
    } else {
        "unknown mode"
    }
}
