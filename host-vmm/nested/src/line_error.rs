//! Why the line between a board inside and the debugger outside breaks.

use std::borrow::Cow;

use machine::Explain;

/// Why no more can be asked of the board.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// The line carried something that makes no sense.
    #[error("the console of the inner Linux cannot be trusted: {0}")]
    Garbled(String),
    /// The inner granule gave up.
    #[error("{reason}")]
    Broken {
        /// Why.
        reason: String,
        /// What to do.
        remedy: String,
    },
    /// QEMU or the kernel has ended.
    #[error("{0}")]
    Ended(String),
}

impl Explain for LineError {
    fn remedy(&self) -> Option<Cow<'static, str>> {
        Some(match self {
            Self::Broken { remedy, .. } => remedy.clone().into(),
            Self::Garbled(_) => machine::error::REPORT_IF_REPEATED.into(),
            Self::Ended(_) => "see the kernel's last lines; another kernel can be given with --kernel".into(),
        })
    }
}
