//! What is tested of an object of YODA, or of columns of a table: bins, and the sums that they are made of.
//!
//! | object | value of a bin | its variance |
//! |---|---|---|
//! | COUNTER, HISTO, PROFILE | Σw | Σw² |
//! | SCATTER | the last coordinate | the squares of its two errors |
//! | ESTIMATE | value | the squares of its errors, each source added |
//!
//! The sums Σwx, Σwx², Σwxy of every axis, that of a profiled quantity too, are tested in `moments`.

use std::collections::HashMap;

use super::histogram::{Bin, scatter_axis};

/// The columns of one object, by name.
pub(super) type Columns = HashMap<Vec<u8>, Vec<f64>>;

/// What a column of sums holds. Axes are counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sum {
    /// Σw.
    Weights,
    /// Σw².
    Squares,
    /// Σwx.
    First(u8),
    /// Σwx².
    Second(u8),
    /// Σwxy.
    Mixed(u8, u8),
    /// Number of entries.
    Entries,
}

impl Sum {
    /// From the name of a column: `sumwx2`, or `sumW2(A1)` of version 3.
    pub(super) fn of(column: &[u8]) -> Option<Self> {
        if column == b"numEntries" {
            return Some(Self::Entries);
        }
        let (sumw, rest) = column.split_at_checked(4)?;
        if !sumw.eq_ignore_ascii_case(b"sumw") {
            return None;
        }
        let axis = |name: u8| matches!(name, b'x'..=b'z').then(|| name - b'x' + 1);
        let numbered = |name: u8| matches!(name, b'1'..=b'9').then(|| name - b'0');
        match rest {
            [] => Some(Self::Weights),
            b"2" => Some(Self::Squares),
            [x] => axis(*x).map(Self::First),
            [x, b'2'] => axis(*x).map(Self::Second),
            [x, y] => Some(Self::Mixed(axis(*x)?, axis(*y)?)),
            [b'(', b'A', x, b')'] => numbered(*x).map(Self::First),
            [b'2', b'(', b'A', x, b')'] => numbered(*x).map(Self::Second),
            [b'(', b'A', x, b',', b'A', y, b')'] => Some(Self::Mixed(numbered(*x)?, numbered(*y)?)),
            _ => None,
        }
    }
}

/// What is known of the errors of a bin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Errors {
    /// They are those of a sum of weights: (Σw)²/Σw² entries made it.
    OfWeights,
    /// They are given, and nobody knows from how many entries.
    Given,
}

/// See the module.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Object {
    pub(super) bins: Vec<Bin>,
    pub(super) errors: Errors,
    /// One value per bin each; empty where there are no such columns.
    pub(super) sums: Vec<(Sum, Vec<f64>)>,
}

impl Object {
    /// Bins that are sums of weights.
    pub(super) const fn of_bins(bins: Vec<Bin>) -> Self {
        Self { bins, errors: Errors::OfWeights, sums: Vec::new() }
    }

    /// An object of type `kind`; `None` if the columns that it needs are not there.
    pub(super) fn new(kind: &[u8], columns: &Columns) -> Option<Self> {
        let given = |bins| Some(Self { bins, errors: Errors::Given, sums: Vec::new() });
        if let Some(axis) = scatter_axis(kind) {
            return given(scatter(axis, columns)?);
        }
        if kind.starts_with(b"ESTIMATE") {
            return given(estimate(columns)?);
        }
        let mut sums: Vec<(Sum, Vec<f64>)> =
            columns.iter().filter_map(|(name, values)| Some((Sum::of(name)?, values.clone()))).collect();
        // In an order that does not depend on the map.
        sums.sort_by_key(|(sum, _)| *sum);
        let mut object = Self::of_bins(Vec::new());
        object.sums = sums;
        let (weights, squares) = (object.sum(Sum::Weights)?, object.sum(Sum::Squares)?);
        let bins = weights.iter().zip(squares).map(|(w, w2)| Bin::new(*w, *w2, *w2)).collect();
        object.bins = bins;
        Some(object)
    }

    /// The values of a column of sums.
    pub(super) fn sum(&self, wanted: Sum) -> Option<&[f64]> {
        self.sums.iter().find(|(sum, _)| *sum == wanted).map(|(_, values)| values.as_slice())
    }

