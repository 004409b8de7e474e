//! What can be reviewed, as a person looks at it: workunits with a canonical result, and what was said of them last.
//!
//! Invariant: nothing is written here; [`Tx::lock_reviewed`] locks what a review is about. A workunit that db_purge has
//! removed is known by what is left: its reviews, its judgement, its job.

use std::collections::BTreeMap;

use boinc::id::{AppId, HostId, ResultId, WorkunitId};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Double, Integer, Nullable, Text};
use diesel_async::RunQueryDsl;

use crate::error::Result;
use crate::reviews::ReviewVerdict;
use crate::schema::boinc::workunit as w;
use crate::schema::ours::cobblestone_campaign as c;
use crate::text::list;
use crate::transaction::{Conn, Tx};

/// What was said last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Latest {
    /// This.
    Verdict(ReviewVerdict),
    /// Nothing.
    None,
    /// Anything.
    Any,
}

/// Which workunits. All that is given must hold.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct WhichReviewed {
    #[allow(missing_docs)]
    pub app: Option<AppId>,
    /// Ids of campaigns; empty = any.
    pub campaigns: Vec<i32>,
    /// What was said last; None = whatever it is, and also nothing.
    pub latest: Option<Latest>,
    /// Who said it.
    pub who: Option<String>,
    /// Host of the canonical result, while its row is there.
    pub host: Option<HostId>,
}

/// A workunit that can be reviewed, and what was said of it last. Names and comments are people's texts.
#[derive(Debug, Clone, PartialEq, QueryableByName)]
pub struct Reviewed {
    #[allow(missing_docs)]
    #[diesel(sql_type = Integer)]
    pub workunitid: i32,
    /// None = its row is gone.
    #[diesel(sql_type = Nullable<Text>)]
    pub name: Option<String>,
    /// 0 = nobody knows.
    #[diesel(sql_type = Integer)]
    pub appid: i32,
    /// The canonical result; 0 = none.
    #[diesel(sql_type = Integer)]
    pub resultid: i32,
    /// Its host; None = its row is gone.
    #[diesel(sql_type = Nullable<Integer>)]
    pub hostid: Option<i32>,
    /// Id of its campaign; None = none.
    #[diesel(sql_type = Nullable<Integer>)]
    pub campaignid: Option<i32>,
    #[allow(missing_docs)]
    #[diesel(sql_type = Nullable<Text>)]
    pub campaign: Option<String>,
    /// Its job in the campaign.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub job: Option<i64>,
    /// Number of the last review.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub reviewid: Option<i64>,
    /// When, Unix seconds.
    #[diesel(sql_type = Nullable<Double>)]
    pub time: Option<f64>,
    #[allow(missing_docs)]
    #[diesel(sql_type = Nullable<Text>)]
    pub who: Option<String>,
    #[allow(missing_docs)]
    #[diesel(sql_type = Nullable<Text>)]
    pub verdict: Option<String>,
    #[allow(missing_docs)]
    #[diesel(sql_type = Nullable<Text>)]
    pub comment: Option<String>,
}

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = Integer)]
    id: i32,
}

const ROW: &str = "SELECT x.workunitid, x.name, x.appid, x.resultid, (SELECT h.hostid FROM result h WHERE h.id = x.resultid) AS hostid, \
    x.campaignid, x.campaign, x.job, x.reviewid, x.time, x.who, x.verdict, x.comment FROM (\
    SELECT i.id AS workunitid, CAST(w.name AS CHAR) AS name, \
    CAST(COALESCE(w.appid, l.appid, (SELECT g.appid FROM cobblestone_judgement g WHERE g.workunitid = i.id ORDER BY g.n DESC LIMIT 1), c.appid, 0) AS SIGNED) AS appid, \
    CAST(COALESCE(NULLIF(w.canonical_resultid, 0), l.resultid, (SELECT g.canonical FROM cobblestone_judgement g \
    WHERE g.workunitid = i.id AND g.outcome = 'canonical' ORDER BY g.n DESC LIMIT 1), 0) AS SIGNED) AS resultid, \
    j.campaignid, c.name AS campaign, j.job, l.id AS reviewid, l.time, l.who, CAST(l.verdict AS CHAR) AS verdict, l.comment \
    FROM (IDS) i LEFT JOIN workunit w ON w.id = i.id \
    LEFT JOIN cobblestone_review l ON l.id = (SELECT MAX(m.id) FROM cobblestone_review m WHERE m.workunitid = i.id) \
    LEFT JOIN cobblestone_job j ON j.workunitid = i.id LEFT JOIN cobblestone_campaign c ON c.id = j.campaignid) x";

