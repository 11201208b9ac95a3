//! Pointers with codes: keys and their enables for a block, and what becomes of a pointer that is not authentic.
//!
//! Arm ARM (DDI 0487) SCTLR_EL1, APIAKeyLo_EL1, ID_AA64ISAR1_EL1.{APA, API}, ID_AA64ISAR2_EL1.APA3; pseudocode `Auth`. Cases
//! that use it need [`Need::PointerAuthentication`](machine::need::Need::PointerAuthentication).

use abi::mailbox::SysReg;

use crate::case::CaseError;
use crate::expect::{equal_hex, no_fault, one_exception_at};
use crate::{CaseContext, Guest};
use machine::{Block, El, Trace};

/// SCTLR_EL1.{EnIA, EnIB, EnDA, EnDB}, in the order of [`KEYS`].
pub const ENABLES: [u64; 4] = [1 << 31, 1 << 30, 1 << 27, 1 << 13];
/// The keys of addresses, as the names of instructions have them.
pub const KEYS: [&str; 4] = ["ia", "ib", "da", "db"];
/// Where an address of 39 bits has its code while the top byte is ignored: bits 54:39.
pub const CODE: u64 = 0xffff << 39;
/// The halves of keys IA, IB, DA, DB and GA.
pub const VALUES: [u64; 10] = [
    0x0706_0504_0302_0100,
    0x0f0e_0d0c_0b0a_0908,
    0x1716_1514_1312_1110,
    0x1f1e_1d1c_1b1a_1918,
    0x2726_2524_2322_2120,
    0x2f2e_2d2c_2b2a_2928,
    0x3736_3534_3332_3130,
    0x3f3e_3d3c_3b3a_3938,
    0xec28_02d4_e0a4_88e9,
    0x84be_85ce_9804_e94b,
];

impl Guest {
    /// Assembles a block with these keys, all of them enabled.
    ///
    /// # Errors
    ///
    /// Where the text is not A64.
    pub fn signing(&self, text: &str, keys: &[u64; 10]) -> Result<Block, CaseError> {
        let enabled = self.booted(SysReg::Sctlr) | ENABLES.iter().fold(0, |all, enable| all | enable);
        let block = Block::assemble(text)?.sys(SysReg::Sctlr, enabled);
        Ok(SysReg::KEYS.into_iter().zip(keys).fold(block, |block, (half, value)| block.sys(half, *value)))
    }

    /// Returns the level of pointer authentication: 1 FEAT_PAuth, 2 FEAT_EPAC, 3 FEAT_PAuth2, 4 FEAT_FPAC, 5 FEAT_FPACCOMBINE.
    #[must_use]
    pub fn authentication_level(&self) -> u64 {
        let boot = self.boot();
        let field = |register: u64, shift: u32| register >> shift & 0xf;
        field(boot.isar1, 4) | field(boot.isar1, 8) | field(boot.isar2, 12)
    }

    /// Expects that the instruction at this place of the block, which authenticates `pointer` by one of the [`KEYS`], fails: with
    /// FEAT_FPAC by an exception, and else so that the register holds no address but still the tag.
    ///
    /// # Errors
    ///
    /// It does not.
    pub fn fails_to_authenticate(
        &self,
        what: &str,
        (key, index): (usize, usize),
        (pointer, found): (u64, u64),
        trace: &Trace,
    ) -> Result<(), CaseError> {
        if self.authentication_level() >= 4 {
            // ISS: whether it is a key of data, and whether it is one of the keys B.
            let iss = (key as u64 >> 1) << 1 | key as u64 & 1;
            return one_exception_at(self, what, index, 0x7200_0000 | iss, trace);
        }
        no_fault(self, what, trace)?;
        let error = if key & 1 == 0 { 0b01 } else { 0b10 };
        match self.authentication_level() {
            1 | 2 => equal_hex(what, pointer & !(0b11 << 53) | error << 53, found),
            _ => {
                equal_hex(&format!("{what}: what is no code"), pointer & !CODE, found & !CODE)?;
                crate::expect::holds(
                    &format!("{what}: the code"),
                    "no address",
                    format!("{found:#x}"),
                    found != pointer,
                )
            }
        }
    }
}

/// Makes a guest and expects it to sign at all.
///
/// # Errors
///
/// It does not: a kernel may offer pointer authentication and not have it.
pub fn signing_guest(cx: &mut CaseContext<'_>) -> Result<Guest, CaseError> {
    let mut guest = cx.guest()?;
    signs(&mut guest)?;
    Ok(guest)
}

/// Expects a guest to sign at all, on vCPU 0.
///
/// # Errors
///
/// It does not.
pub fn signs(guest: &mut Guest) -> Result<(), CaseError> {
    let block = guest.signing("pacia x0, x1", &VALUES)?;
    let trace = guest.run(&block)?;
    no_fault(guest, "PACIA with an enabled key", &trace)
}

/// Returns the name of the instruction that takes the modifier 0: `paciza` for `pacia`.
#[must_use]
pub fn with_zero(name: &str) -> String {
    let (stem, letter) = name.split_at(name.len() - 1);
    format!("{stem}z{letter}")
}

/// Both levels, each with both halves of the address space.
pub const PLACES: [(El, bool); 4] = [(El::El1, false), (El::El1, true), (El::El0, false), (El::El0, true)];
