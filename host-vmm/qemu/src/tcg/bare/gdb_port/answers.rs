//! Answers that need no machine: parts of descriptions, the one file that there is, ranges of tags.

use machine::debuggee::untagged;
use machine::debugger_needs::{SMAPS, TAG_CONTROL, is_smaps};
use machine::tags::GRANULE;

use crate::tcg::packet;

/// The file that has what is added to the description of registers.
pub const FILE: &str = "granule-mte.xml";
/// The descriptor of the file that can be opened.
const DESCRIPTOR: &str = "5";

/// No request for tags is longer, in granules.
const MOST_GRANULES: u64 = 1 << 16;
/// The allocation tag, of the types of tags (GDB manual, "General Query Packets", qMemTags).
const ALLOCATION: u64 = 1;

/// Reads a number of hexadecimal digits.
pub fn hex(digits: &str) -> Option<u64> {
    packet::number(digits.as_bytes())
}

/// Reads `ADDRESS,LENGTH:TYPE` as a first granule and how many.
pub fn granules(text: &str) -> Option<(u64, u64)> {
    let (range, kind) = text.split_once(':')?;
    let (address, length) = range.split_once(',')?;
    let (address, length) = (untagged(hex(address)?), hex(length)?);
    if hex(kind)? != ALLOCATION {
        return None;
    }
    let start = address & !(GRANULE - 1);
    let count = address.checked_add(length.max(1))?.checked_next_multiple_of(GRANULE)?.checked_sub(start)? / GRANULE;
    (count <= MOST_GRANULES).then_some((start, count))
}

/// Returns a part of a text as `qXfer` does: `OFFSET,LENGTH`.
pub fn piece(text: &str, range: &str) -> Vec<u8> {
    let parsed =
        range.split_once(',').and_then(|(offset, length)| Some((hex(offset)? as usize, hex(length)? as usize)));
    let Some((offset, length)) = parsed else { return b"E00".to_vec() };
    let rest = text.as_bytes().get(offset..).unwrap_or_default();
    let kind: &[u8] = if rest.len() > length { b"m" } else { b"l" };
    [kind, &rest[..rest.len().min(length)]].concat()
}

/// Adds to a target's description what makes debuggers ask for tags.
pub fn described(text: &str) -> String {
    let text = match text.contains("<osabi>") {
        true => text.to_owned(),
        false => text.replacen("</architecture>", "</architecture><osabi>GNU/Linux</osabi>", 1),
    };
    match text.contains("mte") {
        true => text,
        false => text.replacen("</target>", &format!("<xi:include href=\"{FILE}\"/></target>"), 1),
    }
}

/// Returns the description of the register by which gdb knows that a process has tags (GDB manual, "AArch64 Features").
pub fn feature(number: usize) -> String {
    format!(
        "<?xml version=\"1.0\"?><!DOCTYPE feature SYSTEM \"gdb-target.dtd\"><feature name=\"org.gnu.gdb.aarch64.mte\">\
         <reg name=\"{TAG_CONTROL}\" bitsize=\"64\" regnum=\"{number}\" type=\"uint64\" group=\"system\" save-restore=\"no\"/></feature>"
    )
}

/// Answers requests for files (GDB manual, "Host I/O Packets"): there is one.
pub fn file(request: &str) -> Vec<u8> {
    let absent = b"F-1,2".to_vec();
    let Some((what, arguments)) = request.split_once(':') else { return Vec::new() };
    match what {
        "setfs" => b"F0".to_vec(),
        "open" => match arguments.split(',').next().and_then(|name| packet::bytes(name.as_bytes())) {
            Some(name) if is_smaps(&name) => format!("F{DESCRIPTOR}").into_bytes(),
            _ => absent,
        },
        "pread" => {
            let mut numbers =
                arguments.split(',').skip(1).map(|number| hex(number).map_or(0, |number| number as usize));
            let (count, offset) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
            let rest = SMAPS.as_bytes().get(offset..).unwrap_or_default();
            let rest = &rest[..rest.len().min(count)];
            [format!("F{:x};", rest.len()).as_bytes(), rest].concat()
        }
        "close" => b"F0".to_vec(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_tags_are_whole_granules_without_the_pointers_tag() {
        assert_eq!(granules("f00000040207008,10:1"), Some((0x4020_7000, 2)));
        assert_eq!(granules("40207000,0:1"), Some((0x4020_7000, 1)));
        assert_eq!(granules("40207000,20:1"), Some((0x4020_7000, 2)));
        for wrong in ["40207000,10:0", "40207000:1", "40207000,ffffffffffffffff:1", "x,10:1", "40207000,7fffffff:1"] {
            assert_eq!(granules(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_description_says_linux_once_and_has_tags() {
        let text = "<target><architecture>aarch64</architecture><xi:include href=\"aarch64-core.xml\"/></target>";
        let described = described(text);
        assert_eq!(
            described,
            "<target><architecture>aarch64</architecture><osabi>GNU/Linux</osabi><xi:include href=\"aarch64-core.xml\"/>\
             <xi:include href=\"granule-mte.xml\"/></target>"
        );
        assert_eq!(super::described(&described), described);
        assert_eq!(piece("abcdef", "0,4"), b"mabcd");
        assert_eq!(piece("abcdef", "4,4"), b"lef");
        assert_eq!(piece("abcdef", "9,4"), b"l");
        assert_eq!(piece("abcdef", "x"), b"E00");
    }

    #[test]
    fn the_only_file_is_the_list_of_mappings() {
        let open = |name: &str| {
            file(&format!("open:{},0,1c0", name.bytes().map(|byte| format!("{byte:02x}")).collect::<String>()))
        };
        assert_eq!(open("/proc/1/smaps"), b"F5");
        assert_eq!(open("/etc/passwd"), b"F-1,2");
        let text = String::from_utf8(file("pread:5,1000,0")).unwrap();
        assert_eq!(text, format!("F{:x};{SMAPS}", SMAPS.len()));
        assert_eq!(file("pread:5,1000,fff"), b"F0;");
        assert_eq!(file("unlink:00"), b"");
    }
}
