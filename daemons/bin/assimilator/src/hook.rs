//! The project's own programs: one that is run before workunits are assimilated, and one for complete campaigns.
//!
//! The arguments are as BOINC's script_assimilator has them; see `[assimilate.hook]` in project-config/theory.toml.
//! `compare::program` runs it, without a shell; it ends within its time.
//!
//! Invariant: a workunit is assimilated only after its hook ended with status 0. Killed between the two, the hook runs
//! again for it: it must bear that.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use app_config::{Hook, HookPer};
use boinc::printable::printable;
use compare::program::{self, Ended, LATER};
use dataset::storage;
use futures_util::{StreamExt as _, stream};

use crate::row::{Aside, Decisions, Row};

/// Beginning of the reason of workunits whose hook failed. Those are tried `tries` times, and then no more.
pub const FAILED: &str = "hook: ";
/// Beginning of the reason of workunits whose hook wants to be asked later.
const ASKED_LATER: &str = "the hook wants to be asked later";
/// Programs at a time.
const AT_ONCE: usize = 4;
/// Lines of a program's output in the log.
const LINES: usize = 100;

/// What a program said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// Exit status 0.
    Done,
    /// Exit status 75.
    Later,
    /// Anything else, and what it was.
    Failed(String),
}

/// Runs a program of the project on a thread of its own, and puts what it writes into the log.
pub async fn run(command: &Path, arguments: Vec<OsString>, timeout: f64, what: &str) -> Said {
    let timeout = Duration::try_from_secs_f64(timeout).unwrap_or(Duration::from_secs(60));
    let path = command.to_owned();
    let ran = tokio::task::spawn_blocking(move || program::run(&path, &arguments, timeout)).await;
    let Ok(ran) = ran else { return Said::Failed("it could not be run".to_owned()) };
    for line in ran.output.lines().take(LINES) {
        tracing::info!(of = what, "hook says: {}", printable(line, 500));
    }
    let last = ran.output.lines().last().map(|line| printable(line, 100)).unwrap_or_default();
    match ran.ended {
        Ended::Status(0) => Said::Done,
        Ended::Status(LATER) => Said::Later,
        Ended::Status(status) => Said::Failed(format!("it ended with status {status}: {last}")),
        Ended::NotStarted(why) => Said::Failed(why),
        Ended::Otherwise(what) => Said::Failed(format!("{what}: {last}")),
    }
}

/// The arguments for one workunit.
fn arguments(words: &[String], row: &Row) -> Vec<OsString> {
    let workunit = row.workunit();
    let (id, batch) = (workunit.id.to_string(), workunit.batch.to_string());
    let (record, files) = match row {
        Row::Result { record, files, .. } => (record, files),
        _ => {
            let mask = row.error_mask().to_string();
            return vec![
                "--error".into(),
                mask.into(),
                workunit.name.clone().into(),
                id.into(),
                batch.into(),
            ];
        }
    };
    let usual = ["wu_id".to_owned(), "files".to_owned()];
    let words = if words.is_empty() { &usual } else { words };
    let mut arguments: Vec<OsString> = Vec::new();
    for word in words {
        match word.as_str() {
            "wu_id" => arguments.push(id.clone().into()),
            "wu_name" => arguments.push(workunit.name.clone().into()),
            "batch_id" => arguments.push(batch.clone().into()),
            "result_id" => arguments.push(record.canonical.id.to_string().into()),
            // As C prints a double.
            "runtime" => arguments.push(format!("{:.6}", record.canonical.elapsed_time).into()),
            "files" => arguments.extend(files.iter().map(|(path, _)| path.into())),
            "files2" => {
                for (path, name) in files {
                    arguments.extend([path.into(), name.into()]);
                }
            }
            other => arguments.push(other.into()),
        }
    }
    arguments
}

/// A line for a hook that gets a whole batch.
fn line(row: &Row) -> String {
    let workunit = row.workunit();
    let mut line = serde_json::json!({
        "wu_id": workunit.id.0, "wu_name": workunit.name, "batch_id": workunit.batch,
        "error_mask": row.error_mask(),
    });
    if let Row::Result { record, files, .. } = row {
        line["result_id"] = record.canonical.id.0.into();
        line["runtime"] = record.canonical.elapsed_time.into();
        line["files"] = files
            .iter()
            .map(|(path, name)| serde_json::json!({"path": path.to_string_lossy(), "name": name}))
            .collect();
    }
    line.to_string()
}

/// Asks the hook about what was decided: those that it does not let through are set aside. `temp` is a folder for a
/// list of workunits.
///
/// # Errors
/// The list can't be written.
pub async fn ask(
    hook: &Hook,
    bin: &Path,
    temp: &Path,
    decisions: &mut Decisions,
) -> Result<(), storage::StorageError> {
    let Some((program, words)) = hook.command.split_first() else { return Ok(()) };
    let command = bin.join(program);
    let asked = |row: &Row| !matches!(row, Row::Known { .. });
    let said: Vec<Said> = match hook.per {
        HookPer::Workunit => {
            let runs = decisions.rows.iter().map(|row| {
                let command = &command;
                async move {
                    if !asked(row) {
                        return Said::Done;
                    }
                    let arguments = arguments(words, row);
                    run(command, arguments, hook.timeout_seconds, &row.workunit().name).await
                }
            });
            stream::iter(runs).buffered(AT_ONCE).collect().await
        }
        HookPer::Batch => {
            let mut list = String::new();
            for row in decisions.rows.iter().filter(|row| asked(row)) {
                let _ = writeln!(list, "{}", line(row));
            }
            if list.is_empty() {
                return Ok(());
            }
            let path = temp.join("hook.jsonl");
            storage::remove(&path)?;
            storage::write_new(&path, list.as_bytes())?;
            let mut arguments: Vec<OsString> = words.iter().map(Into::into).collect();
            arguments.push(path.clone().into());
            let said = run(&command, arguments, hook.timeout_seconds, "a batch").await;
            storage::remove(&path)?;
            decisions.rows.iter().map(|row| if asked(row) { said.clone() } else { Said::Done }).collect()
        }
    };
    let rows = std::mem::take(&mut decisions.rows);
    for (row, said) in rows.into_iter().zip(said) {
        let reason = match said {
            Said::Done => {
                decisions.rows.push(row);
                continue;
            }
            Said::Later => ASKED_LATER.to_owned(),
            Said::Failed(what) => format!("{FAILED}{what}"),
        };
        decisions.aside.push(Aside {
            workunit: row.workunit().id,
            name: row.workunit().name.clone(),
            host: row.host(),
            reason,
        });
    }
    Ok(())
}
