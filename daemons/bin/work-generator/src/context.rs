//! The input file of one job: a template rendered with its values.
//!
//! Without a template of the project's own, the file holds `key=value` lines. An unknown variable in a template is
//! an error at start, not an empty text in a volunteer's VM.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result};
use app_config::{Parameter, Work};
use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, UndefinedBehavior, Value};

/// What stands in a job's file when the project has no template.
const DEFAULT: &str = "campaign={{ campaign }}\njob={{ job }}\nseed={{ seed }}\nevents={{ events }}\n";

/// Largest template, bytes.
const MAX_TEMPLATE: u64 = 1 << 20;

/// One job of a campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobValues {
    /// Its number.
    pub job: i64,
    /// Random seed.
    pub seed: i64,
    /// Events to make.
    pub events: i64,
}

/// A template that is ready to be rendered.
pub struct Contexts {
    environment: Environment<'static>,
    values: BTreeMap<String, Value>,
}

impl Contexts {
    /// Reads and tries the template.
    ///
    /// # Errors
    /// It can't be read, or rendering fails for a job, for example by an unknown variable.
    pub fn new(project: &Path, work: &Work) -> Result<Self> {
        let (name, text) = match &work.context {
            None => ("the built-in template".to_owned(), DEFAULT.to_owned()),
            Some(path) => (path.clone(), read(&project.join(path))?),
        };
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        let syntax = SyntaxConfig::builder().keep_trailing_newline(true).build();
        environment.set_syntax(syntax.context("setting up the template engine")?);
        environment
            .add_template_owned("context", text)
            .with_context(|| format!("the context template {name} can't be understood"))?;
        let mut values: BTreeMap<String, Value> =
            work.parameters.iter().map(|(key, value)| (key.clone(), parameter(value))).collect();
        values.insert("campaign".to_owned(), work.campaign.clone().into());
        let contexts = Self { environment, values };
        contexts
            .render(JobValues { job: 0, seed: 1, events: 1 })
            .with_context(|| format!("the context template {name} can't be rendered; it knows seed, events, job, campaign and [work.parameters]"))?;
        Ok(contexts)
    }

    /// The file of one job.
    ///
    /// # Errors
    /// The template fails for these values.
    pub fn render(&self, job: JobValues) -> Result<Vec<u8>> {
        let mut values = self.values.clone();
        values.insert("job".to_owned(), job.job.into());
        values.insert("seed".to_owned(), job.seed.into());
        values.insert("events".to_owned(), job.events.into());
        Ok(self.environment.get_template("context")?.render(values)?.into_bytes())
    }
}

fn parameter(value: &Parameter) -> Value {
    match value {
        Parameter::Text(text) => text.as_str().into(),
        Parameter::Integer(number) => (*number).into(),
        Parameter::Float(number) => (*number).into(),
    }
}

fn read(path: &Path) -> Result<String> {
    use std::io::Read as _;
    let file = std::fs::File::open(path)
        .with_context(|| format!("can't open the context template {}", path.display()))?;
    let mut text = String::new();
    file.take(MAX_TEMPLATE)
        .read_to_string(&mut text)
        .with_context(|| format!("can't read the context template {}", path.display()))?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOB: JobValues = JobValues { job: 7, seed: 1007, events: 500 };

    fn work(folder: &Path, template: Option<&str>) -> Work {
        let mut work = Work::of("theory");
        if let Some(text) = template {
            std::fs::write(folder.join("context"), text).unwrap();
            work.context = Some("context".to_owned());
        }
        work
    }

    #[test]
    fn without_a_template_the_file_has_key_value_lines() {
        let folder = tempfile::tempdir().unwrap();
        let contexts = Contexts::new(folder.path(), &work(folder.path(), None)).unwrap();
        assert_eq!(contexts.render(JOB).unwrap(), b"campaign=theory\njob=7\nseed=1007\nevents=500\n");
    }

    #[test]
    fn an_unknown_variable_is_an_error_at_start() {
        let folder = tempfile::tempdir().unwrap();
        let work = work(folder.path(), Some("seed={{ sead }}\n"));
        let error = Contexts::new(folder.path(), &work).err().unwrap();
        assert!(format!("{error:#}").contains("seed, events, job"), "{error:#}");
    }

    #[test]
    fn parameters_of_the_campaign_are_known() {
        let folder = tempfile::tempdir().unwrap();
        let mut work = work(folder.path(), Some("beam={{ beam }} {{ campaign }}/{{ job }}"));
        work.parameters.insert("beam".to_owned(), app_config::Parameter::Integer(7000));
        assert_eq!(Contexts::new(folder.path(), &work).unwrap().render(JOB).unwrap(), b"beam=7000 theory/7");
    }
}
