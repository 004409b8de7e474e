//! Control totals of the ledger: table `cobblestone_ledger_control`.
//!
//! Invariant: they change in the transaction that writes or folds ledger rows, by as many rows and as much credit. So at
//! any moment they are what the ledger holds, unless somebody changed it by hand.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Double};
use diesel_async::RunQueryDsl;

use crate::error::Result;
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
}

impl Control {
    /// Whether both are the same; sums of doubles by one part in 10⁹.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.rows == self.rows_written
            && (self.credit - self.credit_written).abs() <= (1e-9 * self.moved).max(1e-6)
    }
}

impl Conn {
    /// The ledger against its control totals.
    pub async fn ledger_control(&mut self) -> Result<Control> {
        Ok(diesel::sql_query(
            "SELECT l.n AS `rows`, l.credit, l.moved, CAST(c.n AS SIGNED) AS rows_written, c.credit AS credit_written FROM \
             (SELECT COUNT(*) AS n, COALESCE(SUM(credit), 0e0) AS credit, COALESCE(SUM(ABS(credit)), 0e0) AS moved \
             FROM cobblestone_ledger) l, (SELECT COALESCE(SUM(`rows`), 0) AS n, COALESCE(SUM(credit), 0e0) AS credit \
             FROM cobblestone_ledger_control) c",
        )
        .get_result(&mut self.db)
        .await?)
    }
}

impl Tx {
    /// A person accepts that the ledger holds so many rows and so much credit more than was written.
    pub async fn accept_control(&mut self, rows: i64, credit: f64) -> Result<()> {
        diesel::sql_query(
            "INSERT INTO cobblestone_ledger_control (part, `rows`, credit) VALUES (-2, ?, ?) \
             ON DUPLICATE KEY UPDATE `rows` = `rows` + VALUES(`rows`), credit = credit + VALUES(credit)",
        )
        .bind::<BigInt, _>(rows)
        .bind::<Double, _>(credit)
        .execute(&mut self.db)
        .await?;
        Ok(())
    }

    /// So many rows more (or fewer), with so much credit (cobblestones). After all other locks but those of messages.
    pub(crate) async fn control(&mut self, rows: i64, credit: f64) -> Result<()> {
        if rows == 0 && credit == 0.0 {
            return Ok(());
        }
        diesel::sql_query(format!(
            "INSERT INTO cobblestone_ledger_control (part, `rows`, credit) VALUES (CONNECTION_ID() % {PARTS}, ?, ?) \
             ON DUPLICATE KEY UPDATE `rows` = `rows` + VALUES(`rows`), credit = credit + VALUES(credit)"
        ))
        .bind::<BigInt, _>(rows)
        .bind::<Double, _>(credit)
        .execute(&mut self.db)
        .await?;
        Ok(())
    }
}
