//! Reads a batch of workunits with everything that the assimilator wants to know about them. No transaction,
//! no locks: what is decided on it is checked again in the transaction that writes it.

use std::collections::{BTreeMap, BTreeSet};

use boinc::guest_report::Report;
use boinc::id::{AppVersionId, HostId, ResultId, WorkunitId};
use boinc::record::{ResultRow, Workunit};
use boinc::result_doc::{OutputFile, output_files};
use boinc::verdict::KeptFile;
use store::assimilation::{Agreement, AppVersionFacts, HostFacts, JobOf};
use store::validation::Selection;
use store::{BadRow, Store};

use crate::decide::{self, Fate};
use crate::stderr;
use dataset::known_failures::{self, Known};

/// Name of this daemon in the quarantine.
pub const DAEMON: &str = "assimilator";
/// Most stderr texts (64 KiB each) in memory at a time.
const STDERRS: usize = 50;
/// Most results of a workunit whose stderr is searched for known failures: the latest.
const SEARCHED: usize = 10;

/// A workunit and all that belongs to it.
#[derive(Debug)]
pub struct Item {
    #[allow(missing_docs)]
    pub workunit: Workunit,
    /// All its results, by id.
    pub results: Vec<ResultRow>,
    /// Which job it is.
    pub job: Option<JobOf>,
    /// What becomes of it.
    pub fate: Fate,
    /// Output files of its canonical result, if it is to be assimilated.
    pub files: Vec<OutputFile>,
    /// Digests of the canonical result's files, as the validator compared them; empty where none are kept.
    pub validated: Vec<KeptFile>,
    /// Host of its canonical result.
    pub host: Option<HostFacts>,
    /// Version of its canonical result.
    pub version: Option<AppVersionFacts>,
    /// Longest uptime that messages of its canonical result claimed, seconds.
    pub uptime: Option<f64>,
    /// How its valid results agreed.
    pub agreement: Option<Agreement>,
    /// What the guest of its canonical result reported.
    pub report: Option<Report>,
    /// Known failures of its results, if it failed, and how many had each.
    pub known: Vec<(Known, usize)>,
    /// End of the most telling stderr, if it failed.
    pub stderr: Option<(i32, String)>,
}

/// Workunits read at once.
#[derive(Debug, Default)]
pub struct Batch {
    /// The highest id looked at.
    pub last: Option<WorkunitId>,
    /// As many as asked for: there may be more.
    pub is_full: bool,
    /// Set aside, and not due yet; or a person dropped them.
    pub waiting: u64,
    /// To be handled, by id.
    pub items: Vec<Item>,
    /// Rows of workunits that could not be decoded.
    pub bad: Vec<BadRow>,
}

fn group<K: Ord, V>(pairs: impl IntoIterator<Item = (K, V)>) -> BTreeMap<K, Vec<V>> {
    let mut map = BTreeMap::new();
    for (key, value) in pairs {
        map.entry(key).or_insert_with(Vec::new).push(value);
    }
    map
}

impl Batch {
    /// Reads the next workunits of `which`. With `impatient`, also those that were set aside and are not due; those that a
    /// person dropped are never read.
    ///
    /// # Errors
    /// The database's.
    pub async fn read(store: &Store, which: Selection, now: f64, impatient: bool) -> store::Result<Self> {
        let (loaded, aside) = store
            .read("assimilation candidates", async |conn| {
                let loaded = conn.workunits_to_assimilate(which).await?;
                let ids: Vec<WorkunitId> = loaded
                    .rows
                    .iter()
                    .map(|w| w.id)
                    .chain(loaded.bad.iter().filter_map(bad_workunit))
                    .collect();
                let aside = conn.workunits_set_aside(DAEMON, &ids).await?;
                Ok((loaded, aside))
            })
            .await?;
        let seen = loaded.rows.len() + loaded.bad.len();
        let last = loaded.rows.iter().map(|w| w.id).chain(loaded.bad.iter().filter_map(bad_workunit)).max();
        let not_due: BTreeSet<WorkunitId> = aside
            .iter()
            .filter(|a| a.is_dropped || (!impatient && !decide::is_due(a.time, a.tries, now)))
            .map(|a| a.workunit)
            .collect();
        let due: Vec<Workunit> = loaded.rows.into_iter().filter(|w| !not_due.contains(&w.id)).collect();
        let bad = loaded.bad.into_iter().filter(|b| bad_workunit(b).is_some_and(|id| !not_due.contains(&id)));
        Ok(Self {
            last,
            is_full: i64::try_from(seen).is_ok_and(|seen| seen >= which.limit),
            waiting: not_due.len() as u64,
            bad: bad.collect(),
            items: items(store, due).await?,
        })
    }

