//! Partners are records with the same key: the characters of some columns, or the label.
//!
//! The right output is kept, the left one passes by. A key that is there twice in either output is a fault of that
//! output, so the answer does not depend on which is which. Content that is compared many times keeps its [`Index`].

use std::collections::{HashMap, HashSet};

use crate::align::{Judge, Sided, advance};
use crate::format::RowRef;
use crate::plan::RowsPlan;
use crate::report::{Reason, Side, shown};
use crate::rows::{Keeping, Kept, Rows};
use crate::source::{Malformed, Trouble};
use crate::spec::{ExtraRows, Selector};

/// Between the parts of a key, and after each.
const PART: u8 = 0x1f;

/// Largest output of which records are kept, in bytes, about: 512 MiB. What is kept has room to grow, up to the double.
const LARGEST: usize = 512 << 20;

/// What a record takes in memory, in bytes.
fn size(row: RowRef<'_>) -> usize {
    row.label.len() + row.bytes.len() + size_of_val(row.cells) + 32
}

fn too_large(side: Side, rows: u64, largest: usize) -> (Side, Trouble) {
    (side, Trouble::TooHard(format!("{rows} rows take more than {largest} bytes of memory")))
}

/// The records of an output by key. Made once for content that is compared many times.
#[derive(Debug, Clone)]
pub(crate) struct Index {
    rows: HashMap<Vec<u8>, u32>,
    /// The first key that is there twice.
    twice: Option<Malformed>,
    memory: usize,
}

impl Index {
    pub(crate) fn new(kept: &Kept, plan: &RowsPlan) -> Self {
        let key = Key::new(plan, kept.names());
        let mut index = Self { rows: HashMap::with_capacity(kept.len()), twice: None, memory: 0 };
        for number in 0..kept.len() {
            let Some(row) = kept.row(number) else { break };
            let found = key.of(row);
            index.memory += found.capacity();
            // Lossless: fewer records than bytes, of which there are less than 4 GiB.
            if let Some(before) = index.rows.insert(found, number as u32) {
                let found = key.of(row);
                index.twice.get_or_insert_with(|| twice(row, &found));
                index.rows.insert(found, before);
            }
        }
        index.memory += index.rows.capacity() * (size_of::<(Vec<u8>, u32)>() + 1);
        index
    }

    /// In bytes.
    pub(crate) const fn memory(&self) -> usize {
        self.memory
    }

    /// A key that is there twice is a fault of the output.
    pub(crate) const fn fault(&self) -> Option<&Malformed> {
        self.twice.as_ref()
    }
}

pub(super) fn by_key(
    left: &mut Rows<'_>,
    right: &mut Rows<'_>,
    plan: &RowsPlan,
    judge: &mut impl Judge,
) -> Sided<()> {
    within(left, right, plan, judge, LARGEST)
}

