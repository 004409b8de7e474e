//! What is known of a workunit's results before it is judged: what they were paid, and what their files showed.

use std::collections::BTreeMap;

use boinc::id::ResultId;
use boinc::ledger::PaidShare;
use boinc::record::{ResultRow, Workunit};

use crate::quorum::{Agreement, Pair};

/// One result of the workunit.
#[derive(Debug, Clone, PartialEq)]
pub struct Instance {
    #[allow(missing_docs)]
    pub row: ResultRow,
    #[allow(missing_docs)]
    pub paid: Paid,
}

/// What the books say of a result: what it was paid so far, all kinds together, and when it was first sent.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Paid {
    /// Cobblestones, what persons granted included.
    pub credit: f64,
    /// Seconds, by trickles or in all.
    pub seconds: f64,
    /// When the result was first sent, if that is before its row's sent_time, Unix seconds; 0 = not known.
    pub sent_time: i32,
    /// Who got it; only where it may be taken back.
    pub shares: Vec<PaidShare>,
}

/// Whether a result's output can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileCheck {
    /// It can.
    Ok,
    /// It can, but something is odd about the result, says the reason: more others shall confirm it.
    Suspicious(String),
    /// Never: a file is missing or malformed, says the reason. Costs the result its validity.
    Malformed(String),
    /// Not now: the upload folder is away, says the reason.
    Transient(String),
}

impl FileCheck {
    /// It can be compared.
    #[must_use]
    pub const fn is_good(&self) -> bool {
        matches!(self, Self::Ok | Self::Suspicious(_))
    }
}

/// How a late result compares with the canonical one.
#[derive(Debug, Clone, PartialEq)]
pub enum Against {
    /// Both could be read.
    Pair(Pair),
    /// The late result can't be read, ever.
    Malformed(String),
    /// Something can't be read now.
    Transient(String),
    /// The canonical result's files are gone, says the reason.
    CanonicalGone(String),
}

/// What was found out about a workunit's results, as [`super::needs`] asked.
#[derive(Debug, Clone, PartialEq)]
pub enum Evidence {
    /// Nothing was asked.
    None,
    /// For [`super::Need::Set`].
    Set {
        /// Each result's output.
        files: BTreeMap<ResultId, FileCheck>,
        /// The readable ones compared; None when [`enough_to_compare`] says that they are too few.
        agreement: Option<Agreement>,
    },
    /// For [`super::Need::Set`], when comparing can't be done now, says the reason.
    Later {
        /// Each result's output.
        files: BTreeMap<ResultId, FileCheck>,
        /// Why not now.
        reason: String,
    },
    /// For [`super::Need::Stragglers`].
    Stragglers(BTreeMap<ResultId, Against>),
}

/// True when so many results are readable that they shall be compared.
#[must_use]
pub fn enough_to_compare(workunit: &Workunit, files: &BTreeMap<ResultId, FileCheck>) -> bool {
    let good = files.values().filter(|check| check.is_good()).count();
    i64::try_from(good).unwrap_or(i64::MAX) >= i64::from(workunit.min_quorum)
}
