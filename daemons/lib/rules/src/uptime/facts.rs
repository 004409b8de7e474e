//! What the rules need to know about a result, and what is possible for it.

use boinc::id::{HostId, ResultId};
use boinc::record::ResultRow;
use boinc::state::{Outcome, ServerState, ValidateState};

use super::Bound;
use super::policy::{InvalidResults, Unit, UptimePolicy};
use crate::credit::usable_flops;

/// Below this many seconds, elapsed_time was not reported and cpu_time stands in (as in `sched/credit.cpp`).
const NO_ELAPSED_TIME: f64 = 1e-6;

/// No task is paid with more, FLOPS: the figure comes from a volunteer's benchmark. Some thousand processors of today.
pub(super) const MAX_TASK_FLOPS: f64 = 1e14;

/// What the rules need to know about a result.
#[derive(Debug, Clone, PartialEq)]
pub struct ResultFacts {
    #[allow(missing_docs)]
    pub id: ResultId,
    /// The host that it was sent to.
    pub host: HostId,
    #[allow(missing_docs)]
    pub server_state: ServerState,
    #[allow(missing_docs)]
    pub outcome: Outcome,
    #[allow(missing_docs)]
    pub validate_state: ValidateState,
    /// When it was sent, Unix seconds; 0 = never.
    pub sent_time: i32,
    /// When it was over, Unix seconds: reported, taken from a host that detached, or given up at its deadline; None
    /// until then. No uptime after it.
    pub received_time: Option<i32>,
    /// Seconds that the task ran, once reported.
    pub elapsed_time: Option<f64>,
    /// FLOPS of the processors that it used, as in the row.
    pub flops_estimate: f64,
    /// Processors that it uses, for claims in CPU seconds: see [`super::processors`].
    pub processors: f64,
    /// What it got in all (`result.granted_credit`), once the validator settled it.
    pub settled_credit: Option<f64>,
    /// What its mark says that it was paid so far (cobblestones), for [`UptimePolicy::max_credit`].
    pub paid_credit: f64,
}

impl ResultFacts {
    /// From its row. Reported means that its client said how it ended: no reply and detaching are no report.
    #[must_use]
    pub fn of(row: &ResultRow) -> Self {
        let over = row.server_state == ServerState::Over;
        let told = matches!(row.outcome, Outcome::Success | Outcome::ClientError | Outcome::ValidateError);
        let reported = over && told && row.received_time > 0;
        let elapsed = if row.elapsed_time < NO_ELAPSED_TIME { row.cpu_time } else { row.elapsed_time };
        Self {
            id: row.id,
            host: row.hostid,
            server_state: row.server_state,
            outcome: row.outcome,
            validate_state: row.validate_state,
            sent_time: row.sent_time,
            received_time: over.then_some(if row.received_time > 0 {
                row.received_time
            } else {
                row.report_deadline
            }),
            elapsed_time: reported.then_some(elapsed),
            flops_estimate: row.flops_estimate,
            processors: 1.0,
            settled_credit: (row.validate_state == ValidateState::Valid).then_some(row.granted_credit),
            paid_credit: 0.0,
        }
    }

    /// FLOPS that its seconds are paid with.
    #[must_use]
    pub fn flops(&self, policy: &UptimePolicy) -> f64 {
        let (flops, _) = usable_flops(self.flops_estimate);
        policy.max_flops.unwrap_or(f64::INFINITY).min(flops).min(MAX_TASK_FLOPS)
    }

    /// Most seconds that a message which the server stored at `time` can be good for, and what sets the limit:
    /// min(time − sent_time + slack, elapsed_time once reported, lifetime), where time ends with the report; never
    /// below 0; 0 for a result that is
    /// invalid or abandoned under [`InvalidResults::Revoke`].
    #[must_use]
    pub fn bound(&self, time: i32, policy: &UptimePolicy) -> (f64, Bound) {
        if policy.invalid_results == InvalidResults::Revoke && (self.is_invalid() || self.is_abandoned()) {
            return (0.0, Bound::Revoked);
        }
        let (seconds, bound) = self.possible(time, policy);
        match self.elapsed_time {
            // NaN, too, is no reason to pay.
            Some(elapsed) if elapsed < seconds || elapsed.is_nan() => (elapsed.max(0.0), Bound::Reported),
            _ => (seconds, bound),
        }
    }

    /// The part of [`ResultFacts::bound`] that never changes: wall clock and lifetime. A message that the server
    /// stored after the report says nothing of the time after it, whatever `elapsed_time` (the volunteer's number)
    /// is; a message from before the report lies before it, so the report does not change its bound.
    pub(super) fn possible(&self, time: i32, policy: &UptimePolicy) -> (f64, Bound) {
        let end = self.received_time.map_or(time, |received| time.min(received));
        let wall = f64::from(end) - f64::from(self.sent_time) + policy.slack_seconds;
        let (seconds, bound) = match policy.max_lifetime_seconds {
            Some(lifetime) if lifetime < wall => (lifetime, Bound::Lifetime),
            _ => (wall, Bound::WallClock),
        };
        (if seconds.is_finite() { seconds.max(0.0) } else { 0.0 }, bound)
    }

    /// Seconds of wall clock that a claim speaks of.
    pub(super) fn elapsed(&self, seconds: f64, unit: Unit) -> f64 {
        match unit {
            Unit::Elapsed => seconds,
            Unit::Cpu => seconds / if self.processors >= 1.0 { self.processors } else { 1.0 },
        }
    }

    /// The validator called it invalid.
    #[must_use]
    pub fn is_invalid(&self) -> bool {
        self.validate_state == ValidateState::Invalid
    }

    /// It ended without a result: no reply, a client error (aborted ones are such), or its host detached. A result
    /// that the project itself did not need any more is not abandoned.
    #[must_use]
    pub fn is_abandoned(&self) -> bool {
        self.server_state == ServerState::Over
            && matches!(self.outcome, Outcome::NoReply | Outcome::ClientError | Outcome::ClientDetached)
    }

    /// Seconds that the result is worth when it is settled: what it reported, within the bound at the time it was
    /// reported. None until it is reported.
    #[must_use]
    pub fn final_seconds(&self, policy: &UptimePolicy) -> Option<f64> {
        let (received, _) = (self.received_time?, self.elapsed_time?);
        Some(self.bound(received, policy).0)
    }
}
