//! Jobs with their files staged and their rows described, ready for the transaction.
//!
//! A job that can't be made is put aside with its reason and the rest goes on; what the file system refuses (a full disk)
//! is no fault of a job and ends the pass.

use anyhow::{Result, anyhow};
use boinc::id::AppId;
use boinc::input_template::{Assignment, Download, NewWorkunit, new_workunit};
use campaign::{Draft, Refusal, names};
use daemon::ProjectDir;
use store::work::Job;

use crate::inputs::Inputs;
use crate::plans::Plan;

/// A job that can be inserted.
#[derive(Debug, Clone)]
pub struct Ready {
    /// Which it is.
    pub job: Job,
    /// Its row.
    pub workunit: NewWorkunit,
    /// For whom it is.
    pub target: Assignment,
    /// Number of its row in its file, or of the job.
    pub row: i64,
    /// Its own file was not there before.
    pub new_file: bool,
}

/// A row that can't become a job.
#[derive(Debug, Clone)]
pub struct Aside {
    /// `cobblestone_campaign_file.id`; 0 = it has no file.
    pub file: i32,
    /// Number of its row in its file, or of the job.
    pub row: i64,
    /// Why.
    pub reason: String,
    /// Its bytes.
    pub raw: Option<Vec<u8>>,
}

/// Where a draft comes from.
#[derive(Debug, Clone, Copy, Default)]
pub struct Origin<'a> {
    /// `cobblestone_campaign_file.id`; 0 = it has no file.
    pub file: i32,
    /// The file's name.
    pub name: &'a str,
    /// Number of its row in its file, or of the job.
    pub row: i64,
    /// Where the row begins.
    pub place: i64,
    /// Its bytes.
    pub raw: Option<&'a [u8]>,
    /// The workunit of the attempt before; 0 = none.
    pub retry_of: i32,
}

impl Origin<'_> {
    /// What is put aside when a job can't be made.
    pub fn aside(&self, campaign: &str, refusal: &dyn std::fmt::Display) -> Aside {
        let place = if self.file == 0 {
            format!("campaign {campaign}, job {}", self.row)
        } else {
            format!("campaign {campaign}, {} row {}", boinc::printable::printable(self.name, 60), self.row)
        };
        Aside {
            file: self.file,
            row: self.row,
            reason: boinc::printable::printable(&format!("{place}: {refusal}"), 255),
            raw: self.raw.map(<[u8]>::to_vec),
        }
    }
}

/// Makes jobs of drafts.
pub struct Maker<'a> {
    /// The campaign.
    pub plan: &'a Plan,
    /// Its application.
    pub app: AppId,
    /// The project.
    pub project: &'a ProjectDir,
    /// Unix seconds.
    pub now: i32,
}

impl Maker<'_> {
    /// Stages the file of a draft and describes its workunit. `content`: its own file, if that is not rendered.
    ///
    /// # Errors
    /// The file system refuses. The inner result: the job can't be made.
    pub fn make(
        &self,
        draft: &Draft,
        origin: &Origin<'_>,
        content: Option<Vec<u8>>,
        inputs: &mut Inputs,
    ) -> Result<Result<Ready, Refusal>> {
        match self.try_make(draft, content, inputs) {
            Ok((workunit, new_file)) => Ok(Ok(Ready {
                job: Job {
                    job: draft.number.job,
                    seed: draft.seed,
                    events: draft.settings.events,
                    identity: if draft.number.retry == 0 { draft.identity } else { None },
                    file: origin.file,
                    place: origin.place,
                    copy: i32::try_from(draft.number.copy).unwrap_or(i32::MAX),
                    retry: draft.number.retry,
                    retry_of: origin.retry_of,
                    parameters: draft.parameters_as_json(),
                },
                workunit,
                target: draft.settings.assignment,
                row: origin.row,
                new_file,
            })),
            Err(refusal) => match inputs.trouble.take() {
                Some(trouble) => Err(anyhow!(trouble).context("staging input files")),
                None => {
                    inputs.take_back();
                    Ok(Err(refusal))
                }
            },
        }
    }

    fn try_make(
        &self,
        draft: &Draft,
        content: Option<Vec<u8>>,
        inputs: &mut Inputs,
    ) -> Result<(NewWorkunit, bool), Refusal> {
        let campaign = &self.plan.campaign;
        if campaign.own_file {
            let content = match content {
                Some(content) => content,
                None => (self.plan.contexts.file(&draft.values(campaign)))
                    .map_err(|error| Refusal::new("input file", error.to_string()))?,
            };
            inputs.offer(&names::own_file(&draft.name), content);
        }
        let description = draft.description(campaign, &self.plan.contexts)?;
        let download = Download::from(&self.project.config);
        let created = new_workunit(&self.plan.template, &description, self.app, self.now, download, inputs)
            .map_err(|error| Refusal::new("workunit", error.to_string()))?;
        let workunit = created.workunit;
        if workunit.min_quorum > workunit.target_nresults {
            let why =
                format!("is {}, above target_nresults {}", workunit.min_quorum, workunit.target_nresults);
            return Err(Refusal::new("min_quorum", why));
        }
        Ok((workunit, std::mem::take(&mut inputs.new)))
    }
}
