//! What every daemon does alike: arguments, project directory, log, clock, metrics, stopping, the pass loop.
//!
//! A daemon implements [`Daemon`] and its `main` calls [`main`]. This crate holds no policy about workunits or
//! credit. It is the only one that reads the real clock ([`clock`]), the environment ([`settings`]) and
//! signals ([`stop`]).
//!
//! A whole daemon, with a flag of its own:
//!
//! ```no_run
//! use daemon::{Daemon, Fatal, Pass, PassReport, Start};
//!
//! struct Greeter {
//!     greeting: String,
//! }
//!
//! #[derive(clap::Args)]
//! struct Args {
//!     /// What to say
//!     #[arg(long, default_value = "hello")]
//!     greeting: String,
//! }
//!
//! impl Daemon for Greeter {
//!     const NAME: &'static str = "greeter";
//!     const ABOUT: &'static str = "Greets the application's new workunits.";
//!     type Args = Args;
//!
//!     async fn start(start: &Start<Args>) -> anyhow::Result<Self> {
//!         if start.args.greeting.is_empty() {
//!             return Err(Fatal::new("--greeting is empty; leave it out or give one").into());
//!         }
//!         tracing::info!(app = start.app(), "greeting");
//!         Ok(Self { greeting: start.args.greeting.clone() })
//!     }
//!
//!     async fn pass(&mut self, pass: &Pass<'_>) -> anyhow::Result<PassReport> {
//!         let mut report = PassReport::default();
//!         for wu in [1, 2, 3] {
//!             if pass.is_stopping() {
//!                 break;
//!             }
//!             tracing::debug!(wu, now = pass.clock.now_i32(), "{}", self.greeting);
//!             report.found += 1;
//!         }
//!         Ok(report)
//!     }
//! }
//!
//! fn main() -> std::process::ExitCode {
//!     daemon::main::<Greeter>()
//! }
//! ```

pub mod args;
pub mod backoff;
pub mod clock;
pub mod log;
pub mod metrics;
pub mod project;
pub mod run;
pub mod settings;
pub mod stop;

pub use args::{CommonArgs, Modulus};
pub use clock::Clock;
pub use project::ProjectDir;
pub use run::{Daemon, Fatal, Pass, PassReport, Start, main};
pub use settings::Settings;
pub use stop::Stop;
