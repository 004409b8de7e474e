//! What the files of a batch of workunits show. Reads only, no database and no transaction: it may go on while the batch
//! before is written.
//!
//! Small workunits are shared out to threads, one workunit to one thread. A workunit with large outputs comes after
//! them and has all threads for itself, so that no more than one holds much memory.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use boinc::id::WorkunitId;
use boinc::record::Workunit;
use store::BadRow;
use verdicts::{Case, Examiner, Findings, prefix_in_parallel};

use crate::gathered::Gathered;

/// A batch takes no further workunit when reading files has taken so long.
const READING: Duration = Duration::from_secs(1);

/// Outputs of a workunit that are larger together, in bytes, are examined on all threads.
const LARGE: u64 = 16 << 20;

/// Findings about the workunits of a batch.
pub struct Examined {
    /// By workunit.
    pub findings: BTreeMap<WorkunitId, Findings>,
    /// Later workunits were not examined.
    pub ended_early: bool,
    /// Rows that make no sense.
    pub bad_workunits: Vec<BadRow>,
    /// Rows that make no sense.
    pub bad_results: Vec<BadRow>,
}

/// How to look.
#[derive(Debug, Clone)]
pub struct Look {
    /// Reads and compares.
    pub examiner: Examiner,
    /// At most so many threads.
    pub threads: usize,
    /// Results of hosts that were flagged are suspicious.
    pub suspect_flagged_hosts: bool,
    /// Look for hopeless errors.
    pub hopeless: Option<Hopeless>,
    /// The spec compares stderr.
    pub stderr: bool,
}

/// Which errors are hopeless.
#[derive(Debug, Clone)]
pub struct Hopeless {
    /// exit_status
    pub exit_status: Vec<i32>,
    /// In stderr.
    pub stderr: Vec<String>,
}

impl Examined {
    /// Workunits that were examined.
    pub fn len(&self) -> usize {
        self.findings.len()
    }

    /// Two halves, for finding a workunit that the database refuses. Rows that could not be decoded go with the first.
    pub fn halves(mut self) -> (Self, Self) {
        let middle = self.findings.keys().nth(self.findings.len() / 2).copied();
        let later = middle.map(|id| self.findings.split_off(&id)).unwrap_or_default();
        let rest =
            Self { findings: later, ended_early: false, bad_workunits: Vec::new(), bad_results: Vec::new() };
        (self, rest)
    }

    /// The last of them.
    pub fn last(&self) -> Option<WorkunitId> {
        self.findings.keys().next_back().copied()
    }
}

/// Reads and compares the files of workunits; ends early when asked to stop, or when a second is over: then what was
/// found is written first.
pub fn examine(look: &Look, gathered: Gathered, is_stopping: impl Fn() -> bool + Sync) -> Examined {
    let workunits = &gathered.workunits.rows;
    let by_workunit = gathered.by_workunit();
    let rows = |workunit: &Workunit| by_workunit.get(&workunit.id).map_or(&[][..], Vec::as_slice);
    let case = |workunit: &Workunit| {
        let mut case = Case::new(rows(workunit), &gathered.documents, gathered.now);
        let suspects = rows(workunit).iter().filter(|row| gathered.flagged.contains(&row.hostid));
        case.suspects = suspects.map(|row| (row.id, format!("host {} is flagged", row.hostid))).collect();
        case.stderr = gathered.stderr.as_ref();
        case.kept = gathered.kept.get(&workunit.id).map(|(canonical, files)| (*canonical, files.as_slice()));
        case
    };
    let began = Instant::now();
    let go_on = || !is_stopping() && began.elapsed() <= READING;
    let small = prefix_in_parallel(look.threads, workunits.len(), go_on, |at| {
        let workunit = workunits.get(at)?;
        let case = case(workunit);
        (look.examiner.size(workunit, &case) <= LARGE).then(|| look.examiner.examine(workunit, &case, 1))
    });
    let mut findings = BTreeMap::new();
    let mut reached = small.len();
    for (at, (workunit, examined)) in workunits.iter().zip(small).enumerate() {
        let mut examined = match examined {
            Some(examined) => examined,
            // The first one is examined however long it takes, or nothing would ever be done.
            None if go_on() || findings.is_empty() => {
                look.examiner.examine(workunit, &case(workunit), look.threads)
            }
            None => {
                reached = at;
                break;
            }
        };
        let own = rows(workunit).iter().map(|row| row.id);
        examined.hopeless = own.filter(|id| gathered.hopeless.contains(id)).collect();
        findings.insert(workunit.id, examined);
    }
    let ended_early = reached < workunits.len();
    Examined {
        findings,
        ended_early,
        bad_workunits: gathered.workunits.bad,
        bad_results: gathered.results.bad,
    }
}
