//! Nothing but a whole and unaltered snapshot is decoded, whatever the digest says.

use super::sample;
use crate::error::DecodeError;
use crate::seal::{self, TRAILER};
use crate::snapshot::Snapshot;

/// Replaces the trailer.
fn reseal(body: &[u8]) -> Vec<u8> {
    let mut file = body.to_vec();
    seal::seal(&mut file);
    file
}

#[test]
fn every_changed_bit_is_noticed() {
    let mut file = sample().encode().unwrap();
    assert!((8 << 10..16 << 10).contains(&file.len()), "{}", file.len());
    for at in 0..file.len() {
        for bit in 0..8 {
            file[at] ^= 1 << bit;
            assert!(Snapshot::decode(&file).is_err(), "bit {bit} of byte {at:#x}");
            file[at] ^= 1 << bit;
        }
    }
    assert_eq!(Snapshot::decode(&file), Ok(sample()));
}

#[test]
fn every_cut_off_file_is_noticed() {
    let file = sample().encode().unwrap();
    for length in 0..file.len() {
        let error = Snapshot::decode(&file[..length]).unwrap_err();
        assert_eq!(error, DecodeError::NotASnapshot { bytes: length });
    }
    let longer = [&file[..], &file[file.len() - TRAILER..]].concat();
    let found = longer.len() as u64;
    assert_eq!(Snapshot::decode(&longer), Err(DecodeError::Length { expected: file.len() as u64, found }));
}

#[test]
fn the_checks_are_made_in_the_promised_order() {
    let mut file = sample().encode().unwrap();
    let trailer = file.len() - TRAILER;
    // From the last check to the first: each error hides those of later checks.
    file[0] ^= 1;
    assert!(matches!(Snapshot::decode(&file), Err(DecodeError::Digest { .. })));
    file.insert(0, 0);
    assert!(matches!(Snapshot::decode(&file), Err(DecodeError::Length { .. })));
    file[trailer + 1 + 8] = 2;
    assert_eq!(Snapshot::decode(&file), Err(DecodeError::Version { found: 2, supported: 1 }));
    file[trailer + 1] ^= 1;
    assert_eq!(Snapshot::decode(&file), Err(DecodeError::NotASnapshot { bytes: file.len() }));
}

#[test]
fn the_reserved_word_of_the_trailer_is_zero() {
    let mut file = sample().encode().unwrap();
    let length = file.len();
    file[length - TRAILER + 12] = 1;
    let digest = blake3::hash(&file[..length - 32]);
    file[length - 32..].copy_from_slice(digest.as_bytes());
    assert_eq!(Snapshot::decode(&file), Err(DecodeError::NotCanonical { offset: (length - TRAILER + 12) as u64 }));
}

/// Decodes an altered file with a good digest: it is refused, or it is what encoding its contents yields.
fn decodes_to_itself(body: &[u8]) -> bool {
    let file = reseal(body);
    let decoded = Snapshot::decode(&file);
    if let Ok(snapshot) = &decoded {
        assert!(snapshot.encode().unwrap() == file);
    }
    decoded.is_ok()
}

/// Returns the file without its trailer, and where its page data begins.
fn body() -> (Vec<u8>, usize) {
    let mut file = sample().encode().unwrap();
    file.truncate(file.len() - TRAILER);
    let data = file.len() - 0x2000 - 0x100;
    (file, data)
}

#[test]
fn an_altered_front_with_a_good_digest_does_not_lie() {
    let (mut body, data) = body();
    let mut accepted = 0;
    for at in 0..data {
        for bit in 0..8 {
            body[at] ^= 1 << bit;
            accepted += u32::from(decodes_to_itself(&body));
            body[at] ^= 1 << bit;
        }
    }
    // Values that nothing is derived from: keys, the kernel's release, what the application stored.
    assert!((1000..10_000).contains(&accepted), "{accepted}");
}

#[test]
fn extreme_numbers_in_the_front_do_no_harm() {
    let (mut body, data) = body();
    let numbers = [0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_f000, u32::MAX];
    for at in (0..data).step_by(4) {
        let original = body[at..at + 8].to_vec();
        for number in numbers {
            for bytes in [&number.to_le_bytes()[..], &(u64::from(number) << 32 | u64::from(number)).to_le_bytes()] {
                body[at..at + bytes.len()].copy_from_slice(bytes);
                decodes_to_itself(&body);
                body[at..at + 8].copy_from_slice(&original);
            }
        }
    }
}

#[test]
fn altered_memory_with_a_good_digest_is_other_memory_or_refused() {
    let (mut body, data) = body();
    body[data] ^= 0x55;
    assert!(decodes_to_itself(&body));
    // A page that became zero should not be there.
    body[data..data + 4096].fill(0);
    assert!(!decodes_to_itself(&body));
    let (mut body, data) = self::body();
    body[data + 0x2000..].fill(0);
    assert!(!decodes_to_itself(&body), "zero tags should not be there");
    let (mut body, _) = self::body();
    body.push(0);
    assert!(!decodes_to_itself(&body), "nothing is between the tags and the trailer");
}

#[test]
fn no_byte_of_a_file_is_two_pages() {
    let (mut body, data) = body();
    // The guest-physical segments of the two pages with data are the only ones with these addresses.
    let header = |ipa: u64| [ipa.to_le_bytes(), ipa.to_le_bytes()].concat();
    let find = |body: &[u8], bytes: &[u8]| body.windows(bytes.len()).position(|window| window == bytes).unwrap();
    let offset = find(&body, &header(0x4060_1000)) - 8;
    assert_eq!(body[offset..offset + 8], (data as u64 + 0x1000).to_le_bytes());
    body[offset..offset + 8].copy_from_slice(&(data as u64).to_le_bytes());
    let error = Snapshot::decode(&reseal(&body)).unwrap_err().to_string();
    let expected =
        format!("memory segment at 0x40601000: expected an offset from {:#x} on, found {data:#x}", data + 0x1000);
    assert_eq!(error, expected);
}
