//! What the validator decided, and why: kept with the verdict, read by `cobblestone explain`.
//!
//! Invariant: [`Tx::keep_judgements`] runs in the transaction that writes the verdicts, so a verdict is kept exactly
//! once. Judgements of a workunit are counted while its row is locked. db_purge does not touch these tables.

use std::collections::{BTreeMap, BTreeSet};

use boinc::id::{AppId, HostId, ResultId, UserId, WorkunitId};
use boinc::record::Workunit;
use boinc::verdict::{Difference, KeptFile, KeptJudgement, KeptVerdict};
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use diesel_async::RunQueryDsl;

use crate::bulk::{self, Cell, Kind, float};
use crate::error::{Error, Result};
use crate::schema::ours::{cobblestone_judgement as j, cobblestone_spec as s, cobblestone_verdict as v};
use crate::text::{cut, list};
use crate::transaction::{Conn, Tx};

/// What "the same" meant.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptSpec {
    /// Its number.
    pub id: i32,
    /// SHA-256 of the text, lower-case hexadecimal.
    pub digest: String,
    #[allow(missing_docs)]
    pub text: String,
    /// When it was in force first, Unix seconds.
    pub time: f64,
}

fn json<T: serde::Serialize>(value: &T) -> Result<Cell<'static>> {
    serde_json::to_string(value).map(Cell::from).map_err(|error| Error::Other(error.to_string()))
}

fn unreadable(what: &str, workunit: i32) -> impl Fn(serde_json::Error) -> Error {
    move |error| Error::Other(format!("cobblestone_judgement {workunit}: {what} can't be read: {error}"))
}

impl Tx {
    /// The number of a spec of an application; kept when it is new.
    pub async fn register_spec(&mut self, app: AppId, digest: &str, text: &str, now: f64) -> Result<i32> {
        let find = s::table.filter(s::appid.eq(app.0)).filter(s::digest.eq(digest)).select(s::id);
        if let Some(id) = find.first::<i32>(&mut self.db).await.optional()? {
            return Ok(id);
        }
        let row = (s::appid.eq(app.0), s::digest.eq(digest), s::text.eq(text), s::time.eq(now));
        // Another instance may be as quick.
        diesel::insert_or_ignore_into(s::table).values(row).execute(&mut self.db).await?;
        Ok(find.first::<i32>(&mut self.db).await?)
    }

    /// Keeps judgements, in two statements. Their numbers are given here: one more than the workunit has; its row is
    /// locked by this transaction.
    pub async fn keep_judgements(&mut self, judgements: &[KeptJudgement]) -> Result<()> {
        if judgements.is_empty() {
            return Ok(());
        }
        let known = self.judgement_counts(judgements).await?;
        let number = |judgement: &KeptJudgement| known.get(&judgement.workunit.0).map_or(1, |n| n + 1);
        let mut rows = Vec::with_capacity(judgements.len());
        for kept in judgements {
            rows.push(vec![
                kept.workunit.0.into(),
                number(kept).into(),
                float(kept.time),
                kept.app.0.into(),
                cut(&kept.name, 254).into(),
                cut(&kept.outcome, 20).into(),
                kept.canonical.0.into(),
                kept.min_quorum.into(),
                cut(&kept.credit_mode, 16).into(),
                kept.spec.into(),
                kept.rule_version.into(),
                json(&kept.matrix)?,
                json(&kept.files)?,
                json(&kept.notes)?,
            ]);
        }
        bulk::insert(self, "cobblestone_judgement", &JUDGEMENT, &rows).await?;
        let verdicts: Vec<Vec<Cell<'_>>> = judgements
            .iter()
            .flat_map(|kept| kept.verdicts.iter().map(move |verdict| row(kept, number(kept), verdict)))
            .collect();
        bulk::insert(self, "cobblestone_verdict", &VERDICT, &verdicts).await
    }

