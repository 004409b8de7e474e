//! Counts of what stood in rows that are gone: table `cobblestone_counter`.
//!
//! Invariant: a counter grows in the transaction that deletes what it counts. So the audit's sums hold at any moment.

use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use diesel_async::RunQueryDsl;

use crate::error::Result;
use crate::schema::ours::cobblestone_counter as c;
use crate::transaction::{Conn, Tx};

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Counter {
    /// Handled messages that were deleted from `msg_from_host`.
    Purged,
    /// Messages that were counted in rows which are gone: marks, and counts of hosts.
    Cleaned,
    /// Those of them whose host was gone: BOINC may have deleted the messages with it. Also of those that are
    /// [`Counter::Dropped`].
    Hostless,
    /// Messages that were dropped and whose entries were deleted.
    Dropped,
}

impl Counter {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Purged, Self::Cleaned, Self::Hostless, Self::Dropped];

    /// Name in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Purged => "messages_purged",
            Self::Cleaned => "messages_cleaned",
            Self::Hostless => "messages_cleaned_of_deleted_hosts",
            Self::Dropped => "messages_dropped",
        }
    }
}

impl Conn {
    /// All counters; one that never counted is 0.
    pub async fn counters(&mut self) -> Result<BTreeMap<Counter, i64>> {
        let rows = c::table.select((c::name, c::value)).load::<(String, i64)>(&mut self.db).await?;
        let value = |counter: Counter| {
            rows.iter().find(|(name, _)| name == counter.as_str()).map_or(0, |(_, value)| *value)
        };
        Ok(Counter::ALL.into_iter().map(|counter| (counter, value(counter))).collect())
    }
}

impl Tx {
    /// Counts on. Do it last: all who count wait for one another.
    pub async fn count(&mut self, counter: Counter, by: i64) -> Result<()> {
        if by == 0 {
            return Ok(());
        }
        diesel::sql_query(
            "INSERT INTO cobblestone_counter (name, value) VALUES (?, ?) ON DUPLICATE KEY UPDATE value = value + VALUES(value)",
        )
        .bind::<Text, _>(counter.as_str())
        .bind::<BigInt, _>(by)
        .execute(&mut self.db)
        .await?;
        Ok(())
    }
}
