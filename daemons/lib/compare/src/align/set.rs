//! Partners are found one to one, so that every pair agrees: a greedy choice would fail where tolerances overlap.
//!
//! 1. Records are grouped by all that must be equal. In a group only numbers within tolerances are left.
//! 2. One number left, under a rule that accepts an interval whose ends grow with the number: both sides sorted are a
//!    matching if there is one. (If a1 ≤ a2 and b1 ≤ b2, and a1 agrees with b2 and a2 with b1, then a1 agrees with b1
//!    and a2 with b2.)
//! 3. Otherwise: a sweep over the column with the most values finds who may agree with whom, then a largest matching. Bounded; beyond the
//!    bound the answer is "can't say".

use std::collections::{BTreeMap, HashSet};

use crate::align::matching::Graph;
use crate::align::{Judge, Sided, by_key};
use crate::format::RowRef;
use crate::judge::Cells;
use crate::plan::RowsPlan;
use crate::report::{Reason, Side, shown};
use crate::rows::{Kept, Rows};
use crate::rule::{Meaning, Measure, Rule};
use crate::source::Trouble;

/// Most values that are compared to find partners.
const MOST_LOOKS: u64 = 50_000_000;
/// Most pairs that may agree.
const MOST_EDGES: usize = 5_000_000;
/// Records in which values of a column are counted.
const ASKED: usize = 4096;

pub(super) fn as_set(
    left: &mut Rows<'_>,
    right: &mut Rows<'_>,
    plan: &RowsPlan,
    judge: &mut Cells<'_>,
) -> Sided<()> {
    let (a, b) = (by_key::keep(left, plan, Side::Left)?, by_key::keep(right, plan, Side::Right)?);
    let (a, b) = (a.get(left), b.get(right));
    if !judge.begin(a.names(), b.names()) {
        return Ok(());
    }
    if a.len() != b.len() {
        judge.fault(Reason::Rows { left: a.len() as u64, right: b.len() as u64 });
        return Ok(());
    }
    if judge.takes_equal() && are_equal(a, b) {
        (0..a.len()).for_each(|_| judge.equal());
        return Ok(());
    }
    let mut groups: BTreeMap<Vec<u8>, Group> = BTreeMap::new();
    for (kept, is_left) in [(a, true), (b, false)] {
        for index in 0..kept.len() {
            let Some(row) = kept.row(index) else { break };
            let group = groups.entry(signature(row, judge)).or_default();
            if is_left { &mut group.left } else { &mut group.right }.push(index as u32);
        }
    }
    let mut search = Search { left: a, right: b, looks: 0, alone: (0, 0, None) };
    for group in groups.into_values() {
        search.group(group, judge).map_err(|trouble| (Side::Left, trouble))?;
    }
    let (left, right, first) = search.alone;
    if left + right > 0 {
        judge.fault(Reason::Alone { left, right, first: first.unwrap_or_default() });
    }
    Ok(())
}

/// Whether each record has the bytes of the one at its place, and no NaN: then they are partners.
fn are_equal(a: &Kept, b: &Kept) -> bool {
    a.len() == b.len()
        && (0..a.len()).all(|index| match (a.row(index), b.row(index)) {
            (Some(left), Some(right)) => {
                left.bytes == right.bytes && left.label == right.label && a.has_no_nan(index)
            }
            _ => false,
        })
}

/// Records that are equal in all that must be equal.
#[derive(Default)]
struct Group {
    left: Vec<u32>,
    right: Vec<u32>,
}

/// All of a record that must be equal in its partner.
fn signature(row: RowRef<'_>, judge: &mut Cells<'_>) -> Vec<u8> {
    let mut signature = row.label.to_vec();
    for (column, cell) in row.cells.iter().enumerate() {
        let value = row.value(*cell);
        let measure = judge.rule(row, column).measure;
        signature.push(0);
        match (measure, value.meaning) {
            (Measure::Ignore, _) => {}
            (Measure::Exact, _) | (_, Meaning::Text | Meaning::TooLarge { .. }) => {
                signature.extend_from_slice(value.text)
            }
            (_, Meaning::Number(_)) => signature.push(1),
            (_, Meaning::NotANumber) => signature.push(2),
            (_, Meaning::Missing) => signature.push(3),
        }
    }
    signature
}

struct Search<'k> {
    left: &'k Kept,
    right: &'k Kept,
    looks: u64,
    /// How many of each have no partner, and the first.
    alone: (u64, u64, Option<String>),
}

/// Whether what the rule accepts is an interval whose ends grow with the number.
fn is_monotone(rule: &Rule) -> bool {
    let measure = matches!(rule.measure, Measure::Tolerance(_) | Measure::Ulps { .. });
    measure && !rule.signed_zero && !rule.units
}

