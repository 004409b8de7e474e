//! The work generator: keeps a cushion of unsent results for an application.
//!
//! Each workunit is one *job* of a *campaign*: it has its own input file, the rendered VM context (seed, number of
//! events). Job n of campaign C is the workunit `C_n` with the file `C_n.in`, whoever makes it.
//!
//! Invariant: a job becomes one workunit. The campaign's cursor and the rows move in one transaction; files are
//! staged before, and depend on the job alone. Killed at any point, the next pass finds the cursor where it was and
//! uses the files that are there.

mod budget;
mod context;
mod generator;
mod inputs;
mod staging;

fn main() -> std::process::ExitCode {
    daemon::main::<generator::WorkGenerator>()
}
