//! Values and errors of a histogram, from the columns of a YODA object.
//!
//! | object | value | variance |
//! |---|---|---|
//! | COUNTER, HISTO | Σw | Σw² |
//! | PROFILE | Σwy / Σw | that of the mean of y: (Σwy²·Σw − (Σwy)²) / ((Σw)² − Σw²) · Σw² / (Σw)² |
//! | SCATTER | the last coordinate | the squares of its two errors |
//! | ESTIMATE | value | the squares of its errors, each source added |

use std::collections::HashMap;

/// A bin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Bin {
    /// Nothing in it.
    Empty,
    /// A value, and its variance downwards and upwards.
    Value { value: f64, down: f64, up: f64 },
    /// No number.
    Unknown,
}

impl Bin {
    pub(super) fn new(value: f64, down: f64, up: f64) -> Self {
        let is_good = value.is_finite() && down >= 0.0 && up >= 0.0 && down.is_finite() && up.is_finite();
        match is_good {
            true if value == 0.0 && down == 0.0 && up == 0.0 => Self::Empty,
            true => Self::Value { value, down, up },
            false => Self::Unknown,
        }
    }

    /// Value, and variances.
    pub(super) const fn parts(self) -> (f64, (f64, f64)) {
        match self {
            Self::Value { value, down, up } => (value, (down, up)),
            Self::Empty | Self::Unknown => (0.0, (0.0, 0.0)),
        }
    }
}

/// What stands behind the last colon of a label, with the path before it.
pub(super) fn parted(label: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = label.iter().rposition(|byte| *byte == b':')?;
    Some((label.get(..at)?, label.get(at + 1..)?))
}

/// Whether values with this label vary with the seed, so that no rule but a statistical one can compare them. The
/// positions of scatter points and all edges do not.
pub(crate) fn is_statistical(label: &[u8]) -> bool {
    let Some((_, column)) = parted(label) else { return false };
    let begins = |with: &[u8]| column.get(..with.len()).is_some_and(|head| head.eq_ignore_ascii_case(with));
    let one_of = |names: &[&[u8]]| names.contains(&column);
    begins(b"sumw")
        || begins(b"errDn")
        || begins(b"errUp")
        || one_of(&[b"numEntries", b"value", b"Total", b"Underflow", b"Overflow", b"ScaledBy"])
        || is_coordinate(column)
}

/// A coordinate of a scatter point, or its error.
fn is_coordinate(column: &[u8]) -> bool {
    match column {
        [b'x' | b'y' | b'z', rest @ ..] => {
            rest == b"val" || rest.starts_with(b"err-") || rest.starts_with(b"err+")
        }
        _ => false,
    }
}

/// The columns of one object.
pub(super) type Columns = HashMap<Vec<u8>, Vec<f64>>;

/// The axis that a scatter's values are on: x for one dimension, and so on.
pub(super) fn scatter_axis(kind: &[u8]) -> Option<u8> {
    match kind.strip_prefix(b"SCATTER")?.first()? {
        b'1' => Some(b'x'),
        b'2' => Some(b'y'),
        _ => Some(b'z'),
    }
}

/// Whether a column is a position of scatter points, which is no value of an object of this type.
pub(super) fn is_position(kind: &[u8], column: &[u8]) -> bool {
    is_coordinate(column) && scatter_axis(kind).is_none_or(|axis| column.first() != Some(&axis))
}

/// Whether Kolmogorov–Smirnov has a meaning: bins in the order of one axis.
pub(super) fn has_one_axis(kind: &[u8]) -> bool {
    kind.starts_with(b"HISTO1D")
}