    async fn judgement_counts(&mut self, judgements: &[KeptJudgement]) -> Result<BTreeMap<i32, i32>> {
        let rows = j::table
            .filter(j::workunitid.eq_any(judgements.iter().map(|kept| kept.workunit.0)))
            .select((j::workunitid, j::n))
            .load::<(i32, i32)>(&mut self.db)
            .await?;
        let mut last: BTreeMap<i32, i32> = BTreeMap::new();
        for (workunit, n) in rows {
            let known = last.entry(workunit).or_insert(n);
            *known = n.max(*known);
        }
        Ok(last)
    }

    /// Deletes judgements that are older than `before`, of at most `limit` workunits beyond `after`. The last workunit
    /// looked at, and how many judgements were deleted; None when there are no more. Those of workunits whose outputs are
    /// needed still stay: the assimilator and late results ask for the digests.
    pub async fn purge_judgements(
        &mut self,
        before: f64,
        after: i32,
        limit: i64,
    ) -> Result<Option<(i32, usize)>> {
        let mut ids = j::table
            .filter(j::workunitid.gt(after))
            .select(j::workunitid)
            .distinct()
            .order(j::workunitid)
            .limit(limit)
            .load::<i32>(&mut self.db)
            .await?;
        let Some(last) = ids.last().copied() else { return Ok(None) };
        let needed = self.outputs_needed(&ids).await?;
        ids.retain(|id| !needed.contains(id));
        let verdicts = v::table.filter(v::workunitid.eq_any(ids.clone())).filter(v::time.lt(before));
        diesel::delete(verdicts).execute(&mut self.db).await?;
        let judgements = j::table.filter(j::workunitid.eq_any(ids)).filter(j::time.lt(before));
        Ok(Some((last, diesel::delete(judgements).execute(&mut self.db).await?)))
    }

    /// Which of those workunits are not assimilated, or have files.
    async fn outputs_needed(&mut self, workunits: &[i32]) -> Result<BTreeSet<i32>> {
        #[derive(QueryableByName)]
        struct Id {
            #[diesel(sql_type = diesel::sql_types::Integer)]
            id: i32,
        }
        if workunits.is_empty() {
            return Ok(BTreeSet::new());
        }
        let list: Vec<String> = workunits.iter().map(ToString::to_string).collect();
        let sql = format!("SELECT w.id FROM workunit w WHERE w.id IN ({}) AND {NEEDED}", list.join(", "));
        let rows: Vec<Id> = diesel::sql_query(sql).load(&mut self.db).await?;
        Ok(rows.into_iter().map(|row| row.id).collect())
    }
}

/// A workunit whose outputs are needed still: ASSIMILATE_DONE and FILE_DELETE_DONE are 2, FILE_DELETE_ERROR is 3.
const NEEDED: &str = "(w.assimilate_state <> 2 OR w.file_delete_state < 2)";

const JUDGEMENT: [(&str, Kind); 14] = [
    ("workunitid", Kind::Int),
    ("n", Kind::Int),
    ("time", Kind::Double),
    ("appid", Kind::Int),
    ("name", Kind::Text(254)),
    ("outcome", Kind::Text(20)),
    ("canonical", Kind::Int),
    ("min_quorum", Kind::Int),
    ("credit_mode", Kind::Text(16)),
    ("specid", Kind::Int),
    ("rule_version", Kind::Int),
    ("matrix", Kind::Long),
    ("files", Kind::Long),
    ("notes", Kind::Long),
];

/// Most characters of a place.
const PLACE: usize = 2000;

const VERDICT: [(&str, Kind); 16] = [
    ("workunitid", Kind::Int),
    ("n", Kind::Int),
    ("resultid", Kind::Int),
    ("name", Kind::Text(254)),
    ("hostid", Kind::Int),
    ("userid", Kind::Int),
    ("time", Kind::Double),
    ("decision", Kind::Text(16)),
    ("reason", Kind::Text(255)),
    ("partner", Kind::Int),
    ("deviation", Kind::MaybeDouble),
    ("place", Kind::Text(PLACE)),
    ("value", Kind::Text(255)),
    ("partner_value", Kind::Text(255)),
    ("formula", Kind::Text(255)),
    ("credit", Kind::Double),
];

