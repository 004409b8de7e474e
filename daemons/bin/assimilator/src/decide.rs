//! What becomes of a workunit that waits for the assimilator. Pure.
//!
//! | canonical result | error_mask | fate |
//! |---|---|---|
//! | there | 0 | a row of results |
//! | any | not 0 | a row of failures |
//! | none | 0 | a row of failures, with BOINC's bit 32 |
//! | a result of it makes no sense | any | set aside |
//! | it has its row already | any | its state is marked, no row is added |
//!
//! So each workunit gets one row in one table, also when BOINC asks twice: a workunit that was cancelled while its
//! results ran is assimilated as failed, and again when they are reported and agree.

use boinc::guest_report::Report;
use boinc::record::{ResultRow, Workunit};
use boinc::state::{ErrorMask, Outcome, ValidateState};

/// See the module.
#[derive(Debug, Clone, PartialEq)]
pub enum Fate {
    /// A row of results.
    Assimilate {
        /// The result that stands for the workunit.
        canonical: Box<ResultRow>,
        /// Results that agree with it, itself included.
        n_valid: usize,
    },
    /// A row of failures.
    Fail {
        /// `workunit.error_mask` to write.
        error_mask: i32,
        /// Whose stderr tells most.
        stderr_of: Option<boinc::id::ResultId>,
    },
    /// Nothing, for now.
    SetAside(String),
    /// It has its row.
    Known {
        /// Where.
        dataset: String,
    },
}

/// Decides. `results` are all its results, by id; `bad` says why one of them could not be decoded.
#[must_use]
pub fn decide(workunit: &Workunit, results: &[ResultRow], bad: Option<&str>) -> Fate {
    if let Some(bad) = bad {
        return Fate::SetAside(bad.to_owned());
    }
    let canonical = results.iter().find(|result| result.id == workunit.canonical_resultid);
    match canonical {
        Some(canonical) if workunit.error_mask == 0 => Fate::Assimilate {
            canonical: Box::new(canonical.clone()),
            n_valid: results.iter().filter(|r| r.validate_state == ValidateState::Valid).count(),
        },
        _ => {
            let none = if workunit.error_mask == 0 { ErrorMask::NO_CANONICAL_RESULT } else { 0 };
            Fate::Fail { error_mask: workunit.error_mask | none, stderr_of: most_telling(results) }
        }
    }
}

/// Whether it ran and failed.
#[must_use]
pub fn has_failed(result: &ResultRow) -> bool {
    result.received_time > 0 && matches!(result.outcome, Outcome::ClientError | Outcome::ValidateError)
}

/// Why a result is flagged for review that is valid and did nothing, as far as its guest reported: credit went out, and
/// no science came in. `None`: it is not. An application without guest reports has none that did nothing.
#[must_use]
pub fn did_nothing(report: Option<&Report>, are_declared: bool) -> Option<String> {
    if !are_declared {
        return None;
    }
    match report {
        None => Some("valid, and its guest reported nothing: no jobs, no events".to_owned()),
        Some(report) if report.succeeded == 0 && report.events == 0 => Some(format!(
            "valid, and it did nothing: its guest reported {} jobs taken, none that ended well, {} that failed, no events",
            report.received, report.failed
        )),
        Some(_) => None,
    }
}

/// The latest of those that ran and failed, else of those that were reported.
fn most_telling(results: &[ResultRow]) -> Option<boinc::id::ResultId> {
    results
        .iter()
        .filter(|r| r.received_time > 0)
        .max_by_key(|r| (has_failed(r), r.received_time, r.id))
        .map(|r| r.id)
}

/// Seconds after `tries` failures until the next try: a minute, doubling to six hours.
#[must_use]
pub fn pause(tries: i32) -> f64 {
    let doublings = u32::try_from(tries.saturating_sub(1)).unwrap_or(0).min(16);
    (60.0 * f64::from(2_u32.saturating_pow(doublings))).min(6.0 * 3600.0)
}

/// True when a workunit that was set aside at `time` may be tried again.
#[must_use]
pub fn is_due(time: f64, tries: i32, now: f64) -> bool {
    // A clock that went back must not keep it waiting for longer than intended.
    now < time || now - time >= pause(tries)
}

#[cfg(test)]
mod tests {
    use boinc::id::ResultId;

    use super::*;
    use sandbox::unit_rows::{result, workunit};

    #[test]
    fn one_row_in_one_table() {
        let results = [result(4, 1), result(5, 1)];
        let ready = workunit(1, 5);
        let Fate::Assimilate { canonical, n_valid } = decide(&ready, &results, None) else { panic!() };
        assert_eq!((canonical.id, n_valid), (ResultId(5), 2));
        let cancelled = Workunit { error_mask: 16, ..ready.clone() };
        assert!(matches!(decide(&cancelled, &results, None), Fate::Fail { error_mask: 16, .. }));
        assert!(matches!(decide(&workunit(1, 0), &results, None), Fate::Fail { error_mask: 32, .. }));
        // A canonical result that is another workunit's, or gone.
        assert!(matches!(decide(&workunit(1, 6), &results, None), Fate::Fail { error_mask: 32, .. }));
        assert!(
            matches!(decide(&ready, &results, Some("result 5: odd")), Fate::SetAside(why) if why.contains("odd"))
        );
    }

    #[test]
    fn the_latest_failure_tells_most() {
        let mut results = [result(1, 1), result(2, 1), result(3, 1), result(4, 1)];
        for (result, (outcome, received)) in results.iter_mut().zip([
            (Outcome::ClientError, 50),
            (Outcome::ClientError, 60),
            (Outcome::Success, 90),
            (Outcome::NoReply, 0),
        ]) {
            result.outcome = outcome;
            result.received_time = received;
        }
        assert_eq!(most_telling(&results), Some(ResultId(2)));
        assert_eq!(most_telling(&results[2..]), Some(ResultId(3)));
        assert_eq!(most_telling(&results[3..]), None);
    }

    #[test]
    fn a_valid_task_that_did_nothing_is_flagged() {
        let report = |received, succeeded, failed, events| Report { received, succeeded, failed, events };
        assert!(did_nothing(None, true).is_some_and(|why| why.contains("reported nothing")));
        let idle = did_nothing(Some(&report(7, 0, 3, 0)), true).unwrap();
        assert!(idle.contains("7 jobs taken") && idle.contains("3 that failed"), "{idle}");
        assert_eq!(did_nothing(Some(&report(0, 0, 0, 5)), true), None, "some guests count events only");
        assert_eq!(did_nothing(Some(&report(1, 1, 0, 0)), true), None);
        assert_eq!(did_nothing(None, false), None);
    }

    #[test]
    fn tries_are_a_minute_to_six_hours_apart() {
        assert_eq!([1, 2, 3, 9, 10, i32::MAX].map(pause), [60.0, 120.0, 240.0, 15360.0, 21600.0, 21600.0]);
        assert!(!is_due(1000.0, 1, 1059.0) && is_due(1000.0, 1, 1060.0) && is_due(1000.0, 5, 900.0));
        assert_eq!(pause(i32::MIN), 60.0);
    }
}
