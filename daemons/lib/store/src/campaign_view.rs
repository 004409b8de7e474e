//! A campaign, counted, as a report shows it. Only reads; every number is a sum that the server makes, so the memory does
//! not grow with the campaign.
//!
//! Results of workunits that db_purge has removed are missing in what is counted from BOINC's tables: results, errors,
//! days, turnaround, uptime, who was fastest. What is counted from our own tables stays: fates, decisions, agreement,
//! columns, odd ones out.

use boinc::id::AppId;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Double, Integer, Nullable, Text};
use diesel_async::RunQueryDsl;

use crate::error::Result;
use crate::transaction::Conn;

/// Bins of a histogram in a decade: each is about 5 % wide.
pub const BINS: i32 = 50;

/// Hosts that stand out with fewer results than this do not count: it may be chance.
pub const ENOUGH: i64 = 3;

/// Most lines of what may have many.
const MOST: i64 = 20;

/// Workunits of one fate.
#[derive(Debug, Clone, PartialEq, QueryableByName)]
pub struct Fate {
    /// `valid`, `failed`, `cancelled`, `sent`, `waiting` or `gone`.
    #[diesel(sql_type = Text)]
    pub fate: String,
    #[allow(missing_docs)]
    #[diesel(sql_type = BigInt)]
    pub workunits: i64,
    /// Events that were asked for.
    #[diesel(sql_type = Double)]
    pub events: f64,
}

/// Results of one kind.
#[derive(Debug, Clone, PartialEq, QueryableByName)]
pub struct Results {
    /// `valid`, `invalid`, `error`, `no reply`, `to be judged`, `in progress`, `unsent` or `not needed`.
    #[diesel(sql_type = Text)]
    pub kind: String,
    #[allow(missing_docs)]
    #[diesel(sql_type = BigInt)]
    pub results: i64,
    /// CPU seconds, as clients say.
    #[diesel(sql_type = Double)]
    pub cpu_seconds: f64,
    /// Seconds that tasks ran, as clients say.
    #[diesel(sql_type = Double)]
    pub elapsed_seconds: f64,
    /// Cobblestones granted.
    #[diesel(sql_type = Double)]
    pub credit: f64,
    /// When the first was sent, Unix seconds.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub first_sent: Option<i64>,
    /// When the last was reported, Unix seconds.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub last_received: Option<i64>,
}

/// Results of a kind that were reported on a day.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct Day {
    /// UTC days since 1970.
    #[diesel(sql_type = BigInt)]
    pub day: i64,
    /// As [`Results::kind`].
    #[diesel(sql_type = Text)]
    pub kind: String,
    #[allow(missing_docs)]
    #[diesel(sql_type = BigInt)]
    pub results: i64,
}

/// Results that ended in the same error.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct Failure {
    /// `result.outcome`
    #[diesel(sql_type = Integer)]
    pub outcome: i32,
    /// `result.exit_status`
    #[diesel(sql_type = Integer)]
    pub exit_status: i32,
    #[allow(missing_docs)]
    #[diesel(sql_type = BigInt)]
    pub results: i64,
}

/// How many there are of something.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct Count {
    /// Of what.
    #[diesel(sql_type = Text)]
    pub what: String,
    #[allow(missing_docs)]
    #[diesel(sql_type = BigInt)]
    pub n: i64,
}

/// Values between 10^(bin/[`BINS`]) and 10^((bin+1)/[`BINS`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, QueryableByName)]
pub struct Bin {
    #[allow(missing_docs)]
    #[diesel(sql_type = BigInt)]
    pub bin: i64,
    /// How many.
    #[diesel(sql_type = BigInt)]
    pub n: i64,
}

/// Where valid results deviated most from the one that they were compared with.
#[derive(Debug, Clone, PartialEq, QueryableByName)]
pub struct Deviating {
    /// Output file.
    #[diesel(sql_type = Text)]
    pub file: String,
    /// Number or name of the column.
    #[diesel(sql_type = Text)]
    pub column: String,
    /// Results whose largest deviation was there.
    #[diesel(sql_type = BigInt)]
    pub results: i64,
    /// Mean of these, in units of the tolerance.
    #[diesel(sql_type = Double)]
    pub mean: f64,
    /// The largest of these.
    #[diesel(sql_type = Double)]
    pub largest: f64,
}

