//! What is known of a workunit and its results.

use std::collections::BTreeMap;

use boinc::id::{ResultId, WorkunitId};
use boinc::ledger::LedgerKind;
use boinc::record::{ResultRow, Workunit};
use boinc::verdict::KeptJudgement;
use store::Conn;
use store::ledger_view::{By, LedgerRow, Sum, Which};
use store::verdicts::KeptSpec;

use super::What;

/// Rows of the ledger that are shown at most, beside sums of trickles.
const LEDGER_ROWS: i64 = 200;

/// See the module.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) id: WorkunitId,
    /// The result that was asked for.
    pub(super) result: Option<ResultId>,
    /// BOINC's row, if it is still there.
    pub(super) workunit: Option<Workunit>,
    /// BOINC's rows that are still there.
    pub(super) results: Vec<ResultRow>,
    /// The application's short name.
    pub(super) app: Option<String>,
    pub(super) judgements: Vec<KeptJudgement>,
    /// By number.
    pub(super) specs: BTreeMap<i32, KeptSpec>,
    /// What trickles paid, by result.
    pub(super) trickles: BTreeMap<i64, Sum>,
    /// What the validator and persons paid or took.
    pub(super) payments: Vec<LedgerRow>,
}

impl Facts {
    /// Reads them; None when nothing tells of it.
    pub(super) async fn read(conn: &mut Conn, what: What, which: &str) -> store::Result<Option<Self>> {
        let (id, result) = match what {
            What::Workunit => match workunit(conn, which).await? {
                Some(id) => (id, None),
                None => return Ok(None),
            },
            What::Result => match result(conn, which).await? {
                Some((id, result)) => (id, Some(result)),
                None => return Ok(None),
            },
        };
        let workunit = conn.workunit_row(id).await?;
        let results = conn.results_of(&[id]).await?.rows;
        let judgements = conn.judgements(id).await?;
        if workunit.is_none() && judgements.is_empty() && result.is_none() {
            return Ok(None);
        }
        let app = workunit.as_ref().map(|row| row.appid).or(judgements.first().map(|kept| kept.app));
        let apps = conn.apps().await?;
        let app = app.and_then(|id| apps.into_iter().find(|app| app.id == id)).map(|app| app.name);
        let mut specs = BTreeMap::new();
        for kept in &judgements {
            if let Some(spec) = conn.spec(kept.spec).await? {
                specs.insert(kept.spec, spec);
            }
        }
        let of = Which { workunit: Some(id), result, ..Which::default() };
        let mut trickles = BTreeMap::new();
        let uptime = Which { kind: Some(LedgerKind::Uptime), ..of };
        conn.each_ledger_sum(&uptime, By::Result, None, |sum| {
            trickles.insert(sum.key, sum);
            true
        })
        .await?;
        let mut payments = Vec::new();
        for kind in LedgerKind::ALL.into_iter().filter(|kind| *kind != LedgerKind::Uptime) {
            let which = Which { kind: Some(kind), ..of };
            payments.extend(conn.last_ledger_rows(&which, LEDGER_ROWS).await?);
        }
        payments.sort_by_key(|row| row.id);
        Ok(Some(Self { id, result, workunit, results, app, judgements, specs, trickles, payments }))
    }

    /// Its name, as far as anything knows it.
    pub(super) fn name(&self) -> Option<&str> {
        let row = self.workunit.as_ref().map(|row| row.name.as_str());
        row.or(self.judgements.last().map(|kept| kept.name.as_str()))
    }

    /// A result's name, as far as anything knows it.
    pub(super) fn result_name(&self, id: ResultId) -> Option<&str> {
        let row = self.results.iter().find(|row| row.id == id).map(|row| row.name.as_str());
        let kept = self.judgements.iter().flat_map(|kept| &kept.verdicts).find(|kept| kept.result == id);
        row.or(kept.map(|kept| kept.name.as_str()))
    }
}

fn number(which: &str) -> Option<i32> {
    which.parse().ok().filter(|id| *id > 0)
}

async fn workunit(conn: &mut Conn, which: &str) -> store::Result<Option<WorkunitId>> {
    // A workunit may be called 17.
    let named = match conn.workunit_named(which).await? {
        Some(id) => Some(id),
        None => conn.judged_workunit(which).await?,
    };
    Ok(named.or(number(which).map(WorkunitId)))
}

async fn result(conn: &mut Conn, which: &str) -> store::Result<Option<(WorkunitId, ResultId)>> {
    let id = match conn.result_named(which).await? {
        Some(id) => Some(id),
        None => number(which).map(ResultId),
    };
    if let Some(id) = id {
        let live = conn.workunits_of_results(&[id]).await?;
        if let Some((_, workunit)) = live.first() {
            return Ok(Some((*workunit, id)));
        }
        if let Some(workunit) = conn.workunit_of_verdict(id).await? {
            return Ok(Some((workunit, id)));
        }
    }
    // Its row is gone: a result's name is its workunit's, an underline and a number.
    let Some((workunit, _)) = which.rsplit_once('_') else { return Ok(None) };
    let Some(workunit) = conn.judged_workunit(workunit).await? else { return Ok(None) };
    Ok(conn.judged_result(workunit, which).await?.map(|id| (workunit, id)))
}
