//! What was paid for a result that is invalid or abandoned, taken back where the app wants it.
//!
//! Invariant: a revocation takes from those that the ledger names, what it says that they were paid
//! ([`super::shares`]); it is decided and written with the row's new granted_credit, in one transaction. The second time
//! there is nothing to take. When the result is valid after all (it was late, not lost), its settlement pays all of it again.

use boinc::id::{MessageId, ResultId};
use boinc::ledger::{LedgerEntry, LedgerKind};
use boinc::record::ResultRow;

use super::shares::{Due, dues};
use super::{Paid, ResultChange, Session, Weight};
use crate::RULE_VERSION;
use crate::books::Books;
use crate::credit::cobblestones;
use crate::uptime::{InvalidResults, ResultFacts, UptimePolicy};

/// Credit that was taken back.
#[derive(Debug, Clone, PartialEq)]
pub struct Revocation {
    /// The result's columns: granted_credit is what is left, the others are as they were.
    pub change: ResultChange,
    /// The ledger rows: negative credit, of kind `revocation`, one for each who gave back.
    pub entries: Vec<LedgerEntry>,
    /// Seconds that stay paid: those of whom nobody is left.
    pub seconds_left: f64,
}

impl Revocation {
    /// Cobblestones taken back, positive.
    #[must_use]
    pub fn credit(&self) -> f64 {
        -self.entries.iter().map(|entry| entry.credit).sum::<f64>()
    }
}

/// Settles a result that was abandoned: no reply, a client error (aborted ones are such), its host detached
/// ([`ResultFacts::is_abandoned`]). Under [`InvalidResults::Revoke`] what it was `paid` is taken back; None when there is
/// nothing to do, or nobody left to take it from. For a sweep over such results, with their rows and those of the
/// shares locked. Results that the validator called invalid are [`super::judge`]'s.
pub fn settle_abandoned(
    row: &ResultRow,
    paid: &Paid,
    policy: &UptimePolicy,
    now: f64,
    books: &mut Books,
) -> Option<Revocation> {
    let wanted = policy.invalid_results == InvalidResults::Revoke && ResultFacts::of(row).is_abandoned();
    let reason = format!("abandoned (outcome {:?}): taken back what its trickles were paid", row.outcome);
    if wanted { take_back(row, paid, now, &reason, books) } else { None }
}

fn take_back(row: &ResultRow, paid: &Paid, now: f64, reason: &str, books: &mut Books) -> Option<Revocation> {
    let all = dues(&paid.shares, row.appid, books)?;
    let mut entries = Vec::new();
    for due in &all.dues {
        // What is owed is a number.
        books.take_back(&due.from, row.appid, due.credit, f64::from(row.sent_time), now).ok()?;
        entries.push(entry(row, due, now, reason));
    }
    let change = ResultChange { granted_credit: all.credit_left, ..ResultChange::of(row) };
    Some(Revocation { change, entries, seconds_left: all.seconds_left })
}

/// With the seconds, the ledger's sum of seconds is what the result was paid in the end. FLOPS are those of all payments
/// of the share together.
fn entry(row: &ResultRow, due: &Due, now: f64, reason: &str) -> LedgerEntry {
    let flops = if due.seconds > 0.0 { due.credit / cobblestones(due.seconds) } else { 0.0 };
    let (seconds, flops) = if flops.is_finite() { (due.seconds, flops) } else { (0.0, 0.0) };
    let gone = match due.gone.as_slice() {
        [] => String::new(),
        gone => format!("; gone: {}", gone.join(", ")),
    };
    LedgerEntry {
        when: now,
        kind: LedgerKind::Revocation,
        message: MessageId(0),
        result: row.id,
        workunit: row.workunitid,
        host: due.from.host,
        user: due.from.user,
        team: due.from.team,
        app: row.appid,
        seconds: if seconds > 0.0 { -seconds } else { 0.0 },
        flops,
        credit: if due.credit > 0.0 { -due.credit } else { 0.0 },
        rule_version: RULE_VERSION,
        reason: format!("{reason}{gone}"),
        by_app: due.from.by_app,
    }
}

impl Session<'_> {
    /// An invalid result: what it was paid stays or goes, as the app declares.
    pub(super) fn revoke(&mut self, row: &mut ResultRow, paid: &Paid) {
        if self.options.uptime.invalid_results != InvalidResults::Revoke {
            return;
        }
        let reason = "invalid: taken back what its trickles were paid";
        match take_back(row, paid, self.options.now, reason, self.books) {
            Some(revocation) => {
                let text = format!("invalid: {:.6} paid by trickles is taken back", revocation.credit());
                self.note(Weight::Info, Some(row.id), text);
                row.granted_credit = revocation.change.granted_credit;
                self.grants.extend(revocation.entries);
            }
            None => self.note_kept(row.id, paid),
        }
    }

    /// Nobody is left of those that got it.
    fn note_kept(&mut self, id: ResultId, paid: &Paid) {
        let paid: f64 = paid.shares.iter().map(|share| share.credit).sum();
        if paid > 1e-6 {
            let text = format!(
                "invalid, keeps {paid:.6}: a person took as much already, or all who got it are gone"
            );
            self.note(Weight::Warning, Some(id), text);
        }
    }
}
