//! `[work]`: which workunits are made.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::Report;
use crate::document::Document;
use crate::name::{is_safe_name, stays_below};

/// Longest path of an output template, in bytes: the size of the database column that holds it.
const LONGEST_TEMPLATE_PATH: usize = 63;

/// Largest seed: TOML, SQL and most languages have signed 64-bit integers.
const LARGEST_SEED: u64 = i64::MAX as u64;

/// Most unsent results that can be kept: more is a slip of the hand.
const LARGEST_CUSHION: u64 = 1_000_000;

/// Names that every context template gets; parameters cannot take them.
pub const RESERVED_PARAMETERS: [&str; 4] = ["seed", "events", "job", "campaign"];

/// Which workunits are made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Work {
    /// Name of the campaign; workunit names and the folder of results begin with it. Default: the application's.
    pub campaign: String,
    /// Input template, relative to the project directory. Default: `templates/APP_in`.
    pub input_template: String,
    /// Output template, relative to the project directory, at most 63 bytes. Default: `templates/APP_out`.
    pub output_template: String,
    /// Template of the input file of each workunit, relative to the project directory. `None`: the file holds
    /// campaign, job, seed and events as `key=value` lines.
    pub context: Option<String>,
    /// How many workunits the campaign has. `None`: it never ends.
    pub jobs: Option<u64>,
    /// How many unsent results are kept ready.
    pub cushion: u64,
    /// Nothing is made until fewer unsent results than this are left; then the cushion is filled. 0: the cushion.
    pub refill_below: u64,
    /// Results that wait or run on computers that were heard of lately: so many are kept, whatever the cushion is.
    /// 0: the cushion counts.
    pub alive: u64,
    /// A computer counts for `alive` when it was heard of in the last so many days.
    pub active_days: f64,
    /// Everything is made at once, whatever waits.
    pub at_once: bool,
    /// Nothing is made while so many workunits wait for BOINC's transitioner.
    pub max_transitioner_backlog: u64,
    /// Nothing is made while the file system of the download folder has less free, in bytes.
    pub min_free_bytes: u64,
    /// Seed of the first workunit; each one more for the next. 0: the first that no campaign has.
    pub first_seed: u64,
    /// Seeds may be those of another campaign of the application.
    pub reuse_seeds: bool,
    /// Number of events, handed to the context template.
    pub events: u64,
    /// `workunit.priority`: higher is sent first.
    pub priority: i32,
    /// `workunit.batch`.
    pub batch: i32,
    /// More values for the context template.
    pub parameters: BTreeMap<String, Parameter>,
    /// Whether the section says `campaign`. If it does not, and the application has campaign files, it is no campaign.
    #[serde(skip)]
    pub is_campaign: bool,
}

impl Default for Work {
    /// The three names that default to the application's are empty when the file does not set them; use [`Work::of`].
    fn default() -> Self {
        Self {
            campaign: String::new(),
            input_template: String::new(),
            output_template: String::new(),
            context: None,
            jobs: None,
            cushion: 100,
            refill_below: 0,
            alive: 0,
            active_days: 3.0,
            at_once: false,
            max_transitioner_backlog: 20_000,
            min_free_bytes: 1 << 30,
            first_seed: 0,
            reuse_seeds: false,
            events: 1000,
            priority: 0,
            batch: 0,
            parameters: BTreeMap::new(),
            is_campaign: false,
        }
    }
}

/// A value for the context template.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Parameter {
    /// Text in quotes.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// A number with a fraction.
    Float(f64),
}

impl<'de> Deserialize<'de> for Parameter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Value;

        impl Visitor<'_> for Value {
            type Value = Parameter;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text in quotes or a number")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Parameter, E> {
                Ok(Parameter::Text(text.to_owned()))
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Parameter, E> {
                Ok(Parameter::Integer(number))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Parameter, E> {
                i64::try_from(number)
                    .map(Parameter::Integer)
                    .map_err(|_| E::invalid_value(de::Unexpected::Unsigned(number), &self))
            }

            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Parameter, E> {
                Ok(Parameter::Float(number))
            }
        }

        deserializer.deserialize_any(Value)
    }
}

