//! What is waiting, for a person who wants to know how a project is doing.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Double, Nullable, Text};
use diesel_async::RunQueryDsl;

use crate::error::Result;
use crate::transaction::Conn;

/// What waits in one application.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct AppStatus {
    /// Its short name.
    #[diesel(sql_type = Text)]
    pub app: String,
    /// Results that wait to be sent.
    #[diesel(sql_type = BigInt)]
    pub unsent: i64,
    /// Results on hosts.
    #[diesel(sql_type = BigInt)]
    pub in_progress: i64,
    /// Workunits that wait for the validator.
    #[diesel(sql_type = BigInt)]
    pub to_validate: i64,
    /// Workunits that wait for the assimilator.
    #[diesel(sql_type = BigInt)]
    pub to_assimilate: i64,
}

/// Messages of one variety that wait.
#[derive(Debug, Clone, PartialEq, QueryableByName)]
pub struct WaitingMessages {
    /// A volunteer's text.
    #[diesel(sql_type = Text)]
    pub variety: String,
    #[allow(missing_docs)]
    #[diesel(sql_type = BigInt)]
    pub messages: i64,
    /// When the oldest was stored, Unix seconds.
    #[diesel(sql_type = Nullable<Double>)]
    pub oldest: Option<f64>,
}

/// How many things a daemon has set aside.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct AsideCount {
    /// Who.
    #[diesel(sql_type = Text)]
    pub daemon: String,
    /// What.
    #[diesel(sql_type = Text)]
    pub kind: String,
    /// How many.
    #[diesel(sql_type = BigInt)]
    pub things: i64,
}

/// Workunits that BOINC's transitioner should have looked at.
#[derive(Debug, Clone, Copy, PartialEq, QueryableByName)]
pub struct Overdue {
    #[allow(missing_docs)]
    #[diesel(sql_type = BigInt)]
    pub workunits: i64,
    /// When the first of them was to be looked at, Unix seconds.
    #[diesel(sql_type = Nullable<Double>)]
    pub oldest: Option<f64>,
}

impl Conn {
    /// Workunits whose transition_time lies before `before`, Unix seconds.
    pub async fn overdue_workunits(&mut self, before: f64) -> Result<Overdue> {
        Ok(diesel::sql_query(
            "SELECT COUNT(*) AS workunits, MIN(transition_time) + 0e0 AS oldest FROM workunit WHERE transition_time < ?",
        )
        .bind::<Double, _>(before)
        .get_result(&mut self.db)
        .await?)
    }

    /// What waits, by application that is not deprecated.
    pub async fn app_status(&mut self) -> Result<Vec<AppStatus>> {
        Ok(diesel::sql_query(
            "SELECT a.name AS app, \
             (SELECT COUNT(*) FROM result r WHERE r.appid = a.id AND r.server_state = 2) AS unsent, \
             (SELECT COUNT(*) FROM result r WHERE r.appid = a.id AND r.server_state = 4) AS in_progress, \
             (SELECT COUNT(*) FROM workunit w WHERE w.appid = a.id AND w.need_validate > 0) AS to_validate, \
             (SELECT COUNT(*) FROM workunit w WHERE w.appid = a.id AND w.assimilate_state = 1) AS to_assimilate \
             FROM app a WHERE a.deprecated = 0 ORDER BY a.id",
        )
        .load(&mut self.db)
        .await?)
    }

    /// Messages that nobody has handled, by variety; at most twenty varieties.
    pub async fn waiting_messages(&mut self) -> Result<Vec<WaitingMessages>> {
        Ok(diesel::sql_query(
            "SELECT variety, COUNT(*) AS messages, MIN(create_time) + 0e0 AS oldest FROM msg_from_host \
             WHERE handled = 0 GROUP BY variety ORDER BY messages DESC, variety LIMIT 20",
        )
        .load(&mut self.db)
        .await?)
    }

    /// What is set aside, by daemon and kind.
    pub async fn set_aside_counts(&mut self) -> Result<Vec<AsideCount>> {
        Ok(diesel::sql_query(
            "SELECT daemon, kind, COUNT(*) AS things FROM cobblestone_quarantine GROUP BY daemon, kind ORDER BY daemon, kind",
        )
        .load(&mut self.db)
        .await?)
    }
}
