//! Columns of a row that are settings of the job, and no parameters of its template.
//!
//! Invariant: a number that does not fit its column in BOINC's database is refused here, with its name.

use boinc::input_template::{Assignment, MAX_KEYWORDS, Overrides};
use serde_json::Value;

use crate::draft::Refusal;

/// How many jobs a row stands for.
pub const COUNT: &str = "count";
/// Random seed of the job.
pub const SEED: &str = "seed";
/// Names of more input files, which lie in the download folder.
pub const INPUT_FILES: &str = "input_files";
/// What a template names by itself, so no column or parameter may.
pub const TAKEN: [&str; 2] = ["job", "campaign"];

/// Most jobs of one row.
pub const MAX_COUNT: i64 = 1000;
/// Most input files of one job.
const MAX_FILES: usize = 100;

/// Every column that is a setting.
pub const ALL: [&str; 19] = [
    COUNT,
    SEED,
    INPUT_FILES,
    "events",
    "priority",
    "batch",
    "min_quorum",
    "target_nresults",
    "max_error_results",
    "max_total_results",
    "max_success_results",
    "delay_bound",
    "app_version_num",
    "size_class",
    "keywords",
    "target_host",
    "target_user",
    "target_team",
    "rsc_fpops_est",
];

/// What a job is besides its name, its seed and its parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Events asked for.
    pub events: i64,
    /// `workunit.priority`
    pub priority: i32,
    /// `workunit.batch`
    pub batch: i32,
    /// `workunit.app_version_num`, 0 = any.
    pub app_version_num: i32,
    /// `workunit.keywords`
    pub keywords: String,
    /// What the input template says otherwise.
    pub overrides: Overrides,
    /// For whom it is reserved.
    pub assignment: Assignment,
    /// Names of more input files, which lie in the download folder.
    pub input_files: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            events: 0,
            priority: 0,
            batch: 0,
            app_version_num: 0,
            keywords: String::new(),
            overrides: Overrides::default(),
            assignment: Assignment::None,
            input_files: Vec::new(),
        }
    }
}

