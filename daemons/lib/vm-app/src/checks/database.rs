//! Tables, columns and indexes; the rows of app and app_version.

use std::collections::BTreeMap;

use crate::Report;

/// Indexes that the toolkit's statements need on BOINC's tables, and which statements. Of an index with more columns the
/// first ones count.
pub const NEEDED_INDEXES: &[(&str, &[&str], &str)] = &[
    ("workunit", &["id"], "every statement about a workunit"),
    ("workunit", &["name"], "the work generator, and names stay unique"),
    ("workunit", &["appid", "need_validate"], "the validator's search for work"),
    ("workunit", &["appid", "assimilate_state"], "the assimilator's search for work"),
    ("workunit", &["transition_time"], "`cobblestone status`, and BOINC's transitioner"),
    ("result", &["id"], "every statement about a result"),
    ("result", &["name"], "the trickle handler's search for results by name"),
    ("result", &["workunitid"], "all daemons: the results of a workunit"),
    ("result", &["appid", "server_state"], "the work generator's count of unsent results"),
    ("host", &["id"], "credit"),
    ("user", &["id"], "credit"),
    ("team", &["id"], "credit"),
    ("host_app_version", &["host_id", "app_version_id"], "the statistics of credit"),
    ("msg_from_host", &["id"], "the trickle handler"),
    ("msg_from_host", &["handled"], "the trickle handler's search for messages"),
    ("msg_to_host", &["hostid", "handled"], "what tasks are told"),
    ("app_version", &["id"], "the statistics of credit"),
    ("credited_job", &["userid", "workunitid"], "credited_job"),
];

/// Columns that were expected and are not there, with the kind of type.
pub fn columns(
    report: &mut Report<'_>,
    expected: &[(&str, Vec<&str>)],
    live: &BTreeMap<String, Vec<String>>,
) {
    for (table, columns) in expected {
        let Some(found) = live.get(*table) else {
            report.error(
                "table",
                *table,
                "the table is missing",
                "statements about it fail",
                "is db_name in config.xml right? BOINC's own tables are made by make_project and html/ops/upgrade_db.php",
            );
            continue;
        };
        let missing: Vec<&str> = columns
            .iter()
            .copied()
            .filter(|column| !found.iter().any(|found| found.eq_ignore_ascii_case(column)))
            .collect();
        if !missing.is_empty() {
            report.error(
                "column",
                *table,
                format!("columns are missing: {}", missing.join(", ")),
                "statements that name them fail",
                "bring BOINC's database up to date: html/ops/upgrade_db.php",
            );
        }
    }
}

/// Indexes that are not there. `live` has the columns of each index by table.
pub fn indexes(report: &mut Report<'_>, live: &BTreeMap<String, Vec<Vec<String>>>) {
    for (table, columns, who) in NEEDED_INDEXES {
        let Some(found) = live.get(*table) else { continue };
        let covers = |index: &Vec<String>| {
            columns.len() <= index.len()
                && columns.iter().zip(index).all(|(wanted, found)| found.eq_ignore_ascii_case(wanted))
        };
        if !found.iter().any(covers) {
            report.error(
                "index",
                *table,
                format!("no index begins with {}", columns.join(", ")),
                format!(
                    "{who} reads the whole table instead: slower from day to day, and locks on every row"
                ),
                format!(
                    "ALTER TABLE `{table}` ADD INDEX ({}); BOINC's db/constraints.sql has it",
                    columns.iter().map(|column| format!("`{column}`")).collect::<Vec<_>>().join(", ")
                ),
            );
        }
    }
}

/// What the database says of an application.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AppRow {
    /// `app.deprecated`
    pub is_deprecated: bool,
    /// `app.weight`
    pub weight: f64,
    /// Versions that are not deprecated: number, platform, plan class.
    pub versions: Vec<(i32, String, String)>,
}