    /// Numbers of entries as bins with the errors of counts.
    pub(super) fn entries(&self) -> Option<Vec<Bin>> {
        Some(self.sum(Sum::Entries)?.iter().map(|n| Bin::new(*n, *n, *n)).collect())
    }

    /// Axes with Σwx and Σwx².
    pub(super) fn axes(&self) -> impl Iterator<Item = u8> {
        let second = |axis: &u8| self.sum(Sum::Second(*axis)).is_some();
        let first = self.sums.iter().filter_map(|(sum, _)| match sum {
            Sum::First(axis) => Some(*axis),
            _ => None,
        });
        first.filter(second)
    }
}

fn scatter(axis: u8, columns: &Columns) -> Option<Vec<Bin>> {
    let get = |rest: &[u8]| columns.get(&[&[axis], rest].concat()).map(Vec::as_slice);
    let points = get(b"val")?.iter().zip(get(b"err-")?).zip(get(b"err+")?);
    Some(points.map(|((value, down), up)| Bin::new(*value, down * down, up * up)).collect())
}

fn estimate(columns: &Columns) -> Option<Vec<Bin>> {
    let squares = |with: &[u8], bin: usize| -> f64 {
        let sources = columns.iter().filter(|(name, _)| name.starts_with(with));
        let mut squares: Vec<f64> = sources
            .filter_map(|(_, values)| values.get(bin))
            // An error that is not given is none.
            .filter(|error| !error.is_nan())
            .map(|error| error * error)
            .collect();
        // A sum depends on the order, and the map has none.
        squares.sort_by(f64::total_cmp);
        squares.iter().sum()
    };
    let values = columns.get(b"value".as_slice())?.iter().enumerate();
    let bins = values.map(|(bin, value)| Bin::new(*value, squares(b"errDn", bin), squares(b"errUp", bin)));
    Some(bins.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(columns: &[(&str, &[f64])]) -> Columns {
        columns.iter().map(|(name, values)| (name.as_bytes().to_vec(), values.to_vec())).collect()
    }

    #[test]
    fn every_type() {
        let bins = |kind: &[u8], columns: &Columns| Object::new(kind, columns).map(|object| object.bins);
        let histogram = columns(&[("sumW", &[3.0, 0.0]), ("sumW2", &[5.0, 0.0]), ("sumW(A1)", &[1.0, 0.0])]);
        for kind in [&b"HISTO1D_V3"[..], b"PROFILE1D_V3", b"COUNTER_V3"] {
            assert_eq!(bins(kind, &histogram).unwrap(), [Bin::new(3.0, 5.0, 5.0), Bin::Empty]);
        }
        let scatter = columns(&[("xval", &[1.0]), ("yval", &[2.0]), ("yerr-", &[0.5]), ("yerr+", &[3.0])]);
        assert_eq!(bins(b"SCATTER2D_V2", &scatter).unwrap(), [Bin::new(2.0, 0.25, 9.0)]);
        let estimate = columns(&[
            ("value", &[2.0]),
            ("errDn(1)", &[-3.0]),
            ("errDn(2)", &[-4.0]),
            ("errUp(1)", &[3.0]),
            ("errUp(2)", &[f64::NAN]),
        ]);
        assert_eq!(bins(b"ESTIMATE1D_V3", &estimate).unwrap(), [Bin::new(2.0, 25.0, 9.0)]);
        assert_eq!(bins(b"HISTO1D", &columns(&[("x", &[1.0])])), None);
    }

    #[test]
    fn names_of_sums() {
        for (name, sum) in [
            ("sumw", Some(Sum::Weights)),
            ("sumW", Some(Sum::Weights)),
            ("sumw2", Some(Sum::Squares)),
            ("sumwx", Some(Sum::First(1))),
            ("sumwz2", Some(Sum::Second(3))),
            ("sumwxy", Some(Sum::Mixed(1, 2))),
            ("sumW(A2)", Some(Sum::First(2))),
            ("sumW2(A1)", Some(Sum::Second(1))),
            ("sumW(A1,A3)", Some(Sum::Mixed(1, 3))),
            ("numEntries", Some(Sum::Entries)),
            ("sumw3", None),
            ("sum", None),
            ("sumW(B1)", None),
            ("xlow", None),
        ] {
            assert_eq!(Sum::of(name.as_bytes()), sum, "{name}");
        }
    }
}
