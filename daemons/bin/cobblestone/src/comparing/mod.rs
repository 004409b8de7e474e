//! `cobblestone compare` and `cobblestone spec`: outputs and declarations, without a project and a database.
//!
//! Nothing is written but what is printed. Names and values come from strangers: the library escapes and cuts them.

mod files;
pub mod spec;

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use compare::{Comparison, OutputComparison, Spec, Verdict};

use crate::screen::print;
use crate::table::Table;

pub use spec::SpecCommand;

/// What follows the help of `compare`.
pub const AFTER_HELP: &str = "A and B are files, or folders with the same files, or NAME=FILE,NAME=FILE,… \
    B is the reference, where a rule has one.\n\
    Exit status: 0 = they agree, 1 = they differ, 2 = it can't be said.\n\n\
    Examples:\n  \
    cobblestone compare out1.dat out2.dat --relative 1e-6\n  \
    cobblestone compare host1/ host2/ --spec theory.toml\n  \
    cobblestone compare out=a.dat,log=a.txt out=b.dat,log=b.txt --spec theory.toml --json";

/// Arguments of `compare`.
#[derive(Debug, Args)]
pub struct CompareArgs {
    /// The output that is examined
    #[arg(value_name = "A")]
    left: String,
    /// The output that it is compared with
    #[arg(value_name = "B")]
    right: String,
    /// When they are the same: an application's APP.toml, or the keys of its section [compare] alone
    /// [default: byte for byte]
    #[arg(long, value_name = "SPEC", conflicts_with_all = ["absolute", "relative"])]
    spec: Option<PathBuf>,
    /// Without a spec: numbers within this absolute difference
    #[arg(long, value_name = "X")]
    absolute: Option<f64>,
    /// Without a spec: numbers within this fraction of the larger one
    #[arg(long, value_name = "X")]
    relative: Option<f64>,
    /// Logical name of two files [default: as they are called, if the spec knows that name, else its only one]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Where the spec's script is
    #[arg(long, value_name = "DIR", default_value = ".")]
    bin_dir: PathBuf,
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
}

/// Runs `compare`; false if they differ.
pub fn run(args: &CompareArgs) -> Result<bool> {
    let spec = match &args.spec {
        Some(path) => spec::read(path)?,
        None if args.absolute.is_some() || args.relative.is_some() => {
            Spec::numeric(args.absolute.unwrap_or(0.0), args.relative.unwrap_or(0.0))
        }
        None => Spec::exact(),
    };
    let plan = spec.plan().map_err(|mistakes| spec::as_error(&mistakes))?;
    let (left, right) = files::both(&args.left, &args.right, args.name.as_deref(), &spec)?;
    let compared = plan.compare_files(&left, &right, &args.bin_dir);
    if compared.files.is_empty() {
        bail!("there is nothing to compare: neither has a file that the spec names");
    }
    if args.json {
        print(&format!("{}\n", serde_json::to_string_pretty(&compared)?));
    } else {
        print(&text(&compared));
    }
    match compared.verdict {
        Verdict::Agree => Ok(true),
        Verdict::Differ => Ok(false),
        Verdict::CantSay => bail!("it can't be said whether they agree"),
    }
}

fn text(compared: &OutputComparison) -> String {
    let mut text = format!("{compared}\n");
    for file in compared.files.iter().filter(|file| file.comparison.columns.len() > 1) {
        text.push_str(&format!("\n{}, by column, the worst first:\n", file.name.escape_debug()));
        text.push_str(&columns(&file.comparison).text("  "));
    }
    text
}

/// Most columns that are shown; JSON has more.
const SHOWN: usize = 20;

fn columns(comparison: &Comparison) -> Table {
    let head = ["column", "outside", "within", "worst, in tolerances", "line", "left", "right"];
    let mut table = Table::new(head).left(&[5, 6]);
    for column in comparison.columns.iter().take(SHOWN) {
        let worst = &column.worst;
        let units = worst.in_tolerance_units;
        table.row([
            column.name.clone().unwrap_or_else(|| column.column.to_string()),
            column.differing.to_string(),
            column.deviating.to_string(),
            if units.is_finite() { format!("{units:.3}") } else { "-".to_owned() },
            worst.line.to_string(),
            worst.left.clone(),
            worst.right.clone(),
        ]);
    }
    table
}

/// Subcommands of `spec`.
pub fn run_spec(command: &SpecCommand) -> Result<bool> {
    spec::run(command)
}
