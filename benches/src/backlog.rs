//! A backlog of a million messages: how soon the first is paid, whether speed and memory stay what they are.
//!
//! One daemon, one run. While it works, its memory and the number of ledger rows (each message is good for one) are
//! looked at some times per second.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use crate::bench::Bench as _;
use crate::fill::People;
use crate::site::{Ground, Site};
use crate::trickle::Trickle;

/// What `--only` calls it.
pub const NAME: &str = "trickle-backlog";

/// A large project.
const MANY: People = People { teams: 200, users: 2500, hosts: 5000 };

/// How often is looked until the first message is paid, and after.
const SOON: Duration = Duration::from_millis(5);
const LATER: Duration = Duration::from_millis(100);

/// What was seen at a moment.
#[derive(Debug, Clone, Copy)]
struct Look {
    /// Seconds since the start of the process.
    at: f64,
    /// Messages paid.
    paid: i64,
    /// KiB: now, and the most so far.
    memory: (u64, u64),
}

/// The figures.
#[derive(Debug)]
pub struct Figures {
    messages: i64,
    looks: Vec<Look>,
}

/// Fills, runs and looks.
pub async fn measure(ground: &Ground, messages: u32) -> Result<Figures> {
    let work = Trickle { messages, people: MANY };
    let mut site = ground.site_of(NAME, "trickle-credit", work.options(), &work.toml()).await?;
    site.daemon(1).await?;
    work.fill(&mut site).await?;
    site.settle().await?;
    let looks = watch(&mut site, messages.into()).await?;
    match work.left(&mut site).await? {
        0 => Ok(Figures { messages: messages.into(), looks }),
        left => bail!("{left} messages were left undone"),
    }
}

async fn watch(site: &mut Site, messages: i64) -> Result<Vec<Look>> {
    let log = site.project.path("log_bench/daemon.log");
    let mut command = site.command(&log)?;
    let began = Instant::now();
    let mut child = command.spawn().context("can't start the daemon")?;
    let mut looks: Vec<Look> = Vec::new();
    let ended = loop {
        let memory = memory(child.id());
        let sql = "SELECT COALESCE(MAX(id), 0) AS n FROM cobblestone_ledger";
        let paid = site.connection.row(sql, &[]).await?.i64("n")?;
        // Of a process that has ended nothing is left to see.
        if let Some(memory) = memory {
            looks.push(Look { at: began.elapsed().as_secs_f64(), paid: paid.min(messages), memory });
        }
        if let Some(status) = child.try_wait()? {
            break status;
        }
        tokio::time::sleep(if paid == 0 { SOON } else { LATER }).await;
    };
    if !ended.success() {
        bail!("the daemon failed; its log ends with:\n{}", crate::site::end_of(&log));
    }
    Ok(looks)
}

/// `VmRSS` and `VmHWM` in KiB.
fn memory(pid: u32) -> Option<(u64, u64)> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let field = |name: &str| -> Option<u64> {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse().ok()
    };
    Some((field("VmRSS:")?, field("VmHWM:")?))
}

impl Figures {
    /// Seconds to the first payment, as far as was looked.
    fn first(&self) -> f64 {
        self.looks.iter().find(|look| look.paid > 0).map_or(f64::NAN, |look| look.at)
    }

    /// When so much was paid.
    fn when(&self, paid: i64) -> f64 {
        let mut before = Look { at: 0.0, paid: 0, memory: (0, 0) };
        for look in &self.looks {
            if look.paid >= paid {
                let part = (paid - before.paid) as f64 / (look.paid - before.paid).max(1) as f64;
                return before.at + (look.at - before.at) * part;
            }
            before = *look;
        }
        f64::NAN
    }

    /// Per tenth of the work: messages per second, and the most memory up to its end, KiB.
    fn tenths(&self) -> Vec<(f64, u64)> {
        let part = |tenth: i64| self.messages * tenth / 10;
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
        self.looks.iter().find(|look| look.paid > 0).map_or(0, |look| look.paid)
    }

    /// As one JSON object.
    pub fn json(&self) -> Value {
        json!({
            "messages": self.messages,
            "first_payment_seconds": self.first(),
            "tenths": self.tenths().iter().map(|(speed, memory)| json!({"per_second": speed, "memory_max_kib": memory}))
                .collect::<Vec<_>>(),
        })
    }
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(
            f,
            "{NAME}: {} messages; the first is paid {:.3} s after the start",
            self.messages,
            self.first()
        )?;
        let tenths = self.tenths();
        for (n, (speed, memory)) in (1..).zip(&tenths) {
            writeln!(
                f,
                "  tenth {n:>2}: {speed:>8.0} messages/s, memory at most {:>6.1} MiB",
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
            .map(|n| Look { at: 0.5 + f64::from(n) * 0.1, paid: i64::from(n) * 10, memory: (9, 10) })
            .collect();
        let figures = Figures { messages: 1000, looks };
        assert!((figures.first() - 0.6).abs() < 1e-9);
        let tenths = figures.tenths();
        assert_eq!(tenths.len(), 10);
        assert!(
            tenths.iter().all(|(speed, memory)| (speed - 100.0).abs() < 1e-6 && *memory == 10),
            "{tenths:?}"
        );
    }
}
