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

/// Checks a text that stands in the document as it is, and may hold entities: clients read `&amp;` as `&`.
///
/// # Errors
/// It holds `<`, `]]>`, a `&` that begins no entity of XML, or a control character.
pub fn element_text(what: &'static str, text: &str) -> Result<(), Refusal> {
    let refuse = |holds: &str, instead: &str| {
        let why = format!("{} holds {holds}, which would break the document{instead}", shown(&text.into()));
        Err(Refusal::new(what, why))
    };
    if let Some(c) = text.chars().find(|c| c.is_control() && *c != '\t') {
        return refuse(&c.escape_debug().to_string(), "");
    }
    if text.contains('<') {
        return refuse("<", ": write &lt; for it");
    }
    if text.contains("]]>") {
        return refuse("]]>", ": write ]]&gt; for it");
    }
    if !text.split('&').skip(1).all(begins_with_entity) {
        return refuse("a lone &", ": write &amp; for it");
    }
    Ok(())
}

/// What stands after a `&`.
fn begins_with_entity(text: &str) -> bool {
    let Some((name, _)) = text.split_once(';') else { return false };
    match name.strip_prefix('#') {
        Some(number) => number.parse::<u8>().is_ok_and(|code| code >= 32),
        None => ["lt", "gt", "amp", "quot", "apos"].contains(&name),
    }
}

/// Checks the description of a file that lies elsewhere: whole URL, size in bytes, MD5 digest.
///
/// # Errors
/// All that is wrong with it.
pub fn check_remote(url: &str, nbytes: f64, md5: &str) -> Result<(), Vec<Refusal>> {
    let mut wrong = Vec::new();
    let mut refuse = |what, found: String, must: &str| {
        wrong.push(Refusal::new(what, format!("{found} must be {must}")));
    };
    let begins = ["http://", "https://"].iter().any(|begin| url.starts_with(begin));
    if !begins || url.contains(char::is_whitespace) || url.contains('"') {
        refuse("url", shown(&url.into()), "a whole URL that begins with http:// or https://, without blanks");
    }
    if md5.len() != 32 || !md5.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
        refuse("md5", shown(&md5.into()), "32 hex digits, lower case");
    }
    if !(1.0..=9_007_199_254_740_992.0).contains(&nbytes) || nbytes.fract() != 0.0 {
        refuse("nbytes", nbytes.to_string(), "the size in bytes");
    }
    wrong.extend(element_text("url", url).err());
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
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
    fn a_text_of_an_element_may_hold_entities_only() {
        for good in ["", "--seed 7\t--cut pt>5", "&lt;on&gt; a &amp; b &#38; &apos;", "\"é\""] {
            assert_eq!(element_text("x", good), Ok(()), "{good}");
        }
        for bad in ["<on>", "a & b", "&lt", "&on;", "&#7;", "&#x41;", "a\nb", "\0", "a]]>b", "&"] {
            assert!(element_text("x", bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn files_elsewhere_are_described_whole() {
        let md5 = "0123456789abcdef0123456789abcdef";
        assert_eq!(check_remote("https://x/a?b=1&amp;c=2", 12.0, md5), Ok(()));
        for (url, nbytes, md5) in [
            ("ftp://x/a", 1.0, md5),
            ("http://x/a b", 1.0, md5),
            ("http://x/a?b&c", 1.0, md5),
            ("http://x/<a>", 1.0, md5),
            ("http://x/a", 0.0, md5),
            ("http://x/a", 1.5, md5),
            ("http://x/a", f64::NAN, md5),
            ("http://x/a", 1.0, "../../0123456789abcdef0123456789"),
            ("http://x/a", 1.0, "0123456789ABCDEF0123456789ABCDEF"),
        ] {
            assert!(check_remote(url, nbytes, md5).is_err(), "{url} {nbytes} {md5}");
        }
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
