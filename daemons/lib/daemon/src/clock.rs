//! Time, handed in. The only place that reads the real clock.
//!
//! In production a daemon runs on the system's clock. In a sandbox it may run on a simulated one:
//! `sim_epoch + (real now − real_epoch) · rate`. Two keys must turn together for that: config.xml holds
//! `<cobblestone_sandbox>TOKEN</cobblestone_sandbox>`, and the database holds the table
//! `cobblestone_sandbox_clock` with the same token. Only the sandbox library makes that table, `cobblestone
//! migrate` never does. One key without the other, or two that differ, is an error: a production project that
//! got hold of a sandbox's file or database stops instead of paying credit by a wrong clock.
//!
//! All daemons of a sandbox read the same row, so they agree on the time, also after a restart.
//! Sleeps between passes are real seconds.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use boinc::config::ProjectConfig;
use store::{SandboxClock, Store};

/// Tells the time. Cheap to clone; the clones of a frozen clock move together.
#[derive(Debug, Clone)]
pub struct Clock {
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    System,
    /// Bits of an `f64`.
    Frozen(Arc<AtomicU64>),
    Scaled {
        real_epoch: f64,
        sim_epoch: f64,
        rate: f64,
    },
}

/// The two keys of a simulated clock don't fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TwoKeyError {
    /// Only config.xml has a token.
    #[error(
        "config.xml says <cobblestone_sandbox> but the database has no sandbox clock; if this is a real project, \
         remove that element; if it is a sandbox, db_name leads to another database"
    )]
    OnlyConfig,
    /// Only the database has a token.
    #[error(
        "the database has the clock of a sandbox but config.xml has no <cobblestone_sandbox>; if this is a real \
         project, drop the table cobblestone_sandbox_clock; if it is a sandbox, db_name leads to another database"
    )]
    OnlyDatabase,
    /// Both have one, but not the same.
    #[error(
        "config.xml and the database belong to different sandboxes (the tokens differ); is db_name of config.xml right?"
    )]
    Different,
    /// The row's numbers are no clock.
    #[error("the sandbox clock is not usable: real_epoch {0}, sim_epoch {1}, rate {2}")]
    Nonsense(String, String, String),
}

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub fn system() -> Self {
        Self { kind: Kind::System }
    }

    /// Stands still at `t` (Unix seconds), until [`Clock::set`].
    #[must_use]
    pub fn frozen(t: f64) -> Self {
        Self { kind: Kind::Frozen(Arc::new(AtomicU64::new(t.to_bits()))) }
    }

    /// Runs `rate` times as fast as the machine's; shows `sim_epoch` at the real time `real_epoch`
    /// (both Unix seconds). A rate of 0 stands still.
    #[must_use]
    pub fn scaled(real_epoch: f64, sim_epoch: f64, rate: f64) -> Self {
        Self { kind: Kind::Scaled { real_epoch, sim_epoch, rate } }
    }

    /// Moves a frozen clock, and its clones, to `t`. Others don't move.
    pub fn set(&self, t: f64) {
        if let Kind::Frozen(bits) = &self.kind {
            bits.store(t.to_bits(), Ordering::SeqCst);
        }
    }

    /// Unix seconds.
    #[must_use]
    pub fn now(&self) -> f64 {
        match &self.kind {
            Kind::System => real_now(),
            Kind::Frozen(bits) => f64::from_bits(bits.load(Ordering::SeqCst)),
            Kind::Scaled { real_epoch, sim_epoch, rate } => sim_epoch + (real_now() - real_epoch) * rate,
        }
    }

    /// Whole Unix seconds, as most columns hold them; cut to the column's range (which ends in January 2038).
    #[must_use]
    pub fn now_i32(&self) -> i32 {
        #[expect(clippy::cast_possible_truncation, reason = "saturates, which is what is wanted")]
        let seconds = self.now().floor() as i32;
        seconds
    }

    /// True when this is not the machine's clock.
    #[must_use]
    pub fn is_simulated(&self) -> bool {
        !matches!(self.kind, Kind::System)
    }

    /// The clock that this project runs on.
    ///
    /// # Errors
    /// [`TwoKeyError`] or a [`store::Error`], inside an `anyhow::Error`.
    pub async fn for_project(config: &ProjectConfig, store: &Store) -> anyhow::Result<Self> {
        let row = store.sandbox_clock().await?;
        let clock = Self::from_keys(config.cobblestone_sandbox.as_deref(), row.as_ref())?;
        if let Kind::Scaled { real_epoch, sim_epoch, rate } = &clock.kind {
            tracing::warn!(
                real_epoch,
                sim_epoch,
                rate,
                now = clock.now(),
                "this is a sandbox: time is simulated, no credit granted here is real"
            );
        }
        Ok(clock)
    }

    /// The two-key rule.
    ///
    /// # Errors
    /// [`TwoKeyError`].
    pub fn from_keys(config: Option<&str>, row: Option<&SandboxClock>) -> Result<Self, TwoKeyError> {
        let config = config.map(str::trim).filter(|token| !token.is_empty());
        match (config, row) {
            (None, None) => Ok(Self::system()),
            (Some(_), None) => Err(TwoKeyError::OnlyConfig),
            (None, Some(_)) => Err(TwoKeyError::OnlyDatabase),
            (Some(token), Some(row)) if token != row.token.trim() => Err(TwoKeyError::Different),
            (Some(_), Some(row)) => {
                let SandboxClock { real_epoch, sim_epoch, rate, .. } = *row;
                let usable = [real_epoch, sim_epoch, rate].iter().all(|x| x.is_finite()) && rate >= 0.0;
                if usable {
                    Ok(Self::scaled(real_epoch, sim_epoch, rate))
                } else {
                    Err(TwoKeyError::Nonsense(
                        real_epoch.to_string(),
                        sim_epoch.to_string(),
                        rate.to_string(),
                    ))
                }
            }
        }
    }
}

