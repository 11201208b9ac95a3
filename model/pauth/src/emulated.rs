//! QEMU's own code, where it says that its algorithm is IMPLEMENTATION DEFINED (`pauth-impdef=on`, target/arm/tcg/pauth_helper.c,
//! `pauth_computepac_impdef`): XXH64 with the seed 1 over data, modifier, and the halves of the key, the lower first, without
//! the step that mixes the length in.

const PRIME_1: u64 = 0x9e37_79b1_85eb_ca87;
const PRIME_2: u64 = 0xc2b2_ae3d_27d4_eb4f;
const PRIME_3: u64 = 0x1656_67b1_9e37_79f9;
const PRIME_4: u64 = 0x85eb_ca77_c2b2_ae63;
const SEED: u64 = 1;

fn round(lane: u64, input: u64) -> u64 {
    lane.wrapping_add(input.wrapping_mul(PRIME_2)).rotate_left(31).wrapping_mul(PRIME_1)
}

/// What the lanes come to, before the length is mixed in.
fn merged(inputs: [u64; 4]) -> u64 {
    let starts = [
        SEED.wrapping_add(PRIME_1).wrapping_add(PRIME_2),
        SEED.wrapping_add(PRIME_2),
        SEED,
        SEED.wrapping_sub(PRIME_1),
    ];
    let lanes: [u64; 4] = std::array::from_fn(|n| round(starts[n], inputs[n]));
    let sum = lanes.iter().zip([1, 7, 12, 18]).fold(0, |sum: u64, (lane, by)| sum.wrapping_add(lane.rotate_left(by)));
    lanes.iter().fold(sum, |hash, lane| (hash ^ round(0, *lane)).wrapping_mul(PRIME_1).wrapping_add(PRIME_4))
}

fn avalanche(hash: u64) -> u64 {
    let hash = (hash ^ hash >> 33).wrapping_mul(PRIME_2);
    let hash = (hash ^ hash >> 29).wrapping_mul(PRIME_3);
    hash ^ hash >> 32
}

/// Returns the hash of four words.
pub(crate) fn hashed(inputs: [u64; 4]) -> u64 {
    avalanche(merged(inputs))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With the length mixed in it is XXH64, for which `xxhsum` is the independent source.
    #[test]
    fn with_the_length_it_is_xxh64() {
        let bytes: [u8; 32] = std::array::from_fn(|n| n as u8);
        let words = std::array::from_fn(|n| u64::from_le_bytes(std::array::from_fn(|m| bytes[8 * n + m])));
        assert_eq!(avalanche(merged(words).wrapping_add(32)), 0xd74e_6766_ce9d_ba94);
    }
}
