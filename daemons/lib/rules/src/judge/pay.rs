//! What a valid result is worth, what it gets, and what its host's statistics make of it.

use boinc::id::{HostId, MessageId, ResultId};
use boinc::ledger::{LedgerEntry, LedgerKind};
use boinc::record::ResultRow;

use super::{CreditedJob, Cut, Instance, Paid, Session, Weight};
use crate::RULE_VERSION;
use crate::books::{Books, BooksError, ByApp, Statistics};
use crate::credit::{
    CreditMode, Estimate, Share, adaptive_credit, cobblestones, limited, low_average, runtime_credit,
};
use crate::uptime::{Bound, REACH, ResultFacts, day_of, days_between};

/// What a result is worth, and why.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Worth {
    /// Cobblestones; not negative.
    pub(super) credit: f64,
    /// Seconds and FLOPS that it comes from, where it does.
    pub(super) uptime: Option<(f64, f64)>,
    /// The formula, in words.
    pub(super) reason: String,
}

/// A result with its statistics: a copy to work on, and what it was.
#[derive(Debug, Clone)]
pub(super) struct Work {
    pub(super) row: ResultRow,
    pub(super) paid: Paid,
    /// What it was settled for by its run time, cobblestones.
    pub(super) worth: Option<f64>,
    pub(super) statistics: Option<(Statistics, Statistics)>,
}

impl Work {
    /// Looks the statistics up, which may take over or make a row.
    pub(super) fn new(instance: &Instance, books: &mut Books) -> Self {
        let row = instance.row.clone();
        let version = boinc::id::HostAppVersionId::of_result(row.appid, row.app_version_id);
        // A result of nobody has no statistics: its row would be found by no host's lock.
        let found = (row.hostid != HostId(0)).then(|| books.look_up(row.hostid, version)).flatten();
        let statistics = found.map(|found| (found.clone(), found));
        Self {
            row,
            paid: Paid { credit: instance.paid.credit.max(0.0), ..instance.paid.clone() },
            worth: None,
            statistics,
        }
    }

    /// What bounds its uptime: what ran before it was sent again counts.
    fn facts(&self) -> ResultFacts {
        let facts = ResultFacts::of(&self.row);
        let first = Some(self.paid.sent_time).filter(|first| *first > 0 && *first < facts.sent_time);
        ResultFacts { sent_time: first.unwrap_or(facts.sent_time), ..facts }
    }

    pub(super) fn share(&mut self) -> Share<'_> {
        Share { result: &mut self.row, statistics: self.statistics.as_mut().map(|(now, _)| now) }
    }

    pub(super) fn write_back(&self, books: &mut Books) {
        if let Some((now, before)) = &self.statistics {
            books.write_back(now, before);
        }
    }
}

/// Seconds and FLOPS of a row that pays `due`: at `flops`, but no more than `left` seconds, so that all rows of a result
/// together never pay more seconds than it ran. When trickles were paid with less FLOPS than the result is worth now,
/// the rest is more credit for fewer seconds; without any left it is not for seconds at all.
fn seconds_of(due: f64, flops: f64, left: f64) -> (f64, f64) {
    /// Less is what rounding left over.
    const LEAST: f64 = 1e-3;
    let seconds = if flops > 0.0 { due / cobblestones(flops) } else { 0.0 };
    if seconds <= left * (1.0 + 1e-9) {
        (seconds, flops)
    } else if left > LEAST {
        (left, due / cobblestones(left))
    } else {
        (0.0, 0.0)
    }
}

