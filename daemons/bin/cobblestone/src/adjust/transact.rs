//! The transaction of an adjustment: lock, decide, write.

use boinc::id::{AppId, HostId, MessageId, ResultId, TeamId, WorkunitId};
use boinc::ledger::{LedgerEntry, LedgerKind};
use boinc::record::{CreditByApp, Host, ResultRow, Team, User};
use boinc::state::ValidateState;
use rules::RULE_VERSION;
use rules::books::{Books, ByApp, Payee, Versions};
use store::Tx;
use store::ledger_view::Which;
use store::trickles::Mark;

use super::which;

/// Seconds before now at which work without a sending time counts as begun, for the recent average: as for trickles.
const START_OF_WORK: f64 = 86_400.0;

/// Adjustments that are compared with the new one.
const COMPARED: i64 = 10_000;

/// Who or what is adjusted.
#[derive(Debug, Clone, Copy)]
pub(super) enum Target {
    /// And which application it counts for.
    Host(HostId, Option<AppId>),
    Result(ResultId),
}

/// What is to be done.
#[derive(Debug, Clone)]
pub(super) struct Order {
    pub(super) target: Target,
    /// Cobblestones.
    pub(super) credit: f64,
    pub(super) reason: String,
    pub(super) who: String,
    pub(super) again: bool,
    pub(super) dry_run: bool,
    /// config.xml: `credit_by_app`
    pub(super) by_app: bool,
    /// Unix seconds.
    pub(super) now: f64,
}

impl Order {
    /// What the ledger says.
    pub(super) fn text(&self) -> String {
        format!("{} (by {})", self.reason, self.who)
    }

    /// Whether a ledger row is the same adjustment, whoever made it.
    fn is_same(&self, credit: f64, text: &str) -> bool {
        credit == self.credit && text.rsplit_once(" (by ").is_some_and(|(reason, _)| reason == self.reason)
    }
}

/// A number before and after.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) what: String,
    pub(super) before: f64,
    pub(super) after: f64,
    /// Recent averages.
    pub(super) averages: Option<(f64, f64)>,
}

/// What changed.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) lines: Vec<Line>,
    /// Worth knowing.
    pub(super) note: Option<String>,
}

/// How it ended.
#[derive(Debug)]
pub(super) enum Outcome {
    Made(Made),
    /// It can't be done.
    Refused(String),
    /// The same was made then, Unix seconds.
    MadeBefore(f64),
}

/// What is locked, in the order of the locks.
struct Locked {
    result: Option<ResultRow>,
    mark: Option<Mark>,
    host: Host,
    user: Option<User>,
    team: Option<Team>,
    credit_user: Option<CreditByApp>,
    credit_team: Option<CreditByApp>,
}

/// Decides and writes.
pub(super) async fn adjust(tx: &mut Tx, order: &Order) -> store::Result<Outcome> {
    let (locked, app) = match lock(tx, order).await? {
        Ok(locked) => locked,
        Err(why) => return Ok(Outcome::Refused(why)),
    };
    let result = locked.result.as_ref().map_or(ResultId(0), |row| row.id);
    if !order.again {
        let rows = tx.last_ledger_rows(&which(locked.host.id, result), COMPARED).await?;
        if let Some(same) = rows.iter().rev().find(|row| order.is_same(row.credit, &row.reason)) {
            return Ok(Outcome::MadeBefore(same.time));
        }
    }
    let mark = new_mark(tx, order, &locked).await?;
    let mut lines = totals(&locked, order.credit);
    if let Some(why) = impossible(&lines, mark.as_ref(), order.credit) {
        return Ok(Outcome::Refused(why));
    }
    let mut books = open(&locked);
    let sent = locked.result.as_ref().map(|row| f64::from(row.sent_time)).filter(|sent| *sent > 0.0);
    let start = sent.unwrap_or(order.now - START_OF_WORK);
    let by_app = app.filter(|_| order.by_app).map(|app| ByApp { app, owner: None, jobs: 0 });
    let payee = match books.grant(locked.host.id, order.credit, start, order.now, by_app) {
        Ok(payee) => payee,
        Err(error) => return Ok(Outcome::Refused(error.to_string())),
    };
    averages(&mut lines, &locked, &books);
    let made = Made { lines, note: note(order, &locked) };
    if order.dry_run {
        return Ok(Outcome::Made(made));
    }
    if let Some(row) = &locked.result {
        tx.add_granted_credit(&[(row.id, order.credit)]).await?;
    }
    tx.write_marks(mark.as_slice()).await?;
    tx.pay(&[entry(order, &locked, app, payee)], &books.changes()).await?;
    Ok(Outcome::Made(made))
}

