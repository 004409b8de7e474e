//! BOINC's files, made from the description.
//!
//! What is made for a version has a name that belongs to this version: a file that clients have once seen never changes.

mod container;
mod daemons;
mod plan_class;
mod templates;
mod vbox_job;
mod version;
mod wrapper_job;

use crate::description::{Description, Kind};

pub use plan_class::plan_classes;

/// A file that is to be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Its path, relative to the project directory.
    pub path: String,
    /// What it holds.
    pub text: String,
}

/// All files of the application, without plan_class_spec.xml, which it shares with others (see [`crate::plan_spec`]).
/// `dockerfile` is the text of the administrator's own Dockerfile, if the description names one.
#[must_use]
pub fn files(description: &Description<'_>, dockerfile: Option<&str>) -> Vec<Wanted> {
    let mut wanted = Vec::new();
    let made = made(description, dockerfile);
    for (folder, platform) in description.folders() {
        for (name, _, text) in &made {
            wanted.push(Wanted { path: format!("{folder}/{name}"), text: text.clone() });
        }
        let version = version::version_xml(description, platform, &made);
        wanted.push(Wanted { path: format!("{folder}/version.xml"), text: version });
    }
    let (input, output) = description.templates();
    wanted.push(Wanted { path: input, text: templates::input(description) });
    wanted.push(Wanted { path: output, text: templates::output(description) });
    wanted.push(Wanted {
        path: format!("cobblestone/{}-daemons.xml", description.app),
        text: daemons::lines(description),
    });
    wanted
}

/// The `<daemon>` lines for config.xml.
#[must_use]
pub fn daemon_lines(description: &Description<'_>) -> String {
    daemons::lines(description)
}

/// Name, how the task opens it, text.
type Made = (String, &'static str, String);

/// What each folder of the version gets beside version.xml.
fn made(description: &Description<'_>, dockerfile: Option<&str>) -> Vec<Made> {
    match description.kind {
        Kind::Vm(vm) => {
            vec![(description.made("vbox_job", ".xml"), "vbox_job.xml", vbox_job::vbox_job(description, vm))]
        }
        Kind::Container(container) => {
            let text = dockerfile.map_or_else(|| container::dockerfile(container), str::to_owned);
            vec![
                (description.made("job", ".toml"), "job.toml", container::job_toml(container)),
                (description.made("Dockerfile", ""), "Dockerfile", text),
            ]
        }
        Kind::Wrapper(wrapper) => {
            vec![(description.made("job", ".xml"), "job.xml", wrapper_job::job_xml(wrapper))]
        }
    }
}