impl Session<'_> {
    /// The adaptive scheme over some results, for its credit and for the statistics.
    pub(super) fn estimate(&mut self, works: &mut [Work]) -> Estimate {
        let mut shares: Vec<Share<'_>> = works.iter_mut().map(Work::share).collect();
        let versions = self.books.versions_mut();
        adaptive_credit(
            &self.workunit,
            self.options.app,
            &mut shares,
            versions,
            self.options.max_granted_credit,
        )
    }

    /// What the workunit's valid results are worth, now that `canonical` is chosen. For
    /// [`CreditMode::Uptime`] it is what the canonical one is worth.
    pub(super) fn workunit_worth(&mut self, works: &mut [Work], canonical: ResultId) -> Worth {
        let mode = self.options.credit_mode;
        let max = self.options.max_granted_credit;
        // Statistics need it in every mode but this one.
        let estimate = (mode != CreditMode::FromRuntime).then(|| self.estimate(works));
        let chosen = works.iter().find(|work| work.row.id == canonical);
        let mut uptime = None;
        let (credit, reason) = match mode {
            CreditMode::Adaptive => {
                let e = estimate.unwrap_or(Estimate { credit: 0.0, normal: 0, approximate: 0, excessive: 0 });
                let from =
                    format!("{} normal, {} approximate, {} excessive", e.normal, e.approximate, e.excessive);
                (e.credit, format!("adaptive: from {from} peak FLOP counts"))
            }
            CreditMode::FromRuntime => {
                let values: Vec<f64> =
                    works.iter().filter_map(|work| runtime_credit(&work.row, &self.workunit, max)).collect();
                let reason = format!("from_runtime: {} of {} results usable", values.len(), works.len());
                (low_average(&values).unwrap_or(0.0), reason)
            }
            CreditMode::FromWorkunit => {
                (self.workunit.canonical_credit, "from_workunit: canonical_credit".to_owned())
            }
            CreditMode::PostAssigned => (
                chosen.map_or(0.0, |work| work.row.claimed_credit),
                "post_assigned: claimed_credit of the canonical result".to_owned(),
            ),
            CreditMode::None => (0.0, "none".to_owned()),
            CreditMode::Uptime => {
                let worth = chosen.map(|work| self.uptime_worth(work));
                uptime = worth.as_ref().and_then(|worth| worth.uptime);
                worth.map_or((0.0, String::new()), |worth| (worth.credit, worth.reason))
            }
        };
        if credit == 0.0
            && matches!(mode, CreditMode::FromRuntime | CreditMode::FromWorkunit | CreditMode::PostAssigned)
        {
            self.note(Weight::Warning, None, format!("worth no credit ({reason})"));
        }
        Worth { credit: limited(credit, max), uptime, reason }
    }

    /// What one result is worth by its run time: elapsed_time, at most as long as it was away and as the app
    /// lets a task live, times FLOPS.
    pub(super) fn uptime_worth(&self, work: &Work) -> Worth {
        let facts = work.facts();
        let seconds = facts.final_seconds(&self.options.uptime).unwrap_or(0.0);
        let flops = facts.flops(&self.options.uptime);
        let credit = limited(cobblestones(seconds * flops), self.options.max_granted_credit);
        let reason = format!("uptime: {seconds:.0} s at {:.3} GFLOPS", flops / 1e9);
        Worth { credit, uptime: Some((seconds, flops)), reason }
    }

    /// Settles a result by its own run time, as far as its host's days have room for what was not paid yet.
    pub(super) fn settle_uptime(&mut self, work: &mut Work) {
        let mut worth = self.uptime_worth(work);
        self.cut_to_days(work, &mut worth);
        work.worth = Some(worth.credit);
        self.settle(work, &worth);
    }

    fn cut_to_days(&mut self, work: &Work, worth: &mut Worth) {
        let (facts, row) = (work.facts(), &work.row);
        let Some(((seconds, flops), received)) = worth.uptime.zip(facts.received_time) else { return };
        let due = (worth.credit - work.paid.credit).max(0.0);
        let (wanted, _) = seconds_of(due, flops, seconds - work.paid.seconds);
        // Older days are cleaned.
        #[expect(clippy::cast_possible_truncation, reason = "saturates")]
        let kept = day_of(self.options.now as i32).saturating_sub(REACH);
        let days = days_between(facts.sent_time, received);
        let days = (*days.start()).max(kept).min(*days.end())..=*days.end();
        let cut =
            if wanted > 0.0 { wanted - self.books.take_from_days(row.hostid, days, wanted) } else { 0.0 };
        if cut <= 0.0 {
            return;
        }
        let allowed = seconds - cut;
        worth.credit = (worth.credit - cobblestones(cut * flops)).max(0.0);
        worth.uptime = Some((allowed, flops));
        let why = Bound::HostDay;
        worth.reason = format!(
            "uptime: {allowed:.0} s of {seconds:.0} s at {:.3} GFLOPS; the rest is {why}",
            flops / 1e9
        );
        let note = format!("{cut:.0} s of its {seconds:.0} s are not paid: {why}");
        self.note(Weight::Warning, Some(row.id), note);
        self.cuts.push(Cut { result: row.id, host: row.hostid, app: row.appid, claimed: seconds, allowed });
    }

    /// A valid result: turnaround, quota, `credited_job`. False when its host has no row.
    /// Source: `is_valid` in `sched/validator.cpp`.
    pub(super) fn count_valid(&mut self, work: &mut Work) -> bool {
        let turnaround = f64::from(work.row.received_time) - f64::from(work.row.sent_time);
        if !self.books.count_turnaround(work.row.hostid, turnaround) {
            return self.no_host(&work.row);
        }
        let unreplicated = self.workunit.target_nresults == 1 && self.options.app.target_nresults > 1;
        if let Some((statistics, _)) = &mut work.statistics {
            statistics.count_valid(unreplicated);
        }
        if let Some(host) = self.books.host(work.row.hostid).filter(|_| self.options.update_credited_job) {
            let workunitid = self.workunit.opaque as i64;
            self.credited_jobs.push(CreditedJob { userid: host.userid, workunitid });
        }
        true
    }

    /// An invalid result: quota, and none valid in a row. False when its host has no row.
    pub(super) fn count_invalid(&mut self, work: &mut Work) -> bool {
        if self.books.host(work.row.hostid).is_none() {
            return self.no_host(&work.row);
        }
        if let Some((statistics, _)) = &mut work.statistics {
            statistics.count_invalid(self.options.daily_result_quota);
        }
        true
    }

    fn no_host(&mut self, row: &ResultRow) -> bool {
        let text = format!("host {} has no row: judged without credit and statistics", row.hostid);
        self.note(Weight::Warning, Some(row.id), text);
        false
    }

    /// Grants what a valid result is worth and was not paid yet. Nothing in [`CreditMode::None`].
    pub(super) fn settle(&mut self, work: &mut Work, worth: &Worth) {
        if self.options.credit_mode == CreditMode::None {
            return;
        }
        let row = &mut work.row;
        let due = (worth.credit - work.paid.credit).max(0.0);
        let by_app = self.options.credit_by_app.then_some(ByApp {
            app: row.appid,
            owner: Some((row.userid, row.teamid)),
            jobs: 1,
        });
        let now = self.options.now;
        let payee = match self.books.grant(row.hostid, due, f64::from(row.sent_time), now, by_app) {
            Ok(payee) => payee,
            Err(error @ (BooksError::NoHost(_) | BooksError::NotFinite { .. })) => {
                self.note(Weight::Warning, Some(row.id), error.to_string());
                return;
            }
        };
        row.granted_credit = worth.credit.max(work.paid.credit);
        let before = if work.paid.credit > 0.0 {
            format!("; {:.6} paid before", work.paid.credit)
        } else {
            String::new()
        };
        let formula = format!("{}; worth {:.6}{before}", worth.reason, worth.credit);
        let id = row.id;
        if due <= 0.0 {
            self.tell_formula(id, formula);
            return;
        }
        let (seconds, flops) = worth
            .uptime
            .map_or((0.0, 0.0), |(seconds, flops)| seconds_of(due, flops, seconds - work.paid.seconds));
        self.grants.push(LedgerEntry {
            when: now,
            kind: LedgerKind::Final,
            message: MessageId(0),
            result: row.id,
            workunit: self.workunit.id,
            host: payee.host,
            user: payee.user,
            team: payee.team,
            app: row.appid,
            seconds,
            flops,
            credit: due,
            rule_version: RULE_VERSION,
            reason: formula.clone(),
            by_app: payee.by_app,
        });
        self.tell_formula(id, formula);
    }
}
