//! The adaptive credit scheme ("CreditNew").
//!
//! Peak FLOP counts (PFC) of a workunit's valid results are scaled by how efficient their version and host
//! have been, then averaged near the project's own estimate. On the way the statistics of host and version
//! grow; this must happen exactly once for every valid result, also where credit is then granted another way.
//! Source: `get_pfc`, `assign_credit_set` in `sched/credit.cpp`.

use boinc::record::{App, AppVersion, ResultRow, Workunit};
use boinc::state::ValidateState;

use super::{cobblestones, pegged_average, usable_flops};
use crate::average::PER_HOST;
use crate::books::{Statistics, Versions};

/// A host's average counts from this many samples (`MIN_HOST_SAMPLES`).
const MIN_HOST_SAMPLES: f64 = 10.0;
/// A version's average counts from this many samples (`MIN_VERSION_SAMPLES`).
const MIN_VERSION_SAMPLES: f64 = 100.0;
/// With `host_scale_check`: valid results in a row before a host's scale counts (`CONS_VALID_HOST_SCALE`).
const MIN_CONSECUTIVE_VALID: i32 = 10;
/// A host's scale is cut here.
const MAX_HOST_SCALE: f64 = 10.0;
/// Raw PFC over rsc_fpops_est is a sample only within these.
const SANE: std::ops::RangeInclusive<f64> = 1e-4..=1e4;
/// Below this many seconds, elapsed_time was not reported and cpu_time stands in.
const NO_ELAPSED_TIME: f64 = 1e-6;

/// One result of the workunit: the row (its elapsed_time, flops_estimate and runtime_outlier may be mended) and
/// the statistics of its host and version, if there are any.
#[derive(Debug)]
pub struct Share<'a> {
    #[allow(missing_docs)]
    pub result: &'a mut ResultRow,
    #[allow(missing_docs)]
    pub statistics: Option<&'a mut Statistics>,
}

/// How much a PFC is to be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confidence {
    /// Scaled by version and by host.
    Normal,
    /// Scaled by less than that, or estimated.
    Approximate,
    /// Above the most that may be granted: doesn't count.
    Excessive,
}

/// Credit, and what it was made from.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    /// Cobblestones, before any limit.
    pub credit: f64,
    /// Results of normal confidence.
    pub normal: usize,
    /// Results of approximate confidence.
    pub approximate: usize,
    /// Results whose PFC was above the limit.
    pub excessive: usize,
}

/// PFC of a workunit for want of anything better: rsc_fpops_est · (min_avg_pfc if nonzero).
fn estimated_pfc(workunit: &Workunit, app: &App) -> f64 {
    workunit.rsc_fpops_est * if app.min_avg_pfc != 0.0 { app.min_avg_pfc } else { 1.0 }
}

