//! `cobblestone dataset verify`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;

use anyhow::Result;
use boinc::printable::printable;
use dataset::compaction;
use dataset::merge;
use dataset::parquet::{Cells, FileReader};
use dataset::remote::Place;
use sha2::{Digest as _, Sha256};
use store::assimilation::{DatasetFile, FileState};

use super::WhichDataset;
use crate::screen::print;

/// Most findings that are shown.
const SHOWN: usize = 50;
/// Tables with one row per workunit.
const ONCE: [&str; 2] = ["results", "failures"];

/// What was found to be off.
#[derive(Default)]
struct Findings {
    text: String,
    count: usize,
}

impl Findings {
    fn add(&mut self, what: &str) {
        self.count += 1;
        if self.count <= SHOWN {
            let _ = writeln!(self.text, "off  {what}");
        }
    }
}

/// False when something is off.
///
/// # Errors
/// The project, its database or the storage can't be read.
pub async fn run(which: &WhichDataset, outputs: bool) -> Result<bool> {
    let opened = which.open().await?;
    let store = &opened.project.store;
    let app = opened.app;
    // Files first: what is published between the two is recorded already.
    let (found, recorded, waiting) = match &opened.place {
        Place::Local(folder) => {
            let found = local_files(folder)?;
            let recorded = compaction::published(store, app).await?;
            let waiting = store
                .read("committed", async |conn| conn.dataset_files(app, FileState::Committed).await)
                .await?;
            (found, recorded, waiting)
        }
        Place::Remote(remote) => {
            let found = remote
                .list("")
                .await?
                .into_iter()
                .filter(|object| object.path.ends_with(".parquet") && !object.path.starts_with('.'))
                .filter(|object| !object.path.starts_with("outputs/"))
                .map(|object| (object.path, object.bytes));
            let found = found.collect();
            let recorded = compaction::published(store, app).await?;
            let waiting = store
                .read("committed", async |conn| conn.dataset_files(app, FileState::Committed).await)
                .await?;
            (found, recorded, waiting)
        }
    };
    let mut findings = Findings::default();
    let merges = store.read("merges", async |conn| conn.merges(app).await).await?;
    for merge in &merges {
        findings.add(&format!("a compaction was killed; run `cobblestone dataset compact` ({})", merge.into));
    }
    let known: BTreeSet<&str> = recorded
        .iter()
        .chain(&waiting)
        .map(|file| file.path.as_str())
        .chain(merges.iter().map(|merge| merge.into.as_str()))
        .collect();
    for path in found.keys().filter(|path| !known.contains(path.as_str())) {
        findings
            .add(&format!("{} is there and not recorded: its rows may be there twice", printable(path, 300)));
    }
    for file in &recorded {
        match found.get(&file.path) {
            // It may have been published or merged since the folder was read.
            None if !is_there(&opened.place, &file.path).await? => {
                findings
                    .add(&format!("{} is recorded and not there: {} rows are lost", file.path, file.items));
            }
            Some(bytes) if i64::try_from(*bytes).unwrap_or(i64::MAX) != file.bytes => {
                findings.add(&format!("{} has {bytes} bytes, {} are recorded", file.path, file.bytes));
            }
            _ => {}
        }
    }
    let mut text = format!(
        "{} files, {} rows recorded; {} wait to be published\n",
        recorded.len(),
        rows(&recorded),
        waiting.len()
    );
    if let Place::Local(folder) = &opened.place {
        content(folder, &recorded, &mut findings);
        if outputs {
            let checked = manifest(folder, &recorded, &mut findings);
            let _ = writeln!(text, "{checked} output files read");
        }
    } else if outputs {
        text.push_str("outputs on S3 are not read: export the table files and compare what you fetch\n");
    }
    text.push_str(&findings.text);
    if findings.count > SHOWN {
        let _ = writeln!(text, "… and {} more", findings.count - SHOWN);
    }
    text.push_str(if findings.count == 0 { "all is well\n" } else { "the dataset is not as it should be\n" });
    print(&text);
    Ok(findings.count == 0)
}

fn rows(files: &[DatasetFile]) -> i64 {
    files.iter().map(|file| file.items).sum()
}

