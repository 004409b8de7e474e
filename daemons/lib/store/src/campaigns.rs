//! Campaigns: their states, where they stand in their files of rows, their seeds, and jobs to be tried again.
//!
//! Invariant: whatever moves a campaign on holds the lock of its row. So a cursor, the counts beside it and the rows that
//! they count change in one transaction, and a campaign that was paused or cancelled makes nothing from that moment on.
//! Seeds are given out under the lock of the application's row "0": no two campaigns get the same.

use boinc::id::AppId;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Blob, Double, Integer, Nullable, Text};
use diesel_async::RunQueryDsl;

use crate::error::{Error, Result};
use crate::schema::ours::{
    cobblestone_campaign as c, cobblestone_campaign_file as f, cobblestone_retry as again,
    cobblestone_seed_range as s,
};
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
    #[allow(missing_docs)]
    pub id: i32,
    #[allow(missing_docs)]
    pub app: AppId,
    /// Unique in its application.
    pub name: String,
    /// Number of the next job; the first is 0. Rows that were passed over took a number, too.
    pub next_job: i64,
    /// When its row was made, Unix seconds.
    pub time: f64,
    #[allow(missing_docs)]
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

fn campaign(row: CampaignRow) -> Result<Campaign> {
    let state = State::parse(&row.state)?;
    let CampaignRow {
        id,
        appid,
        name,
        next_job,
        time,
        source,
        jobs,
        made,
        set_aside,
        repeated,
        retried,
        note,
        changed,
        ..
    } = row;
    let app = AppId(appid);
    Ok(Campaign {
        id,
        app,
        name,
        next_job,
        time,
        state,
        source,
        jobs,
        made,
        set_aside,
        repeated,
        retried,
        note,
        changed,
    })
}

/// Where a campaign stands in one of its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileCursor {
    #[allow(missing_docs)]
    pub id: i32,
    /// Its name, without its folder.
    pub name: String,
    /// Where the next row begins.
    pub place: i64,
    /// Rows that were read.
    pub rows_read: i64,
    /// Digest of the bytes before that place, so that a file that was changed is noticed.
    pub tail: String,
    /// Nothing is left in it.
    pub done: bool,
}

/// How the cursor of a file moves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileMove {
    /// Which file.
    pub id: i32,
    /// Where it was read from.
    pub from: i64,
    /// Where the next row begins.
    pub place: i64,
    /// Rows that were read.
    pub rows_read: i64,
    /// As [`FileCursor::tail`].
    pub tail: String,
    /// Nothing is left in it.
    pub done: bool,
}

/// Seeds of consecutive jobs of a campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeedRange {
    /// Number of the first job.
    pub first_job: i64,
    /// Its seed.
    pub first_seed: i64,
    /// How many.
    pub seeds: i64,
}

/// A job that is to be tried again.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct Retry {
    /// Its number in the campaign.
    #[diesel(sql_type = BigInt)]
    pub job: i64,
    /// The workunit that failed; 0 = it was set aside and never made.
    #[diesel(sql_type = Integer)]
    pub workunit: i32,
    /// Attempts before.
    #[diesel(sql_type = Integer)]
    pub retry: i32,
    /// Seed that it had; -1 = none yet.
    #[diesel(sql_type = BigInt)]
    pub seed: i64,
    /// File of its row; 0 = it has none.
    #[diesel(sql_type = Integer)]
    pub file: i32,
    /// Where its row begins.
    #[diesel(sql_type = BigInt)]
    pub place: i64,
    /// Which copy of its row.
    #[diesel(sql_type = Integer)]
    pub copy: i32,
    /// Which row it was; None: its number says it.
    #[diesel(sql_type = Nullable<Blob>)]
    pub identity: Option<Vec<u8>>,
}

/// What a request to seeds came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reserved {
    /// They are the campaign's.
    Range(SeedRange),
    /// This campaign has some of them.
    Taken(String),
}

impl Conn {
    /// All campaigns of an application, by name; of all of them without one.
    pub async fn campaigns(&mut self, app: Option<AppId>) -> Result<Vec<Campaign>> {
        let mut query = c::table.order(c::name).select(CampaignRow::as_select()).into_boxed();
        if let Some(app) = app {
            query = query.filter(c::appid.eq(app.0));
        }
        query.load(&mut self.db).await?.into_iter().map(campaign).collect()
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
            .map(campaign)
            .transpose()
    }

