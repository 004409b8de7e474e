//! Finds campaigns: those that the database knows, those that are described, and those that are both.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Result, bail};
use app_config::{AppConfig, Work};
use boinc::printable::printable;
use boinc::record::App;
use campaign::Campaign;
use campaign::document::FOLDER;
use store::campaigns::Campaign as Row;

use super::Which;
use crate::project::Project;

/// A campaign as far as it is known.
pub struct Found {
    /// Its application.
    pub app: App,
    /// Its name.
    pub name: String,
    /// Its row; None: the work generator has not seen it yet.
    pub row: Option<Row>,
    /// What its file says; None: it is gone.
    pub described: Option<Campaign>,
    /// What is wrong with its file.
    pub mistake: Option<String>,
}

/// All campaigns of the project, by application and name.
///
/// # Errors
/// The database can't be read.
pub async fn all(project: &Project) -> Result<Vec<Found>> {
    let (apps, rows) = project
        .store
        .snapshot("campaigns", async |conn| Ok((conn.apps().await?, conn.campaigns(None).await?)))
        .await?;
    let mut found: BTreeMap<(String, String), Found> = BTreeMap::new();
    for row in rows {
        let Some(app) = apps.iter().find(|app| app.id == row.app) else { continue };
        let key = (app.name.clone(), row.name.clone());
        let name = row.name.clone();
        found.insert(key, Found { app: app.clone(), name, row: Some(row), described: None, mistake: None });
    }
    let mut described = |app: &App, name: &str, campaign: Option<Campaign>, mistake: Option<String>| {
        let key = (app.name.clone(), name.to_owned());
        let entry = found.entry(key).or_insert_with(|| Found {
            app: app.clone(),
            name: name.to_owned(),
            row: None,
            described: None,
            mistake: None,
        });
        (entry.described, entry.mistake) = (campaign, mistake);
    };
    let root = &project.dir.root;
    let mut works: BTreeMap<String, Work> = BTreeMap::new();
    let mut with_files = Vec::new();
    for app in &apps {
        let work = AppConfig::load(root, &app.name).ok().and_then(|config| config.work);
        works.insert(app.name.clone(), work.unwrap_or_else(|| Work::of(&app.name)));
    }
    let names = fs::read_dir(root.join(FOLDER)).into_iter().flatten();
    for name in names.filter_map(|entry| entry.ok()?.file_name().into_string().ok()) {
        let Some(name) = name.strip_suffix(".toml").filter(|name| !name.starts_with('.')) else { continue };
        let Ok(text) = app_config::read(&root.join(FOLDER).join(format!("{name}.toml"))) else { continue };
        let of = Campaign::app_of(&text).unwrap_or_default();
        let Some(app) = apps.iter().find(|app| app.name == of).or(apps.first().filter(|_| apps.len() == 1))
        else {
            continue;
        };
        let work = works.get(&app.name).cloned().unwrap_or_default();
        match Campaign::parse(&text, name, &work) {
            Ok(campaign) => described(app, name, Some(campaign), None),
            Err(mistakes) => {
                described(
                    app,
                    name,
                    None,
                    Some(mistakes.first().map(ToString::to_string).unwrap_or_default()),
                );
            }
        }
        with_files.push(app.name.clone());
    }
    for app in &apps {
        let declared = AppConfig::load(root, &app.name).ok().and_then(|config| config.work);
        if let Some(work) = declared.filter(|work| work.is_campaign || !with_files.contains(&app.name)) {
            described(app, &work.campaign.clone(), Some(Campaign::of_work(&work, &app.name)), None);
        }
    }
    Ok(found.into_values().collect())
}

/// One of them.
///
/// # Errors
/// There is none of that name, or several.
pub async fn one(project: &Project, which: &Which) -> Result<Found> {
    let all = all(project).await?;
    let mut fits: Vec<Found> = all
        .into_iter()
        .filter(|found| {
            found.name == which.name && which.app.as_ref().is_none_or(|app| *app == found.app.name)
        })
        .collect();
    match (fits.pop(), fits.pop()) {
        (Some(found), None) => Ok(found),
        (Some(one), Some(other)) => bail!(
            "applications {} and {} both have a campaign {}; say which with --app",
            other.app.name,
            one.app.name,
            printable(&which.name, 60)
        ),
        (None, _) => {
            bail!("there is no campaign {}; cobblestone campaign list shows all", printable(&which.name, 60))
        }
    }
}
