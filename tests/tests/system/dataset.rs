//! What the assimilator wrote, as a reader of the dataset finds it.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;

use crate::stage::Stage;

/// Published Parquet files of a table: all but those in folders that readers pass over.
pub fn parts(stage: &Stage, table: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    walk(&stage.project.path("results").join(stage.project.app()).join(table), &mut found);
    found.retain(|path| path.extension().is_some_and(|e| e == "parquet"));
    found.sort();
    found
}

/// All files below, without hidden folders.
fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_string_lossy().starts_with('.') {
            continue;
        }
        if path.is_dir() { walk(&path, found) } else { found.push(path) }
    }
}

/// How often each workunit stands in a table.
pub fn workunits(stage: &Stage, table: &str) -> BTreeMap<i32, usize> {
    let mut found = BTreeMap::new();
    for path in parts(stage, table) {
        let reader = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
        for row in reader.get_row_iter(None).unwrap() {
            let row = row.unwrap();
            let (_, id) = row.get_column_iter().find(|(name, _)| *name == "workunit_id").unwrap();
            let Field::Int(id) = id else { panic!("workunit_id is {id:?}") };
            *found.entry(*id).or_default() += 1;
        }
    }
    found
}

/// Checks that the dataset holds exactly the workunits that BOINC holds for assimilated, each once, and that every
/// output is where its table says.
pub async fn is_complete(stage: &mut Stage) {
    let rows =
        stage.db.rows("SELECT id, error_mask FROM workunit WHERE assimilate_state = 2", &[]).await.unwrap();
    for (table, failed) in [("results", false), ("failures", true)] {
        let wanted: BTreeMap<i32, usize> = rows
            .iter()
            .filter(|row| (row.i64("error_mask").unwrap() != 0) == failed)
            .map(|row| (i32::try_from(row.i64("id").unwrap()).unwrap(), 1))
            .collect();
        assert_eq!(workunits(stage, table), wanted, "{table}");
    }
    assert_eq!(stage.count("cobblestone_dataset_file WHERE state <> 'published'").await, 0);
    let files = stage.number("SELECT COALESCE(SUM(items), 0) FROM cobblestone_dataset_file WHERE dataset IN ('results', 'failures')").await;
    assert_eq!(files, i64::try_from(rows.len()).unwrap());
}

/// Files that wait in the staging folder, locks aside.
pub fn staged(stage: &Stage) -> Vec<PathBuf> {
    let staging = stage.project.path("results").join(stage.project.app()).join(".staging");
    let mut found = Vec::new();
    walk(&staging, &mut found);
    found.retain(|path| path.file_name().is_some_and(|name| name != "lock"));
    found
}
