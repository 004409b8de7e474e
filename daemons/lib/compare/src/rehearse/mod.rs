//! A spec tried on a real output, before it costs anybody credit.
//!
//! [`Spec::rehearse`] finds what does not fit: columns that are not there, expressions that never match, tolerances
//! that accept anything. [`Spec::mutate`] changes values until they are rejected, and so finds what nothing protects.

mod expressions;
mod mutant;
mod mutate;
mod sample;

use serde::Serialize;

pub use mutate::{Mutation, MutationError, Protection};

use crate::plan::{ContentPlan, FilePlan, RowsPlan};
use crate::report::Plain;
use crate::rule::{Meaning, Measure, Rule, Value};
use crate::source::{Again, Trouble};
use crate::spec::{
    ExtraRows, FileSpec, HistogramSpec, RuleMethod, Selector, Spec, SpecMistake, pattern_matches,
};

use sample::{Column, Sample};

/// A sample: the name of the file, and where its content is.
#[derive(Debug, Clone)]
pub struct SampleFile {
    name: String,
    again: Again,
}

impl SampleFile {
    /// A file, by its logical name.
    pub fn path(name: &str, path: impl Into<std::path::PathBuf>) -> Self {
        Self { name: name.to_owned(), again: Again::Path(path.into()) }
    }

    /// Bytes, by the logical name of the file that holds them.
    pub fn bytes(name: &str, bytes: Vec<u8>) -> Self {
        Self { name: name.to_owned(), again: Again::Memory(std::sync::Arc::new(bytes)) }
    }
}

/// Something about a spec that a sample shows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// A mistake, or only something to know.
    pub is_mistake: bool,
    /// Path of the key, as in [`SpecMistake`]; empty if it is about the sample.
    pub key: String,
    /// What is wrong.
    pub message: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if !self.key.is_empty() {
            write!(f, "`{}`: ", self.key)?;
        }
        f.write_str(&self.message)
    }
}

impl Spec {
    /// What a sample of a file shows about this spec. An empty list: nothing is wrong as far as the sample goes.
    ///
    /// # Errors
    /// The sample can't be read, or the spec has mistakes that need no sample.
    pub fn rehearse(&self, sample: &SampleFile) -> Result<Vec<Finding>, Trouble> {
        let mut findings = Findings::default();
        let plan = match self.plan() {
            Ok(plan) => plan,
            Err(mistakes) => {
                findings.mistakes(mistakes);
                return Ok(findings.0);
            }
        };
        let (spec, prefix) = self.entry(&sample.name);
        let file = plan.file(&sample.name);
        let found = Sample::read(&sample.again, file);
        match found {
            Err(trouble) if trouble.is_content() => {
                findings.mistake("", format!("the sample is no good output: {trouble}"));
            }
            Err(trouble) => return Err(trouble),
            Ok(sample) => {
                if let Some(fault) = &sample.fault {
                    findings.mistake("", format!("the sample is no good output: {fault}"));
                }
                columns(&spec, &prefix, file, &sample, &mut findings);
            }
        }
        expressions::look(&spec, &prefix, file, &sample.again, &mut findings)?;
        Ok(findings.0)
    }

    /// The declaration for a file, and what its keys begin with.
    fn entry(&self, name: &str) -> (FileSpec, String) {
        let is_for = |file: &FileSpec, name: &str| pattern_matches(file.name.as_bytes(), name.as_bytes());
        let is_part = |file: &FileSpec| {
            let archive = name.strip_suffix(file.member.as_str()).and_then(|rest| rest.strip_suffix(':'));
            !file.member.is_empty() && archive.is_some_and(|archive| is_for(file, archive))
        };
        let found = self.files.iter().enumerate().find(|(_, file)| is_part(file));
        let found = found.or_else(|| self.files.iter().enumerate().find(|(_, file)| is_for(file, name)));
        match found {
            Some((index, file)) => (file.clone(), format!("files.{index}.")),
            None => (self.short(), String::new()),
        }
    }
}

