//! A spec made ready for use: once at start, then for every file.

use crate::exact::ExactPlan;
use crate::format::{self, Format, Input, Reader};
use crate::plausible::{self, Severity};
use crate::rule::RuleSet;
use crate::script::ScriptSpec;
use crate::source::{self, Archive, Bytes, Malformed, Meter};
use crate::spec::{
    ExtraRows, FileSpec, FormatName, Order, Report, Selector, Spec, check_effects, pattern_matches,
};
use crate::stat::{self, Statistics};

/// How every file of an output is compared.
#[derive(Debug)]
pub struct Plan {
    files: Vec<FilePlan>,
    /// For files that no entry names.
    rest: FilePlan,
    script: Option<ScriptSpec>,
}

/// How one file is compared.
#[derive(Debug)]
pub struct FilePlan {
    name: String,
    /// Its member of an archive of which others are compared, too.
    part: Option<String>,
    pub(crate) optional: bool,
    pub(crate) source: source::Plan,
    pub(crate) min_bytes: u64,
    /// Of `min_bytes`.
    pub(crate) severity: Severity,
    pub(crate) content: ContentPlan,
}

#[derive(Debug)]
pub(crate) enum ContentPlan {
    Exact(ExactPlan),
    Rows(Box<RowsPlan>),
}

/// How a file of records is compared.
#[derive(Debug)]
pub(crate) struct RowsPlan {
    pub(crate) format: Box<dyn Format>,
    pub(crate) rules: RuleSet,
    pub(crate) watch: plausible::Plan,
    pub(crate) order: Order,
    pub(crate) key: Vec<Selector>,
    pub(crate) extra_rows: ExtraRows,
    /// Records that two outputs must have in common, where others are ignored.
    pub(crate) min_partners: u64,
    pub(crate) max_rows: u64,
    pub(crate) statistics: Option<stat::Plan>,
}

impl RowsPlan {
    pub(crate) fn open(&self, bytes: Bytes) -> Box<dyn Reader> {
        self.format.open(Input::new(bytes))
    }
}

impl Plan {
    /// Mistakes are reported; then the plan must not be used.
    pub(crate) fn new(spec: &Spec, report: Report<'_>) -> Self {
        let rest = FilePlan::new(&spec.short(), &mut |key, message| {
            // Keys of the one rule of the short form stand at the top.
            report(key.rsplit('.').next().unwrap_or(key), message);
        });
        let mut files: Vec<FilePlan> = Vec::new();
        for (index, file) in spec.files.iter().enumerate() {
            let mut report = |key: &str, message: String| report(&format!("files.{index}.{key}"), message);
            check_effects(file, &mut report);
            file.check_sample(&mut report);
            if file.name.is_empty() {
                report("name", "is missing: the logical name of a file, or \"*\" for all others".into());
            } else if spec.files.iter().take(index).any(|before| takes(before, file)) {
                report("name", format!("{:?} is taken by an entry before this one", file.name));
            }
            files.push(FilePlan { part: part(spec, file), ..FilePlan::new(file, &mut report) });
        }
        if let Some(script) = &spec.script {
            script.check(&mut |key, message| report(&format!("script.{key}"), message));
        }
        Self { files, rest, script: spec.script.clone() }
    }

    /// The plan for the file with this logical name, or for what [`Plan::parts`] calls so.
    pub fn file(&self, name: &str) -> &FilePlan {
        self.files.iter().find(|file| file.is_part(name)).or_else(|| self.entry(name)).unwrap_or(&self.rest)
    }

    /// What is compared of the file with this logical name: itself, or several members of an archive, as
    /// `out.tar.gz:run/events.csv`.
    pub fn parts(&self, name: &str) -> Vec<String> {
        let whole = || vec![name.to_owned()];
        let Some(entry) = self.entry(name).filter(|entry| entry.part.is_some()) else { return whole() };
        let same = self.files.iter().filter(|file| file.name == entry.name);
        same.filter_map(|file| Some(format!("{name}:{}", file.part.as_ref()?))).collect()
    }

    /// The program that compares, if one is declared.
    pub const fn script(&self) -> Option<&ScriptSpec> {
        self.script.as_ref()
    }

    /// Whether only a script looks at the file with this logical name.
    pub fn is_for_script(&self, name: &str) -> bool {
        self.script.as_ref().is_some_and(|script| !script.compare_script.is_empty())
            && self.entry(name).is_none()
    }

    fn entry(&self, name: &str) -> Option<&FilePlan> {
        self.files.iter().find(|file| pattern_matches(file.name.as_bytes(), name.as_bytes()))
    }

    /// Names that are declared, without patterns: an output should have these files.
    pub fn expected(&self) -> impl Iterator<Item = &str> {
        let declared = self.files.iter().filter(|file| !file.optional);
        declared.map(|file| file.name.as_str()).filter(|name| !name.contains(['*', '?']))
    }

    /// Whether equal means equal bytes, for every file: then agreeing is transitive, and a digest says all.
    pub fn is_exact(&self) -> bool {
        self.files.iter().chain([&self.rest]).all(FilePlan::is_exact) && self.script.is_none()
    }

    /// Whether the order of two outputs never matters.
    pub fn is_symmetric(&self) -> bool {
        self.files.iter().chain([&self.rest]).all(FilePlan::is_symmetric) && self.script.is_none()
    }
}

/// Whether an entry leaves nothing for one that follows. Members of an archive have an entry each.
fn takes(before: &FileSpec, file: &FileSpec) -> bool {
    let are_members = before.archive != Archive::None && file.archive != Archive::None;
    let of_one_archive = before.name == file.name && are_members && before.member != file.member;
    (before.name == "*" || before.name == file.name) && !of_one_archive
}