/// A host that stands out. Its texts come from the volunteer's machine.
#[derive(Debug, Clone, PartialEq, QueryableByName)]
pub struct Standing {
    #[allow(missing_docs)]
    #[diesel(sql_type = Integer)]
    pub hostid: i32,
    /// Operating system and processor; None = its row is gone.
    #[diesel(sql_type = Nullable<Text>)]
    pub machine: Option<String>,
    /// Results that were judged, or workunits in which it was compared.
    #[diesel(sql_type = BigInt)]
    pub of: i64,
    /// In how many it stood out.
    #[diesel(sql_type = BigInt)]
    pub times: i64,
    /// How many that would be by chance; 0 = not asked.
    #[diesel(sql_type = Double)]
    pub expected: f64,
    /// Its time as a part of the mean of the others, on average; 0 = not asked.
    #[diesel(sql_type = Double)]
    pub factor: f64,
}

/// All of it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CampaignFacts {
    /// When its row was made, Unix seconds.
    pub begun: f64,
    #[allow(missing_docs)]
    pub fates: Vec<Fate>,
    #[allow(missing_docs)]
    pub results: Vec<Results>,
    #[allow(missing_docs)]
    pub days: Vec<Day>,
    /// The most frequent first.
    pub failures: Vec<Failure>,
    /// From sending to report, of results that were reported, seconds.
    pub turnaround: Vec<Bin>,
    /// Uptime of valid results, seconds.
    pub uptime: Vec<Bin>,
    /// Uptime is what messages claimed; else the time that tasks ran, as clients say.
    pub uptime_is_claimed: bool,
    /// Results by what the validator decided.
    pub decisions: Vec<Count>,
    /// Workunits by the look that found their canonical result: `1`, `2` …
    pub looks: Vec<Count>,
    /// Workunits by the largest deviation among their valid results, in units of the tolerance.
    pub agreement: Vec<Count>,
    /// The most frequent first.
    pub columns: Vec<Deviating>,
    /// Hosts whose results disagreed in half of their workunits or more, [`ENOUGH`] at least.
    pub odd: Vec<Standing>,
    /// Hosts that were the fastest in all of their workunits, [`ENOUGH`] at least.
    pub fastest: Vec<Standing>,
    /// When the first and the last workunit got its row in the dataset, Unix seconds.
    pub assimilated: Option<(f64, f64)>,
}

const KIND: &str = "CASE WHEN r.server_state = 2 THEN 'unsent' WHEN r.server_state = 4 THEN 'in progress' \
    WHEN r.outcome = 1 AND r.validate_state = 1 THEN 'valid' WHEN r.outcome = 1 AND r.validate_state IN (2, 5) THEN 'invalid' \
    WHEN r.outcome = 6 THEN 'invalid' WHEN r.outcome = 1 THEN 'to be judged' WHEN r.outcome = 4 THEN 'no reply' \
    WHEN r.outcome = 5 THEN 'not needed' WHEN r.sent_time = 0 THEN 'not needed' ELSE 'error' END";

const MACHINE: &str = "(SELECT CONCAT(COALESCE(h.os_name, ''), ' ', COALESCE(h.os_version, ''), ', ', COALESCE(h.p_model, '')) \
    FROM host h WHERE h.id = x.hostid)";

/// Results of the campaign, as `r`.
fn from(campaign: i32) -> String {
    format!(
        "FROM cobblestone_job j STRAIGHT_JOIN result r ON r.workunitid = j.workunitid WHERE j.campaignid = {campaign}"
    )
}

fn verdicts(campaign: i32) -> String {
    format!(
        "FROM cobblestone_job j STRAIGHT_JOIN cobblestone_verdict v ON v.workunitid = j.workunitid WHERE j.campaignid = {campaign}"
    )
}