#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn mistake(&mut self, key: &str, message: String) {
        self.0.push(Finding { is_mistake: true, key: key.to_owned(), message });
    }

    fn hint(&mut self, key: &str, message: String) {
        self.0.push(Finding { is_mistake: false, key: key.to_owned(), message });
    }

    fn mistakes(&mut self, mistakes: Vec<SpecMistake>) {
        for SpecMistake { key, message } in mistakes {
            self.mistake(&key, message);
        }
    }
}

/// Columns beyond the first one that a note names.
const NAMED: usize = 8;

/// Columns that are not there, and tolerances that accept anything.
fn columns(spec: &FileSpec, prefix: &str, file: &FilePlan, sample: &Sample, findings: &mut Findings) {
    let ContentPlan::Rows(plan) = &file.content else { return };
    let is_there = |selector: &Selector| sample.has(selector);
    let known = || {
        let names: Vec<String> = sample.columns.iter().take(20).map(Column::shown).collect();
        format!("the sample has {}", if names.is_empty() { "none".into() } else { names.join(", ") })
    };
    for (index, rule) in spec.rules.iter().enumerate() {
        for selector in rule.columns.iter().filter(|selector| !selector.is_all() && !is_there(selector)) {
            let key = format!("{prefix}rules.{index}.columns");
            // A list has the name of its first value.
            let list = match selector {
                Selector::Name(name) => Selector::Name(format!("{name}[*]")),
                Selector::Number(_) => selector.clone(),
            };
            let meant = if is_there(&list) { format!("; did you mean {list}?") } else { String::new() };
            findings.mistake(&key, format!("{selector} is no column of the sample{meant}; {}", known()));
        }
    }
    for (index, histogram) in spec.histograms.iter().enumerate() {
        for selector in histogram.columns().filter(|selector| !is_there(selector)) {
            let key = format!("{prefix}histograms.{index}");
            findings.mistake(&key, format!("{selector} is no column of the sample; {}", known()));
        }
    }
    let is_tested = |column: &Column| {
        let mut declared = spec.histograms.iter().flat_map(HistogramSpec::columns);
        (plan.statistics.is_some() && crate::stat::is_statistical(&column.name))
            || declared.any(|selector| column.is_taken_by(selector))
    };
    if let Some(statistics) = &plan.statistics {
        tested(prefix, statistics, plan, sample, &is_tested, findings);
    }
    for selector in spec.key.iter().filter(|selector| !is_there(selector)) {
        findings
            .mistake(&format!("{prefix}key"), format!("{selector} is no column of the sample; {}", known()));
    }
    if spec.extra_rows == ExtraRows::Ignore && spec.min_rows <= 1 {
        let what = "an output with one row that the other has agrees: rows without a partner are ignored; set it to what a good output has";
        findings.hint(&format!("{prefix}min_rows"), what.into());
    }
    let is_key = |column: &Column| spec.key.iter().any(|selector| column.is_taken_by(selector));
    if !spec.key.is_empty() && !sample.columns.is_empty() && sample.columns.iter().all(is_key) {
        let what = "takes every column of the sample, so nothing but keys is compared";
        findings.hint(&format!("{prefix}key"), what.into());
    }
    let mut compared = 0;
    let mut as_text = Vec::new();
    for column in &sample.columns {
        let number = plan.rules.find(column.index, &column.name);
        let declared = spec.rules.get(number);
        compared += usize::from(declared.is_none_or(|rule| rule.method != RuleMethod::Ignore));
        match plan.rules.rules().nth(number) {
            Some(rule) if rule.is_numeric() && accepts_anything(rule, column) => {
                // The one rule of the short form has no name.
                let key = if prefix.is_empty() { String::new() } else { format!("{prefix}rules.{number}") };
                let (least, most) = (Plain(column.least), Plain(column.most));
                findings.mistake(
                    &key,
                    format!(
                        "accepts anything for {}: its values in the sample go from {least} to {most}, and those two agree",
                        column.shown()
                    ),
                );
            }
            Some(rule) if rule.is_numeric() && column.is_zero() && agree(rule, 0.0, 1.0) => {
                let what = format!(
                    "{} is 0 in all of the sample, which says nothing of its tolerance",
                    column.shown()
                );
                findings.hint(&format!("{prefix}rules.{number}"), what);
            }
            Some(rule)
                if rule.is_numeric() && column.middle().is_some_and(|(low, high)| agree(rule, low, high)) =>
            {
                let (low, high) = column.middle().unwrap_or_default();
                let what = format!(
                    "half of the values of {} in the sample lie between {} and {}, and those two agree: is the tolerance too wide?",
                    column.shown(),
                    Plain(low),
                    Plain(high)
                );
                findings.hint(&format!("{prefix}rules.{number}"), what);
            }
            Some(rule)
                if rule.measure == Measure::Exact
                    && declared.is_none()
                    && column.numbers > 0
                    && !is_tested(column) =>
            {
                as_text.push(column.shown());
            }
            _ => {}
        }
    }
    if let [first, others @ ..] = as_text.as_slice() {
        let more = match others {
            [] => String::new(),
            others if others.len() <= NAMED => format!(", {}", others.join(", ")),
            others => format!(" and {} others", others.len()),
        };
        let message = format!("no rule is for {first}{more}: their numbers are compared as text");
        findings.hint(&format!("{prefix}rules"), message);
    }
    if compared == 0 && !sample.columns.is_empty() {
        findings
            .mistake(&format!("{prefix}rules"), "every column is ignored, so any two outputs agree".into());
    }
}

