//! Control totals of the ledger: table `cobblestone_ledger_control`.
//!
//! Invariant: they change in the transaction that writes or folds ledger rows, by as many rows, as much credit, as many
//! seconds, and the checksums of what else stands in the rows (`checksum`). So at any moment they are what the ledger holds, unless somebody changed it by hand.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Double};
use diesel_async::RunQueryDsl;

use crate::checksum::CHECKSUM;
use crate::error::Result;
use crate::ledger_rows::LedgerRow;
use crate::transaction::{Conn, Tx};

/// Writers that don't wait for one another.
const PARTS: u32 = 16;

/// What the ledger holds, and what it should hold.
#[derive(Debug, Clone, Copy, PartialEq, Default, QueryableByName)]
pub struct Control {
    /// Rows that are there.
    #[diesel(sql_type = BigInt)]
    pub rows: i64,
    /// Their credit, cobblestones.
    #[diesel(sql_type = Double)]
    pub credit: f64,
    /// Rows that were written.
    #[diesel(sql_type = BigInt)]
    pub rows_written: i64,
    /// Their credit.
    #[diesel(sql_type = Double)]
    pub credit_written: f64,
    /// Credit that moved in all, for the tolerance.
    #[diesel(sql_type = Double)]
    pub moved: f64,
    /// Seconds of the rows that are there.
    #[diesel(sql_type = Double)]
    pub seconds: f64,
    /// Seconds of those that were written.
    #[diesel(sql_type = Double)]
    pub seconds_written: f64,
    /// Seconds that moved in all, for the tolerance.
    #[diesel(sql_type = Double)]
    pub seconds_moved: f64,
    /// Sum of the checksums of the rows that are there.
    #[diesel(sql_type = BigInt)]
    pub checksum: i64,
    /// Of those that were written.
    #[diesel(sql_type = BigInt)]
    pub checksum_written: i64,
}

/// What some rows of the ledger come to.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Totals {
    rows: i64,
    credit: f64,
    seconds: f64,
    checksum: i64,
}

impl Totals {
    pub(crate) fn of(rows: &[LedgerRow<'_>]) -> Self {
        let mut all = Self::default();
        for row in rows {
            all.rows += 1;
            all.credit += row.credit;
            all.seconds += row.seconds;
            all.checksum += row.checksum();
        }
        all
    }

    /// These, in place of `others`, whose credit and seconds they have.
    pub(crate) fn in_place_of(self, others: Self) -> Self {
        Self {
            rows: self.rows - others.rows,
            credit: 0.0,
            seconds: 0.0,
            checksum: self.checksum - others.checksum,
        }
    }
}

impl Control {
    /// Whether both are the same; sums of doubles by one part in 10⁹.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.sums_hold() && self.checksum == self.checksum_written
    }

    /// The same without the checksum: rows, credit and seconds.
    #[must_use]
    pub fn sums_hold(&self) -> bool {
        let same = |a: f64, b: f64, moved: f64, least: f64| (a - b).abs() <= (1e-9 * moved).max(least);
        self.rows == self.rows_written
            && same(self.credit, self.credit_written, self.moved, 1e-6)
            && same(self.seconds, self.seconds_written, self.seconds_moved, 1e-3)
    }
}

impl Conn {
    /// The ledger against its control totals.
    pub async fn ledger_control(&mut self) -> Result<Control> {
        Ok(diesel::sql_query(format!(
            "SELECT l.n AS `rows`, l.credit, l.moved, l.seconds, l.seconds_moved, CAST(l.checksum AS SIGNED) AS checksum, \
             CAST(c.n AS SIGNED) AS rows_written, c.credit AS credit_written, c.seconds AS seconds_written, \
             CAST(c.checksum AS SIGNED) AS checksum_written FROM \
             (SELECT COUNT(*) AS n, COALESCE(SUM(l.credit), 0e0) AS credit, COALESCE(SUM(ABS(l.credit)), 0e0) AS moved, \
             COALESCE(SUM(l.seconds), 0e0) AS seconds, COALESCE(SUM(ABS(l.seconds)), 0e0) AS seconds_moved, \
             COALESCE(SUM({CHECKSUM}), 0) AS checksum FROM cobblestone_ledger l) l, \
             (SELECT COALESCE(SUM(`rows`), 0) AS n, COALESCE(SUM(credit), 0e0) AS credit, \
             COALESCE(SUM(seconds), 0e0) AS seconds, COALESCE(SUM(checksum), 0) AS checksum \
             FROM cobblestone_ledger_control) c"
        ))
        .get_result(&mut self.db)
        .await?)
    }
}

impl Tx {
    /// A person accepts that the ledger is as it is.
    pub async fn accept_control(&mut self, found: &Control) -> Result<()> {
        let more = Totals {
            rows: found.rows - found.rows_written,
            credit: found.credit - found.credit_written,
            seconds: found.seconds - found.seconds_written,
            checksum: found.checksum - found.checksum_written,
        };
        self.write_control("-2", more).await
    }

    /// So much more (or less) was written. After all other locks but those of messages.
    pub(crate) async fn control(&mut self, more: Totals) -> Result<()> {
        if more == Totals::default() {
            return Ok(());
        }
        self.write_control(&format!("CONNECTION_ID() % {PARTS}"), more).await
    }

    async fn write_control(&mut self, part: &str, more: Totals) -> Result<()> {
        diesel::sql_query(format!(
            "INSERT INTO cobblestone_ledger_control (part, `rows`, credit, seconds, checksum) VALUES ({part}, ?, ?, ?, ?) \
             ON DUPLICATE KEY UPDATE `rows` = `rows` + VALUES(`rows`), credit = credit + VALUES(credit), \
             seconds = seconds + VALUES(seconds), checksum = checksum + VALUES(checksum)"
        ))
        .bind::<BigInt, _>(more.rows)
        .bind::<Double, _>(more.credit)
        .bind::<Double, _>(more.seconds)
        .bind::<BigInt, _>(more.checksum)
        .execute(&mut self.db)
        .await?;
        Ok(())
    }
}