/// Credit of a workunit by the adaptive scheme; rows that are not VALID are passed over.
///
/// Credit = pegged average around the estimate: of the normal PFCs if two or more; of the approximate ones and
/// the single normal one counted twice; of the approximate ones; else the estimate. A PFC is cut at
/// rsc_fpops_bound, and does not count when it is above `max_granted_credit` (0 = no limit).
pub fn adaptive_credit(
    workunit: &Workunit,
    app: &App,
    shares: &mut [Share<'_>],
    versions: &mut Versions,
    max_granted_credit: f64,
) -> Estimate {
    let (mut normal, mut approximate, mut excessive) = (Vec::new(), Vec::new(), 0);
    for share in shares.iter_mut().filter(|share| share.result.validate_state == ValidateState::Valid) {
        let Some((pfc, confidence)) = peak_flop_count(share, workunit, app, versions) else { continue };
        let pfc = if pfc > workunit.rsc_fpops_bound { workunit.rsc_fpops_bound } else { pfc };
        let excess = max_granted_credit != 0.0 && cobblestones(pfc) > max_granted_credit;
        match if excess { Confidence::Excessive } else { confidence } {
            Confidence::Normal => normal.push(pfc),
            Confidence::Approximate => approximate.push(pfc),
            Confidence::Excessive => excessive += 1,
        }
    }
    let counts = (normal.len(), approximate.len());
    let anchor = estimated_pfc(workunit, app);
    let average = match normal.as_slice() {
        [] => pegged_average(&approximate, anchor),
        [one] => {
            approximate.extend([*one, *one]);
            pegged_average(&approximate, anchor)
        }
        many => pegged_average(many, anchor),
    };
    Estimate {
        credit: cobblestones(average.unwrap_or(anchor)),
        normal: counts.0,
        approximate: counts.1,
        excessive,
    }
}

/// PFC of one result, and its statistics brought up to date. None: its version has no row.
fn peak_flop_count(
    share: &mut Share<'_>,
    workunit: &Workunit,
    app: &App,
    versions: &mut Versions,
) -> Option<(f64, Confidence)> {
    let result = &mut *share.result;
    let Some(statistics) = share.statistics.as_deref_mut() else {
        return Some((estimated_pfc(workunit, app), Confidence::Approximate));
    };
    if result.elapsed_time < NO_ELAPSED_TIME {
        result.elapsed_time = result.cpu_time;
    }
    let (flops, replaced) = usable_flops(result.flops_estimate);
    result.flops_estimate = flops;
    result.runtime_outlier |= replaced;

    let raw = result.elapsed_time * flops;
    let sample = Some(raw / workunit.rsc_fpops_est).filter(|x| !result.runtime_outlier && SANE.contains(x));
    let trusted = !app.host_scale_check || statistics.consecutive_valid >= MIN_CONSECUTIVE_VALID;

    let anonymous = result.app_version_id.is_anonymous();
    let (pfc, confidence) = if anonymous {
        let scaled = trusted && statistics.pfc.n >= MIN_HOST_SAMPLES && statistics.pfc.avg > 0.0;
        let pfc =
            if scaled { raw * (app.min_avg_pfc / statistics.pfc.avg) } else { estimated_pfc(workunit, app) };
        (pfc, Confidence::Approximate)
    } else {
        let version = versions.get(result.app_version_id)?;
        let scaled = with_scales(raw, version, if trusted { host_scale(statistics, version) } else { None });
        if let Some(sample) = sample {
            versions.sample_pfc(result.app_version_id, sample);
        }
        scaled
    };

    if let Some(sample) = sample {
        statistics.pfc = statistics.pfc.with_sample(sample, PER_HOST);
    }
    if !result.runtime_outlier {
        let turnaround = f64::from(result.received_time) - f64::from(result.sent_time);
        statistics.et = statistics.et.with_sample(result.elapsed_time / workunit.rsc_fpops_est, PER_HOST);
        statistics.turnaround = statistics.turnaround.with_sample(turnaround, PER_HOST);
    }
    if !anonymous {
        versions.sample_credit(result.app_version_id, cobblestones(pfc), f64::from(result.sent_time));
    }
    Some((pfc, confidence))
}

/// min(10, pfc_avg(version)/pfc_avg(host)), when both have samples enough.
fn host_scale(statistics: &Statistics, version: &AppVersion) -> Option<f64> {
    let enough = statistics.pfc.n >= MIN_HOST_SAMPLES
        && statistics.pfc.avg > 0.0
        && version.pfc_n >= MIN_VERSION_SAMPLES;
    enough.then(|| (version.pfc_avg / statistics.pfc.avg).min(MAX_HOST_SCALE)).filter(|scale| *scale != 0.0)
}

/// raw · (pfc_scale if nonzero) · (host scale if any); normal only if both applied.
fn with_scales(raw: f64, version: &AppVersion, host_scale: Option<f64>) -> (f64, Confidence) {
    let scaled = raw * host_scale.unwrap_or(1.0);
    if version.pfc_scale == 0.0 {
        return (scaled, Confidence::Approximate);
    }
    let confidence = if host_scale.is_some() { Confidence::Normal } else { Confidence::Approximate };
    (scaled * version.pfc_scale, confidence)
}
