//! docs/DATASET-COLUMNS.md is made from the code: this compares it, and says what to do when it differs.

use std::fmt::Write as _;

use dataset::known_failures::Known;
use dataset::table::data::COMMON;
use dataset::table::failures::FAILURES;
use dataset::table::files::FILES;
use dataset::table::results::RESULTS;
use dataset::table::reviews::REVIEWS;
use dataset::table::{Table, data};

fn section<R>(page: &mut String, table: &Table<R>) {
    let _ = write!(page, "\n## `{}`\n\nVersion {}: {}.\n\n", table.name, table.version, table.about);
    page.push_str("| column | type | what it holds |\n|---|---|---|\n");
    for column in table.columns {
        let about = column.about.replace('|', "\\|");
        let _ = writeln!(page, "| `{}` | {} | {about} |", column.name, column.value.kind().name());
    }
}

fn page() -> String {
    let mut page = "# Columns of the dataset\n\nMade from the code (`daemons/lib/dataset/src/table`); a test compares it. \
         [DATASETS.md](DATASETS.md) says how to use them.\n\nBeside these, readers see `campaign` and `day`: names of \
         folders. Every column may be null. Moments are in UTC with milliseconds.\n"
        .to_owned();
    section(&mut page, &RESULTS);
    section(&mut page, &FAILURES);
    section(&mut page, &FILES);
    section(&mut page, &REVIEWS);
    let _ = write!(
        page,
        "\n## `data/NAME`\n\nVersion {}: what is declared in `[[assimilate.data]]`. Before the declared columns stand:\n\n",
        data::VERSION
    );
    page.push_str("| column | type | what it holds | in tables of |\n|---|---|---|---|\n");
    for (name, kind, about, format) in COMMON {
        let of = format.map_or_else(|| "all".to_owned(), |format| format!("{format:?}").to_lowercase());
        let _ = writeln!(page, "| `{name}` | {} | {about} | {of} |", kind.name());
    }
    page.push_str("\nDeclared columns are DOUBLE, those in `text` are TEXT.\n");
    page.push_str(
        "\n## Known failures\n\nThe most telling one first.\n\n| name | what it means |\n|---|---|\n",
    );
    for known in Known::all() {
        let _ = writeln!(page, "| `{}` | {} |", known.name(), known.about());
    }
    page
}

#[test]
fn the_page_of_columns_is_that_of_the_code() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../docs/DATASET-COLUMNS.md");
    let made = page();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(written, made, "run: UPDATE_DOCS=1 cargo test -p cobblestone-dataset --test documentation");
}
