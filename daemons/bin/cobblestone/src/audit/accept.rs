//! `cobblestone audit --accept WHAT --reason TEXT`: a difference that a person settles.
//!
//! Invariant: the amount is what the audit finds off, never a number that the person gives; it is written once, in a
//! table where rows are only ever added. A difference that changes later is off again, by the change.

use std::str::FromStr;

use anyhow::{Result, bail};
use store::Store;
use store::audit::owners::{Accepted, Book};

use super::Audit;

/// Name of the difference between handled and accounted messages.
pub const MESSAGES: &str = "messages";
/// Rows of the ledger that were added, changed or deleted by hand.
pub const LEDGER: &str = "ledger";
/// Seconds of a result.
const RESULT: &str = "result";
/// granted_credit of a result.
const GRANTED: &str = "granted";

/// What is accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    kind: &'static str,
    owner: i32,
    app: i32,
}

impl FromStr for Subject {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            "one of host:ID, user:ID, team:ID, credit_user:ID:APPID, credit_team:ID:APPID, result:ID, granted:ID, messages, ledger"
                .to_owned()
        };
        let mut parts = text.split(':');
        let word = parts.next().unwrap_or_default();
        let books = Book::ALL.map(Book::as_str);
        let kind = books
            .into_iter()
            .chain([RESULT, GRANTED, MESSAGES, LEDGER])
            .find(|kind| *kind == word)
            .ok_or_else(wrong)?;
        let mut number = |wanted: bool| match (wanted, parts.next()) {
            (true, Some(text)) => text.parse().map_err(|_| wrong()),
            (false, None) => Ok(0),
            _ => Err(wrong()),
        };
        let owner = number(![MESSAGES, LEDGER].contains(&kind))?;
        let app = number(kind.starts_with("credit_"))?;
        if parts.next().is_some() { Err(wrong()) } else { Ok(Self { kind, owner, app }) }
    }
}

impl Subject {
    /// What of it is off; None when nothing is.
    fn amount(&self, audit: &Audit) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "a count of messages")]
        match self.kind {
            LEDGER => {
                let more = audit.control.credit - audit.control.credit_written;
                (!audit.control.holds()).then_some(more)
            }
            MESSAGES => (!audit.messages_ok()).then(|| audit.lost() as f64),
            RESULT => {
                let row = audit.overpaid.iter().find(|row| row.id == self.owner)?;
                Some(row.paid - super::words::possible(row).0 - row.accepted)
            }
            GRANTED => {
                let row = audit.granted_off.iter().find(|row| row.id == self.owner)?;
                Some(row.left - row.right)
            }
            kind => audit
                .explained
                .off
                .iter()
                .find(|off| off.book.as_str() == kind && off.id == self.owner && off.app == self.app)
                .map(|off| off.amount),
        }
    }
}

/// Writes that what `audit` found off of it is accepted.
///
/// # Errors
/// Nothing of it is off; the reason is empty; or it could not be written.
pub async fn accept(store: &Store, audit: &Audit, subject: &Subject, reason: &str) -> Result<()> {
    if reason.trim().is_empty() {
        bail!("--reason is empty: say where the difference comes from, for who reads the next audit");
    }
    let Some(amount) = subject.amount(audit) else {
        bail!("the audit finds nothing off there that could be accepted: run it without --accept first");
    };
    let row = Accepted {
        time: audit.time,
        kind: subject.kind.to_owned(),
        owner: subject.owner,
        appid: subject.app,
        amount,
        reason: reason.trim().to_owned(),
    };
    let control = (subject.kind == LEDGER).then_some(&audit.control);
    store
        .transaction("accept a difference", async |tx| {
            if let Some(control) = control {
                tx.accept_control(control).await?;
            }
            tx.accept(&row).await
        })
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_are_read() {
        let subject = |kind, owner, app| Ok(Subject { kind, owner, app });
        assert_eq!("user:17".parse(), subject("user", 17, 0));
        assert_eq!("credit_team:0:2".parse(), subject("credit_team", 0, 2));
        assert_eq!("messages".parse(), subject("messages", 0, 0));
        assert_eq!("ledger".parse(), subject("ledger", 0, 0));
        assert_eq!("result:9".parse(), subject("result", 9, 0));
        for text in ["", "user", "user:x", "user:1:2", "credit_user:1", "messages:1", "host:1:", "planet:1"] {
            assert!(text.parse::<Subject>().is_err(), "{text}");
        }
    }
}