impl Settings {
    /// Takes a column of a row. False: it is a parameter.
    ///
    /// # Errors
    /// Its value can't be that of the setting.
    pub fn take(&mut self, column: &str, value: &Value) -> Result<bool, Refusal> {
        let over = &mut self.overrides;
        match column {
            COUNT | SEED => {}
            "events" => self.events = whole("events", value, 0, i64::MAX)?,
            "priority" => self.priority = int(column, value, i32::MIN)?,
            "batch" => self.batch = int(column, value, 0)?,
            "app_version_num" => self.app_version_num = int(column, value, 0)?,
            "min_quorum" => over.min_quorum = Some(int(column, value, 1)?),
            "target_nresults" => over.target_nresults = Some(int(column, value, 1)?),
            "max_error_results" => over.max_error_results = Some(int(column, value, 1)?),
            "max_total_results" => over.max_total_results = Some(int(column, value, 1)?),
            "max_success_results" => over.max_success_results = Some(int(column, value, 1)?),
            "delay_bound" => over.delay_bound = Some(int(column, value, 1)?),
            "rsc_fpops_est" => over.rsc_fpops_est = Some(positive(column, value)?),
            "size_class" => {
                let number = whole("size_class", value, -1, i16::MAX.into())?;
                over.size_class = i32::try_from(number).ok();
            }
            "keywords" => self.keywords = keywords(value)?,
            "target_host" => self.assignment = Assignment::Host(int(column, value, 1)?),
            "target_user" => self.assignment = Assignment::User(int(column, value, 1)?),
            "target_team" => self.assignment = Assignment::Team(int(column, value, 1)?),
            INPUT_FILES => self.input_files = files(value)?,
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// How many jobs a row stands for: 1 unless it says otherwise.
///
/// # Errors
/// It is no number from 1 to [`MAX_COUNT`].
pub fn count(value: Option<&Value>) -> Result<i64, Refusal> {
    value.map_or(Ok(1), |value| whole(COUNT, value, 1, MAX_COUNT))
}

/// The seed that a row declares.
///
/// # Errors
/// It is no whole number from 0.
pub fn seed(value: Option<&Value>) -> Result<Option<i64>, Refusal> {
    value.map(|value| whole(SEED, value, 0, i64::MAX)).transpose()
}

/// Text of a value that a person meant as a word: also a number.
#[must_use]
pub fn word(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn whole(column: &'static str, value: &Value, least: i64, most: i64) -> Result<i64, Refusal> {
    let number = match value {
        Value::String(text) => text.trim().parse().ok(),
        other => other.as_i64(),
    };
    number.filter(|number| (least..=most).contains(number)).ok_or_else(|| {
        Refusal::new(
            column,
            format!("is {}, but must be a whole number from {least} to {most}", shown(value)),
        )
    })
}

fn int(column: &str, value: &Value, least: i32) -> Result<i32, Refusal> {
    let name = ALL.iter().find(|known| **known == column).copied().unwrap_or("column");
    let number = whole(name, value, least.into(), i32::MAX.into())?;
    i32::try_from(number).map_err(|_| Refusal::new(name, "does not fit its column"))
}

fn positive(column: &str, value: &Value) -> Result<f64, Refusal> {
    let name = ALL.iter().find(|known| **known == column).copied().unwrap_or("column");
    let number = match value {
        Value::String(text) => text.trim().parse().ok(),
        other => other.as_f64(),
    };
    number
        .filter(|number: &f64| number.is_finite() && *number > 0.0)
        .ok_or_else(|| Refusal::new(name, format!("is {}, but must be a number above 0", shown(value))))
}

/// `workunit.keywords`: numbers, separated by blanks.
///
/// # Errors
/// It holds something else, or is too long.
pub fn keywords(value: &Value) -> Result<String, Refusal> {
    let text = word(value).unwrap_or_default();
    let good =
        text.split(' ').filter(|part| !part.is_empty()).all(|part| part.bytes().all(|b| b.is_ascii_digit()));
    if good && text.len() <= MAX_KEYWORDS && !text.trim().is_empty() {
        return Ok(text);
    }
    let must = format!("must be numbers separated by blanks, at most {MAX_KEYWORDS} characters");
    Err(Refusal::new("keywords", format!("is {}, but {must}", shown(value))))
}

/// A list of names of files, or one text with blanks between them.
fn files(value: &Value) -> Result<Vec<String>, Refusal> {
    let names: Vec<String> = match value {
        Value::Array(values) => values.iter().filter_map(word).collect(),
        other => {
            word(other).unwrap_or_default().split(' ').filter(|n| !n.is_empty()).map(str::to_owned).collect()
        }
    };
    if names.is_empty() || names.len() > MAX_FILES {
        return Err(Refusal::new(INPUT_FILES, format!("must name 1 to {MAX_FILES} files")));
    }
    for name in &names {
        check_file(name)?;
    }
    Ok(names)
}

/// Checks the name of an input file: it must not leave the download folder, and it stands in a document without any
/// escaping, as in stock.
///
/// # Errors
/// It would do one of both.
pub fn check_file(name: &str) -> Result<(), Refusal> {
    boinc::hierarchy::check_name(name).map_err(|error| Refusal::new(INPUT_FILES, error.to_string()))?;
    unbroken(INPUT_FILES, name)?;
    if name.contains(char::is_whitespace) {
        return Err(Refusal::new(INPUT_FILES, format!("{} holds a blank", shown(&name.into()))));
    }
    Ok(())
}

/// Checks a text that stands in the document as it is.
///
/// # Errors
/// It holds `<`, `>`, `&` or a control character.
pub fn unbroken(what: &'static str, text: &str) -> Result<(), Refusal> {
    match text.chars().find(|c| matches!(c, '<' | '>' | '&') || c.is_control()) {
        None => Ok(()),
        Some(c) => Err(Refusal::new(
            what,
            format!("{} holds {}, which would break the document", shown(&text.into()), c.escape_debug()),
        )),
    }
}

fn shown(value: &Value) -> String {
    boinc::printable::printable(&value.to_string(), 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_is_taken_and_nothing_else() {
        for column in ALL {
            let value: Value = if column == INPUT_FILES { "a b".into() } else { 7.into() };
            assert_eq!(Settings::default().take(column, &value), Ok(true), "{column}");
            let text: Value = "7".into();
            assert_eq!(Settings::default().take(column, &text), Ok(true), "{column} as text");
            assert!(
                column == COUNT || column == SEED || Settings::default().take(column, &"<x".into()).is_err()
            );
        }
        assert_eq!(Settings::default().take("energy", &7.into()), Ok(false));
    }

    #[test]
    fn what_does_not_fit_a_column_is_refused() {
        let bad: &[(&str, Value)] = &[
            ("priority", 3_000_000_000_i64.into()),
            ("batch", (-1).into()),
            ("min_quorum", 0.into()),
            ("size_class", 40_000.into()),
            ("keywords", "1,2".into()),
            ("keywords", "1 ".repeat(200).into()),
            ("target_host", "alpha".into()),
            ("events", 1.5.into()),
            ("rsc_fpops_est", "nan".into()),
            (INPUT_FILES, "../../etc/passwd".into()),
            (INPUT_FILES, "a<b".into()),
            (INPUT_FILES, "".into()),
        ];
        for (column, value) in bad {
            let refused = Settings::default().take(column, value).unwrap_err().to_string();
            assert!(refused.starts_with(column), "{refused}");
        }
        assert!(count(Some(&0.into())).is_err() && count(Some(&(MAX_COUNT + 1).into())).is_err());
        assert_eq!(count(None), Ok(1));
        assert!(seed(Some(&(-1).into())).is_err());
    }
}
