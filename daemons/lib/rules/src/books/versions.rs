//! App versions: their rows as read at the start of a pass, and the samples that the pass collected.
//!
//! Invariant: within a pass the rows do not move, so a workunit's credit does not depend on which workunits of
//! the same pass came before it (as in stock). At the end of the pass the caller locks the rows of
//! [`Versions::samples`], reads them again, writes [`VersionSamples::applied_to`] of what it read, and commits;
//! that holds against other writers without a guess. Killed before that, the samples are lost, as in stock: the
//! averages miss them, no credit does. (Stock with `--one_pass` never writes them.)

use std::collections::BTreeMap;

use boinc::id::AppVersionId;
use boinc::record::AppVersion;

use crate::average::{PER_VERSION, Recent, Running};

/// Samples for one version, in the order they came.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct VersionSamples {
    /// Raw PFC / rsc_fpops_est.
    pub pfc: Vec<f64>,
    /// Credit (cobblestones) and when its work began (Unix seconds).
    pub credit: Vec<(f64, f64)>,
}

impl VersionSamples {
    /// The row with the samples in it: new `pfc_n`, `pfc_avg`, `expavg_credit`, `expavg_time`.
    /// Source: `write_modified_app_versions` in `sched/credit.cpp`.
    #[must_use]
    pub fn applied_to(&self, row: &AppVersion, now: f64) -> AppVersion {
        let mut pfc = Running { n: row.pfc_n, avg: row.pfc_avg };
        for sample in &self.pfc {
            pfc = pfc.with_sample(*sample, PER_VERSION);
        }
        let mut credit = Recent { avg: row.expavg_credit, time: row.expavg_time };
        for (work, start) in &self.credit {
            credit = credit.with_work(now, *start, *work);
        }
        AppVersion {
            pfc_n: pfc.n,
            pfc_avg: pfc.avg,
            expavg_credit: credit.avg,
            expavg_time: credit.time,
            ..row.clone()
        }
    }
}

/// Rows of `app_version`, and samples. Lives as long as a pass; see [`super::Books::into_versions`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Versions {
    rows: BTreeMap<AppVersionId, AppVersion>,
    samples: BTreeMap<AppVersionId, VersionSamples>,
}

impl Versions {
    /// All rows of the table (or at least all of the app's).
    #[must_use]
    pub fn new(rows: impl IntoIterator<Item = AppVersion>) -> Self {
        Self { rows: rows.into_iter().map(|row| (row.id, row)).collect(), samples: BTreeMap::new() }
    }

    /// The row as read.
    #[must_use]
    pub fn get(&self, id: AppVersionId) -> Option<&AppVersion> {
        self.rows.get(&id)
    }

    /// The samples collected, by version, in the order of ids.
    #[must_use]
    pub fn samples(&self) -> &BTreeMap<AppVersionId, VersionSamples> {
        &self.samples
    }

    /// Takes the samples out, to be written.
    #[must_use]
    pub fn take_samples(&mut self) -> BTreeMap<AppVersionId, VersionSamples> {
        std::mem::take(&mut self.samples)
    }

    pub(crate) fn sample_pfc(&mut self, id: AppVersionId, sample: f64) {
        self.samples.entry(id).or_default().pfc.push(sample);
    }

    pub(crate) fn sample_credit(&mut self, id: AppVersionId, credit: f64, start: f64) {
        self.samples.entry(id).or_default().credit.push((credit, start));
    }
}