/// The same for outputs of at most `largest` bytes.
fn within(
    left: &mut Rows<'_>,
    right: &mut Rows<'_>,
    plan: &RowsPlan,
    judge: &mut impl Judge,
    largest: usize,
) -> Sided<()> {
    let kept = keep_within(right, plan, Side::Right, largest)?;
    let kept = kept.get(right);
    let mut more = advance(left, Side::Left)?;
    if !judge.begin(left.names(), kept.names()) {
        return Ok(());
    }
    let key = Key::new(plan, kept.names());
    let built;
    let index = match kept.index() {
        Some(index) => index,
        None => {
            built = Index::new(kept, plan);
            &built
        }
    };
    if let Some(twice) = index.fault() {
        return Err((Side::Right, twice.clone().into()));
    }
    // Whether it is known that no key of the left output is there twice.
    let is_known = left.index().is_some_and(|index| index.fault().is_none());
    // Otherwise, its keys so far.
    let mut seen = HashSet::new();
    let mut is_taken = vec![false; kept.len()];
    let mut memory = 0;
    let (mut rows, mut partners, mut alone) = (0_u64, 0_u64, (0_u64, None));
    while more {
        left.split();
        let row = left.row();
        let found = key.of(row);
        if rows >= plan.max_rows {
            return Err((Side::Left, Malformed::TooManyRows { limit: plan.max_rows }.into()));
        }
        rows += 1;
        // It need not be kept, but what is too large on the other side is so on this one.
        memory += size(row);
        if memory > largest {
            return Err(too_large(Side::Left, rows, largest));
        }
        let place = index.rows.get(&found).map(|number| *number as usize);
        if !is_known && !seen.insert(found.clone()) {
            return Err((Side::Left, twice(row, &found).into()));
        }
        match place.and_then(|place| Some((place, kept.row(place)?))) {
            Some((place, partner)) => {
                if let Some(is_taken) = is_taken.get_mut(place) {
                    *is_taken = true;
                }
                if !judge.pair(row, partner) {
                    return Ok(());
                }
                partners += u64::from(judge.confirms(row));
            }
            None => {
                alone.0 += 1;
                alone.1.get_or_insert_with(|| shown_key(&found));
            }
        }
        more = advance(left, Side::Left)?;
    }
    let right_alone = is_taken.iter().filter(|is_taken| !**is_taken).count() as u64;
    if alone.0 == 0 && right_alone == 0 {
        return Ok(());
    }
    let (left, right) = (alone.0, right_alone);
    if plan.extra_rows == ExtraRows::Differ {
        let first = is_taken.iter().position(|is_taken| !*is_taken).and_then(|place| kept.row(place));
        let first = alone.1.or_else(|| first.map(|row| shown_key(&key.of(row)))).unwrap_or_default();
        judge.fault(Reason::Alone { left, right, first });
    } else if partners < plan.min_partners {
        // Outputs that have nothing in common confirm nothing of each other.
        judge.fault(Reason::FewPartners { found: partners, least: plan.min_partners });
    } else {
        judge.fault(Reason::Common { partners, left, right });
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
    keep_within(rows, plan, side, LARGEST)
}

fn keep_within(rows: &mut Rows<'_>, plan: &RowsPlan, side: Side, largest: usize) -> Sided<Whole> {
    let too_many = || (side, Malformed::TooManyRows { limit: plan.max_rows }.into());
    if let Rows::Kept(kept) = rows {
        return if kept.kept().len() as u64 > plan.max_rows { Err(too_many()) } else { Ok(Whole::Before) };
    }
    let mut keeping = Keeping::default();
    let (mut count, mut memory) = (0, 0);
    while advance(rows, side)? {
        count += 1;
        if count > plan.max_rows {
            return Err(too_many());
        }
        rows.split();
        memory += size(rows.row());
        let room = largest.saturating_mul(4);
        if memory > largest || !keeping.take(rows.row(), rows.has_no_nan(), room) {
            return Err(too_large(side, count, largest));
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

fn twice(row: RowRef<'_>, key: &[u8]) -> Malformed {
    Malformed::TwoKeys { line: row.line, key: shown_key(key) }
}

fn shown_key(key: &[u8]) -> String {
    let parts: Vec<String> =
        key.strip_suffix(&[PART]).unwrap_or(key).split(|&byte| byte == PART).take(8).map(shown).collect();
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::Cells;
    use crate::plan::ContentPlan;
    use crate::rows::Stream;
    use crate::spec::Spec;

    #[test]
    fn what_is_too_large_is_so_on_either_side() {
        let text = "[[files]]\nname = 'out'\nformat = 'table'\norder = 'key'\nkey = [1]";
        let plan = toml::from_str::<Spec>(text).unwrap().plan().unwrap();
        let ContentPlan::Rows(rows) = &plan.file("out").content else { panic!("no rows") };
        let large: String = (0..100).map(|row| format!("{row} 1 1 1\n")).collect();
        let ask = |left: &str, right: &str| {
            let open = |text: &str| {
                let bytes = Box::new(std::io::Cursor::new(text.as_bytes().to_vec()));
                Rows::Stream(Box::new(Stream::open(rows, bytes)))
            };
            within(&mut open(left), &mut open(right), rows, &mut Cells::new(&rows.rules), 2000)
        };
        let side = |answer: Sided<()>| answer.map_err(|(side, trouble)| (side, trouble.is_content()));
        assert_eq!(side(ask(&large, "1 1 1 1")), Err((Side::Left, false)));
        assert_eq!(side(ask("1 1 1 1", &large)), Err((Side::Right, false)));
        assert_eq!(side(ask("1 1 1 1", "1 1 1 1")), Ok(()));
    }
}
