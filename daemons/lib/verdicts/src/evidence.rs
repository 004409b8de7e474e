//! What the rules want to know of a workunit's results, found out by reading and comparing their files. No
//! database here, and no transaction open: this is the slow part.
//!
//! Where the canonical result's files are gone, digests decide that were kept when it became canonical: equal digests
//! agree under every rule; other digests differ where equal means equal bytes, and say nothing where it does not.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use boinc::id::ResultId;
use boinc::record::{ResultRow, Workunit};
use boinc::verdict::KeptFile;
use compare::Plan;
use rules::judge::{
    Against, Evidence, FileCheck, Independence, Need, enough_to_compare, foresee, is_stuck, needs,
};
use rules::quorum::{Agreement, Pair};

use crate::crowd::Crowd;
use crate::outputs::{About, Outputs, Seen, Unreadable, Uploads};

/// How outputs are found and compared.
#[derive(Debug, Clone)]
pub struct Examiner {
    /// Where they are.
    pub uploads: Uploads,
    /// When two are the same.
    pub plan: Arc<Plan>,
    /// As the rules are told.
    pub independence: Independence,
    /// As the rules are told.
    pub suspicious_quorum: i32,
    /// Most memory that the outputs of one workunit are held in, bytes.
    pub memory: u64,
}

/// What was found out about a workunit.
#[derive(Debug, Clone)]
pub struct Findings {
    /// For the rules.
    pub evidence: Evidence,
    /// What comparing two results showed, left and right as in the key.
    pub seen: BTreeMap<(ResultId, ResultId), Seen>,
    /// The files of the result that will be canonical, if nothing changes meanwhile.
    pub canonical: Option<(ResultId, Vec<KeptFile>)>,
    /// Results with errors that say that their hosts can't run this version (`--check_punitive`).
    pub hopeless: Vec<ResultId>,
}

impl Findings {
    /// Nothing but evidence.
    #[must_use]
    pub fn only(evidence: Evidence) -> Self {
        Self { evidence, seen: BTreeMap::new(), canonical: None, hopeless: Vec::new() }
    }

    /// What comparing two results showed, from the first one's side.
    #[must_use]
    pub fn between(&self, left: ResultId, right: ResultId) -> Option<Seen> {
        self.seen
            .get(&(left, right))
            .cloned()
            .or_else(|| self.seen.get(&(right, left)).cloned().map(Seen::turned))
    }

    /// The other result that this one is nearest to: one that agrees before one that does not, then the smaller deviation,
    /// then the lower id.
    #[must_use]
    pub fn nearest(&self, id: ResultId) -> Option<ResultId> {
        let distance = |seen: &Seen| match seen.pair {
            Pair::Agrees { deviation } => (0, deviation),
            Pair::Differs => (1, seen.deviation.unwrap_or(f64::INFINITY)),
            Pair::Unknown => (2, 0.0),
        };
        self.seen
            .iter()
            .filter_map(|((left, right), seen)| match (*left == id, *right == id) {
                (true, false) => Some((*right, distance(seen))),
                (false, true) => Some((*left, distance(seen))),
                _ => None,
            })
            .min_by(|(a, (kind_a, far_a)), (b, (kind_b, far_b))| {
                kind_a.cmp(kind_b).then(far_a.total_cmp(far_b)).then(a.cmp(b))
            })
            .map(|(other, _)| other)
    }
}

/// Results whose files [`Examiner::examine`] will read.
#[must_use]
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
    /// Results that are suspicious for what is known of their hosts, with the reason.
    pub suspects: BTreeMap<ResultId, String>,
    /// Digests of the canonical result, kept when it became so.
    pub kept: Option<(ResultId, &'a [KeptFile])>,
    /// `stderr_out` of results, where the spec compares it.
    pub stderr: Option<&'a BTreeMap<ResultId, Vec<u8>>>,
}

