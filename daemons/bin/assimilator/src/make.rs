//! Makes rows of workunits: reads and copies their output files, takes columns out of them.
//!
//! What is wrong with one workunit sets it aside. What is wrong with the storage ends the pass.

use app_config::{Assimilate, Hook, Outputs};
use boinc::id::HostId;
use compare::extract::ExtractPlan;
use dataset::layout;
use dataset::staging::Instance;
use dataset::table::failures::FailureRecord;
use dataset::table::parameters::Declared;
use dataset::table::results::ResultRecord;

use crate::content;
use crate::decide::{self, Fate};
use crate::gather::{Batch, Item, bad_workunit};
use crate::home::Home;
use crate::outputs::{self, Copies, OutputError, UploadFolder};
use crate::row::{Aside, Decisions, Row};

/// What was read for tables of data is written when it takes so much memory, in bytes, about: 64 MiB.
const MOST_DATA: usize = 64 << 20;

/// What APP.toml says.
#[derive(Debug)]
pub struct Settings {
    outputs: Outputs,
    zstd_level: i32,
    /// Whether valid results are flagged that did nothing.
    pub flag_idle: bool,
    /// Tables of what stands in output files.
    pub data: Vec<ExtractPlan>,
    /// Parameters of jobs that get a column of their own.
    pub parameters: Declared,
    /// The project's program.
    pub hook: Hook,
}

impl Settings {
    /// As `[assimilate]` says. `has_reports`: guests report what they do.
    #[must_use]
    pub fn of(assimilate: &Assimilate, has_reports: bool) -> Self {
        Self {
            outputs: assimilate.outputs,
            zstd_level: assimilate.zstd_level,
            flag_idle: assimilate.flag_idle && has_reports,
            // The file was checked when it was read.
            data: assimilate.data.iter().filter_map(|spec| spec.plan().ok()).collect(),
            parameters: Declared::new(&assimilate.parameters),
            hook: assimilate.hook.clone(),
        }
    }

    fn copies(&self) -> bool {
        self.outputs != Outputs::Leave
    }
}

/// What is left of a batch.
#[derive(Debug)]
pub struct Work {
    bad: Vec<Aside>,
    items: std::vec::IntoIter<Item>,
}

impl Work {
    /// All of it.
    #[must_use]
    pub fn of(batch: Batch) -> Self {
        let bad = batch.bad.iter().filter_map(|row| {
            let workunit = bad_workunit(row)?;
            Some(Aside { workunit, name: String::new(), host: HostId(0), reason: row.to_string() })
        });
        Self { bad: bad.collect(), items: batch.items.into_iter() }
    }

    /// True if nothing is left.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.bad.is_empty() && self.items.len() == 0
    }
}

/// With what rows are made.
#[derive(Debug)]
pub struct Maker<'a> {
    /// What APP.toml says.
    pub settings: &'a Settings,
    /// Where output files are.
    pub upload: &'a UploadFolder,
    /// Where copies go.
    pub home: &'a Home,
    /// Nothing is copied.
    pub dry_run: bool,
    /// Unix seconds.
    pub now: i32,
}

impl Maker<'_> {
    /// Goes on until the batch is done, or what was read for tables of data is large. `None`: asked to stop.
    ///
    /// # Errors
    /// The storage's.
    pub fn decide(&self, work: &mut Work, stopping: &dyn Fn() -> bool) -> anyhow::Result<Option<Decisions>> {
        let temp = self.home.instance.as_ref().map(Instance::temp);
        let zstd = (self.settings.outputs == Outputs::Zstd).then_some(self.settings.zstd_level);
        let root = self.home.copies_root();
        self.home.make_room_for_copies()?;
        let mut copies = match &temp {
            Some(temp) if self.settings.copies() && !self.dry_run => Some(Copies::new(&root, temp, zstd)),
            _ => None,
        };
        let mut decisions = Decisions { aside: std::mem::take(&mut work.bad), ..Decisions::default() };
        let mut memory = 0;
        while memory < MOST_DATA
            && let Some(item) = work.items.next()
        {
            if stopping() {
                return Ok(None);
            }
            match self.item(item, copies.as_mut(), stopping) {
                Ok(Ok(row)) => {
                    memory += row.memory();
                    decisions.rows.push(row);
                }
                Ok(Err(aside)) => decisions.aside.push(aside),
                Err(OutputError::Stopped) => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        }
        if let Some(copies) = &mut copies
            && self.home.remote.is_none()
        {
            copies.sync()?;
        }
        Ok(Some(decisions))
    }

    /// One workunit: its row, or why it is set aside.
    fn item(
        &self,
        item: Item,
        copies: Option<&mut Copies<'_>>,
        stopping: &dyn Fn() -> bool,
    ) -> Result<Result<Row, Aside>, OutputError> {
        let Item { workunit, results, job, fate, files, validated, known, stderr, .. } = item;
        let (host, version, report) = (item.host, item.version, item.report);
        let campaign = job.as_ref().map_or(layout::NO_CAMPAIGN, |job| job.campaign.as_str()).to_owned();
        let aside = |host, reason| {
            Ok(Err(Aside { workunit: workunit.id, name: workunit.name.clone(), host, reason }))
        };
        let parameters = match self.settings.parameters.values(job.as_ref()) {
            Ok(parameters) => parameters,
            Err(reason) if matches!(fate, Fate::Assimilate { .. } | Fate::Fail { .. }) => {
                return aside(HostId(0), reason);
            }
            Err(_) => Vec::new(),
        };
        match fate {
            Fate::SetAside(reason) => aside(HostId(0), reason),
            Fate::Known { dataset } => Ok(Ok(Row::Known { workunit: Box::new(workunit), dataset })),
            Fate::Assimilate { canonical, n_valid } => {
                let folder = layout::outputs_folder(&campaign, &workunit.name);
                let is_copied = self.settings.copies() && !files.is_empty();
                let copies = copies.map(|copies| (copies, folder.as_str()));
                let taken = match outputs::take(self.upload, &files, &validated, copies, stopping) {
                    Ok(taken) => taken,
                    Err(OutputError::Workunit(reason)) => return aside(canonical.hostid, reason),
                    Err(error) => return Err(error),
                };
                let data = match content::take(&self.settings.data, &taken, workunit.id, canonical.id) {
                    Ok(data) => data,
                    Err(reason) => return aside(canonical.hostid, reason),
                };
                let paths = taken.iter().map(|taken| (taken.path.clone(), taken.open_name.clone())).collect();
                let record = Box::new(ResultRecord {
                    workunit,
                    job,
                    parameters,
                    canonical: *canonical,
                    host,
                    version,
                    uptime: item.uptime,
                    agreement: item.agreement,
                    flag: decide::did_nothing(report.as_ref(), self.settings.flag_idle),
                    report,
                    n_results: i32::try_from(results.len()).unwrap_or(i32::MAX),
                    n_valid: i32::try_from(n_valid).unwrap_or(i32::MAX),
                    outputs: taken.into_iter().map(|taken| taken.output).collect(),
                    output_folder: is_copied.then_some(folder),
                    compression: if self.settings.outputs == Outputs::Zstd { "zstd" } else { "none" },
                    assimilated_time: i64::from(self.now),
                });
                Ok(Ok(Row::Result { record, data, files: paths }))
            }
            Fate::Fail { error_mask, .. } => Ok(Ok(Row::Failure(Box::new(FailureRecord {
                workunit,
                job,
                parameters,
                campaign,
                error_mask,
                results,
                known,
                stderr,
                assimilated_time: i64::from(self.now),
            })))),
        }
    }
}
