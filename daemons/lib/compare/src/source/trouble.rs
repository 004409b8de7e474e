//! Why content cannot be used.

use std::io;

use super::FileError;

/// Why content cannot be a good output, whatever the others say. The fault is in the content: trying again is of no
/// use.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// Numbers are to be compared and there are none.
    #[error("no number found")]
    NoNumber,
    /// A NaN under a rule by which it agrees with nothing, so no comparison can ever confirm this output.
    #[error("line {line}, column {column}: not a number ({text})")]
    NotANumber {
        /// From 1.
        line: u64,
        /// Number of the value in its line, from 1.
        column: u64,
        /// As it is written; escaped.
        text: String,
    },
    /// An infinity under a rule by which it agrees with nothing.
    #[error("line {line}, column {column}: {text} is not finite, and the rule says infinity = \"differ\"")]
    Infinite {
        /// From 1.
        line: u64,
        /// From 1.
        column: u64,
        /// As it is written; escaped.
        text: String,
    },
    /// A word where a rule wants numbers.
    #[error(
        "line {line}, column {column}: `{text}` is no number; if it is right there, name it in `missing` of a table, \
         or write words = \"equal\" in the rule"
    )]
    Word {
        /// From 1.
        line: u64,
        /// From 1.
        column: u64,
        /// As it is written; escaped.
        text: String,
    },
    /// A value outside of its declared range.
    #[error("line {line}, column {column}: {text} is not {range}")]
    OutOfRange {
        /// From 1.
        line: u64,
        /// From 1.
        column: u64,
        /// As it is written; escaped.
        text: String,
        /// What is declared, as in `at least 0`.
        range: String,
    },
    /// A column that does not rise or fall as it should.
    #[error("line {line}, column {column}: {text} after {before}, but the column must be {trend}")]
    Trend {
        /// From 1.
        line: u64,
        /// From 1.
        column: u64,
        /// As it is written; escaped.
        text: String,
        /// The value before it.
        before: String,
        /// What is declared.
        trend: &'static str,
    },
    /// More bytes than are allowed.
    #[error("has more than {limit} bytes; raise max_bytes if that is a good output")]
    TooLarge {
        /// Largest size accepted, in bytes.
        limit: u64,
    },
    /// Fewer bytes than are expected.
    #[error("has {length} bytes, less than min_bytes = {least}")]
    TooSmall {
        /// In bytes.
        length: u64,
        /// Declared.
        least: u64,
    },
    /// Unpacks to far more than it should.
    #[error("unpacks to more than {ratio} times its size; raise max_ratio if that is a good output")]
    Bomb {
        /// Largest ratio accepted.
        ratio: u64,
    },
    /// What should be compressed is not, or is broken or cut.
    #[error("can't be unpacked: {what}")]
    Packed {
        /// What the decompressor says.
        what: String,
    },
    /// A record beyond any bound.
    #[error("line {line} has more than {longest} bytes")]
    LongLine {
        /// From 1.
        line: u64,
        /// In bytes.
        longest: usize,
    },
    /// Fewer records than are expected.
    #[error("has {found} rows, less than min_rows = {least}")]
    TooFewRows {
        /// How many there are.
        found: u64,
        /// Declared.
        least: u64,
    },
    /// More records than may be kept for rows in another order.
    #[error("has more than max_rows = {limit} rows; raise it if that is a good output")]
    TooManyRows {
        /// Declared.
        limit: u64,
    },
    /// Two records with the same key.
    #[error("line {line}: the key {key} is there twice")]
    TwoKeys {
        /// Of the second one, from 1.
        line: u64,
        /// Escaped.
        key: String,
    },
    /// Two columns with the same name.
    #[error("two columns are named {name}")]
    TwoColumns {
        /// Escaped.
        name: String,
    },
    /// More columns than can have names.
    #[error("the header has more than {limit} columns")]
    TooManyColumns {
        /// Most that are accepted.
        limit: usize,
    },
    /// A line that must be there is not.
    #[error("no line matches {pattern}")]
    Required {
        /// The expression.
        pattern: String,
    },
    /// A line that must not be there.
    #[error("line {line} must not be there: {text}")]
    Forbidden {
        /// From 1.
        line: u64,
        /// Escaped.
        text: String,
    },
    /// Not what the format says, at this place.
    #[error("{place}: {what}")]
    Format {
        /// As in `line 3` or `byte 80`.
        place: String,
        /// What is wrong.
        what: String,
    },
}

/// Why content could not be read to its end.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The content's fault.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The file's; see [`FileError::is_content`].
    #[error(transparent)]
    File(#[from] FileError),
    /// Reading failed; says nothing about the content.
    #[error("cannot be read: {0}")]
    Io(io::Error),
    /// A bound of this program, not of the content: the comparison is too hard.
    #[error("too hard to compare: {0}")]
    TooHard(String),
}

impl Trouble {
    /// Whether the fault is in the content, so that trying again is of no use.
    pub const fn is_content(&self) -> bool {
        match self {
            Self::Malformed(_) => true,
            Self::File(error) => error.is_content(),
            Self::Io(_) | Self::TooHard(_) => false,
        }
    }
}

impl From<Malformed> for io::Error {
    fn from(malformed: Malformed) -> Self {
        Self::new(io::ErrorKind::InvalidData, malformed)
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        match error.downcast::<Malformed>() {
            Ok(malformed) => Self::Malformed(malformed),
            Err(error) => Self::Io(error),
        }
    }
}
