//! What the rules want to know of a workunit's results, found out by reading and comparing their files. No
//! database here, and no transaction open: this is the slow part.

use std::collections::BTreeMap;

use boinc::id::ResultId;
use boinc::record::{ResultRow, Workunit};
use compare::{Method, Spec};
use rules::judge::{Against, Evidence, FileCheck, Need, enough_to_compare, needs};
use rules::quorum::{Agreement, Pair};

use crate::outputs::{Outputs, Unreadable, Uploads};

/// How outputs are found and compared.
#[derive(Debug, Clone)]
pub struct Examiner {
    /// Where they are.
    pub uploads: Uploads,
    /// When two are the same.
    pub spec: Spec,
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

impl Examiner {
    /// Reads and compares; each file is read once.
    pub fn examine(
        &self,
        workunit: &Workunit,
        rows: &[&ResultRow],
        documents: &BTreeMap<ResultId, Vec<u8>>,
    ) -> Evidence {
        match needs(workunit, rows.iter().copied()) {
            Need::TooFew { .. } | Need::CanonicalMissing { .. } => Evidence::None,
            Need::Set { viable } => self.set(workunit, &viable, documents),
            Need::Stragglers { canonical, late } => {
                Evidence::Stragglers(self.stragglers(canonical, &late, documents))
            }
        }
    }

    fn read(&self, result: ResultId, documents: &BTreeMap<ResultId, Vec<u8>>) -> Result<Outputs, Unreadable> {
        let document = documents
            .get(&result)
            .ok_or_else(|| Unreadable::Later("its row changed while it was being looked at".to_owned()))?;
        self.uploads.read(document, &self.spec)
    }

    fn set(
        &self,
        workunit: &Workunit,
        viable: &[ResultId],
        documents: &BTreeMap<ResultId, Vec<u8>>,
    ) -> Evidence {
        let mut files = BTreeMap::new();
        let mut good = Vec::new();
        for id in viable {
            let check = match self.read(*id, documents) {
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
            (Some((_, left)), Some((_, right))) => left.compare(right, &self.spec),
            _ => Pair::Unknown,
        };
        match self.spec.method {
            Method::Exact => Agreement::exact(ids, |i, j| pair(i, j) == Pair::EQUAL),
            Method::Numeric => Agreement::fuzzy(ids, pair),
        }
    }

    fn stragglers(
        &self,
        canonical: ResultId,
        late: &[ResultId],
        documents: &BTreeMap<ResultId, Vec<u8>>,
    ) -> BTreeMap<ResultId, Against> {
        if late.is_empty() {
            return BTreeMap::new();
        }
        let canonical = self.read(canonical, documents);
        let against = |id: &ResultId| match (&canonical, self.read(*id, documents)) {
            (_, Err(Unreadable::Bad(reason))) => Against::Malformed(reason),
            (_, Err(Unreadable::Later(reason))) => Against::Transient(reason),
            (Err(Unreadable::Later(reason)), Ok(_)) => Against::Transient(reason.clone()),
            (Err(Unreadable::Bad(reason)), Ok(_)) => Against::CanonicalGone(reason.clone()),
            (Ok(canonical), Ok(outputs)) => Against::Pair(outputs.compare(canonical, &self.spec)),
        };
        late.iter().map(|id| (*id, against(id))).collect()
    }
}
