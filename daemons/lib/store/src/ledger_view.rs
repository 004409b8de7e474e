//! The ledger as a person looks at it: its rows one by one, and sums of them.
//!
//! Invariant: nothing is written. Rows are handed on one at a time as the server sends them, so that a ledger of any
//! size needs no memory here. Call it in a snapshot: then rows and sums are of one moment.

use std::fmt::Write as _;

use boinc::id::{AppId, HostId, ResultId, TeamId, UserId, WorkunitId};
use boinc::ledger::LedgerKind;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Double, Integer, Nullable, Text};
use diesel_async::RunQueryDsl;
use futures_util::StreamExt;

use crate::error::{Error, Result};
use crate::transaction::Conn;

/// Which rows. All that is given must hold.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Which {
    #[allow(missing_docs)]
    pub user: Option<UserId>,
    #[allow(missing_docs)]
    pub host: Option<HostId>,
    #[allow(missing_docs)]
    pub result: Option<ResultId>,
    #[allow(missing_docs)]
    pub workunit: Option<WorkunitId>,
    #[allow(missing_docs)]
    pub team: Option<TeamId>,
    #[allow(missing_docs)]
    pub app: Option<AppId>,
    #[allow(missing_docs)]
    pub kind: Option<LedgerKind>,
    /// Not before, Unix seconds.
    pub from: Option<f64>,
    /// Before, Unix seconds.
    pub before: Option<f64>,
}

/// What rows are summed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    #[allow(missing_docs)]
    Result,
    #[allow(missing_docs)]
    Host,
    #[allow(missing_docs)]
    User,
    #[allow(missing_docs)]
    Team,
    #[allow(missing_docs)]
    App,
    #[allow(missing_docs)]
    Kind,
    /// UTC days.
    Day,
}

/// One row of `cobblestone_ledger`. An id of 0 is "none".
#[derive(Debug, Clone, PartialEq, QueryableByName)]
pub struct LedgerRow {
    #[allow(missing_docs)]
    #[diesel(sql_type = BigInt)]
    pub id: i64,
    /// When it was decided, Unix seconds.
    #[diesel(sql_type = Double)]
    pub time: f64,
    /// As in [`LedgerKind`].
    #[diesel(sql_type = Text)]
    pub kind: String,
    /// The message that claimed it.
    #[diesel(sql_type = Nullable<Integer>)]
    pub messageid: Option<i32>,
    #[allow(missing_docs)]
    #[diesel(sql_type = Integer)]
    pub resultid: i32,
    #[allow(missing_docs)]
    #[diesel(sql_type = Integer)]
    pub workunitid: i32,
    /// Whose total gained.
    #[diesel(sql_type = Integer)]
    pub hostid: i32,
    /// Whose total gained.
    #[diesel(sql_type = Integer)]
    pub userid: i32,
    /// Whose total gained.
    #[diesel(sql_type = Integer)]
    pub teamid: i32,
    #[allow(missing_docs)]
    #[diesel(sql_type = Integer)]
    pub appid: i32,
    /// Seconds that it pays.
    #[diesel(sql_type = Double)]
    pub seconds: f64,
    /// FLOPS that they were paid with.
    #[diesel(sql_type = Double)]
    pub flops: f64,
    /// Cobblestones; negative when taken back.
    #[diesel(sql_type = Double)]
    pub credit: f64,
    #[allow(missing_docs)]
    #[diesel(sql_type = Integer)]
    pub rule_version: i32,
    /// Formula or cause, for a person.
    #[diesel(sql_type = Text)]
    pub reason: String,
    /// Messages that it pays.
    #[diesel(sql_type = Integer)]
    pub messages: i32,
    /// Rows that it stands for: more than 1 when they were folded together.
    #[diesel(sql_type = Integer)]
    pub rows_folded: i32,
    /// When the first of them was decided, Unix seconds.
    #[diesel(sql_type = Double)]
    pub since: f64,
}

/// A sum of rows.
#[derive(Debug, Clone, PartialEq, QueryableByName)]
pub struct Sum {
    /// The id that they share; UTC days since 1970 for [`By::Day`], 0 for [`By::Kind`].
    #[diesel(sql_type = BigInt)]
    pub key: i64,
    /// Its name, where it has one: of results, users and teams a stranger's text.
    #[diesel(sql_type = Nullable<Text>)]
    pub name: Option<String>,
    #[allow(missing_docs)]
    #[diesel(sql_type = BigInt)]
    pub rows: i64,
    #[allow(missing_docs)]
    #[diesel(sql_type = Double)]
    pub seconds: f64,
    /// Cobblestones.
    #[diesel(sql_type = Double)]
    pub credit: f64,
}

