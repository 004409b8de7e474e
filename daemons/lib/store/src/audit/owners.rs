//! Totals against the ledger, from both sides: owners whose total the ledger does not explain, and entries of owners
//! that are not there. What to make of them is decided elsewhere.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Double, Integer, Text};
use diesel_async::RunQueryDsl;

use crate::error::Result;
use crate::transaction::{Conn, Tx};

pub use super::book::Book;
pub use super::changes::Member;

/// One total, and what is known of it.
#[derive(Debug, Clone, PartialEq, QueryableByName)]
pub struct Total {
    /// Host, user or team.
    #[diesel(sql_type = Integer)]
    pub id: i32,
    /// Application; 0 = all.
    #[diesel(sql_type = Integer)]
    pub appid: i32,
    /// As it stands.
    #[diesel(sql_type = Double)]
    pub total: f64,
    /// When the toolkit came.
    #[diesel(sql_type = Double)]
    pub opening: f64,
    /// What the ledger paid.
    #[diesel(sql_type = Double)]
    pub ledger: f64,
    /// What a person accepted.
    #[diesel(sql_type = Double)]
    pub accepted: f64,
    /// A host's user, a user's team; 0 = none.
    #[diesel(sql_type = Integer)]
    pub belongs_to: i32,
    /// `host.rpc_seqno`: the host that a merged one became.
    #[diesel(sql_type = Integer)]
    pub successor: i32,
    /// 1 = a merged host's successor, or a user's team, exists.
    #[diesel(sql_type = Integer)]
    pub related: i32,
}

/// Entries of an owner that is not in the database.
#[derive(Debug, Clone, PartialEq, QueryableByName)]
pub struct Ghost {
    /// Host, user or team.
    #[diesel(sql_type = Integer)]
    pub id: i32,
    /// Application; 0 = all.
    #[diesel(sql_type = Integer)]
    pub appid: i32,
    /// When the toolkit came.
    #[diesel(sql_type = Double)]
    pub opening: f64,
    /// What the ledger paid.
    #[diesel(sql_type = Double)]
    pub ledger: f64,
    /// What a person accepted.
    #[diesel(sql_type = Double)]
    pub accepted: f64,
    /// 1 = the user or team is there, only its row by application is not.
    #[diesel(sql_type = Integer)]
    pub owner_exists: i32,
}

/// All totals of one kind together.
#[derive(Debug, Clone, Copy, PartialEq, QueryableByName)]
pub struct BookSum {
    /// Rows.
    #[diesel(sql_type = BigInt)]
    pub rows: i64,
    /// What they gained since the toolkit came.
    #[diesel(sql_type = Double)]
    pub gained: f64,
    /// What the ledger paid them.
    #[diesel(sql_type = Double)]
    pub ledger: f64,
}

/// A difference that a person accepted.
#[derive(Debug, Clone, PartialEq, QueryableByName)]
pub struct Accepted {
    /// When, Unix seconds.
    #[diesel(sql_type = Double)]
    pub time: f64,
    /// What: as [`Book::as_str`], or another word of the audit's.
    #[diesel(sql_type = Text)]
    pub kind: String,
    /// Whose.
    #[diesel(sql_type = Integer)]
    pub owner: i32,
    /// Application; 0 = all.
    #[diesel(sql_type = Integer)]
    pub appid: i32,
    /// Cobblestones, seconds or messages.
    #[diesel(sql_type = Double)]
    pub amount: f64,
    /// Why.
    #[diesel(sql_type = Text)]
    pub reason: String,
}