    /// Where a campaign stands in files of these names.
    pub async fn campaign_files(&mut self, campaign: i32, names: &[String]) -> Result<Vec<FileCursor>> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let rows = f::table
            .filter(f::campaignid.eq(campaign))
            .filter(f::name.eq_any(names.iter().cloned()))
            .select((f::id, f::name, f::place, f::rows_read, f::tail, f::state))
            .load::<(i32, String, i64, i64, String, String)>(&mut self.db)
            .await?;
        Ok(rows.into_iter().map(cursor).collect())
    }

    /// Name of a file of a campaign.
    pub async fn campaign_file_name(&mut self, campaign: i32, file: i32) -> Result<Option<String>> {
        Ok(f::table
            .filter(f::campaignid.eq(campaign))
            .filter(f::id.eq(file))
            .select(f::name)
            .first(&mut self.db)
            .await
            .optional()?)
    }

    /// Seeds of a campaign, by job.
    pub async fn seed_ranges(&mut self, app: AppId, campaign: i32) -> Result<Vec<SeedRange>> {
        let rows = s::table
            .filter(s::appid.eq(app.0))
            .filter(s::campaignid.eq(campaign))
            .order(s::first_job)
            .select((s::first_job, s::first_seed, s::seeds))
            .load::<(i64, i64, i64)>(&mut self.db)
            .await?;
        let range = |(first_job, first_seed, seeds)| SeedRange { first_job, first_seed, seeds };
        Ok(rows.into_iter().map(range).collect())
    }

    /// The first seed that no campaign of the application has: a look, it is not reserved.
    pub async fn next_seed(&mut self, app: AppId) -> Result<i64> {
        let next = s::table
            .filter(s::appid.eq(app.0))
            .filter(s::campaignid.eq(0))
            .select(s::first_seed)
            .first::<i64>(&mut self.db)
            .await
            .optional()?;
        Ok(next.unwrap_or(1).max(1))
    }

    /// Jobs of a campaign that are to be tried again, at most so many.
    pub async fn retries(&mut self, campaign: i32, limit: i64) -> Result<Vec<Retry>> {
        Ok(diesel::sql_query(
            "SELECT r.job, r.workunitid AS workunit, COALESCE(j.retry, -1) AS retry, COALESCE(o.seed, -1) AS seed, \
             COALESCE(o.fileid, 0) AS file, COALESCE(o.place, 0) AS place, COALESCE(o.copy, 0) AS copy, o.identity \
             FROM cobblestone_retry r LEFT JOIN cobblestone_job j ON j.workunitid = r.workunitid AND r.workunitid <> 0 \
             LEFT JOIN cobblestone_job o ON o.campaignid = r.campaignid AND o.job = r.job AND o.retry = 0 \
             WHERE r.campaignid = ? ORDER BY r.job LIMIT ?",
        )
        .bind::<Integer, _>(campaign)
        .bind::<BigInt, _>(limit)
        .load(&mut self.db)
        .await?)
    }

    /// Campaigns that have jobs to be tried again.
    pub async fn campaigns_to_retry(&mut self) -> Result<Vec<i32>> {
        Ok(again::table.select(again::campaignid).distinct().load(&mut self.db).await?)
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

fn cursor((id, name, place, rows_read, tail, state): (i32, String, i64, i64, String, String)) -> FileCursor {
    FileCursor { id, name, place, rows_read, tail, done: state == "done" }
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
        campaign(row)
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

    /// Where a locked campaign stands in a file; at its beginning if the file is new.
    pub async fn campaign_file(&mut self, campaign: i32, name: &str, now: f64) -> Result<FileCursor> {
        diesel::sql_query(
            "INSERT IGNORE INTO cobblestone_campaign_file (campaignid, name, place, rows_read, tail, state, time) \
             VALUES (?, ?, 0, 0, '', 'open', ?)",
        )
        .bind::<Integer, _>(campaign)
        .bind::<Text, _>(name)
        .bind::<Double, _>(now)
        .execute(&mut self.db)
        .await?;
        let row = f::table
            .filter(f::campaignid.eq(campaign))
            .filter(f::name.eq(name))
            .select((f::id, f::name, f::place, f::rows_read, f::tail, f::state))
            .first(&mut self.db)
            .await?;
        Ok(cursor(row))
    }

    /// Moves the cursor of a file, of a locked campaign. False: it is not where it was read from.
    pub async fn move_file(&mut self, to: &FileMove, now: f64) -> Result<bool> {
        let changed = diesel::update(f::table.filter(f::id.eq(to.id)).filter(f::place.eq(to.from)))
            .set((
                f::place.eq(to.place),
                f::rows_read.eq(to.rows_read),
                f::tail.eq(&to.tail),
                f::state.eq(if to.done { "done" } else { "open" }),
                f::time.eq(now),
            ))
            .execute(&mut self.db)
            .await?;
        Ok(changed == 1)
    }

    /// Forgets what was set aside of a locked campaign's rows: they are read again, and what is still wrong comes back.
    pub async fn forget_set_aside_rows(&mut self, campaign: i32) -> Result<()> {
        diesel::sql_query(
            "DELETE q FROM cobblestone_campaign_file f STRAIGHT_JOIN cobblestone_quarantine q ON q.daemon = 'work-generator' \
             AND q.kind = 'job' AND q.refid BETWEEN (f.id << 32) AND (f.id << 32) + 4294967295 WHERE f.campaignid = ?",
        )
        .bind::<Integer, _>(campaign)
        .execute(&mut self.db)
        .await?;
        diesel::update(c::table.filter(c::id.eq(campaign)))
            .set(c::set_aside.eq(0))
            .execute(&mut self.db)
            .await?;
        Ok(())
    }

    /// Reads all files of a locked campaign again from their beginning.
    pub async fn rewind_files(&mut self, campaign: i32, now: f64) -> Result<usize> {
        Ok(diesel::update(f::table.filter(f::campaignid.eq(campaign)).filter(f::place.gt(0)))
            .set((f::place.eq(0), f::rows_read.eq(0), f::tail.eq(""), f::state.eq("open"), f::time.eq(now)))
            .execute(&mut self.db)
            .await?)
    }

    /// Reserves seeds for jobs of a locked campaign. `wanted`: the first of them, or the next that nobody has.
    pub async fn reserve_seeds(
        &mut self,
        app: AppId,
        campaign: i32,
        first_job: i64,
        seeds: i64,
        wanted: Option<i64>,
    ) -> Result<Reserved> {
        diesel::sql_query(
            "INSERT IGNORE INTO cobblestone_seed_range (appid, campaignid, first_job, first_seed, seeds) VALUES (?, 0, 0, 1, 0)",
        )
        .bind::<Integer, _>(app.0)
        .execute(&mut self.db)
        .await?;
        let next = s::table
            .filter(s::appid.eq(app.0))
            .filter(s::campaignid.eq(0))
            .select(s::first_seed)
            .for_update()
            .first::<i64>(&mut self.db)
            .await?;
        let first_seed = wanted.unwrap_or(next);
        let end = first_seed
            .checked_add(seeds)
            .ok_or_else(|| Error::Other("there are no more seeds".to_owned()))?;
        #[derive(QueryableByName)]
        struct Name {
            #[diesel(sql_type = Nullable<Text>)]
            name: Option<String>,
        }
        let taken: Option<Name> = diesel::sql_query(
            "SELECT COALESCE((SELECT c.name FROM cobblestone_campaign c WHERE c.id = s.campaignid), '-') AS name \
             FROM cobblestone_seed_range s WHERE s.appid = ? AND s.campaignid <> 0 AND s.first_seed < ? \
             AND s.first_seed + s.seeds > ? LIMIT 1",
        )
        .bind::<Integer, _>(app.0)
        .bind::<BigInt, _>(end)
        .bind::<BigInt, _>(first_seed)
        .get_result(&mut self.db)
        .await
        .optional()?;
        if let Some(taken) = taken {
            return Ok(Reserved::Taken(taken.name.unwrap_or_default()));
        }
        let range = SeedRange { first_job, first_seed, seeds };
        diesel::insert_into(s::table)
            .values((
                s::appid.eq(app.0),
                s::campaignid.eq(campaign),
                s::first_job.eq(first_job),
                s::first_seed.eq(first_seed),
                s::seeds.eq(seeds),
            ))
            .execute(&mut self.db)
            .await?;
        diesel::update(s::table.filter(s::appid.eq(app.0)).filter(s::campaignid.eq(0)))
            .set(s::first_seed.eq(next.max(end)))
            .execute(&mut self.db)
            .await?;
        Ok(Reserved::Range(range))
    }

    /// Wants failed jobs of a locked campaign to be tried again, with job numbers above `after`: the last attempt of each
    /// failed, and was not cancelled. How many, and the number of the last one looked at.
    pub async fn want_retries(
        &mut self,
        campaign: i32,
        after: i64,
        limit: i64,
        now: f64,
    ) -> Result<Vec<i64>> {
        #[derive(QueryableByName)]
        struct Failed {
            #[diesel(sql_type = BigInt)]
            job: i64,
            #[diesel(sql_type = Integer)]
            workunit: i32,
        }
        let failed: Vec<Failed> = diesel::sql_query(
            "SELECT j.job, j.workunitid AS workunit FROM cobblestone_job j FORCE INDEX (job_once) \
             LEFT JOIN workunit w ON w.id = j.workunitid LEFT JOIN cobblestone_assimilated a ON a.workunitid = j.workunitid \
             WHERE j.campaignid = ? AND j.job > ? \
             AND ((w.error_mask <> 0 AND w.error_mask & 16 = 0 AND w.canonical_resultid = 0) OR (w.id IS NULL AND a.dataset = 'failures')) \
             AND NOT EXISTS (SELECT 1 FROM cobblestone_job k WHERE k.campaignid = j.campaignid AND k.job = j.job AND k.retry > j.retry) \
             AND NOT EXISTS (SELECT 1 FROM cobblestone_retry r WHERE r.campaignid = j.campaignid AND r.job = j.job) \
             ORDER BY j.job LIMIT ?",
        )
        .bind::<Integer, _>(campaign)
        .bind::<BigInt, _>(after)
        .bind::<BigInt, _>(limit)
        .load(&mut self.db)
        .await?;
        let rows: Vec<_> = failed
            .iter()
            .map(|failed| {
                (
                    again::campaignid.eq(campaign),
                    again::job.eq(failed.job),
                    again::workunitid.eq(failed.workunit),
                    again::time.eq(now),
                )
            })
            .collect();
        if !rows.is_empty() {
            diesel::insert_into(again::table).values(&rows).execute(&mut self.db).await?;
        }
        Ok(failed.iter().map(|failed| failed.job).collect())
    }

    /// Wants jobs of a locked campaign that were set aside and never made to be tried.
    pub async fn want_set_aside(&mut self, campaign: i32, jobs: &[i64], now: f64) -> Result<usize> {
        let mut wanted = 0;
        for chunk in jobs.chunks(1000) {
            let rows: Vec<_> = chunk
                .iter()
                .map(|job| {
                    (
                        again::campaignid.eq(campaign),
                        again::job.eq(*job),
                        again::workunitid.eq(0),
                        again::time.eq(now),
                    )
                })
                .collect();
            wanted += diesel::insert_or_ignore_into(again::table).values(&rows).execute(&mut self.db).await?;
        }
        Ok(wanted)
    }

    /// Whether all these jobs of a locked campaign are still to be tried again.
    pub async fn all_wanted(&mut self, campaign: i32, jobs: &[i64]) -> Result<bool> {
        let rows = again::table
            .filter(again::campaignid.eq(campaign))
            .filter(again::job.eq_any(jobs.iter().copied()));
        let found: i64 = rows.count().get_result(&mut self.db).await?;
        Ok(usize::try_from(found).is_ok_and(|found| found == jobs.len()))
    }

    /// Forgets that jobs of a locked campaign are to be tried again: they were, or can't be.
    pub async fn forget_retries(&mut self, campaign: i32, jobs: &[i64]) -> Result<()> {
        if !jobs.is_empty() {
            let rows = again::table
                .filter(again::campaignid.eq(campaign))
                .filter(again::job.eq_any(jobs.iter().copied()));
            diesel::delete(rows).execute(&mut self.db).await?;
        }
        Ok(())
    }

    /// The same of all its jobs.
    pub async fn forget_all_retries(&mut self, campaign: i32) -> Result<()> {
        diesel::delete(again::table.filter(again::campaignid.eq(campaign))).execute(&mut self.db).await?;
        Ok(())
    }
}
