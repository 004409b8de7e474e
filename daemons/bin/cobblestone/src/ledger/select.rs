//! Which rows of the ledger: flags, and what their names stand for.

use anyhow::{Result, bail};
use boinc::id::{AppId, HostId, ResultId, TeamId, UserId, WorkunitId};
use boinc::ledger::LedgerKind;
use boinc::printable::printable;
use store::Store;
use store::ledger_view::Which;

/// Seconds of a day.
const DAY: f64 = 86_400.0;

/// Which rows; all that is given must hold.
#[derive(Debug, clap::Args)]
pub struct WhichArgs {
    /// Only what this user gained: id, or the exact name
    #[arg(long, value_name = "ID|NAME")]
    user: Option<String>,
    /// Only what this host gained
    #[arg(long, value_name = "ID")]
    host: Option<i32>,
    /// Only what was paid for this result: id, or its name
    #[arg(long, value_name = "ID|NAME")]
    result: Option<String>,
    /// Only what was paid for the results of this workunit
    #[arg(long, value_name = "ID")]
    workunit: Option<i32>,
    /// Only what this team gained: id, or the exact name
    #[arg(long, value_name = "ID|NAME")]
    team: Option<String>,
    /// Only this application: its short name, or the id of one that is gone
    #[arg(long, value_name = "NAME")]
    app: Option<String>,
    /// Only this kind: uptime, final, adjustment or revocation
    #[arg(long, value_name = "KIND", value_parser = kind)]
    kind: Option<LedgerKind>,
    /// Only this day (UTC)
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day, conflicts_with_all = ["from", "to"])]
    day: Option<f64>,
    /// From the beginning of this day (UTC)
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day)]
    from: Option<f64>,
    /// To the end of this day (UTC)
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day)]
    to: Option<f64>,
}

fn kind(word: &str) -> Result<LedgerKind, String> {
    let all = LedgerKind::ALL.map(LedgerKind::as_str);
    word.parse().map_err(|_| format!("one of: {}", all.join(", ")))
}

/// The beginning of a day, Unix seconds.
fn day(text: &str) -> Result<f64, String> {
    let day = chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d")
        .map_err(|_| "a day, as in 2026-11-20".to_owned())?;
    #[expect(clippy::cast_precision_loss, reason = "whole seconds of some thousand years")]
    Ok(day.and_time(chrono::NaiveTime::MIN).and_utc().timestamp() as f64)
}

impl WhichArgs {
    /// Looks names up.
    ///
    /// # Errors
    /// Nothing is called so, or several things are.
    pub async fn find(&self, store: &Store) -> Result<Which> {
        if let (Some(from), Some(to)) = (self.from, self.to)
            && to < from
        {
            bail!("--to lies before --from");
        }
        Ok(Which {
            user: user(store, self.user.as_deref()).await?,
            host: self.host.map(HostId),
            result: match &self.result {
                Some(result) => Some(result_id(store, result).await?),
                None => None,
            },
            workunit: self.workunit.map(WorkunitId),
            team: team(store, self.team.as_deref()).await?,
            app: app(store, self.app.as_deref()).await?,
            kind: self.kind,
            from: self.day.or(self.from),
            before: self.day.or(self.to).map(|begin| begin + DAY),
        })
    }
}

/// The result of that id or name. An id is taken as it is: its row may be gone.
///
/// # Errors
/// There is no result of that name.
pub async fn result_id(store: &Store, text: &str) -> Result<ResultId> {
    if let Ok(id) = text.parse() {
        return Ok(ResultId(id));
    }
    let found = store.read("result by name", async |conn| conn.result_named(text).await).await?;
    match found {
        Some(id) => Ok(id),
        None => bail!(
            "there is no result named \"{}\"; if db_purge removed it, give its id",
            printable(text, 100)
        ),
    }
}

async fn user(store: &Store, text: Option<&str>) -> Result<Option<UserId>> {
    let Some(text) = text else { return Ok(None) };
    if let Ok(id) = text.parse() {
        return Ok(Some(UserId(id)));
    }
    let found = store.read("user by name", async |conn| conn.users_named(text, 20).await).await?;
    one("user", text, found).map(Some)
}

async fn team(store: &Store, text: Option<&str>) -> Result<Option<TeamId>> {
    let Some(text) = text else { return Ok(None) };
    if let Ok(id) = text.parse() {
        return Ok(Some(TeamId(id)));
    }
    let found = store.read("team by name", async |conn| conn.teams_named(text, 20).await).await?;
    one("team", text, found).map(Some)
}

/// The application of that short name, or of the id of one that is gone.
///
/// # Errors
/// There is no application of that name.
pub async fn app(store: &Store, text: Option<&str>) -> Result<Option<AppId>> {
    let Some(text) = text else { return Ok(None) };
    let found = store.read("application", async |conn| conn.app(text).await).await?;
    match (found, text.parse()) {
        (Some(app), _) => Ok(Some(app.id)),
        (None, Ok(id)) => Ok(Some(AppId(id))),
        (None, Err(_)) => bail!("there is no application `{}`", printable(text, 100)),
    }
}

fn one<Id: std::fmt::Display + Copy>(what: &str, name: &str, found: Vec<Id>) -> Result<Id> {
    match found.as_slice() {
        [id] => Ok(*id),
        [] => bail!(
            "there is no {what} named \"{}\"; give the id, or the name as it is written",
            printable(name, 100)
        ),
        several => {
            let ids: Vec<String> = several.iter().map(ToString::to_string).collect();
            bail!(
                "more than one {what} is named \"{}\": give the id, one of {}",
                printable(name, 100),
                ids.join(", ")
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_read() {
        assert_eq!(kind("final"), Ok(LedgerKind::Final));
        assert_eq!(kind("foo"), Err("one of: uptime, final, adjustment, revocation".to_owned()));
    }

    #[test]
    fn days_are_read() {
        assert_eq!(day("1970-01-02"), Ok(86_400.0));
        assert_eq!(day("2026-11-20"), Ok(1_795_132_800.0));
        for wrong in ["2026-02-30", "20.11.2026", "", "2026-11-20x"] {
            assert!(day(wrong).is_err(), "{wrong}");
        }
    }
}
