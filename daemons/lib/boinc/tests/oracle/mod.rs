//! The cases of the stock program `create_work`: templates, arguments, files, and what came of them. Also for the tests of
//! the command that takes its place.
#![allow(dead_code, clippy::unwrap_used, clippy::panic, reason = "each test binary uses its part")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;

use boinc::download_dir::DownloadDir;
use boinc::md5_cache;
use serde_json::{Map, Value};

/// `download_url` of its project; `uldl_dir_fanout` was 1024, `cache_md5_info` on.
pub const DOWNLOAD_URL: &str = "http://127.0.0.1:8080/t4t/download";

/// See the module.
pub struct Case {
    pub template: String,
    pub args: Vec<String>,
    pub infiles: Vec<String>,
    pub staged: BTreeMap<String, String>,
    pub constant: Vec<String>,
    pub exit: i64,
    pub stderr: String,
    pub workunit: Option<Map<String, Value>>,
}

pub fn cases() -> Vec<Case> {
    let packed = include_bytes!("../data/create_work_cases.json.gz");
    let mut text = String::new();
    flate2::read::GzDecoder::new(&packed[..]).read_to_string(&mut text).unwrap();
    let cases: Vec<Map<String, Value>> = serde_json::from_str(&text).unwrap();
    let texts = |value: &Value| -> Vec<String> {
        value.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
    };
    let case = |case: Map<String, Value>| Case {
        template: case["template"].as_str().unwrap().to_owned(),
        args: texts(&case["args"]),
        infiles: texts(&case["infiles"]),
        staged: (case["staged"].as_object().unwrap().iter())
            .map(|(name, content)| (name.clone(), content.as_str().unwrap().to_owned()))
            .collect(),
        constant: texts(&case["constant"]),
        exit: case["exit"].as_i64().unwrap(),
        stderr: case["stderr"].as_str().unwrap().to_owned(),
        workunit: case["workunit"].as_object().cloned(),
    };
    cases.into_iter().map(case).collect()
}

/// The clock was frozen.
pub fn now_of(cases: &[Case]) -> i32 {
    let row = cases.iter().find_map(|case| case.workunit.as_ref()).unwrap();
    i32::try_from(row["create_time"].as_i64().unwrap()).unwrap()
}

impl Case {
    pub fn name(&self) -> &str {
        let at = self.args.iter().position(|arg| arg == "--wu_name").unwrap();
        &self.args[at + 1]
    }

    /// Puts its files into the download folder.
    pub fn stage(&self, files: &DownloadDir) {
        for (name, content) in &self.staged {
            let path = files.path(name).unwrap();
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, content).unwrap();
            if self.constant.contains(name) {
                md5_cache::write(&path, &md5_cache::of_bytes(content.as_bytes())).unwrap();
            }
        }
    }

    /// The row is stock's, field by field. None: there is none.
    #[track_caller]
    pub fn compare(&self, row: Option<&Map<String, Value>>) {
        let name = self.name();
        let (row, expected) = match (row, &self.workunit) {
            (Some(row), Some(expected)) => (row, expected),
            (None, None) => return,
            (row, expected) => panic!("{name}: made {row:?}, expected {expected:?}"),
        };
        assert_eq!(row["xml_doc"].as_str().unwrap(), expected["xml_doc"].as_str().unwrap(), "{name}");
        assert_eq!(row.len(), expected.len(), "{name}: other columns");
        for (column, value) in expected {
            assert_eq!(row[column].as_f64(), value.as_f64(), "{name}: {column}");
            assert_eq!(row[column].as_str(), value.as_str(), "{name}: {column}");
        }
    }
}
