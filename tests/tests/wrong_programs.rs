//! Files that are no kernel, and a QEMU that is missing or too old: reported before or instead of a run (status 69),
//! with the path that was given and what was found there.

use std::fs;
use std::path::Path;

use granule_tests::environment::{self, KERNEL_6_12, fake_qemu};
use granule_tests::run::Run;

/// Runs with a file that is no kernel; returns the reason, which names the path.
fn refused_kernel(path: &Path) -> String {
    let reason = Run::new().kernel(path).report().broken();
    assert!(reason.contains(path.to_str().unwrap()), "{reason}");
    reason
}

#[test]
#[ignore = "needs granule and QEMU; cargo xtask test runs it"]
fn other_file_formats_are_named() {
    let mut bzimage = vec![0; 4096];
    bzimage[..2].copy_from_slice(b"MZ");
    bzimage[0x202..0x206].copy_from_slice(b"HdrS");
    let image = fs::read(environment::file(KERNEL_6_12)).unwrap();
    let table: [(&str, &[u8], &str); 5] = [
        ("empty", b"", "0 bytes"),
        ("bzImage", &bzimage, "bzImage"),
        ("Image.gz", b"\x1f\x8b\x08\0\0\0\0\0\0\x03", "gzip"),
        ("cut", &image[..40], "40 bytes"),
        ("zeros", &[0; 4096], "offset 56"),
    ];
    let scratch = tempfile::tempdir().unwrap();
    for (name, bytes, found) in table {
        let path = scratch.path().join(name);
        fs::write(&path, bytes).unwrap();
        let reason = refused_kernel(&path);
        assert!(reason.contains(found), "{name}: {reason}");
    }
}

#[test]
#[ignore = "needs granule and QEMU; cargo xtask test runs it"]
fn a_missing_kernel_and_a_directory_are_named() {
    let scratch = tempfile::tempdir().unwrap();
    let [missing, directory] =
        [scratch.path().join("none"), scratch.path().to_owned()].map(|path| refused_kernel(&path));
    assert_ne!(missing.replace("/none", ""), directory, "both are reported in the same words");
}

#[test]
#[ignore = "needs granule and kernels; cargo xtask test runs it"]
fn a_qemu_that_cannot_be_started_is_named() {
    let scratch = tempfile::tempdir().unwrap();
    let plain = scratch.path().join("plain");
    fs::write(&plain, "no program").unwrap();
    for path in [scratch.path().join("none"), plain, scratch.path().to_owned()] {
        let reason = Run::new().qemu(&path).report().broken();
        assert!(reason.contains(path.to_str().unwrap()), "{reason}");
    }
}

#[test]
#[ignore = "needs granule and kernels; cargo xtask test runs it"]
fn another_program_is_reported_with_its_output() {
    let reason = Run::new().qemu("/bin/echo").report().broken();
    assert!(reason.contains("/bin/echo") && reason.contains("--version"), "{reason}");
}

#[test]
#[ignore = "needs granule and kernels; cargo xtask test runs it"]
fn a_qemu_that_is_too_old_is_reported_with_its_version() {
    let reason = Run::new().qemu(fake_qemu("old")).report().broken();
    assert!(reason.contains("5.2.0"), "{reason}");
}

#[test]
#[ignore = "needs granule and kernels; cargo xtask test runs it"]
fn a_qemu_without_mte_is_reported_with_its_message() {
    let reason = Run::new().qemu(fake_qemu("without-mte")).report().broken();
    assert!(reason.contains("mte=on") && reason.contains("virt-10.0-machine.mte"), "{reason}");
}

#[test]
#[ignore = "needs QEMU and kernels; cargo xtask test runs it"]
fn a_cpu_without_mte_and_an_unknown_cpu_have_different_errors() {
    let without = Run::new().option("--cpu", "cortex-a57").report().unavailable();
    assert!(without.contains("--cpu") && without.contains("MTE"), "{without}");
    let unknown = Run::new().option("--cpu", "no-such-cpu").report().broken();
    assert!(unknown.contains("--cpu") && unknown.contains("no-such-cpu"), "{unknown}");
    assert_ne!(without.lines().next(), unknown.lines().next());
}

#[test]
#[ignore = "needs granule and kernels; cargo xtask test runs it"]
fn a_program_that_hangs_on_version_is_killed() {
    let path = fake_qemu("mute");
    let reason = Run::new().qemu(&path).option("--timeout", "1").report().broken();
    assert!(reason.contains(path.to_str().unwrap()), "{reason}");
}
