//! What is known of one message.

use anyhow::Result;
use app_config::AppConfig;
use boinc::id::{HostId, ResultId, UserId};
use boinc::record::{App, ResultRow};
use boinc::trickle::Message;
use rules::uptime::{Bound, ClaimRule, ResultFacts, UptimePolicy};
use store::Conn;
use store::backlog::MESSAGE_BYTES;
use store::increments::IncrementSum;
use store::ledger_view::{By, Sum, Which};
use store::messages::MessageRow;
use store::trickles::Mark;

use super::counted::counts_for;
use crate::project::Project;

/// See the module.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) row: MessageRow,
    /// Owner of the host that sent it, and the owner's name.
    pub(super) owner: Option<(UserId, Option<String>)>,
    /// What the text says; or why it can't be used.
    pub(super) message: Option<Result<Message, String>>,
    /// The result that it names, or that it was decided for.
    pub(super) result: Option<ResultRow>,
    /// Application of the result, else the only one that declares the variety.
    pub(super) app: Option<Payer>,
    /// Short names of applications that declare the variety.
    pub(super) declared_by: Vec<String>,
    /// Short names of those that have a claim of the variety, and pay no uptime: `enabled` is false.
    pub(super) switched_off: Vec<String>,
    /// A trickle handler of the toolkit ever read this variety.
    pub(super) was_read: bool,
    pub(super) mark: Option<Mark>,
    pub(super) increments: Option<IncrementSum>,
    /// Seconds that this message, or another copy of it, counts for.
    pub(super) counts_for: Option<f64>,
    /// What the result was paid, by kind.
    pub(super) paid: Vec<Sum>,
    /// Rows of the ledger of this result (or, without one, of the host) that were folded together.
    pub(super) folded: bool,
    /// What can't be told, and why.
    pub(super) gaps: Vec<String>,
}

/// An application, and how it pays messages of the variety.
#[derive(Debug)]
pub(super) struct Payer {
    pub(super) app: App,
    /// If it pays uptime.
    pub(super) policy: Option<UptimePolicy>,
    /// If it declares the variety.
    pub(super) rule: Option<ClaimRule>,
    /// It declares that such messages hold guest reports.
    pub(super) reports: bool,
}

impl Facts {
    /// Reads them; None when nothing tells of the message.
    pub(super) async fn read(project: &Project, id: i32) -> Result<Option<Self>> {
        let store = &project.store;
        let apps = store.read("applications", async |conn| conn.apps().await).await?;
        let mut gaps = Vec::new();
        let mut configs: Vec<(App, AppConfig)> = Vec::new();
        for app in apps {
            match AppConfig::load(&project.dir.root, &app.name) {
                Ok(config) => configs.push((app, config)),
                Err(error) => gaps.push(error.to_string()),
            }
        }
        let facts = store.snapshot("message", async |conn| Self::of(conn, id, &configs).await).await?;
        Ok(facts.map(|facts| Self { gaps, ..facts }))
    }

