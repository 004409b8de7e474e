//! What is known of a batch of workunits before it is judged: rows, digests, flags of hosts, and what their files
//! show. Reads only, and no transaction is open.
//!
//! Small workunits are shared out to threads, one workunit to one thread. A workunit with large outputs comes after
//! them and has all threads for itself, so that no more than one holds much memory.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::Result;
use boinc::id::{HostId, ResultId, WorkunitId};
use boinc::record::{ResultRow, Workunit};
use boinc::state::{Outcome, ServerState};
use boinc::verdict::KeptFile;
use daemon::Pass;
use store::{BadRow, Loaded};
use verdicts::{Case, Examiner, Findings, STDERR_BYTES, prefix_in_parallel, to_read};

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
pub async fn examine(pass: &Pass<'_>, look: &Look, found: &Loaded<Workunit>) -> Result<Examined> {
    let workunits = &found.rows;
    let ids: Vec<WorkunitId> = workunits.iter().map(|workunit| workunit.id).collect();
    let results = pass.store.read("results to judge", async |conn| conn.results_of(&ids).await).await?;
    let mut by_workunit: BTreeMap<WorkunitId, Vec<&ResultRow>> = BTreeMap::new();
    for row in &results.rows {
        by_workunit.entry(row.workunitid).or_default().push(row);
    }
    let rows = |workunit: &Workunit| by_workunit.get(&workunit.id).map_or(&[][..], Vec::as_slice);
    let wanted: Vec<ResultId> =
        workunits.iter().flat_map(|workunit| to_read(workunit, rows(workunit))).collect();
    let documents: BTreeMap<ResultId, Vec<u8>> = pass
        .store
        .read("documents of results", async |conn| conn.output_documents(&wanted).await)
        .await?
        .into_iter()
        .collect();
    let late = |workunit: &&Workunit| {
        workunit.canonical_resultid != ResultId(0) && !to_read(workunit, rows(workunit)).is_empty()
    };
    let late: Vec<WorkunitId> = workunits.iter().filter(late).map(|workunit| workunit.id).collect();
    let kept: BTreeMap<WorkunitId, (ResultId, Vec<KeptFile>)> = pass
        .store
        .read("digests of canonical results", async |conn| conn.canonical_files(&late).await)
        .await?
        .into_iter()
        .map(|(workunit, canonical, files)| (workunit, (canonical, files)))
        .collect();
    let flagged = flagged(pass, look, workunits, &results.rows).await?;
    let hopeless = hopeless(pass, look, &results.rows).await?;

    let stderr = match look.stderr {
        true => Some(stderr(pass, &wanted).await?),
        false => None,
    };

    let now = pass.clock.now();
    let case = |workunit: &Workunit| {
        let mut case = Case::new(rows(workunit), &documents, now);
        let suspects = rows(workunit).iter().filter(|row| flagged.contains(&row.hostid));
        case.suspects = suspects.map(|row| (row.id, format!("host {} is flagged", row.hostid))).collect();
        case.stderr = stderr.as_ref();
        case.kept = kept.get(&workunit.id).map(|(canonical, files)| (*canonical, files.as_slice()));
        case
    };
    let began = Instant::now();
    let go_on = || !pass.is_stopping() && began.elapsed() <= READING;
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
        examined.hopeless = own.filter(|id| hopeless.contains(id)).collect();
        findings.insert(workunit.id, examined);
    }
    let ended_early = reached < workunits.len();
    Ok(Examined { findings, ended_early, bad_workunits: found.bad.clone(), bad_results: results.bad })
}

async fn stderr(pass: &Pass<'_>, results: &[ResultId]) -> Result<BTreeMap<ResultId, Vec<u8>>> {
    let ends =
        pass.store.read("stderr", async |conn| conn.ends_of_stderr(results, STDERR_BYTES).await).await?;
    Ok(ends.into_iter().collect())
}

async fn flagged(
    pass: &Pass<'_>,
    look: &Look,
    workunits: &[Workunit],
    results: &[ResultRow],
) -> Result<BTreeSet<HostId>> {
    let Some(app) = workunits.first().map(|workunit| workunit.appid).filter(|_| look.suspect_flagged_hosts)
    else {
        return Ok(BTreeSet::new());
    };
    let hosts: BTreeSet<HostId> = results.iter().map(|row| row.hostid).collect();
    let hosts: Vec<HostId> = hosts.into_iter().collect();
    let found = pass.store.read("flagged hosts", async |conn| conn.flagged_hosts(app, &hosts).await).await?;
    Ok(found.into_iter().collect())
}

/// Results with errors that are hopeless.
async fn hopeless(pass: &Pass<'_>, look: &Look, results: &[ResultRow]) -> Result<BTreeSet<ResultId>> {
    let Some(rule) = &look.hopeless else { return Ok(BTreeSet::new()) };
    let failed =
        |row: &&ResultRow| row.server_state == ServerState::Over && row.outcome == Outcome::ClientError;
    let (by_status, others): (Vec<&ResultRow>, Vec<&ResultRow>) =
        results.iter().filter(failed).partition(|row| rule.exit_status.contains(&row.exit_status));
    let mut found: BTreeSet<ResultId> = by_status.into_iter().map(|row| row.id).collect();
    if !rule.stderr.is_empty() {
        let others: Vec<ResultId> = others.into_iter().map(|row| row.id).collect();
        let ends = pass
            .store
            .read("ends of stderr", async |conn| conn.ends_of_stderr(&others, STDERR_BYTES).await)
            .await?;
        let is_in = |end: &[u8], text: &str| end.windows(text.len()).any(|window| window == text.as_bytes());
        let said = ends.into_iter().filter(|(_, end)| rule.stderr.iter().any(|text| is_in(end, text)));
        found.extend(said.map(|(id, _)| id));
    }
    Ok(found)
}
