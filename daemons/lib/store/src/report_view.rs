//! The job table: what happened inside the virtual machines, summed by application, campaign, day, host or result.
//!
//! Invariant: nothing is written, and only our own tables decide: sums stay when db_purge has removed results and
//! workunits. Rows are handed on one at a time as the server sends them. Call it in a snapshot: then sums and totals are of
//! one moment.

use boinc::id::{AppId, HostId};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};
use diesel_async::RunQueryDsl;
use futures_util::StreamExt;

use crate::error::{Error, Result};
use crate::transaction::Conn;

/// Which reports. All that is given must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Which {
    #[allow(missing_docs)]
    pub app: Option<AppId>,
    /// Name of the campaign.
    pub campaign: Option<String>,
    #[allow(missing_docs)]
    pub host: Option<HostId>,
    /// Not before, UTC days since 1970.
    pub from: Option<i32>,
    /// Not after, UTC days since 1970.
    pub to: Option<i32>,
}

/// What reports are summed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    #[allow(missing_docs)]
    App,
    /// Of each application.
    Campaign,
    /// On which the server stored the messages, UTC.
    Day,
    #[allow(missing_docs)]
    Host,
    #[allow(missing_docs)]
    Result,
}

impl By {
    /// All, in the order of a help text.
    pub const ALL: [Self; 5] = [Self::App, Self::Campaign, Self::Day, Self::Host, Self::Result];

    /// The word on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Campaign => "campaign",
            Self::Day => "day",
            Self::Host => "host",
            Self::Result => "result",
        }
    }

    /// SQL of the key, and of what it is grouped by.
    const fn key(self) -> &'static str {
        match self {
            Self::App => "r.appid",
            Self::Campaign => "r.appid, r.campaignid",
            Self::Day => "d.day",
            Self::Host => "r.hostid",
            Self::Result => "r.resultid, r.appid, r.campaignid, r.hostid",
        }
    }
}

/// A sum. What it is not summed by is None.
#[derive(Debug, Clone, PartialEq, QueryableByName)]
pub struct Jobs {
    /// Short name of the application, or its id if its row is gone.
    #[diesel(sql_type = Nullable<Text>)]
    pub app: Option<String>,
    /// Name; `-` = none.
    #[diesel(sql_type = Nullable<Text>)]
    pub campaign: Option<String>,
    /// UTC days since 1970.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub day: Option<i64>,
    #[allow(missing_docs)]
    #[diesel(sql_type = Nullable<BigInt>)]
    pub host: Option<i64>,
    #[allow(missing_docs)]
    #[diesel(sql_type = Nullable<BigInt>)]
    pub result: Option<i64>,
    /// Results with a report.
    #[diesel(sql_type = BigInt)]
    pub results: i64,
    /// Jobs that guests took. A whole number of any size, as the others.
    #[diesel(sql_type = Text)]
    pub received: String,
    /// Jobs that ended well.
    #[diesel(sql_type = Text)]
    pub succeeded: String,
    /// Jobs that failed.
    #[diesel(sql_type = Text)]
    pub failed: String,
    /// Events that the jobs made.
    #[diesel(sql_type = Text)]
    pub events: String,
}

/// A name for people and programs: a campaign's or an application's row may be gone.
const APP: &str = "COALESCE((SELECT a.name FROM app a WHERE a.id = r.appid), CAST(r.appid AS CHAR))";
const CAMPAIGN: &str = "CASE WHEN r.campaignid = 0 THEN '-' ELSE COALESCE((SELECT c.name FROM cobblestone_campaign c \
                        WHERE c.id = r.campaignid), CAST(r.campaignid AS CHAR)) END";

impl Which {
    fn sql(&self) -> String {
        let mut conditions = vec!["TRUE".to_owned()];
        conditions.extend(self.app.map(|app| format!("r.appid = {app}")));
        conditions.extend(self.host.map(|host| format!("r.hostid = {host}")));
        conditions.extend(self.from.map(|day| format!("d.day >= {day}")));
        conditions.extend(self.to.map(|day| format!("d.day <= {day}")));
        if self.campaign.is_some() {
            conditions.push(
                "r.campaignid IN (SELECT c.id FROM cobblestone_campaign c WHERE c.name = ? AND c.appid = r.appid)"
                    .to_owned(),
            );
        }
        conditions.join(" AND ")
    }