/// Locks what may change, and says for which application it is; or why it can't be done.
async fn lock(tx: &mut Tx, order: &Order) -> store::Result<Result<(Locked, Option<AppId>), String>> {
    let (host, app, result, mark) = match order.target {
        Target::Host(host, app) => (host, app, None, None),
        Target::Result(id) => {
            let loaded = tx.lock_results(&[id]).await?;
            if let Some(bad) = loaded.bad.first() {
                return Ok(Err(bad.to_string()));
            }
            let Some(row) = loaded.rows.into_iter().next() else {
                return Ok(Err(format!("there is no result {id} (any more); name the host instead")));
            };
            if row.hostid == HostId(0) {
                return Ok(Err(format!("result {id} was never sent to a host")));
            }
            let mark = tx.marks(&[id]).await?.into_iter().next();
            (row.hostid, Some(row.appid), Some(row), mark)
        }
    };
    let Some(host) = tx.lock_hosts(&[host]).await?.into_iter().next() else {
        return Ok(Err(format!(
            "there is no host {host} (any more): its credit went with it, or to another host"
        )));
    };
    let user = tx.lock_users(&[host.userid]).await?.into_iter().next();
    let team = user.as_ref().map_or(TeamId(0), |user| user.teamid);
    let teams = if team == TeamId(0) { Vec::new() } else { tx.lock_teams(&[team]).await? };
    let (mut credit_user, mut credit_team) = (None, None);
    if let Some(app) = app.filter(|_| order.by_app) {
        credit_user = tx.lock_credit_users(app, &[host.userid]).await?.into_iter().next();
        credit_team = tx.lock_credit_teams(app, &[team]).await?.into_iter().next();
        let empty = |owner| CreditByApp {
            owner,
            appid: app,
            njobs: 0,
            total: 0.0,
            expavg: 0.0,
            expavg_time: order.now,
            credit_type: 0,
        };
        // A row that is not there can't be taken from; it is made by granting.
        if order.credit < 0.0 {
            credit_user.get_or_insert_with(|| empty(host.userid.0));
            credit_team.get_or_insert_with(|| empty(team.0));
        }
    }
    let team = teams.into_iter().next();
    Ok(Ok((Locked { result, mark, host, user, team, credit_user, credit_team }, app)))
}

/// The result's mark as it shall be: one is made if there is none.
async fn new_mark(tx: &mut Tx, order: &Order, locked: &Locked) -> store::Result<Option<Mark>> {
    let Some(row) = &locked.result else { return Ok(None) };
    let mut mark = match &locked.mark {
        Some(mark) => mark.clone(),
        None => {
            let paid = tx.ledger_sum(&Which { result: Some(row.id), ..Which::default() }).await?;
            Mark {
                result: row.id,
                host: row.hostid,
                app: row.appid,
                seconds_paid: 0.0,
                largest_claim: 0.0,
                credit_paid: paid.credit,
                messages: 0,
                time: order.now,
                sent_time: row.sent_time,
            }
        }
    };
    mark.credit_paid += order.credit;
    mark.time = order.now;
    Ok(Some(mark))
}

/// All totals that change.
fn totals(locked: &Locked, credit: f64) -> Vec<Line> {
    let line = |what: String, before: f64| Line { what, before, after: before + credit, averages: None };
    let mut lines = vec![line(format!("host {}", locked.host.id), locked.host.total_credit)];
    lines.extend(locked.user.iter().map(|user| line(format!("user {}", user.id), user.total_credit)));
    lines.extend(locked.team.iter().map(|team| line(format!("team {}", team.id), team.total_credit)));
    let by_app = |what: &str, row: &CreditByApp| {
        line(format!("{what} {} in application {}", row.owner, row.appid), row.total)
    };
    lines.extend(locked.credit_user.iter().map(|row| by_app("user", row)));
    lines.extend(locked.credit_team.iter().map(|row| by_app("team", row)));
    lines.extend(
        locked
            .result
            .iter()
            .map(|row| line(format!("result {}, granted credit", row.id), row.granted_credit)),
    );
    lines
}

