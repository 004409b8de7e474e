//! The sandbox's clock: sim = sim_epoch + (real − real_epoch) · rate, in Unix seconds.
//!
//! Real daemons share it through the database table `cobblestone_sandbox_clock` and a token that stands both
//! there and in config.xml. Nothing but this crate makes that table, so that a production daemon can't run
//! on it by accident: it takes both keys. This is the one place of the crate that reads the real clock.

use store::sql::Connection;

use crate::error::{Result, db};

/// How simulated time follows real time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SimClock {
    /// Real time at which the simulated time was `sim_epoch`.
    pub real_epoch: f64,
    #[allow(missing_docs)]
    pub sim_epoch: f64,
    /// Simulated seconds per real second; 0 = frozen at `sim_epoch`.
    pub rate: f64,
}

/// The real time, Unix seconds.
#[allow(clippy::disallowed_methods, reason = "the sandbox makes simulated time out of it, here only")]
#[must_use]
pub(crate) fn real_now() -> f64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0.0, |since| since.as_secs_f64())
}

impl SimClock {
    /// A clock that shows `sim` now and runs at `rate`.
    #[must_use]
    pub fn starting_at(sim: f64, rate: f64) -> Self {
        Self { real_epoch: real_now(), sim_epoch: sim, rate }
    }

    /// A clock that stands at `sim`.
    #[must_use]
    pub fn frozen(sim: f64) -> Self {
        Self { real_epoch: 0.0, sim_epoch: sim, rate: 0.0 }
    }

    /// Simulated time at a real time.
    #[must_use]
    pub fn at(&self, real: f64) -> f64 {
        if self.rate == 0.0 { self.sim_epoch } else { self.sim_epoch + (real - self.real_epoch) * self.rate }
    }

    /// Simulated time now.
    #[must_use]
    pub fn now(&self) -> f64 {
        self.at(real_now())
    }

    /// Makes the table when it is missing and writes this clock into it. Daemons that are running may go
    /// on with the clock that they read when they started.
    ///
    /// # Errors
    /// A statement failed.
    pub async fn publish(&self, connection: &mut Connection, token: &str) -> Result<()> {
        connection
            .script(
                "CREATE TABLE IF NOT EXISTS cobblestone_sandbox_clock (
                     token varchar(64) NOT NULL PRIMARY KEY,
                     real_epoch double NOT NULL, sim_epoch double NOT NULL, rate double NOT NULL
                 ) ENGINE=InnoDB",
            )
            .await
            .map_err(db("making the sandbox's clock"))?;
        connection
            .execute(
                "REPLACE INTO cobblestone_sandbox_clock (token, real_epoch, sim_epoch, rate) VALUES (?, ?, ?, ?)",
                &[token.into(), self.real_epoch.into(), self.sim_epoch.into(), self.rate.into()],
            )
            .await
            .map_err(db("setting the sandbox's clock"))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_at_its_rate() {
        let clock = SimClock { real_epoch: 1000.0, sim_epoch: 5e8, rate: 4000.0 };
        assert_eq!(clock.at(1000.0), 5e8);
        assert_eq!(clock.at(1002.5), 5e8 + 10_000.0);
        assert_eq!(SimClock::frozen(7.0).now(), 7.0);
        let running = SimClock::starting_at(100.0, 1.0);
        assert!((100.0..160.0).contains(&running.now()));
    }
}
