//! Plan classes that versions have, and platforms.

use std::collections::BTreeMap;

use app_config::nearest;
use boinc::app_files::{Document, Entry, flag, known, number, text};

use super::document;
use crate::Report;
use crate::plan_spec::FILE;

/// The classes of plan_class_spec.xml by name; none if there is no such file, or it can't be used.
pub type Classes = BTreeMap<String, Vec<Entry>>;

/// Looks at the file itself.
pub fn check(report: &mut Report<'_>, bytes: &[u8]) -> Option<Classes> {
    let spec: Document = document::check(report, FILE, bytes, document::PLAN_CLASSES)?;
    let mut classes = Classes::new();
    for class in spec.sections("plan_class") {
        let name = text(class, "name").to_owned();
        if name.is_empty() {
            report.error(
                "plan-class",
                FILE,
                "a <plan_class> has no <name>",
                "no version can name it",
                "write its <name>",
            );
            continue;
        }
        let (least, most) =
            (number(class, "min_ncpus").unwrap_or(0.0), number(class, "max_threads").unwrap_or(1.0));
        if most < least {
            report.error(
                "plan-class",
                format!("{FILE}, {name}"),
                format!("<max_threads> is {most}, less than <min_ncpus>, {least}"),
                "the task is told to use fewer cores than it needs; <max_threads> is 1 unless it is written",
                format!("write <max_threads>{least}</max_threads> or more"),
            );
        }
        if classes.contains_key(&name) {
            report.warning(
                "plan-class",
                format!("{FILE}, {name}"),
                "the class stands there twice",
                "the first one counts",
                "remove one of them",
            );
        }
        classes.entry(name).or_insert_with(|| class.to_vec());
    }
    Some(classes)
}

/// Looks at a version's plan class. `has_file` says whether there is a plan_class_spec.xml.
pub fn used(
    report: &mut Report<'_>,
    subject: &str,
    class: &str,
    platform: &str,
    classes: Option<&Classes>,
    has_file: bool,
) {
    if class.is_empty() {
        return;
    }
    let Some(classes) = classes else {
        if !has_file && !known::is_built_in(class) {
            report.error(
                "plan-class",
                subject,
                format!("plan class {class} is not known to the scheduler"),
                "no host gets the version",
                format!("describe it in {FILE}; cobblestone app build {} does", report.app()),
            );
        }
        return;
    };
    let Some(found) = classes.get(class) else {
        let mend = match nearest(class, classes.keys().map(String::as_str)) {
            Some(near) => format!("did you mean {near}? Else add the class to {FILE}"),
            None => format!("add the class to {FILE}; cobblestone app build {} does", report.app()),
        };
        let why = if known::is_built_in(class) {
            "the scheduler knows a class of that name by itself, but only while there is no such file; no host gets the version"
        } else {
            "no host gets the version"
        };
        report.error("plan-class", subject, format!("plan class {class} is not in {FILE}"), why, mend);
        return;
    };
    if flag(found, "virtualbox") && flag(found, "is64bit") != platform.contains("64") {
        report.error(
            "plan-class-bits",
            subject,
            format!(
                "plan class {class} {} <is64bit/>, and platform {platform} {} 64 bits",
                if flag(found, "is64bit") { "has" } else { "has no" },
                if platform.contains("64") { "has" } else { "has not" }
            ),
            "the scheduler gives such a version to no host",
            if platform.contains("64") { "add <is64bit/> to the class" } else { "take the platform out" },
        );
    }
}

/// Whether the database knows a platform.
pub fn platform(report: &mut Report<'_>, subject: &str, platform: &str, known: &[String]) {
    if known.iter().any(|known| known == platform) {
        return;
    }
    let mend = match nearest(platform, known.iter().map(String::as_str)) {
        Some(near) => format!("did you mean {near}? Else add the platform to project.xml and run bin/xadd"),
        None => "add the platform to project.xml and run bin/xadd".to_owned(),
    };
    report.error(
        "platform",
        subject,
        format!("the database knows no platform {platform}"),
        "bin/update_versions skips the folder",
        mend,
    );
}

#[cfg(test)]
mod tests {
    use super::super::testing::{fired, found};
    use super::*;

    const SPEC: &[u8] = b"<plan_classes><plan_class><name>vbox64_theory</name><virtualbox/><is64bit/></plan_class></plan_classes>";

    fn classes(bytes: &[u8]) -> Classes {
        check(&mut Report::new("", &mut Vec::new()), bytes).unwrap()
    }

    #[test]
    fn the_file() {
        let checks = |bytes: &[u8]| {
            fired(|report| {
                check(report, bytes);
            })
        };
        assert!(checks(SPEC).is_empty());
        assert_eq!(checks(b"<plan_classes><plan_class></plan_class></plan_classes>"), ["plan-class"]);
        let twice = b"<plan_classes><plan_class><name>a</name></plan_class><plan_class><name>a</name></plan_class></plan_classes>";
        assert_eq!(checks(twice), ["plan-class"]);
        let cores =
            b"<plan_classes><plan_class><name>a</name><min_ncpus>2</min_ncpus></plan_class></plan_classes>";
        assert_eq!(checks(cores), ["plan-class"]);
        assert_eq!(
            checks(b"<plan_classes><plan_class><name>a</name><is64bits/></plan_class></plan_classes>"),
            ["lost-element"]
        );
    }

    #[test]
    fn versions() {
        let linux = "x86_64-pc-linux-gnu";
        let known = classes(SPEC);
        let with = |class: &str, platform: &str| {
            fired(|report| used(report, "x", class, platform, Some(&known), true))
        };
        assert!(with("vbox64_theory", linux).is_empty() && with("", linux).is_empty());
        assert_eq!(with("vbox64", linux), ["plan-class"], "built in, but there is a file");
        assert_eq!(with("vbox64_theory", "windows_intelx86"), ["plan-class-bits"]);
        let without = |class: &str| fired(|report| used(report, "x", class, linux, None, false));
        assert!(without("vbox64").is_empty());
        assert_eq!(without("docker_theory"), ["plan-class"]);
        let near = found(|report| used(report, "x", "vbox64_thoery", linux, Some(&known), true));
        assert!(near[0].mend.starts_with("did you mean vbox64_theory?"), "{near:?}");
    }

    #[test]
    fn platforms() {
        let known = ["x86_64-pc-linux-gnu".to_owned()];
        assert!(fired(|report| platform(report, "x", "x86_64-pc-linux-gnu", &known)).is_empty());
        let found = found(|report| platform(report, "x", "x86_64-linux-gnu", &known));
        assert!(found[0].mend.starts_with("did you mean x86_64-pc-linux-gnu?"), "{found:?}");
    }
}
