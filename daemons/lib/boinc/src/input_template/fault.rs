//! Why a workunit can't be made: in words for a person, and as the lines and numbers that stock prints.

use crate::hierarchy::NameError;
use crate::printable::printable;

/// Stock's error numbers, as far as making a workunit needs them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StockCode {
    /// Broken template.
    XmlParse,
    /// A file can't be opened.
    Open,
    /// Something is longer than its column.
    TooLong,
    /// A file that must be there is not.
    FileMissing,
    /// Values that contradict each other.
    InvalidParameter,
    /// A value that must be given is not.
    NoOption,
}

impl StockCode {
    /// The number, as in `create_work() failed: -112`.
    #[must_use]
    pub const fn number(self) -> i32 {
        match self {
            Self::Open => -108,
            Self::XmlParse => -112,
            Self::TooLong => -118,
            Self::FileMissing => -163,
            Self::InvalidParameter => -178,
            Self::NoOption => -191,
        }
    }

    /// Stock's words for it, as in `create_work: unexpected XML tag or syntax`.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Open => "fopen() failed",
            Self::XmlParse => "unexpected XML tag or syntax",
            Self::TooLong => "buffer overflow",
            Self::FileMissing => "file missing",
            Self::InvalidParameter => "invalid parameter",
            Self::NoOption => "no option",
        }
    }
}

