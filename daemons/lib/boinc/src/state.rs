//! The state columns of results and workunits, decoded fallibly: a number that BOINC does not know is an
//! error that names the column, never a guess.

use serde::{Deserialize, Serialize};

/// A state column holds a number that BOINC does not define.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{column} = {value} is no state that BOINC knows; look at the row, and mend or cancel it")]
pub struct UnknownState {
    /// Table and column, as in `result.outcome`.
    pub column: &'static str,
    /// What stands there.
    pub value: i32,
}

macro_rules! states {
    ($($(#[$doc:meta])* $name:ident in $column:literal { $($(#[$vdoc:meta])* $variant:ident = $value:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$vdoc])* $variant = $value,)* }

        impl $name {
            /// The number in the column.
            #[must_use]
            pub const fn code(self) -> i32 {
                self as i32
            }

            /// All of them, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];
        }

        impl TryFrom<i32> for $name {
            type Error = UnknownState;
            fn try_from(value: i32) -> Result<Self, UnknownState> {
                match value {
                    $($value => Ok(Self::$variant),)*
                    _ => Err(UnknownState { column: $column, value }),
                }
            }
        }
    )*};
}

states! {
    /// `result.server_state`
    ServerState in "result.server_state" {
        /// Not to be sent.
        Inactive = 1,
        /// Waits for a host.
        Unsent = 2,
        /// On a host.
        InProgress = 4,
        /// Reported, timed out or not needed: see [`Outcome`].
        Over = 5,
    }
    /// `result.outcome`, set when `server_state` is OVER.
    Outcome in "result.outcome" {
        /// Not yet over.
        Init = 0,
        /// The host says that it succeeded.
        Success = 1,
        /// No host could take it.
        CouldntSend = 2,
        /// The host says that it failed.
        ClientError = 3,
        /// The deadline passed.
        NoReply = 4,
        /// Never sent, since the workunit was done or cancelled.
        DidntNeed = 5,
        /// Its output can't be read.
        ValidateError = 6,
        /// The host detached from the project.
        ClientDetached = 7,
    }
    /// `result.validate_state`
    ValidateState in "result.validate_state" {
        /// Not judged.
        Init = 0,
        /// Agrees with the canonical result.
        Valid = 1,
        /// Differs from it.
        Invalid = 2,
        /// Was not checked.
        NoCheck = 3,
        /// Compared, no decision yet.
        Inconclusive = 4,
        /// Came after its workunit was done with.
        TooLate = 5,
    }
    /// `workunit.file_delete_state`, `result.file_delete_state`
    FileDeleteState in "file_delete_state" {
        /// Files are still needed.
        Init = 0,
        /// Files may be deleted.
        Ready = 1,
        /// Files are deleted.
        Done = 2,
        /// Deleting failed.
        Error = 3,
    }
    /// `workunit.assimilate_state`
    AssimilateState in "workunit.assimilate_state" {
        /// Not to be assimilated yet.
        Init = 0,
        /// Waits for the assimilator.
        Ready = 1,
        /// Assimilated.
        Done = 2,
    }
}

/// Bits of `workunit.error_mask`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ErrorMask(pub i32);

impl ErrorMask {
    /// No host could be sent a result.
    pub const COULDNT_SEND: i32 = 1;
    /// More than max_error_results failed.
    pub const TOO_MANY_ERRORS: i32 = 2;
    /// More than max_success_results succeeded and no two agreed.
    pub const TOO_MANY_SUCCESSES: i32 = 4;
    /// More than max_total_results were made.
    pub const TOO_MANY_TOTAL: i32 = 8;
    /// A person cancelled it.
    pub const CANCELLED: i32 = 16;
    /// Ready to be assimilated, but no canonical result and no error.
    pub const NO_CANONICAL_RESULT: i32 = 32;

    /// What the bits say, in words; unknown bits as a number.
    #[must_use]
    pub fn words(self) -> Vec<String> {
        let known = [
            (Self::COULDNT_SEND, "couldn't send result"),
            (Self::TOO_MANY_ERRORS, "too many error results"),
            (Self::TOO_MANY_SUCCESSES, "too many success results"),
            (Self::TOO_MANY_TOTAL, "too many total results"),
            (Self::CANCELLED, "cancelled"),
            (Self::NO_CANONICAL_RESULT, "no canonical result"),
        ];
        let mut words: Vec<String> =
            known.iter().filter(|(bit, _)| self.0 & bit != 0).map(|(_, word)| (*word).to_owned()).collect();
        let rest = known.iter().fold(self.0, |rest, (bit, _)| rest & !bit);
        if rest != 0 {
            words.push(format!("unknown bits {rest}"));
        }
        words
    }
}

/// `workunit.transition_time` of a workunit that the transitioner shall leave alone.
pub const NEVER: i32 = i32::MAX;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_numbers_are_errors_that_name_the_column() {
        let error = Outcome::try_from(42).unwrap_err();
        assert!(error.to_string().starts_with("result.outcome = 42"), "{error}");
        for state in ServerState::ALL {
            assert_eq!(ServerState::try_from(state.code()), Ok(*state));
        }
    }

    #[test]
    fn error_masks_read_as_words() {
        assert_eq!(ErrorMask(2 | 32).words(), ["too many error results", "no canonical result"]);
        assert_eq!(ErrorMask(64).words(), ["unknown bits 64"]);
        assert!(ErrorMask(0).words().is_empty());
    }
}
