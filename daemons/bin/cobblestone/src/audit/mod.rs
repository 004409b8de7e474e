//! `cobblestone audit`: do the books balance?
//!
//! Everything is read in one snapshot, so it is right while daemons work: whatever they commit meanwhile is seen whole or
//! not at all. Nothing is locked, and nothing is written but with `--accept`, which adds one row. [`Audit::findings`] is
//! the verdict; the demo uses the same code. Killed, it has done nothing, or with `--accept` that one row.

mod accept;
mod explained;
mod findings;
mod owners;
mod report;
mod words;

use std::collections::BTreeMap;

use anyhow::Result;
use daemon::Clock;
use store::audit::owners::{Accepted, Book, BookSum, Member};
use store::audit::rows::{BadAverage, BadEntry, Flagged, Overpaid, Pair, Tally};
use store::audit::{KindSum, Messages};
use store::control::Control;
use store::{Conn, Store};

use crate::cli::ProjectArgs;
use crate::project::{Project, Uptime};
use crate::screen::print;
use crate::text::kind_of_reason;

pub use accept::Subject;
use owners::{Explained, Facts, explain};
pub use words::{Finding, findings_text};

/// Seconds that the clocks of a project's machines may differ.
const CLOCKS: f64 = 600.0;
/// Flagged hosts that are listed.
const FLAGGED: i64 = 10;

/// `cobblestone audit`.
#[derive(Debug, Clone, clap::Args)]
pub struct AuditArgs {
    #[command(flatten)]
    pub project: ProjectArgs,
    /// Print one JSON object instead of a report
    #[arg(long)]
    pub json: bool,
    /// Settle one difference for good, after you know where it comes from: host:17, user:17, team:3, credit_user:17:APPID,
    /// credit_team:3:APPID, result:4711 (seconds), granted:4711 (granted_credit), or messages
    #[arg(long, value_name = "WHAT", requires = "reason")]
    pub accept: Option<Subject>,
    /// Why it is accepted: stands in every audit from then on
    #[arg(long, value_name = "TEXT", requires = "accept")]
    pub reason: Option<String>,
}

/// What was found in the books, at one moment.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Audit {
    /// The moment, on the project's clock.
    pub time: f64,
    /// When the toolkit came.
    pub since: f64,
    /// Sums of all totals, against the ledger.
    pub totals: BTreeMap<Book, BookSum>,
    /// Totals that the ledger alone does not explain.
    pub explained: Explained,
    /// What teams keep of users who left.
    pub former: Vec<Member>,
    /// Credit of results that the ledger does not know, by application.
    pub by_others: Vec<Tally>,
    /// What persons accepted.
    pub accepted: Vec<Accepted>,
    /// The ledger by kind.
    pub kinds: Vec<KindSum>,
    /// What the ledger holds, against its control totals.
    pub control: Control,
    /// Ledger rows that make no sense, at most twenty.
    pub bad_entries: Vec<BadEntry>,
    /// Payments that do not name their message.
    pub nameless: Vec<BadEntry>,
    /// Results whose mark and ledger differ: mark, ledger.
    pub marks_off: Vec<Pair>,
    /// Results whose mark stands at fewer seconds than the ledger paid: mark, ledger.
    pub marks_behind: Vec<Pair>,
    /// Results that show something else than they were paid: granted_credit, ledger.
    pub granted_off: Vec<Pair>,
    /// Results that were paid more seconds than possible.
    pub overpaid: Vec<Overpaid>,
    /// Messages with more than one payment.
    pub paid_twice: i64,
    /// Results with more payments than messages: messages, payments.
    pub too_often: Vec<Pair>,
    /// The same of hosts, for messages without a result.
    pub hosts_too_often: Vec<Pair>,
    /// Averages that can't be.
    pub averages: BTreeMap<Book, Vec<BadAverage>>,
    /// What became of the messages.
    pub messages: Messages,
    /// Messages set aside by kind of reason, most frequent first.
    pub set_aside: Vec<(String, i64)>,
    /// Seconds claimed and not paid, by reason.
    pub disallowed: Vec<Tally>,
    /// Flagged hosts, the latest.
    pub flagged: Vec<Flagged>,
    /// All of them.
    pub flagged_hosts: i64,
}

impl Audit {
    /// Reads the books.
    ///
    /// # Errors
    /// The database can't be read.
    pub async fn take(store: &Store, clock: &Clock, uptime: &Uptime) -> Result<Self> {
        Ok(store
            .snapshot("audit", async |conn| {
                // After the snapshot was taken: nothing in it is later.
                let time = clock.now();
                Self::read(conn, time, uptime).await
            })
            .await?)
    }

