//! What the transitioner does with one workunit: a pure function of the workunit, its results and the time.
//!
//! Follows the behaviour of BOINC's transitioner (sched/transitioner.cpp) with its default configuration:
//! files may be deleted at once (`delete_delay` 0), no size classes, no homogeneous redundancy.

use boinc::state::{AssimilateState, ErrorMask, FileDeleteState, NEVER, Outcome, ServerState, ValidateState};

/// `transitioner_flags`: make no new results.
const NO_NEW_RESULTS: i32 = 2;
/// `exit_status` of a task that the volunteer aborted: no error of the workunit.
const EXIT_ABORTED_VIA_GUI: i32 = 203;
const TEN_DAYS: i32 = 10 * 86_400;

/// The columns of a workunit that the transitioner reads and (the last five) writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wu {
    /// Number of successful results that validation needs.
    pub min_quorum: i32,
    #[allow(missing_docs)]
    pub target_nresults: i32,
    #[allow(missing_docs)]
    pub max_error_results: i32,
    #[allow(missing_docs)]
    pub max_total_results: i32,
    /// Seconds from sending to the deadline.
    pub delay_bound: i32,
    #[allow(missing_docs)]
    pub canonical_resultid: i32,
    #[allow(missing_docs)]
    pub transitioner_flags: i32,
    #[allow(missing_docs)]
    pub need_validate: i32,
    #[allow(missing_docs)]
    pub error_mask: i32,
    #[allow(missing_docs)]
    pub assimilate_state: i32,
    #[allow(missing_docs)]
    pub file_delete_state: i32,
    #[allow(missing_docs)]
    pub transition_time: i32,
}

/// The columns of a result that the transitioner reads and (the last four) writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Res {
    #[allow(missing_docs)]
    pub id: i32,
    #[allow(missing_docs)]
    pub name: String,
    #[allow(missing_docs)]
    pub report_deadline: i32,
    #[allow(missing_docs)]
    pub exit_status: i32,
    #[allow(missing_docs)]
    pub server_state: i32,
    #[allow(missing_docs)]
    pub outcome: i32,
    #[allow(missing_docs)]
    pub validate_state: i32,
    #[allow(missing_docs)]
    pub file_delete_state: i32,
}

/// What is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    /// The workunit as it shall be.
    pub wu: Wu,
    /// The results as they shall be, in the order given.
    pub results: Vec<Res>,
    /// Ids of those whose deadline has just passed.
    pub timed_out: Vec<i32>,
    /// Numbers (the last part of the name) of new results.
    pub new_results: Vec<i32>,
}

#[derive(Default)]
struct Counts {
    total: i32,
    unsent: i32,
    in_progress: i32,
    success: i32,
    errors: i32,
    couldnt_send: i32,
    new_to_validate: bool,
    max_number: i32,
}

/// The transition of a workunit at `now` (Unix seconds).
#[must_use]
pub fn decide(wu: &Wu, results: &[Res], now: i32) -> Transition {
    let mut next = Transition {
        wu: wu.clone(),
        results: results.to_vec(),
        timed_out: Vec::new(),
        new_results: Vec::new(),
    };
    let counts = count(&mut next, now);
    if counts.new_to_validate && counts.success >= wu.min_quorum {
        next.wu.need_validate = 1;
    }
    if counts.couldnt_send > 0 {
        next.wu.error_mask |= ErrorMask::COULDNT_SEND;
    }
    if counts.errors > wu.max_error_results {
        next.wu.error_mask |= ErrorMask::TOO_MANY_ERRORS;
    }
    let needed = (wu.target_nresults - counts.unsent - counts.in_progress - counts.success).max(0);
    let allowed = wu.max_total_results - counts.total;
    if allowed < 0 || (allowed == 0 && needed > 0) {
        next.wu.error_mask |= ErrorMask::TOO_MANY_TOTAL;
    }
    if next.wu.error_mask != 0 {
        give_up(&mut next);
    } else if wu.canonical_resultid == 0 && wu.transitioner_flags != NO_NEW_RESULTS {
        next.new_results = (0..needed.min(allowed)).map(|i| counts.max_number + 1 + i).collect();
    }
    finish(&mut next, now);
    next
}

fn count(next: &mut Transition, now: i32) -> Counts {
    let mut counts = Counts { max_number: -1, ..Counts::default() };
    let canonical = next.wu.canonical_resultid;
    let canonical_files_gone = canonical != 0
        && next
            .results
            .iter()
            .any(|r| r.id == canonical && r.file_delete_state == FileDeleteState::Done.code());
    for res in &mut next.results {
        counts.total += 1;
        counts.max_number = counts.max_number.max(number(&res.name));
        match ServerState::try_from(res.server_state) {
            Ok(ServerState::Inactive | ServerState::Unsent) => counts.unsent += 1,
            Ok(ServerState::InProgress) if res.report_deadline < now => {
                res.server_state = ServerState::Over.code();
                res.outcome = Outcome::NoReply.code();
                next.timed_out.push(res.id);
            }
            Ok(ServerState::InProgress) => counts.in_progress += 1,
            Ok(ServerState::Over) => match Outcome::try_from(res.outcome) {
                Ok(Outcome::CouldntSend) => counts.couldnt_send += 1,
                Ok(Outcome::Success) => {
                    if res.validate_state == ValidateState::Init.code() {
                        if canonical_files_gone {
                            res.validate_state = ValidateState::TooLate.code();
                        } else {
                            counts.new_to_validate = true;
                        }
                    }
                    if res.validate_state != ValidateState::Invalid.code() {
                        counts.success += 1;
                    }
                }
                Ok(Outcome::ClientError) if res.exit_status != EXIT_ABORTED_VIA_GUI => counts.errors += 1,
                Ok(Outcome::ValidateError) => counts.errors += 1,
                _ => {}
            },
            Err(_) => {}
        }
    }
    counts
}