    /// Workunits to be handled.
    #[must_use]
    pub fn found(&self) -> u64 {
        (self.items.len() + self.bad.len()) as u64
    }
}

/// The id of a row of `workunit` that could not be decoded.
pub fn bad_workunit(row: &BadRow) -> Option<WorkunitId> {
    i32::try_from(row.id).ok().map(WorkunitId)
}

async fn items(store: &Store, workunits: Vec<Workunit>) -> store::Result<Vec<Item>> {
    let ids: Vec<WorkunitId> = workunits.iter().map(|w| w.id).collect();
    let (results, jobs, mut bad, known) = store
        .read("results and jobs", async |conn| {
            let results = conn.results_of(&ids).await?;
            let bad_ids: Vec<ResultId> =
                results.bad.iter().filter_map(|row| i32::try_from(row.id).ok().map(ResultId)).collect();
            let owners: BTreeMap<ResultId, WorkunitId> =
                conn.workunits_of(&bad_ids).await?.into_iter().collect();
            let bad: BTreeMap<WorkunitId, String> = results
                .bad
                .iter()
                .filter_map(|row| {
                    let id = ResultId(i32::try_from(row.id).ok()?);
                    Some((*owners.get(&id)?, row.to_string()))
                })
                .collect();
            Ok((results.rows, conn.jobs_of(&ids).await?, bad, conn.assimilated(&ids).await?))
        })
        .await?;
    let mut results = group(results.into_iter().map(|r| (r.workunitid, r)));
    let mut jobs: BTreeMap<WorkunitId, JobOf> = jobs.into_iter().map(|job| (job.workunit, job)).collect();
    let mut known: BTreeMap<WorkunitId, String> = known.into_iter().collect();
    let mut items: Vec<Item> = workunits
        .into_iter()
        .map(|workunit| {
            let results = results.remove(&workunit.id).unwrap_or_default();
            let fate = match known.remove(&workunit.id) {
                Some(dataset) => Fate::Known { dataset },
                None => decide::decide(&workunit, &results, bad.remove(&workunit.id).as_deref()),
            };
            let job = jobs.remove(&workunit.id);
            Item {
                workunit,
                results,
                job,
                fate,
                files: Vec::new(),
                validated: Vec::new(),
                host: None,
                version: None,
                uptime: None,
                agreement: None,
                report: None,
                known: Vec::new(),
                stderr: None,
            }
        })
        .collect();
    add_documents(store, &mut items).await?;
    add_stderr(store, &mut items).await?;
    Ok(items)
}

