//! What a check of the whole project asks the database: its applications with their versions, platforms, how fast computers
//! are; which columns and indexes there are. Read only; one look, no locks.

use std::collections::BTreeMap;

use boinc::id::AppId;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Blob, Double, Integer, Nullable, Text};
use diesel_async::RunQueryDsl;

use crate::error::Result;
use crate::schema::boinc::TABLES;
use crate::transaction::Conn;

/// Columns that only [`Conn::inventory`] reads, beside those of [`TABLES`].
const MORE: &[(&str, &[&str])] =
    &[("app", &["weight"]), ("app_version", &["xml_doc", "deprecated"]), ("platform", &["id", "name"])];

/// Fewest computers from whose speeds anything is concluded.
const FEW: usize = 20;
/// Most computers that are looked at, those with the most recent credit.
const MOST: i32 = 20_000;

/// An application.
#[derive(Debug, Clone, PartialEq)]
pub struct AppFacts {
    /// Its number.
    pub id: AppId,
    /// Short name.
    pub name: String,
    /// Above 1: adaptive replication.
    pub target_nresults: i32,
    /// Not used any more.
    pub is_deprecated: bool,
    /// Share of the feeder's slots.
    pub weight: f64,
}

/// A version that is not deprecated.
#[derive(Debug, Clone, PartialEq)]
pub struct VersionFacts {
    /// `app_version.id`
    pub id: i32,
    /// Its application.
    pub app: AppId,
    /// 100 · major + minor.
    pub number: i32,
    /// Name of its platform; empty if there is none of that number.
    pub platform: String,
    /// Empty for none.
    pub plan_class: String,
    /// Which files it has.
    pub xml_doc: Vec<u8>,
}

/// See the module.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Inventory {
    /// By number.
    pub apps: Vec<AppFacts>,
    /// By number.
    pub versions: Vec<VersionFacts>,
    /// Names, those that are deprecated too.
    pub platforms: Vec<String>,
    /// FLOPS of one processor of computers with recent credit: the median and the 99th percentile. None if they are few.
    pub speeds: Option<(f64, f64)>,
}

/// Columns and indexes by table.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Layout {
    /// Names of columns.
    pub columns: BTreeMap<String, Vec<String>>,
    /// Columns of each index, in its order.
    pub indexes: BTreeMap<String, Vec<Vec<String>>>,
}

/// Tables and columns of BOINC that the toolkit's statements name.
#[must_use]
pub fn expected_columns() -> Vec<(&'static str, Vec<&'static str>)> {
    let mut expected: Vec<(&str, Vec<&str>)> = TABLES
        .iter()
        .map(|(table, columns)| (*table, columns.iter().map(|(column, _)| *column).collect()))
        .collect();
    for (table, more) in MORE {
        match expected.iter_mut().find(|(known, _)| known == table) {
            Some((_, columns)) => columns
                .extend(more.iter().filter(|column| !columns.contains(column)).copied().collect::<Vec<_>>()),
            None => expected.push((table, more.to_vec())),
        }
    }
    expected
}

#[derive(QueryableByName)]
struct Pair {
    #[diesel(sql_type = Text)]
    first: String,
    #[diesel(sql_type = Text)]
    second: String,
}

#[derive(QueryableByName)]
struct AppRow {
    #[diesel(sql_type = Integer)]
    id: i32,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = BigInt)]
    target_nresults: i64,
    #[diesel(sql_type = BigInt)]
    deprecated: i64,
    #[diesel(sql_type = Double)]
    weight: f64,
}

#[derive(QueryableByName)]
struct VersionRow {
    #[diesel(sql_type = Integer)]
    id: i32,
    #[diesel(sql_type = Integer)]
    appid: i32,
    #[diesel(sql_type = Integer)]
    number: i32,
    #[diesel(sql_type = Nullable<Text>)]
    platform: Option<String>,
    #[diesel(sql_type = Text)]
    plan_class: String,
    #[diesel(sql_type = Nullable<Blob>)]
    xml_doc: Option<Vec<u8>>,
}