/// A workunit with an error sends nothing more, checks nothing more, and goes to the assimilator.
fn give_up(next: &mut Transition) {
    for res in &mut next.results {
        match ServerState::try_from(res.server_state) {
            Ok(ServerState::Inactive | ServerState::Unsent) => {
                res.server_state = ServerState::Over.code();
                res.outcome = Outcome::DidntNeed.code();
            }
            Ok(ServerState::Over)
                if res.outcome == Outcome::Success.code()
                    && [ValidateState::Init.code(), ValidateState::Inconclusive.code()]
                        .contains(&res.validate_state) =>
            {
                res.validate_state = ValidateState::NoCheck.code();
            }
            _ => {}
        }
    }
    if next.wu.assimilate_state == AssimilateState::Init.code() {
        next.wu.assimilate_state = AssimilateState::Ready.code();
    }
}

fn finish(next: &mut Transition, now: i32) {
    let unchecked =
        |r: &Res| r.outcome == Outcome::Success.code() && r.validate_state == ValidateState::Init.code();
    let over = |r: &Res| r.server_state == ServerState::Over.code();
    let all_over = next.results.iter().all(|r| over(r) && !unchecked(r));
    let late_possible =
        next.results.iter().any(|r| r.outcome == Outcome::NoReply.code() && now < r.report_deadline);
    let all_over_and_validated = all_over && !late_possible;

    // A deferred assimilation is taken up when nothing more can come.
    if all_over
        && next.wu.assimilate_state == AssimilateState::Init.code()
        && !next.results.is_empty()
        && next.wu.canonical_resultid > 0
    {
        next.wu.assimilate_state = AssimilateState::Ready.code();
    }
    if next.wu.assimilate_state == AssimilateState::Done.code() {
        let init = FileDeleteState::Init.code();
        if all_over_and_validated && next.wu.file_delete_state == init {
            next.wu.file_delete_state = FileDeleteState::Ready.code();
        }
        for res in &mut next.results {
            if res.id == next.wu.canonical_resultid && !all_over_and_validated {
                continue;
            }
            let deletable = res.outcome == Outcome::ClientError.code()
                || (res.outcome == Outcome::Success.code()
                    && res.validate_state != ValidateState::Init.code());
            if deletable && res.file_delete_state == init {
                res.file_delete_state = FileDeleteState::Ready.code();
            }
        }
    }

    let mut time = if next.wu.canonical_resultid != 0 || next.wu.error_mask != 0 {
        NEVER
    } else {
        let long = next.wu.delay_bound.saturating_add(next.wu.delay_bound / 2);
        now.saturating_add(long.max(TEN_DAYS))
    };
    for res in &next.results {
        if res.server_state == ServerState::InProgress.code() {
            time = time.min(res.report_deadline);
        }
    }
    if time < now {
        let behind = now - time;
        time = now + behind.saturating_mul(2).clamp(60, 86_400);
    }
    next.wu.transition_time = time;
}