    /// A day on which something was taken back to an earlier one counts nothing, and is no row.
    fn query(&self, by: Option<By>, order: &str) -> String {
        let pick = |wanted: &[By], sql: &str| -> String {
            if by.is_some_and(|by| wanted.contains(&by)) { sql.to_owned() } else { "NULL".to_owned() }
        };
        let sums: Vec<String> = ["received", "succeeded", "failed", "events"]
            .iter()
            .map(|column| format!("CAST(COALESCE(SUM(d.{column}), 0) AS CHAR) AS {column}"))
            .collect();
        let group = by.map_or_else(String::new, |by| format!("GROUP BY {}", by.key()));
        format!(
            "SELECT {app} AS app, {campaign} AS campaign, CAST({day} AS SIGNED) AS day, CAST({host} AS SIGNED) AS host, \
             CAST({result} AS SIGNED) AS result, COUNT(DISTINCT r.resultid) AS results, {sums} \
             FROM cobblestone_report r JOIN cobblestone_report_day d ON d.resultid = r.resultid AND d.variety = r.variety \
             WHERE {which} AND (d.received <> 0 OR d.succeeded <> 0 OR d.failed <> 0 OR d.events <> 0) {group} {order}",
            app = pick(&[By::App, By::Campaign, By::Result], APP),
            campaign = pick(&[By::Campaign, By::Result], CAMPAIGN),
            day = pick(&[By::Day], "d.day"),
            host = pick(&[By::Host, By::Result], "r.hostid"),
            result = pick(&[By::Result], "r.resultid"),
            sums = sums.join(", "),
            which = self.sql(),
        )
    }
}

impl Conn {
    /// Whether any application has, or had, a campaign of exactly that name.
    pub async fn is_campaign(&mut self, name: &str) -> Result<bool> {
        use crate::schema::ours::cobblestone_campaign as c;
        let found: Vec<String> = c::table.filter(c::name.eq(name)).select(c::name).load(&mut self.db).await?;
        Ok(found.iter().any(|found| found == name))
    }

    /// Sums in the order of their keys; with `limit`, those with most jobs that ended well, and of days the latest.
    /// `each` says whether to go on.
    pub async fn each_jobs(
        &mut self,
        which: &Which,
        by: By,
        limit: Option<i64>,
        mut each: impl FnMut(Jobs) -> bool,
    ) -> Result<()> {
        let order = match (by, limit) {
            (By::Day, Some(limit)) => format!("ORDER BY d.day DESC LIMIT {limit}"),
            (_, Some(limit)) => {
                format!("ORDER BY SUM(d.succeeded) DESC, {} LIMIT {limit}", by.key())
            }
            (_, None) => format!("ORDER BY {}", by.key()),
        };
        let mut query = diesel::sql_query(which.query(Some(by), &order)).into_boxed();
        if let Some(name) = &which.campaign {
            query = query.bind::<Text, _>(name);
        }
        let mut rows = query.load_stream::<Jobs>(&mut self.db).await?;
        let mut going = true;
        while let Some(row) = rows.next().await {
            // Read to the end, so that the connection is free for the next statement.
            going = going && each(row?);
            if !going && limit.is_none() {
                return Err(Error::Other("nobody reads on".to_owned()));
            }
        }
        Ok(())
    }

    /// How many sums there are.
    pub async fn count_jobs(&mut self, which: &Which, by: By) -> Result<i64> {
        #[derive(QueryableByName)]
        struct Count {
            #[diesel(sql_type = BigInt)]
            n: i64,
        }
        let mut query =
            diesel::sql_query(format!("SELECT COUNT(*) AS n FROM ({}) x", which.query(Some(by), "")))
                .into_boxed();
        if let Some(name) = &which.campaign {
            query = query.bind::<Text, _>(name);
        }
        let count: Count = query.get_result(&mut self.db).await?;
        Ok(count.n)
    }

    /// All together.
    pub async fn all_jobs(&mut self, which: &Which) -> Result<Jobs> {
        let mut query = diesel::sql_query(which.query(None, "")).into_boxed();
        if let Some(name) = &which.campaign {
            query = query.bind::<Text, _>(name);
        }
        Ok(query.get_result(&mut self.db).await?)
    }
}
