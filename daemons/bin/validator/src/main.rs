//! The validator: compares outputs within declared tolerances, chooses the canonical result, grants credit.
//!
//! Invariant: the verdicts of a workunit, the credit that follows, the ledger and the statistics are written in one
//! transaction, decided on locked rows; `need_validate` is cleared there too. Killed at any point, a workunit is
//! either untouched or judged. Credit at validation is what the result is worth minus what trickles paid for it.
//!
//! What was decided and why is kept in the same transaction, for `cobblestone explain`.
//! What abandoned results were paid is taken back where the application wants it: see `abandoned`.
//!
//! Files are read and compared before, with no transaction open, those of the next batch while this one is written; a
//! workunit whose rows changed meanwhile is left to the next pass. What can't be decoded is set aside and does not hold up the others.

mod abandoned;
mod aside;
mod batch;
mod books;
mod counts;
mod examined;
mod flags;
mod gathered;
mod samples;
mod settings;
mod validator;
mod writes;

fn main() -> std::process::ExitCode {
    daemon::main::<validator::Validator>()
}