/// The bins of an object of type `kind`; `None` if the columns that it needs are not there.
pub(super) fn bins(kind: &[u8], columns: &Columns) -> Option<Vec<Bin>> {
    let get = |name: &[u8]| {
        columns
            .iter()
            .find(|(column, _)| column.eq_ignore_ascii_case(name))
            .map(|(_, values)| values.as_slice())
    };
    if let Some(axis) = scatter_axis(kind) {
        let name = |rest: &[u8]| [&[axis], rest].concat();
        let (values, down, up) = (get(&name(b"val"))?, get(&name(b"err-"))?, get(&name(b"err+"))?);
        let points = values.iter().zip(down).zip(up);
        return Some(points.map(|((value, down), up)| Bin::new(*value, down * down, up * up)).collect());
    }
    if kind.starts_with(b"ESTIMATE") {
        let squares = |with: &[u8], bin: usize| -> f64 {
            let sources = columns.iter().filter(|(name, _)| name.starts_with(with));
            // An error that is not given is none.
            sources
                .filter_map(|(_, values)| values.get(bin))
                .filter(|error| !error.is_nan())
                .map(|error| error * error)
                .sum()
        };
        let values = get(b"value")?.iter().enumerate();
        return Some(
            values
                .map(|(bin, value)| Bin::new(*value, squares(b"errDn", bin), squares(b"errUp", bin)))
                .collect(),
        );
    }
    let (sumw, sumw2) = (get(b"sumw")?, get(b"sumw2")?);
    let profiled: Option<[&[u8]; 4]> = match kind {
        [b'P', b'R', b'O', b'F', b'I', b'L', b'E', b'1', ..] => {
            Some([b"sumwy", b"sumwy2", b"sumW(A2)", b"sumW2(A2)"])
        }
        [b'P', b'R', b'O', b'F', b'I', b'L', b'E', ..] => {
            Some([b"sumwz", b"sumwz2", b"sumW(A3)", b"sumW2(A3)"])
        }
        _ => None,
    };
    let sums = sumw.iter().zip(sumw2);
    let Some([first, second, first_3, second_3]) = profiled else {
        return Some(sums.map(|(w, w2)| Bin::new(*w, *w2, *w2)).collect());
    };
    let (y, y2) = (get(first).or_else(|| get(first_3))?, get(second).or_else(|| get(second_3))?);
    Some(sums.zip(y.iter().zip(y2)).map(|((w, w2), (y, y2))| profile(*w, *w2, *y, *y2)).collect())
}

fn profile(w: f64, w2: f64, y: f64, y2: f64) -> Bin {
    if [w, w2, y, y2].iter().any(|sum| !sum.is_finite()) {
        return Bin::Unknown;
    }
    let freedom = w * w - w2;
    // With one entry there is a mean and no error: the bin says nothing.
    if w == 0.0 || freedom <= 1e-6 * w * w {
        return Bin::Empty;
    }
    // Rounding of printed sums can make it negative.
    let variance = ((y2 * w - y * y) / freedom * (w2 / (w * w))).max(0.0);
    Bin::new(y / w, variance, variance)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(columns: &[(&str, &[f64])]) -> Columns {
        columns.iter().map(|(name, values)| (name.as_bytes().to_vec(), values.to_vec())).collect()
    }

    #[test]
    fn every_type() {
        let histogram = columns(&[("sumW", &[3.0, 0.0]), ("sumW2", &[5.0, 0.0])]);
        assert_eq!(bins(b"HISTO1D_V3", &histogram).unwrap(), [Bin::new(3.0, 5.0, 5.0), Bin::Empty]);
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
        // y = 1, 2, 3 with weight 1: mean 2, variance 1, of the mean 1/3.
        for (first, second) in [("sumwy", "sumwy2"), ("sumW(A2)", "sumW2(A2)")] {
            let profile = columns(&[
                ("sumw", &[3.0, 1.0]),
                ("sumw2", &[3.0, 1.0]),
                (first, &[6.0, 7.0]),
                (second, &[14.0, 49.0]),
            ]);
            let third = 1.0 / 3.0;
            assert_eq!(bins(b"PROFILE1D_V2", &profile).unwrap(), [Bin::new(2.0, third, third), Bin::Empty]);
        }
        assert_eq!(bins(b"HISTO1D", &columns(&[("x", &[1.0])])), None);
    }

    #[test]
    fn what_varies_with_the_seed() {
        for label in
            ["/h:sumw", "/h:sumW(A1)", "/h:yval", "/h:yerr-", "/h:errUp(1)", "/h:Total", "/A:B=1/h:value"]
        {
            assert!(is_statistical(label.as_bytes()), "{label}");
        }
        for label in ["/h:xlow", "/h:Title", "/h:Type", "/h:Edges(A1)", "/h"] {
            assert!(!is_statistical(label.as_bytes()), "{label}");
        }
        assert!(is_position(b"SCATTER2D_V2", b"xval") && !is_position(b"SCATTER2D_V2", b"yerr+"));
    }
}
