//! How owners change: ids that were given out, users who move between teams, hosts and users that are deleted.

use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Double, Integer};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};

use crate::error::Result;
use crate::transaction::Conn;

/// A user and a team.
#[derive(Debug, Clone, Copy, PartialEq, QueryableByName)]
pub struct Member {
    #[allow(missing_docs)]
    #[diesel(sql_type = Integer)]
    pub userid: i32,
    #[allow(missing_docs)]
    #[diesel(sql_type = Integer)]
    pub teamid: i32,
    /// Cobblestones, where it says so.
    #[diesel(sql_type = Double)]
    pub credit: f64,
}

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = Integer)]
    id: i32,
}

impl Conn {
    /// For host, user and team: the id that the next new one gets. No row ever had that id or a higher one.
    pub async fn next_ids(&mut self) -> Result<BTreeMap<&'static str, i64>> {
        #[derive(QueryableByName)]
        struct Next {
            #[diesel(sql_type = BigInt)]
            next: i64,
        }
        // MySQL 8 shows numbers of yesterday unless told not to. MariaDB does not read the comment.
        self.db
            .batch_execute("SET @unused = 1 /*!80000 , SESSION information_schema_stats_expiry = 0 */")
            .await?;
        let mut all = BTreeMap::new();
        for table in ["host", "user", "team"] {
            let next: Next = diesel::sql_query(format!(
                "SELECT CAST(GREATEST(COALESCE((SELECT MAX(auto_increment) FROM information_schema.tables \
                 WHERE table_schema = DATABASE() AND table_name = '{table}'), 1), \
                 COALESCE((SELECT MAX(id) FROM `{table}`), 0) + 1) AS SIGNED) AS next"
            ))
            .get_result(&mut self.db)
            .await?;
            all.insert(table, next.next);
        }
        Ok(all)
    }

    /// Users that joined or left teams since `since` (Unix seconds), with those teams. BOINC's web site keeps this in
    /// `team_delta`; a database without that table has none.
    pub async fn team_moves(&mut self, since: f64) -> Result<Vec<Member>> {
        #[derive(QueryableByName)]
        struct Count {
            #[diesel(sql_type = BigInt)]
            n: i64,
        }
        let there: Count = diesel::sql_query(
            "SELECT COUNT(*) AS n FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = 'team_delta'",
        )
        .get_result(&mut self.db)
        .await?;
        if there.n == 0 {
            return Ok(Vec::new());
        }
        Ok(diesel::sql_query(
            "SELECT DISTINCT userid, teamid, 0e0 AS credit FROM team_delta WHERE timestamp >= ? ORDER BY userid, teamid",
        )
        .bind::<Double, _>(since)
        .load(&mut self.db)
        .await?)
    }

    /// What teams were paid while users were in them that are in another team now, or in none.
    pub async fn former_members(&mut self) -> Result<Vec<Member>> {
        Ok(diesel::sql_query(
            "SELECT l.userid, l.teamid, SUM(l.credit) AS credit FROM cobblestone_ledger l JOIN user u ON u.id = l.userid \
             WHERE l.teamid <> 0 AND u.teamid <> l.teamid GROUP BY l.userid, l.teamid HAVING ABS(SUM(l.credit)) > 1e-6 ORDER BY l.teamid, l.userid",
        )
        .load(&mut self.db)
        .await?)
    }

    /// Users that the ledger knows with a host that is gone.
    pub async fn users_of_deleted_hosts(&mut self) -> Result<Vec<i32>> {
        let rows: Vec<Id> = diesel::sql_query(
            "SELECT DISTINCT l.userid AS id FROM cobblestone_ledger l LEFT JOIN host h ON h.id = l.hostid \
             WHERE l.hostid <> 0 AND l.userid <> 0 AND h.id IS NULL",
        )
        .load(&mut self.db)
        .await?;
        Ok(rows.into_iter().map(|row| row.id).collect())
    }

    /// Teams that the ledger knows with a user that is gone.
    pub async fn teams_of_deleted_users(&mut self) -> Result<Vec<i32>> {
        let rows: Vec<Id> = diesel::sql_query(
            "SELECT DISTINCT l.teamid AS id FROM cobblestone_ledger l LEFT JOIN user u ON u.id = l.userid \
             WHERE l.userid <> 0 AND l.teamid <> 0 AND u.id IS NULL",
        )
        .load(&mut self.db)
        .await?;
        Ok(rows.into_iter().map(|row| row.id).collect())
    }
}
