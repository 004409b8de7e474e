//! The content of one output, made ready for many comparisons.
//!
//! A file is read and taken apart once per workunit, however large the quorum. What would take more than 256 MiB of
//! memory is not kept: it is checked once, and read again, side by side, for every comparison.

use std::sync::Arc;

use crate::align::{Index, align, align_named};
use crate::exact::{self, Exact};
use crate::judge::Cells;
use crate::plan::{ContentPlan, FilePlan, RowsPlan};
use crate::plausible::{Faults, Severity};
use crate::report::{Comparison, Reason, Side};
use crate::rows::{Kept, Rows, Stream};
use crate::source::{Again, Bytes, File, Malformed, Meter, Trouble};
use crate::spec::Order;
use crate::stat::{self, Histograms, InColumns};

/// Most memory that one content is kept in, in bytes.
pub const KEPT_MEMORY: usize = 256 << 20;

/// Content of one output, as one [`FilePlan`] wants it.
#[derive(Debug, Clone)]
pub struct Parsed {
    form: Form,
    length: u64,
    faults: Faults,
}

#[derive(Debug, Clone)]
enum Form {
    Exact(Exact),
    Kept(Kept),
    Again(Again),
    /// Could not be read to its end; the fault says why.
    Nothing,
}

impl Parsed {
    /// Takes bytes apart for comparisons under `plan`. A fault of the content is found by [`Parsed::check`].
    pub fn from_bytes(bytes: Vec<u8>, plan: &FilePlan) -> Self {
        let (length, bytes) = (bytes.len() as u64, Arc::new(bytes));
        let again = Again::Memory(Arc::clone(&bytes));
        // Reading from memory can't fail; should it all the same, nothing can be said of the content.
        let nothing = |what: String| Self {
            form: Form::Nothing,
            length,
            faults: no_good(Malformed::Format { place: "all".into(), what }),
        };
        let read = plan
            .source
            .open_bytes(bytes)
            .and_then(|opened| Self::take(opened, length, again.clone(), plan, KEPT_MEMORY));
        match read {
            Ok(parsed) => parsed,
            Err(Trouble::Malformed(malformed)) => {
                Self { form: Form::Nothing, length, faults: no_good(malformed) }
            }
            Err(error) => nothing(error.to_string()),
        }
    }

    /// Reads an opened file and takes it apart. What is large is not kept in memory.
    ///
    /// # Errors
    /// Reading fails, which says nothing about the content. A fault of the content is found by [`Parsed::check`].
    pub fn read(file: File, plan: &FilePlan) -> Result<Self, Trouble> {
        Self::read_within(file, plan, KEPT_MEMORY)
    }

    /// The same with another bound on the memory that is kept, in bytes.
    ///
    /// # Errors
    /// As [`Parsed::read`].
    pub fn read_within(file: File, plan: &FilePlan, memory: usize) -> Result<Self, Trouble> {
        let (length, again) = (file.length(), Again::Path(file.path().to_path_buf()));
        match plan.source.open(file).and_then(|bytes| Self::take(bytes, length, again, plan, memory)) {
            Err(Trouble::Malformed(malformed)) => {
                Ok(Self { form: Form::Nothing, length, faults: no_good(malformed) })
            }
            read => read,
        }
    }

    fn take(
        bytes: Bytes,
        length: u64,
        again: Again,
        plan: &FilePlan,
        memory: usize,
    ) -> Result<Self, Trouble> {
        let (bytes, meter) = Meter::on(bytes);
        let (form, mut faults) = match &plan.content {
            ContentPlan::Exact(exact) => (Form::Exact(Exact::read(bytes, *exact)?), Faults::default()),
            ContentPlan::Rows(rows) => match Stream::open(rows, bytes).keep(memory)? {
                (Some(mut kept), mut faults) => {
                    let twice = keep_index(&mut kept, rows, memory);
                    faults.fault = faults.fault.or(twice);
                    (Form::Kept(kept), faults)
                }
                (None, faults) => (Form::Again(again), faults),
            },
        };
        match plan.too_small(&meter) {
            Some((Severity::Malformed, small)) => faults.fault = Some(small),
            Some((Severity::Suspicious, small)) => faults.oddity = Some(small),
            None => {}
        }
        Ok(Self { form, length, faults })
    }

    /// What makes the content no good, without a partner. Content for byte-for-byte comparison rarely is.
    ///
    /// # Errors
    /// The first fault found.
    pub fn check(&self) -> Result<(), Malformed> {
        self.faults.fault.clone().map_or(Ok(()), Err)
    }

    /// What makes the content suspicious, without a partner: the first such thing found.
    pub const fn oddity(&self) -> Option<&Malformed> {
        self.faults.oddity.as_ref()
    }

    /// Size of the content as it came, in bytes.
    pub const fn length(&self) -> u64 {
        self.length
    }

    /// Memory that the content takes, in bytes, for whoever has to bound it.
    pub fn memory(&self) -> usize {
        match &self.form {
            Form::Exact(Exact::Kept(bytes)) => bytes.capacity(),
            Form::Kept(kept) => kept.memory(),
            Form::Again(Again::Memory(bytes)) => bytes.len(),
            Form::Exact(Exact::Digested { .. }) | Form::Again(Again::Path(_)) | Form::Nothing => 0,
        }
    }

    fn rows<'a>(&'a self, file: &FilePlan, plan: &'a RowsPlan) -> Result<Option<Rows<'a>>, Trouble> {
        match &self.form {
            Form::Kept(kept) => Ok(Some(Rows::Kept(kept.rows()))),
            Form::Again(again) => {
                Ok(Some(Rows::Stream(Box::new(Stream::open(plan, again.open(&file.source)?)))))
            }
            Form::Exact(_) | Form::Nothing => Ok(None),
        }
    }
}

