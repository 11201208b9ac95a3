//! Numbers in a flattened device tree, changed where they stand (Devicetree Specification 0.4, 5).

/// Marks at the beginning of what is in the structure block.
const BEGIN_NODE: u32 = 1;
const END_NODE: u32 = 2;
const PROPERTY: u32 = 3;
const NOTHING: u32 = 4;
/// Offsets of the header's fields.
const STRUCTURE: usize = 8;
const STRINGS: usize = 12;

fn word(tree: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(tree.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

/// Sets the first property of this name, a number of 4 or 8 bytes. Returns whether there is one that the number fits.
pub fn set_number(tree: &mut [u8], name: &str, number: u64) -> bool {
    let Some((at, length)) = find(tree, name) else { return false };
    let bytes = number.to_be_bytes();
    let fits = length <= bytes.len() && bytes[..bytes.len() - length].iter().all(|byte| *byte == 0);
    let Some(place) = tree.get_mut(at..at + length).filter(|_| fits && [4, 8].contains(&length)) else { return false };
    place.copy_from_slice(&bytes[bytes.len() - length..]);
    true
}

/// Returns where the value of a property stands, and its length.
fn find(tree: &[u8], name: &str) -> Option<(usize, usize)> {
    let (mut at, strings) = (word(tree, STRUCTURE)? as usize, word(tree, STRINGS)? as usize);
    loop {
        let mark = word(tree, at)?;
        at += 4;
        match mark {
            BEGIN_NODE => {
                let length = tree.get(at..)?.iter().position(|byte| *byte == 0)? + 1;
                at += length.next_multiple_of(4);
            }
            PROPERTY => {
                let (length, offset) = (word(tree, at)? as usize, word(tree, at + 4)? as usize);
                let own = tree.get(strings.checked_add(offset)?..)?.split(|byte| *byte == 0).next()?;
                at += 8;
                if own == name.as_bytes() {
                    return Some((at, length));
                }
                at = at.checked_add(length.checked_next_multiple_of(4)?)?;
            }
            END_NODE | NOTHING => {}
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vm_fdt::FdtWriter;

    fn tree() -> Vec<u8> {
        let mut writer = FdtWriter::new().unwrap();
        let root = writer.begin_node("").unwrap();
        writer.property_string("compatible", "a,b").unwrap();
        let chosen = writer.begin_node("chosen").unwrap();
        writer.property_u64("linux,initrd-start", 7).unwrap();
        writer.property_u32("linux,initrd-end", 8).unwrap();
        writer.end_node(chosen).unwrap();
        writer.end_node(root).unwrap();
        writer.finish().unwrap()
    }

    #[test]
    fn numbers_are_changed_where_they_stand() {
        let (before, mut after) = (tree(), tree());
        assert!(set_number(&mut after, "linux,initrd-start", 0x1_4a00_0000));
        assert!(set_number(&mut after, "linux,initrd-end", 0x4b00_0000));
        let differences = before.iter().zip(&after).filter(|(a, b)| a != b).count();
        assert_eq!((before.len(), differences), (after.len(), 2 + 1 + 2));
        let (at, length) = find(&after, "linux,initrd-start").unwrap();
        assert_eq!(after[at..at + length], 0x1_4a00_0000_u64.to_be_bytes());
    }

    #[test]
    fn what_is_not_there_or_does_not_fit_is_left_alone() {
        let mut changed = tree();
        assert!(!set_number(&mut changed, "linux,initrd", 1));
        assert!(!set_number(&mut changed, "compatible", u64::MAX), "a text of 4 bytes");
        assert!(!set_number(&mut changed, "linux,initrd-end", 1 << 32));
        assert_eq!(changed, tree());
        for length in 0..changed.len() {
            let mut cut = changed[..length].to_vec();
            set_number(&mut cut, "linux,initrd-end", 1);
        }
    }
}
