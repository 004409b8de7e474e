//! What the jobs of a campaign are made of: a fingerprint, kept with the first job.
//!
//! Invariant: it is written and compared under the lock of the campaign, in the transaction that makes its jobs. So no two
//! jobs of a campaign are made of different things, unless a person said so in between ([`Tx::forget_made_of`]); killed
//! anywhere, it is there with the first job, or neither is.

use diesel::prelude::*;
use diesel::sql_types::{Double, Integer, Text};
use diesel_async::RunQueryDsl;

use crate::error::Result;
use crate::schema::ours::cobblestone_campaign_file as f;
use crate::transaction::{Conn, Tx};

/// Its name among the files of the campaign; the fingerprint stands in `tail`. No file of rows has such a name.
pub const MADE_OF: &str = "(made of)";

impl Conn {
    /// What the jobs of a campaign are made of; `None`: nobody knows yet.
    pub async fn made_of(&mut self, campaign: i32) -> Result<Option<String>> {
        Ok(f::table
            .filter(f::campaignid.eq(campaign))
            .filter(f::name.eq(MADE_OF))
            .select(f::tail)
            .first(&mut self.db)
            .await
            .optional()?)
    }
}

impl Tx {
    /// Notes what the jobs of a locked campaign are made of.
    pub async fn note_made_of(&mut self, campaign: i32, fingerprint: &str, now: f64) -> Result<()> {
        diesel::sql_query(
            "INSERT INTO cobblestone_campaign_file (campaignid, name, place, rows_read, tail, state, time) \
             VALUES (?, ?, 0, 0, ?, 'done', ?) ON DUPLICATE KEY UPDATE tail = VALUES(tail), time = VALUES(time)",
        )
        .bind::<Integer, _>(campaign)
        .bind::<Text, _>(MADE_OF)
        .bind::<Text, _>(fingerprint)
        .bind::<Double, _>(now)
        .execute(&mut self.db)
        .await?;
        Ok(())
    }

    /// Jobs of a locked campaign may be made of something else from now on.
    pub async fn forget_made_of(&mut self, campaign: i32) -> Result<()> {
        diesel::delete(f::table.filter(f::campaignid.eq(campaign)).filter(f::name.eq(MADE_OF)))
            .execute(&mut self.db)
            .await?;
        Ok(())
    }
}