/// Content that could not be read to its end.
fn no_good(malformed: Malformed) -> Faults {
    Faults { fault: Some(malformed), oddity: None }
}

/// Records that are found by key keep the index, if that fits. Gives the fault that it shows.
fn keep_index(kept: &mut Kept, plan: &RowsPlan, memory: usize) -> Option<Malformed> {
    if plan.order != Order::Key || kept.len() as u64 > plan.max_rows {
        return None;
    }
    let index = Index::new(kept, plan);
    let fault = index.fault().cloned();
    if kept.memory() + index.memory() <= memory {
        kept.keep_index(index);
    }
    fault
}

impl FilePlan {
    /// Compares two contents that were read for this plan. Agrees only if both are good outputs. `right` is the
    /// reference, where a rule has one; otherwise the other way round gives the same verdict.
    pub fn compare(&self, left: &Parsed, right: &Parsed) -> Comparison {
        let compared = match (&self.content, &left.form, &right.form) {
            (_, Form::Nothing, _) | (_, _, Form::Nothing) => Comparison::new(Reason::OtherSpec),
            (ContentPlan::Exact(_), Form::Exact(left), Form::Exact(right)) => left.compare(right),
            (ContentPlan::Rows(plan), _, _) => {
                let rows = (left.rows(self, plan), right.rows(self, plan));
                match rows {
                    (Ok(Some(left)), Ok(Some(right))) => compare_rows(left, right, plan),
                    (Err(trouble), _) => Comparison::trouble(Side::Left, &trouble),
                    (_, Err(trouble)) => Comparison::trouble(Side::Right, &trouble),
                    _ => Comparison::new(Reason::OtherSpec),
                }
            }
            _ => Comparison::new(Reason::OtherSpec),
        };
        let compared = compared.odd(left.oddity(), right.oddity());
        match (&left.faults.fault, &right.faults.fault) {
            (Some(fault), _) => compared.malformed(Side::Left, fault),
            (_, Some(fault)) => compared.malformed(Side::Right, fault),
            _ => compared,
        }
    }

    /// Compares both ways round, so that no order matters even for a rule that has a reference: both must agree. The
    /// worse one is the answer.
    pub fn compare_mutually(&self, left: &Parsed, right: &Parsed) -> Comparison {
        let forth = self.compare(left, right);
        if self.is_symmetric() {
            return forth;
        }
        let back = self.compare(right, left);
        if (back.verdict, back.units()) > (forth.verdict, forth.units()) { back.swapped() } else { forth }
    }

    /// Compares two opened files side by side, in one pass and without keeping them.
    pub fn compare_files(&self, left: File, right: File) -> Comparison {
        let opened = (self.source.open(left), self.source.open(right));
        match opened {
            (Ok(left), Ok(right)) => self.compare_bytes(left, right),
            (Err(trouble), _) => Comparison::trouble(Side::Left, &trouble),
            (_, Err(trouble)) => Comparison::trouble(Side::Right, &trouble),
        }
    }

    /// Compares what two readers give, unpacked and bounded.
    pub fn compare_bytes(&self, left: Bytes, right: Bytes) -> Comparison {
        let ((left, left_meter), (right, right_meter)) = (Meter::on(left), Meter::on(right));
        let mut compared = self.compare_unmeasured(left, right);
        for (side, meter) in [(Side::Right, right_meter), (Side::Left, left_meter)] {
            match self.too_small(&meter) {
                Some((Severity::Malformed, small)) => compared = compared.malformed(side, &small),
                Some((Severity::Suspicious, small)) => compared = compared.odd_too(side, &small),
                None => {}
            }
        }
        compared
    }

    fn compare_unmeasured(&self, left: Bytes, right: Bytes) -> Comparison {
        match &self.content {
            ContentPlan::Rows(plan) => {
                let open = |bytes| Rows::Stream(Box::new(Stream::open(plan, bytes)));
                compare_rows(open(left), open(right), plan)
            }
            ContentPlan::Exact(plan) => match exact::compare(left, right, *plan) {
                Ok(comparison) => comparison,
                Err((side, trouble)) => Comparison::trouble(side, &trouble),
            },
        }
    }
}

pub(crate) fn compare_rows(mut left: Rows<'_>, mut right: Rows<'_>, plan: &RowsPlan) -> Comparison {
    let compared = match &plan.statistics {
        None => {
            let mut judge = Cells::new(&plan.rules);
            align(&mut left, &mut right, plan, &mut judge).map(|()| judge.end())
        }
        Some(statistics @ stat::Plan { columns: Some(declared), .. }) => {
            let mut judge = InColumns::new(&plan.rules, statistics, declared);
            align_named(&mut left, &mut right, plan, &mut judge).map(|()| judge.end())
        }
        Some(statistics) => {
            let mut judge = Histograms::new(&plan.rules, statistics);
            align_named(&mut left, &mut right, plan, &mut judge).map(|()| judge.end())
        }
    };
    let compared = match compared {
        Ok(compared) => compared,
        Err((side, trouble)) => return Comparison::trouble(side, &trouble),
    };
    // A record where shapes part ends the comparison: faults behind it do not matter any more.
    if compared.stopped_early() {
        return compared;
    }
    let (left, right) = (left.faults(), right.faults());
    let compared = compared.odd(left.oddity.as_ref(), right.oddity.as_ref());
    match (&left.fault, &right.fault) {
        (Some(fault), _) => compared.malformed(Side::Left, fault),
        (_, Some(fault)) => compared.malformed(Side::Right, fault),
        _ => compared,
    }
}