impl Conn {
    /// Totals that opening, ledger and what was accepted do not explain to rounding; and all merged hosts. Then the sums
    /// over all rows.
    pub async fn unexplained(&mut self, book: Book) -> Result<(BookSum, Vec<Total>)> {
        let name = book.as_str();
        let from = format!(
            "{} t LEFT JOIN cobblestone_opening o ON o.kind = '{name}' AND o.id = t.id AND o.appid = t.appid \
             LEFT JOIN {} l ON l.owner = t.id AND l.appid = t.appid",
            book.totals(),
            book.ledger()
        );
        let sum = diesel::sql_query(format!(
            "SELECT COUNT(*) AS `rows`, COALESCE(SUM(t.total - COALESCE(o.total_credit, 0e0)), 0e0) AS gained, \
             COALESCE(SUM(l.paid), 0e0) AS ledger FROM {from}"
        ))
        .get_result(&mut self.db)
        .await?;
        let rows = diesel::sql_query(format!(
            "SELECT x.* FROM (SELECT t.id, CAST(t.appid AS SIGNED) AS appid, t.total, COALESCE(o.total_credit, 0e0) AS opening, \
             COALESCE(l.paid, 0e0) AS ledger, COALESCE(a.amount, 0e0) AS accepted, CAST(t.belongs_to AS SIGNED) AS belongs_to, \
             CAST(t.successor AS SIGNED) AS successor, CAST(t.related AS SIGNED) AS related FROM {from} \
             LEFT JOIN (SELECT owner, appid, SUM(amount) AS amount FROM cobblestone_reconciliation WHERE kind = '{name}' \
             GROUP BY owner, appid) a ON a.owner = t.id AND a.appid = t.appid) x \
             WHERE ABS(x.total - x.opening - x.ledger - x.accepted) > GREATEST(1e-6, 1e-9 * ABS(x.ledger), 1e-11 * ABS(x.total)) \
             OR ('{name}' = 'host' AND x.belongs_to = 0) ORDER BY x.id, x.appid"
        ))
        .load(&mut self.db)
        .await?;
        Ok((sum, rows))
    }

    /// Entries of opening and ledger whose owner has no such total.
    pub async fn ghosts(&mut self, book: Book) -> Result<Vec<Ghost>> {
        let (name, table, owners) = (book.as_str(), book.as_str(), book.owners());
        let there = match book {
            Book::Host | Book::User | Book::Team => "t.id = x.owner".to_owned(),
            Book::CreditUser => "t.userid = x.owner AND t.appid = x.appid".to_owned(),
            Book::CreditTeam => "t.teamid = x.owner AND t.appid = x.appid".to_owned(),
        };
        // 0 is nobody, but team 0 has its rows by application.
        let nobody = if book == Book::CreditTeam { "" } else { "AND x.owner <> 0" };
        Ok(diesel::sql_query(format!(
            "SELECT x.owner AS id, CAST(x.appid AS SIGNED) AS appid, SUM(x.opening) AS opening, SUM(x.ledger) AS ledger, \
             SUM(x.accepted) AS accepted, CAST({} AS SIGNED) AS owner_exists FROM \
             (SELECT l.owner, l.appid, 0e0 AS opening, l.paid AS ledger, 0e0 AS accepted FROM {} l \
             UNION ALL SELECT id, appid, total_credit, 0e0, 0e0 FROM cobblestone_opening WHERE kind = '{name}' \
             UNION ALL SELECT owner, appid, 0e0, 0e0, amount FROM cobblestone_reconciliation WHERE kind = '{name}') x \
             WHERE NOT EXISTS (SELECT 1 FROM `{table}` t WHERE {there}) {nobody} GROUP BY x.owner, x.appid \
             HAVING SUM(x.opening) <> 0 OR SUM(x.ledger) <> 0 ORDER BY x.owner, x.appid",
            if book.by_app() {
                format!("(x.owner = 0 OR EXISTS (SELECT 1 FROM `{owners}` w WHERE w.id = x.owner))")
            } else {
                "0".to_owned()
            },
            book.ledger()
        ))
        .load(&mut self.db)
        .await?)
    }

    /// When the toolkit's tables were made, Unix seconds.
    pub async fn beginning(&mut self) -> Result<f64> {
        use crate::schema::ours::cobblestone_migration as m;
        let time: Option<f64> = m::table.select(diesel::dsl::min(m::time)).get_result(&mut self.db).await?;
        Ok(time.unwrap_or(0.0))
    }

    /// What persons accepted, oldest first.
    pub async fn accepted(&mut self) -> Result<Vec<Accepted>> {
        Ok(diesel::sql_query(
            "SELECT time, kind, owner, appid, amount, reason FROM cobblestone_reconciliation ORDER BY id",
        )
        .load(&mut self.db)
        .await?)
    }
}

impl Tx {
    /// Writes that a person accepted a difference.
    pub async fn accept(&mut self, row: &Accepted) -> Result<()> {
        use crate::schema::ours::cobblestone_reconciliation as r;
        diesel::insert_into(r::table)
            .values((
                r::time.eq(row.time),
                r::kind.eq(&row.kind),
                r::owner.eq(row.owner),
                r::appid.eq(row.appid),
                r::amount.eq(row.amount),
                r::reason.eq(crate::text::cut(&row.reason, 255)),
            ))
            .execute(&mut self.db)
            .await?;
        Ok(())
    }
}
