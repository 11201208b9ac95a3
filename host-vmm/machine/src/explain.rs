//! What an error that reaches a person says: the reason, and apart from it what can be done.

use std::borrow::Cow;
use std::error::Error;

/// An error that reaches a person: why something is as it is, and what can be done.
pub trait Explain: Error {
    /// Returns the reason: what failed, what was expected and what was found. Later lines are somebody else's words.
    fn reason(&self) -> String {
        self.to_string()
    }

    /// Returns what the user can do; `None` when nothing certain is known.
    fn remedy(&self) -> Option<Cow<'static, str>>;

    /// Returns both in one sentence, for where there is one place only.
    fn sentence(&self) -> String {
        match self.remedy() {
            Some(remedy) => format!("{}; {remedy}", self.reason()),
            None => self.reason(),
        }
    }
}