impl WhichReviewed {
    /// Ids to look at, and the texts to bind.
    fn ids(&self, backwards: bool, limit: i64) -> (String, Vec<String>) {
        let mut texts = Vec::new();
        let in_campaign = |id: &str| {
            if self.campaigns.is_empty() {
                String::new()
            } else {
                format!(
                    " AND EXISTS (SELECT 1 FROM cobblestone_job j WHERE j.workunitid = {id} AND j.campaignid IN ({}))",
                    list(self.campaigns.iter().copied())
                )
            }
        };
        let of_host = |result: &str| {
            self.host.map_or_else(String::new, |host| {
                format!(" AND EXISTS (SELECT 1 FROM result t WHERE t.id = {result} AND t.hostid = {host})")
            })
        };
        let of_app =
            |table: &str| self.app.map_or_else(String::new, |app| format!(" AND {table}.appid = {app}"));
        let order = if backwards { "DESC" } else { "ASC" };
        let step = if backwards { "<" } else { ">" };
        let sql = match self.latest {
            Some(Latest::Verdict(_) | Latest::Any) => {
                let mut and = String::new();
                if let Some(Latest::Verdict(verdict)) = self.latest {
                    and.push_str(&format!(" AND r.verdict = '{}'", verdict.as_str()));
                }
                if let Some(who) = &self.who {
                    and.push_str(" AND r.who = ?");
                    texts.push(who.clone());
                }
                // The latest by their reviews, so that a page of a list is the last that was said.
                let by = if backwards { "r.id" } else { "r.workunitid" };
                format!(
                    "SELECT r.workunitid AS id FROM cobblestone_review r WHERE {by} {step} AFTER AND NOT EXISTS \
                     (SELECT 1 FROM cobblestone_review n WHERE n.workunitid = r.workunitid AND n.id > r.id){and}{}{}{} \
                     ORDER BY {by} {order} LIMIT {limit}",
                    of_app("r"),
                    in_campaign("r.workunitid"),
                    of_host("r.resultid")
                )
            }
            None | Some(Latest::None) => {
                let none = if self.latest.is_some() {
                    " AND NOT EXISTS (SELECT 1 FROM cobblestone_review r WHERE r.workunitid = s.id)"
                } else {
                    ""
                };
                let from = if self.campaigns.is_empty() {
                    format!(
                        "(SELECT w.id FROM workunit w WHERE w.canonical_resultid <> 0{}{}) s",
                        of_app("w"),
                        of_host("w.canonical_resultid")
                    )
                } else {
                    let row = if self.host.is_some() {
                        format!("(w.canonical_resultid <> 0{})", of_host("w.canonical_resultid"))
                    } else {
                        "(w.canonical_resultid <> 0 OR d.dataset = 'results')".to_owned()
                    };
                    format!(
                        "(SELECT j.workunitid AS id FROM cobblestone_job j LEFT JOIN workunit w ON w.id = j.workunitid \
                         LEFT JOIN cobblestone_assimilated d ON d.workunitid = j.workunitid WHERE j.campaignid IN ({}) AND {row}) s",
                        list(self.campaigns.iter().copied())
                    )
                };
                format!(
                    "SELECT s.id FROM {from} WHERE s.id {step} AFTER{none} ORDER BY s.id {order} LIMIT {limit}"
                )
            }
        };
        (sql, texts)
    }
}

impl Conn {
    /// Campaigns of exactly that name, in one application or in all: (id, application).
    pub async fn campaigns_named(&mut self, app: Option<AppId>, name: &str) -> Result<Vec<(i32, AppId)>> {
        let mut query = c::table.filter(c::name.eq(name)).select((c::id, c::appid, c::name)).into_boxed();
        if let Some(app) = app {
            query = query.filter(c::appid.eq(app.0));
        }
        let rows: Vec<(i32, i32, String)> = query.order(c::id).load(&mut self.db).await?;
        Ok(rows
            .into_iter()
            .filter(|(_, _, found)| found == name)
            .map(|(id, app, _)| (id, AppId(app)))
            .collect())
    }

