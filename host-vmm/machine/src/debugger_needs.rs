//! What stock debuggers want to see before they ask for tags.
//!
//! gdb asks where it believes that it debugs a Linux process with tagged pages (gdb/aarch64-linux-tdep.c,
//! `aarch64_linux_tagged_address_p`; gdb/linux-tdep.c, `linux_address_in_memtag_page`): the description of the target says GNU/Linux
//! and has the register `tag_ctl`, and /proc/PID/smaps says which addresses are tagged. Releases from 15 on send qIsAddressTagged instead of
//! reading that file. lldb asks where `qMemoryRegionInfo` has the flag `mt` (lldb/docs/lldb-gdb-remote.txt).

use crate::debuggee::untagged;

/// The register by which gdb knows that a process has tags (GDB manual, "AArch64 Features", org.gnu.gdb.aarch64.mte).
pub const TAG_CONTROL: &str = "tag_ctl";

/// One mapping, of every address, tagged: whether a granule has a tag is answered when it is asked for.
pub const SMAPS: &str = "0000000000000000-ffffffffffffffff rwxp 00000000 00:00 0 \nVmFlags: rd wr ex mt \n";

/// Bits of `tag_ctl` (Linux, include/uapi/linux/prctl.h): PR_TAGGED_ADDR_ENABLE, PR_MTE_TCF_SYNC, PR_MTE_TCF_ASYNC, PR_MTE_TAG_SHIFT.
const ENABLE: u64 = 1;
const SYNC: u64 = 1 << 1;
const ASYNC: u64 = 1 << 2;
const INCLUDED: u32 = 3;
/// SCTLR_EL1.TCF.
const TCF: u32 = 40;

/// The halves of the address space (Arm ARM, FEAT_LVA: 52 bits), and behind the lower one.
const LOWER_END: u64 = 1 << 52;
const UPPER: u64 = LOWER_END.wrapping_neg();

/// Returns whether a file's name is that of a process's smaps.
#[must_use]
pub fn is_smaps(name: &[u8]) -> bool {
    name.starts_with(b"/proc/") && name.ends_with(b"/smaps")
}

/// Returns `tag_ctl` as Linux would have it where a process had these SCTLR_EL1.TCF and GCR_EL1.Exclude.
#[must_use]
pub fn tag_control(sctlr: u64, gcr: u64) -> u64 {
    let mode = match sctlr >> TCF & 3 {
        0 => 0,
        1 => SYNC,
        2 => ASYNC,
        _ => SYNC | ASYNC,
    };
    ENABLE | mode | (!gcr & 0xffff) << INCLUDED
}

/// Describes the region of an address to lldb, which asks for one after the other up to the end: either half of the address space is
/// one, tagged. What is between them is not there: lldb keeps results of expressions at addresses that are not.
#[must_use]
pub fn region(address: u64) -> String {
    let (start, size, what) = match untagged(address) {
        0..LOWER_END => (0, LOWER_END, "permissions:rwx;flags:mt;"),
        UPPER.. => (UPPER, u64::MAX - UPPER, "permissions:rwx;flags:mt;"),
        _ => (LOWER_END, UPPER - LOWER_END, ""),
    };
    format!("start:{start:x};size:{size:x};{what}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_cover_all_addresses() {
        assert_eq!(region(0x0900_0000_4020_7000), "start:0;size:10000000000000;permissions:rwx;flags:mt;");
        assert_eq!(region(1 << 52), "start:10000000000000;size:ffe0000000000000;");
        assert_eq!(region(u64::MAX), "start:fff0000000000000;size:fffffffffffff;permissions:rwx;flags:mt;");
    }

    #[test]
    fn tag_control_is_what_prctl_says() {
        assert_eq!(tag_control(0, 0xffff), ENABLE);
        assert_eq!(tag_control(1 << 40, 0x1_0001), ENABLE | SYNC | 0xfffe << 3);
        assert_eq!(tag_control(3 << 40, 0), ENABLE | SYNC | ASYNC | 0xffff << 3);
    }

    #[test]
    fn only_smaps_is_a_file() {
        assert!(is_smaps(b"/proc/1/smaps") && !is_smaps(b"/etc/passwd") && !is_smaps(b"/proc/1/maps"));
    }
}
