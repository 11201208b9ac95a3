//! QARMA-64, the tweakable block cipher of the architected codes: pseudocode `ComputePACQARMA`.
//!
//! R. Avanzi, "The QARMA Block Cipher Family", IACR Transactions on Symmetric Cryptology 2017(1). A state has 16 cells of four
//! bits, cell 0 the highest. FEAT_PACQARMA5 is the cipher with five rounds and the S-box σ2, FEAT_PACQARMA3 that with three
//! rounds and σ1. Of its output a pointer holds only some bits.

/// The cells of a state.
type Cells = [u8; 16];

/// The number of rounds on either side of the middle, and the S-box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Variant {
    pub rounds: usize,
    pub s_box: &'static Cells,
}

/// FEAT_PACQARMA5.
pub(crate) const QARMA5: Variant = Variant { rounds: 5, s_box: &SIGMA_2 };
/// FEAT_PACQARMA3.
pub(crate) const QARMA3: Variant = Variant { rounds: 3, s_box: &SIGMA_1 };

const SIGMA_1: Cells = [10, 13, 14, 6, 15, 7, 3, 5, 9, 8, 0, 12, 11, 1, 2, 4];
const SIGMA_2: Cells = [11, 6, 8, 15, 12, 0, 9, 14, 3, 7, 4, 5, 13, 2, 1, 10];
/// The cell permutation τ: where each cell comes from.
const TAU: Cells = [0, 11, 6, 13, 10, 1, 12, 7, 5, 14, 3, 8, 15, 4, 9, 2];
/// The permutation h of the tweak.
const TWEAK: Cells = [6, 5, 14, 15, 0, 1, 2, 3, 7, 12, 13, 4, 8, 9, 10, 11];
/// The cells of the tweak that ω is applied to.
const STEPPED: [usize; 7] = [0, 1, 3, 4, 8, 11, 13];
/// The circulant matrix M: how far a cell is rotated on its way from one row to another. 0: not at all, and it does not count.
const MIX: [[u32; 4]; 4] = [[0, 1, 2, 1], [1, 0, 1, 2], [2, 1, 0, 1], [1, 2, 1, 0]];
const ALPHA: u64 = 0xc0ac_29b7_c97c_50dd;
/// c0 to c7, from the digits of π.
const ROUND: [u64; 8] = [
    0,
    0x1319_8a2e_0370_7344,
    0xa409_3822_299f_31d0,
    0x082e_fa98_ec4e_6c89,
    0x4528_21e6_38d0_1377,
    0xbe54_66cf_34e9_0c6c,
    0x3f84_d5b5_b547_0917,
    0x9216_d5d9_8979_fb1b,
];

fn cells(state: u64) -> Cells {
    std::array::from_fn(|n| (state >> (60 - 4 * n) & 0xf) as u8)
}

fn state(cells: Cells) -> u64 {
    cells.iter().fold(0, |state, cell| state << 4 | u64::from(*cell))
}

fn inverse(permutation: &Cells) -> Cells {
    let mut inverse = [0; 16];
    for (n, from) in permutation.iter().enumerate() {
        inverse[usize::from(*from)] = n as u8;
    }
    inverse
}

fn permuted(value: u64, permutation: &Cells) -> u64 {
    let from = cells(value);
    state(permutation.map(|n| from[usize::from(n)]))
}

fn substituted(value: u64, s_box: &Cells) -> u64 {
    state(cells(value).map(|cell| s_box[usize::from(cell)]))
}

fn rotated(cell: u8, by: u32) -> u8 {
    (cell << by | cell >> (4 - by)) & 0xf
}

fn mixed(value: u64) -> u64 {
    let from = cells(value);
    state(std::array::from_fn(|n| {
        let (row, column) = (n / 4, n % 4);
        (0..4)
            .filter(|other| *other != row)
            .fold(0, |cell, other| cell ^ rotated(from[4 * other + column], MIX[row][other]))
    }))
}

/// The tweak of the next round: h, then ω.
fn next(tweak: u64) -> u64 {
    let mut all = cells(permuted(tweak, &TWEAK));
    for n in STEPPED {
        let cell = all[n];
        all[n] = cell >> 1 | ((cell ^ cell >> 1) & 1) << 3;
    }
    state(all)
}

/// The tweak of the round before: [`next`] backwards.
fn previous(tweak: u64) -> u64 {
    let mut all = cells(tweak);
    for n in STEPPED {
        let cell = all[n];
        all[n] = cell << 1 & 0xf | (cell ^ cell >> 3) & 1;
    }
    permuted(state(all), &inverse(&TWEAK))
}

/// Encrypts a block: `whitening` is the upper half of the key, `core` the lower.
pub(crate) fn encrypted(variant: Variant, plain: u64, tweak: u64, whitening: u64, core: u64) -> u64 {
    let Variant { rounds, s_box } = variant;
    let (s_box_back, tau_back) = (inverse(s_box), inverse(&TAU));
    let whitening_back = whitening.rotate_right(1) ^ whitening >> 63;
    let (mut value, mut tweak) = (plain ^ whitening, tweak);
    for (n, constant) in ROUND.iter().enumerate().take(rounds) {
        value ^= core ^ tweak ^ constant;
        if n > 0 {
            value = mixed(permuted(value, &TAU));
        }
        value = substituted(value, s_box);
        tweak = next(tweak);
    }
    value ^= whitening_back ^ tweak;
    value = substituted(mixed(permuted(value, &TAU)), s_box);
    // The reflector.
    value = permuted(mixed(permuted(value, &TAU)) ^ core, &tau_back);
    value = permuted(mixed(substituted(value, &s_box_back)), &tau_back);
    value ^= whitening ^ tweak;
    for (n, constant) in ROUND.iter().enumerate().take(rounds).rev() {
        tweak = previous(tweak);
        value = substituted(value, &s_box_back);
        if n > 0 {
            value = permuted(mixed(value), &tau_back);
        }
        value ^= core ^ tweak ^ constant ^ ALPHA;
    }
    value ^ whitening_back
}

#[cfg(test)]
mod tests {
    use super::*;

    /// σ0 of the paper, which the architecture does not use.
    const SIGMA_0: Cells = [0, 14, 2, 10, 9, 15, 8, 11, 6, 4, 3, 7, 13, 12, 1, 5];

    /// The test vectors of the paper: the ciphertext by S-box and rounds.
    #[test]
    fn the_vectors_of_the_paper_come_out() {
        for (s_box, rounds, cipher) in [
            (&SIGMA_0, 5, 0x3ee9_9a6c_82af_0c38),
            (&SIGMA_0, 6, 0x9f5c_41ec_5256_03c9),
            (&SIGMA_0, 7, 0xbcaf_6c89_de93_0765),
            (&SIGMA_1, 5, 0x544b_0ab9_5bda_7c3a),
            (&SIGMA_1, 6, 0xa512_dd1e_4e3e_c582),
            (&SIGMA_1, 7, 0xedf6_7ff3_70a4_83f2),
            (&SIGMA_2, 5, 0xc003_b939_99b3_3765),
            (&SIGMA_2, 6, 0x270a_7872_75c4_8d10),
            (&SIGMA_2, 7, 0x5c06_a750_1b63_b2fd),
        ] {
            let variant = Variant { rounds, s_box };
            let (plain, tweak) = (0xfb62_3599_da6e_8127, 0x477d_469d_ec0b_8762);
            let (whitening, core) = (0x84be_85ce_9804_e94b, 0xec28_02d4_e0a4_88e9);
            assert_eq!(encrypted(variant, plain, tweak, whitening, core), cipher, "{variant:?}");
        }
    }
}
