//! Which entries a person means.

use store::quarantine_view::WhichAside;

use crate::age::age;

/// All kinds that there are.
const KINDS: [&str; 12] = [
    "workunit",
    "dropped_workunit",
    "job",
    "dropped_job",
    "trickle",
    "held",
    "unknown",
    "report",
    "released",
    "dropped",
    "released_report",
    "dropped_report",
];

/// Kinds that wait for a person, or for another try.
pub const WAITING: [&str; 6] = ["workunit", "job", "trickle", "held", "unknown", "report"];

/// What must hold of entries, all of it.
#[derive(Debug, clap::Args)]
pub struct Conditions {
    /// Those of this daemon
    #[arg(long, value_name = "NAME", value_parser = ["work-generator", "trickle-credit", "validator", "assimilator"])]
    daemon: Option<String>,
    /// Those of this kind
    #[arg(long, value_name = "KIND", value_parser = KINDS)]
    kind: Option<String>,
    /// Those of this host
    #[arg(long, value_name = "ID")]
    host: Option<i32>,
    /// Those that were set aside, or tried, longer ago than this: 90d, 12h, or seconds
    #[arg(long = "older-than", value_name = "AGE", value_parser = age)]
    older_than: Option<f64>,
    /// Those whose reason holds this text
    #[arg(long = "reason-contains", value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    reason_contains: Option<String>,
}

impl Conditions {
    /// As the store asks; `now` in Unix seconds. Without a kind: `kinds`.
    pub fn which(&self, ids: &[i64], kinds: &[&str], now: f64) -> WhichAside {
        let kinds = match &self.kind {
            Some(kind) => vec![kind.clone()],
            None => kinds.iter().map(|kind| (*kind).to_owned()).collect(),
        };
        WhichAside {
            ids: ids.to_vec(),
            daemon: self.daemon.clone(),
            kinds,
            host: self.host,
            reason: self.reason_contains.clone(),
            before: self.older_than.map(|age| now - age),
        }
    }
}

/// Numbers, or conditions.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("which").required(true).multiple(true)
    .args(["ids", "daemon", "kind", "host", "older_than", "reason_contains"])))]
pub struct Select {
    /// Numbers of entries, as `list` shows them
    #[arg(value_name = "ID", conflicts_with_all = ["daemon", "kind", "host", "older_than", "reason_contains"])]
    pub ids: Vec<i64>,
    #[command(flatten)]
    pub conditions: Conditions,
    /// Say how many they are and why they were set aside, and write nothing
    #[arg(long = "dry_run")]
    pub dry_run: bool,
}
