//! Stores to a guarded control stack (FEAT_GCS).

use crate::access::X;
use crate::operand::address::BASE;
use crate::operand::register::XT;

rows! {
    Gcsstr { "gcsstr" 0xd91f_0c00 [XT BASE] of X needs Gcs; }
    Gcssttr { "gcssttr" 0xd91f_1c00 [XT BASE] of X needs Gcs; }
}
