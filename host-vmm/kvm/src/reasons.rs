//! What kind of kernel a host has, and the likely reason when KVM or its MTE is missing, from what the host tells of itself.
//!
//! Plain functions of text, so that they are tested on any host.

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

/// Returns why /dev/kvm cannot be opened.
#[must_use]
pub fn no_kvm(errno: i32) -> Unavailable {
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

/// Returns why a kernel with KVM does not offer KVM_CAP_ARM_MTE. `level` is ID_AA64PFR1_EL1.MTE as the kernel shows it to its
/// processes, if it does.
#[must_use]
pub fn no_mte(kernel: &str, mode: &str, command_line: &str, cpuinfo: &str, level: Option<u8>) -> Unavailable {
    // Documentation/admin-guide/kernel-parameters.txt: the second is what the first stands for.
    const OFF: [&str; 2] = ["arm64.nomte", "id_aa64pfr1.mte=0"];
    let what = "this kernel does not offer KVM_CAP_ARM_MTE";
    if let Some(off) = OFF.into_iter().find(|off| command_line.split_whitespace().any(|word| word == *off)) {
        return unavailable(format!("{what}: it was booted with {off}"), format!("boot without {off}"));
    }
    if mode == "protected" {
        return unavailable(
            format!("{what}: KVM runs in protected mode, in which newer kernels (7.2 and 7.3-rc at least) have no MTE"),
            "boot without kvm-arm.mode=protected",
        );
    }
    let version: Vec<u32> = kernel.split(['.', '-']).map_while(|part| part.parse().ok()).collect();
    if version < vec![5, 14] {
        return unavailable(format!("{what}: it is Linux {kernel}, and KVM has MTE since 5.14"), "boot a newer kernel");
    }
    let cpu_has_mte =
        cpuinfo.lines().any(|line| line.starts_with("Features") && line.split_whitespace().any(|word| word == "mte"));
    if level == Some(1) {
        unavailable(
            format!("{what}: the CPU has MTE1 here, the instructions without memory for tags"),
            "use a CPU with FEAT_MTE2, and a machine and firmware that give it memory for tags (under QEMU: -M virt,mte=on)",
        )
    } else if cpu_has_mte {
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

/// Returns the kernel's release with its stable patch number in front: that decides what it promises. Debian names the packages
/// of a series alike and tells the patch in the version only (`6.1.0-56-cloud-arm64`, `#1 SMP Debian 6.1.192-2 (…)`).
#[must_use]
pub fn release(osrelease: &str, version: &str) -> String {
    let of_package = version.split_once("Debian ").map_or("", |(_, rest)| rest);
    let upstream = of_package.split(['-', ' ']).next().unwrap_or_default();
    let series = |text: &str| text.splitn(3, '.').take(2).map(str::to_owned).collect::<Vec<_>>();
    let named_by_series = osrelease.split('-').next().is_some_and(|numbers| numbers.ends_with(".0"));
    if named_by_series && upstream.split('.').count() == 3 && series(upstream) == series(osrelease) {
        format!("{upstream} ({osrelease})")
    } else {
        osrelease.to_owned()
    }
}

/// Finds out how KVM runs, from its own message at boot, else from the kernel's parameters.
#[must_use]
pub fn mode(log: &str, command_line: &str) -> &'static str {
    let said = |text: &str| log.lines().any(|line| line.contains("kvm") && line.contains(text));
    if said("Protected") {
        "protected"
    } else if said("VHE+NV2 mode initialized") {
        "nested"
    } else if said("VHE mode initialized") && !said("nVHE mode initialized") {
        "VHE"
    } else if said("nVHE mode initialized") || command_line.contains("kvm-arm.mode=nvhe") {
        "nVHE"
    } else {
        "unknown mode"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MTE_CPU: &str = "processor: 0\nFeatures\t: fp asimd mte mte3 sve\n";

    #[test]
    fn each_cause_of_a_missing_capability_has_its_own_reason() {
        let reasons = [
            no_mte("6.12.1", "VHE", "quiet arm64.nomte panic=-1", MTE_CPU, Some(3)),
            no_mte("7.3.0-rc4", "protected", "quiet", MTE_CPU, Some(3)),
            no_mte("5.10.0-8", "VHE", "quiet", MTE_CPU, None),
            no_mte("6.12.1", "VHE", "quiet", "Features\t: fp asimd\n", Some(0)),
            no_mte("6.12.1", "VHE", "quiet", MTE_CPU, Some(2)),
            no_mte("6.12.1", "VHE", "quiet", "Features\t: fp asimd\n", Some(1)),
            no_mte("6.12.1", "VHE", "quiet id_aa64pfr1.mte=0", MTE_CPU, Some(0)),
        ];
        for (i, a) in reasons.iter().enumerate() {
            assert!(!a.remedy.is_empty());
            assert!(reasons[..i].iter().all(|b| b.reason != a.reason), "{a}");
        }
        assert!(reasons[0].reason.contains("arm64.nomte"));
        assert!(reasons[1].reason.contains("protected"));
        assert!(reasons[2].reason.contains("5.14"));
        assert!(reasons[5].reason.contains("MTE1"));
    }

    #[test]
    fn a_missing_device_and_a_missing_permission_have_different_reasons() {
        assert_ne!(no_kvm(libc::ENOENT), no_kvm(libc::EACCES));
        assert_ne!(no_kvm(libc::EACCES), no_kvm(libc::EBUSY));
    }

    #[test]
    fn the_patch_level_is_read_from_the_version() {
        let debian = "#1 SMP Debian 6.1.192-2 (2026-09-30)";
        assert_eq!(release("6.1.0-56-cloud-arm64", debian), "6.1.192 (6.1.0-56-cloud-arm64)");
        for other in ["6.12.117+deb12-cloud-arm64", "6.2.0-1-arm64", "7.3-cloud-arm64"] {
            assert_eq!(release(other, debian), other);
        }
        assert_eq!(release("6.1.0", "#1 SMP PREEMPT Tue"), "6.1.0");
    }

    #[test]
    fn the_kvm_mode_is_read_from_the_boot_log() {
        assert_eq!(mode("6,1,1;kvm [1]: VHE mode initialized successfully", ""), "VHE");
        assert_eq!(mode("6,1,1;kvm [1]: VHE+NV2 mode initialized successfully", ""), "nested");
        assert_eq!(mode("6,1,1;kvm [1]: Hyp nVHE mode initialized successfully", ""), "nVHE");
        assert_eq!(mode("6,1,1;kvm [1]: Protected hVHE mode initialized successfully", ""), "protected");
        assert_eq!(mode("", "quiet kvm-arm.mode=nvhe"), "nVHE");
        assert_eq!(mode("", "quiet"), "unknown mode");
    }
}
