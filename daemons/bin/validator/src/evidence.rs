//! What the rules want to know of a workunit's results, found out by reading and comparing their files. No
//! database here, and no transaction open: this is the slow part.

use std::collections::BTreeMap;
use std::sync::Arc;

use boinc::id::ResultId;
use boinc::record::{ResultRow, Workunit};
use compare::Plan;
use rules::judge::{Against, Evidence, FileCheck, Need, enough_to_compare, needs};
use rules::quorum::{Agreement, Pair};

use crate::outputs::{Outputs, Unreadable, Uploads};

/// How outputs are found and compared.
#[derive(Debug, Clone)]
pub struct Examiner {
    /// Where they are.
    pub uploads: Uploads,
    /// When two are the same.
    pub plan: Arc<Plan>,
}

/// Results whose files [`Examiner::examine`] will read.
pub fn to_read(workunit: &Workunit, rows: &[&ResultRow]) -> Vec<ResultId> {
    match needs(workunit, rows.iter().copied()) {
        Need::Set { viable } => viable,
        Need::Stragglers { canonical, mut late } if !late.is_empty() => {
            late.push(canonical);
            late
        }
        Need::Stragglers { .. } | Need::TooFew { .. } | Need::CanonicalMissing { .. } => Vec::new(),
    }
}

/// A workunit's results with their documents.
pub struct Case<'a> {
    rows: &'a [&'a ResultRow],
    documents: &'a BTreeMap<ResultId, Vec<u8>>,
    now: f64,
}

impl<'a> Case<'a> {
    /// `documents` are those that [`to_read`] asks for; `now` in Unix seconds.
    pub fn new(rows: &'a [&'a ResultRow], documents: &'a BTreeMap<ResultId, Vec<u8>>, now: f64) -> Self {
        Self { rows, documents, now }
    }

    /// Seconds since a result was reported.
    fn age(&self, result: ResultId) -> f64 {
        let row = self.rows.iter().find(|row| row.id == result);
        row.map_or(0.0, |row| self.now - f64::from(row.received_time))
    }
}

impl Examiner {
    /// Reads and compares; each file is read once.
    pub fn examine(&self, workunit: &Workunit, case: &Case<'_>) -> Evidence {
        match needs(workunit, case.rows.iter().copied()) {
            Need::TooFew { .. } | Need::CanonicalMissing { .. } => Evidence::None,
            Need::Set { viable } => self.set(workunit, &viable, case),
            Need::Stragglers { canonical, late } => {
                Evidence::Stragglers(self.stragglers(canonical, &late, case))
            }
        }
    }

    fn read(&self, result: ResultId, case: &Case<'_>) -> Result<Outputs, Unreadable> {
        let document = case
            .documents
            .get(&result)
            .ok_or_else(|| Unreadable::Later("its row changed while it was being looked at".to_owned()))?;
        self.uploads.read(document, &self.plan, case.age(result))
    }

    fn set(&self, workunit: &Workunit, viable: &[ResultId], case: &Case<'_>) -> Evidence {
        let mut files = BTreeMap::new();
        let mut good = Vec::new();
        for id in viable {
            let check = match self.read(*id, case) {
                Ok(outputs) => {
                    good.push((*id, outputs));
                    FileCheck::Ok
                }
                Err(Unreadable::Bad(reason)) => FileCheck::Malformed(reason),
                Err(Unreadable::Later(reason)) => FileCheck::Transient(reason),
            };
            files.insert(*id, check);
        }
        let agreement = enough_to_compare(workunit, &files).then(|| self.agreement(&good));
        Evidence::Set { files, agreement }
    }

    fn agreement(&self, good: &[(ResultId, Outputs)]) -> Agreement {
        let ids = good.iter().map(|(id, _)| *id).collect();
        let pair = |i: usize, j: usize| match (good.get(i), good.get(j)) {
            (Some((_, left)), Some((_, right))) => left.compare(right, &self.plan),
            _ => Pair::Unknown,
        };
        if self.plan.is_exact() {
            Agreement::exact(ids, |i, j| pair(i, j) == Pair::EQUAL)
        } else {
            Agreement::fuzzy(ids, pair)
        }
    }

    fn stragglers(
        &self,
        canonical: ResultId,
        late: &[ResultId],
        case: &Case<'_>,
    ) -> BTreeMap<ResultId, Against> {
        if late.is_empty() {
            return BTreeMap::new();
        }
        let canonical = self.read(canonical, case);
        let against = |id: &ResultId| match (&canonical, self.read(*id, case)) {
            (_, Err(Unreadable::Bad(reason))) => Against::Malformed(reason),
            (_, Err(Unreadable::Later(reason))) => Against::Transient(reason),
            (Err(Unreadable::Later(reason)), Ok(_)) => Against::Transient(reason.clone()),
            (Err(Unreadable::Bad(reason)), Ok(_)) => Against::CanonicalGone(reason.clone()),
            (Ok(canonical), Ok(outputs)) => {
                Against::Pair(outputs.compare_with_canonical(canonical, &self.plan))
            }
        };
        late.iter().map(|id| (*id, against(id))).collect()
    }
}
