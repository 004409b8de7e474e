//! A job, as its campaign, its row, its number and its seed make it: before its file is staged and its row inserted.

use std::collections::BTreeMap;

use boinc::input_template::{InputFile, JobDescription};
use boinc::printable::printable;
use serde_json::Value;

use crate::columns::{self, Settings, unbroken};
use crate::context::{Contexts, JobValues};
use crate::document::Campaign;
use crate::names;
use crate::row::{Identity, Row};

/// Why a job can't be made. One short printable line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {why}")]
pub struct Refusal {
    /// What it is about: a column, as a rule.
    pub what: &'static str,
    /// What is wrong.
    pub why: String,
}

impl Refusal {
    /// About `what`.
    pub fn new(what: &'static str, why: impl Into<String>) -> Self {
        Self { what, why: printable(&why.into(), 220) }
    }
}

/// Which attempt at which job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Number {
    /// Number of the job in its campaign.
    pub job: i64,
    /// Which copy of its row, from 0.
    pub copy: i64,
    /// Attempts before this one.
    pub retry: i32,
    /// Its seed, unless the row declares one.
    pub seed: i64,
}

/// See the module.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// Which it is.
    pub number: Number,
    /// `workunit.name`
    pub name: String,
    /// Random seed.
    pub seed: i64,
    /// What it is besides.
    pub settings: Settings,
    /// What the template knows.
    pub parameters: BTreeMap<String, Value>,
    /// Which row it is; None: the job's number says it.
    pub identity: Option<Identity>,
}

impl Draft {
    /// The job of this number, from a row if the campaign has rows.
    ///
    /// # Errors
    /// The row can't be a job of the campaign.
    pub fn new(campaign: &Campaign, row: Option<&Row>, number: Number) -> Result<Self, Refusal> {
        let mut settings = campaign.settings.clone();
        let mut parameters = campaign.parameters.clone();
        let mut key = None;
        let mut seed = number.seed;
        if let Some(row) = row {
            for (column, value) in &row.values {
                if columns::TAKEN.contains(&column.as_str()) {
                    return Err(Refusal::new(
                        "columns",
                        format!("every template has its own `{column}`; rename the column"),
                    ));
                }
                if !settings.take(column, value)? {
                    parameters.insert(column.clone(), value.clone());
                }
            }
            seed = columns::seed(row.values.get(columns::SEED))?.unwrap_or(seed);
            key = campaign.source.key.as_ref().map(|column| key_of(row, column)).transpose()?;
            if key.is_some() && columns::count(row.values.get(columns::COUNT))? != 1 {
                return Err(Refusal::new("count", "a row with a key is one job; leave one of them out"));
            }
        }
        let job = key.clone().unwrap_or_else(|| number.job.to_string());
        Ok(Self {
            name: names::workunit(&campaign.name, &job, number.retry),
            identity: row.map(|row| row.identity(key.as_deref(), number.copy)),
            number,
            seed,
            settings,
            parameters,
        })
    }

    /// Its parameters as JSON, for who asks later what the template saw. None: it has none.
    #[must_use]
    pub fn parameters_as_json(&self) -> Option<String> {
        let kept = !self.parameters.is_empty();
        kept.then(|| serde_json::to_string(&self.parameters).ok()).flatten()
    }

    /// What the job's template sees.
    #[must_use]
    pub fn values<'a>(&'a self, campaign: &'a Campaign) -> JobValues<'a> {
        JobValues {
            campaign: &campaign.name,
            job: self.number.job,
            seed: self.seed,
            events: self.settings.events,
            parameters: &self.parameters,
        }
    }

    /// The job as BOINC's templates take it. Its own file, if it has one, comes first, then shared ones, then those of
    /// its row, then remote ones.
    ///
    /// # Errors
    /// The command line can't be rendered, or would break the document.
    pub fn description(&self, campaign: &Campaign, contexts: &Contexts) -> Result<JobDescription, Refusal> {
        let command_line = contexts
            .command_line(&self.values(campaign))
            .map_err(|error| Refusal::new("command_line", error.to_string()))?;
        unbroken("command_line", &command_line)?;
        let settings = &self.settings;
        let own = campaign.own_file.then(|| InputFile::staged(names::own_file(&self.name)));
        let shared = campaign.shared_files.iter().map(|file| InputFile::staged(file.name.clone()));
        let more = settings.input_files.iter().map(InputFile::staged);
        let remote = campaign.remote_files.iter().map(|file| InputFile::Remote {
            url: file.url.clone(),
            #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 bytes; more is refused")]
            nbytes: file.nbytes as f64,
            md5: file.md5.clone(),
        });
        Ok(JobDescription {
            name: self.name.clone(),
            command_line,
            result_template_file: campaign.output_template.clone(),
            batch: settings.batch,
            priority: settings.priority,
            app_version_num: settings.app_version_num,
            keywords: settings.keywords.clone(),
            overrides: settings.overrides,
            assignment: settings.assignment,
            input_files: own.into_iter().chain(shared).chain(more).chain(remote).collect(),
            ..JobDescription::default()
        })
    }
}

