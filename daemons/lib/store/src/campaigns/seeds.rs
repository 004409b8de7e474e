//! Seeds of a campaign's jobs.
//!
//! Invariant: no two campaigns of an application get the same seed. They are given out under the lock of the
//! application's row "0" (`campaignid` = 0), which holds the first seed that nobody has, and never come back: killed after
//! the commit, the campaign finds its range again.

use boinc::id::AppId;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Nullable, Text};
use diesel_async::RunQueryDsl;

use crate::error::{Error, Result};
use crate::schema::ours::cobblestone_seed_range as s;
use crate::transaction::{Conn, Tx};

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

/// What a request to seeds came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reserved {
    /// They are the campaign's.
    Range(SeedRange),
    /// This campaign has some of them.
    Taken(String),
}

impl Conn {
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
}

impl Tx {
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
}
