//! `cobblestone rehearse`: what the validator would say by another declaration, before it costs anybody credit.
//!
//! It judges the results that are still there again, with the validator's own code (`verdicts::again`), and compares with
//! what BOINC's rows say was decided. What was judged together is judged together; what came late, as kept verdicts
//! tell, is compared with the canonical result. Of workunits that another validator judged nothing is kept: all of their
//! results are judged together. Invariant: nothing is written, no lock is taken.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Result, anyhow, bail};
use app_config::AppConfig;
use boinc::id::{ResultId, WorkunitId};
use boinc::printable::printable;
use boinc::record::{ResultRow, Workunit};
use boinc::verdict::Decision;
use rules::judge::Verdict;
use serde_json::{Value, json};
use verdicts::{
    Again, Examiner, Rehearsal, STDERR_BYTES, Texts, Unjudgeable, Uploads, again, compares_stderr, decided,
    in_parallel,
};

use crate::cli::ProjectArgs;
use crate::comparing::spec;
use crate::project::Project;
use crate::screen::print;
use crate::table::Table;
use crate::text::json_text;

/// Workunits that are read at once.
const CHUNK: i64 = 200;
/// Changes that are shown as text; JSON has all.
const SHOWN: usize = 200;

/// Printed below the help.
pub const AFTER_HELP: &str = "Example: cobblestone rehearse theory --spec tighter.toml --last 500\n\n\
    Looks at the last workunits whose results were judged and whose outputs are still in upload/, the latest first. The spec \
    is an APP.toml or the keys of its section [compare] alone; who confirms whom is as the application's own file says. Daemons \
    may run. Exit status: 0 = no verdict would change, 1 = some would, 2 = it can't be said.";

/// `cobblestone rehearse`.
#[derive(Debug, Clone, clap::Args)]
pub struct RehearseArgs {
    #[command(flatten)]
    project: ProjectArgs,
    /// Short name of the application
    #[arg(value_name = "APP")]
    app: String,
    /// What "the same" would mean
    #[arg(long, value_name = "SPEC")]
    spec: PathBuf,
    /// How many judged workunits
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    last: u32,
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
}

/// A verdict that would be another.
#[derive(Debug, Clone, PartialEq)]
struct Change {
    workunit: WorkunitId,
    result: ResultId,
    name: String,
    host: i32,
    was: Decision,
    would_be: Decision,
    why: String,
}

/// What was found.
#[derive(Debug, Default)]
struct Found {
    judged: u32,
    results: u64,
    gone: u32,
    odd: u32,
    other_canonical: u32,
    changes: Vec<Change>,
}

/// The command. False when verdicts would change.
///
/// # Errors
/// There is no project, application or spec, or nothing that could be judged again.
pub async fn run(args: &RehearseArgs) -> Result<bool> {
    let (project, clock) = Project::open_ready(&args.project).await?;
    let wanted = spec::read(&args.spec)?;
    let plan = wanted.plan().map_err(|mistakes| spec::as_error(&mistakes))?;
    if let Some(script) = &wanted.script {
        let faults = script.faults(&project.dir.root.join("bin"));
        if !faults.is_empty() {
            bail!("{}", faults.join("; "));
        }
    }
    let apps = project.store.read("applications", async |conn| conn.apps().await).await?;
    let app = apps
        .into_iter()
        .find(|app| app.name == args.app)
        .ok_or_else(|| anyhow!("there is no application {}", printable(&args.app, 80)))?;
    let validate = AppConfig::load(&project.dir.root, &app.name)?.validate;
    let examiner = Examiner {
        uploads: Uploads {
            folder: project.dir.config.upload_dir.clone(),
            fanout: project.dir.config.uldl_dir_fanout,
            programs: project.dir.root.join("bin"),
        },
        plan: Arc::new(plan),
        independence: validate.independence,
        suspicious_quorum: validate.quorum(app.target_nresults),
        memory: validate.max_memory_bytes,
    };
    let mut found = Found::default();
    let mut below = WorkunitId(i32::MAX);
    while found.judged + found.gone + found.odd < args.last {
        let (workunits, last) = project
            .store
            .read("workunits", async |conn| conn.workunits_below(app.id, below, CHUNK).await)
            .await?;
        let Some(last) = last else { break };
        below = last;
        let ids: Vec<WorkunitId> = workunits.iter().map(|row| row.id).collect();
        let rows = project.store.read("results", async |conn| conn.results_of(&ids).await).await?.rows;
        let mut of: BTreeMap<WorkunitId, Vec<ResultRow>> = BTreeMap::new();
        let judged: Vec<ResultId> =
            rows.iter().filter(|row| decided(row).is_some()).map(|row| row.id).collect();
        for row in rows {
            of.entry(row.workunitid).or_default().push(row);
        }
        let documents: BTreeMap<ResultId, Vec<u8>> = project
            .store
            .read("documents", async |conn| conn.output_documents(&judged).await)
            .await?
            .into_iter()
            .collect();
        let stderr: Option<BTreeMap<ResultId, Vec<u8>>> = match compares_stderr(&wanted) {
            true => Some(
                project
                    .store
                    .read("stderr", async |conn| conn.ends_of_stderr(&judged, STDERR_BYTES).await)
                    .await?
                    .into_iter()
                    .collect(),
            ),
            false => None,
        };
        let late = project.store.read("late results", async |conn| conn.late_results(&ids).await).await?;
        let deleted =
            project.store.read("deleted files", async |conn| conn.files_deleted(&judged).await).await?;
        let texts = Texts { documents: &documents, stderr: stderr.as_ref() };
        let rehearsal = Rehearsal {
            examiner: &examiner,
            app: &app,
            late: &late,
            deleted: &deleted,
            threads: 1,
            now: clock.now(),
        };
        let none = Vec::new();
        let one = |at: usize| {
            let workunit = workunits.get(at)?;
            let rows = of.get(&workunit.id).unwrap_or(&none);
            Some(again(workunit, rows, texts, &rehearsal))
        };
        let judged = in_parallel(validate.threads, workunits.len(), one);
        for (workunit, judged) in workunits.iter().zip(judged) {
            if found.judged + found.gone + found.odd >= args.last {
                break;
            }
            let Some(judged) = judged else { continue };
            found.add(workunit, of.get(&workunit.id).unwrap_or(&none), judged);
        }
    }
    if found.judged == 0 {
        bail!(
            "no workunit of {} can be judged again: {} have lost their outputs, and no other was ever judged",
            printable(&args.app, 80),
            found.gone
        );
    }
    let text = if args.json { format!("{}\n", json_text(&found.json())) } else { found.text() };
    print(&text);
    Ok(found.changes.is_empty())
}

