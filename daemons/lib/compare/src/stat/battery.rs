//! All tests of one histogram: which are made, and what they found.

use super::histogram::Bin;
use super::object::{Errors, Object, Sum};
use super::ratio::{self, Pair};
use super::{Name, Statistics, Test, chi2, ks, moments};

/// A test that was made, with the worst bin of both for people.
#[derive(Debug, Clone, Copy)]
pub(super) struct Made {
    pub(super) test: Test,
    pub(super) left: Bin,
    pub(super) right: Bin,
}

/// How a histogram is tested.
#[derive(Debug, Clone, Copy)]
pub(super) struct How {
    pub(super) statistics: Statistics,
    pub(super) error_ratio: f64,
    /// The bins stand in the order of one axis.
    pub(super) is_ordered: bool,
    /// All of a histogram in one bin.
    pub(super) is_total: bool,
}

/// How much more the mean of a whole histogram may vary if weights depend on the axis.
const TOTAL: f64 = 4.0;

/// Makes all tests of a histogram.
pub(super) fn tests(left: &Object, right: &Object, how: How) -> Vec<Made> {
    let mut made = Vec::new();
    // Kolmogorov–Smirnov says nothing about the number of events.
    if !(how.is_total && how.statistics == Statistics::Ks) {
        let bins = usable(left, right);
        contents(&mut made, &bins.0, &bins.1, (Name::Ks, Name::Chi2), how);
        if let (Some(a), Some(b)) = (left.entries(), right.entries()) {
            // For weights of 1 it would be the same test.
            if a != left.bins || b != right.bins {
                contents(&mut made, &a, &b, (Name::EntriesKs, Name::Entries), how);
            }
        }
    }
    if let Some(test) = errors(left, right, how) {
        let shown = |object: &Object| match object.bins.get(test.worst) {
            Some(bin) => Bin::new(variance(*bin).sqrt(), 0.0, 0.0),
            None => Bin::Empty,
        };
        made.push(Made { test, left: shown(left), right: shown(right) });
    }
    let spread = if how.is_total { TOTAL } else { 1.0 };
    for axis in left.axes() {
        if let Some(test) = moments::means(left, right, axis, spread) {
            let shown = |object| match moments::mean(object, axis, test.worst) {
                Some((mean, variance)) => Bin::new(mean, variance, variance),
                None => Bin::Empty,
            };
            made.push(Made { test, left: shown(left), right: shown(right) });
        }
        if let Some(test) = moments::spreads(left, right, axis, how.error_ratio) {
            let shown = |object| match moments::spread(object, axis, test.worst) {
                Some(variance) => Bin::new(variance.sqrt(), 0.0, 0.0),
                None => Bin::Empty,
            };
            made.push(Made { test, left: shown(left), right: shown(right) });
        }
    }
    for (sum, _) in &left.sums {
        let Sum::Mixed(x, y) = sum else { continue };
        if let Some(test) = moments::mixed(left, right, (*x, *y)) {
            let shown = |object: &Object| match object.sum(*sum).and_then(|sums| sums.get(test.worst)) {
                Some(value) => Bin::new(*value, 0.0, 0.0),
                None => Bin::Empty,
            };
            made.push(Made { test, left: shown(left), right: shown(right) });
        }
    }
    made
}

/// Bins as the χ² of both takes them. A given error of 0 is that of a bin with too few entries, where other bins have
/// errors: such bins are left out, or have the error of the other output where they are most.
fn usable(left: &Object, right: &Object) -> (Vec<Bin>, Vec<Bin>) {
    let mut bins = (left.bins.clone(), right.bins.clone());
    if left.errors != Errors::Given {
        return bins;
    }
    let has_error = |bin: &Bin| variance(*bin) > 0.0;
    if !bins.0.iter().chain(&bins.1).any(has_error) {
        return bins;
    }
    let is_value = |bin: &Bin| matches!(bin, Bin::Value { .. });
    let is_odd =
        |(a, b): &(&mut Bin, &mut Bin)| is_value(a) && is_value(b) && !(has_error(a) && has_error(b));
    let are_values = bins.0.iter().zip(&bins.1).filter(|(a, b)| is_value(a) && is_value(b)).count();
    let odd = bins.0.iter_mut().zip(&mut bins.1).filter(is_odd).count();
    let are_few = 2 * odd <= are_values;
    for (a, b) in bins.0.iter_mut().zip(&mut bins.1).filter(is_odd) {
        if are_few {
            (*a, *b) = (Bin::Empty, Bin::Empty);
        } else if let (Bin::Value { value: a_value, .. }, Bin::Value { value: b_value, .. }) = (&*a, &*b) {
            let (a_value, b_value) = (*a_value, *b_value);
            let error = variance(*a).max(variance(*b));
            (*a, *b) = (Bin::new(a_value, error, error), Bin::new(b_value, error, error));
        }
    }
    bins
}

/// Tests contents of bins, by name of the test by Kolmogorov–Smirnov and by χ².
fn contents(made: &mut Vec<Made>, left: &[Bin], right: &[Bin], names: (Name, Name), how: How) {
    let ordered = || how.is_ordered.then(|| ks::test(names.0, left, right)).flatten();
    let ks = if how.statistics == Statistics::Chi2 { None } else { ordered() };
    let wants_chi2 = how.statistics != Statistics::Ks || ks.is_none();
    let chi2 = if wants_chi2 { chi2::test(names.1, left, right) } else { None };
    for test in [ks, chi2].into_iter().flatten() {
        let bin = |bins: &[Bin]| bins.get(test.worst).copied().unwrap_or(Bin::Empty);
        made.push(Made { test, left: bin(left), right: bin(right) });
    }
}