/// The machine's clock. Before 1970 it shows 0.
#[expect(clippy::disallowed_methods, reason = "the one place where the real clock is read")]
fn real_now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(token: &str, rate: f64) -> SandboxClock {
        SandboxClock { token: token.to_owned(), real_epoch: 1000.0, sim_epoch: 5_000.5, rate }
    }

    #[test]
    fn both_keys_or_none() {
        assert!(!Clock::from_keys(None, None).unwrap().is_simulated());
        assert!(!Clock::from_keys(Some(" \n "), None).unwrap().is_simulated());
        assert!(Clock::from_keys(Some(" a\n"), Some(&row("a", 60.0))).unwrap().is_simulated());
        assert_eq!(Clock::from_keys(Some("a"), None).unwrap_err(), TwoKeyError::OnlyConfig);
        assert_eq!(Clock::from_keys(None, Some(&row("a", 1.0))).unwrap_err(), TwoKeyError::OnlyDatabase);
        assert_eq!(Clock::from_keys(Some(""), Some(&row("", 1.0))).unwrap_err(), TwoKeyError::OnlyDatabase);
        assert_eq!(Clock::from_keys(Some("a"), Some(&row("b", 1.0))).unwrap_err(), TwoKeyError::Different);
        for rate in [f64::NAN, f64::INFINITY, -1.0] {
            assert!(matches!(
                Clock::from_keys(Some("a"), Some(&row("a", rate))).unwrap_err(),
                TwoKeyError::Nonsense(..)
            ));
        }
    }

    #[test]
    fn a_rate_of_zero_stands_still() {
        let clock = Clock::from_keys(Some("a"), Some(&row("a", 0.0))).unwrap();
        assert!((clock.now() - 5_000.5).abs() < 1e-9);
        assert_eq!(clock.now_i32(), 5_000);
    }

    #[test]
    fn a_scaled_clock_runs_at_its_rate() {
        let real = real_now();
        let clock = Clock::scaled(real - 10.0, 1_000.0, 1_000.0);
        let shown = clock.now();
        let latest = 1_000.0 + (real_now() - real + 10.0) * 1_000.0;
        assert!((11_000.0..=latest + 1e-3).contains(&shown), "{shown}");
    }

    #[test]
    fn clones_of_a_frozen_clock_move_together() {
        let clock = Clock::frozen(7.9);
        let clone = clock.clone();
        assert_eq!(clone.now_i32(), 7);
        clock.set(1e12);
        assert_eq!(clone.now_i32(), i32::MAX);
        clock.set(-0.5);
        assert_eq!(clone.now_i32(), -1);
    }

    #[test]
    fn the_system_clock_is_not_before_this_was_written() {
        assert!(Clock::system().now() > 1.79e9);
    }
}
