//! A backlog of a million messages, or workunits: how soon the first is done, whether speed and memory stay what they are.
//!
//! One daemon, one run. While it works, its memory and what it has written are looked at some times per second: ledger rows
//! (each message is good for one, each workunit for two), or rows of the dataset.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use crate::assimilator::Assimilator;
use crate::bench::Bench;
use crate::fill::People;
use crate::site::{Ground, Site};
use crate::trickle::Trickle;
use crate::validator::Validator;

/// A backlog of one kind.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// What `--only` calls it.
    pub name: &'static str,
    daemon: &'static str,
    /// What is counted.
    pub unit: &'static str,
    /// What becomes of the first one.
    done: &'static str,
    /// How many were done, as `n`.
    count: &'static str,
}

/// Messages.
pub const TRICKLES: Kind = Kind {
    name: "trickle-backlog",
    daemon: "trickle-credit",
    unit: "messages",
    done: "paid",
    count: "SELECT COALESCE(MAX(id), 0) AS n FROM cobblestone_ledger",
};
/// Workunits of quorum 2.
pub const WORKUNITS: Kind = Kind {
    name: "validator-backlog",
    daemon: "validator",
    unit: "workunits",
    done: "judged",
    count: "SELECT COALESCE(MAX(id), 0) DIV 2 AS n FROM cobblestone_ledger",
};
/// Workunits that are validated, each with an output file.
pub const VALIDATED: Kind = Kind {
    name: "assimilator-backlog",
    daemon: "assimilator",
    unit: "workunits",
    done: "stored",
    count: "SELECT CAST(COALESCE(SUM(items), 0) AS SIGNED) AS n FROM cobblestone_dataset_file WHERE dataset = 'results'",
};

/// A large project.
const MANY: People = People { teams: 200, users: 2500, hosts: 5000 };

/// How often is looked until the first one is done, and after.
const SOON: Duration = Duration::from_millis(5);
const LATER: Duration = Duration::from_millis(100);

/// What was seen at a moment.
#[derive(Debug, Clone, Copy)]
struct Look {
    /// Seconds since the start of the process.
    at: f64,
    /// Items done.
    done: i64,
    /// KiB: now, and the most so far.
    memory: (u64, u64),
}

/// The figures.
#[derive(Debug)]
pub struct Figures {
    kind: Kind,
    items: i64,
    looks: Vec<Look>,
}

/// Fills, runs and looks.
pub async fn measure(kind: Kind, ground: &Ground, items: u32) -> Result<Figures> {
    match kind.name {
        name if name == WORKUNITS.name => {
            work_off(kind, ground, &Validator { workunits: items, people: MANY }).await
        }
        name if name == VALIDATED.name => {
            work_off(kind, ground, &Assimilator { workunits: items, people: MANY }).await
        }
        _ => work_off(kind, ground, &Trickle { messages: items, people: MANY }).await,
    }
}

async fn work_off<B: Bench>(kind: Kind, ground: &Ground, work: &B) -> Result<Figures> {
    let mut site = ground.site_of(kind.name, kind.daemon, work.options(), &work.toml()).await?;
    site.daemon(1).await?;
    work.fill(&mut site).await?;
    site.settle().await?;
    let items = work.items().into();
    let looks = watch(kind, &mut site, items).await?;
    match work.left(&mut site).await? {
        0 => Ok(Figures { kind, items, looks }),
        left => bail!("{left} {} were left undone", kind.unit),
    }
}

async fn watch(kind: Kind, site: &mut Site, items: i64) -> Result<Vec<Look>> {
    let log = site.project.path("log_bench/daemon.log");
    let mut command = site.command(&log)?;
    let began = Instant::now();
    let mut child = command.spawn().context("can't start the daemon")?;
    let mut looks: Vec<Look> = Vec::new();
    let ended = loop {
        // Of a process that has ended nothing is left to see: what it used last.
        let memory = memory(child.id()).or_else(|| looks.last().map(|look| look.memory));
        let done = site.connection.row(kind.count, &[]).await?.i64("n")?;
        if let Some(memory) = memory {
            looks.push(Look { at: began.elapsed().as_secs_f64(), done: done.min(items), memory });
        }
        if let Some(status) = child.try_wait()? {
            break status;
        }
        tokio::time::sleep(if done == 0 { SOON } else { LATER }).await;
    };
    if !ended.success() {
        bail!("the daemon failed; its log ends with:\n{}", crate::site::end_of(&log));
    }
    Ok(looks)
}

