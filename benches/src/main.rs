//! How fast each daemon is, beside the floor: the same rows and files written by the fewest statements and the
//! simplest loop, same database server, same run.
//!
//! For each daemon: a project with a private MariaDB (durability at its defaults) is filled with work. The real
//! program from target/release works it off with `--one_pass`, then once more over the empty queue, which measures
//! its start. What it wrote is recorded. The same state is restored and the floor writes the same again, prepared
//! beforehand: it decides nothing, computes nothing and parses nothing. Then both databases are compared: a floor
//! that wrote something else is an error, not a figure.
//!
//! What may be measured and how stands in docs/BENCHMARKS.md.

#![allow(clippy::print_stdout, clippy::print_stderr)]

mod assimilator;
mod backlog;
mod bench;
mod campaign;
mod comparison;
mod create;
mod fill;
mod floor;
mod generator;
mod literal;
mod recording;
mod report;
mod site;
mod trickle;
mod validator;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Parser;

use crate::assimilator::Assimilator;
use crate::bench::Bench;
use crate::create::Create;
use crate::fill::PEOPLE;
use crate::generator::Generator;
use crate::report::Report;
use crate::site::Ground;
use crate::trickle::Trickle;
use crate::validator::Validator;

/// Measures the daemons and prints items per second beside the floor.
#[derive(Debug, Parser)]
#[command(version)]
struct Args {
    /// Little work: shows that everything runs. The figures mean nothing
    #[arg(long)]
    quick: bool,
    /// Only this one: work-generator, work-generator-shared, work-create, trickle-credit, validator, assimilator, compare, trickle-backlog,
    /// validator-backlog, assimilator-backlog and campaign-size (these three only when they are named), or part of a name.
    /// Can be repeated
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Measurements of each figure
    #[arg(long, value_name = "N", default_value_t = 5)]
    runs: usize,
    /// Multiplies the amount of work
    #[arg(long, value_name = "X", default_value_t = 1.0)]
    scale: f64,
    /// Prints one JSON document instead of tables
    #[arg(long)]
    json: bool,
    /// Folder with the programs
    #[arg(long, value_name = "DIR", default_value = "target/release")]
    programs: PathBuf,
    /// Memory of the database server for tables (`innodb_buffer_pool_size`), in MiB
    #[arg(long, value_name = "MIB", default_value_t = 256)]
    server_memory: u32,
    /// Keeps the server's and the project's files there
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

impl Args {
    fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.names(name)
    }

    /// Asked for by name. `validator` is a name of its own, so it does not stand for `validator-backlog`.
    fn names(&self, name: &str) -> bool {
        let is_other = |part: &str| [Validator::NAME, Assimilator::NAME].contains(&part) && part != name;
        self.only.iter().any(|part| name.contains(part.as_str()) && !is_other(part))
    }

    fn items(&self, full: u32) -> u32 {
        let scale = if self.quick { 0.02 } else { self.scale };
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let items = (f64::from(full) * scale).round() as u32;
        items.max(20)
    }

    fn runs(&self) -> usize {
        if self.quick { 1 } else { self.runs.max(1) }
    }
}

fn main() -> ExitCode {
    let args = Args::parse();
    let ran = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("can't start the runtime")
        .and_then(|runtime| runtime.block_on(run(&args)));
    match ran {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: &Args) -> Result<()> {
    let ground = Ground::new(&args.programs, args.keep.as_deref(), args.server_memory)?;
    let mut report = Report::new(args.quick, ground.server_version().await?);
    let mut bench = Runner { args, ground: &ground, report: &mut report };
    bench.one(&Generator::<false> { workunits: args.items(10_000) }).await?;
    bench.one(&Generator::<true> { workunits: args.items(60_000) }).await?;
    bench.one(&Create { workunits: args.items(60_000) }).await?;
    bench.one(&Trickle { messages: args.items(50_000), people: PEOPLE }).await?;
    bench.one(&Validator { workunits: args.items(6_000), people: PEOPLE }).await?;
    bench.one(&Assimilator { workunits: args.items(6_000), people: PEOPLE }).await?;
    // Two million files are made for each of the others, so they have to be asked for.
    let trickles = args.wants(backlog::TRICKLES.name).then_some(backlog::TRICKLES);
    let workunits = [backlog::WORKUNITS, backlog::VALIDATED].into_iter().filter(|kind| args.names(kind.name));
    for kind in trickles.into_iter().chain(workunits) {
        let items = args.items(1_000_000);
        eprintln!("measuring {} ({items} {}) …", kind.name, kind.unit);
        let figures = backlog::measure(kind, &ground, items).await;
        report.backlogs.push(figures.with_context(|| format!("measuring {}", kind.name))?);
    }
    // Files of some hundred megabytes.
    if args.names(campaign::NAME) {
        let jobs = args.items(campaign::LARGEST);
        eprintln!("measuring {} (up to {jobs} jobs) …", campaign::NAME);
        let figures = campaign::measure(&ground, jobs, args.runs()).await;
        report.campaigns = Some(figures.with_context(|| format!("measuring {}", campaign::NAME))?);
    }
    if args.wants(comparison::NAME) {
        let megabytes = args.items(100);
        eprintln!("measuring {} (files of {megabytes} MB) …", comparison::NAME);
        let figures = comparison::measure(&args.programs, megabytes, args.runs());
        report.comparison = Some(figures.with_context(|| format!("measuring {}", comparison::NAME))?);
    }
    if args.json {
        println!("{}", serde_json::to_string_pretty(&report.json())?);
    } else {
        print!("{report}");
    }
    Ok(())
}

struct Runner<'a> {
    args: &'a Args,
    ground: &'a Ground,
    report: &'a mut Report,
}

impl Runner<'_> {
    async fn one<B: Bench>(&mut self, bench: &B) -> Result<()> {
        if self.args.wants(B::NAME) {
            eprintln!("measuring {} ({} {}) …", B::NAME, bench.items(), B::UNIT);
            let figures = bench::measure(bench, self.ground, self.args.runs()).await;
            self.report.results.push(figures.with_context(|| format!("measuring {}", B::NAME))?);
        }
        Ok(())
    }
}
