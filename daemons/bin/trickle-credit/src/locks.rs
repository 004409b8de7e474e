//! What a batch locks, and what it reads under the locks.
//!
//! Invariant: results, then hosts, users, teams and their rows by application, each in the order of ids. What is kept of
//! results and hosts is read only when they are locked.

use std::collections::{BTreeMap, BTreeSet};

use boinc::id::{AppId, HostId, ResultId, TeamId, UserId};
use boinc::record::Host;
use boinc::trickle::Meaning;
use rules::books::{Books, Versions};
use rules::uptime::{HostDays, REACH, ResultFacts, Unit, day_of};
use store::Tx;

use crate::decide::{Item, Locked};
use crate::policies::Policies;
use crate::settle::gains;
use crate::sort::Sorted;

/// Locks results and hosts, and reads what is kept with them.
pub async fn lock(tx: &mut Tx, policies: &Policies, sorted: &Sorted, variety: &str) -> store::Result<Locked> {
    let all: BTreeSet<ResultId> = sorted.by_result.keys().chain(sorted.reports.keys()).copied().collect();
    let mut rows = tx.lock_results(&all.into_iter().collect::<Vec<_>>()).await?.rows;
    // Reports concern no host.
    let ids: Vec<ResultId> = sorted.by_result.keys().copied().collect();
    let claimed = rows.iter().filter(|row| sorted.by_result.contains_key(&row.id));
    let hosts: BTreeSet<HostId> =
        claimed.map(|row| row.hostid).chain(sorted.by_host.keys().copied()).collect();
    let hosts: Vec<HostId> = hosts.into_iter().collect();
    let mut locked = Locked {
        hosts: tx.lock_hosts(&hosts).await?.into_iter().map(|host| (host.id, host)).collect(),
        marks: tx.marks(&ids).await?.into_iter().map(|mark| (mark.result, mark)).collect(),
        ..Locked::default()
    };
    for row in &mut rows {
        row.sent_time = locked.marks.get(&row.id).map_or(row.sent_time, |mark| mark.first_sent(row));
    }

    let found = rows.iter().filter_map(|row| policies.of(row.appid, variety));
    let rules: Vec<_> = found.map(|(_, rule)| rule).collect();
    if rules.iter().any(|rule| rule.meaning == Meaning::Increment) {
        locked.sums = tx.increment_sums(&ids).await?.into_iter().map(|sum| (sum.result, sum)).collect();
    }
    if rules.iter().any(|rule| rule.unit == Unit::Cpu) {
        locked.processors = tx.host_processors(&hosts).await?.into_iter().collect();
    }
    let asked = || sorted.by_result.values().chain(sorted.by_host.values()).flatten();
    let identities: BTreeSet<_> = asked().filter_map(|asked| asked.identity).collect();
    locked.known = tx.known_increments(&identities.into_iter().collect::<Vec<_>>()).await?;

    let mut capped: BTreeMap<AppId, (f64, BTreeSet<HostId>)> = BTreeMap::new();
    let of_results = rows.iter().filter_map(|row| {
        Some((row.appid, row.hostid, policies.of(row.appid, variety)?.0.max_seconds_per_host_and_day?))
    });
    let payer = policies.payer(variety).ok().flatten();
    let payer = payer.and_then(|payer| Some((payer.app, payer.policy.max_seconds_per_host_and_day?)));
    let of_hosts = sorted.by_host.keys().filter_map(|host| payer.map(|(app, cap)| (app, *host, cap)));
    for (app, host, cap) in of_results.chain(of_hosts) {
        capped.entry(app).or_insert_with(|| (cap, BTreeSet::new())).1.insert(host);
    }
    if !capped.is_empty() {
        let times = asked().map(|asked| asked.create_time);
        let latest = locked.sums.values().map(|sum| sum.latest);
        // Days end with the report, which can lie long before the message.
        let reports = rows.iter().filter_map(|row| ResultFacts::of(row).received_time);
        let first = times.clone().chain(reports).min().map_or(0, day_of).saturating_sub(REACH);
        let last = times.chain(latest).max().map_or(0, day_of);
        for (app, (cap, hosts)) in capped {
            let ids: Vec<HostId> = hosts.iter().copied().collect();
            let mut days: BTreeMap<HostId, Vec<(i32, f64)>> = BTreeMap::new();
            for day in tx.host_days(app, &ids, first, last).await? {
                days.entry(day.host).or_default().push((day.day, day.seconds));
            }
            for host in hosts {
                let paid = days.remove(&host).unwrap_or_default();
                locked.days.insert((host, app), HostDays::new(Some(cap), paid));
            }
        }
    }
    locked.results = rows.into_iter().map(|row| (row.id, row)).collect();
    Ok(locked)
}

/// Locks the users and teams of hosts that gain something.
pub async fn open_books(
    tx: &mut Tx,
    items: &[Item],
    hosts: BTreeMap<HostId, Host>,
    credit_by_app: bool,
) -> store::Result<Books> {
    let gaining = || items.iter().filter(|item| gains(item));
    let ids: BTreeSet<HostId> = gaining().map(|item| item.host).collect();
    let apps: BTreeSet<AppId> = gaining().map(|item| item.app).filter(|app| *app != AppId(0)).collect();
    let hosts: Vec<Host> = hosts.into_values().filter(|host| ids.contains(&host.id)).collect();
    let users: BTreeSet<UserId> = hosts.iter().map(|host| host.userid).collect();
    let users = tx.lock_users(&users.into_iter().collect::<Vec<_>>()).await?;
    let teams: BTreeSet<TeamId> =
        users.iter().map(|user| user.teamid).filter(|id| *id != TeamId(0)).collect();
    let teams = tx.lock_teams(&teams.into_iter().collect::<Vec<_>>()).await?;
    let mut books = Books::new(Versions::default());
    if credit_by_app {
        let user_ids: Vec<UserId> = users.iter().map(|user| user.id).collect();
        let team_ids: Vec<TeamId> =
            users.iter().map(|user| user.teamid).collect::<BTreeSet<_>>().into_iter().collect();
        for app in apps {
            tx.lock_credit_users(app, &user_ids)
                .await?
                .into_iter()
                .for_each(|row| books.add_credit_user(row));
            tx.lock_credit_teams(app, &team_ids)
                .await?
                .into_iter()
                .for_each(|row| books.add_credit_team(row));
        }
    }
    hosts.into_iter().for_each(|row| books.add_host(row));
    users.into_iter().for_each(|row| books.add_user(row));
    teams.into_iter().for_each(|row| books.add_team(row));
    Ok(books)
}
