//! The trickle-up handler: pays credit for VM uptime, each second once.
//!
//! Words: a *claim* is the uptime that a message asserts, of its task so far (cumulative) or since the message before
//! (an increment); the *mark* of a result is how far its uptime is paid; the *ledger* has a row for every payment.
//!
//! Modules, in the order of a batch: `handler` gives varieties their turns, `sweep` says which messages come next, `batch`
//! is the transaction: it locks, `sort` finds out whose messages are, `decide` decides, `settle` turns payments into rows,
//! `reports` adds up guest reports, `answer` says what tasks get besides credit, `aside` what is kept of messages that can't be used.
//!
//! Invariant: ledger, mark, identities, days, flags, totals of host, user and team, `result.granted_credit` and `msg_from_host.handled`
//! change in one transaction, decided on locked rows. Killed at any point, a message is either unhandled and
//! unpaid, or handled and paid. Nothing is dropped: what can't be used, or waits for a person, is set aside with its text
//! and the reason; everything else is counted, for its result or for its host.
//!
//! Messages that no application declares, as a claim (with `[uptime] enabled = true` in cobblestone/APP.toml) or as a
//! guest report, are left unhandled, unless `--watch_all` has them set aside (`watch`). With `--variety` and `--max_runtime` there are none: messages are paid as stock trickle_credit does,
//! whatever result they name.

mod answer;
mod aside;
mod batch;
mod claim;
mod decide;
mod flags;
mod handler;
mod kin;
mod left_alone;
mod locks;
mod over_claims;
mod policies;
mod reports;
mod settle;
mod sort;
mod sweep;
mod told;
mod waiting;
mod watch;

fn main() -> std::process::ExitCode {
    daemon::main::<handler::TrickleCredit>()
}