impl<'a> Case<'a> {
    /// `documents` are those that [`to_read`] asks for; `now` in Unix seconds.
    #[must_use]
    pub fn new(rows: &'a [&'a ResultRow], documents: &'a BTreeMap<ResultId, Vec<u8>>, now: f64) -> Self {
        Self { rows, documents, now, suspects: BTreeMap::new(), kept: None, stderr: None }
    }

    fn about(&self, result: ResultId, document: &'a [u8]) -> About<'a> {
        let row = self.rows.iter().find(|row| row.id == result);
        let none: &[u8] = &[];
        About {
            result,
            document,
            stderr: self.stderr.map(|all| all.get(&result).map_or(none, Vec::as_slice)),
            runtime: row.map_or(0.0, |row| row.elapsed_time),
            age: row.map_or(0.0, |row| self.now - f64::from(row.received_time)),
        }
    }
}

impl Examiner {
    /// Reads and compares on up to `threads` threads; each file is parsed once, unless memory is short.
    #[must_use]
    pub fn examine(&self, workunit: &Workunit, case: &Case<'_>, threads: usize) -> Findings {
        match needs(workunit, case.rows.iter().copied()) {
            Need::TooFew { .. } | Need::CanonicalMissing { .. } => Findings::only(Evidence::None),
            Need::Set { viable } => self.set(workunit, &viable, case, threads),
            Need::Stragglers { canonical, late } => self.stragglers(canonical, &late, case),
        }
    }

    /// Bytes of the files that [`Examiner::examine`] will read.
    #[must_use]
    pub fn size(&self, workunit: &Workunit, case: &Case<'_>) -> u64 {
        let wanted = to_read(workunit, case.rows);
        let documents = wanted.iter().filter_map(|id| case.documents.get(id));
        documents.fold(0, |sum, document| self.uploads.size(document).saturating_add(sum))
    }

    fn read(&self, result: ResultId, case: &Case<'_>) -> Result<Outputs, Unreadable> {
        let document = case
            .documents
            .get(&result)
            .ok_or_else(|| Unreadable::Later("its row changed while it was being looked at".to_owned()))?;
        self.uploads.read(&case.about(result, document), &self.plan)
    }

    fn set(&self, workunit: &Workunit, viable: &[ResultId], case: &Case<'_>, threads: usize) -> Findings {
        let read = |id: ResultId| self.read(id, case);
        let (crowd, found) = Crowd::gather(viable, threads, self.memory, &read);
        let files: BTreeMap<ResultId, FileCheck> = found
            .into_iter()
            .map(|(id, found)| {
                let check = match found {
                    Ok(odd) => odd
                        .or_else(|| case.suspects.get(&id).cloned())
                        .map_or(FileCheck::Ok, FileCheck::Suspicious),
                    Err(Unreadable::Bad(reason)) => FileCheck::Malformed(reason),
                    Err(Unreadable::Later(reason)) => FileCheck::Transient(reason),
                };
                (id, check)
            })
            .collect();
        if !enough_to_compare(workunit, &files) {
            return Findings::only(Evidence::Set { files, agreement: None });
        }
        let seen = crowd.compare_all(&self.plan);
        if let Some(later) = seen.values().find(|seen| seen.later) {
            return Findings::only(Evidence::Later { files, reason: later.place.clone() });
        }
        let agreement = self.agreement(&crowd.ids, &seen);
        let seen: BTreeMap<(ResultId, ResultId), Seen> = seen
            .into_iter()
            .filter_map(|((i, j), seen)| Some(((*crowd.ids.get(i)?, *crowd.ids.get(j)?), seen)))
            .collect();
        let evidence = Evidence::Set { files, agreement: Some(agreement) };
        let rows = || case.rows.iter().copied();
        if is_stuck(workunit, rows(), &evidence, self.independence, self.suspicious_quorum) {
            return Findings {
                evidence: stuck(evidence, &seen),
                seen,
                canonical: None,
                hopeless: Vec::new(),
            };
        }
        let canonical = foresee(workunit, rows(), &evidence, self.independence, self.suspicious_quorum)
            .and_then(|choice| Some((choice.canonical, crowd.with(choice.canonical, Outputs::digests)??)));
        Findings { evidence, seen, canonical, hopeless: Vec::new() }
    }