impl Search<'_> {
    fn group(&mut self, mut group: Group, judge: &mut Cells<'_>) -> Result<(), Trouble> {
        let example = group.left.first().and_then(|index| self.left.row(*index as usize));
        let mut numbers = Vec::new();
        for (column, cell) in example.iter().flat_map(|row| row.cells.iter().enumerate()) {
            let Some(row) = example else { break };
            let rule = judge.rule(row, column);
            let is_number = matches!(cell.meaning(), Meaning::Number(_));
            if is_number && !matches!(rule.measure, Measure::Exact | Measure::Ignore) {
                numbers.push((column, is_monotone(rule)));
            }
        }
        let monotone = numbers.iter().filter(|(_, is_monotone)| *is_monotone).map(|(column, _)| *column);
        // The more values a column has, the fewer rows may be partners. Of equal ones, the first.
        let sweep = monotone.rev().max_by_key(|column| self.distinct(&group.left, *column));
        if let Some(column) = sweep {
            sort(&mut group.left, self.left, column);
            sort(&mut group.right, self.right, column);
        }
        let in_order = numbers.is_empty() || (numbers.len() == 1 && sweep.is_some());
        if in_order && group.left.len() == group.right.len() {
            for (left, right) in group.left.iter().zip(&group.right) {
                self.pair(*left, *right, judge);
            }
            return Ok(());
        }
        let graph = self.graph(&group, sweep, judge)?;
        let mut taken = vec![false; group.right.len()];
        for (left, partner) in group.left.iter().zip(graph.matching(group.right.len())) {
            match partner.and_then(|partner| Some((partner, *group.right.get(partner as usize)?))) {
                Some((partner, right)) => {
                    self.pair(*left, right, judge);
                    if let Some(taken) = taken.get_mut(partner as usize) {
                        *taken = true;
                    }
                }
                None => {
                    self.alone.0 += 1;
                    self.name(self.left.row(*left as usize));
                }
            }
        }
        for (right, _) in group.right.iter().zip(&taken).filter(|(_, taken)| !**taken) {
            self.alone.1 += 1;
            self.name(self.right.row(*right as usize));
        }
        Ok(())
    }

    /// How many values a column has in some of these records.
    fn distinct(&self, rows: &[u32], column: usize) -> usize {
        let step = rows.len() / ASKED + 1;
        let cells =
            rows.iter().step_by(step).filter_map(|row| self.left.row(*row as usize)?.cells.get(column));
        cells.map(|cell| cell.as_number().to_bits()).collect::<HashSet<_>>().len()
    }

    fn pair(&self, left: u32, right: u32, judge: &mut Cells<'_>) {
        if let (Some(left), Some(right)) = (self.left.row(left as usize), self.right.row(right as usize)) {
            judge.pair(left, right);
        }
    }

    fn name(&mut self, row: Option<RowRef<'_>>) {
        if let Some(row) = row {
            self.alone.2.get_or_insert_with(|| format!("line {}: {}", row.line, shown(row.bytes)));
        }
    }

    /// Who agrees with whom. Both sides are sorted by `sweep`.
    fn graph(
        &mut self,
        group: &Group,
        sweep: Option<usize>,
        judge: &mut Cells<'_>,
    ) -> Result<Graph, Trouble> {
        let mut graph = Graph::default();
        // No later left record agrees with a right one before this.
        let mut begin = 0;
        for left in &group.left {
            let Some(a) = self.left.row(*left as usize) else { break };
            let mut is_before = sweep.is_some();
            for (place, right) in group.right.iter().enumerate().skip(begin) {
                let Some(b) = self.right.row(*right as usize) else { break };
                self.looks += 1;
                if self.looks > MOST_LOOKS || graph.edges() > MOST_EDGES {
                    let what =
                        "too many rows may be partners of each other; give them a key, or more exact columns";
                    return Err(Trouble::TooHard(what.into()));
                }
                if let Some(column) = sweep
                    && let (Some(x), Some(y)) = (a.cells.get(column), b.cells.get(column))
                    && !judge.rule(a, column).judge(a.value(*x), b.value(*y)).agrees
                {
                    if y.as_number() > x.as_number() {
                        break;
                    }
                    if is_before {
                        begin = place + 1;
                    }
                    continue;
                }
                is_before = false;
                self.looks += a.cells.len() as u64;
                if judge.agree(a, b) {
                    graph.edge(place as u32);
                }
            }
            graph.end_vertex();
        }
        Ok(graph)
    }
}

fn sort(rows: &mut [u32], kept: &Kept, column: usize) {
    let number = |index: u32| {
        let cell = kept.row(index as usize).and_then(|row| row.cells.get(column).copied());
        cell.map_or(f64::NAN, crate::format::Cell::as_number)
    };
    rows.sort_by(|a, b| number(*a).total_cmp(&number(*b)).then(a.cmp(b)));
}
