//! What the README promises of the example.

#[test]
fn its_vmm_has_at_most_150_lines() {
    let vmm = include_str!("../examples/save_restore/vmm.rs");
    assert!(vmm.lines().count() <= 150, "{} lines", vmm.lines().count());
}
