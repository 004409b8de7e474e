//! The assimilator: from validated results to a dataset that people can query.
//!
//! Words: a workunit is *assimilated* when a row of table `results` or `failures` holds it and BOINC knows;
//! a *part* is one Parquet file of a table; *staging* is where parts wait for their commit; an *instance* is
//! a running assimilator. Tables, names and files are those of crate `dataset`.
//!
//! Invariant: exactly once. A workunit is marked (assimilate_state 2) in the transaction that records the part
//! which holds it, and a part holds exactly the workunits that its transaction marked. Readers see a part after
//! its record is committed, whole, by a rename. The truth about parts is table `cobblestone_dataset_file`.
//!
//! Killed anywhere: see `commit` and `recovery`; the next pass of any instance goes on.
//!
//! Failures: what is wrong with one workunit sets it aside, with its reason and growing pauses between tries. What
//! is wrong with the storage or the database ends the pass, marks nothing, and is tried again.
//!
//! Where to extend: a column is a line in `dataset::table`; a table of another kind is a table there and a
//! [`row::Row`].
//!
//! | module | |
//! |---|---|
//! | [`assimilator`] | the daemon |
//! | [`home`] [`room`] | where the dataset is; how many workunits are written together |
//! | [`gather`] | reads a batch |
//! | [`decide`] | what becomes of a workunit: pure |
//! | [`make`] | rows of workunits |
//! | [`outputs`] | reads, digests and copies output files |
//! | [`content`] | takes columns out of output files |
//! | [`hook`] [`summary`] | the project's own programs |
//! | [`reviews`] [`late`] | writes what people say of results, and takes flags back |
//! | [`row`] [`parts`] | what is decided, and the files of it |
//! | [`commit`] [`recovery`] | exactly once |
//! | [`tell`] | log and metrics |

pub mod assimilator;
pub mod commit;
pub mod content;
pub mod decide;
pub mod gather;
pub mod home;
pub mod hook;
pub mod late;
pub mod make;
pub mod outputs;
pub mod parts;
pub mod recovery;
pub mod reviews;
pub mod room;
pub mod row;
pub mod stderr;
pub mod summary;
pub mod tell;

pub use assimilator::{Args, Assimilator};
