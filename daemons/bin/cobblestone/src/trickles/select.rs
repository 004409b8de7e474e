//! Which messages that were set aside a person means: by number, or by what is written down about them.

use std::collections::BTreeSet;

use anyhow::Result;
use boinc::id::HostId;
use store::Store;
use store::aside::{ASIDE, Choice, HELD, REPORT, UNUSABLE};

use super::HANDLER;
use crate::age::age;

/// Messages in one transaction.
pub const BATCH: usize = 500;

/// What is set aside: the word for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Kind {
    /// Messages that can't be used
    SetAside,
    /// Messages that claim too much (over_claims = "hold")
    Held,
    /// Guest reports in messages that were counted
    Report,
}

/// Numbers, or what must hold of them, all of it.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("which").required(true).multiple(true)
    .args(["ids", "reason_contains", "host", "variety", "kind", "older_than", "all_set_aside"])))]
pub struct Select {
    /// Numbers of messages, as `trickles list` shows them
    #[arg(value_name = "ID")]
    pub ids: Vec<i64>,
    /// Those whose reason holds this text
    #[arg(long, value_name = "TEXT", conflicts_with = "ids", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    reason_contains: Option<String>,
    /// Those of this host
    #[arg(long, value_name = "ID", conflicts_with = "ids")]
    host: Option<i32>,
    /// Those of this variety
    #[arg(long, value_name = "X", conflicts_with = "ids")]
    variety: Option<String>,
    /// Those of this kind; default: all three
    #[arg(long, value_name = "KIND", conflicts_with = "ids")]
    kind: Option<Kind>,
    /// Those that were set aside longer ago than this: 90d, 12h, or seconds
    #[arg(long = "older-than", value_name = "AGE", value_parser = age, conflicts_with = "ids")]
    older_than: Option<f64>,
    /// All that could not be used, also guest reports in messages; not those that are held
    #[arg(long, conflicts_with_all = ["ids", "kind"])]
    all_set_aside: bool,
    /// Say how many they are and why they were set aside, and write nothing
    #[arg(long = "dry_run", conflicts_with = "ids")]
    pub dry_run: bool,
}

/// Some of them, to be decided together.
#[derive(Debug)]
pub struct Part {
    pub ids: Vec<i64>,
    /// Only the reports in them are meant.
    pub reports_only: bool,
}

impl Select {
    /// Kinds of messages, and whether reports beside their messages are meant, too.
    fn kinds(&self) -> (&'static [&'static str], bool) {
        match self.kind {
            _ if self.all_set_aside => (&UNUSABLE, true),
            None => (&ASIDE, true),
            Some(Kind::SetAside) => (&UNUSABLE, false),
            Some(Kind::Held) => (&HELD, false),
            Some(Kind::Report) => (&[], true),
        }
    }

    /// Hands over all that are meant, in parts; `now` in Unix seconds. Messages first: a report that was set aside beside
    /// one of them is decided with it.
    ///
    /// # Errors
    /// The database can't be read, or `each` fails.
    pub async fn each(
        &self,
        store: &Store,
        now: f64,
        mut each: impl AsyncFnMut(Part) -> Result<()>,
    ) -> Result<()> {
        if !self.ids.is_empty() {
            let ids: BTreeSet<i64> = self.ids.iter().copied().collect();
            let ids: Vec<i64> = ids.into_iter().collect();
            for ids in ids.chunks(BATCH) {
                each(Part { ids: ids.to_vec(), reports_only: false }).await?;
            }
            return Ok(());
        }
        let (messages, reports) = self.kinds();
        let mut whole: BTreeSet<i64> = BTreeSet::new();
        for (kinds, reports_only) in [(messages, false), (&[REPORT][..], true)] {
            if kinds.is_empty() || (reports_only && !reports) {
                continue;
            }
            let mut after = i64::MIN;
            loop {
                let choice = self.choice(kinds, now);
                let mut ids = store
                    .read("messages set aside", async |conn| {
                        conn.aside_messages(HANDLER, &choice, after, BATCH as i64).await
                    })
                    .await?;
                let Some(last) = ids.last() else { break };
                after = *last;
                if reports_only {
                    ids.retain(|id| !whole.contains(id));
                } else {
                    whole.extend(&ids);
                }
                each(Part { ids, reports_only }).await?;
            }
        }
        Ok(())
    }

    fn choice<'a>(&'a self, kinds: &'a [&'static str], now: f64) -> Choice<'a> {
        Choice {
            kinds,
            reason: self.reason_contains.as_deref(),
            host: self.host.map(HostId),
            variety: self.variety.as_deref(),
            before: self.older_than.map(|age| now - age),
        }
    }

    /// Why they were set aside: (reason, entries), the most frequent first.
    ///
    /// # Errors
    /// The database can't be read.
    pub async fn reasons(&self, store: &Store, now: f64) -> Result<Vec<(String, i64)>> {
        let (messages, reports) = self.kinds();
        let kinds: Vec<&'static str> = messages.iter().copied().chain(reports.then_some(REPORT)).collect();
        let choice = self.choice(&kinds, now);
        Ok(store
            .read("messages set aside", async |conn| conn.aside_by_reason(HANDLER, &choice).await)
            .await?)
    }
}
