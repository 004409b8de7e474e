//! From a file to a campaign: what the file does not say is as in `[work]` of its application.

use std::collections::BTreeMap;

use app_config::{Parameter, Work};
use boinc::input_template::{Assignment, Overrides};
use serde_json::Value;

use super::file::File;
use super::{Campaign, Contents, FILE_KEY, SharedFile};
use crate::columns::Settings;

impl File {
    /// The campaign of this name.
    pub fn complete(self, name: &str, work: &Work) -> Campaign {
        let Self { campaign: head, mut source, seeds, job, parameters } = self;
        if source.contents == Contents::Files {
            source.key = Some(FILE_KEY.to_owned());
        }
        let mut all: BTreeMap<String, Value> = BTreeMap::new();
        for (name, value) in work.parameters.iter().chain(&parameters) {
            all.insert(name.clone(), parameter(value));
        }
        let target = job.target_host.map(Assignment::Host);
        let target =
            target.or(job.target_user.map(Assignment::User)).or(job.target_team.map(Assignment::Team));
        Campaign {
            name: name.to_owned(),
            app: head.app,
            description: head.description,
            source,
            seeds,
            settings: Settings {
                events: job.events.unwrap_or_else(|| i64::try_from(work.events).unwrap_or(i64::MAX)),
                priority: job.priority.unwrap_or(work.priority),
                batch: job.batch.unwrap_or(work.batch),
                app_version_num: job.app_version_num,
                keywords: job.keywords,
                overrides: Overrides {
                    min_quorum: job.min_quorum,
                    target_nresults: job.target_nresults,
                    max_error_results: job.max_error_results,
                    max_total_results: job.max_total_results,
                    max_success_results: job.max_success_results,
                    delay_bound: job.delay_bound,
                    size_class: job.size_class,
                    rsc_fpops_est: None,
                },
                assignment: target.unwrap_or_default(),
                input_files: Vec::new(),
            },
            parameters: all,
            context: job.context.or_else(|| work.context.clone()),
            own_file: job.own_file,
            command_line: job.command_line,
            input_template: job.input_template.unwrap_or_else(|| work.input_template.clone()),
            output_template: job.output_template.unwrap_or_else(|| work.output_template.clone()),
            shared_files: job.shared_files.iter().map(|path| SharedFile::at(path)).collect(),
            remote_files: job.remote_files,
        }
    }
}

fn parameter(value: &Parameter) -> Value {
    match value {
        Parameter::Text(text) => Value::String(text.clone()),
        Parameter::Integer(number) => (*number).into(),
        Parameter::Float(number) => (*number).into(),
    }
}