fn row<'a>(kept: &KeptJudgement, n: i32, verdict: &'a KeptVerdict) -> Vec<Cell<'a>> {
    let difference = &verdict.difference;
    vec![
        kept.workunit.0.into(),
        n.into(),
        verdict.result.0.into(),
        cut(&verdict.name, 254).into(),
        verdict.host.0.into(),
        verdict.user.0.into(),
        float(kept.time),
        verdict.decision.as_str().into(),
        cut(&verdict.reason, 255).into(),
        difference.partner.0.into(),
        difference.deviation.map_or(Cell::Null, float),
        cut(&difference.place, PLACE).into(),
        cut(&difference.value, 255).into(),
        cut(&difference.partner_value, 255).into(),
        cut(&verdict.formula, 255).into(),
        float(verdict.credit),
    ]
}

impl Conn {
    /// The compared files of canonical results, as they were when they were compared; where nothing is kept, a
    /// workunit is left out.
    pub async fn canonical_files(
        &mut self,
        workunits: &[WorkunitId],
    ) -> Result<Vec<(WorkunitId, ResultId, Vec<KeptFile>)>> {
        if workunits.is_empty() {
            return Ok(Vec::new());
        }
        let rows = j::table
            .filter(j::workunitid.eq_any(workunits.iter().map(|id| id.0)))
            .filter(j::outcome.eq("canonical"))
            .order((j::workunitid, j::n))
            .select((j::workunitid, j::canonical, j::files))
            .load::<(i32, i32, String)>(&mut self.db)
            .await?;
        let mut last = BTreeMap::new();
        for (workunit, canonical, files) in rows {
            let files: Vec<KeptFile> = serde_json::from_str(&files).map_err(unreadable("files", workunit))?;
            last.insert(workunit, (canonical, files));
        }
        Ok(last
            .into_iter()
            .filter(|(_, (_, files))| !files.is_empty())
            .map(|(workunit, (canonical, files))| (WorkunitId(workunit), ResultId(canonical), files))
            .collect())
    }

    /// Results of those workunits that were decided on when there was a canonical result already.
    pub async fn late_results(&mut self, workunits: &[WorkunitId]) -> Result<BTreeSet<ResultId>> {
        if workunits.is_empty() {
            return Ok(BTreeSet::new());
        }
        let ids = || workunits.iter().map(|id| id.0);
        let looks: BTreeSet<(i32, i32)> = j::table
            .filter(j::workunitid.eq_any(ids()))
            .filter(j::outcome.eq("late"))
            .select((j::workunitid, j::n))
            .load::<(i32, i32)>(&mut self.db)
            .await?
            .into_iter()
            .collect();
        if looks.is_empty() {
            return Ok(BTreeSet::new());
        }
        let verdicts = v::table
            .filter(v::workunitid.eq_any(looks.iter().map(|(workunit, _)| *workunit)))
            .select((v::workunitid, v::n, v::resultid))
            .load::<(i32, i32, i32)>(&mut self.db)
            .await?;
        let late = verdicts.into_iter().filter(|(workunit, n, _)| looks.contains(&(*workunit, *n)));
        Ok(late.map(|(.., result)| ResultId(result)).collect())
    }

    /// Which of those results have files that BOINC deletes or has deleted. An IN list: some hundred at most.
    pub async fn files_deleted(&mut self, results: &[ResultId]) -> Result<BTreeSet<ResultId>> {
        #[derive(QueryableByName)]
        struct Id {
            #[diesel(sql_type = diesel::sql_types::Integer)]
            id: i32,
        }
        if results.is_empty() {
            return Ok(BTreeSet::new());
        }
        let sql = format!("SELECT id FROM result WHERE file_delete_state <> 0 AND id IN ({})", list(results));
        let rows: Vec<Id> = diesel::sql_query(sql).load(&mut self.db).await?;
        Ok(rows.into_iter().map(|row| ResultId(row.id)).collect())
    }

