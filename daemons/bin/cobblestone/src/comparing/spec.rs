//! `cobblestone spec check` and `cobblestone spec test`: a declaration tried on real outputs.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};
use clap::{Args, Subcommand};
use compare::{Mutation, SampleFile, Spec, SpecMistake};
use serde_json::json;

use super::files;
use crate::screen::print;
use crate::table::Table;

/// Commands about a declaration of what "the same" means.
#[derive(Debug, Subcommand)]
pub enum SpecCommand {
    /// Find mistakes: in the spec alone and, with samples, what does not fit them
    #[command(after_help = "Exit status: 0 = no mistake, 1 = mistakes, 2 = it can't be said.")]
    Check(SpecArgs),
    /// Change real outputs value by value until they are rejected, and report columns that nothing protects
    #[command(
        after_help = "Exit status: 0 = every column is protected, or ignored as declared, 1 = some are not, 2 = it can't be said."
    )]
    Test(SpecArgs),
}

/// A spec and samples.
#[derive(Debug, Args)]
pub struct SpecArgs {
    /// An application's APP.toml, or the keys of its section [compare] alone
    #[arg(value_name = "SPEC")]
    spec: PathBuf,
    /// Good outputs: FILE, or NAME=FILE with a logical name [default: those that the spec declares as `sample`]
    #[arg(value_name = "FILES")]
    files: Vec<String>,
    /// Where the spec's script is [default: not looked for]
    #[arg(long, value_name = "DIR")]
    bin_dir: Option<PathBuf>,
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
}

/// Largest spec that is read, in bytes.
const LARGEST: u64 = 1 << 20;

/// Reads a spec. All mistakes are in the error, one per line.
pub fn read(path: &Path) -> Result<Spec> {
    let shown = path.display();
    let size = std::fs::metadata(path).with_context(|| format!("{shown} can't be read"))?.len();
    if size > LARGEST {
        bail!("{shown} has more than {LARGEST} bytes; is it a spec?");
    }
    let text = std::fs::read_to_string(path).with_context(|| format!("{shown} can't be read"))?;
    app_config::compare_spec(&text).map_err(|mistakes| {
        let lines: Vec<String> = mistakes.iter().map(|mistake| format!("{shown}: {mistake}")).collect();
        anyhow!("{}", lines.join("\n"))
    })
}

