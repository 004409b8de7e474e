//! What an error means for the process.

use crate::clock::TwoKeyError;

/// A person must mend something: the daemon exits with status 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Fatal(pub String);

impl Fatal {
    /// `message` says what is wrong and what to do.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

/// What to do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The database is away: wait, for as long as it takes.
    Unavailable,
    /// A person must mend something: exit with status 1.
    Fatal,
    /// Try again a few times, or until it goes well.
    Passing,
}

impl Severity {
    /// Looks for the first cause in the chain that says.
    #[must_use]
    pub fn of(error: &anyhow::Error) -> Self {
        for cause in error.chain() {
            if let Some(error) = cause.downcast_ref::<store::Error>() {
                if error.is_unavailable() {
                    return Self::Unavailable;
                }
                if error.is_refused() {
                    return Self::Fatal;
                }
            }
            if cause.is::<Fatal>() || cause.is::<TwoKeyError>() {
                return Self::Fatal;
            }
        }
        Self::Passing
    }
}
