//! The content of one output, made ready for many comparisons.
//!
//! A file is read and parsed once per workunit, however large the quorum.

use crate::comparison::Comparison;
use crate::exact::Exact;
use crate::file::{File, FileError};
use crate::numeric;
use crate::shown::shown;
use crate::spec::{LARGEST_MAX_BYTES, Method, Spec};
use crate::table::Table;

/// Content of one output, as one [`Spec`] wants it.
#[derive(Debug, Clone)]
pub struct Parsed {
    form: Form,
}

#[derive(Debug, Clone)]
enum Form {
    Exact(Exact),
    Table { bytes: Vec<u8>, table: Table },
    TooLarge { length: u64 },
}

/// Why content cannot be a good output, whatever the others say.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Numbers are to be compared and there are none.
    #[error("no number found")]
    NoNumber,
    /// A NaN. It agrees with nothing, so no comparison can ever confirm this output.
    #[error("line {line}, column {column}: not a number ({text})")]
    NotANumber {
        /// From 1.
        line: u64,
        /// Number of the value in its line, from 1.
        column: u64,
        /// As it is written; escaped.
        text: String,
    },
    /// More bytes than any spec can allow.
    #[error("has {length} bytes, more than can be compared")]
    TooLarge {
        /// In bytes.
        length: u64,
    },
}

impl Parsed {
    /// Parses `bytes` for a comparison under `spec`. The size is the caller's concern; [`File`] bounds it.
    pub fn from_bytes(bytes: Vec<u8>, spec: &Spec) -> Self {
        let form = match spec.method {
            Method::Exact => Form::Exact(Exact::from_bytes(bytes)),
            Method::Numeric if bytes.len() as u64 > LARGEST_MAX_BYTES => {
                Form::TooLarge { length: bytes.len() as u64 }
            }
            Method::Numeric => {
                let table = Table::parse(&bytes, spec.separator);
                Form::Table { bytes, table }
            }
        };
        Self { form }
    }

    /// Reads and parses an opened file. A large one that is compared byte for byte is not kept in memory.
    ///
    /// # Errors
    /// [`FileError::TooLarge`] if it has grown beyond its limit, [`FileError::Io`] if reading fails.
    pub fn read(file: File, spec: &Spec) -> Result<Self, FileError> {
        match spec.method {
            Method::Exact => Ok(Self { form: Form::Exact(Exact::read(file)?) }),
            Method::Numeric => Ok(Self::from_bytes(file.read()?, spec)),
        }
    }

    /// Looks for what makes the content useless without a partner. Content for byte-for-byte comparison is never
    /// malformed, not even when it is empty.
    ///
    /// # Errors
    /// The first reason found.
    pub fn check(&self) -> Result<(), Malformed> {
        match &self.form {
            Form::Exact(_) => Ok(()),
            Form::TooLarge { length } => Err(Malformed::TooLarge { length: *length }),
            Form::Table { bytes, table } => {
                if let Some(index) = table.first_nan() {
                    let place = table.place(bytes, index);
                    let text = shown(place.text);
                    Err(Malformed::NotANumber { line: place.line, column: place.column, text })
                } else if table.numbers() == 0 {
                    Err(Malformed::NoNumber)
                } else {
                    Ok(())
                }
            }
        }
    }

    /// Size of the content, in bytes.
    pub const fn length(&self) -> u64 {
        match &self.form {
            Form::Exact(exact) => exact.length(),
            Form::Table { bytes, .. } => bytes.len() as u64,
            Form::TooLarge { length } => *length,
        }
    }

    /// Memory that the content takes, in bytes, for whoever has to bound it.
    pub fn memory(&self) -> usize {
        match &self.form {
            Form::Exact(Exact::Kept(bytes)) => bytes.capacity(),
            Form::Exact(Exact::Digested { .. }) | Form::TooLarge { .. } => 0,
            Form::Table { bytes, table } => bytes.capacity() + table.memory(),
        }
    }

    /// Whether this was parsed as `spec` wants it. Tolerances do not matter for that.
    pub fn is_for(&self, spec: &Spec) -> bool {
        match &self.form {
            Form::Exact(_) => spec.method == Method::Exact,
            Form::Table { table, .. } => {
                spec.method == Method::Numeric && table.separator() == spec.separator
            }
            Form::TooLarge { .. } => spec.method == Method::Numeric,
        }
    }

    pub(crate) fn compare(&self, other: &Self, spec: &Spec) -> Option<Comparison> {
        if !self.is_for(spec) || !other.is_for(spec) {
            return None;
        }
        match (&self.form, &other.form) {
            (Form::Exact(left), Form::Exact(right)) => Some(left.compare(right)),
            (
                Form::Table { bytes: left, table: left_table },
                Form::Table { bytes: right, table: right_table },
            ) => Some(numeric::compare((left, left_table), (right, right_table), spec.tolerance())),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numeric(text: &str) -> Parsed {
        Parsed::from_bytes(text.as_bytes().to_vec(), &Spec::numeric(0.0, 0.0))
    }

    #[test]
    fn content_without_a_number_is_malformed() {
        for text in ["", "\n\n", "error: no such file\n", "1e999999"] {
            assert_eq!(numeric(text).check(), Err(Malformed::NoNumber), "{text:?}");
        }
        assert_eq!(numeric("pi 3").check(), Ok(()));
        assert_eq!(numeric("inf").check(), Ok(()));
    }

    #[test]
    fn a_nan_is_malformed_because_nothing_can_confirm_it() {
        let error = numeric("1 2\n3 -nan(ind)\nnan").check().unwrap_err();
        assert_eq!(error.to_string(), "line 2, column 2: not a number (-nan(ind))");
    }

    #[test]
    fn exact_content_is_never_malformed() {
        for bytes in [&b""[..], b"nan", b"\xff\0"] {
            assert_eq!(Parsed::from_bytes(bytes.to_vec(), &Spec::exact()).check(), Ok(()));
        }
    }

    #[test]
    fn a_file_is_read_as_its_bytes_are() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        std::fs::write(&path, b"1 2 x\n").unwrap();
        for spec in [Spec::exact(), Spec::numeric(0.0, 0.0)] {
            let read = Parsed::read(File::open(&path, spec.max_bytes).unwrap(), &spec).unwrap();
            assert!(crate::compare(&read, &Parsed::from_bytes(b"1 2 x\n".to_vec(), &spec), &spec).agrees());
            assert_eq!(read.length(), 6);
            assert!(read.memory() >= 6);
        }
    }
}