impl Which {
    /// ` WHERE …` or nothing. All values are numbers and words of ours.
    fn sql(&self) -> String {
        let ids = [
            ("userid", self.user.map(|id| id.0)),
            ("hostid", self.host.map(|id| id.0)),
            ("resultid", self.result.map(|id| id.0)),
            ("workunitid", self.workunit.map(|id| id.0)),
            ("teamid", self.team.map(|id| id.0)),
            ("appid", self.app.map(|id| id.0)),
        ];
        let mut all: Vec<String> =
            ids.iter().filter_map(|(column, id)| id.map(|id| format!("l.{column} = {id}"))).collect();
        all.extend(self.kind.map(|kind| format!("l.kind = '{kind}'")));
        all.extend(self.from.map(|time| format!("l.time >= {time:e}")));
        all.extend(self.before.map(|time| format!("l.time < {time:e}")));
        if all.is_empty() { String::new() } else { format!(" WHERE {}", all.join(" AND ")) }
    }
}

impl By {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Result, Self::Host, Self::User, Self::Team, Self::App, Self::Kind, Self::Day];

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Result => "result",
            Self::Host => "host",
            Self::User => "user",
            Self::Team => "team",
            Self::App => "app",
            Self::Kind => "kind",
            Self::Day => "day",
        }
    }

    /// What is grouped by, the name in the outer query, the table that has it, and the order.
    fn sql(self) -> (&'static str, &'static str, &'static str, &'static str) {
        const MOST: &str = "x.credit DESC, x.k";
        match self {
            Self::Result => ("l.resultid", "t.name", "LEFT JOIN result t ON t.id = x.k", MOST),
            Self::Host => ("l.hostid", "NULL", "", MOST),
            Self::User => ("l.userid", "t.name", "LEFT JOIN user t ON t.id = x.k", MOST),
            Self::Team => ("l.teamid", "t.name", "LEFT JOIN team t ON t.id = x.k", MOST),
            Self::App => ("l.appid", "t.name", "LEFT JOIN app t ON t.id = x.k", MOST),
            Self::Kind => ("l.kind", "x.k", "", MOST),
            Self::Day => ("FLOOR(l.time / 86400)", "NULL", "", "x.k"),
        }
    }
}

const COLUMNS: &str = "l.id, l.time, l.kind, l.messageid, l.resultid, l.workunitid, l.hostid, l.userid, l.teamid, l.appid, \
                       l.seconds, l.flops, l.credit, l.rule_version, l.reason, l.messages, \
                       l.rows_folded, l.since";

impl Conn {
    /// Hands rows to `each`, oldest first, as the server sends them, until it says false.
    ///
    /// # Errors
    /// Also when `each` said false: what the server still has to send is not read.
    pub async fn each_ledger_row(
        &mut self,
        which: &Which,
        mut each: impl FnMut(LedgerRow) -> bool,
    ) -> Result<()> {
        let sql = format!("SELECT {COLUMNS} FROM cobblestone_ledger l{} ORDER BY l.time, l.id", which.sql());
        let mut stream = diesel::sql_query(sql).load_stream::<LedgerRow>(&mut self.db).await?;
        while let Some(row) = stream.next().await {
            if !each(row?) {
                return Err(Error::Other("the reader wants no more rows".to_owned()));
            }
        }
        Ok(())
    }