/// Why it can't be done.
fn impossible(lines: &[Line], mark: Option<&Mark>, credit: f64) -> Option<String> {
    if let Some(line) = lines.iter().find(|line| !line.after.is_finite()) {
        return Some(format!("{} would not be a number any more", line.what));
    }
    if credit >= 0.0 {
        return None;
    }
    let too_low = |what: &str, before: f64| {
        format!("{what} has {before} cobblestones, so {} can't be taken: it would become negative", -credit)
    };
    if let Some(line) = lines.iter().find(|line| line.after < 0.0) {
        return Some(too_low(&line.what, line.before));
    }
    mark.filter(|mark| mark.credit_paid < 0.0)
        .map(|mark| too_low(&format!("in the ledger, result {}", mark.result), mark.credit_paid - credit))
}

fn open(locked: &Locked) -> Books {
    let mut books = Books::new(Versions::default());
    books.add_host(locked.host.clone());
    locked.user.iter().cloned().for_each(|row| books.add_user(row));
    locked.team.iter().cloned().for_each(|row| books.add_team(row));
    locked.credit_user.iter().cloned().for_each(|row| books.add_credit_user(row));
    locked.credit_team.iter().cloned().for_each(|row| books.add_credit_team(row));
    books
}

/// The averages of host, user and team, which are the first lines.
fn averages(lines: &mut [Line], locked: &Locked, books: &Books) {
    let host = books.host(locked.host.id).map(|row| (locked.host.expavg_credit, row.expavg_credit));
    let user =
        locked.user.as_ref().and_then(|old| Some((old.expavg_credit, books.user(old.id)?.expavg_credit)));
    let team =
        locked.team.as_ref().and_then(|old| Some((old.expavg_credit, books.team(old.id)?.expavg_credit)));
    let all = [host, user, team].into_iter().flatten();
    for (line, pair) in lines.iter_mut().zip(all) {
        line.averages = Some(pair);
    }
}

fn note(order: &Order, locked: &Locked) -> Option<String> {
    if let Target::Host(_, Some(_)) = order.target
        && !order.by_app
    {
        return Some(
            "--app has no effect: this project does not count credit by application (config.xml has no <credit_by_app/>)"
                .to_owned(),
        );
    }
    let row = locked.result.as_ref()?;
    let open = matches!(row.validate_state, ValidateState::Init | ValidateState::Inconclusive);
    open.then(|| {
        format!(
            "result {} is not validated yet: the validator will pay what it is worth minus what it got, this included",
            row.id
        )
    })
}

fn entry(order: &Order, locked: &Locked, app: Option<AppId>, payee: Payee) -> LedgerEntry {
    let result = locked.result.as_ref();
    LedgerEntry {
        when: order.now,
        kind: LedgerKind::Adjustment,
        message: MessageId(0),
        result: result.map_or(ResultId(0), |row| row.id),
        workunit: result.map_or(WorkunitId(0), |row| row.workunitid),
        host: payee.host,
        user: payee.user,
        team: payee.team,
        app: app.unwrap_or(AppId(0)),
        seconds: 0.0,
        flops: 0.0,
        credit: order.credit,
        rule_version: RULE_VERSION,
        reason: order.text(),
        by_app: payee.by_app,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_adjustment_is_known_whoever_made_it() {
        let order = Order {
            target: Target::Host(HostId(1), None),
            credit: 0.1,
            reason: "lost (by fire)".to_owned(),
            who: "anna".to_owned(),
            again: false,
            dry_run: false,
            by_app: false,
            now: 0.0,
        };
        assert!(order.is_same(0.1, &order.text()) && order.is_same(0.1, "lost (by fire) (by uid 7)"));
        assert!(!order.is_same(0.2, &order.text()));
        assert!(!order.is_same(0.1, "lost (by fire)") && !order.is_same(0.1, "Lost (by fire) (by anna)"));
    }
}