    async fn read(conn: &mut Conn, time: f64, uptime: &Uptime) -> store::Result<Self> {
        let since = conn.beginning().await?;
        let mut facts = Facts {
            moves: conn.team_moves(since).await?,
            lost_hosts: conn.users_of_deleted_hosts().await?.into_iter().collect(),
            lost_users: conn.teams_of_deleted_users().await?.into_iter().collect(),
            ..Facts::default()
        };
        let (mut totals, mut averages) = (BTreeMap::new(), BTreeMap::new());
        for book in Book::ALL {
            let (sum, rows) = conn.unexplained(book).await?;
            totals.insert(book, sum);
            facts.totals.insert(book, rows);
            facts.ghosts.insert(book, conn.ghosts(book).await?);
            averages.insert(book, conn.bad_averages(book, time + CLOCKS).await?);
        }
        facts.next_ids = conn.next_ids().await?;
        let explained = explain(&facts);
        // Only asked when there is something to explain: it reads every result.
        let others = explained.granted.values().any(|amount| *amount != 0.0);
        let by_others = if others { conn.granted_by_others().await? } else { Vec::new() };
        let (flagged, flagged_hosts) = conn.latest_flagged(FLAGGED).await?;
        let messages = conn.message_fates(&uptime.varieties).await?;
        let mut set_aside = by_kind(conn.set_aside_by_reason(&["trickle", "held", "dropped"]).await?);
        if messages.dropped > 0 {
            set_aside.push(("dropped by a person, and the entry purged since".to_owned(), messages.dropped));
        }
        Ok(Self {
            time,
            since,
            totals,
            explained,
            former: conn.former_members().await?,
            by_others,
            accepted: conn.accepted().await?,
            kinds: conn.ledger_by_kind().await?,
            control: conn.ledger_control().await?,
            bad_entries: conn.bad_entries().await?,
            nameless: conn.nameless_payments().await?,
            marks_off: conn.marks_and_ledger().await?,
            marks_behind: conn.marks_behind().await?,
            granted_off: conn.granted_and_ledger().await?,
            overpaid: conn.paid_beyond_bound(time, &uptime.limits, uptime.slack).await?,
            paid_twice: conn.messages_paid_twice().await?,
            too_often: conn.paid_too_often().await?,
            hosts_too_often: conn.hosts_paid_too_often().await?,
            averages,
            messages,
            set_aside,
            disallowed: conn.disallowed_by_reason().await?,
            flagged,
            flagged_hosts,
        })
    }

    /// Handled messages that nothing tells of, without those that a person accepted. Negative when messages that are
    /// accounted for are neither stored nor purged.
    pub fn lost(&self) -> i64 {
        let accepted: f64 =
            self.accepted.iter().filter(|row| row.kind == accept::MESSAGES).map(|row| row.amount).sum();
        #[expect(clippy::cast_possible_truncation, reason = "a count of messages")]
        let accepted = accepted as i64;
        self.messages.handled - self.messages.counted - self.messages.set_aside - accepted
    }

    /// Messages that were counted, and neither paid nor cut.
    pub fn nothing_new(&self) -> i64 {
        let m = &self.messages;
        m.counted - m.reported - m.paid - m.disallowed + m.paid_in_part
    }

    /// Whether all is as it should be.
    pub fn is_ok(&self) -> bool {
        self.findings().iter().all(|finding| finding.ok)
    }
}

/// Counts reasons of one kind together.
fn by_kind(reasons: Vec<(String, i64)>) -> Vec<(String, i64)> {
    let mut kinds: Vec<(String, i64)> = Vec::new();
    for (reason, count) in reasons {
        let kind = kind_of_reason(&reason);
        match kinds.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, sum)) => *sum += count,
            None => kinds.push((kind, count)),
        }
    }
    kinds.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    kinds
}

/// The command. False when the books don't balance.
///
/// # Errors
/// There is no project, it could not be looked at, or there is nothing to accept.
pub async fn run(args: &AuditArgs) -> Result<bool> {
    let (project, clock) = Project::open_ready(&args.project).await?;
    let uptime = project.uptime().await?;
    if let (Some(subject), Some(reason)) = (&args.accept, &args.reason) {
        let audit = Audit::take(&project.store, &clock, &uptime).await?;
        accept::accept(&project.store, &audit, subject, reason).await?;
    }
    let audit = Audit::take(&project.store, &clock, &uptime).await?;
    if args.json {
        print(&format!("{:#}\n", audit.to_json()));
    } else {
        print(&format!(
            "Audit of {} at {} UTC; the toolkit keeps these books since {}\n\n{}\n{}\n",
            project.dir.root.display(),
            crate::text::date(audit.time),
            crate::text::date(audit.since),
            audit.tables(),
            audit.verdict()
        ));
    }
    Ok(audit.is_ok())
}

#[cfg(test)]
mod tests;
