//! Finishes what was begun: at the start of each pass.
//!
//! 1. Files that are recorded and not yet visible are published ([`publish_committed`]).
//! 2. What instances that are gone left in the staging folder is cleared ([`clear`]): copies in the making, and
//!    dataset files without a record. The database is asked with a locking read, which waits for a transaction
//!    that records the file and whose end nobody has heard of (a connection lost in COMMIT, a process killed
//!    there). So a file is removed only if it will never have a record.
//!
//! Killed: everything here may be done again.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use boinc::id::AppId;
use store::Store;
use store::assimilation::FileState;

use dataset::staging::{self, Instance, Owner};
use dataset::storage;

/// Most file names in one question to the database.
const NAMES: usize = 200;

/// Publishes what is recorded. `missing` remembers files that are nowhere, so that each is told once. The number
/// of files published.
///
/// # Errors
/// The database's or the storage's.
pub async fn publish_committed(
    store: &Store,
    app: AppId,
    app_folder: &Path,
    missing: &mut BTreeSet<String>,
) -> anyhow::Result<u64> {
    let files = store
        .read("committed files", async |conn| conn.dataset_files(app, FileState::Committed).await)
        .await?;
    let mut published = Vec::new();
    for file in files {
        if staging::publish(app_folder, &file.path)? {
            missing.remove(&file.path);
            published.push(file.path);
        } else if missing.insert(file.path.clone()) {
            tracing::error!(
                rows = file.items,
                "{} is recorded, but it is neither in its place nor in {}; its workunits are marked as \
                 assimilated; restore the file from a backup of {}",
                file.path,
                staging::STAGING,
                app_folder.display()
            );
        }
    }
    for paths in published.chunks(NAMES) {
        store.transaction("publish", async |tx| tx.mark_published(paths).await).await?;
    }
    Ok(published.len() as u64)
}

/// Clears the folders of instances that are gone, and what an earlier pass of this one left in its own.
///
/// # Errors
/// The database's or the storage's.
pub async fn clear(store: &Store, app_folder: &Path, own: &Instance) -> anyhow::Result<()> {
    // Somebody else is at it, or starts: there will be another pass.
    let Some(_all) = staging::lock_all(app_folder)? else { return Ok(()) };
    for folder in staging::folders(app_folder)? {
        let is_own = folder.file_name().is_some_and(|name| name == own.id());
        // Its own folder is idle at the start of a pass.
        let owner = if is_own {
            None
        } else {
            match staging::owner(&folder) {
                Ok(Owner::Alive) => continue,
                Ok(gone) => Some(gone),
                // It ended just now and took its folder with it.
                Err(_) if !folder.exists() => continue,
                Err(error) => return Err(error.into()),
            }
        };
        let content = staging::content(&folder)?;
        for path in &content.rest {
            storage::remove(path)?;
        }
        for parts in content.parts.chunks(NAMES) {
            let recorded =
                store.transaction("orphans", async |tx| tx.lock_dataset_files(parts).await).await?;
            for part in parts.iter().filter(|part| !recorded.contains(part)) {
                tracing::debug!("{part} was never recorded and is removed");
                storage::remove(&folder.join(part))?;
            }
        }
        if owner.is_some() && staging::remove_if_empty(&folder)? {
            tracing::info!("cleared {}, left by an assimilator that is gone", folder.display());
        }
    }
    Ok(())
}

/// True if an application's folder is missing that was there: its file system is perhaps not mounted.
///
/// # Errors
/// The database's.
pub async fn is_lost(store: &Store, app: AppId, app_folder: &Path) -> anyhow::Result<bool> {
    if fs::exists(app_folder).unwrap_or(false) {
        return Ok(false);
    }
    Ok(store.read("any files", async |conn| conn.has_dataset_files(app).await).await?)
}