    /// How often those workunits were looked at in vain, because something could not be read or compared then.
    pub async fn looks_in_vain(&mut self, workunits: &[WorkunitId]) -> Result<BTreeMap<WorkunitId, u32>> {
        let mut looks = BTreeMap::new();
        if workunits.is_empty() {
            return Ok(looks);
        }
        let rows = j::table
            .filter(j::workunitid.eq_any(workunits.iter().map(|id| id.0)))
            .filter(j::outcome.eq("later"))
            .select(j::workunitid)
            .load::<i32>(&mut self.db)
            .await?;
        for id in rows {
            *looks.entry(WorkunitId(id)).or_default() += 1;
        }
        Ok(looks)
    }

    /// All judgements of a workunit, in the order of time.
    pub async fn judgements(&mut self, workunit: WorkunitId) -> Result<Vec<KeptJudgement>> {
        let rows = j::table
            .filter(j::workunitid.eq(workunit.0))
            .order(j::n)
            .load::<JudgementRow>(&mut self.db)
            .await?;
        let verdicts = v::table
            .filter(v::workunitid.eq(workunit.0))
            .order((v::n, v::resultid))
            .load::<VerdictRow>(&mut self.db)
            .await?;
        let mut kept: BTreeMap<i32, Vec<KeptVerdict>> = BTreeMap::new();
        for row in verdicts {
            let n = row.n;
            kept.entry(n).or_default().push(row.decode()?);
        }
        rows.into_iter()
            .map(|row| {
                let verdicts = kept.remove(&row.n).unwrap_or_default();
                row.decode(verdicts)
            })
            .collect()
    }

    /// The workunit that a verdict on this result belongs to.
    pub async fn workunit_of_verdict(&mut self, result: ResultId) -> Result<Option<WorkunitId>> {
        let found = v::table
            .filter(v::resultid.eq(result.0))
            .select(v::workunitid)
            .first::<i32>(&mut self.db)
            .await
            .optional()?;
        Ok(found.map(WorkunitId))
    }

    /// The workunit of exactly that name that was judged.
    pub async fn judged_workunit(&mut self, name: &str) -> Result<Option<WorkunitId>> {
        let found = j::table
            .filter(j::name.eq(name))
            .select((j::workunitid, j::name))
            .load::<(i32, String)>(&mut self.db)
            .await?;
        // The database compares names without case.
        Ok(found.into_iter().find(|(_, found)| found == name).map(|(id, _)| WorkunitId(id)))
    }

    /// The result of exactly that name with a verdict, among those of a workunit.
    pub async fn judged_result(&mut self, workunit: WorkunitId, name: &str) -> Result<Option<ResultId>> {
        let found = v::table
            .filter(v::workunitid.eq(workunit.0))
            .select((v::resultid, v::name))
            .load::<(i32, String)>(&mut self.db)
            .await?;
        Ok(found.into_iter().find(|(_, found)| found == name).map(|(id, _)| ResultId(id)))
    }

    /// Workunits of an application with ids below `below`, the highest first; those that make no sense are left out.
    pub async fn workunits_below(
        &mut self,
        app: AppId,
        below: WorkunitId,
        limit: i64,
    ) -> Result<(Vec<Workunit>, Option<WorkunitId>)> {
        use crate::schema::boinc::workunit as t;
        let rows: Vec<crate::rows::Workunit> = t::table
            .filter(t::appid.eq(app.0))
            .filter(t::id.lt(below.0))
            .order(t::id.desc())
            .limit(limit)
            .select(crate::rows::Workunit::as_select())
            .load(&mut self.db)
            .await?;
        let loaded = crate::error::Loaded::sort(rows.into_iter().map(Workunit::try_from));
        let bad = loaded.bad.iter().filter_map(|bad| i32::try_from(bad.id).ok()).map(WorkunitId);
        let last = loaded.rows.iter().map(|row| row.id).chain(bad).min();
        Ok((loaded.rows, last))
    }

    /// A workunit's row, if it is there and makes sense.
    pub async fn workunit_row(&mut self, id: WorkunitId) -> Result<Option<Workunit>> {
        use crate::schema::boinc::workunit as t;
        let row = t::table
            .filter(t::id.eq(id.0))
            .select(crate::rows::Workunit::as_select())
            .first(&mut self.db)
            .await
            .optional()?;
        Ok(row.and_then(|row| Workunit::try_from(row).ok()))
    }

