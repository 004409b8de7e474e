//! Rows for unit tests of crates that decide on them: all is well with them.

use boinc::id::{AppId, AppVersionId, HostId, ResultId, TeamId, UserId, WorkunitId};
use boinc::record::{ResultRow, Workunit};
use boinc::state::{AssimilateState, Outcome, ServerState, ValidateState};

/// A workunit that waits for the assimilator, with its canonical result; 0 = none.
#[must_use]
pub fn workunit(id: i32, canonical: i32) -> Workunit {
    Workunit {
        id: WorkunitId(id),
        create_time: 1000,
        appid: AppId(1),
        name: format!("wu_{id}"),
        batch: 7,
        rsc_fpops_est: 1e12,
        rsc_fpops_bound: 1e15,
        need_validate: 0,
        canonical_resultid: ResultId(canonical),
        canonical_credit: 12.5,
        transition_time: i32::MAX,
        error_mask: 0,
        assimilate_state: AssimilateState::Ready,
        opaque: 0.0,
        min_quorum: 2,
        target_nresults: 2,
        max_error_results: 3,
        max_total_results: 10,
        max_success_results: 6,
    }
}

/// A valid result of a workunit.
#[must_use]
pub fn result(id: i32, workunit: i32) -> ResultRow {
    ResultRow {
        id: ResultId(id),
        create_time: 1001,
        workunitid: WorkunitId(workunit),
        appid: AppId(1),
        name: format!("wu_{workunit}_{id}"),
        server_state: ServerState::Over,
        outcome: Outcome::Success,
        validate_state: ValidateState::Valid,
        hostid: HostId(id + 100),
        userid: UserId(1),
        teamid: TeamId(0),
        sent_time: 1100,
        report_deadline: 9000,
        received_time: 2000,
        cpu_time: 800.25,
        elapsed_time: 850.5,
        flops_estimate: 4e9,
        claimed_credit: 0.0,
        granted_credit: 12.25,
        opaque: 0.0,
        exit_status: 0,
        app_version_id: AppVersionId(3),
        runtime_outlier: false,
        random: 0,
    }
}