/// The key of a row.
fn key_of(row: &Row, column: &str) -> Result<String, Refusal> {
    let value = row
        .values
        .get(column)
        .ok_or_else(|| Refusal::new("key", format!("column {column}, which names the job, has no value")))?;
    let key =
        columns::word(value).ok_or_else(|| Refusal::new("key", format!("column {column} is no text")))?;
    names::check_key(&key)?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use app_config::Work;

    fn campaign(text: &str) -> Campaign {
        Campaign::parse(text, "scan", &Work::of("theory")).unwrap()
    }

    const FILE: &str = "[campaign]\napp = 'theory'\n[source]\nkind = 'file'\npath = 'a.csv'\n";
    const NUMBER: Number = Number { job: 7, copy: 0, retry: 0, seed: 1007 };

    fn row(json: &str) -> Row {
        Row { values: serde_json::from_str(json).unwrap() }
    }

    #[test]
    fn columns_are_settings_or_parameters() {
        let campaign = campaign(&format!("{FILE}[parameters]\nprocess = 'z1j'\nenergy = 1\n"));
        let draft = Draft::new(
            &campaign,
            Some(&row(r#"{"energy":6500,"priority":3,"seed":5,"min_quorum":3}"#)),
            NUMBER,
        )
        .unwrap();
        assert_eq!((draft.name.as_str(), draft.seed, draft.settings.priority), ("scan_7", 5, 3));
        assert_eq!(draft.settings.overrides.min_quorum, Some(3));
        assert_eq!(draft.parameters["energy"], 6500);
        assert_eq!(draft.parameters["process"], "z1j");
        let contexts = Contexts::new(Some("{{ process }} {{ energy }}".to_owned()), "").unwrap();
        assert_eq!(contexts.file(&draft.values(&campaign)).unwrap(), b"z1j 6500");
        let job = draft.description(&campaign, &contexts).unwrap();
        assert_eq!(job.input_files, [InputFile::staged("scan_7.in")]);
    }

    #[test]
    fn a_key_names_the_job() {
        let campaign = campaign(&FILE.replace("path", "key = 'point'\npath"));
        let draft = Draft::new(&campaign, Some(&row(r#"{"point":"z-1"}"#)), NUMBER).unwrap();
        assert_eq!(draft.name, "scan_z-1");
        let again =
            Draft::new(&campaign, Some(&row(r#"{"point":"Z-1","x":2}"#)), Number { retry: 2, ..NUMBER })
                .unwrap();
        assert_eq!(again.identity, draft.identity);
        assert_eq!(again.name, "scan_Z-1_r2");
        for bad in [r#"{"x":1}"#, r#"{"point":"../x"}"#, r#"{"point":[1]}"#, r#"{"point":"a","count":2}"#] {
            assert!(Draft::new(&campaign, Some(&row(bad)), NUMBER).is_err(), "{bad}");
        }
    }

    #[test]
    fn nothing_breaks_the_document() {
        let campaign = campaign(&format!("{FILE}[job]\ncommand_line = '--x {{{{ x }}}}'\n"));
        let contexts = Contexts::new(None, &campaign.command_line).unwrap();
        for (value, good) in [("a b", true), ("</command_line>", false), ("a&b", false), ("a\nb", false)] {
            let row = Row { values: BTreeMap::from([("x".to_owned(), value.into())]) };
            let draft = Draft::new(&campaign, Some(&row), NUMBER).unwrap();
            assert_eq!(draft.description(&campaign, &contexts).is_ok(), good, "{value}");
        }
        let missing = Draft::new(&campaign, Some(&row("{}")), NUMBER).unwrap();
        assert!(
            missing.description(&campaign, &contexts).unwrap_err().why.contains("undefined"),
            "x is unknown"
        );
        assert!(Draft::new(&campaign, Some(&row(r#"{"job":1}"#)), NUMBER).is_err(), "job is taken");
    }
}
