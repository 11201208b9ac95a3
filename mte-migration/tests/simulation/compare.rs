//! Two states of a guest, compared, and their digests computed another way than the package does.

use blake2::digest::consts::U32;
use blake2::{Blake2b, Digest as _};
use mte_migration::TAGS;

use crate::guest::State;

/// Names what differs.
pub fn equal(stopped: &State, resumed: &State) -> Result<(), String> {
    let numbers: Vec<u64> = stopped.pages.keys().chain(resumed.pages.keys()).copied().collect();
    for number in numbers {
        let (Some(a), Some(b)) = (stopped.pages.get(&number), resumed.pages.get(&number)) else {
            return Err(format!("page {number:#x} is on one side only"));
        };
        if a.data != b.data {
            return Err(format!("data of page {number:#x} differs"));
        }
        if let Some(granule) = (0..TAGS).find(|granule| a.tags[*granule] != b.tags[*granule]) {
            return Err(format!("tag of granule {granule} of page {number:#x} differs"));
        }
    }
    if stopped.vm != resumed.vm || stopped.vcpus != resumed.vcpus {
        return Err("registers differ".to_owned());
    }
    Ok(())
}

/// Digests as docs/migration-protocol.md defines them, computed another way.
pub fn digests(state: &State) -> [[u8; 32]; 3] {
    let hash = |bytes: &[u8]| -> [u8; 32] { Blake2b::<U32>::digest(bytes).into() };
    let (mut memory, mut tags) = (b"MTEmem1\0".to_vec(), b"MTEtag1\0".to_vec());
    for (number, page) in &state.pages {
        if page.data.iter().any(|byte| *byte != 0) {
            memory.extend(number.to_le_bytes());
            memory.extend(hash(&page.data[..]));
        }
        if page.tags.iter().any(|tag| *tag != 0) {
            let packed: Vec<u8> = page.tags.chunks(2).map(|pair| pair[0] + 16 * pair[1]).collect();
            tags.extend(number.to_le_bytes());
            tags.extend(hash(&packed));
        }
    }
    let mut registers = b"MTEreg1\0".to_vec();
    registers.extend((state.vm.len() as u64).to_le_bytes());
    registers.extend(&state.vm);
    for vcpu in &state.vcpus {
        registers.extend(32u64.to_le_bytes());
        registers.extend([vcpu.pc, vcpu.rgsr, vcpu.gcr, vcpu.tfsr].map(u64::to_le_bytes).concat());
    }
    [hash(&memory), hash(&tags), hash(&registers)]
}
