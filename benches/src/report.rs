//! Figures, and how they are shown.
//!
//! Of several runs the fastest counts: what slows a run down comes from outside. The median is shown beside it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::site::Cost;
use crate::{backlog, campaign, comparison};

/// One round.
#[derive(Debug, Clone, Copy)]
pub struct Measured {
    /// The daemon with all of the work.
    pub daemon: Cost,
    /// The daemon with none.
    pub start: Cost,
    /// The same rows and files by hand.
    pub floor: Cost,
}

/// All rounds of one daemon.
#[derive(Debug, Clone)]
pub struct Figures {
    /// The daemon.
    pub name: &'static str,
    /// What is counted.
    pub unit: &'static str,
    /// How many.
    pub items: u32,
    /// Items in a transaction of the daemon, and of the floor.
    pub batch: usize,
    /// Items per second of BOINC's own program, measured elsewhere.
    pub stock: Option<f64>,
    /// The rounds.
    pub runs: Vec<Measured>,
    /// The same work by several instances at once.
    pub several: BTreeMap<usize, Vec<Cost>>,
}

fn least(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(f64::INFINITY, f64::min)
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

impl Figures {
    /// No rounds yet.
    pub fn new(name: &'static str, unit: &'static str, items: u32, stock: Option<f64>) -> Self {
        Self { name, unit, items, batch: 0, stock, runs: Vec::new(), several: BTreeMap::new() }
    }

    fn start(&self) -> f64 {
        least(self.runs.iter().map(|run| run.start.seconds))
    }

    /// Seconds of work: without the start of the process.
    fn work(&self, pick: impl Fn(&mut dyn Iterator<Item = f64>) -> f64) -> f64 {
        pick(&mut self.runs.iter().map(|run| run.daemon.seconds)) - self.start()
    }

    fn floor(&self, pick: impl Fn(&mut dyn Iterator<Item = f64>) -> f64) -> f64 {
        pick(&mut self.runs.iter().map(|run| run.floor.seconds))
    }

    fn per_second(&self, seconds: f64) -> f64 {
        f64::from(self.items) / seconds
    }

    /// Time of the daemon over time of the floor.
    pub fn ratio(&self) -> f64 {
        self.work(least_of) / self.floor(least_of)
    }

    /// Processor time of the daemon and the server over that of the floor's loop and the server.
    fn processor_ratio(&self) -> f64 {
        let start = least(self.runs.iter().map(|run| run.start.processor));
        (least(self.runs.iter().map(|run| run.daemon.processor)) - start)
            / least(self.runs.iter().map(|run| run.floor.processor))
    }

    fn statements(&self, pick: impl Fn(&Measured) -> i64) -> f64 {
        let batches = f64::from(self.items) / (self.batch.max(1) as f64);
        self.runs.first().map_or(f64::NAN, |run| pick(run) as f64 / batches)
    }

    /// Items per second of several instances: how many, the fastest, the median; and their processor time against that of one
    /// instance, the server's included.
    fn several(&self) -> Vec<(usize, f64, f64, f64)> {
        let speed = |seconds: f64| self.per_second(seconds - self.start());
        self.several
            .iter()
            .map(|(instances, costs)| {
                let seconds = || costs.iter().map(|cost| cost.seconds);
                let one = least(self.runs.iter().map(|run| run.daemon.processor));
                let processor = least(costs.iter().map(|cost| cost.processor)) / one;
                (*instances, speed(least(seconds())), speed(median(seconds())), processor)
            })
            .collect()
    }

    fn json(&self) -> Value {
        json!({
            "daemon": self.name,
            "unit": self.unit,
            "items": self.items,
            "items_per_transaction": self.batch,
            "runs": self.runs.len(),
            "seconds_daemon_min": self.work(least_of) + self.start(),
            "seconds_start_min": self.start(),
            "seconds_floor_min": self.floor(least_of),
            "per_second": self.per_second(self.work(least_of)),
            "per_second_median": self.per_second(self.work(median_of)),
            "per_second_with_start": self.per_second(self.work(least_of) + self.start()),
            "floor_per_second": self.per_second(self.floor(least_of)),
            "floor_per_second_median": self.per_second(self.floor(median_of)),
            "ratio": self.ratio(),
            "processor_time_ratio": self.processor_ratio(),
            "processor_seconds": least(self.runs.iter().map(|run| run.daemon.processor)),
            "floor_processor_seconds": least(self.runs.iter().map(|run| run.floor.processor)),
            "ratio_median": self.work(median_of) / self.floor(median_of),
            "statements_per_transaction": self.statements(|run| run.daemon.statements),
            "floor_statements_per_transaction": self.statements(|run| run.floor.statements),
            "instances": self.several().iter().map(|(instances, fastest, middle, processor)| json!({
                "instances": instances, "per_second": fastest, "per_second_median": middle,
                "against_one": fastest / self.per_second(self.work(least_of)),
                "processor_time_against_one": processor,
                "against_one_median": middle / self.per_second(self.work(median_of)),
            })).collect::<Vec<_>>(),
            "stock_per_second_elsewhere": self.stock,
        })
    }
}

fn least_of(values: &mut dyn Iterator<Item = f64>) -> f64 {
    least(values)
}

fn median_of(values: &mut dyn Iterator<Item = f64>) -> f64 {
    median(values)
}

/// Everything that was measured.
#[derive(Debug)]
pub struct Report {
    quick: bool,
    server: String,
    processors: usize,
    /// One per daemon.
    pub results: Vec<Figures>,
    /// Comparing files.
    pub comparison: Option<comparison::Figures>,
    /// Large backlogs.
    pub backlogs: Vec<backlog::Figures>,
    /// Campaigns of several sizes.
    pub campaigns: Option<campaign::Figures>,
}

impl Report {
    /// Nothing yet.
    pub fn new(quick: bool, server: String) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            quick,
            server,
            processors,
            results: Vec::new(),
            comparison: None,
            backlogs: Vec::new(),
            campaigns: None,
        }
    }

    /// One JSON document.
    pub fn json(&self) -> Value {
        json!({
            "server": self.server,
            "processors": self.processors,
            "load_average_1min": load(),
            "figures_mean_nothing": self.quick,
            "results": self.results.iter().map(Figures::json).collect::<Vec<_>>(),
            "compare": self.comparison.as_ref().map(comparison::Figures::json),
            "campaigns": self.campaigns.as_ref().map(campaign::Figures::json),
            "backlogs": self.backlogs.iter().map(backlog::Figures::json).collect::<Vec<_>>(),
        })
    }
}