/// What is wrong with a template, a job or its files. Displayed: what is wrong and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the messages say what the fields are")]
pub enum Fault {
    // Found while the template is read.
    #[error("too few input files given; the template needs at least {need}: give one for each <file_info>")]
    TooFewFiles { need: usize },
    #[error("constant file {name} has no valid .md5 beside it; stage it again with bin/stage_file")]
    NoMd5File { name: String },
    #[error("a <file_info> with <nbytes> must have <url> and <md5_cksum> too; complete it")]
    IncompleteRemote,
    #[error("a remote <file_info> with <gzip/> must have <gzipped_nbytes>; add it")]
    NoGzippedSize,
    #[error("can't read input file {path}: {reason}; stage it first")]
    Unreadable { path: String, reason: String },
    #[error(
        "compressed twin {path} is missing; stage the file with bin/stage_file --gzip, or remove <gzip/>"
    )]
    NoGzipFile { path: String },
    #[error("the template has more <file_ref>s than <file_info>s; remove one")]
    TooManyRefs,
    #[error("a <file_ref> has neither <open_name> nor <copy_file/>; add one of them")]
    NoOpenName,
    #[error(
        "the command line is given both in the template ({template:?}) and for the job ({job:?}); remove one"
    )]
    TwoCommandLines { template: String, job: String },
    #[error("the template has fewer <file_ref>s than <file_info>s; each file needs one")]
    RefCount,
    #[error("the template has an element that is not closed, or text where an element must be; mend it")]
    Malformed,
    #[error("the template has no <workunit>; add one")]
    NoWorkunit,
    #[error("{given} input files are given, but the template takes {taken}; give as many as it takes")]
    FileCount { given: usize, taken: usize },
    #[error(
        "the workunit's document is {bytes} bytes long, at most {max} fit; shorten template or command line"
    )]
    DocumentTooLong { bytes: usize, max: usize },

    // Found afterwards.
    #[error("output template {path} doesn't exist; write it or name another one")]
    NoOutputTemplate { path: String },
    #[error("the output template's path is {bytes} bytes long, at most {max} fit; shorten it")]
    OutputTemplateName { bytes: usize, max: usize },
    #[error("{column} is 0; give it in the template or for the job")]
    NotGiven { column: &'static str },
    #[error("max_success_results is above max_total_results; raise the one or lower the other")]
    SuccessAboveTotal,
    #[error("max_error_results is above max_total_results; raise the one or lower the other")]
    ErrorAboveTotal,
    #[error("target_nresults {target} is above max_success_results {max}; raise the one or lower the other")]
    TargetAboveSuccess { target: i32, max: i32 },

    // Refused here, though not by stock.
    #[error("{what}: {error}")]
    Name { what: &'static str, error: NameError },
    #[error("{what} \"{text}\" is not UTF-8; rename it")]
    NotUtf8 { what: &'static str, text: String },
    #[error("the input template is {bytes} bytes long, at most {max} are read; shorten it")]
    TemplateTooLong { bytes: usize, max: usize },
    #[error(
        "the template gives properties of a file that the job says is remote; remove them from one of the two"
    )]
    RemoteTwice,
    #[error("{column} is {length} characters long, at most {max} fit; shorten it")]
    ColumnTooLong { column: &'static str, length: usize, max: usize },
    #[error("{column} = {value} can't be stored; give a number that makes sense")]
    BadNumber { column: &'static str, value: String },
}

impl Fault {
    /// The line (or lines) that stock prints first; empty if it prints none.
    fn first_lines(&self) -> Vec<String> {
        let line = match self {
            Self::Malformed => return Vec::new(),
            Self::Unreadable { path, reason } => {
                return vec![
                    format!("md5_file: can't open {path}"),
                    format!("md5_file: {reason}"),
                    format!("process_input_template: md5_file {}", StockCode::Open.words()),
                ];
            }
            Self::TooFewFiles { need } => format!("Too few var input files given; need at least {need}"),
            Self::NoMd5File { name } => format!("missing MD5 info file for {name}"),
            Self::IncompleteRemote => {
                "All file properties must be defined if at least one is defined (url, md5_cksum, nbytes)"
                    .to_owned()
            }
            Self::NoGzippedSize => "Must specify gzipped_nbytes".to_owned(),
            Self::NoGzipFile { path } => format!("process_input_template: missing gzip file {path}"),
            Self::TooManyRefs => "too many <file_ref>s".to_owned(),
            Self::NoOpenName => "No open name found and copy_file not specified".to_owned(),
            Self::TwoCommandLines { template, job } => {
                format!("Can't specify command line {template}; already specified as {job}")
            }
            Self::RefCount => "#file refs != #file infos".to_owned(),
            Self::NoWorkunit => "process_input_template: bad WU template - no <workunit>".to_owned(),
            Self::FileCount { given, taken } => {
                format!("process_input_template: {given} input files given, but template has {taken}")
            }
            Self::DocumentTooLong { bytes, max } => {
                format!("create_work: WU XML field is too long ({bytes} bytes; max is {max})")
            }
            Self::NoOutputTemplate { path } => {
                format!("create_work: result template file {path} doesn't exist")
            }
            Self::OutputTemplateName { bytes, max } => {
                format!("result template filename is too big: {bytes} bytes, max is {max}")
            }
            Self::NotGiven { column } => format!("no {column} given; can't create job"),
            Self::SuccessAboveTotal => "max_success_results > max_total_results; can't create job".to_owned(),
            Self::ErrorAboveTotal => "max_error_results > max_total_results; can't create job".to_owned(),
            Self::TargetAboveSuccess { target, max } => {
                format!("target_nresults {target} > max_success_results {max}; can't create job")
            }
            own => format!("create_work: {own}"),
        };
        vec![line]
    }

    /// Stock's number for it; for what only this library refuses, the closest one.
    #[must_use]
    pub const fn code(&self) -> StockCode {
        match self {
            Self::TooFewFiles { .. }
            | Self::IncompleteRemote
            | Self::NoGzippedSize
            | Self::TooManyRefs
            | Self::NoOpenName
            | Self::TwoCommandLines { .. }
            | Self::RefCount
            | Self::Malformed
            | Self::NoWorkunit
            | Self::FileCount { .. }
            | Self::RemoteTwice => StockCode::XmlParse,
            Self::NoMd5File { .. } | Self::NoGzipFile { .. } | Self::NoOutputTemplate { .. } => {
                StockCode::FileMissing
            }
            Self::Unreadable { .. } => StockCode::Open,
            Self::DocumentTooLong { .. }
            | Self::OutputTemplateName { .. }
            | Self::TemplateTooLong { .. }
            | Self::ColumnTooLong { .. } => StockCode::TooLong,
            Self::NotGiven { .. } => StockCode::NoOption,
            Self::SuccessAboveTotal
            | Self::ErrorAboveTotal
            | Self::TargetAboveSuccess { .. }
            | Self::Name { .. }
            | Self::NotUtf8 { .. }
            | Self::BadNumber { .. } => StockCode::InvalidParameter,
        }
    }

    /// Refused here, though not by stock.
    #[must_use]
    pub const fn is_beyond_stock(&self) -> bool {
        matches!(
            self,
            Self::Name { .. }
                | Self::NotUtf8 { .. }
                | Self::TemplateTooLong { .. }
                | Self::RemoteTwice
                | Self::ColumnTooLong { .. }
                | Self::BadNumber { .. }
        )
    }

    /// Found while the template is read: stock then prints a line more.
    const fn is_in_template(&self) -> bool {
        matches!(
            self,
            Self::TooFewFiles { .. }
                | Self::NoMd5File { .. }
                | Self::IncompleteRemote
                | Self::NoGzippedSize
                | Self::Unreadable { .. }
                | Self::NoGzipFile { .. }
                | Self::TooManyRefs
                | Self::NoOpenName
                | Self::TwoCommandLines { .. }
                | Self::RefCount
                | Self::Malformed
                | Self::NoWorkunit
                | Self::FileCount { .. }
                | Self::DocumentTooLong { .. }
        )
    }
}

/// No workunit was made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("can't make workunit {}: {fault}", printable(.name, 80))]
pub struct CreateError {
    /// The job's name.
    pub name: String,
    /// What is wrong.
    pub fault: Fault,
    /// What stock wrote to stderr before it came to the fault, a line each.
    pub notes: Vec<String>,
}

impl CreateError {
    /// The lines that stock `create_work` writes to stderr (it then exits with status 1).
    #[must_use]
    pub fn stderr_lines(&self) -> Vec<String> {
        let words = self.fault.code().words();
        let mut lines = self.notes.clone();
        lines.extend(self.fault.first_lines());
        if self.fault.is_in_template() {
            lines.push(format!("process_input_template(): {words}"));
        }
        lines.push(format!("create_work: {words}"));
        lines
    }
}
