//! Means of an axis, or of a profiled quantity, in the bins of two outputs, from Σw, Σw², Σwy and Σwy².
//!
//! Means: Σ (ȳa − ȳb)² / (s² (1/na + 1/nb)) with the effective numbers of entries n = (Σw)²/Σw² and the variance s²
//! of y in both together: (Σwy²/Σw − (Σwy/Σw)²) / (1 − Σw²/(Σw)²), which is the variance with n − 1 for equal
//! weights. (M. Galassi et al., GNU Scientific Library, "Weighted samples", for the estimate of s²; the variance of a
//! difference of means with one s² is that of Student's test for two samples.) For equal weights this is exactly the
//! variance of the difference if the entries are dealt out to the two by chance (E. J. G. Pitman, Suppl. J. R. Stat.
//! Soc. 4 (1937) 119), so it holds for bins of two entries, too, where each bin's own s² would not: the mean of a
//! term is 1, and a term is at most n − 1.
//!
//! What says nothing is left out: a bin that is empty in one, one where both together have one entry, and bins with
//! other than equal weights and less than 20 effective entries in one. Weights are taken to be independent of y
//! within a bin.
//!
//! That each output's s² is not made up is tested as errors are ([`ratio`](super::ratio)); of heavy tails one value
//! may make s² much larger, so only factors of ten times `error_ratio` count there, or smaller ones in many bins.

use super::chi2::{Parts, ROUNDING};
use super::object::{Object, Sum};
use super::ratio::{self, Pair};
use super::{Name, Test};

/// Fewest effective entries of a bin with weights.
const ENTRIES: f64 = 20.0;
/// Most that the product of two quantities varies more than their variances say, as kurtosis.
const MIXED: f64 = 64.0;

/// What a bin says about y.
#[derive(Debug, Clone, Copy)]
struct Moments {
    w: f64,
    w2: f64,
    y: f64,
    y2: f64,
    /// All weights are equal.
    is_even: bool,
}

impl Moments {
    /// (Σw)²/Σw².
    fn entries(self) -> f64 {
        if self.w2 > 0.0 { self.w * (self.w / self.w2) } else { 0.0 }
    }

    /// Whether one of its sums is no number.
    const fn is_broken(self) -> bool {
        self.w.is_nan() || self.w2.is_nan() || self.y.is_nan() || self.y2.is_nan()
    }

    fn mean(self) -> f64 {
        self.y / self.w
    }

    /// s², with what the rounding of printed sums may add.
    fn variance(self) -> f64 {
        let square = self.y2 / self.w;
        let found = (square - self.mean().powi(2)) / (1.0 - 1.0 / self.entries());
        found + ROUNDING * square.abs()
    }

    /// s², if it is more than rounding.
    fn sure_variance(self) -> Option<f64> {
        let square = self.y2 / self.w;
        let found = (square - self.mean().powi(2)) / (1.0 - 1.0 / self.entries());
        (found > 2.0 * ROUNDING * square.abs() && found.is_finite()).then_some(found)
    }

    fn with(self, other: Self) -> Self {
        Self {
            w: self.w + other.w,
            w2: self.w2 + other.w2,
            y: self.y + other.y,
            y2: self.y2 + other.y2,
            is_even: self.is_even && other.is_even,
        }
    }
}

/// Both outputs' moments of one bin.
type Both = (Moments, Moments);

/// The moments of an axis, bin by bin.
fn moments<'o>(object: &'o Object, axis: u8) -> impl Iterator<Item = Moments> + 'o {
    let get = |sum| object.sum(sum).unwrap_or_default().iter().copied();
    let entries = object.sum(Sum::Entries);
    let sums = get(Sum::Weights).zip(get(Sum::Squares));
    let sums = sums.zip(get(Sum::First(axis)).zip(get(Sum::Second(axis))));
    sums.enumerate().map(move |(bin, ((w, w2), (y, y2)))| {
        let n = entries.and_then(|entries| entries.get(bin)).copied().unwrap_or(f64::NAN);
        let is_even = (w * (w / w2) - n).abs() <= 1e-5 * n;
        Moments { w, w2, y, y2, is_even }
    })
}