    /// The last `limit` rows, oldest first.
    pub async fn last_ledger_rows(&mut self, which: &Which, limit: i64) -> Result<Vec<LedgerRow>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM cobblestone_ledger l{} ORDER BY l.time DESC, l.id DESC LIMIT {}",
            which.sql(),
            limit.max(0)
        );
        let mut rows: Vec<LedgerRow> = diesel::sql_query(sql).load(&mut self.db).await?;
        rows.reverse();
        Ok(rows)
    }

    /// The sum of all rows; its `key` is 0.
    pub async fn ledger_sum(&mut self, which: &Which) -> Result<Sum> {
        let sql = format!(
            "SELECT 0 AS `key`, NULL AS name, COUNT(*) AS `rows`, COALESCE(SUM(l.seconds), 0e0) AS seconds, \
             COALESCE(SUM(l.credit), 0e0) AS credit FROM cobblestone_ledger l{}",
            which.sql()
        );
        Ok(diesel::sql_query(sql).get_result(&mut self.db).await?)
    }

    /// Hands sums to `each`, days in their order, all else by credit, most first; until it says false.
    ///
    /// # Errors
    /// As [`Conn::each_ledger_row`].
    pub async fn each_ledger_sum(
        &mut self,
        which: &Which,
        by: By,
        limit: Option<i64>,
        mut each: impl FnMut(Sum) -> bool,
    ) -> Result<()> {
        let (group, name, join, order) = by.sql();
        let key = if by == By::Kind { "0" } else { "x.k" };
        let mut sql = format!(
            "SELECT CAST({key} AS SIGNED) AS `key`, {name} AS name, x.n AS `rows`, x.seconds AS seconds, x.credit AS credit \
             FROM (SELECT {group} AS k, COUNT(*) AS n, SUM(l.seconds) AS seconds, SUM(l.credit) AS credit \
             FROM cobblestone_ledger l{} GROUP BY {group}) x {join} ORDER BY {order}",
            which.sql()
        );
        if let Some(limit) = limit {
            let _ = write!(sql, " LIMIT {}", limit.max(0));
        }
        let mut stream = diesel::sql_query(sql).load_stream::<Sum>(&mut self.db).await?;
        while let Some(row) = stream.next().await {
            if !each(row?) {
                return Err(Error::Other("the reader wants no more rows".to_owned()));
            }
        }
        Ok(())
    }

    /// How many sums there are.
    pub async fn count_ledger_sums(&mut self, which: &Which, by: By) -> Result<i64> {
        #[derive(QueryableByName)]
        struct Count {
            #[diesel(sql_type = BigInt)]
            n: i64,
        }
        let sql =
            format!("SELECT COUNT(DISTINCT {}) AS n FROM cobblestone_ledger l{}", by.sql().0, which.sql());
        Ok(diesel::sql_query(sql).get_result::<Count>(&mut self.db).await?.n)
    }

    /// Whether some of those rows stand for several that were folded together.
    pub async fn has_folded_rows(&mut self, which: &Which) -> Result<bool> {
        #[derive(QueryableByName)]
        struct Found {
            #[diesel(sql_type = BigInt)]
            n: i64,
        }
        let wheres = which.sql();
        let and = if wheres.is_empty() { " WHERE" } else { " AND" };
        let sql = format!(
            "SELECT COUNT(*) AS n FROM (SELECT 1 FROM cobblestone_ledger l{wheres}{and} l.rows_folded > 1 LIMIT 1) x"
        );
        Ok(diesel::sql_query(sql).get_result::<Found>(&mut self.db).await?.n > 0)
    }

    /// Ids of the users (or teams) of exactly that name; at most `limit`.
    pub async fn users_named(&mut self, name: &str, limit: i64) -> Result<Vec<UserId>> {
        use crate::schema::boinc::user as t;
        let found: Vec<(i32, Option<String>)> = t::table
            .filter(t::name.eq(name))
            .order(t::id)
            .limit(limit)
            .select((t::id, t::name))
            .load(&mut self.db)
            .await?;
        // The database compares names without case.
        let exact =
            |(id, found): (i32, Option<String>)| (found.as_deref() == Some(name)).then_some(UserId(id));
        Ok(found.into_iter().filter_map(exact).collect())
    }

    /// The same of teams.
    pub async fn teams_named(&mut self, name: &str, limit: i64) -> Result<Vec<TeamId>> {
        use crate::schema::boinc::team as t;
        let found: Vec<(i32, String)> = t::table
            .filter(t::name.eq(name))
            .order(t::id)
            .limit(limit)
            .select((t::id, t::name))
            .load(&mut self.db)
            .await?;
        Ok(found.into_iter().filter(|(_, found)| found == name).map(|(id, _)| TeamId(id)).collect())
    }

    /// The result of exactly that name, if its row is there.
    pub async fn result_named(&mut self, name: &str) -> Result<Option<ResultId>> {
        use crate::schema::boinc::result as t;
        let found: Option<(i32, String)> = t::table
            .filter(t::name.eq(name))
            .select((t::id, t::name))
            .first(&mut self.db)
            .await
            .optional()?;
        Ok(found.filter(|(_, found)| found == name).map(|(id, _)| ResultId(id)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_becomes_one_condition() {
        assert_eq!(Which::default().sql(), "");
        let which = Which {
            host: Some(HostId(17)),
            kind: Some(LedgerKind::Final),
            from: Some(86_400.0),
            before: Some(172_800.5),
            ..Which::default()
        };
        assert_eq!(
            which.sql(),
            " WHERE l.hostid = 17 AND l.kind = 'final' AND l.time >= 8.64e4 AND l.time < 1.728005e5"
        );
    }
}
