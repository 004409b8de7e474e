//! `cobblestone adjust`: credit that a person grants or takes.
//!
//! Invariant: ledger row, totals and averages of host, user and team, per application if the project counts so, and for a
//! result its granted_credit and its mark, change in one transaction, decided on locked rows. The ledger row says who
//! did it and why. The same adjustment is not made a second time, unless that is asked for: so a command that was
//! killed, or whose answer was lost, can be run again.

mod transact;

use anyhow::{Result, bail};
use boinc::id::HostId;
use store::ledger_view::Which;

use crate::cli::ProjectArgs;
use crate::ledger::{app_id, result_id};
use crate::project::Project;
use crate::screen::print;
use crate::table::Table;
use crate::text::date;
use crate::trickles::reason;
use crate::who::login_name;

use transact::{Made, Order, Outcome, Target};

/// Printed below the help.
pub const AFTER_HELP: &str = "Examples:\n  \
    cobblestone adjust --result theory-1_17_0 --credit 250 --reason \"its trickles were lost on 2026-11-03\"\n  \
    cobblestone adjust --host 17 --credit -80.5 --reason \"paid twice by the old validator\" --dry_run\n\n\
    Credit for a result that is not validated yet is part of what it gets: the validator pays what the result is \
    worth minus what it got. Credit for a host comes on top. Exit status 1: the same was made before, and nothing was \
    changed.";

/// Longest reason, in characters: with a name it fits the column.
const LONGEST: usize = 150;

/// Most cobblestones at once: beyond it, totals begin to lose their last digits.
const MOST: f64 = 1e12;

/// `cobblestone adjust`.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("target").required(true).args(["host", "result"])))]
pub struct AdjustArgs {
    #[command(flatten)]
    project: ProjectArgs,
    /// Whose total changes; that of its owner and the owner's team do, too
    #[arg(long, value_name = "ID")]
    host: Option<i32>,
    /// The same for the host of this result, and the result's granted credit: id, or name
    #[arg(long, value_name = "ID|NAME")]
    result: Option<String>,
    /// With --host, if the project counts credit by application: for which one; without it, for none
    #[arg(long, value_name = "NAME", requires = "host")]
    app: Option<String>,
    /// Cobblestones; negative to take
    #[arg(long, value_name = "X", value_parser = credit)]
    credit: f64,
    /// Why; kept with your login name
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Make it although the same was made before
    #[arg(long)]
    again: bool,
    /// Say what would change, and change nothing
    #[arg(long = "dry_run")]
    dry_run: bool,
}

fn credit(text: &str) -> Result<f64, String> {
    let value: f64 =
        text.trim().parse().map_err(|_| "a number of cobblestones, as in 12.5 or -80".to_owned())?;
    if !value.is_finite() || value == 0.0 || value.abs() > MOST {
        return Err(format!("a number of cobblestones other than 0, at most {MOST:e}"));
    }
    Ok(value)
}

/// The command. False when the same was made before: nothing was changed.
///
/// # Errors
/// There is no project, no such host or result, no reason; it would make a total negative; or the database can't be written. Nothing was changed then.
pub async fn run(args: &AdjustArgs) -> Result<bool> {
    let reason = reason(&args.reason, LONGEST)?;
    let (project, clock) = Project::open_ready(&args.project).await?;
    let target = match (&args.result, args.host) {
        (Some(result), _) => Target::Result(result_id(&project.store, result).await?),
        (None, Some(host)) => Target::Host(HostId(host), app_id(&project.store, args.app.as_deref()).await?),
        (None, None) => bail!("name a host or a result"),
    };
    let order = Order {
        target,
        credit: args.credit,
        reason: reason.to_owned(),
        who: login_name(),
        again: args.again,
        dry_run: args.dry_run,
        by_app: project.dir.config.credit_by_app,
        now: clock.now(),
    };
    let outcome =
        project.store.transaction("adjust credit", async |tx| transact::adjust(tx, &order).await).await?;
    match outcome {
        Outcome::Refused(why) => bail!("{why}; nothing was changed"),
        Outcome::MadeBefore(time) => {
            print(&format!(
                "the same was made on {} UTC; add --again if it is meant; nothing was changed\n",
                date(time)
            ));
            Ok(false)
        }
        Outcome::Made(made) => {
            print(&shown(&order, &made));
            Ok(true)
        }
    }
}

fn shown(order: &Order, made: &Made) -> String {
    let head = ["", "before", "after", "recent average before", "after"];
    let mut table = Table::new(head);
    for line in &made.lines {
        let average = |value: Option<f64>| value.map_or_else(String::new, |value| format!("{value:.6}"));
        table.row([
            line.what.clone(),
            format!("{:.6}", line.before),
            format!("{:.6}", line.after),
            average(line.averages.map(|(before, _)| before)),
            average(line.averages.map(|(_, after)| after)),
        ]);
    }
    let verb = match (order.dry_run, order.credit > 0.0) {
        (true, true) => "would grant",
        (true, false) => "would take",
        (false, true) => "granted",
        (false, false) => "took",
    };
    let mut text =
        format!("{verb} {} cobblestones: {}\n\n{}", order.credit.abs(), order.text(), table.text(""));
    if let Some(note) = &made.note {
        text.push_str(&format!("\nnote: {note}\n"));
    }
    if order.dry_run {
        text.push_str("\nnothing was changed\n");
    }
    text
}

/// Adjustments of this host and result: which rows of the ledger.
fn which(host: HostId, result: boinc::id::ResultId) -> Which {
    Which {
        host: Some(host),
        result: Some(result),
        kind: Some(boinc::ledger::LedgerKind::Adjustment),
        ..Which::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credit_is_a_number_that_makes_sense() {
        assert_eq!((credit("12.5"), credit(" -80 ")), (Ok(12.5), Ok(-80.0)));
        for wrong in ["", "x", "nan", "inf", "-inf", "0", "-0.0", "1e13", "12,5"] {
            assert!(credit(wrong).is_err(), "{wrong}");
        }
    }
}