/// (Σw)²/Σw².
fn effective(value: f64, variance: f64) -> f64 {
    if variance > 0.0 { value * (value / variance) } else { 0.0 }
}

/// The mean of both squared errors.
fn variance(bin: Bin) -> f64 {
    let (_, (down, up)) = bin.parts();
    0.5 * down + 0.5 * up
}

/// Whether it may be a number of events, of weight 1.
fn is_count(bin: &Bin) -> bool {
    match bin {
        Bin::Value { value, down, up } => value == down && value == up,
        Bin::Empty | Bin::Unknown => true,
    }
}

/// Tests whether the errors of both are comparable.
fn errors(left: &Object, right: &Object, how: How) -> Option<Test> {
    // Their errors follow from them. The shape says nothing of the number of events, so there the errors must.
    if how.statistics != Statistics::Ks && left.bins.iter().chain(&right.bins).all(is_count) {
        return None;
    }
    let sides = (Side::new(left, how), Side::new(right, how));
    let pairs: Vec<Pair> =
        sides.0.bins.iter().zip(&sides.1.bins).map(|(a, b)| pair(*a, *b, left.errors)).collect();
    let is_empty = |part: &Part| part.variance <= 0.0;
    if sides.0.bins.iter().chain(&sides.1.bins).all(is_empty) {
        return None;
    }
    let whole = pair(sides.0.whole, sides.1.whole, left.errors);
    ratio::test(Name::Errors, &pairs, whole, how.error_ratio, false)
}

fn pair(a: Part, b: Part, errors: Errors) -> Pair {
    let ratio = |part: Part| part.entries.map(|entries| entries / part.effective);
    let kappa = match (ratio(a), ratio(b)) {
        _ if errors == Errors::Given => ratio::UNKNOWN,
        (Some(a), Some(b)) => ratio::kappa(a.min(b)),
        (Some(one), None) | (None, Some(one)) => ratio::kappa(one),
        (None, None) => ratio::UNKNOWN,
    };
    let entries = a.entries.unwrap_or(a.effective) + b.entries.unwrap_or(b.effective);
    let kappa = if kappa.is_nan() { ratio::UNKNOWN } else { kappa };
    Pair { left: a.variance, right: b.variance, entries, kappa }
}

/// The errors of one output.
struct Side {
    bins: Vec<Part>,
    whole: Part,
}

#[derive(Debug, Clone, Copy)]
struct Part {
    variance: f64,
    /// (Σw)²/Σw².
    effective: f64,
    /// As it is given.
    entries: Option<f64>,
}

impl Side {
    fn new(object: &Object, how: How) -> Self {
        // With another number of events errors are larger, too.
        let scale = match how.statistics {
            Statistics::Ks => object.bins.iter().map(|bin| bin.parts().0).sum::<f64>(),
            _ => 1.0,
        };
        let scale = if scale > 0.0 && scale.is_finite() { scale } else { 1.0 };
        let (entries, are_counts) = (object.sum(Sum::Entries), object.bins.iter().all(is_count));
        let part = |(bin, content): (usize, &Bin)| {
            let (value, variance) = (content.parts().0, variance(*content));
            let entries = match entries {
                Some(entries) => entries.get(bin).copied(),
                None => are_counts.then_some(value),
            };
            let entries = entries.filter(|n| *n >= 0.0);
            Part { variance: variance / scale / scale, effective: effective(value, variance), entries }
        };
        let bins: Vec<Part> = object.bins.iter().enumerate().map(part).collect();
        let of = |what: fn(&Part) -> f64| bins.iter().map(what).sum::<f64>();
        let given = bins.iter().map(|part| part.entries).sum::<Option<f64>>();
        let sum: f64 = object.bins.iter().map(|bin| bin.parts().0).sum();
        let variances: f64 = object.bins.iter().map(|bin| variance(*bin)).sum();
        let whole = Part {
            variance: of(|part| part.variance),
            // Given errors are not those of a sum.
            effective: if given.is_some() { effective(sum, variances) } else { of(|part| part.effective) },
            entries: given,
        };
        Self { bins, whole }
    }
}

/// Tests the factors that a histogram was multiplied with: 1/Σw varies as Σw does, and others less.
pub(super) fn scale(left: f64, right: f64, of: (&Object, &Object), factor: f64) -> Option<Made> {
    if left == right {
        return None;
    }
    let bins = of.0.bins.iter().chain(&of.1.bins).map(|bin| effective(bin.parts().0, variance(*bin)));
    let entries = bins.sum();
    let sizes = if left * right > 0.0 { (left.abs(), right.abs()) } else { (1.0, 0.0) };
    let whole = Pair { left: sizes.0, right: sizes.1, entries, kappa: ratio::UNKNOWN };
    let test = ratio::test(Name::Scale, &[], whole, factor, false)?;
    Some(Made { test, left: Bin::new(left, 0.0, 0.0), right: Bin::new(right, 0.0, 0.0) })
}