/// Of the last minute; who else uses the machine.
fn load() -> Option<f64> {
    std::fs::read_to_string("/proc/loadavg").ok()?.split_whitespace().next()?.parse().ok()
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { server, processors, .. } = self;
        let runs = self.results.iter().map(|figures| figures.runs.len()).max().unwrap_or(0);
        writeln!(f, "{server}, {processors} processors, fastest of {runs} runs (median in brackets)")?;
        if self.quick {
            writeln!(f, "--quick: shows that everything runs; the figures mean nothing")?;
        }
        if !self.results.is_empty() {
            writeln!(
                f,
                "\n{:<15} {:>16} {:>18} {:>18} {:>13} {:>11} {:>8} {:>13} {:>6}",
                "daemon",
                "work",
                "daemon /s",
                "floor /s",
                "time ÷ floor",
                "CPU ÷ floor",
                "start s",
                "SQL per batch",
                "batch"
            )?;
        }
        for r in &self.results {
            writeln!(
                f,
                "{:<15} {:>16} {:>18} {:>18} {:>13} {:>11.2} {:>8.3} {:>13} {:>6}",
                r.name,
                format!("{} {}", r.items, r.unit),
                both(r.per_second(r.work(least_of)), r.per_second(r.work(median_of))),
                both(r.per_second(r.floor(least_of)), r.per_second(r.floor(median_of))),
                format!("{:.2} ({:.2})", r.ratio(), r.work(median_of) / r.floor(median_of)),
                r.processor_ratio(),
                r.start(),
                format!(
                    "{:.0} : {:.0}",
                    r.statements(|run| run.daemon.statements - run.start.statements),
                    r.statements(|run| run.floor.statements)
                ),
                r.batch
            )?;
        }
        writeln!(f)?;
        for r in &self.results {
            let speed = r.per_second(r.work(least_of));
            if let Some(stock) = r.stock {
                writeln!(
                    f,
                    "{}: {:.1} times the stock program, which did {stock:.0}/s measured elsewhere",
                    r.name,
                    speed / stock
                )?;
            }
            let middle = r.per_second(r.work(median_of));
            for (instances, fastest, median, processor) in r.several() {
                writeln!(
                    f,
                    "{}: {instances} instances at once {} {}/s, {:.2} ({:.2}) times one instance; \
                     processor time {processor:.2} times",
                    r.name,
                    both(fastest, median),
                    r.unit,
                    fastest / speed,
                    median / middle
                )?;
            }
        }
        if let Some(comparison) = &self.comparison {
            writeln!(f, "\n{comparison}")?;
        }
        if let Some(campaigns) = &self.campaigns {
            writeln!(f, "\n{campaigns}")?;
        }
        for backlog in &self.backlogs {
            writeln!(f, "\n{backlog}")?;
        }
        Ok(())
    }
}

fn both(least: f64, median: f64) -> String {
    format!("{least:.0} ({median:.0})")
}
