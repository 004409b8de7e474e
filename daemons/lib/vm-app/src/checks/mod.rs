//! Finds what does not fit together.
//!
//! A check is a function that gets what was read elsewhere and adds to a [`Report`](crate::Report). It has a name, by which
//! programs know its findings. What can't be known (there is no database, say) is passed as none, and the check is silent.
//!
//! | module | looks at |
//! |---|---|
//! | [`document`] | vbox_job.xml, job.xml, job.toml, version.xml, plan_class_spec.xml: elements that are lost |
//! | [`vbox_job`] | what vboxwrapper refuses, or what can't work |
//! | [`version`] | the folder of a version: files, signatures, names |
//! | [`plan_class`] | plan classes that versions have, platforms |
//! | [`templates`] | input and output template, with `[compare]` |
//! | [`timing`] | lifetime, deadline, messages, FLOPS |
//! | [`quorum`] | replication |
//! | [`messages`] | claims, reports, credit |
//! | [`daemons`] | `<daemons>` of config.xml |
//! | [`staged`] | the download folder against app_version |
//! | [`database`] | tables, columns, indexes; rows of app and app_version |
//! | [`folders`] | whether folders are there and can be written |

pub mod daemons;
pub mod database;
pub mod document;
pub mod folders;
pub mod messages;
pub mod plan_class;
pub mod quorum;
pub mod staged;
pub mod templates;
pub mod timing;
pub mod vbox_job;
pub mod version;

#[cfg(test)]
pub(crate) mod testing {
    //! What the tests of checks share.

    use crate::{Finding, Report};

    /// Names of the checks that fired.
    pub(crate) fn fired(run: impl FnOnce(&mut Report<'_>)) -> Vec<&'static str> {
        found(run).iter().map(|finding| finding.check).collect()
    }

    /// What they say.
    pub(crate) fn found(run: impl FnOnce(&mut Report<'_>)) -> Vec<Finding> {
        let mut findings = Vec::new();
        run(&mut Report::new("theory", &mut findings));
        for finding in &findings {
            assert!(
                [&finding.what, &finding.why, &finding.mend, &finding.subject]
                    .iter()
                    .all(|text| !text.is_empty()),
                "{finding:?}"
            );
        }
        findings
    }
}
