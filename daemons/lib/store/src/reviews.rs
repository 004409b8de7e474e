//! Reviews: what people, and the assimilator by itself, say of results.
//!
//! Invariant: rows are only added; the last one of a workunit holds. The assimilator adds its own in the transaction
//! that marks the workunit as assimilated, so there is one at most. Of a row only `written` changes, once, in the
//! transaction that records the file of the dataset which holds it: so each review stands in one file. A number that
//! counts up would not do: a review can be committed after one with a higher number was written.

use boinc::id::{AppId, ResultId, WorkunitId};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::bulk::{self, Cell, Kind, float};
use crate::error::{Error, Result};
use crate::schema::ours::cobblestone_review as r;
use crate::text::cut;
use crate::transaction::{Conn, Tx};

/// `who` of flags that the assimilator sets by itself.
pub const BY_ASSIMILATOR: &str = "assimilator";
/// Most characters of a comment that are kept.
pub const LONGEST_COMMENT: usize = 4000;
/// Most characters of a name that are kept.
const LONGEST_NAME: usize = 128;

/// What is said of a result. The strings are fixed: they stand in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReviewVerdict {
    /// It is good.
    Accepted,
    /// A person should look at it.
    Flagged,
    /// It must not be used.
    Rejected,
    /// The assimilator flagged it, and the cause is gone.
    Cleared,
}

impl ReviewVerdict {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Accepted, Self::Flagged, Self::Rejected, Self::Cleared];

    /// The string in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Flagged => "flagged",
            Self::Rejected => "rejected",
            Self::Cleared => "cleared",
        }
    }
}

impl std::str::FromStr for ReviewVerdict {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|verdict| verdict.as_str() == text).ok_or_else(|| {
            Error::Other(format!("review verdict {text:?} is unknown; was it written by a newer version?"))
        })
    }
}

/// A review to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct NewReview {
    /// When, Unix seconds.
    pub time: f64,
    #[allow(missing_docs)]
    pub app: AppId,
    #[allow(missing_docs)]
    pub workunit: WorkunitId,
    /// The canonical result at that time; 0 = none.
    pub result: ResultId,
    /// Who says so: a person's name, or [`BY_ASSIMILATOR`].
    pub who: String,
    #[allow(missing_docs)]
    pub verdict: ReviewVerdict,
    /// Why, for people.
    pub comment: String,
}

/// A review.
#[derive(Debug, Clone, PartialEq)]
pub struct Review {
    /// Its number.
    pub id: i64,
    #[allow(missing_docs)]
    pub review: NewReview,
}

type Row = (i64, f64, i32, i32, i32, String, String, String);

fn review((id, time, app, workunit, result, who, verdict, comment): Row) -> Result<Review> {
    Ok(Review {
        id,
        review: NewReview {
            time,
            app: AppId(app),
            workunit: WorkunitId(workunit),
            result: ResultId(result),
            who,
            verdict: verdict.parse()?,
            comment,
        },
    })
}

impl Conn {
    /// All reviews of those workunits, the oldest first.
    pub async fn reviews_of(&mut self, workunits: &[WorkunitId]) -> Result<Vec<Review>> {
        if workunits.is_empty() {
            return Ok(Vec::new());
        }
        let rows = r::table
            .filter(r::workunitid.eq_any(workunits.iter().map(|id| id.0)))
            .order(r::id)
            .select((r::id, r::time, r::appid, r::workunitid, r::resultid, r::who, r::verdict, r::comment))
            .load::<Row>(&mut self.db)
            .await?;
        rows.into_iter().map(review).collect()
    }

    /// Reviews of an application that no file of the dataset holds yet, by number, at most `limit`.
    pub async fn unwritten_reviews(&mut self, app: AppId, limit: i64) -> Result<Vec<Review>> {
        let rows = r::table
            .filter(r::appid.eq(app.0))
            .filter(r::written.eq(0))
            .order(r::id)
            .limit(limit)
            .select((r::id, r::time, r::appid, r::workunitid, r::resultid, r::who, r::verdict, r::comment))
            .load::<Row>(&mut self.db)
            .await?;
        rows.into_iter().map(review).collect()
    }
}