/// From this factor on, an output may claim errors as it likes.
const LARGE_ERROR_RATIO: f64 = 10.0;

/// What is worth knowing of columns that are tested statistically.
fn tested(
    prefix: &str,
    statistics: &crate::stat::Plan,
    plan: &RowsPlan,
    sample: &Sample,
    is_tested: &dyn Fn(&Column) -> bool,
    findings: &mut Findings,
) {
    let ratio = statistics.error_ratio;
    if ratio > LARGE_ERROR_RATIO {
        let message = format!(
            "is {ratio}: an output may claim errors so much larger, and with large ones everything agrees"
        );
        findings.hint(&format!("{prefix}error_ratio"), message);
    }
    let number = |column: &Column| plan.rules.find(column.index, &column.name);
    for (index, is_binding) in statistics.binding.iter().enumerate().filter(|(_, is_binding)| **is_binding) {
        let is_named = |column: &&Column| is_tested(column) && number(column) == index;
        if let Some(column) = sample.columns.iter().find(is_named).filter(|_| *is_binding) {
            let message = format!("counts beside the tests of {}: both must hold", column.shown());
            findings.hint(&format!("{prefix}rules.{index}"), message);
        }
    }
    let is_compared = |column: &&Column| {
        plan.rules.rules().nth(number(column)).is_some_and(|rule| rule.measure != Measure::Ignore)
    };
    let given = |column: &&Column| crate::stat::has_given_errors(&column.name);
    if let Some(column) = sample.columns.iter().filter(is_compared).find(given) {
        let message = format!(
            "{} and others have errors from nobody knows how many entries: where there are few, only errors that differ by a factor of {} are found",
            column.shown(),
            10.0 * ratio
        );
        findings.hint(&format!("{prefix}statistics"), message);
    }
}

/// Whether the smallest and the largest value of a column agree; of a constant one, 0 and twice the value.
fn accepts_anything(rule: &Rule, column: &Column) -> bool {
    if column.numbers == 0 {
        return false;
    }
    if column.least < column.most {
        agree(rule, column.least, column.most)
    } else {
        column.least != 0.0 && agree(rule, column.least, 0.0) && agree(rule, column.least, 2.0 * column.least)
    }
}

/// Whether two numbers agree, both ways round.
fn agree(rule: &Rule, a: f64, b: f64) -> bool {
    let value = |number: f64| Value { meaning: Meaning::Number(number), text: b"" };
    rule.judge(value(a), value(b)).agrees && rule.judge(value(b), value(a)).agrees
}

#[cfg(test)]
mod tests;
