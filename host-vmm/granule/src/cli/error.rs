//! Why a command of `granule` could not be carried out.

/// Why a command could not be carried out at all.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The user should ask otherwise.
    #[error("{0}")]
    Usage(String),
    /// What was to run could not, or broke off; says what can be done.
    #[error("{0}")]
    Broken(String),
    /// A program has a mistake.
    #[error(transparent)]
    Source(Box<super::source::Mistake>),
    /// Results have nowhere to go.
    #[error("the results cannot be written to standard output: {0}")]
    Output(#[from] std::io::Error),
}