impl Tx {
    /// Notes that a file that is recorded in this transaction holds those reviews. False: another file holds some of them
    /// already, and nothing is noted.
    pub async fn mark_reviews_written(&mut self, ids: &[i64]) -> Result<bool> {
        let mut free: Vec<i64> = Vec::with_capacity(ids.len());
        for chunk in ids.chunks(1000) {
            let rows = r::table.filter(r::id.eq_any(chunk.iter().copied())).filter(r::written.eq(0));
            let locked = rows.order(r::id).select(r::id).for_update();
            free.extend(locked.load::<i64>(&mut self.db).await?);
        }
        if free.len() != ids.len() {
            return Ok(false);
        }
        for chunk in free.chunks(1000) {
            diesel::update(r::table.filter(r::id.eq_any(chunk.iter().copied())))
                .set(r::written.eq(1))
                .execute(&mut self.db)
                .await?;
        }
        Ok(true)
    }

    /// Locks the campaigns that those workunits are jobs of: before the workunits themselves.
    pub async fn lock_campaigns_of(&mut self, ids: &[WorkunitId]) -> Result<()> {
        use crate::schema::ours::{cobblestone_campaign as c, cobblestone_job as j};
        let campaigns: Vec<i32> = j::table
            .filter(j::workunitid.eq_any(ids.iter().map(|id| id.0)))
            .select(j::campaignid)
            .distinct()
            .load(&mut self.db)
            .await?;
        let rows = c::table.filter(c::id.eq_any(campaigns)).order(c::id).select(c::id);
        let _: Vec<i32> = rows.for_update().load(&mut self.db).await?;
        Ok(())
    }

    /// Wants the jobs of those workunits to be made once more, as new workunits: the campaigns are locked. How many; not
    /// those of cancelled campaigns, those that were made again since, and those that are wanted already.
    pub async fn want_again(&mut self, ids: &[WorkunitId], now: f64) -> Result<usize> {
        if ids.is_empty() {
            return Ok(0);
        }
        let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
        Ok(diesel::sql_query(format!(
            "INSERT IGNORE INTO cobblestone_retry (campaignid, job, workunitid, time) \
             SELECT j.campaignid, j.job, j.workunitid, ? FROM cobblestone_job j JOIN cobblestone_campaign c \
             ON c.id = j.campaignid AND c.state <> 'cancelled' WHERE j.workunitid IN ({}) AND NOT EXISTS (\
             SELECT 1 FROM cobblestone_job k WHERE k.campaignid = j.campaignid AND k.job = j.job AND k.retry > j.retry)",
            ids.join(",")
        ))
        .bind::<diesel::sql_types::Double, _>(now)
        .execute(&mut self.db)
        .await?)
    }

    /// Adds reviews. Names and comments that are too long are cut.
    pub async fn insert_reviews(&mut self, reviews: &[NewReview]) -> Result<()> {
        let rows: Vec<Vec<Cell<'_>>> = reviews
            .iter()
            .map(|new| {
                vec![
                    float(new.time),
                    new.app.0.into(),
                    new.workunit.0.into(),
                    new.result.0.into(),
                    cut(&new.who, LONGEST_NAME).into(),
                    new.verdict.as_str().into(),
                    cut(&new.comment, LONGEST_COMMENT).into(),
                ]
            })
            .collect();
        let columns = [
            ("time", Kind::Double),
            ("appid", Kind::Int),
            ("workunitid", Kind::Int),
            ("resultid", Kind::Int),
            ("who", Kind::Text(LONGEST_NAME)),
            ("verdict", Kind::Text(16)),
            ("comment", Kind::Long),
        ];
        bulk::insert(self, "cobblestone_review", &columns, &rows).await
    }
}
