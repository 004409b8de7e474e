//! A later deadline for tasks that show that they are alive, as stock trickle_deadline gives.
//!
//! Invariant: a deadline is only ever moved forward, never beyond sent_time + delay_bound + `max_extension_seconds`,
//! and only from the value that was decided on: the caller writes `report_deadline` where it is still
//! [`Extension::old`], so two instances, or the scheduler at the same time, can't add twice. Stock writes the whole row
//! back.

use boinc::id::{HostId, ResultId};
use boinc::record::ResultRow;
use boinc::state::ServerState;
use serde::{Deserialize, Serialize};

/// An app's declaration of how deadlines are extended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeadlinePolicy {
    /// A deadline is extended when it is no more than so many seconds away, or passed.
    pub extension_timeframe: f64,
    /// By so many seconds.
    pub extension_period: f64,
    /// Seconds that all extensions of a result together may add to its sent_time + delay_bound.
    pub max_extension_seconds: f64,
}

impl Default for DeadlinePolicy {
    /// Within the last day, by a day, at most by a week. Stock has no defaults and no maximum.
    fn default() -> Self {
        Self { extension_timeframe: 86_400.0, extension_period: 86_400.0, max_extension_seconds: 604_800.0 }
    }
}

/// A number is out of range.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("deadline.{key} = {value}: must be above 0")]
pub struct DeadlineError {
    /// Key in the declaration.
    pub key: &'static str,
    /// Its value.
    pub value: f64,
}

impl DeadlinePolicy {
    /// Refuses what can't be meant.
    ///
    /// # Errors
    /// A number that is not above 0.
    pub fn check(&self) -> Result<(), DeadlineError> {
        for (key, value) in [
            ("extension_timeframe", self.extension_timeframe),
            ("extension_period", self.extension_period),
            ("max_extension_seconds", self.max_extension_seconds),
        ] {
            if !(value.is_finite() && value > 0.0) {
                return Err(DeadlineError { key, value });
            }
        }
        Ok(())
    }

    /// The later deadline of a result whose task sent a message, at time `now` (Unix seconds). `delay_bound` is its
    /// workunit's, seconds. None when nothing is to be changed.
    ///
    /// The result is IN_PROGRESS on the `sender`, and its deadline less than `extension_timeframe` away. The new one is
    /// `extension_period` later; if that is past, too, so much later than now. Source: `handle_trickle` in
    /// `sched/trickle_deadline.cpp`.
    /// Differs: also when the deadline has just passed and nobody has taken the result away yet; there is a maximum;
    /// results that are over are left alone.
    #[must_use]
    pub fn extension(
        &self,
        row: &ResultRow,
        sender: HostId,
        delay_bound: i32,
        now: f64,
    ) -> Option<Extension> {
        let old = f64::from(row.report_deadline);
        let alive = row.server_state == ServerState::InProgress && row.hostid == sender && row.sent_time > 0;
        if !alive || old - self.extension_timeframe > now {
            return None;
        }
        let later = old + self.extension_period;
        let later = if later > now { later } else { now + self.extension_period };
        let most = f64::from(row.sent_time) + f64::from(delay_bound) + self.max_extension_seconds;
        let new = later.min(most).min(f64::from(i32::MAX)).floor();
        // A deadline in the past helps nobody.
        (new > old && new > now).then_some(Extension {
            result: row.id,
            old: row.report_deadline,
            new: new as i32,
        })
    }
}

/// A deadline to be moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extension {
    #[allow(missing_docs)]
    pub result: ResultId,
    /// `report_deadline` as it was read: write only where it still is.
    pub old: i32,
    /// The new `report_deadline`.
    pub new: i32,
}

#[cfg(test)]
mod tests {
    use boinc::id::{AppId, AppVersionId, TeamId, UserId, WorkunitId};
    use boinc::state::{Outcome, ValidateState};
    use proptest::prelude::*;

    use super::*;

    const SENT: i32 = 1_000_000;
    const BOUND: i32 = 1000;

    fn row(report_deadline: i32) -> ResultRow {
        ResultRow {
            id: ResultId(3),
            create_time: 1,
            workunitid: WorkunitId(1),
            appid: AppId(1),
            name: "r".to_owned(),
            server_state: ServerState::InProgress,
            outcome: Outcome::Init,
            validate_state: ValidateState::Init,
            hostid: HostId(7),
            userid: UserId(1),
            teamid: TeamId(0),
            sent_time: SENT,
            report_deadline,
            received_time: 0,
            cpu_time: 0.0,
            elapsed_time: 0.0,
            flops_estimate: 1e9,
            claimed_credit: 0.0,
            granted_credit: 0.0,
            opaque: 0.0,
            exit_status: 0,
            app_version_id: AppVersionId(1),
            runtime_outlier: false,
            random: 0,
        }
    }

    fn policy() -> DeadlinePolicy {
        DeadlinePolicy { extension_timeframe: 100.0, extension_period: 300.0, max_extension_seconds: 500.0 }
    }

    fn new(row: &ResultRow, after: i32) -> Option<i32> {
        policy().extension(row, HostId(7), BOUND, f64::from(SENT + after)).map(|extension| {
            assert_eq!((extension.result, extension.old), (row.id, row.report_deadline));
            extension.new - SENT
        })
    }

    #[test]
    fn as_stock_within_the_time_frame() {
        let row = row(SENT + BOUND);
        assert_eq!(new(&row, 899), None, "too far away");
        assert_eq!(new(&row, 900), Some(1300));
        assert_eq!(new(&row, 1000), Some(1300));
    }

    #[test]
    fn just_passed_and_up_to_the_maximum() {
        assert_eq!(new(&row(SENT + BOUND), 1100), Some(1300));
        assert_eq!(new(&row(SENT + BOUND), 1300), Some(1500), "the maximum");
        assert_eq!(new(&row(SENT + 1300), 1290), Some(1500));
        assert_eq!(new(&row(SENT + 1500), 1490), None);
        assert_eq!(new(&row(SENT + BOUND), 1500), None, "even the maximum is past");
    }

    #[test]
    fn only_what_is_in_progress_on_that_host() {
        let alive = row(SENT + BOUND);
        let over = ResultRow { server_state: ServerState::Over, ..alive.clone() };
        let unsent = ResultRow { sent_time: 0, ..alive.clone() };
        assert_eq!((new(&over, 950), new(&unsent, 950)), (None, None));
        assert_eq!(policy().extension(&alive, HostId(8), BOUND, f64::from(SENT + 950)), None);
    }

    #[test]
    fn numbers_must_be_above_0() {
        assert_eq!(DeadlinePolicy::default().check(), Ok(()));
        for value in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(DeadlinePolicy { extension_period: value, ..policy() }.check().is_err());
            assert!(DeadlinePolicy { extension_timeframe: value, ..policy() }.check().is_err());
            assert!(DeadlinePolicy { max_extension_seconds: value, ..policy() }.check().is_err());
        }
    }

    proptest! {
        /// However many messages come, whenever they are handled.
        #[test]
        fn deadlines_move_forward_and_end(times in proptest::collection::vec(0..3000i32, 0..40), deadline in 500..1500i32) {
            let mut row = row(SENT + deadline);
            for time in times {
                if let Some(extension) = policy().extension(&row, HostId(7), BOUND, f64::from(SENT + time)) {
                    prop_assert!(extension.new > extension.old && extension.new > SENT + time);
                    prop_assert!(extension.new <= SENT + BOUND + 500);
                    row.report_deadline = extension.new;
                }
            }
        }
    }
}
