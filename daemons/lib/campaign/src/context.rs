//! The input file of one job: a template rendered with its values; and its command line likewise.
//!
//! Without a template of the project's own, the file holds `key=value` lines. An unknown variable is an error, not an
//! empty text in a volunteer's VM.

use std::collections::BTreeMap;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;
use serde_json::Value;

/// What stands in a job's file when the project has no template.
const DEFAULT: &str = "campaign={{ campaign }}\njob={{ job }}\nseed={{ seed }}\nevents={{ events }}\n";

/// Work that one template may do, in instructions: an endless loop is an error.
const FUEL: u64 = 10_000_000;

/// Largest file that a template makes, in bytes.
pub const MAX_FILE: usize = 16 << 20;

/// A template can't be understood, or fails for a job.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TemplateError(pub String);

/// One job of a campaign, as its template sees it.
#[derive(Debug, Clone, Serialize)]
pub struct JobValues<'a> {
    /// Name of the campaign.
    pub campaign: &'a str,
    /// Its number.
    pub job: i64,
    /// Random seed.
    pub seed: i64,
    /// Events to make.
    pub events: i64,
    /// Parameters of campaign and row.
    #[serde(flatten)]
    pub parameters: &'a BTreeMap<String, Value>,
}

/// Templates that are ready to be rendered.
pub struct Contexts {
    environment: Environment<'static>,
    has_command_line: bool,
}

impl Contexts {
    /// Reads the template of the input file (None: the built-in one) and that of the command line.
    ///
    /// # Errors
    /// One of them can't be understood.
    pub fn new(context: Option<String>, command_line: &str) -> Result<Self, TemplateError> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_fuel(Some(FUEL));
        let wrong = |what: &str| {
            let what = what.to_owned();
            move |error: minijinja::Error| TemplateError(format!("{what} can't be understood: {error:#}"))
        };
        let syntax = SyntaxConfig::builder().keep_trailing_newline(true).build();
        environment.set_syntax(syntax.map_err(wrong("the syntax"))?);
        environment
            .add_template_owned("context", context.unwrap_or_else(|| DEFAULT.to_owned()))
            .map_err(wrong("the context template"))?;
        environment
            .add_template_owned("command_line", command_line.to_owned())
            .map_err(wrong("command_line"))?;
        Ok(Self { environment, has_command_line: !command_line.is_empty() })
    }

    /// The file of one job.
    ///
    /// # Errors
    /// The template fails for these values, or makes too much.
    pub fn file(&self, job: &JobValues<'_>) -> Result<Vec<u8>, TemplateError> {
        let text = self.render("context", job)?;
        if text.len() > MAX_FILE {
            return Err(TemplateError(format!(
                "its input file has {} bytes, at most {MAX_FILE} are made",
                text.len()
            )));
        }
        Ok(text.into_bytes())
    }

    /// The command line of one job; empty if there is none.
    ///
    /// # Errors
    /// As [`Contexts::file`].
    pub fn command_line(&self, job: &JobValues<'_>) -> Result<String, TemplateError> {
        if self.has_command_line { self.render("command_line", job) } else { Ok(String::new()) }
    }

    fn render(&self, name: &str, job: &JobValues<'_>) -> Result<String, TemplateError> {
        let rendered = self.environment.get_template(name).and_then(|template| template.render(Serde(job)));
        rendered.map_err(|error| {
            let mut why = error.to_string();
            let mut cause = std::error::Error::source(&error);
            while let Some(next) = cause {
                why.push_str(&format!(": {next}"));
                cause = next.source();
            }
            TemplateError(format!("the {} can't be rendered: {why}", name.replace('_', " ")))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(parameters: &BTreeMap<String, Value>) -> JobValues<'_> {
        JobValues { campaign: "theory", job: 7, seed: 1007, events: 500, parameters }
    }

    fn render(template: Option<&str>, parameters: &BTreeMap<String, Value>) -> Result<String, TemplateError> {
        let contexts = Contexts::new(template.map(str::to_owned), "")?;
        Ok(String::from_utf8(contexts.file(&job(parameters))?).unwrap())
    }

    #[test]
    fn without_a_template_the_file_has_key_value_lines() {
        let text = render(None, &BTreeMap::new()).unwrap();
        assert_eq!(text, "campaign=theory\njob=7\nseed=1007\nevents=500\n");
    }

    #[test]
    fn parameters_are_known_and_numbers_stay_numbers() {
        let parameters =
            BTreeMap::from([("energy".to_owned(), 6500.into()), ("name".to_owned(), "z<j>".into())]);
        let text = render(Some("{{ energy * 2 }} {{ name }} {{ seed }}\n"), &parameters).unwrap();
        assert_eq!(text, "13000 z<j> 1007\n", "nothing is escaped: it is no HTML");
    }

    #[test]
    fn an_unknown_variable_is_an_error() {
        let error = render(Some("{{ sead }}"), &BTreeMap::new()).unwrap_err().to_string();
        assert!(error.contains("context can't be rendered"), "{error}");
        assert!(Contexts::new(Some("{{".to_owned()), "").is_err());
        assert!(Contexts::new(None, "{% if %}").is_err());
    }

    #[test]
    fn an_endless_template_ends() {
        let text = "{% for i in range(10000) %}{% for j in range(10000) %}{% for k in range(10000) %}{% endfor %}{% endfor %}{% endfor %}";
        assert!(render(Some(text), &BTreeMap::new()).is_err());
    }

    #[test]
    fn a_command_line_is_rendered_too() {
        let contexts = Contexts::new(None, "--seed {{ seed }} --n {{ n }}").unwrap();
        let parameters = BTreeMap::from([("n".to_owned(), 3.into())]);
        assert_eq!(contexts.command_line(&job(&parameters)).unwrap(), "--seed 1007 --n 3");
        assert!(contexts.command_line(&job(&BTreeMap::new())).is_err());
        assert_eq!(Contexts::new(None, "").unwrap().command_line(&job(&parameters)).unwrap(), "");
    }
}