/// Output files, hosts and all else that is known about canonical results.
async fn add_documents(store: &Store, items: &mut [Item]) -> store::Result<()> {
    let canonicals: Vec<&ResultRow> = items
        .iter()
        .filter_map(|item| match &item.fate {
            Fate::Assimilate { canonical, .. } => Some(canonical.as_ref()),
            _ => None,
        })
        .collect();
    if canonicals.is_empty() {
        return Ok(());
    }
    let ids: Vec<ResultId> = canonicals.iter().map(|r| r.id).collect();
    let hosts: BTreeSet<HostId> = canonicals.iter().map(|r| r.hostid).collect();
    let versions: BTreeSet<AppVersionId> = canonicals.iter().map(|r| r.app_version_id).collect();
    let hosts: Vec<HostId> = hosts.into_iter().collect();
    let versions: Vec<AppVersionId> = versions.into_iter().collect();
    let workunits: Vec<WorkunitId> = canonicals.iter().map(|r| r.workunitid).collect();
    let mut facts = store
        .read("facts of canonical results", async |conn| {
            Ok(Facts {
                documents: conn.output_documents(&ids).await?.into_iter().collect(),
                hosts: conn.host_facts(&hosts).await?.into_iter().map(|host| (host.id, host)).collect(),
                versions: conn.app_version_facts(&versions).await?.into_iter().map(|v| (v.id, v)).collect(),
                kept: conn
                    .canonical_files(&workunits)
                    .await?
                    .into_iter()
                    .map(|(_, canonical, files)| (canonical, files))
                    .collect(),
                uptimes: conn.marks(&ids).await?.into_iter().map(|m| (m.result, m.largest_claim)).collect(),
                agreements: conn.agreements(&workunits).await?.into_iter().map(|a| (a.workunit, a)).collect(),
                reports: conn.report_sums(&ids).await?,
            })
        })
        .await?;
    for item in items {
        facts.add_to(item);
    }
    Ok(())
}

/// What is known about the canonical results of a batch.
struct Facts {
    documents: BTreeMap<ResultId, Vec<u8>>,
    hosts: BTreeMap<HostId, HostFacts>,
    versions: BTreeMap<AppVersionId, AppVersionFacts>,
    kept: BTreeMap<ResultId, Vec<KeptFile>>,
    uptimes: BTreeMap<ResultId, f64>,
    agreements: BTreeMap<WorkunitId, Agreement>,
    reports: BTreeMap<ResultId, Report>,
}

impl Facts {
    fn add_to(&mut self, item: &mut Item) {
        let Fate::Assimilate { canonical, .. } = &item.fate else { return };
        item.host = self.hosts.get(&canonical.hostid).cloned();
        item.version = self.versions.get(&canonical.app_version_id).cloned();
        item.validated = self.kept.remove(&canonical.id).unwrap_or_default();
        item.uptime = self.uptimes.get(&canonical.id).copied().filter(|seconds| *seconds > 0.0);
        item.agreement = self.agreements.get(&item.workunit.id).copied();
        item.report = self.reports.get(&canonical.id).copied();
        match output_files(self.documents.get(&canonical.id).map(Vec::as_slice).unwrap_or_default()) {
            Ok(files) => item.files = files,
            Err(error) => {
                item.fate = Fate::SetAside(format!("result {}: xml_doc_in: {error}", canonical.id));
            }
        }
    }
}

/// The stderr that is shown, and known failures in the others.
async fn add_stderr(store: &Store, items: &mut [Item]) -> store::Result<()> {
    let mut wanted: Vec<ResultId> = Vec::new();
    for item in items.iter() {
        let Fate::Fail { stderr_of, .. } = item.fate else { continue };
        let mut failed: Vec<&ResultRow> =
            item.results.iter().filter(|r| decide::has_failed(r) || Some(r.id) == stderr_of).collect();
        failed.sort_by_key(|r| std::cmp::Reverse((Some(r.id) == stderr_of, r.received_time, r.id)));
        wanted.extend(failed.iter().take(SEARCHED).map(|r| r.id));
    }
    let (mut tails, mut known) = (BTreeMap::new(), BTreeMap::new());
    for ids in wanted.chunks(STDERRS) {
        let texts = store.read("stderr", async |conn| conn.stderr_of(ids).await).await?;
        for (id, text) in texts {
            known.insert(id, known_failures::find(&text));
            tails.extend(stderr::tail(&text).map(|tail| (id, tail)));
        }
    }
    for item in items {
        let Fate::Fail { stderr_of, .. } = item.fate else { continue };
        item.stderr = stderr_of.and_then(|id| Some((id.0, tails.remove(&id)?)));
        let mut counts: BTreeMap<Known, usize> = BTreeMap::new();
        for found in item.results.iter().filter_map(|r| known.get(&r.id)).flatten() {
            *counts.entry(*found).or_default() += 1;
        }
        item.known = counts.into_iter().collect();
    }
    Ok(())
}
