//! How many workunits are written together, and whether it is worth it yet.
//!
//! Files of a local dataset are merged later ([`dataset::compaction`]), so they may be small at first. Files on S3 can't
//! be merged: there it is waited until a file is worth it, but not for ever.
//!
//! Nothing rests on this: who starts anew waits anew.

use app_config::S3;
use store::Store;
use store::validation::Selection;

/// Workunits in one transaction of a local dataset.
const BATCH: i64 = 1000;

/// See the module.
#[derive(Debug)]
pub struct Room {
    rows: i64,
    /// Longest wait, in seconds.
    wait: f64,
    /// When it began to wait.
    since: Option<f64>,
}

impl Room {
    /// A local dataset waits for nothing.
    #[must_use]
    pub const fn local() -> Self {
        Self { rows: BATCH, wait: 0.0, since: None }
    }

    /// One on S3, as `[assimilate.s3]` says. `is_once`: it is run once and writes what there is.
    #[must_use]
    pub fn on_s3(s3: &S3, is_once: bool) -> Self {
        let wait = if is_once { 0.0 } else { s3.wait_seconds };
        Self { rows: i64::from(s3.rows_per_file), wait, since: None }
    }

    /// Most workunits in one transaction.
    #[must_use]
    pub const fn rows(&self) -> i64 {
        self.rows
    }

    /// Whether those that wait are to be written now.
    ///
    /// # Errors
    /// The database's.
    pub async fn is_worth_it(&mut self, store: &Store, which: Selection, now: f64) -> store::Result<bool> {
        if self.wait <= 0.0 {
            return Ok(true);
        }
        let waiting = store.read("how many wait", async |conn| conn.count_to_assimilate(which).await).await?;
        Ok(self.decide(waiting, which.limit, now))
    }

    fn decide(&mut self, waiting: i64, enough: i64, now: f64) -> bool {
        if waiting == 0 {
            self.since = None;
            return false;
        }
        let since = *self.since.get_or_insert(now);
        // A clock that went back must not make it wait for longer.
        let is_over = now < since || now - since >= self.wait;
        waiting >= enough || is_over
    }

    /// They are written. (Until then nobody waits anew: the storage may have failed.)
    pub const fn written(&mut self) {
        self.since = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_waits_for_enough_or_for_long_enough() {
        let s3 = S3 { rows_per_file: 100, wait_seconds: 60.0, ..S3::default() };
        let mut room = Room::on_s3(&s3, false);
        assert_eq!(room.rows(), 100);
        for (waiting, now, expected) in [
            (0, 0.0, false),
            (1, 10.0, false),
            (99, 69.9, false),
            (99, 70.0, true),
            // They could not be written.
            (99, 70.1, true),
        ] {
            assert_eq!(room.decide(waiting, 100, now), expected, "{waiting} {now}");
        }
        room.written();
        for (waiting, now, expected) in [
            // Anew.
            (5, 71.0, false),
            (100, 72.0, true),
            (5, 80.0, false),
            // They went away; others came.
            (0, 100.0, false),
            (5, 150.0, false),
            (5, 209.0, false),
            (5, 210.0, true),
            // The clock went back.
            (5, 100.0, true),
        ] {
            assert_eq!(room.decide(waiting, 100, now), expected, "{waiting} {now}");
        }
        assert!(Room::on_s3(&s3, true).wait <= 0.0 && Room::local().wait <= 0.0);
    }
}
