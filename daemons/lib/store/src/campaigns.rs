//! Campaigns: which there are, what is known of them, and their states.
//!
//! Invariant: whatever moves a campaign on holds the lock of its row ([`Tx::lock_campaign`]). So a cursor, the counts
//! beside it and the rows that they count change in one transaction, and a campaign that was paused or cancelled makes
//! nothing from that moment on. Killed at any point, all of it is as before the transaction, or as after it.
//!
//! | module | what it holds |
//! |---|---|
//! | `cursors` | where a campaign stands in its files of rows |
//! | `made_of` | what its jobs are made of |
//! | `seeds` | the seeds that its jobs have |
//! | `retries` | jobs that are to be tried again |

mod cursors;
mod made_of;
mod retries;
mod seeds;

use boinc::id::AppId;
use diesel::prelude::*;
use diesel::sql_types::{Double, Integer, Text};
use diesel_async::RunQueryDsl;

pub use self::cursors::{FileCursor, FileMove};
pub use self::made_of::MADE_OF;
pub use self::retries::Retry;
pub use self::seeds::{Reserved, SeedRange};
use crate::error::{Error, Result};
use crate::schema::ours::cobblestone_campaign as c;
use crate::transaction::{Conn, Tx};

/// `cobblestone_campaign.state`
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Jobs are made.
    Active,
    /// None is made until it is resumed.
    Paused,
    /// None is made any more, and what was not done is cancelled.
    Cancelled,
    /// All its jobs are made.
    Complete,
}

impl State {
    /// As it stands in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Cancelled => "cancelled",
            Self::Complete => "complete",
        }
    }

    fn parse(text: &str) -> Result<Self> {
        [Self::Active, Self::Paused, Self::Cancelled, Self::Complete]
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| {
                Error::Other(format!("cobblestone_campaign.state \"{text}\" is none that this program knows"))
            })
    }
}

/// A row of `cobblestone_campaign`.
#[derive(Debug, Clone, PartialEq)]
pub struct Campaign {
    /// `cobblestone_campaign.id`
    pub id: i32,
    /// The application that its workunits are of.
    pub app: AppId,
    /// Unique in its application.
    pub name: String,
    /// Number of the next job; the first is 0. Rows that were passed over took a number, too.
    pub next_job: i64,
    /// When its row was made, Unix seconds.
    pub time: f64,
    /// Whether jobs are made of it.
    pub state: State,
    /// Where its jobs come from.
    pub source: String,
    /// Jobs that it will have, if that is known.
    pub jobs: Option<i64>,
    /// Jobs that were made.
    pub made: i64,
    /// Rows that could not be made.
    pub set_aside: i64,
    /// Rows that were made before, so they were passed over.
    pub repeated: i64,
    /// Workunits that were made again for failed jobs.
    pub retried: i64,
    /// Why it is paused.
    pub note: String,
    /// When its state changed last, Unix seconds; 0 = never.
    pub changed: f64,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = c)]
struct CampaignRow {
    id: i32,
    appid: i32,
    name: String,
    next_job: i64,
    time: f64,
    state: String,
    source: String,
    jobs: Option<i64>,
    made: i64,
    set_aside: i64,
    repeated: i64,
    retried: i64,
    note: String,
    changed: f64,
}

impl CampaignRow {
    fn read(self) -> Result<Campaign> {
        Ok(Campaign {
            id: self.id,
            app: AppId(self.appid),
            name: self.name,
            next_job: self.next_job,
            time: self.time,
            state: State::parse(&self.state)?,
            source: self.source,
            jobs: self.jobs,
            made: self.made,
            set_aside: self.set_aside,
            repeated: self.repeated,
            retried: self.retried,
            note: self.note,
            changed: self.changed,
        })
    }
}

impl Conn {
    /// All campaigns of an application, by name; of all of them without one.
    pub async fn campaigns(&mut self, app: Option<AppId>) -> Result<Vec<Campaign>> {
        let mut query = c::table.order(c::name).select(CampaignRow::as_select()).into_boxed();
        if let Some(app) = app {
            query = query.filter(c::appid.eq(app.0));
        }
        query.load(&mut self.db).await?.into_iter().map(CampaignRow::read).collect()
    }

    /// A campaign; `None` before it was seen first.
    pub async fn campaign(&mut self, app: AppId, name: &str) -> Result<Option<Campaign>> {
        c::table
            .filter(c::appid.eq(app.0))
            .filter(c::name.eq(name))
            .select(CampaignRow::as_select())
            .first(&mut self.db)
            .await
            .optional()?
            .map(CampaignRow::read)
            .transpose()
    }

    /// Which of these identities a campaign has jobs of.
    pub async fn known_identities(
        &mut self,
        campaign: i32,
        identities: &[[u8; 16]],
    ) -> Result<Vec<[u8; 16]>> {
        use crate::schema::ours::cobblestone_job as j;
        let mut known = Vec::new();
        for chunk in identities.chunks(1000) {
            let rows = j::table
                .filter(j::campaignid.eq(campaign))
                .filter(j::identity.eq_any(chunk.iter().map(|identity| identity.to_vec())))
                .select(j::identity)
                .load::<Option<Vec<u8>>>(&mut self.db)
                .await?;
            known.extend(rows.into_iter().flatten().filter_map(|bytes| <[u8; 16]>::try_from(bytes).ok()));
        }
        Ok(known)
    }
}

impl Tx {
    /// Locks a campaign; makes it when it is new.
    pub async fn lock_campaign(&mut self, app: AppId, name: &str, now: f64) -> Result<Campaign> {
        diesel::sql_query(
            "INSERT IGNORE INTO cobblestone_campaign (appid, name, next_job, time) VALUES (?, ?, 0, ?)",
        )
        .bind::<Integer, _>(app.0)
        .bind::<Text, _>(name)
        .bind::<Double, _>(now)
        .execute(&mut self.db)
        .await?;
        let row = c::table
            .filter(c::appid.eq(app.0))
            .filter(c::name.eq(name))
            .select(CampaignRow::as_select())
            .for_update()
            .first(&mut self.db)
            .await?;
        row.read()
    }

    /// Notes what the description of a locked campaign says of it.
    pub async fn describe_campaign(&mut self, campaign: i32, source: &str, jobs: Option<i64>) -> Result<()> {
        diesel::update(c::table.filter(c::id.eq(campaign)))
            .set((c::source.eq(source), c::jobs.eq(jobs)))
            .execute(&mut self.db)
            .await?;
        Ok(())
    }

    /// Changes the state of a locked campaign.
    pub async fn set_campaign_state(
        &mut self,
        campaign: i32,
        state: State,
        note: &str,
        now: f64,
    ) -> Result<()> {
        diesel::update(c::table.filter(c::id.eq(campaign)))
            .set((c::state.eq(state.as_str()), c::note.eq(crate::text::cut(note, 255)), c::changed.eq(now)))
            .execute(&mut self.db)
            .await?;
        Ok(())
    }
}