impl Conn {
    /// Everything about a campaign; ask in a snapshot, so that the sums are of one moment.
    pub async fn campaign_facts(&mut self, campaign: i32) -> Result<CampaignFacts> {
        use crate::schema::ours::cobblestone_campaign as c;
        let begun =
            c::table.filter(c::id.eq(campaign)).select(c::time).first(&mut self.db).await.optional()?;
        let claimed = self.bins(&format!(
            "SELECT m.largest_claim AS x FROM cobblestone_job j STRAIGHT_JOIN result r ON r.workunitid = j.workunitid \
             JOIN cobblestone_mark m ON m.resultid = r.id WHERE j.campaignid = {campaign} AND r.validate_state = 1"
        ))
        .await?;
        let uptime_is_claimed = !claimed.is_empty();
        let uptime = if uptime_is_claimed {
            claimed
        } else {
            self.bins(&format!("SELECT r.elapsed_time AS x {} AND r.validate_state = 1", from(campaign)))
                .await?
        };
        Ok(CampaignFacts {
            begun: begun.unwrap_or(0.0),
            fates: self.fates(campaign).await?,
            results: self.results_by_kind(campaign).await?,
            days: diesel::sql_query(format!(
                "SELECT CAST(r.received_time DIV 86400 AS SIGNED) AS day, {KIND} AS kind, COUNT(*) AS results {} \
                 AND r.received_time > 0 GROUP BY day, kind ORDER BY day, kind",
                from(campaign)
            ))
            .load(&mut self.db)
            .await?,
            failures: diesel::sql_query(format!(
                "SELECT r.outcome, r.exit_status, COUNT(*) AS results {} AND r.server_state = 5 AND r.outcome IN (3, 4, 6, 7) \
                 GROUP BY r.outcome, r.exit_status ORDER BY results DESC, r.outcome, r.exit_status LIMIT {MOST}",
                from(campaign)
            ))
            .load(&mut self.db)
            .await?,
            turnaround: self
                .bins(&format!(
                    "SELECT r.received_time - r.sent_time AS x {} AND r.outcome = 1 AND r.sent_time > 0 AND r.received_time > 0",
                    from(campaign)
                ))
                .await?,
            uptime,
            uptime_is_claimed,
            decisions: diesel::sql_query(format!(
                "SELECT CAST(v.decision AS CHAR) AS what, COUNT(DISTINCT v.resultid) AS n {} \
                 AND v.decision IN ('valid', 'invalid', 'too_late', 'error') GROUP BY v.decision ORDER BY n DESC",
                verdicts(campaign)
            ))
            .load(&mut self.db)
            .await?,
            looks: diesel::sql_query(format!(
                "SELECT CAST(n AS CHAR) AS what, COUNT(*) AS n FROM (SELECT g.workunitid, MIN(g.n) AS n FROM cobblestone_job j \
                 STRAIGHT_JOIN cobblestone_judgement g ON g.workunitid = j.workunitid WHERE j.campaignid = {campaign} \
                 AND g.outcome = 'canonical' GROUP BY g.workunitid) x GROUP BY x.n ORDER BY x.n LIMIT {MOST}"
            ))
            .load(&mut self.db)
            .await?,
            agreement: self.agreement_of(campaign).await?,
            columns: diesel::sql_query(format!(
                "SELECT SUBSTRING_INDEX(v.place, ', line ', 1) AS file, SUBSTRING_INDEX(v.place, ', column ', -1) AS `column`, \
                 COUNT(*) AS results, AVG(v.deviation) AS mean, MAX(v.deviation) AS largest {} AND v.decision = 'valid' \
                 AND v.deviation IS NOT NULL AND v.place LIKE '%, line %, column %' GROUP BY file, `column` \
                 ORDER BY largest DESC, file, `column` LIMIT {MOST}",
                verdicts(campaign)
            ))
            .load(&mut self.db)
            .await?,
            odd: diesel::sql_query(format!(
                "SELECT x.hostid, {MACHINE} AS machine, x.`of`, x.times, 0e0 AS expected, 0e0 AS factor FROM (\
                 SELECT v.hostid, COUNT(DISTINCT v.resultid) AS `of`, \
                 COUNT(DISTINCT IF(v.decision IN ('invalid', 'error'), v.resultid, NULL)) AS times {} \
                 AND v.decision IN ('valid', 'invalid', 'error') AND v.hostid <> 0 GROUP BY v.hostid) x \
                 WHERE x.times >= {ENOUGH} AND 2 * x.times >= x.`of` ORDER BY x.times / x.`of` DESC, x.times DESC, x.hostid LIMIT {MOST}",
                verdicts(campaign)
            ))
            .load(&mut self.db)
            .await?,
            fastest: self.fastest(campaign).await?,
            assimilated: self.assimilated_between(campaign).await?,
        })
    }

    /// How many values there are in each bin; values below 1 are in bin 0.
    async fn bins(&mut self, values: &str) -> Result<Vec<Bin>> {
        Ok(diesel::sql_query(format!(
            "SELECT CAST(FLOOR(LOG10(GREATEST(y.x, 1)) * {BINS}) AS SIGNED) AS bin, COUNT(*) AS n FROM ({values}) y \
             WHERE y.x > 0 GROUP BY bin ORDER BY bin"
        ))
        .load(&mut self.db)
        .await?)
    }

    /// The application of a campaign.
    pub async fn app_of_campaign(&mut self, campaign: i32) -> Result<Option<AppId>> {
        use crate::schema::ours::cobblestone_campaign as c;
        let app: Option<i32> =
            c::table.filter(c::id.eq(campaign)).select(c::appid).first(&mut self.db).await.optional()?;
        Ok(app.map(AppId))
    }

