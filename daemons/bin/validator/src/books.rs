//! The books of a batch: what results were paid and to whom, and the locked rows that the rules may change.
//!
//! Invariant: everybody who may gain or give back is locked before anything is decided, in the order of all: statistics,
//! hosts, users, teams, their rows by application.

use std::collections::{BTreeMap, BTreeSet};

use boinc::id::{AppId, HostId, ResultId, TeamId, UserId};
use boinc::ledger::PaidShare;
use boinc::record::ResultRow;
use rules::books::{Books, Versions};
use rules::credit::CreditMode;
use rules::judge::{Options, Paid, host_today};
use rules::kin::{HostLink, Kin, LONGEST_CHAIN};
use rules::uptime::{HostDays, InvalidResults, ResultFacts, days_between};
use store::Tx;
use store::trickles::Mark;

/// What the books say of some results.
#[derive(Debug, Default)]
pub struct Accounts {
    pub marks: BTreeMap<ResultId, Mark>,
    /// Who was paid; only where it may be taken back. Hosts are those of today.
    shares: BTreeMap<ResultId, Vec<PaidShare>>,
    /// Hosts that were paid, and are not there any more.
    gone: BTreeSet<HostId>,
}

impl Accounts {
    /// Reads them. The results are locked.
    pub async fn read(tx: &mut Tx, options: &Options<'_>, results: &[ResultRow]) -> store::Result<Self> {
        let ids: Vec<ResultId> = results.iter().map(|row| row.id).collect();
        let marks: BTreeMap<ResultId, Mark> =
            tx.marks(&ids).await?.into_iter().map(|mark| (mark.result, mark)).collect();
        if options.uptime.invalid_results != InvalidResults::Revoke {
            return Ok(Self { marks, ..Self::default() });
        }
        let paid: Vec<ResultId> = marks.keys().copied().collect();
        let mut shares = tx.paid_shares(&paid).await?;
        let gone = today(tx, results, &mut shares).await?;
        Ok(Self { marks, shares, gone })
    }

    /// What a result was paid so far.
    pub fn paid(&self, result: ResultId) -> Paid {
        let Some(mark) = self.marks.get(&result) else { return Paid::default() };
        let shares = self.shares.get(&result);
        Paid {
            credit: mark.credit_paid,
            // The mark says how far trickles got: as many seconds as they were paid, unless all was taken back.
            seconds: match shares {
                Some(shares) => shares.iter().map(|share| share.seconds).sum(),
                None if mark.credit_paid > 0.0 => mark.seconds_paid,
                None => 0.0,
            },
            sent_time: mark.sent_time,
            shares: shares.cloned().unwrap_or_default(),
        }
    }

    fn shares(&self) -> impl Iterator<Item = &PaidShare> {
        self.shares.values().flatten()
    }
}

/// Makes the hosts of shares those of today: most are those of their results, and need no look. Returns those that are gone.
async fn today(
    tx: &mut Tx,
    results: &[ResultRow],
    shares: &mut BTreeMap<ResultId, Vec<PaidShare>>,
) -> store::Result<BTreeSet<HostId>> {
    let now: BTreeMap<ResultId, HostId> = results.iter().map(|row| (row.id, row.hostid)).collect();
    let host_of = |result: &ResultId| now.get(result).copied().unwrap_or(HostId(0));
    let others: BTreeSet<HostId> = shares
        .iter()
        .flat_map(|(result, shares)| shares.iter().map(|share| (share.host, host_of(result))))
        .filter(|(paid, now)| paid != now && *paid != HostId(0))
        .map(|(paid, _)| paid)
        .collect();
    let mut kin = Kin::default();
    tx.follow_merges(others.into_iter().collect(), LONGEST_CHAIN + 1, |links| {
        kin.add(links.into_iter().map(|(host, owner, rpc_seqno)| HostLink { host, owner, rpc_seqno }))
    })
    .await?;
    let mut gone = BTreeSet::new();
    for (result, shares) in shares.iter_mut() {
        for share in shares {
            match host_today(share.host, host_of(result), &kin) {
                Some(host) => share.host = host,
                None => _ = gone.insert(share.host),
            }
        }
    }
    Ok(gone)
}