/// Whether a bin says something.
fn is_usable((a, b): Both) -> bool {
    let both = a.with(b);
    let least = if both.is_even { 0.5 } else { ENTRIES };
    // Not so for NaN, either.
    a.entries().min(b.entries()) >= least && both.entries() > 1.0 + 1e-6
}

/// Tests the means of an axis. `spread`: how much more the means of bins vary than the formula says, 1 if they don't.
pub(super) fn means(left: &Object, right: &Object, axis: u8, spread: f64) -> Option<Test> {
    let mut parts = Parts::default();
    for (bin, (a, b)) in moments(left, axis).zip(moments(right, axis)).enumerate() {
        if a.is_broken() != b.is_broken() {
            parts.add(bin, Some(f64::INFINITY));
        } else if is_usable((a, b)) {
            parts.add(bin, part(a, b, spread));
        }
    }
    parts.test(Name::Mean(axis))
}

fn part(a: Moments, b: Moments, spread: f64) -> Option<f64> {
    let difference = (a.mean() - b.mean()).abs();
    // The same infinity, too.
    if a.mean() == b.mean() {
        return Some(0.0);
    }
    if !difference.is_finite() {
        return Some(f64::INFINITY);
    }
    if difference <= ROUNDING * a.mean().abs().max(b.mean().abs()) {
        return Some(0.0);
    }
    let mut variance = a.with(b).variance();
    // With negative weights it can be below 0.
    if variance <= 0.0 {
        variance = a.variance().max(b.variance());
    }
    if variance <= 0.0 {
        return None;
    }
    let spread = if a.is_even && b.is_even { 1.0 } else { spread };
    let found = difference * (difference / (variance * spread * (1.0 / a.entries() + 1.0 / b.entries())));
    // Sums that are not finite, in one of them.
    Some(if found.is_nan() { f64::INFINITY } else { found })
}

/// Tests that the variances of an axis are comparable.
pub(super) fn spreads(left: &Object, right: &Object, axis: u8, factor: f64) -> Option<Test> {
    let none = Pair { left: 0.0, right: 0.0, entries: 0.0, kappa: ratio::UNKNOWN };
    let pair = |(a, b): Both| {
        let variances = (a.sure_variance(), b.sure_variance());
        let (Some(left), Some(right)) = variances else { return none };
        Pair { left, right, entries: a.entries() + b.entries(), ..none }
    };
    let usable = |both: Both| if is_usable(both) { pair(both) } else { none };
    let pairs: Vec<Pair> = moments(left, axis).zip(moments(right, axis)).map(usable).collect();
    let is_empty = pairs.iter().all(|pair| pair.entries <= 0.0);
    if is_empty { None } else { ratio::test(Name::Spread(axis), &pairs, none, factor, true) }
}

/// Tests Σwxy by the covariances of two axes. Their own variance is not known from the sums: 64 times that of independent
/// quantities is allowed, so only gross differences are found.
pub(super) fn mixed(left: &Object, right: &Object, axes: (u8, u8)) -> Option<Test> {
    let (x, y) = axes;
    let products = |object: &Object| object.sum(Sum::Mixed(x, y)).map(<[f64]>::to_vec);
    let (first, second) = (products(left)?, products(right)?);
    let mut parts = Parts::default();
    let bins = moments(left, x).zip(moments(left, y)).zip(moments(right, x).zip(moments(right, y)));
    for (bin, (((ax, ay), (bx, by)), (a, b))) in bins.zip(first.iter().zip(&second)).enumerate() {
        if a.is_nan() != b.is_nan() {
            parts.add(bin, Some(f64::INFINITY));
        }
        if a.is_nan() || b.is_nan() {
            continue;
        }
        let variance = ax.with(bx).variance() * ay.with(by).variance();
        if !is_usable((ax, bx)) || variance <= 0.0 {
            continue;
        }
        let covariances = (a / ax.w - ax.mean() * ay.mean(), b / bx.w - bx.mean() * by.mean());
        let difference = (covariances.0 - covariances.1).abs();
        let scale = (a / ax.w).abs().max((b / bx.w).abs());
        if difference <= 2.0 * ROUNDING * scale {
            parts.add(bin, Some(0.0));
            continue;
        }
        let errors = 1.0 / ax.entries() + 1.0 / bx.entries();
        let found = difference * (difference / (MIXED * variance * errors));
        parts.add(bin, Some(if found.is_nan() { f64::INFINITY } else { found }));
    }
    parts.test(Name::Mixed(x, y))
}

