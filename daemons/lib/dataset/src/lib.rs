//! The dataset of an application: its tables, its files, and how both come to their places.
//!
//! Used by the assimilator, which writes datasets, and by `cobblestone dataset`, which looks after them.
//!
//! Words: a *part* is one Parquet file of a table; a *partition* is a folder of parts, of one campaign and one day;
//! *staging* is where parts wait for their commit.
//!
//! Invariant: readers see a part whole or not at all, and each row once, at every moment, also with plain globs as
//! `results/*/*/*.parquet`. See `staging` (parts appear by a rename, after their record is committed) and `compaction`
//! (a partition is exchanged for another one, with the same rows, in one step). The truth about parts is table
//! `cobblestone_dataset_file`.
//!
//! Where to extend: a column is a line in `table`; a table of another kind is a [`table::Table`].
//!
//! | module | |
//! |---|---|
//! | [`table`] | tables and their columns |
//! | [`parquet`] | Parquet files, written and read |
//! | [`layout`] | names of folders and files |
//! | [`storage`] [`staging`] | files of a local dataset appear whole |
//! | [`step`] | tells tests of each step of a file |
//! | [`compaction`] [`merge`] | many small parts become few |
//! | [`remote`] | a dataset on S3 |
//! | [`known_failures`] | messages of the wrapper of virtual machines |

pub mod compaction;
pub mod day;
pub mod known_failures;
pub mod layout;
pub mod merge;
pub mod parquet;
pub mod remote;
pub mod staging;
pub mod step;
pub mod storage;
pub mod table;
