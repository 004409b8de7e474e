//! What the database says of a batch of workunits before their files are looked at: results, documents, digests, flags
//! of hosts. Reads only, and no transaction is open.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use boinc::id::{HostId, ResultId, WorkunitId};
use boinc::record::{ResultRow, Workunit};
use boinc::state::{Outcome, ServerState};
use boinc::verdict::KeptFile;
use store::{Loaded, Store};
use verdicts::{STDERR_BYTES, to_read};

use crate::examined::Look;

/// A batch, ready to be examined.
pub struct Gathered {
    pub workunits: Loaded<Workunit>,
    /// All of theirs.
    pub results: Loaded<ResultRow>,
    /// `xml_doc_in` of results whose files are read.
    pub documents: BTreeMap<ResultId, Vec<u8>>,
    /// Digests of canonical results that late ones are compared with.
    pub kept: BTreeMap<WorkunitId, (ResultId, Vec<KeptFile>)>,
    /// Hosts whose results are suspicious.
    pub flagged: BTreeSet<HostId>,
    /// Results with errors that are hopeless.
    pub hopeless: BTreeSet<ResultId>,
    /// `stderr_out` of results whose files are read, where it is compared.
    pub stderr: Option<BTreeMap<ResultId, Vec<u8>>>,
    /// When, Unix seconds.
    pub now: f64,
}

impl Gathered {
    /// Reads it.
    pub async fn read(store: &Store, look: &Look, workunits: Loaded<Workunit>, now: f64) -> Result<Self> {
        let ids: Vec<WorkunitId> = workunits.rows.iter().map(|workunit| workunit.id).collect();
        let results = store.read("results to judge", async |conn| conn.results_of(&ids).await).await?;
        let mut gathered = Self {
            workunits,
            results,
            documents: BTreeMap::new(),
            kept: BTreeMap::new(),
            flagged: BTreeSet::new(),
            hopeless: BTreeSet::new(),
            stderr: None,
            now,
        };
        let (wanted, late) = gathered.wanted();
        gathered.documents = store
            .read("documents of results", async |conn| conn.output_documents(&wanted).await)
            .await?
            .into_iter()
            .collect();
        gathered.kept = store
            .read("digests of canonical results", async |conn| conn.canonical_files(&late).await)
            .await?
            .into_iter()
            .map(|(workunit, canonical, files)| (workunit, (canonical, files)))
            .collect();
        let Loaded { rows: results, .. } = &gathered.results;
        gathered.flagged = flagged(store, look, &gathered.workunits.rows, results).await?;
        gathered.hopeless = hopeless(store, look, results).await?;
        if look.stderr {
            gathered.stderr = Some(stderr(store, &wanted).await?);
        }
        Ok(gathered)
    }

    /// Results of each workunit, by id.
    pub fn by_workunit(&self) -> BTreeMap<WorkunitId, Vec<&ResultRow>> {
        let mut all: BTreeMap<WorkunitId, Vec<&ResultRow>> = BTreeMap::new();
        for row in &self.results.rows {
            all.entry(row.workunitid).or_default().push(row);
        }
        all
    }

    /// Results whose files are read, and workunits with late ones among them.
    fn wanted(&self) -> (Vec<ResultId>, Vec<WorkunitId>) {
        let by_workunit = self.by_workunit();
        let (mut wanted, mut late) = (Vec::new(), Vec::new());
        for workunit in &self.workunits.rows {
            let of_it = to_read(workunit, by_workunit.get(&workunit.id).map_or(&[][..], Vec::as_slice));
            if workunit.canonical_resultid != ResultId(0) && !of_it.is_empty() {
                late.push(workunit.id);
            }
            wanted.extend(of_it);
        }
        (wanted, late)
    }
}

async fn stderr(store: &Store, results: &[ResultId]) -> Result<BTreeMap<ResultId, Vec<u8>>> {
    let ends = store.read("stderr", async |conn| conn.ends_of_stderr(results, STDERR_BYTES).await).await?;
    Ok(ends.into_iter().collect())
}

async fn flagged(
    store: &Store,
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
    let found = store.read("flagged hosts", async |conn| conn.flagged_hosts(app, &hosts).await).await?;
    Ok(found.into_iter().collect())
}

/// Results with errors that are hopeless.
async fn hopeless(store: &Store, look: &Look, results: &[ResultRow]) -> Result<BTreeSet<ResultId>> {
    let Some(rule) = &look.hopeless else { return Ok(BTreeSet::new()) };
    let failed =
        |row: &&ResultRow| row.server_state == ServerState::Over && row.outcome == Outcome::ClientError;
    let (by_status, others): (Vec<&ResultRow>, Vec<&ResultRow>) =
        results.iter().filter(failed).partition(|row| rule.exit_status.contains(&row.exit_status));
    let mut found: BTreeSet<ResultId> = by_status.into_iter().map(|row| row.id).collect();
    if !rule.stderr.is_empty() {
        let others: Vec<ResultId> = others.into_iter().map(|row| row.id).collect();
        let ends = store
            .read("ends of stderr", async |conn| conn.ends_of_stderr(&others, STDERR_BYTES).await)
            .await?;
        let is_in = |end: &[u8], text: &str| end.windows(text.len()).any(|window| window == text.as_bytes());
        let said = ends.into_iter().filter(|(_, end)| rule.stderr.iter().any(|text| is_in(end, text)));
        found.extend(said.map(|(id, _)| id));
    }
    Ok(found)
}
