//! `cobblestone`, the administrator's command: makes the toolkit's tables, audits the books, shows what waits and
//! what was set aside, and runs the demo.
//!
//! Exit statuses, the same for all commands: 0 = fine; 1 = it looked and found something off (`audit`, `check`, `compare`,
//! `spec`, `demo`), or not every workunit could be made (`work create`), or it was done before (`adjust`, `campaign`; `trickles`, `quarantine`, `review` for some things);
//! 2 = it could not do what was asked, and stderr says why and what to do next.
//!
//! Most commands only read. `migrate` makes tables; `review accept`, `flag` and `reject`, `adjust`, `trickles retry`, `drop`
//! and `purge`, `quarantine retry` and `drop`, `ledger compact`, `campaign` and `work create` write, each in
//! transactions that do one thing whole or not at all;
//! `app new` and `app build` write files, each whole or not at all; `demo` and `sandbox` work in a folder
//! of their own. Killed at any point, each command can simply be run again.

mod adjust;
mod age;
mod app;
mod audit;
mod campaigns;
mod check;
mod cli;
mod compact;
mod comparing;
mod csv;
mod datasets;
mod decision;
mod demo;
mod explain;
mod ledger;
mod migrate;
mod out;
mod project;
mod quarantine;
mod rehearse;
mod report;
mod review;
mod sandbox_stop;
mod screen;
mod status;
mod table;
mod text;
mod trickles;
mod verdicts;
mod who;
mod work;

fn main() -> std::process::ExitCode {
    cli::main(std::env::args_os())
}