    async fn fates(&mut self, campaign: i32) -> Result<Vec<Fate>> {
        Ok(diesel::sql_query(format!(
            "SELECT fate, COUNT(*) AS workunits, SUM(events) + 0e0 AS events FROM (SELECT CASE \
             WHEN w.canonical_resultid <> 0 OR a.dataset = 'results' THEN 'valid' WHEN w.error_mask & 16 THEN 'cancelled' \
             WHEN w.error_mask <> 0 OR a.dataset = 'failures' THEN 'failed' WHEN w.id IS NULL THEN 'gone' \
             WHEN EXISTS (SELECT 1 FROM result r WHERE r.workunitid = w.id AND r.sent_time > 0) THEN 'sent' ELSE 'waiting' END AS fate, \
             j.events FROM cobblestone_job j LEFT JOIN workunit w ON w.id = j.workunitid \
             LEFT JOIN cobblestone_assimilated a ON a.workunitid = j.workunitid WHERE j.campaignid = {campaign}) x GROUP BY fate"
        ))
        .load(&mut self.db)
        .await?)
    }

    async fn results_by_kind(&mut self, campaign: i32) -> Result<Vec<Results>> {
        Ok(diesel::sql_query(format!(
            "SELECT {KIND} AS kind, COUNT(*) AS results, SUM(r.cpu_time) + 0e0 AS cpu_seconds, \
             SUM(r.elapsed_time) + 0e0 AS elapsed_seconds, SUM(r.granted_credit) + 0e0 AS credit, \
             CAST(MIN(NULLIF(r.sent_time, 0)) AS SIGNED) AS first_sent, \
             CAST(MAX(NULLIF(r.received_time, 0)) AS SIGNED) AS last_received {} GROUP BY kind ORDER BY results DESC, kind",
            from(campaign)
        ))
        .load(&mut self.db)
        .await?)
    }

    async fn agreement_of(&mut self, campaign: i32) -> Result<Vec<Count>> {
        Ok(diesel::sql_query(format!(
            "SELECT what, COUNT(*) AS n FROM (SELECT CASE WHEN MAX(v.deviation) IS NULL OR MAX(v.deviation) = 0 THEN 'no deviation' \
             WHEN MAX(v.deviation) <= 0.01 THEN 'up to 0.01' WHEN MAX(v.deviation) <= 0.1 THEN 'up to 0.1' \
             WHEN MAX(v.deviation) <= 0.5 THEN 'up to 0.5' WHEN MAX(v.deviation) <= 1 THEN 'up to 1' ELSE 'above 1' END AS what {} \
             AND v.decision = 'valid' GROUP BY v.workunitid HAVING COUNT(DISTINCT v.resultid) > 1) x GROUP BY what",
            verdicts(campaign)
        ))
        .load(&mut self.db)
        .await?)
    }

    async fn fastest(&mut self, campaign: i32) -> Result<Vec<Standing>> {
        let valid = "r.validate_state = 1 AND r.outcome = 1 AND r.elapsed_time > 0 AND r.hostid <> 0";
        Ok(diesel::sql_query(format!(
            "SELECT x.hostid, {MACHINE} AS machine, x.`of`, x.times, x.expected, x.factor FROM (\
             SELECT r.hostid, COUNT(*) AS `of`, CAST(SUM(r.elapsed_time <= g.least) AS SIGNED) AS times, SUM(1e0 / g.n) AS expected, \
             AVG(r.elapsed_time * (g.n - 1) / (g.together - r.elapsed_time)) + 0e0 AS factor FROM (\
             SELECT r.workunitid, MIN(r.elapsed_time) AS least, SUM(r.elapsed_time) AS together, COUNT(*) AS n {} AND {valid} \
             GROUP BY r.workunitid HAVING COUNT(DISTINCT r.hostid) > 1) g \
             STRAIGHT_JOIN result r ON r.workunitid = g.workunitid AND {valid} GROUP BY r.hostid) x \
             WHERE x.`of` >= {ENOUGH} AND x.times = x.`of` ORDER BY x.times DESC, x.hostid LIMIT {MOST}",
            from(campaign)
        ))
        .load(&mut self.db)
        .await?)
    }

    async fn assimilated_between(&mut self, campaign: i32) -> Result<Option<(f64, f64)>> {
        #[derive(QueryableByName)]
        struct Between {
            #[diesel(sql_type = Nullable<Double>)]
            first: Option<f64>,
            #[diesel(sql_type = Nullable<Double>)]
            last: Option<f64>,
        }
        let found: Between = diesel::sql_query(format!(
            "SELECT MIN(a.time) AS first, MAX(a.time) AS last FROM cobblestone_job j JOIN cobblestone_assimilated a \
             ON a.workunitid = j.workunitid WHERE j.campaignid = {campaign}"
        ))
        .get_result(&mut self.db)
        .await?;
        Ok(found.first.zip(found.last))
    }
}
