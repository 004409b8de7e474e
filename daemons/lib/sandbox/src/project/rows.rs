//! Fills a project with rows and files that come from elsewhere: recorded runs and inputs of comparisons.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;

use boinc::id::AppId;
use serde_json::{Map, Value};

use super::Project;
use crate::error::{Error, Result, db, file};

/// A real run of the stock server with two real clients, as it was before any validator ran: 6 workunits of
/// quorum 2, 12 reported results, 59 trickles, none handled. `theory_3` cheats: both its results claim
/// 36 seconds, and 10 seconds elapsed.
#[derive(Debug, Clone, Copy)]
pub struct Sample;

impl Sample {
    /// Its application.
    pub const APP: &'static str = "example_app";
    /// A time after the last report, for a frozen clock. Unix seconds.
    pub const NOW: f64 = 1_795_161_400.0;
    const ROWS: &'static [u8] = include_bytes!("../data/sample/rows.jsonl.gz");
    const UPLOADS: &'static [u8] = include_bytes!("../data/sample/upload.json.gz");
}

impl Project {
    /// Inserts rows, one `{"table": …, "row": {column: value}}` per line. Columns that a row does not name get
    /// their default; columns without one must be there. Authenticators of only zeros are made unique.
    /// Returns the number of rows.
    ///
    /// # Errors
    /// A line that is not of that form, or a refused row.
    pub async fn load_rows(&mut self, jsonl: &str) -> Result<u64> {
        // One statement inserts rows of the same columns; tables keep the order in which they first appear.
        let mut batches: Vec<(String, Vec<Map<String, Value>>)> = Vec::new();
        let mut index: BTreeMap<(String, Vec<String>), usize> = BTreeMap::new();
        for (number, line) in jsonl.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let (table, row) = parse_line(line).ok_or_else(|| {
                Error::Input(format!("line {}: not a {{\"table\", \"row\"}} object", number + 1))
            })?;
            let key = (table.clone(), row.keys().cloned().collect());
            let at = *index.entry(key).or_insert_with(|| {
                batches.push((table, Vec::new()));
                batches.len() - 1
            });
            if let Some((_, rows)) = batches.get_mut(at) {
                rows.push(row);
            }
        }
        let mut connection = self.connect().await?;
        let mut count = 0;
        for (table, rows) in &batches {
            count += connection.insert_json(table, rows).await.map_err(db("loading rows"))?;
        }
        let app = connection
            .rows("SELECT id FROM app WHERE name = ?", &[self.app().into()])
            .await
            .map_err(db("looking for the application"))?;
        if let Some(id) = app.first().and_then(|row| row.i64("id").ok()) {
            self.appid = AppId(i32::try_from(id).unwrap_or(0));
        }
        Ok(count)
    }

    /// Writes an uploaded file into its fan-out folder.
    ///
    /// # Errors
    /// No possible file name, or the file can't be written.
    pub fn write_upload(&self, name: &str, content: &[u8]) -> Result<()> {
        let path = self.upload_path(name)?;
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(file("can't make the folder", folder))?;
        }
        fs::write(&path, content).map_err(file("can't write", &path))
    }

    /// Where an uploaded file lies.
    ///
    /// # Errors
    /// No possible file name.
    pub fn upload_path(&self, name: &str) -> Result<std::path::PathBuf> {
        boinc::hierarchy::path_in(&self.path("upload"), name, self.options().fanout)
            .map_err(|error| Error::Input(error.to_string()))
    }

    /// Where an input file lies.
    ///
    /// # Errors
    /// No possible file name.
    pub fn download_path(&self, name: &str) -> Result<std::path::PathBuf> {
        boinc::hierarchy::path_in(&self.path("download"), name, self.options().fanout)
            .map_err(|error| Error::Input(error.to_string()))
    }

    /// Writes uploaded files, given as a JSON object name → content. A name may carry its fan-out folder
    /// (`15c/theory_2_1_r260175285_0`); the folder is worked out anew. Returns the number of files.
    ///
    /// # Errors
    /// Not such an object, or a file can't be written.
    pub fn load_uploads(&self, json: &str) -> Result<usize> {
        let files: BTreeMap<String, String> = serde_json::from_str(json)
            .map_err(|error| Error::Input(format!("uploads: not an object of name and content: {error}")))?;
        for (name, content) in &files {
            let name = name.rsplit('/').next().unwrap_or(name);
            self.write_upload(name, content.as_bytes())?;
        }
        Ok(files.len())
    }

    /// Makes the fan-out folders of the output files of all results, so that a file that is missing is
    /// missing, and not its folder. Results with a broken document are passed over.
    ///
    /// # Errors
    /// A statement failed, or a folder can't be made.
    pub async fn make_upload_folders(&self) -> Result<()> {
        let rows = self
            .connect()
            .await?
            .rows("SELECT xml_doc_in FROM result", &[])
            .await
            .map_err(db("reading results"))?;
        for row in rows {
            let doc = row.bytes("xml_doc_in").map_err(db("reading a result"))?;
            for output in boinc::result_doc::output_files(&doc).unwrap_or_default() {
                let path = self.upload_path(&output.physical_name)?;
                if let Some(folder) = path.parent() {
                    fs::create_dir_all(folder).map_err(file("can't make the folder", folder))?;
                }
            }
        }
        Ok(())
    }

    /// Loads the recorded run into a project made with [`super::ProjectOptions::sample`]: see [`Sample`].
    ///
    /// # Errors
    /// As [`Project::load_rows`].
    pub async fn load_sample(&mut self) -> Result<()> {
        self.load_rows(&unpack(Sample::ROWS)?).await?;
        self.load_uploads(&unpack(Sample::UPLOADS)?)?;
        self.make_upload_folders().await
    }
}

fn parse_line(line: &str) -> Option<(String, Map<String, Value>)> {
    let mut object: Map<String, Value> = serde_json::from_str(line).ok()?;
    let table = object.get("table")?.as_str()?.to_owned();
    let Value::Object(mut row) = object.remove("row")? else { return None };
    // Recordings have the secrets of all accounts blanked out; the column is unique.
    let blanked = |secret: &Value| secret.as_str().is_some_and(|text| text.bytes().all(|byte| byte == b'0'));
    if table == "user" && row.get("authenticator").is_some_and(blanked) {
        let id = row.get("id").and_then(Value::as_i64).unwrap_or(0);
        row.insert("authenticator".to_owned(), format!("{id:032}").into());
    }
    Some((table, row))
}

fn unpack(bytes: &[u8]) -> Result<String> {
    let mut text = String::new();
    flate2::read::GzDecoder::new(bytes)
        .read_to_string(&mut text)
        .map_err(|error| Error::Input(format!("the recorded run can't be unpacked: {error}")))?;
    Ok(text)
}
