//! Which workunits a person means: by number or name, or by what is known of them.

use std::collections::BTreeSet;

use anyhow::{Result, bail};
use boinc::id::{AppId, HostId, ResultId, WorkunitId};
use boinc::printable::printable;
use store::review_view::{Latest, WhichReviewed};
use store::reviews::ReviewVerdict;

use crate::project::Project;

/// Workunits in one transaction.
pub const BATCH: i64 = 500;

/// What was said last, as a word: a verdict, `none` or `any`.
///
/// # Errors
/// It is none of these.
pub fn latest(word: &str) -> Result<Latest, String> {
    match word {
        "none" => Ok(Latest::None),
        "any" => Ok(Latest::Any),
        _ => ReviewVerdict::ALL
            .into_iter()
            .find(|verdict| verdict.as_str() == word)
            .map(Latest::Verdict)
            .ok_or_else(|| "one of: accepted, flagged, rejected, cleared, none, any".to_owned()),
    }
}

/// What must hold of workunits, all of it.
#[derive(Debug, clap::Args)]
pub struct Conditions {
    /// Those of this campaign: its name
    #[arg(long, value_name = "NAME")]
    pub campaign: Option<String>,
    /// Those of this application: its short name
    #[arg(long, value_name = "NAME")]
    pub app: Option<String>,
    /// Those of which this was said last: accepted, flagged, rejected, cleared (a flag that the assimilator took back), none or any
    #[arg(long, value_name = "VERDICT", value_parser = latest)]
    pub latest: Option<Latest>,
    /// Those that this one flagged last: a name; assimilator: by itself, because the task did nothing
    #[arg(long = "flagged_by", value_name = "NAME", conflicts_with = "latest")]
    pub flagged_by: Option<String>,
    /// Those whose canonical result is of this host
    #[arg(long, value_name = "ID")]
    pub host: Option<i32>,
}

impl Conditions {
    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.campaign.is_none()
            && self.app.is_none()
            && self.latest.is_none()
            && self.flagged_by.is_none()
            && self.host.is_none()
    }

    /// With the ids of what they name.
    ///
    /// # Errors
    /// There is no such application or campaign, or the database can't be read.
    pub async fn find(&self, project: &Project) -> Result<WhichReviewed> {
        let app = app(project, self.app.as_deref()).await?;
        let campaigns = match &self.campaign {
            None => Vec::new(),
            Some(name) => campaigns(project, app, name).await?,
        };
        let latest = match &self.flagged_by {
            Some(_) => Some(Latest::Verdict(ReviewVerdict::Flagged)),
            None => self.latest,
        };
        Ok(WhichReviewed {
            app,
            campaigns,
            latest,
            who: self.flagged_by.clone(),
            host: self.host.map(HostId),
        })
    }
}

/// The application of that name.
///
/// # Errors
/// There is none, or the database can't be read.
pub async fn app(project: &Project, name: Option<&str>) -> Result<Option<AppId>> {
    let Some(name) = name else { return Ok(None) };
    match project.store.read("application", async |conn| conn.app(name).await).await? {
        Some(app) => Ok(Some(app.id)),
        None => bail!("there is no application `{}`", printable(name, 100)),
    }
}

/// Ids of the campaigns of that name.
///
/// # Errors
/// There is none, or the database can't be read.
pub async fn campaigns(project: &Project, app: Option<AppId>, name: &str) -> Result<Vec<i32>> {
    let found = project.store.read("campaign", async |conn| conn.campaigns_named(app, name).await).await?;
    if found.is_empty() {
        bail!(
            "there is no campaign \"{}\"; `cobblestone report jobs` and the folders of the dataset show names",
            printable(name, 100)
        );
    }
    Ok(found.into_iter().map(|(id, _)| id).collect())
}

/// Numbers and names, or conditions.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("which").required(true).multiple(true)
    .args(["workunits", "results", "campaign", "app", "latest", "flagged_by", "host"])))]
pub struct Select {
    /// Workunits: ids or names
    #[arg(value_name = "WORKUNIT", conflicts_with_all = ["campaign", "app", "latest", "flagged_by", "host"])]
    pub workunits: Vec<String>,
    /// Workunits of these results: ids or names
    #[arg(long = "result", value_name = "RESULT", conflicts_with_all = ["campaign", "app", "latest", "flagged_by", "host"])]
    pub results: Vec<String>,
    #[command(flatten)]
    pub conditions: Conditions,
}

impl Select {
    /// Hands over the ids of all that are meant, in parts, by id.
    ///
    /// # Errors
    /// Something that is named is not there, the database can't be read, or `each` fails.
    pub async fn each(
        &self,
        project: &Project,
        mut each: impl AsyncFnMut(&[WorkunitId]) -> Result<()>,
    ) -> Result<()> {
        if self.conditions.is_empty() {
            let mut ids = BTreeSet::new();
            for text in &self.workunits {
                ids.insert(workunit(project, text).await?);
            }
            for text in &self.results {
                ids.insert(workunit_of(project, text).await?);
            }
            let ids: Vec<WorkunitId> = ids.into_iter().collect();
            for ids in ids.chunks(usize::try_from(BATCH)?) {
                each(ids).await?;
            }
            return Ok(());
        }
        let which = self.conditions.find(project).await?;
        let mut after = WorkunitId(0);
        loop {
            let ids = project
                .store
                .read("workunits to review", async |conn| conn.reviewed_ids(&which, after, BATCH).await)
                .await?;
            let Some(last) = ids.last() else { return Ok(()) };
            after = *last;
            each(&ids).await?;
        }
    }
}

/// A workunit by id or name.
///
/// # Errors
/// There is none of that name, or the database can't be read.
pub async fn workunit(project: &Project, text: &str) -> Result<WorkunitId> {
    if let Ok(id) = text.parse::<i32>() {
        return Ok(WorkunitId(id));
    }
    match project.store.read("workunit", async |conn| conn.workunit_named(text).await).await? {
        Some(id) => Ok(id),
        None => bail!(
            "there is no workunit `{}`; one that was purged is known by its id only",
            printable(text, 100)
        ),
    }
}

/// The workunit of a result, by the result's id or name.
///
/// # Errors
/// There is none, or the database can't be read.
pub async fn workunit_of(project: &Project, text: &str) -> Result<WorkunitId> {
    let found = project
        .store
        .read("result", async |conn| {
            let id = match text.parse() {
                Ok(id) => Some(ResultId(id)),
                Err(_) => conn.result_named(text).await?,
            };
            match id {
                Some(id) => conn.workunit_of_result(id).await,
                None => Ok(None),
            }
        })
        .await?;
    match found {
        Some(id) => Ok(id),
        None => bail!("there is no result `{}`", printable(text, 100)),
    }
}