#[derive(QueryableByName)]
struct Speed {
    #[diesel(sql_type = Double)]
    p_fpops: f64,
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

impl Conn {
    /// Columns and indexes of all tables.
    pub async fn layout(&mut self) -> Result<Layout> {
        let columns: Vec<Pair> = diesel::sql_query(
            "SELECT CAST(table_name AS CHAR) AS `first`, CAST(column_name AS CHAR) AS `second` FROM information_schema.columns \
             WHERE table_schema = DATABASE() ORDER BY table_name, ordinal_position",
        )
        .load(&mut self.db)
        .await?;
        let indexes: Vec<Pair> = diesel::sql_query(
            "SELECT CAST(table_name AS CHAR) AS `first`, \
             CAST(GROUP_CONCAT(column_name ORDER BY seq_in_index) AS CHAR) AS `second` \
             FROM information_schema.statistics WHERE table_schema = DATABASE() GROUP BY table_name, index_name",
        )
        .load(&mut self.db)
        .await?;
        let mut layout = Layout::default();
        for Pair { first, second } in columns {
            layout.columns.entry(first).or_default().push(second);
        }
        for Pair { first, second } in indexes {
            layout.indexes.entry(first).or_default().push(second.split(',').map(str::to_owned).collect());
        }
        Ok(layout)
    }

    /// Applications, versions, platforms, speeds.
    pub async fn inventory(&mut self) -> Result<Inventory> {
        let apps: Vec<AppRow> = diesel::sql_query(
            "SELECT id, name, CAST(target_nresults AS SIGNED) AS target_nresults, \
             CAST(deprecated AS SIGNED) AS deprecated, weight FROM app ORDER BY id",
        )
        .load(&mut self.db)
        .await?;
        let versions: Vec<VersionRow> = diesel::sql_query(
            "SELECT v.id, v.appid, v.version_num AS number, p.name AS platform, v.plan_class, v.xml_doc \
             FROM app_version v LEFT JOIN platform p ON p.id = v.platformid WHERE v.deprecated = 0 ORDER BY v.id",
        )
        .load(&mut self.db)
        .await?;
        let platforms: Vec<Name> =
            diesel::sql_query("SELECT name FROM platform ORDER BY id").load(&mut self.db).await?;
        let mut speeds: Vec<f64> = diesel::sql_query(
            "SELECT p_fpops FROM host WHERE expavg_credit > 0 AND p_fpops > 0 ORDER BY expavg_credit DESC LIMIT ?",
        )
        .bind::<Integer, _>(MOST)
        .load::<Speed>(&mut self.db)
        .await?
        .into_iter()
        .map(|row| row.p_fpops)
        .collect();
        speeds.sort_by(f64::total_cmp);
        let at = |percent: usize| {
            speeds.get((speeds.len() * percent / 100).min(speeds.len().saturating_sub(1))).copied()
        };
        Ok(Inventory {
            speeds: at(50).zip(at(99)).filter(|_| speeds.len() >= FEW),
            apps: apps
                .into_iter()
                .map(|row| AppFacts {
                    id: AppId(row.id),
                    name: row.name,
                    target_nresults: i32::try_from(row.target_nresults).unwrap_or(0),
                    is_deprecated: row.deprecated != 0,
                    weight: row.weight,
                })
                .collect(),
            versions: versions
                .into_iter()
                .map(|row| VersionFacts {
                    id: row.id,
                    app: AppId(row.appid),
                    number: row.number,
                    platform: row.platform.unwrap_or_default(),
                    plan_class: row.plan_class,
                    xml_doc: row.xml_doc.unwrap_or_default(),
                })
                .collect(),
            platforms: platforms.into_iter().map(|row| row.name).collect(),
        })
    }
}
