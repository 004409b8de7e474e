//! Campaigns of ten thousand, a million and ten million jobs: how soon the first workunit is there after the start of the
//! process, and the most memory it had, in the beginning, in the middle and near the end of the campaign.
//!
//! Jobs are counted, or rows of a CSV or JSON Lines file. What was made before is not made: the campaign's cursor is put
//! where it would be. The generator then makes a few batches.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use campaign::mark::{Digest, Look, Mark};
use sandbox::ProjectOptions;
use serde_json::{Value, json};

use crate::backlog::memory;
use crate::site::{Ground, Site, end_of};

/// What `--only` calls it.
pub const NAME: &str = "campaign-size";
/// Jobs of the largest campaign.
pub const LARGEST: u32 = 10_000_000;
/// The others have so many times fewer.
const PARTS: [u32; 3] = [1000, 10, 1];
/// Results that are made.
const CUSHION: i64 = 5000;
/// How often is looked.
const SOON: Duration = Duration::from_millis(2);
/// Jobs of a range of seeds, as the generator reserves them when nobody knows how many will come.
const SEEDS: i64 = 100_000;

/// Where jobs come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Counter,
    Csv,
    Jsonl,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Counter, Self::Csv, Self::Jsonl];

    fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Csv => "csv",
            Self::Jsonl => "jsonl",
        }
    }

    fn header(self) -> &'static str {
        if self == Self::Csv { "energy,process\n" } else { "" }
    }

    /// All rows are of the same length.
    fn row(self, n: i64) -> String {
        match self {
            Self::Jsonl => format!("{{\"energy\":\"{n:09}\",\"process\":\"z1j\"}}\n"),
            _ => format!("{n:09},z1j\n"),
        }
    }

    /// Where a row begins.
    fn place(self, n: i64) -> u64 {
        let bytes = self.header().len() as i64 + n * self.row(0).len() as i64;
        u64::try_from(bytes).unwrap_or(0)
    }
}

/// One start.
#[derive(Debug, Clone)]
struct Cell {
    kind: Kind,
    jobs: i64,
    place: &'static str,
    /// Seconds to the first workunit.
    first: f64,
    /// KiB.
    memory: u64,
}

/// The figures.
#[derive(Debug)]
pub struct Figures(Vec<Cell>);

/// Makes campaigns of up to `largest` jobs, and starts in them.
pub async fn measure(ground: &Ground, largest: u32, runs: usize) -> Result<Figures> {
    let toml =
        format!("[work]\ncushion = {CUSHION}\nmax_transitioner_backlog = 100000000\nmin_free_bytes = 1\n");
    let mut site = ground.site_of(NAME, "work-generator", ProjectOptions::default(), &toml).await?;
    fs::create_dir_all(site.project.path("cobblestone/campaigns"))?;
    let mut cells = Vec::new();
    for kind in Kind::ALL {
        for part in PARTS {
            let jobs = i64::from(largest / part);
            describe(&site, kind, jobs)?;
            for (place, next) in
                [("beginning", 0), ("middle", jobs / 2), ("end", jobs - (jobs / 4).min(CUSHION / 2))]
            {
                let mut best: Option<Cell> = None;
                for _ in 0..runs {
                    put(&mut site, kind, jobs, next).await?;
                    let (first, memory) = start(&mut site).await?;
                    let cell = Cell { kind, jobs, place, first, memory };
                    best = Some(match best {
                        Some(best) => {
                            Cell { first: best.first.min(first), memory: best.memory.max(memory), ..best }
                        }
                        None => cell,
                    });
                }
                cells.extend(best);
            }
        }
        let _ = fs::remove_file(site.project.path("rows.csv"));
        let _ = fs::remove_file(site.project.path("rows.jsonl"));
    }
    Ok(Figures(cells))
}

/// Writes the campaign's file, and its rows.
fn describe(site: &Site, kind: Kind, jobs: i64) -> Result<()> {
    let source = if kind == Kind::Counter {
        format!("jobs = {jobs}")
    } else {
        format!("kind = \"file\"\npath = \"rows.{}\"", kind.name())
    };
    let text = format!("[campaign]\napp = \"theory\"\n[source]\n{source}\n");
    fs::write(site.project.path("cobblestone/campaigns/bench.toml"), text)?;
    if kind != Kind::Counter {
        let path = site.project.path(format!("rows.{}", kind.name()));
        let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
        out.write_all(kind.header().as_bytes())?;
        for n in 0..jobs {
            out.write_all(kind.row(n).as_bytes())?;
        }
        out.flush()?;
    }
    Ok(())
}

