//! The floor: statements and file operations that were prepared beforehand, played one after the other.

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context as _, Result};

use crate::site::{Cost, Site};

/// What is done with a file.
#[derive(Debug, Clone)]
pub enum FileStep {
    /// Read whole.
    Read(PathBuf),
    /// Made, with those above it, if it is missing.
    Folder(PathBuf),
    /// Written in one go; folders are there.
    Write(PathBuf, Vec<u8>),
    /// Copied.
    Copy(PathBuf, PathBuf),
    /// Everything written so far reaches the disk; the path names the file system.
    Sync(PathBuf),
}

/// One transaction with the files that come before it.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// In this order, before the transaction.
    pub files: Vec<FileStep>,
    /// What is read without a transaction.
    pub reads: Vec<String>,
    /// Between START TRANSACTION and COMMIT.
    pub statements: Vec<String>,
}

/// Plays the batches.
pub async fn play(site: &mut Site, batches: &[Batch]) -> Result<Cost> {
    let tally = site.begin().await?;
    let began = Instant::now();
    for batch in batches {
        for step in &batch.files {
            file(step)?;
        }
        for sql in &batch.reads {
            run(site, sql).await?;
        }
        if !batch.statements.is_empty() {
            run(site, "START TRANSACTION").await?;
            for sql in &batch.statements {
                run(site, sql).await?;
            }
            run(site, "COMMIT").await?;
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    site.end(tally, seconds).await
}

async fn run(site: &mut Site, sql: &str) -> Result<()> {
    let begins: String = sql.chars().take(120).collect();
    site.connection.script(sql).await.with_context(|| format!("in the floor: {begins} …"))
}

fn file(step: &FileStep) -> Result<()> {
    match step {
        FileStep::Read(path) => {
            std::hint::black_box(fs::read(path).with_context(|| path.display().to_string())?);
        }
        FileStep::Folder(path) => match fs::create_dir(path) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(_) => fs::create_dir_all(path).with_context(|| path.display().to_string())?,
        },
        FileStep::Write(path, content) => {
            fs::write(path, content).with_context(|| path.display().to_string())?;
        }
        FileStep::Copy(from, to) => {
            fs::copy(from, to).with_context(|| to.display().to_string())?;
        }
        FileStep::Sync(path) => rustix::fs::syncfs(fs::File::open(path)?)?,
    }
    Ok(())
}
