//! Our own tables: made and brought up to date by `cobblestone migrate`, checked by every daemon at start.
//!
//! Each migration runs once, in order; one that was interrupted runs again from its start, so its statements
//! must be safe to repeat (DDL commits by itself in MySQL). A named lock keeps two `migrate`s apart.
//! A BOINC table is never altered.

use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};

use crate::error::{Error, Result};
use crate::schema::ours::cobblestone_migration;
use crate::transaction::{Conn, Store};

/// Version, name, statements.
const MIGRATIONS: &[(i32, &str, &str)] = &[
    (1, "ledger", include_str!("../../../../sql/cobblestone/0001_ledger.sql")),
    (2, "work", include_str!("../../../../sql/cobblestone/0002_work.sql")),
    (3, "assimilated", include_str!("../../../../sql/cobblestone/0003_assimilated.sql")),
    (4, "increments", include_str!("../../../../sql/cobblestone/0004_increments.sql")),
    (5, "growth", include_str!("../../../../sql/cobblestone/0005_growth.sql")),
    (6, "reports", include_str!("../../../../sql/cobblestone/0006_reports.sql")),
    (7, "verdicts", include_str!("../../../../sql/cobblestone/0007_verdicts.sql")),
    (8, "first_sent", include_str!("../../../../sql/cobblestone/0008_first_sent.sql")),
    (9, "control", include_str!("../../../../sql/cobblestone/0009_control.sql")),
    (10, "ledger_checksum", include_str!("../../../../sql/cobblestone/0010_ledger_checksum.sql")),
    (12, "campaigns", include_str!("../../../../sql/cobblestone/0012_campaigns.sql")),
    (13, "review", include_str!("../../../../sql/cobblestone/0013_review.sql")),
    (14, "review_written", include_str!("../../../../sql/cobblestone/0014_review_written.sql")),
    (16, "dataset", include_str!("../../../../sql/cobblestone/0016_dataset.sql")),
    (20, "job_parameters", include_str!("../../../../sql/cobblestone/0020_job_parameters.sql")),
    (21, "review_verdict", include_str!("../../../../sql/cobblestone/0021_review_verdict.sql")),
    (22, "place", include_str!("../../../../sql/cobblestone/0022_place.sql")),
];

/// Version of our tables that this build needs.
#[must_use]
pub fn schema_version() -> i32 {
    MIGRATIONS.iter().map(|m| m.0).max().unwrap_or(0)
}