/// True of what a template can name.
pub(super) fn is_parameter_name(name: &str) -> bool {
    let mut characters = name.chars();
    characters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && characters.all(|other| other.is_ascii_alphanumeric() || other == '_')
}

impl Work {
    /// The default of an application.
    pub fn of(app: &str) -> Self {
        Self {
            campaign: app.to_owned(),
            input_template: format!("templates/{app}_in"),
            output_template: format!("templates/{app}_out"),
            ..Self::default()
        }
    }

    /// Gives the names that the document does not set. One that is written and empty stays, for `check` to find.
    pub(crate) fn fill(&mut self, app: &str, document: &Document<'_>) {
        let default = Self::of(app);
        let names = [
            ("work.campaign", &mut self.campaign, default.campaign),
            ("work.input_template", &mut self.input_template, default.input_template),
            ("work.output_template", &mut self.output_template, default.output_template),
        ];
        for (key, name, default) in names {
            if !document.has(key) {
                *name = default;
            }
        }
        self.is_campaign = document.has("work.campaign");
    }

    pub(crate) fn check(&self, report: &mut Report<'_>) {
        let Self { campaign, input_template, output_template, context, .. } = self;
        if !is_safe_name(campaign) {
            report(
                "campaign",
                format!(
                    "{campaign:?} cannot be part of file names: use 1 to 100 letters, digits, `.`, `_` and `-`, \
                     not beginning with `.` or `-`"
                ),
            );
        }
        let paths = [
            ("input_template", Some(input_template)),
            ("output_template", Some(output_template)),
            ("context", context.as_ref()),
        ];
        for (key, path) in paths {
            if let Some(path) = path.filter(|path| !stays_below(path)) {
                report(
                    key,
                    format!(
                        "{path:?} must be the path of a file below the project directory, relative to it"
                    ),
                );
            }
        }
        let length = output_template.len();
        if length > LONGEST_TEMPLATE_PATH {
            report(
                "output_template",
                format!("has {length} bytes, but BOINC's database has room for {LONGEST_TEMPLATE_PATH}"),
            );
        }
        if self.jobs == Some(0) {
            report("jobs", "is 0; remove [work] to make no workunits".into());
        }
        if self.cushion == 0 {
            report("cushion", "is 0, so no workunit would ever be made; remove [work] for that".into());
        }
        if self.cushion > LARGEST_CUSHION {
            report("cushion", format!("is {}, but at most {LARGEST_CUSHION} are kept", self.cushion));
        }
        if self.events > LARGEST_SEED {
            report("events", format!("is {}, but must be at most {LARGEST_SEED}", self.events));
        }
        if self.refill_below > self.cushion {
            report("refill_below", format!("is {}, but the cushion is {}", self.refill_below, self.cushion));
        }
        if self.alive > 10 * LARGEST_CUSHION {
            report("alive", format!("must be at most {}", 10 * LARGEST_CUSHION));
        }
        if !(self.active_days.is_finite() && self.active_days > 0.0) {
            report("active_days", "must be above 0".into());
        }
        if self.at_once && self.alive > 0 {
            report("at_once", "and alive exclude one another".into());
        }
        if self.max_transitioner_backlog == 0 {
            report("max_transitioner_backlog", "is 0, so no workunit would ever be made".into());
        }
        if self.first_seed.checked_add(self.jobs.unwrap_or(0)).is_none_or(|last| last > LARGEST_SEED) {
            report("first_seed", format!("the last seed would be larger than {LARGEST_SEED}"));
        }
        for (name, value) in &self.parameters {
            self.check_parameter(name, value, report);
        }
    }

    fn check_parameter(&self, name: &str, value: &Parameter, report: &mut Report<'_>) {
        let key = format!("parameters.{name}");
        if !is_parameter_name(name) {
            report(
                &key,
                "a template cannot name it: use letters, digits and `_`, not beginning with a digit".into(),
            );
        }
        if RESERVED_PARAMETERS.contains(&name) {
            report(&key, format!("every template has its own `{name}`; choose another name"));
        }
        if matches!(value, Parameter::Float(number) if !number.is_finite()) {
            report(&key, "must be a finite number".into());
        }
    }
}
