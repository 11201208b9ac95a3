//! The instructions that generated programs are held together with.

use super::register_role::{BYTE, DOORBELL};

/// Does nothing.
pub const NOP: u32 = 0xd503_201f;

/// `strb w27, [x26]`: rings the checkpoint.
pub fn doorbell_word() -> u32 {
    0x3900_0000 | u32::from(DOORBELL) << 5 | u32::from(BYTE)
}
