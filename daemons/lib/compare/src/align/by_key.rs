//! Partners are records with the same key: the characters of some columns, or the label.
//!
//! The right output is kept, the left one passes by. A key that is there twice in either output is a fault of that
//! output, so the answer does not depend on which is which.

use std::collections::{HashMap, HashSet};

use crate::align::{Judge, Sided, advance};
use crate::format::RowRef;
use crate::judge::Cells;
use crate::plan::RowsPlan;
use crate::report::{Reason, Side, shown};
use crate::rows::{Keeping, Kept, Rows};
use crate::source::{Malformed, Trouble};
use crate::spec::{ExtraRows, Selector};

/// Between the parts of a key, and after each.
const PART: u8 = 0x1f;

/// Most memory for kept records, in bytes: 1 GiB.
const MEMORY: usize = 1 << 30;

pub(super) fn by_key(
    left: &mut Rows<'_>,
    right: &mut Rows<'_>,
    plan: &RowsPlan,
    judge: &mut Cells<'_>,
) -> Sided<()> {
    let kept = keep(right, plan, Side::Right)?;
    let kept = kept.get(right);
    let mut more = advance(left, Side::Left)?;
    if !judge.begin(left.names(), kept.names()) {
        return Ok(());
    }
    let key = Key::new(plan, kept.names());
    let mut waiting: HashMap<Vec<u8>, usize> = HashMap::with_capacity(kept.len());
    for index in 0..kept.len() {
        let Some(row) = kept.row(index) else { break };
        if waiting.insert(key.of(row), index).is_some() {
            return Err((Side::Right, twice(row, &key.of(row))));
        }
    }
    // Keys of the left output so far: with and without a partner.
    let mut seen = HashSet::new();
    let mut alone = (0_u64, None);
    while more {
        left.split();
        let row = left.row();
        let found = key.of(row);
        if seen.len() as u64 >= plan.max_rows {
            return Err((Side::Left, Malformed::TooManyRows { limit: plan.max_rows }.into()));
        }
        if !seen.insert(found.clone()) {
            return Err((Side::Left, twice(row, &found)));
        }
        match waiting.get(&found).and_then(|index| kept.row(*index)) {
            Some(partner) => {
                if !judge.pair(row, partner) {
                    return Ok(());
                }
            }
            None => {
                alone.0 += 1;
                alone.1.get_or_insert_with(|| shown_key(&found));
            }
        }
        more = advance(left, Side::Left)?;
    }
    let mut unmatched = waiting.into_iter().filter(|(key, _)| !seen.contains(key));
    let first_right = unmatched.by_ref().min_by_key(|(_, index)| *index).map(|(key, _)| shown_key(&key));
    let right_alone = (kept.len() as u64).saturating_sub(seen.len() as u64 - alone.0);
    if plan.extra_rows == ExtraRows::Differ && (alone.0 > 0 || right_alone > 0) {
        let first = alone.1.or(first_right).unwrap_or_default();
        judge.fault(Reason::Alone { left: alone.0, right: right_alone, first });
    }
    Ok(())
}

/// Records that were kept before, or are kept now.
pub(super) enum Whole {
    Before,
    Now(Kept),
}

impl Whole {
    pub(super) fn get<'k>(&'k self, rows: &'k Rows<'_>) -> &'k Kept {
        match (self, rows) {
            (Self::Now(kept), _) => kept,
            (Self::Before, Rows::Kept(rows)) => rows.kept(),
            (Self::Before, Rows::Stream(_)) => &NONE,
        }
    }
}

static NONE: Kept = Kept::NONE;

/// All of `rows`, within the declared bounds.
pub(super) fn keep(rows: &mut Rows<'_>, plan: &RowsPlan, side: Side) -> Sided<Whole> {
    let too_many = || (side, Malformed::TooManyRows { limit: plan.max_rows }.into());
    if let Rows::Kept(kept) = rows {
        return if kept.kept().len() as u64 > plan.max_rows { Err(too_many()) } else { Ok(Whole::Before) };
    }
    let mut keeping = Keeping::default();
    let mut count = 0;
    while advance(rows, side)? {
        count += 1;
        if count > plan.max_rows {
            return Err(too_many());
        }
        rows.split();
        if !keeping.take(rows.row(), false, MEMORY) {
            let what = format!("{count} rows take more than {MEMORY} bytes of memory");
            return Err((side, Trouble::TooHard(what)));
        }
    }
    Ok(Whole::Now(keeping.end(rows.names())))
}

/// What tells records apart.
struct Key {
    /// Numbers from 0; empty: the label.
    columns: Vec<usize>,
}

impl Key {
    fn new(plan: &RowsPlan, names: &[Vec<u8>]) -> Self {
        let most = plan.key.iter().filter_map(|selector| match selector {
            Selector::Number(number) => Some(*number as usize),
            Selector::Name(_) => None,
        });
        let count = names.len().max(most.max().unwrap_or(0));
        let name = |column: usize| names.get(column).map(Vec::as_slice).unwrap_or_default();
        let takes = |column: &usize| plan.key.iter().any(|part| part.takes(Some(*column), name(*column)));
        Self { columns: (0..count).filter(takes).collect() }
    }

    fn of(&self, row: RowRef<'_>) -> Vec<u8> {
        if self.columns.is_empty() {
            return row.label.to_vec();
        }
        let mut key = Vec::new();
        // A value that is not there is no empty one.
        for cell in self.columns.iter().filter_map(|column| row.cells.get(*column)) {
            key.extend_from_slice(row.value(*cell).text);
            key.push(PART);
        }
        key
    }
}

fn twice(row: RowRef<'_>, key: &[u8]) -> Trouble {
    Malformed::TwoKeys { line: row.line, key: shown_key(key) }.into()
}

fn shown_key(key: &[u8]) -> String {
    let parts: Vec<String> =
        key.strip_suffix(&[PART]).unwrap_or(key).split(|&byte| byte == PART).take(8).map(shown).collect();
    parts.join(", ")
}
