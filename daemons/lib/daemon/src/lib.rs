//! What every daemon does alike: arguments, project directory, log, clock, metrics, stopping, the pass loop.
//!
//! A daemon implements [`Daemon`] and its `main` calls [`main`]. This crate holds no policy about workunits or
//! credit. It is the only one that reads the real clock ([`clock`]), the environment ([`settings`]) and
//! signals ([`stop`]).

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