/// Locks everything that the rules may change: statistics, hosts, users, teams; those of today, and those that may have to
/// give back.
pub async fn open_books(
    tx: &mut Tx,
    options: &Options<'_>,
    results: &[ResultRow],
    accounts: &Accounts,
) -> store::Result<Books> {
    let app: AppId = options.app.id;
    let hosts: BTreeSet<HostId> = results.iter().map(|row| row.hostid).collect();
    let reported: Vec<HostId> = hosts.iter().copied().filter(|id| *id != HostId(0)).collect();
    let mut books = Books::new(Versions::new(tx.app_versions(app).await?));
    for row in tx.lock_host_app_versions(&reported).await? {
        books.add_host_app_version(row);
    }
    let paid = accounts.shares().map(|share| share.host).filter(|host| !accounts.gone.contains(host));
    let hosts: BTreeSet<HostId> = hosts.into_iter().chain(paid).filter(|id| *id != HostId(0)).collect();
    let hosts = tx.lock_hosts(&hosts.into_iter().collect::<Vec<_>>()).await?;
    let owners: BTreeSet<UserId> = hosts.iter().map(|host| host.userid).collect();
    let users: BTreeSet<UserId> =
        owners.iter().copied().chain(accounts.shares().map(|share| share.user)).collect();
    let users: Vec<UserId> = users.into_iter().filter(|id| *id != UserId(0)).collect();
    let locked = tx.lock_users(&users).await?;
    let theirs: BTreeSet<TeamId> = locked.iter().map(|user| user.teamid).collect();
    let teams: BTreeSet<TeamId> =
        theirs.iter().copied().chain(accounts.shares().map(|share| share.team)).collect();
    let teams: Vec<TeamId> = teams.into_iter().filter(|id| *id != TeamId(0)).collect();
    for row in tx.lock_teams(&teams).await? {
        books.add_team(row);
    }
    // Who gains by application, if that is counted; and who gained, whether or not it is now.
    let by_app = accounts.shares().filter_map(|share| share.by_app);
    let (mut users, mut teams): (BTreeSet<UserId>, BTreeSet<TeamId>) = by_app.unzip();
    if options.credit_by_app {
        users.extend(owners.into_iter().chain(results.iter().map(|row| row.userid)));
        teams.extend(theirs.into_iter().chain(results.iter().map(|row| row.teamid)));
    }
    for row in tx.lock_credit_users(app, &users.into_iter().collect::<Vec<_>>()).await? {
        books.add_credit_user(row);
    }
    for row in tx.lock_credit_teams(app, &teams.into_iter().collect::<Vec<_>>()).await? {
        books.add_credit_team(row);
    }
    hosts.into_iter().for_each(|row| books.add_host(row));
    locked.into_iter().for_each(|row| books.add_user(row));
    Ok(books)
}

/// What the days of hosts have paid so far, where uptime is settled and the application caps it. The hosts are locked.
pub async fn load_days(
    tx: &mut Tx,
    options: &Options<'_>,
    results: &[ResultRow],
    marks: &BTreeMap<ResultId, Mark>,
    books: &mut Books,
) -> store::Result<()> {
    let Some(cap) = options.uptime.max_seconds_per_host_and_day else { return Ok(()) };
    if options.credit_mode != CreditMode::Uptime {
        return Ok(());
    }
    let mut hosts = BTreeSet::new();
    let mut span: Option<(i32, i32)> = None;
    for row in results.iter().filter(|row| row.hostid != HostId(0)) {
        let Some(received) = ResultFacts::of(row).received_time else { continue };
        let sent = marks.get(&row.id).map_or(row.sent_time, |mark| mark.first_sent(row));
        let days = days_between(sent, received);
        let (first, last) = span.unwrap_or((i32::MAX, i32::MIN));
        span = Some((first.min(*days.start()), last.max(*days.end())));
        hosts.insert(row.hostid);
    }
    let Some((first, last)) = span else { return Ok(()) };
    let ids: Vec<HostId> = hosts.into_iter().collect();
    let mut paid: BTreeMap<HostId, Vec<(i32, f64)>> = BTreeMap::new();
    for day in tx.host_days(options.app.id, &ids, first, last).await? {
        paid.entry(day.host).or_default().push((day.day, day.seconds));
    }
    for host in ids {
        let days = HostDays::new(Some(cap), paid.remove(&host).unwrap_or_default());
        books.add_host_days(host, days);
    }
    Ok(())
}
