//! The ledger of credit: what a row says, shared by the rules that decide it and the store that writes it.
//!
//! The ledger is append-only: a correction is a new row of kind [`LedgerKind::Adjustment`] or
//! [`LedgerKind::Revocation`]. The sum of a row's `credit` over any selection is what was paid to it.
//! Nothing here writes; being killed loses nothing.

use serde::{Deserialize, Serialize};

use crate::id::{AppId, HostId, MessageId, ResultId, TeamId, UserId, WorkunitId};

/// Why credit moved. The strings are fixed: they stand in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LedgerKind {
    /// A trickle message claimed it.
    Uptime,
    /// The validator settled a result.
    Final,
    /// A person granted or took it.
    Adjustment,
    /// What was paid is taken back.
    Revocation,
}

/// A ledger row's kind is none of the four.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "ledger kind {0:?} is none of uptime, final, adjustment, revocation; was it written by a newer version?"
)]
pub struct UnknownLedgerKind(pub String);

impl LedgerKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Uptime, Self::Final, Self::Adjustment, Self::Revocation];

    /// The string in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Uptime => "uptime",
            Self::Final => "final",
            Self::Adjustment => "adjustment",
            Self::Revocation => "revocation",
        }
    }
}

impl std::fmt::Display for LedgerKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for LedgerKind {
    type Err = UnknownLedgerKind;
    fn from_str(text: &str) -> Result<Self, UnknownLedgerKind> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| UnknownLedgerKind(text.to_owned()))
    }
}

/// One row of the ledger. An id of 0 means "none".
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LedgerEntry {
    /// When it was decided: Unix seconds on the server's clock.
    pub when: f64,
    #[allow(missing_docs)]
    pub kind: LedgerKind,
    /// The trickle message that claimed it.
    pub message: MessageId,
    #[allow(missing_docs)]
    pub result: ResultId,
    #[allow(missing_docs)]
    pub workunit: WorkunitId,
    /// Whose total gained.
    pub host: HostId,
    /// Whose total gained; 0 when the row was missing.
    pub user: UserId,
    /// Whose total gained; 0 = no team, or its row was missing.
    pub team: TeamId,
    #[allow(missing_docs)]
    pub app: AppId,
    /// Seconds paid by this row; 0 where credit does not come from seconds.
    pub seconds: f64,
    /// FLOPS assumed; 0 where credit does not come from FLOPS.
    pub flops: f64,
    /// Cobblestones; negative when taken back.
    pub credit: f64,
    /// Version of the rule that decided.
    pub rule_version: u32,
    /// Formula or cause, for a person to read.
    pub reason: String,
    /// Whose rows of `credit_user` and `credit_team` gained, too (team 0 has one); None = no row of that kind did.
    pub by_app: Option<(UserId, TeamId)>,
}

impl LedgerEntry {
    /// Messages that this row pays: 1 of kind uptime, also for one without a message's id; 0 of the others.
    #[must_use]
    pub const fn messages(&self) -> i32 {
        if self.message.0 != 0 || matches!(self.kind, LedgerKind::Uptime) { 1 } else { 0 }
    }
}

/// What one result was paid to one host, user and team: the sums of its ledger rows that name all of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PaidShare {
    /// Whose total gained.
    pub host: HostId,
    /// Whose total gained; 0 = the row was missing.
    pub user: UserId,
    /// Whose total gained; 0 = no team, or its row was missing.
    pub team: TeamId,
    /// Whose rows of `credit_user` and `credit_team` gained, too.
    pub by_app: Option<(UserId, TeamId)>,
    /// Cobblestones paid by trickles and settlements, less what was taken back.
    pub credit: f64,
    /// Seconds of that.
    pub seconds: f64,
    /// Cobblestones that persons granted; negative = they took it.
    pub adjusted: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_have_fixed_strings_in_text_and_in_serde() {
        let strings = ["uptime", "final", "adjustment", "revocation"];
        for (kind, string) in LedgerKind::ALL.into_iter().zip(strings) {
            assert_eq!(kind.to_string(), string);
            assert_eq!(string.parse(), Ok(kind));
            assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{string}\""));
        }
        assert_eq!("Final".parse::<LedgerKind>(), Err(UnknownLedgerKind("Final".to_owned())));
    }
}