/// `VmRSS` and `VmHWM` in KiB.
pub fn memory(pid: u32) -> Option<(u64, u64)> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let field = |name: &str| -> Option<u64> {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse().ok()
    };
    Some((field("VmRSS:")?, field("VmHWM:")?))
}

impl Figures {
    /// Seconds until the first one was done, as far as was looked.
    fn first(&self) -> f64 {
        self.looks.iter().find(|look| look.done > 0).map_or(f64::NAN, |look| look.at)
    }

    /// When so many were done.
    fn when(&self, done: i64) -> f64 {
        let mut before = Look { at: 0.0, done: 0, memory: (0, 0) };
        for look in &self.looks {
            if look.done >= done {
                let part = (done - before.done) as f64 / (look.done - before.done).max(1) as f64;
                return before.at + (look.at - before.at) * part;
            }
            before = *look;
        }
        f64::NAN
    }

    /// Per tenth of the work: items per second, and the most memory up to its end, KiB.
    fn tenths(&self) -> Vec<(f64, u64)> {
        let part = |tenth: i64| self.items * tenth / 10;
        (0..10)
            .map(|tenth| {
                let begin = if tenth == 0 { self.first() } else { self.when(part(tenth)) };
                let end = self.when(part(tenth + 1));
                let done =
                    if tenth == 0 { part(1) - self.first_batch() } else { part(tenth + 1) - part(tenth) };
                let memory = self.looks.iter().take_while(|look| look.at <= end).last();
                (done as f64 / (end - begin), memory.map_or(0, |look| look.memory.1))
            })
            .collect()
    }

    fn first_batch(&self) -> i64 {
        self.looks.iter().find(|look| look.done > 0).map_or(0, |look| look.done)
    }

    /// As one JSON object.
    pub fn json(&self) -> Value {
        json!({
            "name": self.kind.name,
            "unit": self.kind.unit,
            "items": self.items,
            "first_seconds": self.first(),
            "tenths": self.tenths().iter().map(|(speed, memory)| json!({"per_second": speed, "memory_max_kib": memory}))
                .collect::<Vec<_>>(),
        })
    }
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(
            f,
            "{}: {} {}; the first is {} {:.3} s after the start",
            self.kind.name,
            self.items,
            self.kind.unit,
            self.kind.done,
            self.first()
        )?;
        let tenths = self.tenths();
        for (n, (speed, memory)) in (1..).zip(&tenths) {
            writeln!(
                f,
                "  tenth {n:>2}: {speed:>8.0} {}/s, memory at most {:>6.1} MiB",
                self.kind.unit,
                *memory as f64 / 1024.0
            )?;
        }
        if let (Some(first), Some(last)) = (tenths.first(), tenths.last()) {
            let (speed, memory) = (last.0 / first.0, last.1 as f64 / first.1.max(1) as f64);
            writeln!(f, "  the last tenth against the first: speed {speed:.2}, memory {memory:.2}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenths_of_a_steady_run_are_alike() {
        let looks = (0..=100)
            .map(|n| Look { at: 0.5 + f64::from(n) * 0.1, done: i64::from(n) * 10, memory: (9, 10) })
            .collect();
        let figures = Figures { kind: WORKUNITS, items: 1000, looks };
        assert!((figures.first() - 0.6).abs() < 1e-9);
        let tenths = figures.tenths();
        assert_eq!(tenths.len(), 10);
        assert!(
            tenths.iter().all(|(speed, memory)| (speed - 100.0).abs() < 1e-6 && *memory == 10),
            "{tenths:?}"
        );
    }
}
