//! Rows become workunits: one transaction for a batch, with the rows of `assignment`.
//!
//! Invariant: a batch is there whole or not at all. When it can't be inserted because of some of its jobs, [`blame`] says
//! which; the caller leaves them out and inserts the others.

use std::collections::{HashMap, HashSet};

use boinc::id::WorkunitId;
use boinc::input_template::Assignment;
use store::Store;

use super::maker::{Fault, Ready};
use super::order::target_words;

/// Most jobs of a transaction.
pub const ROWS: usize = 2000;
/// Most bytes of their documents, nearly.
const BYTES: usize = 8 << 20;

/// Jobs to be inserted, in the order of their lines.
#[derive(Debug, Default)]
pub struct Batch {
    /// See above.
    pub jobs: Vec<Ready>,
    bytes: usize,
    /// Names as the database compares them, with the lines that have them.
    names: HashMap<String, u64>,
}

/// A job that can't be inserted.
#[derive(Debug)]
pub struct Blamed {
    /// Its place in the batch.
    pub index: usize,
    /// Why.
    pub why: Fault,
    /// A workunit of its name exists.
    pub is_taken: bool,
}

impl Batch {
    /// Adds a job.
    ///
    /// # Errors
    /// Another one of the batch has its name.
    pub fn add(&mut self, ready: Ready) -> Result<(), Fault> {
        if let Some(line) = self.names.insert(key(&ready.row.name), ready.line) {
            self.names.insert(key(&ready.row.name), line);
            let name = &ready.row.name;
            return Err(Fault::Database(format!(
                "the name {name} is that of line {line}; give another --wu_name"
            )));
        }
        self.bytes += ready.row.xml_doc.len();
        self.jobs.push(ready);
        Ok(())
    }

    /// Whether it should be inserted before more is added.
    pub fn is_full(&self) -> bool {
        self.jobs.len() >= ROWS || self.bytes >= BYTES
    }

    /// Empties it.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// First and last line.
    pub fn lines(&self) -> Option<(u64, u64)> {
        Some((self.jobs.first()?.line, self.jobs.last()?.line))
    }
}

/// A name as the database compares it, nearly: without case.
pub fn key(name: &str) -> String {
    name.to_ascii_lowercase()
}

/// Inserts the jobs; their ids, in their order.
///
/// # Errors
/// The database refuses; nothing is inserted then, unless the connection was lost.
pub async fn insert(store: &Store, jobs: &[Ready], now: i32) -> store::Result<Vec<WorkunitId>> {
    store
        .transaction("create work", async |tx| {
            let rows: Vec<_> = jobs.iter().map(|job| &job.row).collect();
            let by_name = tx.insert_workunits(&rows).await?;
            let id = |job: &Ready| by_name.get(&job.row.name).copied().unwrap_or(WorkunitId(0));
            let targets: Vec<_> = jobs.iter().map(|job| (id(job), job.target)).collect();
            tx.insert_assignments(&targets, now).await?;
            Ok(jobs.iter().map(id).collect())
        })
        .await
}

/// Which of these jobs can't be inserted; of no jobs, none, and nothing is asked.
///
/// # Errors
/// The database can't be read.
pub async fn blame(store: &Store, jobs: &[Ready]) -> store::Result<Vec<Blamed>> {
    if jobs.is_empty() {
        return Ok(Vec::new());
    }
    let names: Vec<String> = jobs.iter().map(|job| job.row.name.clone()).collect();
    let targets: Vec<Assignment> = distinct_targets(jobs);
    let (taken, missing) = store
        .read("names and targets of jobs", async |conn| {
            Ok((conn.workunit_names(&names).await?, conn.missing_targets(&targets).await?))
        })
        .await?;
    let taken: HashSet<String> = taken.iter().map(|name| key(name)).collect();
    let mut blamed = Vec::new();
    for (index, job) in jobs.iter().enumerate() {
        let name = &job.row.name;
        if taken.contains(&key(name)) {
            let why = format!("there is a workunit {name} already; give another --wu_name");
            blamed.push(Blamed { index, why: Fault::Database(why), is_taken: true });
        } else if missing.contains(&job.target) {
            let target = target_words(job.target);
            let why = format!("there is no {target}, so nobody would get this job; name another one");
            blamed.push(Blamed { index, why: Fault::Database(why), is_taken: false });
        }
    }
    Ok(blamed)
}

/// For whom jobs are, each once; nobody left out.
pub fn distinct_targets(jobs: &[Ready]) -> Vec<Assignment> {
    let mut targets: Vec<Assignment> = Vec::new();
    let mut seen = HashSet::new();
    for job in jobs {
        if let Some(row) = job.target.row()
            && seen.insert(row)
        {
            targets.push(job.target);
        }
    }
    targets
}