/// A bin's mean and the square of its error, for people.
pub(super) fn mean(object: &Object, axis: u8, bin: usize) -> Option<(f64, f64)> {
    let found = moments(object, axis).nth(bin)?;
    Some((found.mean(), found.variance().max(0.0) / found.entries()))
}

/// A bin's s², for people.
pub(super) fn spread(object: &Object, axis: u8, bin: usize) -> Option<f64> {
    moments(object, axis).nth(bin)?.sure_variance()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stat::object::Columns;

    /// A profile with these values in its bins, each of weight 1.
    fn profile(bins: &[&[f64]]) -> Object {
        let mut columns = Columns::new();
        for bin in bins {
            let n = bin.len() as f64;
            let (y, y2) = (bin.iter().sum::<f64>(), bin.iter().map(|y| y * y).sum::<f64>());
            for (name, value) in [("sumw", n), ("sumw2", n), ("sumwy", y), ("sumwy2", y2), ("numEntries", n)]
            {
                columns.entry(name.as_bytes().to_vec()).or_default().push(value);
            }
        }
        Object::new(b"PROFILE1D_V2", &columns).unwrap()
    }

    fn close(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-4 * expected.abs(), "{found} {expected}");
    }

    #[test]
    fn by_hand() {
        let (a, b) = (profile(&[&[1.0, 2.0, 3.0]]), profile(&[&[4.0, 6.0]]));
        // Mean 3.2 of all, squares of the differences 14.8, s² = 3.7; (2 − 5)² / (3.7 (1/3 + 1/2)).
        let found = means(&a, &b, 2, 1.0).unwrap();
        close(found.statistic, 9.0 / (3.7 * 5.0 / 6.0));
        assert_eq!(found.bins, 1);
    }

    #[test]
    fn thin_bins_say_little_or_nothing() {
        // One entry against three, and two equal integers against two others.
        let (a, b) = (profile(&[&[50.0], &[3.0, 3.0]]), profile(&[&[50.0, 51.0, 49.0], &[4.0, 4.0]]));
        let found = means(&a, &b, 2, 1.0).unwrap();
        assert!(found.statistic <= 3.0 + 1e-9 && found.bins == 2, "{found:?}");
        assert_eq!(means(&profile(&[&[]]), &profile(&[&[1.0, 2.0]]), 2, 1.0), None);
        assert_eq!(means(&profile(&[&[]]), &profile(&[&[]]), 2, 1.0), None);
        // The same in every entry, and printed with another last digit.
        assert_eq!(means(&profile(&[&[7.0]]), &profile(&[&[7.000_001]]), 2, 1.0).unwrap().ln_p, 0.0);
    }

    #[test]
    fn made_up_sums_are_found() {
        let values: Vec<f64> = (0..100).map(|n| f64::from(n % 10)).collect();
        let good = profile(&[&values]);
        let with = |column: Sum, value: f64| {
            let mut other = good.clone();
            other.sums.iter_mut().filter(|(sum, _)| *sum == column).for_each(|(_, sums)| sums[0] = value);
            other
        };
        for value in [f64::INFINITY, 1e300, -1e300] {
            let found = means(&good, &with(Sum::First(2), value), 2, 1.0).unwrap();
            assert!(found.ln_p < -20.0, "{value} {found:?}");
        }
        let huge = with(Sum::Second(2), 1e30);
        assert!(spreads(&good, &huge, 2, 2.0).unwrap().ln_p < -4.0);
        assert_eq!(spreads(&good, &good, 2, 2.0).unwrap().ln_p, 0.0);
        // The other one's variance counts if one has none.
        let none = with(Sum::Second(2), 0.0);
        assert!(part_of(&none, &profile(&[&vec![9.0; 100]])) > 100.0);
    }

    fn part_of(a: &Object, b: &Object) -> f64 {
        means(a, b, 2, 1.0).map_or(0.0, |test| test.statistic)
    }
}
