//! The frame of a daemon: start-up, passes, the way out.
//!
//! A *pass* is one sweep over what is pending. A daemon implements [`Daemon`]; [`main`] does the rest:
//!
//! 1. command line, log, project directory, stop file;
//! 2. connect to the database (and wait until it is there), check its version and our tables, find the clock;
//! 3. [`Daemon::start`], then one [`Daemon::pass`] after the other: at once while there is work, else after
//!    `--sleep_interval`; with `--one_pass` until a pass does nothing.
//!
//! What ends the process: a request to stop (status 0), `--one_pass` with nothing left (0), and what a person must
//! mend (1): wrong flags, no project, wrong password, missing tables, two keys that don't fit, [`Fatal`].
//! What does not: a database that is away (waited out, however long), a pass that fails (tried again; with
//! `--one_pass` three failures in a row are status 1). A panic is a fault of the program: status 101, and
//! `bin/start` starts it again.
//!
//! The runtime has two workers besides the main thread. Passes run on the main thread, so their futures need not
//! be `Send`; signals, timers and metrics run on the workers, so they go on while a pass computes.
//! A single-threaded runtime would hear SIGHUP only after the file comparison in hand.
//!
//! Killed at any point: nothing here is on disk; a daemon's transactions are done whole or not at all.

use std::future::Future;

use store::Store;

use crate::args::{CommonArgs, Modulus};
use crate::clock::Clock;
use crate::project::ProjectDir;
use crate::settings::Settings;
use crate::stop::Stop;

mod failure;
mod passes;
mod startup;

pub use failure::{Fatal, Severity};
pub use passes::{Ended, Pace, passes, until_available};
pub use startup::{main, main_with};

/// What a daemon brings. See the module.
///
/// Errors: return a [`store::Error`] as it is or with `context`, so that the frame finds it in the chain. An error
/// type that hides it (`#[error(transparent)]`) makes an outage look like a fault.
pub trait Daemon: Sized {
    /// Without the `cobblestone-` before it, e.g. `validator`; the label of its metrics.
    const NAME: &'static str;
    /// One sentence for `--help`.
    const ABOUT: &'static str;
    /// Whether `--app` must be given.
    const NEEDS_APP: bool = true;
    /// Flags of its own, beside [`CommonArgs`]; [`NoArgs`] if there are none.
    type Args: clap::Args;

    /// Makes the daemon. Called again when the database went away meanwhile, so it must not change anything.
    fn start(start: &Start<Self::Args>) -> impl Future<Output = anyhow::Result<Self>>;

    /// One pass. It looks at `pass.stop` between transactions and ends early when asked to. It may be dropped at
    /// any `await`.
    ///
    /// It reports `done > 0` only if it brought something to an end: then it is called again at once. What it can't
    /// bring to an end now it must leave out of the following passes for a while, or `--one_pass` ends too early.
    /// With `--dry_run` it writes nothing and walks all that is eligible in one pass.
    fn pass(&mut self, pass: &Pass<'_>) -> impl Future<Output = anyhow::Result<PassReport>>;
}

/// No flags beside the common ones.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub struct NoArgs {}

/// What a daemon is made from.
#[derive(Debug)]
pub struct Start<A> {
    /// The flags that all daemons share.
    pub common: CommonArgs,
    /// The daemon's own flags.
    pub args: A,
    /// `--mod`, checked.
    pub modulus: Option<Modulus>,
    /// From flags and environment.
    pub settings: Settings,
    /// The project directory and its config.xml.
    pub project: ProjectDir,
    /// Connected, and its tables checked.
    pub store: Store,
    /// The project's clock.
    pub clock: Clock,
    /// For what the daemon does beside its passes.
    pub stop: Stop,
}

impl<A> Start<A> {
    /// The application's name; empty when it isn't required and not given.
    #[must_use]
    pub fn app(&self) -> &str {
        self.common.app.as_deref().unwrap_or_default()
    }
}

/// What a pass works with.
#[derive(Debug, Clone, Copy)]
pub struct Pass<'a> {
    /// The project's database.
    pub store: &'a Store,
    /// The project's clock.
    pub clock: &'a Clock,
    /// To be looked at between transactions.
    pub stop: &'a Stop,
    /// Counts from 1.
    pub number: u64,
}

impl Pass<'_> {
    /// True when the pass should end at this checkpoint.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.stop.is_stopping()
    }
}

/// What a pass did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PassReport {
    /// Items that were pending and looked at.
    pub found: u64,
    /// Of these, brought to an end.
    pub done: u64,
    /// Of these, left for later because something is wrong with them.
    pub set_aside: u64,
    /// How many came to which end; becomes `cobblestone_items_total`.
    pub fates: Vec<(&'static str, u64)>,
}

impl PassReport {
    /// Counts `count` items that came to the end `fate`. Does not change `done`.
    pub fn add(&mut self, fate: &'static str, count: u64) {
        match self.fates.iter_mut().find(|(known, _)| *known == fate) {
            Some((_, sum)) => *sum += count,
            None => self.fates.push((fate, count)),
        }
    }

    /// True if there was nothing at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.found == 0 && self.done == 0 && self.set_aside == 0 && self.fates.iter().all(|(_, n)| *n == 0)
    }
}

/// `valid 3, invalid 1`
impl std::fmt::Display for PassReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut between = "";
        for (fate, count) in self.fates.iter().filter(|(_, count)| *count > 0) {
            write!(f, "{between}{fate} {count}")?;
            between = ", ";
        }
        if between.is_empty() { f.write_str("nothing brought to an end") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests;