/// The number behind the last underscore of a result's name; 0 without one, as in BOINC.
fn number(name: &str) -> i32 {
    name.rsplit_once('_').and_then(|(_, number)| number.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i32 = 1_000_000;

    fn wu() -> Wu {
        Wu {
            min_quorum: 2,
            target_nresults: 2,
            max_error_results: 2,
            max_total_results: 5,
            delay_bound: 86_400,
            canonical_resultid: 0,
            transitioner_flags: 0,
            need_validate: 0,
            error_mask: 0,
            assimilate_state: 0,
            file_delete_state: 0,
            transition_time: NOW,
        }
    }

    fn res(number: i32, state: ServerState, outcome: Outcome, validate: ValidateState) -> Res {
        Res {
            id: number + 1,
            name: format!("wu_x_{number}"),
            report_deadline: NOW + 100,
            exit_status: 0,
            server_state: state.code(),
            outcome: outcome.code(),
            validate_state: validate.code(),
            file_delete_state: 0,
        }
    }

    fn over(number: i32, outcome: Outcome, validate: ValidateState) -> Res {
        res(number, ServerState::Over, outcome, validate)
    }

    #[test]
    fn a_new_workunit_gets_its_instances() {
        let next = decide(&wu(), &[], NOW);
        assert_eq!(next.new_results, [0, 1]);
        assert_eq!(next.wu.transition_time, NOW + TEN_DAYS);
    }

    #[test]
    fn a_quorum_calls_the_validator() {
        let success = |n| over(n, Outcome::Success, ValidateState::Init);
        let one = decide(
            &wu(),
            &[success(0), res(1, ServerState::InProgress, Outcome::Init, ValidateState::Init)],
            NOW,
        );
        assert_eq!((one.wu.need_validate, one.wu.transition_time), (0, NOW + 100));
        let two = decide(&wu(), &[success(0), success(1)], NOW);
        assert_eq!(two.wu.need_validate, 1);
        assert!(two.new_results.is_empty());
    }

    #[test]
    fn a_passed_deadline_is_no_reply_and_is_replaced() {
        let mut late = res(0, ServerState::InProgress, Outcome::Init, ValidateState::Init);
        late.report_deadline = NOW - 1;
        let next =
            decide(&wu(), &[late, res(1, ServerState::Unsent, Outcome::Init, ValidateState::Init)], NOW);
        assert_eq!(next.timed_out, [1]);
        assert_eq!(next.results[0].outcome, Outcome::NoReply.code());
        assert_eq!(next.new_results, [2]);
    }

    #[test]
    fn inconclusive_results_get_another_when_the_target_was_raised() {
        let wu = Wu { target_nresults: 3, ..wu() };
        let unsure = |n| over(n, Outcome::Success, ValidateState::Inconclusive);
        let next = decide(&wu, &[unsure(0), unsure(1)], NOW);
        assert_eq!(next.new_results, [2]);
        assert_eq!(next.wu.need_validate, 0);
    }

    #[test]
    fn too_many_errors_end_the_workunit() {
        let failed = |n| over(n, Outcome::ClientError, ValidateState::Invalid);
        let results = [
            failed(0),
            failed(1),
            failed(2),
            res(3, ServerState::Unsent, Outcome::Init, ValidateState::Init),
            over(4, Outcome::Success, ValidateState::Init),
        ];
        let next = decide(&wu(), &results, NOW);
        assert_eq!(next.wu.error_mask, ErrorMask::TOO_MANY_ERRORS);
        assert_eq!(next.wu.assimilate_state, AssimilateState::Ready.code());
        assert_eq!(next.results[3].outcome, Outcome::DidntNeed.code());
        assert_eq!(next.results[4].validate_state, ValidateState::NoCheck.code());
        assert_eq!(next.wu.transition_time, NEVER);
        assert!(next.new_results.is_empty());
    }

    #[test]
    fn an_abort_by_the_volunteer_is_no_error() {
        let mut aborted = over(0, Outcome::ClientError, ValidateState::Invalid);
        aborted.exit_status = EXIT_ABORTED_VIA_GUI;
        let wu = Wu { max_error_results: 0, ..wu() };
        assert_eq!(decide(&wu, &[aborted], NOW).wu.error_mask, 0);
    }

    #[test]
    fn the_last_allowed_result_that_fails_is_too_many() {
        let wu = Wu { max_total_results: 2, max_error_results: 9, ..wu() };
        let failed = |n| over(n, Outcome::ClientError, ValidateState::Invalid);
        assert_eq!(decide(&wu, &[failed(0), failed(1)], NOW).wu.error_mask, ErrorMask::TOO_MANY_TOTAL);
    }

    #[test]
    fn files_go_after_assimilation() {
        let wu = Wu { canonical_resultid: 1, assimilate_state: AssimilateState::Done.code(), ..wu() };
        let valid = |n| over(n, Outcome::Success, ValidateState::Valid);
        let next = decide(&wu, &[valid(0), valid(1)], NOW);
        assert_eq!(next.wu.file_delete_state, FileDeleteState::Ready.code());
        assert!(next.results.iter().all(|r| r.file_delete_state == FileDeleteState::Ready.code()));
        // While one may still come back, the canonical result's file stays for comparison.
        let running = res(2, ServerState::InProgress, Outcome::Init, ValidateState::Init);
        let next = decide(&wu, &[valid(0), valid(1), running], NOW);
        assert_eq!(next.wu.file_delete_state, FileDeleteState::Init.code());
        let states: Vec<i32> = next.results.iter().map(|r| r.file_delete_state).collect();
        assert_eq!(states, [0, 1, 0]);
        assert_eq!(next.wu.transition_time, NOW + 100);
    }

    #[test]
    fn a_late_success_is_checked_against_the_canonical_result() {
        let wu = Wu { canonical_resultid: 1, ..wu() };
        let valid = |n| over(n, Outcome::Success, ValidateState::Valid);
        let late = over(2, Outcome::Success, ValidateState::Init);
        assert_eq!(decide(&wu, &[valid(0), valid(1), late.clone()], NOW).wu.need_validate, 1);
        let mut gone = valid(0);
        gone.file_delete_state = FileDeleteState::Done.code();
        let next = decide(&wu, &[gone, valid(1), late], NOW);
        assert_eq!(next.wu.need_validate, 0);
        assert_eq!(next.results[2].validate_state, ValidateState::TooLate.code());
    }
}
