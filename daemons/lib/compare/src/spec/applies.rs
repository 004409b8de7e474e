//! Keys that have no effect where they stand: a mistake, for whoever wrote them expected one.

use crate::stat::Statistics;

use crate::plausible::Severity;

use super::{ExtraRows, FileSpec, FormatName, Order, Report, Selector};
use crate::plan::LARGEST_COLUMN;

/// Reports keys that are set and mean nothing for the file's format, and what contradicts itself.
pub(crate) fn check(spec: &FileSpec, report: Report<'_>) {
    use FormatName::{Bytes, Json, KeyValue, Lines, Npy, Raw, Table, Xml, Yoda};
    let text: &[FormatName] = &[Lines, Table, KeyValue];
    let values: &[FormatName] = &[Table, KeyValue];
    let records: &[FormatName] = &[Lines, Table, KeyValue, Json, Xml, Yoda, Npy, Raw];
    let lines: &[FormatName] = &[Lines, Table, KeyValue, Yoda];
    let default = FileSpec::default();
    for (key, is_set, formats) in [
        ("skip_gzip_header", spec.skip_gzip_header, &[Bytes][..]),
        ("separator", spec.separator != default.separator, values),
        ("comment", spec.comment != default.comment, text),
        ("skip_lines", spec.skip_lines != 0, lines),
        ("header", spec.header, &[Table]),
        ("commented_header", spec.commented_header, &[Table]),
        ("units", !spec.units.is_empty(), values),
        ("missing", !spec.missing.is_empty(), values),
        ("ignore", !spec.ignore.is_empty(), lines),
        ("require", !spec.require.is_empty(), lines),
        ("forbid", !spec.forbid.is_empty(), lines),
        ("order", spec.order != Order::Rows, records),
        ("min_rows", spec.min_rows != default.min_rows, records),
        ("numbers", spec.numbers != default.numbers, &[Raw]),
        ("row_values", spec.row_values != default.row_values, &[Raw]),
        ("skip_bytes", spec.skip_bytes != 0, &[Raw]),
        ("statistics", spec.statistics != Statistics::None, &[Yoda, Table]),
        ("histograms", !spec.histograms.is_empty(), &[Table]),
        ("rules", !spec.rules.is_empty(), records),
    ] {
        if is_set && !formats.contains(&spec.format) {
            report(key, format!("has no meaning with format = \"{}\"; remove it", name(spec.format)));
        }
    }
    if spec.format == Table && spec.commented_header && (!spec.header || spec.comment.is_empty()) {
        report("commented_header", "has a meaning only with header = true and `comment`".into());
    }
    if spec.statistics == Statistics::None && spec.significance != default.significance {
        report("significance", "has a meaning only with `statistics`; remove it".into());
    }
    if spec.statistics == Statistics::None && spec.error_ratio != default.error_ratio {
        report("error_ratio", "has a meaning only with `statistics`; remove it".into());
    }
    if !(spec.error_ratio >= 1.0 && spec.error_ratio.is_finite()) {
        let found = spec.error_ratio;
        report("error_ratio", format!("is {found}, but must be a factor of 1 or more; 2 is usual"));
    }
    if spec.statistics != Statistics::None && spec.order == Order::Set && spec.format != Table {
        report("order", "is \"set\", but histograms have names; use \"key\"".into());
    }
    check_histograms(spec, report);
    if !(1e-12..=0.5).contains(&spec.significance) {
        let found = spec.significance;
        report("significance", format!("is {found}, but must be between 1e-12 and 0.5; 0.001 is usual"));
    }
    let is_labelled = spec.format.is_labelled();
    match spec.order {
        Order::Key if spec.key.is_empty() && !is_labelled => {
            report("key", "is missing: order = \"key\" needs the columns that tell rows apart".into());
        }
        Order::Key => {}
        _ if !spec.key.is_empty() => {
            report("key", "has a meaning only with order = \"key\"; remove it".into());
        }
        _ => {}
    }
    if spec.order != Order::Key && spec.extra_rows != ExtraRows::Differ {
        report("extra_rows", "has a meaning only with order = \"key\"; remove it".into());
    }
    if spec.order == Order::Rows && spec.max_rows != default.max_rows {
        report(
            "max_rows",
            "has no meaning with order = \"rows\", which keeps none in memory; remove it".into(),
        );
    }
    let is_packed =
        spec.compression != crate::source::Compression::None || spec.archive != crate::source::Archive::None;
    if spec.skip_gzip_header && is_packed {
        report("skip_gzip_header", "has no meaning for content that is unpacked; remove it".into());
    }
    if spec.severity != Severity::Malformed
        && spec.min_bytes == 0
        && spec.require.is_empty()
        && spec.forbid.is_empty()
        && !(records.contains(&spec.format) && spec.min_rows > 0)
    {
        report(
            "severity",
            "has a meaning only with min_rows, min_bytes, require or forbid; remove it".into(),
        );
    }
    if spec.max_rows == 0 {
        report("max_rows", "is 0, so no output could be good".into());
    }
}

/// Histograms in the columns of a table.
fn check_histograms(spec: &FileSpec, report: Report<'_>) {
    if spec.format != FormatName::Table {
        return;
    }
    match (spec.statistics, spec.histograms.is_empty()) {
        (Statistics::None, false) => {
            report("histograms", "has a meaning only with `statistics`; remove it".into());
        }
        (Statistics::None, true) => return,
        (_, true) => {
            let what =
                "is missing: say which columns are histograms, as in [[files.histograms]] with value = 3";
            report("histograms", what.into());
        }
        (_, false) if spec.order != Order::Rows => {
            report(
                "order",
                "must be \"rows\" with `histograms`: bins stand in the order of their axis".into(),
            );
        }
        _ => {}
    }
    let mut taken = Vec::new();
    for (index, histogram) in spec.histograms.iter().enumerate() {
        let key = |key: &str| format!("histograms.{index}.{key}");
        if histogram.value == Selector::Number(0) {
            report(&key("value"), "is missing: the column with what is in the bins".into());
        }
        for column in histogram.columns() {
            match column {
                Selector::Name(name) if name.contains(['*', '?']) => {
                    report(&key("value"), format!("{name:?} may be several columns; name one"));
                }
                Selector::Name(name) if !spec.header => {
                    report(&key("value"), format!("{name:?} is a name, and names need header = true"));
                }
                Selector::Number(number) if *number > LARGEST_COLUMN => {
                    report(&key("value"), format!("{number} is more than {LARGEST_COLUMN}"));
                }
                _ => {}
            }
        }
        if taken.contains(&&histogram.value) {
            report(&key("value"), format!("{} is taken by a histogram before this one", histogram.value));
        }
        taken.push(&histogram.value);
    }
}

/// As it is written in a spec.
fn name(format: FormatName) -> String {
    serde_json::to_value(format).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}
