//! The log, on stderr: lines as BOINC's server programs write them, or JSON.
//!
//! ```text
//! 2026-11-20 07:33:20.0000 UTC  pass: valid 3 found=3 done=3
//! 2026-11-20 07:33:20.0000 UTC [warning] no such result wu=17 host=4
//! 2026-11-20 07:33:20.0000 UTC [CRITICAL] …
//! ```
//!
//! | `--debug_level` | shows |
//! |---|---|
//! | 1 | `error!`, as `[CRITICAL]` |
//! | 2 | + `warn!`, as `[warning]`, and `info!`, without a word |
//! | 3 | + `debug!`, as `[debug]` |
//! | 4 | + `trace!`, as `[debug]`: SQL statements |
//!
//! Text of volunteers may stand in messages and fields. It can't forge a line, a field or a terminal command:
//! control and direction characters are escaped, values with blanks are quoted, long ones are cut
//! ([`escape`]). A line is one write, so that lines of two threads don't mix. A log that can't be written
//! (disk full, reader gone) stops nothing.
//!
//! The time stamps are the real time, also in a sandbox.

use std::io::Write;
use std::sync::Arc;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::args::LogFormat;
use crate::clock::Clock;

pub mod escape;
mod layer;
mod line;

pub use layer::LogLayer;

/// Where lines go.
pub type Sink = Arc<dyn Fn(&[u8]) + Send + Sync>;

/// The crates of this toolkit. What others log is shown from warnings up.
const OURS: &[&str] =
    &["cobblestone", "app_config", "assimilator", "boinc", "compare", "daemon", "rules", "sandbox", "store"];

/// Sends this process's log to stderr, and panics' messages to the log. The first call counts.
pub fn init(format: LogFormat, debug_level: u8) {
    let sink: Sink = Arc::new(|line: &[u8]| {
        let _ = std::io::stderr().lock().write_all(line);
    });
    let layer = LogLayer::new(format, Clock::system(), sink);
    if tracing_subscriber::registry().with(filter(debug_level)).with(layer).try_init().is_ok() {
        std::panic::set_hook(Box::new(|panic| {
            let place = panic.location().map(ToString::to_string).unwrap_or_default();
            let payload = panic.payload();
            let text = payload
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| payload.downcast_ref::<&str>().copied())
                .unwrap_or("(no message)");
            tracing::error!(place, "panic: {text}; this is a fault of the program, please report it");
        }));
    }
}

/// What `--debug_level` shows.
#[must_use]
pub fn filter(debug_level: u8) -> Targets {
    let (ours, others) = match debug_level {
        0 | 1 => (LevelFilter::ERROR, LevelFilter::ERROR),
        2 => (LevelFilter::INFO, LevelFilter::WARN),
        3 => (LevelFilter::DEBUG, LevelFilter::WARN),
        _ => (LevelFilter::TRACE, LevelFilter::WARN),
    };
    Targets::new().with_default(others).with_targets(OURS.iter().map(|target| (*target, ours)))
}

#[cfg(test)]
mod tests;