/// Looks at an application's rows. None: there is no row. `described` is what the description has: number of the
/// version, and pairs of platform and plan class.
pub fn app(report: &mut Report<'_>, row: Option<&AppRow>, described: Option<(i32, &[(String, String)])>) {
    let app = report.app().to_owned();
    let Some(row) = row else {
        report.error(
            "app-row",
            "table app",
            format!("there is no application {app}"),
            "the daemons don't start, and no version or workunit can be made",
            format!("add <app><name>{app}</name><user_friendly_name>…</user_friendly_name></app> to project.xml, and run bin/xadd"),
        );
        return;
    };
    if row.is_deprecated {
        report.error(
            "app-row",
            "table app",
            format!("{app} is deprecated"),
            "the scheduler gives none of its tasks to anybody",
            format!("UPDATE app SET deprecated = 0 WHERE name = '{app}', if that is not meant"),
        );
    }
    if row.weight <= 0.0 {
        report.error(
            "app-weight",
            "table app",
            format!("the weight of {app} is {}", row.weight),
            "the feeder takes tasks of applications by weight: of this one none, when it runs with --allapps or weights",
            format!("UPDATE app SET weight = 1 WHERE name = '{app}'"),
        );
    }
    if row.versions.is_empty() {
        report.error(
            "app-version",
            "table app_version",
            format!("{app} has no version"),
            "no computer gets a task",
            "put the files and their signatures into the folders in apps/, and run bin/update_versions",
        );
        return;
    }
    let Some((number, pairs)) = described else { return };
    let newest = row.versions.iter().map(|(number, ..)| *number).max().unwrap_or(0);
    if newest > number {
        report.warning(
            "app-version",
            format!("cobblestone/{app}.toml"),
            format!("[version] is {number} (100 · major + minor), and the database has {newest} already"),
            "clients get the version with the largest number: what is built is not what runs",
            "raise number in [version]",
        );
    }
    for (platform, class) in pairs {
        if !row.versions.iter().any(|(known, known_platform, known_class)| {
            *known == number && known_platform == platform && known_class == class
        }) {
            let class = if class.is_empty() { "no plan class" } else { class };
            report.warning(
                "app-version",
                "table app_version",
                format!("version {number} for {platform}, {class}, is not in the database"),
                "computers of that kind don't get it",
                "run bin/update_versions when files and signatures are in its folder",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{fired, found};
    use super::*;

    #[test]
    fn columns_and_indexes() {
        let strings = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let live = BTreeMap::from([("app".to_owned(), strings(&["id", "Name"]))]);
        assert!(fired(|report| columns(report, &[("app", vec!["id", "name"])], &live)).is_empty());
        assert_eq!(fired(|report| columns(report, &[("app", vec!["id", "weight"])], &live)), ["column"]);
        assert_eq!(fired(|report| columns(report, &[("result", vec!["id"])], &live)), ["table"]);

        let all: BTreeMap<String, Vec<Vec<String>>> =
            NEEDED_INDEXES.iter().fold(BTreeMap::new(), |mut all, (table, columns, _)| {
                all.entry((*table).to_owned()).or_insert_with(Vec::new).push(strings(columns));
                all
            });
        assert!(fired(|report| indexes(report, &all)).is_empty());
        for (position, (table, names, _)) in NEEDED_INDEXES.iter().enumerate() {
            let mut less = all.clone();
            less.get_mut(*table).unwrap().retain(|index| *index != strings(names));
            let findings = found(|report| indexes(report, &less));
            assert_eq!(findings.len(), 1, "{position}");
            assert!(findings[0].what.ends_with(&names.join(", ")), "{findings:?}");
        }
        let mut longer = all;
        longer.insert(
            "workunit".to_owned(),
            vec![strings(&["need_validate", "appid"]), strings(&["appid", "need_validate", "id"])],
        );
        assert!(
            found(|report| indexes(report, &longer))
                .iter()
                .all(|finding| !finding.what.contains("need_validate"))
        );
    }

    #[test]
    fn rows_of_an_application() {
        let pairs = [("linux".to_owned(), "vbox64".to_owned())];
        let good = AppRow {
            is_deprecated: false,
            weight: 1.0,
            versions: vec![(100, "linux".to_owned(), "vbox64".to_owned())],
        };
        let checks =
            |row: Option<&AppRow>, number: i32| fired(|report| app(report, row, Some((number, &pairs))));
        assert!(checks(Some(&good), 100).is_empty());
        assert_eq!(checks(None, 100), ["app-row"]);
        assert_eq!(checks(Some(&AppRow { is_deprecated: true, ..good.clone() }), 100), ["app-row"]);
        assert_eq!(checks(Some(&AppRow { weight: 0.0, ..good.clone() }), 100), ["app-weight"]);
        assert_eq!(checks(Some(&AppRow { versions: Vec::new(), ..good.clone() }), 100), ["app-version"]);
        assert_eq!(checks(Some(&good), 101), ["app-version"], "not in the database yet");
        assert_eq!(checks(Some(&good), 99), ["app-version", "app-version"], "the database has a newer one");
        assert!(fired(|report| app(report, Some(&good), None)).is_empty());
    }
}
