//! What trickles paid for a result that is invalid or abandoned, taken back where the app wants it.
//!
//! Invariant: a revocation is exactly what the ledger says that the result was paid, so that its rows add up to nothing
//! afterwards; it is decided and written with the row's new granted_credit, in one transaction. The second time there
//! is nothing to take. When the result is valid after all (it was late, not lost), its settlement pays all of it again.

use boinc::id::MessageId;
use boinc::ledger::{LedgerEntry, LedgerKind};
use boinc::record::ResultRow;

use super::pay::Work;
use super::{Paid, ResultChange, Session, Weight};
use crate::RULE_VERSION;
use crate::books::{Books, BooksError, ByApp};
use crate::credit::cobblestones;
use crate::uptime::{InvalidResults, ResultFacts, UptimePolicy};

/// Credit that was taken back.
#[derive(Debug, Clone, PartialEq)]
pub struct Revocation {
    /// The result's columns: granted_credit is 0, the others are as they were.
    pub change: ResultChange,
    /// The ledger row: negative credit, of kind `revocation`.
    pub entry: LedgerEntry,
}

/// Settles a result that was abandoned: no reply, a client error (aborted ones are such), its host detached
/// ([`ResultFacts::is_abandoned`]). Under [`InvalidResults::Revoke`] what it was `paid` (the sums of its ledger rows)
/// is taken back; None when there is nothing to do. For a sweep over such results, and their rows and
/// hosts locked. Results that the validator called invalid are [`super::judge`]'s.
///
/// # Errors
/// The host has no row: it was deleted. Nothing was changed then; look again when its credit has been sorted out.
pub fn settle_abandoned(
    row: &ResultRow,
    paid: Paid,
    policy: &UptimePolicy,
    credit_by_app: bool,
    now: f64,
    books: &mut Books,
) -> Result<Option<Revocation>, BooksError> {
    let wanted = policy.invalid_results == InvalidResults::Revoke && ResultFacts::of(row).is_abandoned();
    if !wanted || !is_owed(paid.credit) {
        return Ok(None);
    }
    let reason = format!("abandoned (outcome {:?}): taken back what its trickles were paid", row.outcome);
    let entry = take_back(row, paid, credit_by_app, now, reason, books)?;
    let change = ResultChange { granted_credit: 0.0, ..ResultChange::of(row) };
    Ok(Some(Revocation { change, entry }))
}

fn is_owed(paid: f64) -> bool {
    paid.is_finite() && paid > 0.0
}

/// Takes `paid` back from the host, its owner and the owner's team, where trickles put it.
fn take_back(
    row: &ResultRow,
    paid: Paid,
    credit_by_app: bool,
    now: f64,
    reason: String,
    books: &mut Books,
) -> Result<LedgerEntry, BooksError> {
    let by_app = credit_by_app.then_some(ByApp { app: row.appid, owner: None, jobs: 0 });
    let payee = books.grant(row.hostid, -paid.credit, f64::from(row.sent_time), now, by_app)?;
    // With the seconds, the ledger's sum of seconds is what the result was paid in the end. FLOPS are those of all its
    // payments together.
    let seconds = if paid.seconds.is_finite() { paid.seconds.max(0.0) } else { 0.0 };
    let flops = if seconds > 0.0 { paid.credit / cobblestones(seconds) } else { 0.0 };
    let (seconds, flops) = if flops.is_finite() { (seconds, flops) } else { (0.0, 0.0) };
    Ok(LedgerEntry {
        when: now,
        kind: LedgerKind::Revocation,
        message: MessageId(0),
        result: row.id,
        workunit: row.workunitid,
        host: payee.host,
        user: payee.user,
        team: payee.team,
        app: row.appid,
        seconds: -seconds,
        flops,
        credit: -paid.credit,
        rule_version: RULE_VERSION,
        reason,
        by_app: payee.by_app,
    })
}

impl Session<'_> {
    /// An invalid result: what its trickles were paid stays or goes, as the app declares.
    pub(super) fn revoke(&mut self, work: &mut Work) {
        if self.options.uptime.invalid_results != InvalidResults::Revoke || !is_owed(work.paid) {
            return;
        }
        let reason = "invalid: taken back what its trickles were paid".to_owned();
        let (by_app, now) = (self.options.credit_by_app, self.options.now);
        let paid = Paid { credit: work.paid, seconds: work.paid_seconds, sent_time: work.sent_time };
        match take_back(&work.row, paid, by_app, now, reason, self.books) {
            Ok(entry) => {
                self.note(
                    Weight::Info,
                    Some(work.row.id),
                    format!("invalid: {:.6} paid by trickles is taken back", work.paid),
                );
                work.row.granted_credit = 0.0;
                self.grants.push(entry);
            }
            Err(error) => self.note(Weight::Warning, Some(work.row.id), error.to_string()),
        }
    }
}
