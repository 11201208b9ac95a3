//! Defects of emulators that make cases fail through no fault of the kernel under test.

/// An emulator, the first version that is right, and what the versions before do.
const ERRATA: &[(&str, (u32, u32), &str)] = &[(
    "QEMU",
    (8, 0),
    "this QEMU has a known defect: all granules of a page share a tag; use QEMU 8.0 or newer to test the kernel",
)];

/// Gives the defect of an emulator as it names itself: `QEMU 7.2.11`.
pub fn of(emulator: &str) -> Option<&'static str> {
    let (name, version) = emulator.split_once(' ')?;
    let mut parts = version.split('.').map(str::parse);
    let version = (parts.next()?.ok()?, parts.next()?.ok()?);
    ERRATA.iter().find(|(whose, right, _)| *whose == name && version < *right).map(|(.., defect)| *defect)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_versions_before_the_right_one_have_the_defect() {
        assert!(of("QEMU 7.2.11").is_some());
        for right in ["QEMU 8.0.0", "QEMU 10.0.2", "other 7.2.11", "QEMU", ""] {
            assert_eq!(of(right), None, "{right}");
        }
    }
}