/// The member, if others of the same archive are compared, too.
fn part(spec: &Spec, file: &FileSpec) -> Option<String> {
    let members = spec.files.iter().filter(|other| other.name == file.name && other.archive != Archive::None);
    (file.archive != Archive::None && members.count() > 1).then(|| file.member.clone())
}

impl FilePlan {
    fn is_part(&self, name: &str) -> bool {
        let Some(part) = &self.part else { return false };
        let file = name.strip_suffix(part.as_str()).and_then(|rest| rest.strip_suffix(':'));
        file.is_some_and(|file| pattern_matches(self.name.as_bytes(), file.as_bytes()))
    }

    fn new(spec: &FileSpec, report: Report<'_>) -> Self {
        let source = source::Plan::new(spec, report);
        let content = match format::of(spec, report) {
            None => ContentPlan::Exact(ExactPlan { skip_gzip_header: spec.skip_gzip_header }),
            Some(format) => ContentPlan::Rows(Box::new(RowsPlan::new(spec, format, report))),
        };
        Self {
            name: spec.name.clone(),
            part: None,
            optional: spec.optional,
            source,
            min_bytes: spec.min_bytes,
            severity: spec.severity,
            content,
        }
    }

    /// Largest file that is read, in bytes.
    pub const fn max_bytes(&self) -> u64 {
        self.source.max_bytes
    }

    /// Whether equal means equal bytes.
    pub fn is_exact(&self) -> bool {
        let all_counts = matches!(self.content, ContentPlan::Exact(ExactPlan { skip_gzip_header: false }));
        all_counts && self.source.is_plain()
    }

    /// Content of this size is too small.
    pub(crate) fn too_small(&self, meter: &Meter) -> Option<(Severity, Malformed)> {
        let length = meter.whole().filter(|length| *length < self.min_bytes)?;
        Some((self.severity, Malformed::TooSmall { length, least: self.min_bytes }))
    }

    /// Whether both outputs may lack the file.
    pub const fn is_optional(&self) -> bool {
        self.optional
    }

    /// Whether the order of two outputs never matters.
    pub fn is_symmetric(&self) -> bool {
        match &self.content {
            ContentPlan::Exact(_) => true,
            ContentPlan::Rows(plan) => plan.rules.rules().all(crate::rule::Rule::is_symmetric),
        }
    }
}

impl RowsPlan {
    fn new(spec: &FileSpec, format: Box<dyn Format>, report: Report<'_>) -> Self {
        let units = !spec.units.is_empty();
        let mut for_all = None;
        let (mut rules, mut binding) = (Vec::new(), Vec::new());
        for (index, rule) in spec.rules.iter().enumerate() {
            let mut report = |key: &str, message: String| report(&format!("rules.{index}.{key}"), message);
            if let Some(before) = for_all {
                let before: usize = before;
                report("columns", format!("never counts: rule number {} takes all columns", before + 1));
            }
            if rule.columns.iter().any(Selector::is_all) {
                for_all = Some(index);
            }
            check_columns(spec, &rule.columns, format.is_labelled(), &mut report);
            if format.is_labelled() && rule.trend != plausible::Trend::Any {
                report("trend", "has no meaning where every record has a name of its own; remove it".into());
            }
            if spec.format == FormatName::Raw && rule.absolute >= spec.numbers.range() {
                let what = "is as large as the largest difference of two such numbers, so any two agree";
                report("absolute", what.into());
            }
            binding.push(rule.is_binding());
            rules.push((rule.columns.clone(), rule.rule(units, &mut report)));
        }
        check_columns(spec, &spec.key, false, &mut |_, message| report("key", message));
        let columns = (!spec.histograms.is_empty()).then(|| spec.histograms.clone());
        let rules = RuleSet::new(rules);
        let watch = plausible::Plan::new(spec, &rules, |index, key, message| {
            report(&format!("rules.{index}.{key}"), message);
        });
        Self {
            format,
            rules,
            watch,
            order: spec.order,
            key: spec.key.clone(),
            extra_rows: spec.extra_rows,
            min_partners: match spec.severity {
                Severity::Malformed => spec.min_rows.max(1),
                // A short output is odd, and compared all the same.
                Severity::Suspicious => 1,
            },
            max_rows: spec.max_rows,
            statistics: (spec.statistics != Statistics::None).then_some(stat::Plan {
                statistics: spec.statistics,
                significance: spec.significance,
                error_ratio: spec.error_ratio,
                binding,
                columns,
            }),
        }
    }
}

/// Largest number of a column.
pub(crate) const LARGEST_COLUMN: u32 = 65_536;

/// Columns by a name need a header, labels have no number.
fn check_columns(spec: &FileSpec, columns: &[Selector], is_labelled: bool, report: Report<'_>) {
    for column in columns.iter().filter(|column| !column.is_all()) {
        match column {
            Selector::Name(name) if spec.format == FormatName::Table && !spec.header => {
                report(
                    "columns",
                    format!("{name:?} is a name, and names need header = true; or use numbers"),
                );
            }
            Selector::Name(name) if spec.format == FormatName::Raw => {
                report("columns", format!("{name:?} is a name, but numbers in this format have none"));
            }
            Selector::Number(number) if *number > LARGEST_COLUMN => {
                report(
                    "columns",
                    format!("{number} is more than {LARGEST_COLUMN}, the most columns that have a number"),
                );
            }
            Selector::Number(number) if is_labelled => {
                report("columns", format!("{number} is a number, but values have names in this format"));
            }
            Selector::Number(number) if spec.format == FormatName::Lines && *number != 1 => {
                report("columns", format!("is {number}, but a line has one column"));
            }
            _ => {}
        }
    }
}
