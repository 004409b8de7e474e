//! The work generator: makes the workunits of an application's campaigns.
//!
//! Each workunit is one *job* of a *campaign*: it has its own input file, the rendered VM context (seed, number of
//! events, parameters of its row). Job n of campaign C is the workunit `C_n` with the file `C_n.in`, whoever makes it.
//!
//! Invariant: a job becomes one workunit. The campaign's cursor and the rows move in one transaction; files are
//! staged before, and depend on campaign and job alone. Killed at any point, the next pass finds the cursor where it was
//! and uses the files that are there.
//!
//! | module | what it does |
//! |---|---|
//! | `generator` | one pass: which campaign is next, and how much of it |
//! | `flags` | flags of its own, those of stock's |
//! | `pressure` | how much work is wanted now |
//! | `plans` | the campaigns as their files describe them, with their templates |
//! | `turn` | one campaign's turn: what it works with, and how its batch is written |
//! | `counted` | the next numbers become jobs |
//! | `rows`, `folder` | which file has rows, and what becomes of its cursor |
//! | `source`, `checks` | the next rows of a file; whether it is still what it was |
//! | `drafts` | rows become jobs |
//! | `command` | rows that programs print, beside the passes |
//! | `again` | failed jobs that are to be tried again |
//! | `made_of` | a campaign that was changed in the middle is paused |
//! | `seeds` | seeds for the jobs of a turn |
//! | `batch`, `inputs`, `staging` | a job with its input files staged |
//! | `commit` | the one transaction |

mod again;
mod batch;
mod checks;
mod command;
mod commit;
mod counted;
mod drafts;
mod flags;
mod folder;
mod generator;
mod inputs;
mod made_of;
mod plans;
mod pressure;
mod rows;
mod seeds;
mod source;
mod staging;
mod turn;

fn main() -> std::process::ExitCode {
    daemon::main::<generator::WorkGenerator>()
}