impl Found {
    fn add(
        &mut self,
        workunit: &Workunit,
        rows: &[ResultRow],
        judged: std::result::Result<Again, Unjudgeable>,
    ) {
        let again = match judged {
            Ok(again) => again,
            Err(Unjudgeable::NeverJudged) => return,
            Err(Unjudgeable::FilesGone(_)) => {
                self.gone += 1;
                return;
            }
            Err(Unjudgeable::Odd(_)) => {
                self.odd += 1;
                return;
            }
        };
        self.judged += 1;
        let canonical = match again.judgement.verdict {
            Verdict::Canonical(id) => Some(id),
            _ => None,
        };
        if canonical
            .is_some_and(|id| workunit.canonical_resultid != ResultId(0) && id != workunit.canonical_resultid)
        {
            self.other_canonical += 1;
        }
        for told in &again.judgement.told {
            let Some((row, was)) =
                rows.iter().find(|row| row.id == told.id).and_then(|row| Some((row, decided(row)?)))
            else {
                continue;
            };
            self.results += 1;
            if was == told.decision {
                continue;
            }
            let partner = canonical.filter(|id| *id != told.id).or_else(|| again.findings.nearest(told.id));
            let seen = partner.and_then(|id| again.findings.between(told.id, id));
            let place = seen.filter(|seen| !seen.place.is_empty()).map_or_else(String::new, |seen| {
                format!("; {}: `{}` and `{}`", seen.place, seen.left, seen.right)
            });
            self.changes.push(Change {
                workunit: workunit.id,
                result: told.id,
                name: row.name.clone(),
                host: row.hostid.0,
                was,
                would_be: told.decision,
                why: format!("{}{place}", told.reason),
            });
        }
    }

    fn text(&self) -> String {
        let mut text = String::new();
        let mut table = Table::new(["workunit", "result", "host", "was", "would be", "why"])
            .left(&[3, 4, 5])
            .uncut_last();
        for change in self.changes.iter().take(SHOWN) {
            table.row([
                change.workunit.to_string(),
                change.result.to_string(),
                change.host.to_string(),
                change.was.to_string(),
                change.would_be.to_string(),
                printable(&change.why, 300),
            ]);
        }
        if !self.changes.is_empty() {
            text.push_str(&table.text(""));
            if self.changes.len() > SHOWN {
                let _ = writeln!(text, "… and {} more; --json has all", self.changes.len() - SHOWN);
            }
            text.push('\n');
        }
        let _ = writeln!(
            text,
            "{} workunits with {} results were judged again: {} verdicts would change",
            self.judged,
            self.results,
            self.changes.len()
        );
        for (count, what) in [
            (self.other_canonical, "would have another canonical result"),
            (self.gone, "could not be judged: their outputs were deleted"),
            (self.odd, "could not be judged: their rows don't fit together"),
        ] {
            if count > 0 {
                let _ = writeln!(text, "{count} workunits {what}");
            }
        }
        text
    }

    fn json(&self) -> Value {
        let changes: Vec<Value> = self
            .changes
            .iter()
            .map(|change| {
                json!({
                    "workunit": change.workunit.0, "result": change.result.0, "name": change.name, "host": change.host,
                    "was": change.was, "would_be": change.would_be, "why": change.why,
                })
            })
            .collect();
        json!({
            "workunits": self.judged, "results": self.results, "changes": changes, "files_gone": self.gone,
            "odd": self.odd, "other_canonical": self.other_canonical,
        })
    }
}
