//! Elements that are lost.

use app_config::nearest;
use boinc::app_files::{Document, Known, Lost, Shape, Why, known, read, well_formed};
use boinc::printable::printable;

use crate::Report;

/// Which program reads a file, and what it knows.
#[derive(Debug, Clone, Copy)]
pub struct Form {
    /// The root element.
    pub root: &'static str,
    /// What stands in it.
    pub known: &'static [Known],
    /// The program.
    pub reader: &'static str,
    /// Whether it wants XML without faults.
    pub strict: bool,
}

/// vbox_job.xml
pub const VBOX_JOB: Form =
    Form { root: "vbox_job", known: known::VBOX_JOB, reader: "vboxwrapper", strict: false };
/// job.xml
pub const WRAPPER_JOB: Form =
    Form { root: "job_desc", known: known::WRAPPER_JOB, reader: "BOINC's wrapper", strict: false };
/// version.xml
pub const VERSION: Form =
    Form { root: "version", known: known::VERSION, reader: "bin/update_versions", strict: true };
/// plan_class_spec.xml
pub const PLAN_CLASSES: Form =
    Form { root: "plan_classes", known: known::PLAN_CLASSES, reader: "the scheduler", strict: false };

impl Form {
    /// The form of a file, by its root element.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let forms = [VBOX_JOB, WRAPPER_JOB, VERSION, PLAN_CLASSES];
        // Only the first element that is none of XML's own counts.
        let first = text.split('<').skip(1).find(|part| !part.starts_with(['?', '!']))?;
        forms.into_iter().find(|form| {
            first
                .strip_prefix(form.root)
                .is_some_and(|rest| rest.starts_with(|end: char| end == '>' || end.is_whitespace()))
        })
    }
}

/// Reads a file as its program does, and reports what is lost. None if the program can't use it at all.
pub fn check(report: &mut Report<'_>, path: &str, bytes: &[u8], form: Form) -> Option<Document> {
    let Form { root, known, reader, strict } = form;
    if strict && let Err(fault) = well_formed(bytes) {
        report.error(
            "document",
            path,
            fault.to_string(),
            format!("{reader} wants XML without faults and stops"),
            "mend the file",
        );
        return None;
    }
    match read(bytes, root, known) {
        Ok(document) => {
            for lost in &document.lost {
                self::lost(report, path, lost, form);
            }
            Some(document)
        }
        Err(fault) => {
            report.error(
                "document",
                path,
                fault.to_string(),
                format!("{reader} refuses the whole file"),
                "mend the file",
            );
            None
        }
    }
}

fn lost(report: &mut Report<'_>, path: &str, lost: &Lost, form: Form) {
    let Lost { name, line, parent, why } = lost;
    let reader = form.reader;
    let subject = format!("{path}, line {line}");
    match why {
        Why::Unknown => {
            let names = names_in(form.known, parent, form.root);
            let mend = match nearest(name.trim_start_matches('/'), names.iter().copied()) {
                Some(near) => format!("did you mean <{near}>?"),
                None => format!("known in <{parent}>: {}", names.join(", ")),
            };
            report.error(
                "lost-element",
                subject,
                format!("<{name}> is no element that {reader} knows in <{parent}>"),
                "it is skipped, as if it did not stand there; nobody is told",
                mend,
            );
        }
        Why::Value(shape) => report.error(
            "lost-value",
            subject,
            format!("<{name}> does not hold {}", shape.wanted()),
            format!("{reader} skips the element, and its default counts"),
            match shape {
                Shape::Flag => format!("write <{name}/> for yes, <{name}>0</{name}> for no"),
                _ => format!("write {} into <{name}>", shape.wanted()),
            },
        ),
        Why::Text => report.warning(
            "lost-text",
            subject,
            format!("the text \"{}\" stands between elements of <{parent}>", printable(name, 40)),
            format!("{reader} skips it"),
            "remove it, or put it into a comment",
        ),
        Why::Repeated => report.warning(
            "repeated",
            subject,
            format!("<{name}> stands there twice, with different values"),
            "the last one counts",
            "remove one of them",
        ),
    }
}

