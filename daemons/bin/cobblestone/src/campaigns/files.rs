//! Files of campaigns: rows that are fed, rows that are read again, and input files that nobody needs.

use std::collections::BTreeSet;
use std::fs;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use boinc::id::AppId;
use campaign::Kind;
use campaign::names::owner_of;
use campaign::spool::{DONE, spool};
use store::campaigns::State;

use super::Which;
use super::find::{self, Found};
use crate::project::Project;
use crate::screen::print;

/// `feed`.
///
/// # Errors
/// The campaign takes no rows from standard input, or they can't be stored.
pub async fn feed(which: &Which) -> Result<bool> {
    let (project, _) = Project::open_ready(&which.project).await?;
    let found = find::one(&project, which).await?;
    let Some(campaign) = &found.described else {
        bail!("campaign {} has no file that can be read: {}", found.name, found.mistake.unwrap_or_default());
    };
    if campaign.source.kind != Kind::Stdin {
        bail!(
            "campaign {} has kind = \"{}\"; only \"stdin\" can be fed",
            found.name,
            campaign.source.kind.as_str()
        );
    }
    if found.row.as_ref().is_some_and(|row| row.state == State::Cancelled) {
        bail!("campaign {} is cancelled, for good", found.name);
    }
    if std::io::stdin().is_terminal() {
        eprintln!("cobblestone: rows are read from standard input; end them with Ctrl-D");
    }
    let folder = project.dir.root.join(campaign.spool());
    let stored = spool(std::io::stdin().lock(), &folder, campaign.source.format)
        .with_context(|| format!("can't store the rows in {}", folder.display()))?;
    let Some(stored) = stored else {
        print("there were no rows\n");
        return Ok(false);
    };
    if stored.known {
        print("the same rows were fed before; nothing is made of them again\n");
        return Ok(false);
    }
    print(&format!(
        "{} lines, {} bytes are stored in {}; the work generator takes them at its next pass\n",
        stored.lines,
        stored.bytes,
        stored.path.display()
    ));
    Ok(true)
}

/// `clean`.
///
/// # Errors
/// The campaign is active, or the download folder can't be read.
pub async fn clean(which: &Which) -> Result<bool> {
    let (project, _) = Project::open_ready(&which.project).await?;
    let found = find::one(&project, which).await?;
    if found.row.as_ref().is_some_and(|row| row.state == State::Active) {
        bail!(
            "campaign {0} is active: files may be staged for its next jobs. First: cobblestone campaign pause {0}",
            found.name
        );
    }
    let gone = clean_files(&project, found.app.id, &found.name).await?;
    print(&format!("{gone} files without a workunit deleted\n"));
    Ok(gone > 0)
}

/// Deletes input files that a campaign staged and no workunit needs. How many.
///
/// # Errors
/// The download folder or the database can't be read.
pub async fn clean_files(project: &Project, app: AppId, name: &str) -> Result<usize> {
    let root = project.dir.config.download_dir.clone();
    let mut folders = vec![root.clone()];
    for entry in fs::read_dir(&root).with_context(|| format!("can't read {}", root.display()))? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            folders.push(entry.path());
        }
    }
    let mut gone = 0;
    for folder in folders {
        let mut files: Vec<(String, PathBuf)> = Vec::new();
        for entry in fs::read_dir(&folder).with_context(|| format!("can't read {}", folder.display()))? {
            let entry = entry?;
            let file = entry.file_name();
            let Some(owner) = file.to_str().and_then(|file| owner_of(file, name)) else { continue };
            if entry.file_type()?.is_file() {
                files.push((owner.to_owned(), entry.path()));
            }
        }
        let owners: BTreeSet<String> = files.iter().map(|(owner, _)| owner.clone()).collect();
        let owners: Vec<String> = owners.into_iter().collect();
        let known =
            project.store.read("names of workunits", async |conn| conn.workunit_names(&owners).await).await?;
        let known: BTreeSet<String> = known.into_iter().collect();
        for (owner, path) in files {
            let temporary = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
            // What a running writer has open is renamed or gone soon; it belongs to a workunit that is to come.
            if !known.contains(&owner) || (temporary && !is_alive(&path)) {
                fs::remove_file(&path).with_context(|| format!("can't delete {}", path.display()))?;
                gone += 1;
            }
        }
    }
    let _ = app;
    Ok(gone)
}

/// Whether the process that writes a temporary file `.NAME.PID` is there.
fn is_alive(path: &Path) -> bool {
    let pid = path.extension().and_then(|pid| pid.to_str()).unwrap_or_default();
    Path::new("/proc").join(pid).exists()
}

/// Files that were put away are put back, so that their rows are read again.
///
/// # Errors
/// One can't be moved.
pub fn take_out(project: &Project, found: &Found) -> Result<()> {
    let Some(campaign) = &found.described else { return Ok(()) };
    let folder = match campaign.source.kind {
        Kind::Folder => project.dir.root.join(&campaign.source.path),
        Kind::Stdin | Kind::Command => project.dir.root.join(campaign.spool()),
        Kind::Counter | Kind::File => return Ok(()),
    };
    let Ok(entries) = fs::read_dir(folder.join(DONE)) else { return Ok(()) };
    for entry in entries {
        let entry = entry?;
        let to = folder.join(entry.file_name());
        if entry.file_type()?.is_file() && !to.exists() {
            fs::rename(entry.path(), &to)
                .with_context(|| format!("can't move {}", entry.path().display()))?;
        }
    }
    Ok(())
}
