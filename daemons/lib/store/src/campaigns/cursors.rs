//! Where a campaign stands in its files of rows.
//!
//! Invariant: a cursor moves only from where its rows were read ([`Tx::move_file`] compares the place), under the lock of
//! its campaign and in the transaction that writes these rows. Killed before the commit, the same rows are read again.

use diesel::prelude::*;
use diesel::sql_types::{Double, Integer, Text};
use diesel_async::RunQueryDsl;

use crate::error::Result;
use crate::schema::ours::{cobblestone_campaign as c, cobblestone_campaign_file as f};
use crate::transaction::{Conn, Tx};

/// `cobblestone_campaign_file.state`: rows of it may be left.
const OPEN: &str = "open";
/// The same: nothing is left in it.
const DONE: &str = "done";

/// Where a campaign stands in one of its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileCursor {
    /// `cobblestone_campaign_file.id`; 0 = it has no row yet.
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

impl FileCursor {
    /// At the beginning of a file that has no row yet.
    #[must_use]
    pub fn beginning(name: &str) -> Self {
        Self { id: 0, name: name.to_owned(), place: 0, rows_read: 0, tail: String::new(), done: false }
    }
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

#[derive(Queryable, Selectable)]
#[diesel(table_name = f)]
struct CursorRow {
    id: i32,
    name: String,
    place: i64,
    rows_read: i64,
    tail: String,
    state: String,
}

impl From<CursorRow> for FileCursor {
    fn from(row: CursorRow) -> Self {
        let CursorRow { id, name, place, rows_read, tail, state } = row;
        Self { id, name, place, rows_read, tail, done: state == DONE }
    }
}

impl Conn {
    /// Where a campaign stands in files of these names.
    pub async fn campaign_files(&mut self, campaign: i32, names: &[String]) -> Result<Vec<FileCursor>> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let rows = f::table
            .filter(f::campaignid.eq(campaign))
            .filter(f::name.eq_any(names.iter().cloned()))
            .select(CursorRow::as_select())
            .load(&mut self.db)
            .await?;
        Ok(rows.into_iter().map(FileCursor::from).collect())
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
}

impl Tx {
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
            .select(CursorRow::as_select())
            .first(&mut self.db)
            .await?;
        Ok(row.into())
    }

    /// Moves the cursor of a file, of a locked campaign. False: it is not where it was read from.
    pub async fn move_file(&mut self, to: &FileMove, now: f64) -> Result<bool> {
        let changed = diesel::update(f::table.filter(f::id.eq(to.id)).filter(f::place.eq(to.from)))
            .set((
                f::place.eq(to.place),
                f::rows_read.eq(to.rows_read),
                f::tail.eq(&to.tail),
                f::state.eq(if to.done { DONE } else { OPEN }),
                f::time.eq(now),
            ))
            .execute(&mut self.db)
            .await?;
        Ok(changed == 1)
    }

    /// Reads all files of a locked campaign again from their beginning.
    pub async fn rewind_files(&mut self, campaign: i32, now: f64) -> Result<usize> {
        Ok(diesel::update(f::table.filter(f::campaignid.eq(campaign)).filter(f::place.gt(0)))
            .set((f::place.eq(0), f::rows_read.eq(0), f::tail.eq(""), f::state.eq(OPEN), f::time.eq(now)))
            .execute(&mut self.db)
            .await?)
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
}