/// Names that are known in an element.
fn names_in(known: &'static [Known], parent: &str, root: &str) -> Vec<&'static str> {
    if parent == root {
        return known.iter().map(|known| known.name).collect();
    }
    known
        .iter()
        .find_map(|element| match element.shape {
            Shape::Section(inside) if element.name == parent => {
                Some(inside.iter().map(|known| known.name).collect())
            }
            _ => None,
        })
        .unwrap_or_default()
}

/// docker_wrapper's job.toml.
pub fn check_job_toml(report: &mut Report<'_>, path: &str, text: &str) {
    let table: toml::Table = match text.parse() {
        Ok(table) => table,
        Err(error) => {
            report.error(
                "document",
                path,
                format!("it is no TOML: {}", printable(&error.to_string(), 200)),
                "docker_wrapper fails every task",
                "mend the file",
            );
            return;
        }
    };
    for key in table.keys().filter(|key| !known::DOCKER_JOB.contains(&key.as_str())) {
        let mend = match nearest(key, known::DOCKER_JOB.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known: {}", known::DOCKER_JOB.join(", ")),
        };
        report.error(
            "lost-element",
            path,
            format!("`{}` is no key that docker_wrapper knows", printable(key, 60)),
            "it is skipped, as if it did not stand there; nobody is told",
            mend,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{fired, found};
    use super::*;

    #[test]
    fn a_misspelt_element_is_named_with_what_was_meant() {
        let job = b"<vbox_job>\n    <memory_size_mb>2048</memory_size_mb>\n    <enable_shared_directry/>\n</vbox_job>";
        let findings = found(|report| {
            check(report, "vbox_job.xml", job, VBOX_JOB);
        });
        assert_eq!(
            findings[0].to_string(),
            "error: vbox_job.xml, line 3: <enable_shared_directry> is no element that vboxwrapper knows in <vbox_job>\n  \
             why:  it is skipped, as if it did not stand there; nobody is told\n  \
             mend: did you mean <enable_shared_directory>?\n"
        );
        assert_eq!(findings.len(), 1);
        let fired_by = |bytes: &[u8], form: Form| {
            fired(|report| {
                check(report, "x", bytes, form);
            })
        };
        assert!(fired_by(b"<vbox_job><enable_network/></vbox_job>", VBOX_JOB).is_empty());
        assert_eq!(
            fired_by(b"<vbox_job><enable_network>yes</enable_network></vbox_job>", VBOX_JOB),
            ["lost-value"]
        );
        assert_eq!(fired_by(b"<vbox_job>x<enable_network/></vbox_job>", VBOX_JOB), ["lost-text"]);
        assert_eq!(
            fired_by(b"<vbox_job><os_name>a</os_name><os_name>b</os_name></vbox_job>", VBOX_JOB),
            ["repeated"]
        );
        assert_eq!(fired_by(b"<vbox_job><enable_network/>", VBOX_JOB), ["document"]);
        assert_eq!(fired_by(b"<version><file></version>", VERSION), ["document"]);
        let inner = b"<version><file><fisical_name>x</fisical_name></file></version>";
        let findings = found(|report| {
            check(report, "x", inner, VERSION);
        });
        assert_eq!(findings[0].mend, "did you mean <physical_name>?");
    }

    #[test]
    fn keys_of_job_toml() {
        assert!(fired(|report| check_job_toml(report, "x", "workdir = '/app'\nverbose = 1\n")).is_empty());
        let findings = found(|report| check_job_toml(report, "x", "mounts = ['a:b']\n"));
        assert_eq!((findings[0].check, findings[0].mend.as_str()), ("lost-element", "did you mean `mount`?"));
        assert_eq!(fired(|report| check_job_toml(report, "x", "workdir = ")), ["document"]);
    }

    #[test]
    fn the_form_follows_from_the_root() {
        let root = |text: &str| Form::of(text).map(|form| form.root);
        assert_eq!(root("<?xml version='1.0'?>\n<!-- x -->\n<vbox_job>"), Some("vbox_job"));
        assert_eq!(root("<plan_classes>\n<plan_class>"), Some("plan_classes"));
        assert_eq!((root("<vbox_jobs>"), root(""), root("<a>")), (None, None, None));
    }
}
