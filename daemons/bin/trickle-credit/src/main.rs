//! The trickle-up handler: pays credit for VM uptime, each second once.
//!
//! Words: a *claim* is the uptime that a message asserts, cumulative seconds of its task; the *mark* of a result is
//! how far its uptime is paid; the *ledger* has a row for every payment.
//!
//! Invariant: ledger, mark, totals of host, user and team, `result.granted_credit` and `msg_from_host.handled`
//! change in one transaction, decided on locked rows. Killed at any point, a message is either unhandled and
//! unpaid, or handled and paid. Nothing is dropped: what can't be used is set aside with its text and the reason.
//!
//! Messages of applications that pay no uptime (no `[uptime] enabled = true` in cobblestone/APP.toml) are left
//! unhandled.

mod batch;
mod claim;
mod handler;
mod policies;

fn main() -> std::process::ExitCode {
    daemon::main::<handler::TrickleCredit>()
}
