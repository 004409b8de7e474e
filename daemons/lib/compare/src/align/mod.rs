//! How records find their partners: in order, by key, or as a set matched one to one.
//!
//! An aligner walks over two outputs and shows pairs to a [`Judge`], which knows the rules. In order takes constant
//! memory. The others keep records, at most `max_rows` of each output, and say so when that is too few.
//!
//! A new judge (of histograms, say) implements [`Judge`] and works with every aligner but the set, which asks single
//! pairs and so takes [`cells`](crate::judge::Cells) only.

mod by_key;
mod matching;
mod set;

pub(crate) use by_key::Index;

use crate::format::RowRef;
use crate::plan::RowsPlan;
use crate::report::{Reason, Side};
use crate::rows::Rows;
use crate::source::Trouble;
use crate::spec::Order;

use crate::judge::Cells;

/// Trouble, and with which of the two.
pub(crate) type Sided<T> = Result<T, (Side, Trouble)>;

/// Sees pairs of records.
pub(crate) trait Judge {
    /// Whether records with equal bytes and without a NaN surely agree.
    fn takes_equal(&self) -> bool;

    /// The names of the columns, before the first pair. False: nothing more needs to be compared.
    fn begin(&mut self, left: &[Vec<u8>], right: &[Vec<u8>]) -> bool;

    /// A pair with equal bytes, not split.
    fn equal(&mut self);

    /// A pair, split. False: their records don't fit each other, so nothing more needs to be compared.
    fn pair(&mut self, left: RowRef<'_>, right: RowRef<'_>) -> bool;

    /// Whether a pair of such records confirms anything: not all of it is ignored.
    fn confirms(&mut self, row: RowRef<'_>) -> bool {
        let _ = row;
        true
    }

    /// What is wrong with the records as a whole.
    fn fault(&mut self, reason: Reason);
}

/// Shows all pairs to `judge`.
pub(crate) fn align(
    left: &mut Rows<'_>,
    right: &mut Rows<'_>,
    plan: &RowsPlan,
    judge: &mut Cells<'_>,
) -> Sided<()> {
    match plan.order {
        Order::Rows => in_order(left, right, judge),
        Order::Key => by_key::by_key(left, right, plan, judge),
        Order::Set => set::as_set(left, right, plan, judge),
    }
}

/// The same for any judge, where records have names: no set.
pub(crate) fn align_named(
    left: &mut Rows<'_>,
    right: &mut Rows<'_>,
    plan: &RowsPlan,
    judge: &mut impl Judge,
) -> Sided<()> {
    match plan.order {
        Order::Rows => in_order(left, right, judge),
        Order::Key | Order::Set => by_key::by_key(left, right, plan, judge),
    }
}

fn advance(rows: &mut Rows<'_>, side: Side) -> Sided<bool> {
    rows.advance().map_err(|trouble| (side, trouble))
}

/// The first with the first, the second with the second. One record of each is in memory.
pub(crate) fn in_order(left: &mut Rows<'_>, right: &mut Rows<'_>, judge: &mut impl Judge) -> Sided<()> {
    let takes_equal = judge.takes_equal();
    let (mut rows, mut begun) = (0_u64, false);
    loop {
        let more = (advance(left, Side::Left)?, advance(right, Side::Right)?);
        if !begun {
            begun = true;
            if !judge.begin(left.names(), right.names()) {
                return Ok(());
            }
        }
        match more {
            (true, true) => rows += 1,
            (false, false) => return Ok(()),
            (more_left, _) => {
                let rest =
                    if more_left { count_rest(left, Side::Left) } else { count_rest(right, Side::Right) };
                let count = rows + 1 + rest?;
                let (left, right) = if more_left { (count, rows) } else { (rows, count) };
                judge.fault(Reason::Rows { left, right });
                return Ok(());
            }
        }
        if takes_equal && are_equal(left, right) {
            judge.equal();
            continue;
        }
        left.split();
        right.split();
        if !judge.pair(left.row(), right.row()) {
            return Ok(());
        }
    }
}

#[inline]
fn are_equal(left: &Rows<'_>, right: &Rows<'_>) -> bool {
    let (a, b) = (left.row(), right.row());
    // The same bytes hold a NaN, or don't.
    a.bytes == b.bytes && a.label == b.label && !right.wants_every_row() && left.equal_is_enough()
}

fn count_rest(rows: &mut Rows<'_>, side: Side) -> Sided<u64> {
    let mut count = 0;
    while advance(rows, side)? {
        count += 1;
    }
    Ok(count)
}