/// As if the jobs before `next` were made, and their workunits are gone.
async fn put(site: &mut Site, kind: Kind, jobs: i64, next: i64) -> Result<()> {
    for folder in fs::read_dir(site.project.path("download"))? {
        let folder = folder?.path();
        if folder.is_dir() {
            for file in fs::read_dir(&folder)? {
                fs::remove_file(file?.path())?;
            }
        }
    }
    for table in [
        "workunit",
        "cobblestone_job",
        "cobblestone_campaign",
        "cobblestone_campaign_file",
        "cobblestone_seed_range",
    ] {
        site.connection.execute(&format!("TRUNCATE TABLE {table}"), &[]).await?;
    }
    if next == 0 {
        return Ok(());
    }
    let app = site.project.appid().0;
    let (source, planned, block) = match kind {
        Kind::Counter => ("counter", jobs.to_string(), jobs),
        _ => ("file", "NULL".to_owned(), SEEDS),
    };
    let mut sql = vec![format!(
        "INSERT INTO cobblestone_campaign (id, appid, name, next_job, time, state, source, jobs, made) \
         VALUES (1, {app}, 'bench', {next}, 0, 'active', '{source}', {planned}, {next})"
    )];
    let mut first = 0;
    while first < next {
        sql.push(format!(
            "INSERT INTO cobblestone_seed_range VALUES ({app}, 1, {first}, {}, {block})",
            first + 1
        ));
        first += block;
    }
    sql.push(format!("INSERT INTO cobblestone_seed_range VALUES ({app}, 0, 0, {}, 0)", first + 1));
    if kind != Kind::Counter {
        let name = format!("rows.{}", kind.name());
        let place = kind.place(next);
        let tail = tail(&site.project.path(&name), place)?;
        sql.push(format!(
            "INSERT INTO cobblestone_campaign_file (campaignid, name, place, rows_read, tail, state, time) \
             VALUES (1, '{name}', {place}, {next}, '{tail}', 'open', 0)"
        ));
    }
    for sql in sql {
        site.connection.execute(&sql, &[]).await?;
    }
    Ok(())
}

/// What the cursor knows of the file.
fn tail(path: &Path, place: u64) -> Result<String> {
    let mut file = File::open(path)?;
    let look = Look::of(&file.metadata()?);
    let digest = Digest::default().and_next(&mut file, place)?.context("the file is too short")?;
    Ok(Mark { digest, look }.text())
}

/// Runs the generator until it has made its batches: seconds to the first one, and the most memory, KiB.
async fn start(site: &mut Site) -> Result<(f64, u64)> {
    let log = site.project.path("log_bench/daemon.log");
    let mut command = site.command(&log)?;
    let began = Instant::now();
    let mut child = command.spawn().context("can't start the daemon")?;
    let (mut first, mut most) = (None, 0);
    let status = loop {
        if first.is_none() {
            let sql = "SELECT EXISTS (SELECT 1 FROM workunit) AS n";
            if site.connection.row(sql, &[]).await?.i64("n")? > 0 {
                first = Some(began.elapsed().as_secs_f64());
            }
        }
        most = memory(child.id()).map_or(most, |(_, peak)| most.max(peak));
        if let Some(status) = child.try_wait()? {
            break status;
        }
        tokio::time::sleep(SOON).await;
    };
    let made = site.connection.row("SELECT COUNT(*) AS n FROM workunit", &[]).await?.i64("n")?;
    match first {
        Some(first) if status.success() && made > 0 => Ok((first, most)),
        _ => bail!("{made} workunits were made; the log ends with:\n{}", end_of(&log)),
    }
}

impl Figures {
    /// The same place of the smallest campaign of that kind.
    fn small(&self, cell: &Cell) -> Option<&Cell> {
        let same = |other: &&Cell| other.kind == cell.kind && other.place == cell.place;
        self.0.iter().filter(same).min_by_key(|other| other.jobs)
    }

    /// Start and memory against the smallest campaign.
    fn against(&self, cell: &Cell) -> (f64, f64) {
        self.small(cell).map_or((f64::NAN, f64::NAN), |small| {
            (cell.first / small.first, cell.memory as f64 / small.memory.max(1) as f64)
        })
    }

    /// As a JSON array.
    pub fn json(&self) -> Value {
        let cell = |cell: &Cell| {
            let (start, memory) = self.against(cell);
            json!({
                "kind": cell.kind.name(), "jobs": cell.jobs, "place": cell.place, "first_seconds": cell.first,
                "memory_max_kib": cell.memory, "start_ratio": start, "memory_ratio": memory,
            })
        };
        self.0.iter().map(cell).collect()
    }
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(
            f,
            "{NAME}: the first workunit after the start, the most memory; in brackets, against the smallest campaign"
        )?;
        for cell in &self.0 {
            let (start, memory) = self.against(cell);
            writeln!(
                f,
                "  {:<8} {:>9} jobs, {:<10} {:>6.3} s ({start:>4.2})  {:>6.1} MiB ({memory:>4.2})",
                cell.kind.name(),
                cell.jobs,
                cell.place,
                cell.first,
                cell.memory as f64 / 1024.0
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_begin_where_they_are_said_to() {
        for kind in [Kind::Csv, Kind::Jsonl] {
            let text: String = kind.header().to_owned() + &(0..20).map(|n| kind.row(n)).collect::<String>();
            let place = usize::try_from(kind.place(13)).unwrap();
            assert!(text[place..].starts_with(&kind.row(13)), "{kind:?}");
        }
    }

    #[test]
    fn ratios_are_those_of_the_same_place() {
        let cell = |jobs, place, first, memory| Cell { kind: Kind::Csv, jobs, place, first, memory };
        let figures = Figures(vec![
            cell(10, "end", 0.5, 100),
            cell(10, "middle", 9.0, 900),
            cell(1000, "end", 1.0, 150),
        ]);
        assert_eq!(figures.against(&figures.0[2]), (2.0, 1.5));
    }
}