impl Store {
    /// Applies what is missing; names of what was applied.
    pub async fn migrate(&self, now: f64) -> Result<Vec<&'static str>> {
        self.read("migrate", async |conn| {
            conn.db
                .batch_execute(
                    "CREATE TABLE IF NOT EXISTS cobblestone_migration (version INT NOT NULL PRIMARY KEY, \
                     name VARCHAR(64) NOT NULL, time DOUBLE NOT NULL) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4",
                )
                .await?;
            lock(conn).await?;
            let found = versions(conn).await?;
            if let Some(newer) = found.iter().max().filter(|v| **v > schema_version()) {
                return Err(too_new(*newer));
            }
            let mut applied = Vec::new();
            for (version, name, statements) in MIGRATIONS.iter().filter(|m| !found.contains(&m.0)) {
                conn.db.batch_execute(statements).await?;
                diesel::insert_into(cobblestone_migration::table)
                    .values((
                        cobblestone_migration::version.eq(version),
                        cobblestone_migration::name.eq(name),
                        cobblestone_migration::time.eq(now),
                    ))
                    .execute(&mut conn.db)
                    .await?;
                applied.push(*name);
            }
            diesel::sql_query("DO RELEASE_LOCK(CONCAT('cobblestone_migrate_', DATABASE()))").execute(&mut conn.db).await?;
            Ok(applied)
        })
        .await
    }

    /// Whether our tables are as this build needs them.
    ///
    /// # Errors
    /// [`Error::Unfit`] that says what to run.
    pub async fn check_schema(&self) -> Result<()> {
        let found = self
            .read("check schema", async |conn| match versions(conn).await {
                Err(Error::Other(message)) if message.contains("doesn't exist") => Ok(Vec::new()),
                other => other,
            })
            .await?;
        let newest = found.iter().copied().max().unwrap_or(0);
        if found.is_empty() {
            Err(Error::Unfit(
                "the toolkit's tables (cobblestone_…) are missing in this database; run `cobblestone migrate`".to_owned(),
            ))
        } else if newest > schema_version() {
            Err(too_new(newest))
        } else if MIGRATIONS.iter().any(|m| !found.contains(&m.0)) {
            Err(Error::Unfit(format!(
                "the toolkit's tables are at version {newest}, this program needs {}; run `cobblestone migrate`",
                schema_version()
            )))
        } else {
            Ok(())
        }
    }

    /// Whether the server is MariaDB ≥ 10.6 or MySQL ≥ 8.0 and writes what we write.
    pub async fn check_server(&self) -> Result<String> {
        #[derive(QueryableByName)]
        struct Facts {
            #[diesel(sql_type = Text)]
            version: String,
            #[diesel(sql_type = Text)]
            log: String,
        }
        let facts: Facts = self
            .read("check server", async |conn| {
                Ok(diesel::sql_query(
                    "SELECT VERSION() AS version, CONCAT(@@log_bin, ' ', @@binlog_format) AS log",
                )
                .get_result(&mut conn.db)
                .await?)
            })
            .await?;
        if facts.log == "1 STATEMENT" {
            return Err(Error::Unfit(
                "the server writes its binary log as statements; set binlog_format = MIXED or ROW (the toolkit works at \
                 READ COMMITTED, which STATEMENT does not allow)"
                    .to_owned(),
            ));
        }
        if version_is_enough(&facts.version) {
            Ok(facts.version)
        } else {
            Err(Error::Unfit(format!(
                "the database server is {}; MariaDB ≥ 10.6 or MySQL ≥ 8.0 is needed (SKIP LOCKED, JSON_TABLE)",
                facts.version
            )))
        }
    }
}

fn too_new(found: i32) -> Error {
    Error::Unfit(format!(
        "the toolkit's tables are at version {found}, newer than this program knows ({}); install the newer toolkit",
        schema_version()
    ))
}

async fn lock(conn: &mut Conn) -> Result<()> {
    #[derive(QueryableByName)]
    struct Got {
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        got: i64,
    }
    let got: Got = diesel::sql_query(
        "SELECT COALESCE(GET_LOCK(CONCAT('cobblestone_migrate_', DATABASE()), 30), 0) AS got",
    )
    .get_result(&mut conn.db)
    .await?;
    if got.got == 1 {
        Ok(())
    } else {
        Err(Error::Other("another `cobblestone migrate` is running on this database; wait for it".to_owned()))
    }
}

async fn versions(conn: &mut Conn) -> Result<Vec<i32>> {
    Ok(cobblestone_migration::table.select(cobblestone_migration::version).load(&mut conn.db).await?)
}

/// `10.11.19-MariaDB-…`, `5.5.5-10.11.19-MariaDB` (as some proxies say), `8.0.36`.
fn version_is_enough(version: &str) -> bool {
    let mariadb = version.contains("MariaDB");
    let text = if mariadb { version.strip_prefix("5.5.5-").unwrap_or(version) } else { version };
    let mut numbers = text.split(|c: char| !c.is_ascii_digit()).map_while(|n| n.parse::<u32>().ok());
    let found = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    found >= if mariadb { (10, 6) } else { (8, 0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_servers_are_refused() {
        for good in
            ["10.11.19-MariaDB-0+deb12u1", "5.5.5-10.6.1-MariaDB", "11.4.2-MariaDB", "8.0.36", "8.4.0"]
        {
            assert!(version_is_enough(good), "{good}");
        }
        for old in ["10.5.9-MariaDB", "5.7.44", "5.5.5-10.3.1-MariaDB", "nonsense"] {
            assert!(!version_is_enough(old), "{old}");
        }
    }
}
