//! sql/README.md must name every table and column that the code knows, and no other.

use std::collections::{BTreeMap, BTreeSet};

use store::schema::{boinc, ours};

const README: &str = include_str!("../../../../sql/README.md");

/// Tables of the page: a heading "### `table`", then rows that begin with "| `column` |".
fn documented() -> BTreeMap<&'static str, BTreeSet<&'static str>> {
    let mut tables: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut table = None;
    for line in README.lines() {
        if line.starts_with('#') {
            table = line.strip_prefix("### `").and_then(|rest| rest.strip_suffix('`'));
            if let Some(name) = table {
                assert!(
                    tables.insert(name, BTreeSet::new()).is_none(),
                    "{name} stands twice in sql/README.md"
                );
            }
        } else if let Some(name) = table
            && let Some((column, _)) = line.strip_prefix("| `").and_then(|rest| rest.split_once("` |"))
        {
            let columns = tables.entry(name).or_default();
            assert!(columns.insert(column), "{name}.{column} stands twice in sql/README.md");
        }
    }
    tables
}

#[test]
fn every_column_that_the_code_knows_is_documented_and_no_other() {
    let known: BTreeMap<&str, BTreeSet<&str>> = boinc::TABLES
        .iter()
        .chain(ours::TABLES)
        .map(|(table, columns)| (*table, columns.iter().map(|(column, _)| *column).collect()))
        .collect();
    let documented = documented();
    let names = |tables: &BTreeMap<&'static str, BTreeSet<&'static str>>| -> BTreeSet<String> {
        tables
            .iter()
            .flat_map(|(table, columns)| columns.iter().map(move |column| format!("{table}.{column}")))
            .collect()
    };
    let (known, documented) = (names(&known), names(&documented));
    let missing: Vec<_> = known.difference(&documented).collect();
    let unknown: Vec<_> = documented.difference(&known).collect();
    assert!(missing.is_empty(), "sql/README.md lacks {missing:?}");
    assert!(unknown.is_empty(), "sql/README.md has {unknown:?}, which daemons/lib/store/src/schema does not");
}

/// A line with a cell too few would show its marks under another program.
#[test]
fn every_line_has_a_cell_for_each_program() {
    let mut cells = 0;
    for line in README.lines() {
        if line.starts_with("| column |") {
            cells = line.matches('|').count();
        } else if line.starts_with("| `") && cells > 0 {
            assert_eq!(line.matches('|').count(), cells, "{line}");
        }
    }
    assert!(cells > 0);
}
