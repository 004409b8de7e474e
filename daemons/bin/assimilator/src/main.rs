//! `cobblestone-assimilator`: see the library of this crate.

use std::process::ExitCode;

fn main() -> ExitCode {
    daemon::main::<assimilator::Assimilator>()
}
