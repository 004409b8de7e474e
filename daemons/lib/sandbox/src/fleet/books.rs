//! What the fleet knows to be true, for an audit of the daemons' books.

use std::collections::BTreeMap;

/// How a result's task went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Behaviour {
    /// Right output, honest claims.
    Good,
    /// Right output and honest claims, but it started again from a checkpoint.
    Restarted,
    /// A wrong output.
    Wrong,
    /// The task failed.
    Crashed,
    /// Never heard of again.
    Vanished,
    /// Reported after its deadline.
    Late,
    /// Right output, but claims more uptime than passed.
    OverClaimed,
}

/// What a message is, as the fleet meant it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fate {
    /// Claims uptime that nobody claimed before.
    NewUptime,
    /// As `NewUptime`, but more than the wall clock allows.
    OverClaim,
    /// A message that was stored before.
    Repeated,
    /// Stored after a later claim of the same result.
    Overtaken,
    /// Below an earlier claim, after a restart from a checkpoint.
    StepBack,
    /// Stored after the result was reported.
    AfterReport,
    /// No claim: what the guest says of its jobs.
    GuestReport,
    /// Cut, broken or deeply nested XML.
    BrokenXml,
    /// A result that does not exist.
    UnknownResult,
    /// A result of another volunteer.
    ForeignResult,
    /// NaN, infinite, huge or negative.
    AbsurdNumber,
    /// Nothing.
    Empty,
    /// Bytes that are not UTF-8.
    InvalidBytes,
}

impl Behaviour {
    /// Short words for a table.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Restarted => "restarted from a checkpoint",
            Self::Wrong => "wrong output",
            Self::Crashed => "crashed",
            Self::Vanished => "vanished",
            Self::Late => "reported too late",
            Self::OverClaimed => "over-claimed",
        }
    }
}

impl Fate {
    /// Short words for a table.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::NewUptime => "new uptime",
            Self::OverClaim => "more than the wall clock",
            Self::Repeated => "repeated",
            Self::Overtaken => "overtaken by a later one",
            Self::StepBack => "step back after a restart",
            Self::AfterReport => "after the report",
            Self::GuestReport => "guest report",
            Self::BrokenXml => "broken XML",
            Self::UnknownResult => "unknown result",
            Self::ForeignResult => "another host's result",
            Self::AbsurdNumber => "absurd number",
            Self::Empty => "empty",
            Self::InvalidBytes => "invalid bytes",
        }
    }

    /// True for what is no proper claim of the host's own result.
    #[must_use]
    pub fn is_malformed(self) -> bool {
        self >= Self::BrokenXml
    }
}

/// One result on one host.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// `result.id`
    pub result: i32,
    /// Its name.
    pub name: String,
    #[allow(missing_docs)]
    pub workunitid: i32,
    #[allow(missing_docs)]
    pub hostid: i32,
    #[allow(missing_docs)]
    pub userid: i32,
    /// 0 = none.
    pub teamid: i32,
    #[allow(missing_docs)]
    pub behaviour: Behaviour,
    /// When it was sent, simulated Unix seconds.
    pub sent: f64,
    /// Seconds that the VM really ran until its end, those lost by a restart included. Credit for uptime beyond
    /// this was paid for nothing.
    pub ran_seconds: f64,
    /// Largest claim that was stored, seconds; 0 = none.
    pub highest_claim: f64,
    /// Most jobs done that a guest report which was stored says; none if none was.
    pub jobs: Option<u64>,
    /// When its report was stored.
    pub reported: Option<f64>,
    /// Peak FLOPS that the scheduler assumed.
    pub flops_estimate: f64,
}

/// Everything that the fleet did.
#[derive(Debug, Clone, Default)]
pub struct Books {
    /// Messages that were stored, as they were meant.
    pub trickles: BTreeMap<Fate, u64>,
    /// Every result that was sent.
    pub runs: Vec<Run>,
}

impl Books {
    /// Messages stored.
    #[must_use]
    pub fn messages(&self) -> u64 {
        self.trickles.values().sum()
    }

    /// Results by behaviour.
    #[must_use]
    pub fn results(&self) -> BTreeMap<Behaviour, u64> {
        let mut count = BTreeMap::new();
        for run in &self.runs {
            *count.entry(run.behaviour).or_insert(0) += 1;
        }
        count
    }

    /// Jobs done, as guests reported: (received, succeeded).
    #[must_use]
    pub fn jobs(&self) -> (u64, u64) {
        let done = self.runs.iter().filter_map(|run| run.jobs);
        done.fold((0, 0), |(received, succeeded), jobs| (received + jobs + 1, succeeded + jobs))
    }

    /// Results reported.
    #[must_use]
    pub fn reported(&self) -> usize {
        self.runs.iter().filter(|run| run.reported.is_some()).count()
    }

    /// The run of a result.
    #[must_use]
    pub fn run(&self, result: i32) -> Option<&Run> {
        self.runs.iter().find(|run| run.result == result)
    }

    pub(super) fn count(&mut self, fate: Fate) {
        *self.trickles.entry(fate).or_insert(0) += 1;
    }
}
