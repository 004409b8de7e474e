//! Workunits without a work generator, for tests and benches.

use serde_json::{Map, Value};

use super::{Project, whole};
use crate::error::{Result, db, file};
use crate::row::row;

impl Project {
    /// Stages `count` input files and inserts a workunit for each, quorum 2, named `PREFIX_0`, `PREFIX_1` …
    /// They are due for the transitioner at once.
    ///
    /// # Errors
    /// A file can't be written, or a name is taken.
    pub async fn make_workunits(&self, prefix: &str, count: usize) -> Result<()> {
        let now = whole(self.now());
        let mut rows: Vec<Map<String, Value>> = Vec::new();
        for number in 0..count {
            let name = format!("{prefix}_{number}");
            let input = format!("{name}.ctx");
            let content = format!("seed={}\nevents=500\n", number + 1);
            let path = self.download_path(&input)?;
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder).map_err(file("can't make the folder", folder))?;
            }
            std::fs::write(&path, &content).map_err(file("can't write", &path))?;
            let doc = format!(
                "<file_info>\n<name>{input}</name>\n</file_info>\n<workunit>\n<file_ref>\n<file_name>{input}</file_name>\n<open_name>context</open_name>\n</file_ref>\n</workunit>"
            );
            rows.push(row! {
                "create_time": now, "appid": self.appid().0, "name": name, "xml_doc": doc, "batch": 0,
                "rsc_fpops_est": 4e14, "rsc_fpops_bound": 1e17, "rsc_memory_bound": 2e9, "rsc_disk_bound": 8e9,
                "need_validate": 0, "canonical_resultid": 0, "canonical_credit": 0.0, "transition_time": now - 1,
                "delay_bound": 172_800, "error_mask": 0, "file_delete_state": 0, "assimilate_state": 0, "hr_class": 0,
                "opaque": 0.0, "min_quorum": 2, "target_nresults": 2, "max_error_results": 4, "max_total_results": 10,
                "max_success_results": 6, "result_template_file": format!("templates/{}_out", self.app()),
                "priority": 0, "rsc_bandwidth_bound": 0.0, "fileset_id": 0, "app_version_id": 0,
                "transitioner_flags": 0, "keywords": "", "app_version_num": 0,
            });
        }
        self.connect().await?.insert_json("workunit", &rows).await.map_err(db("adding workunits"))?;
        Ok(())
    }
}
