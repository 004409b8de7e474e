//! Compares two tables value by value.
//!
//! The shape comes first: as many lines, and as many values in each. Then every value is looked at, also after
//! the first difference, so that the worst one is reported.

use crate::cell::{Cell, Content};
use crate::comparison::{Comparison, Deviation, Reason};
use crate::shown::shown;
use crate::table::Table;
use crate::tolerance::{Distance, Tolerance};

type Side<'a> = (&'a [u8], &'a Table);

pub(crate) fn compare(
    left: (&Vec<u8>, &Table),
    right: (&Vec<u8>, &Table),
    tolerance: Tolerance,
) -> Comparison {
    let left: Side<'_> = (left.0, left.1);
    let right: Side<'_> = (right.0, right.1);
    let compared = left.1.cells().len() as u64;
    if left.1.first_nan().is_none() && left.0 == right.0 {
        return Comparison::agree(Reason::Identical, compared, None);
    }
    if let Some(reason) = shape_differs(left.1, right.1) {
        return Comparison::differ(reason, 0, None);
    }
    let Some((index, distance)) = worst(left, right, tolerance) else {
        return Comparison::agree(Reason::WithinTolerance, compared, None);
    };
    let place = left.1.place(left.0, index);
    let worst = Some(Deviation {
        line: place.line,
        column: place.column,
        left: shown(place.text),
        right: shown(right.1.place(right.0, index).text),
        in_tolerance_units: distance.units,
    });
    if distance.agrees {
        Comparison::agree(Reason::WithinTolerance, compared, worst)
    } else {
        Comparison::differ(Reason::Value, compared, worst)
    }
}

fn shape_differs(left: &Table, right: &Table) -> Option<Reason> {
    let (left, right) = (left.line_ends(), right.line_ends());
    if left == right {
        return None;
    }
    let counts = |ends: &[u32], line: usize| {
        let before = line.checked_sub(1).and_then(|line| ends.get(line)).copied().unwrap_or(0);
        ends.get(line).map(|end| u64::from(end - before))
    };
    let line = left.iter().zip(right).take_while(|(left, right)| left == right).count();
    match (counts(left, line), counts(right, line)) {
        (Some(left), Some(right)) => Some(Reason::Columns { line: line as u64 + 1, left, right }),
        _ => Some(Reason::Lines { left: left.len() as u64, right: right.len() as u64 }),
    }
}

/// The first of the largest deviations; those that disagree are larger than those that agree. `None` if
/// nothing deviates.
fn worst(left: Side<'_>, right: Side<'_>, tolerance: Tolerance) -> Option<(usize, Distance)> {
    let mut worst = (0, Distance::NONE);
    for (index, (&a, &b)) in left.1.cells().iter().zip(right.1.cells()).enumerate() {
        // Equal numbers, the common case; false for everything that is no number.
        if a.as_number() == b.as_number() {
            continue;
        }
        let distance = cell_distance((left, a), (right, b), tolerance);
        if (!distance.agrees, distance.units) > (!worst.1.agrees, worst.1.units) {
            worst = (index, distance);
        }
    }
    (worst.1 != Distance::NONE).then_some(worst)
}

fn cell_distance(left: (Side<'_>, Cell), right: (Side<'_>, Cell), tolerance: Tolerance) -> Distance {
    let ((left_bytes, left_table), left) = left;
    let ((right_bytes, right_table), right) = right;
    match (left.content(), right.content()) {
        (Content::Number(a), Content::Number(b)) => tolerance.distance(a, b),
        (Content::Text(a), Content::Text(b))
            if left_table.text(left_bytes, a) == right_table.text(right_bytes, b) =>
        {
            Distance::NONE
        }
        _ => Distance::INFINITE,
    }
}
