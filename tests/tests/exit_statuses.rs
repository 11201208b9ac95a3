//! The exit statuses of what a user got wrong (2), and of machines on which nothing can be checked (4).

use std::process::Command;

use granule_tests::environment::{self, BIN};
use granule_tests::process::{ExitedProcess, Process};
use granule_tests::run::{Run, case_names};

/// Runs granule with these arguments and nothing from the environment.
fn granule(arguments: &[&str]) -> ExitedProcess {
    let mut command = Command::new(environment::file(BIN));
    command.env_remove("GRANULE_KERNEL").env_remove("GRANULE_QEMU").env_remove("GRANULE_AGENT");
    Process::start(command.args(arguments)).end()
}

#[test]
#[ignore = "needs granule; cargo xtask test runs it"]
fn wrong_options_are_usage_errors_that_name_them() {
    let lines: [(&[&str], &str); 9] = [
        (&["run", "--via", "nested"], "--kernel"),
        (&["run", "--seed", "0x"], "--seed"),
        (&["run", "--smp", "0"], "--smp"),
        (&["run", "--mem", "16"], "--mem"),
        (&["run", "--timeout", "0"], "--timeout"),
        (&["run", "--guest-timeout", "0"], "--guest-timeout"),
        (&["run", "--format", "yaml"], "--format"),
        (&["run", "--via", "kvm", "--kernel", "Image"], "--kernel"),
        (&["run", "--no-such-option"], "--no-such-option"),
    ];
    for (arguments, named) in lines {
        let ended = granule(arguments);
        assert_eq!(ended.status.code(), Some(2), "{arguments:?}: {ended}");
        assert_eq!(ended.stdout, "", "{arguments:?}: {ended}");
        assert!(ended.stderr.contains(named), "{arguments:?}: {ended}");
    }
}

#[test]
#[ignore = "needs granule; cargo xtask test runs it"]
fn an_unknown_case_is_a_usage_error_that_names_a_near_one() {
    let known = &case_names()[0];
    let mistyped = format!("{known}x");
    for command in ["run", "list"] {
        let ended = granule(&[command, &mistyped]);
        assert_eq!(ended.status.code(), Some(2), "{ended}");
        let offered = ended.stderr.replace(&mistyped, "");
        assert!(offered.contains(known), "{command} does not offer {known}: {ended}");
    }
}

#[test]
#[ignore = "needs QEMU and kernels; cargo xtask test runs it"]
fn a_kernel_booted_without_mte_is_unavailable_for_that_reason() {
    let reason = Run::new().append("arm64.nomte").report().unavailable();
    assert!(reason.contains("KVM_CAP_ARM_MTE") && reason.contains("arm64.nomte"), "{reason}");
}

/// A CPU with the instructions and no memory for tags; a kernel parameter can make one of any other.
#[test]
#[ignore = "needs QEMU and kernels; cargo xtask test runs it"]
fn a_cpu_with_mte1_is_unavailable_for_that_reason() {
    let reason = Run::new().append("id_aa64pfr1.mte=1").report().unavailable();
    assert!(reason.contains("MTE1"), "{reason}");
}

#[test]
#[ignore = "needs QEMU and kernels; cargo xtask test runs it"]
fn a_kernel_without_kvm_is_unavailable_for_that_reason() {
    let reason = Run::new().append("kvm-arm.mode=none").report().unavailable();
    assert!(reason.contains("/dev/kvm"), "{reason}");
}

#[test]
#[cfg(not(target_arch = "aarch64"))]
#[ignore = "needs granule; cargo xtask test runs it"]
fn this_machines_own_kvm_is_unavailable_when_it_is_no_arm64() {
    let ended = granule(&["run", "--via", "kvm"]);
    assert_eq!(ended.status.code(), Some(4), "{ended}");
    assert!(ended.stderr.contains(std::env::consts::ARCH), "{ended}");
}