async fn is_there(place: &Place, path: &str) -> Result<bool> {
    Ok(match place {
        Place::Local(folder) => folder.join(path).try_exists()?,
        Place::Remote(remote) => remote.exists(path).await?,
    })
}

/// Parquet files that readers see, with their sizes; paths below the folder.
fn local_files(folder: &Path) -> Result<BTreeMap<String, u64>> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(at) = open.pop() {
        let entries = match fs::read_dir(&at) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error.into()),
        };
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            let is_outputs = at == folder && name == "outputs";
            if name.to_string_lossy().starts_with('.') || is_outputs {
                continue;
            }
            let path = entry.path();
            let facts = entry.metadata()?;
            if facts.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "parquet") {
                let below = path.strip_prefix(folder).unwrap_or(&path);
                found.insert(below.to_string_lossy().into_owned(), facts.len());
            }
        }
    }
    Ok(found)
}

/// Reads what every file says of itself, and whether a workunit stands twice.
fn content(folder: &Path, files: &[DatasetFile], findings: &mut Findings) {
    let mut workunits: Vec<i32> = Vec::new();
    for file in files {
        let reader = match merge::open(&folder.join(&file.path)) {
            Ok(reader) => reader,
            Err(error) => {
                if folder.join(&file.path).exists() {
                    findings.add(&printable(&error.to_string(), 300));
                }
                continue;
            }
        };
        if reader.rows() != file.items {
            findings.add(&format!("{} has {} rows, {} are recorded", file.path, reader.rows(), file.items));
        }
        if ONCE.contains(&file.dataset.as_str()) {
            match ids(&reader) {
                Ok(ids) => workunits.extend(ids),
                Err(error) => findings.add(&format!("{}: {}", file.path, printable(&error.to_string(), 300))),
            }
        }
    }
    workunits.sort_unstable();
    for pair in workunits.windows(2) {
        if let [a, b] = pair
            && a == b
        {
            findings.add(&format!("workunit {a} stands twice"));
        }
    }
}

fn ids(reader: &FileReader) -> Result<Vec<i32>, parquet::errors::ParquetError> {
    let Some(column) = reader.fields().iter().position(|field| field.name == "workunit_id") else {
        return Ok(Vec::new());
    };
    let mut ids = Vec::new();
    for group in 0..reader.groups() {
        if let Some(Cells::Int(cells)) = reader.group(group)?.into_iter().nth(column) {
            ids.extend(cells.into_iter().flatten());
        }
    }
    Ok(ids)
}

/// Compares every output file with the manifest. How many were read.
fn manifest(folder: &Path, files: &[DatasetFile], findings: &mut Findings) -> usize {
    let mut checked = 0;
    for file in files.iter().filter(|file| file.dataset == "files") {
        let Ok(reader) = merge::open(&folder.join(&file.path)) else { continue };
        for group in 0..reader.groups() {
            let Ok(columns) = reader.group(group) else { continue };
            let column = |name: &str| {
                let at = reader.fields().iter().position(|field| field.name == name)?;
                columns.get(at)
            };
            let (Some(Cells::Text(paths)), Some(Cells::Text(digests))) =
                (column("path"), column("stored_sha256"))
            else {
                continue;
            };
            for (path, digest) in paths.iter().zip(digests) {
                let (Some(path), Some(digest)) = (path, digest) else { continue };
                let path = String::from_utf8_lossy(path.data()).into_owned();
                checked += 1;
                match sha256(&folder.join(&path)) {
                    Ok(found) if found.as_bytes() == digest.data() => {}
                    Ok(_) => {
                        findings.add(&format!("{} is not the file of the manifest", printable(&path, 300)))
                    }
                    Err(error) => findings.add(&format!("{}: {error}", printable(&path, 300))),
                }
            }
        }
    }
    checked
}

fn sha256(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        let n = file.read(&mut buffer)?;
        if n == 0 {
            break;
        }
        digest.update(buffer.get(..n).unwrap_or_default());
    }
    let mut text = String::with_capacity(64);
    for byte in digest.finalize() {
        let _ = write!(text, "{byte:02x}");
    }
    Ok(text)
}