/// Mistakes of a spec that has no file.
pub fn as_error(mistakes: &[SpecMistake]) -> anyhow::Error {
    anyhow!("{}", mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

/// Runs a command; false if something is wrong.
pub fn run(command: &SpecCommand) -> Result<bool> {
    match command {
        SpecCommand::Check(args) => check(args),
        SpecCommand::Test(args) => test(args),
    }
}

/// Those that are named; else those that the spec declares, beside itself. Logical name, path, and the sample.
fn samples(args: &SpecArgs, spec: &Spec) -> Vec<(String, String, SampleFile)> {
    let folder = args.spec.parent().unwrap_or(Path::new(""));
    let found: Vec<(String, PathBuf)> = if args.files.is_empty() {
        spec.samples().map(|(name, path)| (name.to_owned(), folder.join(path))).collect()
    } else {
        args.files.iter().map(|text| files::sample(text, spec)).collect()
    };
    let plan = spec.plan().ok();
    let sample = |(name, path): (String, PathBuf)| {
        let parts = plan.as_ref().map_or_else(|| vec![name.clone()], |plan| plan.parts(&name));
        parts.into_iter().map(move |part| {
            (part.clone(), path.display().to_string(), SampleFile::path(&part, path.clone()))
        })
    };
    found.into_iter().flat_map(sample).collect()
}

fn check(args: &SpecArgs) -> Result<bool> {
    let spec = match read(&args.spec) {
        Ok(spec) => spec,
        // A file that is there and wrong is what this command looks for.
        Err(error) if args.spec.is_file() => {
            if args.json {
                print(&format!("{}\n", json!({"mistakes": [{"message": error.to_string()}]})));
            } else {
                print(&format!("{error}\n"));
            }
            return Ok(false);
        }
        Err(error) => return Err(error),
    };
    let scripts = match (&spec.script, &args.bin_dir) {
        (Some(script), Some(folder)) => script.faults(folder),
        _ => Vec::new(),
    };
    if !scripts.is_empty() {
        print(&match args.json {
            true => format!("{}\n", json!({"mistakes": scripts.len(), "scripts": scripts})),
            false => scripts.iter().map(|fault| format!("mistake: script: {fault}\n")).collect(),
        });
        return Ok(false);
    }
    let mut all = Vec::new();
    let samples = samples(args, &spec);
    let tried = samples.len();
    for (name, path, sample) in samples {
        let findings = spec.rehearse(&sample).with_context(|| path.clone())?;
        all.extend(findings.into_iter().map(|finding| (name.clone(), path.clone(), finding)));
    }
    let mistakes = all.iter().filter(|(_, _, finding)| finding.is_mistake).count();
    if args.json {
        let findings: Vec<_> = all
            .iter()
            .map(|(name, path, finding)| json!({"name": name, "path": path, "finding": finding}))
            .collect();
        print(&format!("{}\n", json!({"mistakes": mistakes, "findings": findings})));
    } else {
        let mut text = String::new();
        for (name, path, finding) in &all {
            let kind = if finding.is_mistake { "mistake" } else { "note" };
            text.push_str(&format!("{kind}: {name} ({path}): {finding}\n"));
        }
        if mistakes == 0 {
            text.push_str(match tried {
                0 => "the spec has no mistakes; name samples of good outputs to try it on them\n",
                _ => "no mistakes\n",
            });
        }
        print(&text);
    }
    Ok(mistakes == 0)
}

fn test(args: &SpecArgs) -> Result<bool> {
    let spec = read(&args.spec)?;
    let samples = samples(args, &spec);
    if samples.is_empty() {
        bail!(
            "name at least one good output to test the spec with, or declare one: sample = \"good/out.dat\""
        );
    }
    let mut all = Vec::new();
    for (name, path, sample) in samples {
        all.push((name, spec.mutate(&sample).with_context(|| path.clone())?));
    }
    let is_good = all.iter().all(|(_, mutation)| mutation.unprotected().next().is_none());
    if args.json {
        let files: Vec<_> =
            all.iter().map(|(name, mutation)| json!({"name": name, "mutation": mutation})).collect();
        print(&format!("{}\n", json!({"all_protected": is_good, "files": files})));
    } else {
        print(&all.iter().map(|(name, mutation)| text(name, mutation)).collect::<String>());
    }
    Ok(is_good)
}

/// Most changes that are named.
const NAMED: usize = 4;

/// The largest ones say the most.
fn accepted(changes: &[String]) -> String {
    match changes.len().checked_sub(NAMED) {
        None | Some(0) => changes.join(", "),
        Some(more) => {
            format!("{} and {more} smaller ones", changes.get(more..).unwrap_or_default().join(", "))
        }
    }
}

fn text(name: &str, mutation: &Mutation) -> String {
    let mut table = Table::new(["column", "rejected from", "accepted all the same"]).left(&[1, 2]);
    for column in &mutation.columns {
        let rejected = match &column.rejected_from {
            Some(change) if column.is_protected => change.clone(),
            _ if column.is_ignored => "never: ignored, as declared".to_owned(),
            Some(change) => format!("{change}: NOTHING PROTECTS ITS NUMBERS"),
            None => "never: NOTHING PROTECTS IT".to_owned(),
        };
        table.row([column.column.clone(), rejected, accepted(&column.accepted)]);
    }
    let mut text = format!("{name}: {} changed outputs were compared\n{}", mutation.tried, table.text("  "));
    for accepted in &mutation.accepted {
        text.push_str(&format!("  accepted: {accepted}\n"));
    }
    text
}