    /// The id of the workunit of exactly that name, if its row is there.
    pub async fn workunit_named(&mut self, name: &str) -> Result<Option<WorkunitId>> {
        use crate::schema::boinc::workunit as t;
        let found: Option<(i32, String)> = t::table
            .filter(t::name.eq(name))
            .select((t::id, t::name))
            .first(&mut self.db)
            .await
            .optional()?;
        Ok(found.filter(|(_, found)| found == name).map(|(id, _)| WorkunitId(id)))
    }

    /// A spec by its number.
    pub async fn spec(&mut self, id: i32) -> Result<Option<KeptSpec>> {
        let found = s::table
            .filter(s::id.eq(id))
            .select((s::id, s::digest, s::text, s::time))
            .first::<(i32, String, String, f64)>(&mut self.db)
            .await
            .optional()?;
        Ok(found.map(|(id, digest, text, time)| KeptSpec { id, digest, text, time }))
    }

    /// How many judgements are kept, and how many of them [`Tx::purge_judgements`] would delete.
    pub async fn judgements_kept(&mut self, before: f64) -> Result<(i64, i64)> {
        #[derive(QueryableByName)]
        struct Count {
            #[diesel(sql_type = BigInt)]
            kept: i64,
            #[diesel(sql_type = BigInt)]
            old: i64,
        }
        let count: Count = diesel::sql_query(format!(
            "SELECT COUNT(*) AS kept, CAST(COALESCE(SUM(j.time < ? AND (w.id IS NULL OR NOT {NEEDED})), 0) AS SIGNED) AS old \
             FROM cobblestone_judgement j LEFT JOIN workunit w ON w.id = j.workunitid"
        ))
        .bind::<diesel::sql_types::Double, _>(before)
        .get_result(&mut self.db)
        .await?;
        Ok((count.kept, count.old))
    }
}

#[derive(Queryable)]
struct JudgementRow {
    workunitid: i32,
    n: i32,
    time: f64,
    appid: i32,
    name: String,
    outcome: String,
    canonical: i32,
    min_quorum: i32,
    credit_mode: String,
    specid: i32,
    rule_version: i32,
    matrix: String,
    files: String,
    notes: String,
}

impl JudgementRow {
    fn decode(self, verdicts: Vec<KeptVerdict>) -> Result<KeptJudgement> {
        let id = self.workunitid;
        Ok(KeptJudgement {
            workunit: WorkunitId(id),
            n: self.n,
            time: self.time,
            app: AppId(self.appid),
            name: self.name,
            outcome: self.outcome,
            canonical: ResultId(self.canonical),
            min_quorum: self.min_quorum,
            credit_mode: self.credit_mode,
            spec: self.specid,
            rule_version: u32::try_from(self.rule_version).unwrap_or(0),
            matrix: serde_json::from_str(&self.matrix).map_err(unreadable("matrix", id))?,
            files: serde_json::from_str(&self.files).map_err(unreadable("files", id))?,
            notes: serde_json::from_str(&self.notes).map_err(unreadable("notes", id))?,
            verdicts,
        })
    }
}

#[derive(Queryable)]
struct VerdictRow {
    _workunitid: i32,
    n: i32,
    resultid: i32,
    name: String,
    hostid: i32,
    userid: i32,
    _time: f64,
    decision: String,
    reason: String,
    partner: i32,
    deviation: Option<f64>,
    place: String,
    value: String,
    partner_value: String,
    formula: String,
    credit: f64,
}

impl VerdictRow {
    fn decode(self) -> Result<KeptVerdict> {
        let decision = self.decision.parse().map_err(|error| {
            Error::Other(format!("cobblestone_verdict of result {}: {error}", self.resultid))
        })?;
        Ok(KeptVerdict {
            result: ResultId(self.resultid),
            name: self.name,
            host: HostId(self.hostid),
            user: UserId(self.userid),
            decision,
            reason: self.reason,
            difference: Difference {
                partner: ResultId(self.partner),
                deviation: self.deviation,
                place: self.place,
                value: self.value,
                partner_value: self.partner_value,
            },
            formula: self.formula,
            credit: self.credit,
        })
    }
}
