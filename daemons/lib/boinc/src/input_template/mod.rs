//! From an input template and a job description to the row of a new workunit, `xml_doc` byte for byte as the
//! stock `create_work` makes it, or to the error that it prints.
//!
//! Words: the *template* lists input files (`<file_info>`) and how the application opens them (`<file_ref>`),
//! and may hold the workunit's parameters; the *job description* ([`JobDescription`]) is what stock takes as
//! flags. Parameters in the template win over those of the job, apart from those that the template can't set
//! (`priority`, `app_version_num` and so on are copied into the document but change no column).
//!
//! [`new_workunit`] does no I/O: facts about files come from an [`InputFiles`]. Two exist:
//! [`KnownFiles`], for a caller who knows size and digest because it just wrote the file, and
//! [`crate::download_dir::DownloadDir`], which looks at the download folder.
//!
//! Invariants: checks come in stock's order, so that of several faults the same one is reported; a template
//! that stock accepts gives the same document (the private module `dialect` says how it is read). Beyond stock,
//! refused before anything is inserted: names that are no file names, values that the columns can't hold, and
//! a missing output template (stock then exits with status 0 and inserts nothing).

mod build;
mod checks;
mod fault;
mod files;
mod flags;
mod job;
mod line;
mod remembered;

pub use build::new_workunit;
pub use fault::{CreateError, Fault, StockCode};
pub use files::{FileFacts, FileFault, InputFiles, KnownFile, KnownFiles};
pub use flags::{FlagError, How, ParsedFlags, parse_flags};
pub use job::{Assignment, Created, Download, InputFile, JobDescription, NewWorkunit, Overrides};
pub use line::{LineJob, parse_line};
pub use remembered::Remembered;

/// Size of the column `workunit.xml_doc` (a `blob`), in bytes.
pub const MAX_DOCUMENT: usize = 65_535;
/// Longest `workunit.name`, in characters.
pub const MAX_NAME: usize = 191;
/// Longest `workunit.result_template_file`, in bytes.
pub const MAX_RESULT_TEMPLATE_FILE: usize = 63;
/// Longest `workunit.keywords`, in characters.
pub const MAX_KEYWORDS: usize = 254;