    async fn of(conn: &mut Conn, id: i32, configs: &[(App, AppConfig)]) -> store::Result<Option<Self>> {
        let Some(row) = conn.one_message(id, MESSAGE_BYTES).await? else { return Ok(None) };
        let host = row.hostid.map(HostId);
        let owner = match host {
            Some(host) => conn.owner_of_host(host).await?,
            None => None,
        };
        let text = row.text.as_deref();
        let message = text.map(|text| Message::parse(text).map_err(|error| error.to_string()));
        let name = message.as_ref().and_then(|m| m.as_ref().ok()?.result_name.clone());
        let result = find_result(conn, &row, name.as_deref()).await?;
        let resultid = result.as_ref().map(|row| row.id).or(row.resultid.filter(|id| *id != 0).map(ResultId));

        let variety = row.variety().unwrap_or_default();
        let reports = |config: &AppConfig| config.reports.iter().any(|rule| rule.variety == variety);
        let claims = |config: &AppConfig| config.uptime.enabled && config.uptime.claim(&variety).is_some();
        let is_off = |config: &AppConfig| !config.uptime.enabled && config.uptime.claim(&variety).is_some();
        let declares = |config: &AppConfig| claims(config) || reports(config);
        let declared: Vec<&(App, AppConfig)> =
            configs.iter().filter(|(_, config)| declares(config)).collect();
        let of_result = result.as_ref().and_then(|row| configs.iter().find(|(app, _)| app.id == row.appid));
        let only =
            if let ([only], true) = (declared.as_slice(), result.is_none()) { Some(*only) } else { None };
        let app = of_result.or(only).map(|(app, config)| {
            let policy = config.uptime.enabled.then(|| config.uptime.clone());
            let rule = policy.as_ref().and_then(|policy| policy.claim(&variety).cloned());
            Payer { app: app.clone(), policy, rule, reports: reports(config) }
        });

        let (mut mark, mut increments, mut paid) = (None, None, Vec::new());
        if let Some(id) = resultid {
            mark = conn.marks(&[id]).await?.into_iter().next();
            increments = conn.increment_sums(&[id]).await?.into_iter().next();
            let which = Which { result: Some(id), ..Which::default() };
            conn.each_ledger_sum(&which, By::Kind, None, |sum| {
                paid.push(sum);
                true
            })
            .await?;
        }
        let which = Which { result: resultid, host: host.filter(|_| resultid.is_none()), ..Which::default() };
        let folded = (resultid.is_some() || host.is_some()) && conn.has_folded_rows(&which).await?;
        let counts_for = counts_for(conn, &row, message.as_ref()).await?;
        let was_read = conn.varieties_read().await?.contains(&variety);
        Ok(Some(Self {
            owner,
            message,
            result,
            declared_by: declared.iter().map(|(app, _)| app.name.clone()).collect(),
            switched_off: configs
                .iter()
                .filter(|(_, config)| is_off(config))
                .map(|(app, _)| app.name.clone())
                .collect(),
            app,
            was_read,
            mark,
            increments,
            counts_for,
            paid,
            folded,
            gaps: Vec::new(),
            row,
        }))
    }

    /// The number in the message, by the application's declaration.
    pub(super) fn claim(&self) -> Option<Result<f64, String>> {
        let rule = self.app.as_ref()?.rule.as_ref()?;
        let message = self.message.as_ref()?.as_ref().ok()?;
        Some(message.claim(&rule.element).map_err(|error| error.to_string()))
    }

    /// Most seconds of wall clock that it can be good for, as the result stands now; and what sets the limit.
    pub(super) fn possible(&self) -> Option<(f64, Bound)> {
        let policy = self.app.as_ref()?.policy.as_ref()?;
        let row = self.result.as_ref().filter(|row| row.sent_time > 0)?;
        let sent_time = self.mark.as_ref().map_or(row.sent_time, |mark| mark.first_sent(row));
        Some(ResultFacts { sent_time, ..ResultFacts::of(row) }.bound(self.row.create_time?, policy))
    }
}

/// The result that it was decided for, else the one that it names.
async fn find_result(
    conn: &mut Conn,
    row: &MessageRow,
    name: Option<&str>,
) -> store::Result<Option<ResultRow>> {
    if let Some(id) = row.resultid.filter(|id| *id != 0) {
        let named = conn.result_name_and_host(ResultId(id)).await?;
        return match named {
            Some((name, _)) => one_result(conn, &name).await,
            None => Ok(None),
        };
    }
    match name {
        Some(name) => one_result(conn, name).await,
        None => Ok(None),
    }
}

async fn one_result(conn: &mut Conn, name: &str) -> store::Result<Option<ResultRow>> {
    let found = conn.results_by_name(&[name]).await?;
    // The database compares names without case.
    Ok(found.rows.into_iter().find(|row| row.name == name))
}
