//! Results that were abandoned (no reply, a client error, the host detached): what their trickles were paid is taken back,
//! where the application wants it (`invalid_results = "revoke"`).
//!
//! They never come to the validator by themselves, so it looks for them when it has nothing else to do, every few
//! minutes, a bounded number of marks at a time.
//!
//! Invariant: decided on locked results, in the transaction that writes the ledger, the totals, `granted_credit` and
//! the mark. Killed at any point, a result is either untouched or revoked. The ledger then adds up to what persons granted,
//! so the second time there is nothing to take, also for another instance. One that is reported after all and found
//! valid is paid in full.

use std::time::{Duration, Instant};

use anyhow::Result;
use boinc::id::ResultId;
use daemon::{Pass, PassReport};
use rules::judge::{Options, Revocation, settle_abandoned};
use rules::uptime::InvalidResults;
use store::Tx;
use store::abandoned::Walk;
use store::trickles::Mark;

use crate::books::{Accounts, open_books};

/// Seconds between two looks at all marks.
const EVERY: f64 = 300.0;
/// Marks that are looked at in one statement.
const MARKS: i64 = 5000;
/// Results in one transaction.
const BATCH: usize = 500;
/// With more marks than can be looked at in this time, the next pass goes on.
const LOOKING: Duration = Duration::from_secs(1);

/// How far the marks were looked at.
#[derive(Debug, Default)]
pub struct Abandoned {
    after: ResultId,
    /// When all were.
    done: Option<f64>,
}

/// What to look at, and how.
pub struct Search<'a> {
    /// As for judging.
    pub options: Options<'a>,
    /// `--mod`
    pub modulo: Option<(i32, i32)>,
    /// Ids of workunits: above the first, up to the second.
    pub workunits: (i32, i32),
    /// Write nothing.
    pub dry_run: bool,
    /// Look at all of them now.
    pub one_pass: bool,
}

impl Abandoned {
    /// Looks for them, if it is time to.
    pub async fn sweep(
        &mut self,
        pass: &Pass<'_>,
        search: &Search<'_>,
        report: &mut PassReport,
    ) -> Result<()> {
        let now = search.options.now;
        let looked = self.done.is_some_and(|done| (0.0..EVERY).contains(&(now - done)));
        if looked || search.options.uptime.invalid_results != InvalidResults::Revoke {
            return Ok(());
        }
        let began = Instant::now();
        while !pass.is_stopping() {
            let walk = Walk {
                app: search.options.app.id,
                after: self.after,
                marks: MARKS,
                modulo: search.modulo,
                workunits: search.workunits,
            };
            let (found, last) =
                pass.store.read("abandoned results", async |conn| conn.abandoned(walk).await).await?;
            for part in found.chunks(BATCH) {
                report.found += part.len() as u64;
                let revoked = revoke(pass, search, part).await?;
                report.done += revoked;
                report.add("revoked", revoked);
            }
            let Some(last) = last else {
                *self = Self { after: ResultId(0), done: Some(now) };
                break;
            };
            self.after = last;
            if began.elapsed() > LOOKING && !search.one_pass {
                break;
            }
        }
        Ok(())
    }
}

/// Revokes what those results were paid. If the database refuses the values of one of them, that one is left, and the
/// others are revoked. Returns how many.
async fn revoke(pass: &Pass<'_>, search: &Search<'_>, results: &[ResultId]) -> Result<u64> {
    let mut revoked = 0;
    let mut todo = vec![results];
    while let Some(part) = todo.pop() {
        let done =
            pass.store.transaction("revoke credit", async |tx| revoke_together(tx, search, part).await).await;
        match (done, part) {
            (Ok(all), _) => {
                for revocation in &all {
                    let result = revocation.change.id.0;
                    let what = if search.dry_run { "would be taken back" } else { "taken back" };
                    for entry in &revocation.entries {
                        let (host, user, team) = (entry.host.0, entry.user.0, entry.team.0);
                        tracing::info!(result, host, user, team, credit = -entry.credit, "abandoned: {what}");
                    }
                }
                revoked += if search.dry_run { 0 } else { all.len() as u64 };
            }
            (Err(error), [result]) if error.is_data() => {
                tracing::error!(result = result.0, "can't take back what it was paid: {error}");
            }
            (Err(error), part) if error.is_data() => {
                let (first, second) = part.split_at(part.len() / 2);
                todo.extend([second, first]);
            }
            (Err(error), _) => return Err(error.into()),
        }
    }
    Ok(revoked)
}

async fn revoke_together(
    tx: &mut Tx,
    search: &Search<'_>,
    results: &[ResultId],
) -> store::Result<Vec<Revocation>> {
    let options = &search.options;
    let rows = tx.lock_results(results).await?.rows;
    let accounts = Accounts::read(tx, options, &rows).await?;
    let mut books = open_books(tx, options, &rows, &accounts).await?;
    let mut done = Vec::new();
    let mut new = Vec::new();
    let mut grants = Vec::new();
    for row in &rows {
        let Some(mark) = accounts.marks.get(&row.id) else { continue };
        let paid = accounts.paid(row.id);
        let now = options.now;
        if let Some(revocation) = settle_abandoned(row, &paid, &options.uptime, now, &mut books) {
            // What comes if it is reported after all is paid from the first second.
            let credit_paid = revocation.change.granted_credit;
            let seconds_paid = revocation.seconds_left;
            new.push(Mark { credit_paid, seconds_paid, time: now, ..mark.clone() });
            grants.push((row.id, credit_paid - row.granted_credit));
            done.push(revocation);
        } else {
            tracing::debug!(
                result = row.id.0,
                "nothing is taken back: nothing is owed, or all who got it are gone"
            );
        }
    }
    if search.dry_run || done.is_empty() {
        return Ok(done);
    }
    tx.add_granted_credit(&grants).await?;
    tx.write_marks(&new).await?;
    let entries: Vec<_> = done.iter().flat_map(|revocation| revocation.entries.iter().cloned()).collect();
    tx.pay(&entries, &books.changes()).await?;
    Ok(done)
}
