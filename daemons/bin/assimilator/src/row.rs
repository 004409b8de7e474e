//! What is decided on workunits, and what became of it.

use std::path::PathBuf;

use boinc::id::{AppId, HostId, WorkunitId};
use boinc::record::Workunit;
use dataset::table::data::DataRecord;
use dataset::table::failures::{FAILURES, FailureRecord};
use dataset::table::results::{RESULTS, ResultRecord};
use store::reviews::{BY_ASSIMILATOR, NewReview, ReviewVerdict};

/// A row to be written.
#[derive(Debug)]
pub enum Row {
    /// A row of results, and those of `data/NAME` that belong to it.
    Result {
        /// The row of results.
        record: Box<ResultRecord>,
        /// With the number of their table.
        data: Vec<(usize, DataRecord)>,
        /// Where its output files lie in the upload folder, and their logical names.
        files: Vec<(PathBuf, String)>,
    },
    /// A row of failures.
    Failure(Box<FailureRecord>),
    /// It has a row already, in the dataset of that name: only its state is to be marked.
    Known {
        /// As it was read.
        workunit: Box<Workunit>,
        /// Where its row is.
        dataset: String,
    },
}

impl Row {
    /// The workunit as it was read.
    #[must_use]
    pub fn workunit(&self) -> &Workunit {
        match self {
            Self::Result { record, .. } => &record.workunit,
            Self::Failure(record) => &record.workunit,
            Self::Known { workunit, .. } => workunit,
        }
    }

    /// Memory that its rows of data take, in bytes, about.
    #[must_use]
    pub fn memory(&self) -> usize {
        match self {
            Self::Result { data, .. } => data.iter().map(|(_, data)| data.extracted.memory()).sum(),
            _ => 0,
        }
    }

    /// Host of its canonical result; 0 = none.
    #[must_use]
    pub fn host(&self) -> HostId {
        match self {
            Self::Result { record, .. } => record.canonical.hostid,
            _ => HostId(0),
        }
    }

    /// `workunit.error_mask` to write.
    #[must_use]
    pub fn error_mask(&self) -> i32 {
        match self {
            Self::Result { record, .. } => record.workunit.error_mask,
            Self::Failure(record) => record.error_mask,
            Self::Known { workunit, .. } => workunit.error_mask,
        }
    }

    /// The automatic review, if it is flagged.
    #[must_use]
    pub fn review(&self, app: AppId, now: f64) -> Option<NewReview> {
        let Self::Result { record, .. } = self else { return None };
        Some(NewReview {
            time: now,
            app,
            workunit: record.workunit.id,
            result: record.canonical.id,
            who: BY_ASSIMILATOR.to_owned(),
            verdict: ReviewVerdict::Flagged,
            comment: record.flag.clone()?,
        })
    }

    /// The dataset that gets a row.
    #[must_use]
    pub fn dataset(&self) -> Option<&'static str> {
        match self {
            Self::Result { .. } => Some(RESULTS.name),
            Self::Failure(_) => Some(FAILURES.name),
            Self::Known { .. } => None,
        }
    }
}

/// A workunit to be set aside.
#[derive(Debug, Clone)]
pub struct Aside {
    /// Which.
    pub workunit: WorkunitId,
    /// Its name, if it is known.
    pub name: String,
    /// Host of its canonical result; 0 = none.
    pub host: HostId,
    /// Why.
    pub reason: String,
}

/// What to write.
#[derive(Debug, Default)]
pub struct Decisions {
    /// By workunit id.
    pub rows: Vec<Row>,
    /// Those that get no row for now.
    pub aside: Vec<Aside>,
}

/// What was written.
#[derive(Debug, Default)]
pub struct Written {
    /// Rows, all of them visible.
    pub rows: Vec<Row>,
    /// Set aside.
    pub aside: Vec<Aside>,
    /// Workunits that another instance has, or that changed meanwhile.
    pub left: u64,
}
