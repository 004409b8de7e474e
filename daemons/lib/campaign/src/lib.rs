//! What a campaign is: jobs that are made from one description. Pure but for `spool`, which stores a stream as a file:
//! nothing here reads a folder, a clock or a database.
//!
//! Words. A *campaign* is `cobblestone/campaigns/NAME.toml`, or the short form in `[work]` of APP.toml. A *row* is one
//! line of a table of jobs. A *job* becomes one workunit. Its *identity* says whether it was made before: its key, or a
//! digest of its row.
//!
//! Invariants.
//! - What a job is depends on its campaign, its number, its seed and its row alone. Whoever makes it, whenever, makes
//!   the same name and the same input file.
//! - A row that can't become a job is a [`Refusal`] with a reason for a person, never a panic and never a guess: names
//!   can be file names, no text breaks the document, numbers fit their columns.
//! - Reading is bounded: one record at a time, of at most [`records::MAX_RECORD`] bytes.
//!
//! | to add | go to |
//! |---|---|
//! | a key of a campaign file | its section in `document`, and a line in project-config/campaign.toml; a test asks for it |
//! | a column that is a setting, not a parameter | `columns` |
//! | a format of rows | `records`, `row` |

pub mod columns;
pub mod context;
pub mod document;
pub mod draft;
pub mod fingerprint;
pub mod mark;
pub mod names;
pub mod records;
pub mod row;
pub mod seeds;
pub mod spool;

pub use context::{Contexts, JobValues};
pub use document::{Campaign, Contents, Kind, RemoteFile, Source};
pub use draft::{Draft, Refusal};
pub use records::{Format, Record, Records};
pub use row::Row;
