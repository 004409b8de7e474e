//! What is wrong with a file, besides what its sections say of themselves.

use app_config::is_safe_name;

use super::file::File;
use super::{Contents, Kind};
use crate::columns;

/// Takes what is wrong with a value, by its key.
pub type Report<'a> = dyn FnMut(&str, String) + 'a;

impl File {
    /// Says what is wrong with it.
    pub fn check(&self, report: &mut Report<'_>) {
        if !is_safe_name(&self.campaign.app) {
            report(
                "campaign.app",
                "must be the short name of the application, as in app = \"theory\"".to_owned(),
            );
        }
        self.source.check(report);
        self.job.check(report);
        self.check_together(report);
        if self.seeds.first < 0 {
            report("seeds.first", "must be 0 or larger".to_owned());
        }
        self.check_parameters(report);
    }

    /// What one section says must fit another.
    fn check_together(&self, report: &mut Report<'_>) {
        if self.source.contents == Contents::Files && !self.job.own_file {
            report(
                "job.own_file",
                "is false, but with contents = \"files\" the dropped file is the job's own".to_owned(),
            );
        }
        if self.job.targets() > 0 && self.source.kind == Kind::Counter && self.source.jobs.is_none() {
            let why =
                "jobs that are reserved are never counted as waiting, so they would be made without end";
            report("source.jobs", format!("must be set with a target: {why}"));
        }
    }

    fn check_parameters(&self, report: &mut Report<'_>) {
        for name in self.parameters.keys() {
            let column = columns::ALL.contains(&name.as_str()) || columns::TAKEN.contains(&name.as_str());
            let identifier = name.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            if column {
                report(
                    &format!("parameters.{name}"),
                    "is a setting of the job, not a parameter; see [job]".to_owned(),
                );
            } else if !identifier {
                let must =
                    "a template cannot name it: use letters, digits and `_`, not beginning with a digit";
                report(&format!("parameters.{name}"), must.to_owned());
            }
        }
    }
}