    /// Those workunits, by id; ids of which nothing is known come with application 0.
    pub async fn reviewed(&mut self, ids: &[WorkunitId]) -> Result<Vec<Reviewed>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let each: Vec<String> = ids.iter().map(|id| format!("SELECT {id} AS id")).collect();
        let sql = format!("{} ORDER BY x.workunitid", ROW.replace("IDS", &each.join(" UNION ")));
        Ok(diesel::sql_query(sql).load(&mut self.db).await?)
    }

    /// Ids above `after` of the workunits that are meant, by id, at most `limit`.
    pub async fn reviewed_ids(
        &mut self,
        which: &WhichReviewed,
        after: WorkunitId,
        limit: i64,
    ) -> Result<Vec<WorkunitId>> {
        let (sql, texts) = which.ids(false, limit);
        let mut query = diesel::sql_query(sql.replace("AFTER", &after.to_string())).into_boxed();
        for text in texts {
            query = query.bind::<Text, _>(text);
        }
        let rows: Vec<Id> = query.load(&mut self.db).await?;
        Ok(rows.into_iter().map(|row| WorkunitId(row.id)).collect())
    }

    /// The latest that are meant, latest first, at most `limit`.
    pub async fn latest_reviewed(&mut self, which: &WhichReviewed, limit: i64) -> Result<Vec<Reviewed>> {
        let (ids, texts) = which.ids(true, limit);
        let ids = ids.replace("AFTER", &i64::MAX.to_string());
        let mut query = diesel::sql_query(format!(
            "{} ORDER BY x.reviewid DESC, x.workunitid DESC",
            ROW.replace("IDS", &ids)
        ))
        .into_boxed();
        for text in texts {
            query = query.bind::<Text, _>(text);
        }
        Ok(query.load(&mut self.db).await?)
    }

    /// How many workunits there are by what was said last of them: (verdict, workunits).
    pub async fn count_reviewed(&mut self, campaigns: &[i32]) -> Result<BTreeMap<String, i64>> {
        #[derive(QueryableByName)]
        struct Count {
            #[diesel(sql_type = Text)]
            verdict: String,
            #[diesel(sql_type = BigInt)]
            n: i64,
        }
        if campaigns.is_empty() {
            return Ok(BTreeMap::new());
        }
        let rows: Vec<Count> = diesel::sql_query(format!(
            "SELECT CAST(r.verdict AS CHAR) AS verdict, COUNT(*) AS n FROM cobblestone_job j STRAIGHT_JOIN cobblestone_review r \
             ON r.workunitid = j.workunitid WHERE j.campaignid IN ({}) AND NOT EXISTS (SELECT 1 FROM cobblestone_review n \
             WHERE n.workunitid = r.workunitid AND n.id > r.id) GROUP BY r.verdict",
            list(campaigns.iter().copied())
        ))
        .load(&mut self.db)
        .await?;
        Ok(rows.into_iter().map(|row| (row.verdict, row.n)).collect())
    }

    /// The workunit of a result, also when the result's row is gone and a verdict on it is kept.
    pub async fn workunit_of_result(&mut self, id: ResultId) -> Result<Option<WorkunitId>> {
        use crate::schema::ours::cobblestone_verdict as v;
        if let Some((_, workunit)) = self.workunits_of(&[id]).await?.pop() {
            return Ok(Some(workunit));
        }
        let found: Option<i32> = v::table
            .filter(v::resultid.eq(id.0))
            .select(v::workunitid)
            .first(&mut self.db)
            .await
            .optional()?;
        Ok(found.map(WorkunitId))
    }
}

impl Tx {
    /// Locks the rows of those workunits that are still there, so that two people review one after the other.
    pub async fn lock_reviewed(&mut self, ids: &[WorkunitId]) -> Result<()> {
        if !ids.is_empty() {
            let rows = w::table.filter(w::id.eq_any(ids.iter().map(|id| id.0))).order(w::id);
            let _: Vec<i32> = rows.select(w::id).for_update().load(&mut self.db).await?;
        }
        Ok(())
    }
}