    fn agreement(&self, ids: &[ResultId], seen: &BTreeMap<(usize, usize), Seen>) -> Agreement {
        let pair = |i: usize, j: usize| seen.get(&(i, j)).map_or(Pair::Unknown, |seen| seen.pair);
        // Where a comparison could not say, it is no partition into classes.
        let sure = seen.values().all(|seen| seen.pair != Pair::Unknown);
        if self.plan.is_exact() && sure {
            Agreement::exact(ids.to_vec(), |i, j| pair(i, j) == Pair::EQUAL)
        } else {
            Agreement::fuzzy(ids.to_vec(), pair)
        }
    }

    fn stragglers(&self, canonical: ResultId, late: &[ResultId], case: &Case<'_>) -> Findings {
        let mut findings = Findings::only(Evidence::Stragglers(BTreeMap::new()));
        if late.is_empty() {
            return findings;
        }
        let kept = case.kept.filter(|(id, _)| *id == canonical).map(|(_, files)| files);
        let there = self.read(canonical, case).and_then(|outputs| unchanged(outputs, kept));
        let mut against = BTreeMap::new();
        for id in late {
            let (answer, seen) = self.straggler(*id, &there, kept, case);
            against.insert(*id, answer);
            findings.seen.extend(seen.map(|seen| ((*id, canonical), seen)));
        }
        findings.evidence = Evidence::Stragglers(against);
        findings
    }

    fn straggler(
        &self,
        id: ResultId,
        canonical: &Result<Outputs, Unreadable>,
        kept: Option<&[KeptFile]>,
        case: &Case<'_>,
    ) -> (Against, Option<Seen>) {
        let outputs = match self.read(id, case) {
            Ok(outputs) => outputs,
            Err(Unreadable::Bad(reason)) => return (Against::Malformed(reason), None),
            Err(Unreadable::Later(reason)) => return (Against::Transient(reason), None),
        };
        let why = match canonical {
            Ok(canonical) => {
                let seen = outputs.compare_with_canonical(canonical, &self.plan);
                if seen.later || seen.pair == Pair::Unknown {
                    return (Against::Transient(seen.place.clone()), Some(seen));
                }
                return (Against::Pair(seen.pair), Some(seen));
            }
            Err(why) => why,
        };
        if let Some(seen) = kept.and_then(|kept| self.by_digest(&outputs, kept)) {
            return (Against::Pair(seen.pair), Some(seen));
        }
        match why {
            Unreadable::Later(reason) => (Against::Transient(reason.clone()), None),
            Unreadable::Bad(reason) => (Against::CanonicalGone(reason.clone()), None),
        }
    }

    /// None: the digests don't say.
    fn by_digest(&self, outputs: &Outputs, kept: &[KeptFile]) -> Option<Seen> {
        if same_files(&outputs.digests()?, kept) {
            return Some(Seen { place: "equal to the digest that was kept".to_owned(), ..Seen::equal() });
        }
        self.plan.is_exact().then(|| Seen::differs("other bytes than those whose digest was kept"))
    }
}

/// More results would not help: what could not be compared is looked at later.
fn stuck(evidence: Evidence, seen: &BTreeMap<(ResultId, ResultId), Seen>) -> Evidence {
    let Evidence::Set { files, .. } = evidence else { return evidence };
    let doubt = seen.iter().find(|(_, seen)| seen.pair == Pair::Unknown);
    let reason = doubt
        .map_or_else(String::new, |((left, right), seen)| format!("{left} with {right}: {}", seen.place));
    Evidence::Later { files, reason }
}

fn same_files(one: &[KeptFile], other: &[KeptFile]) -> bool {
    one.iter().collect::<BTreeSet<_>>() == other.iter().collect::<BTreeSet<_>>()
}

/// The canonical result's outputs, if they are those that it became canonical with.
fn unchanged(outputs: Outputs, kept: Option<&[KeptFile]>) -> Result<Outputs, Unreadable> {
    match (kept, kept.and_then(|_| outputs.digests())) {
        (Some(kept), Some(now)) if !same_files(&now, kept) => {
            Err(Unreadable::Bad("they were replaced since it was validated".to_owned()))
        }
        _ => Ok(outputs),
    }
}

#[cfg(test)]
mod tests;
