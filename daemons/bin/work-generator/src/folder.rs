//! The files of a campaign that has rows: its one file, those that are dropped into its folder, or those that were fed or
//! printed. What is done with is put away.
//!
//! Invariant: a file is put away after its cursor says that it is done. Killed in between, the next pass finds nothing left in
//! it and puts it away.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use campaign::spool::DONE;
use campaign::{Campaign, Contents, Format, Kind};
use store::campaigns::MADE_OF;

use crate::command::NOTE;

/// Files of a folder that are looked at in one pass.
const MOST: usize = 10_000;
/// Folder of a campaign's files.
pub fn folder(campaign: &Campaign, root: &Path) -> PathBuf {
    match campaign.source.kind {
        Kind::Folder => root.join(&campaign.source.path),
        Kind::File => root.join(&campaign.source.path).parent().unwrap_or(root).to_owned(),
        _ => root.join(campaign.spool()),
    }
}

/// Names of the files that may have rows, in the order in which they are taken: the oldest first.
///
/// # Errors
/// The folder can't be read.
pub fn files(campaign: &Campaign, root: &Path) -> Result<Vec<String>> {
    if campaign.source.kind == Kind::File {
        let path = Path::new(&campaign.source.path);
        return Ok(path.file_name().and_then(|name| name.to_str()).map(str::to_owned).into_iter().collect());
    }
    let folder = folder(campaign, root);
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(|| format!("can't read {}", folder.display())),
    };
    let mut found = Vec::new();
    for entry in entries.take(MOST) {
        let entry = entry.with_context(|| format!("can't read {}", folder.display()))?;
        let Some(name) = entry.file_name().to_str().map(str::to_owned) else { continue };
        let rows = campaign.source.contents == Contents::Rows;
        let readable = !rows || campaign.source.format.is_some() || Format::of_name(&name).is_some();
        let Ok(about) = entry.metadata() else { continue };
        let is_note = [NOTE, MADE_OF].contains(&name.as_str());
        if about.is_file() && !name.starts_with('.') && !is_note && readable && name.chars().count() <= 255 {
            found.push((about.modified().ok(), name));
        }
    }
    found.sort();
    Ok(found.into_iter().map(|(_, name)| name).collect())
}

/// Where a file is: in its folder, or in the one of those that are done.
pub fn path_of(campaign: &Campaign, root: &Path, name: &str) -> PathBuf {
    let folder = folder(campaign, root);
    let path = folder.join(name);
    if path.is_file() || campaign.source.kind == Kind::File { path } else { folder.join(DONE).join(name) }
}

/// Takes a file out of the way whose rows are all made.
///
/// # Errors
/// It can't be renamed.
pub fn put_away(campaign: &Campaign, root: &Path, name: &str) -> Result<()> {
    if campaign.source.kind == Kind::File {
        return Ok(());
    }
    let folder = folder(campaign, root);
    let (from, done) = (folder.join(name), folder.join(DONE));
    if !from.is_file() {
        return Ok(());
    }
    fs::create_dir_all(&done).with_context(|| format!("can't make {}", done.display()))?;
    let mut to = done.join(name);
    let mut n = 0;
    while to.exists() {
        n += 1;
        to = done.join(format!("{name}.{n}"));
    }
    fs::rename(&from, &to).with_context(|| format!("can't move {} to {}", from.display(), to.display()))
}

#[cfg(test)]
pub mod tests {
    use std::time::{Duration, SystemTime};

    use app_config::Work;

    use super::*;

    pub fn campaign(more: &str) -> Campaign {
        let text = format!("[campaign]\napp = 'theory'\n[source]\n{more}\n");
        Campaign::parse(&text, "scan", &Work::of("theory")).unwrap()
    }

    /// As if nobody had touched it for long.
    pub fn age(path: &Path) {
        let file = fs::File::options().write(true).open(path).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000)).unwrap();
    }

    #[test]
    fn a_folder_gives_its_files_in_the_order_of_their_age() {
        let root = tempfile::tempdir().unwrap();
        let drops = root.path().join("drops");
        fs::create_dir(&drops).unwrap();
        let campaign = campaign("kind = 'folder'\npath = 'drops'");
        for name in ["new.csv", "old.csv", ".hidden.csv", "notes.txt"] {
            fs::write(drops.join(name), "a\n1\n").unwrap();
        }
        age(&drops.join("old.csv"));
        assert_eq!(files(&campaign, root.path()).unwrap(), ["old.csv", "new.csv"]);
        put_away(&campaign, root.path(), "old.csv").unwrap();
        fs::write(drops.join("old.csv"), "a\n2\n").unwrap();
        put_away(&campaign, root.path(), "old.csv").unwrap();
        assert!(drops.join("done/old.csv").is_file() && drops.join("done/old.csv.1").is_file());
        assert_eq!(path_of(&campaign, root.path(), "old.csv"), drops.join("done/old.csv"));
    }
}
