//! A bin: a value with its error. And what of an object varies with the seed.

use super::object::Sum;

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
    let one_of = |names: &[&[u8]]| names.contains(&column);
    Sum::of(column).is_some()
        || column.starts_with(b"errDn")
        || column.starts_with(b"errUp")
        || one_of(&[b"value", b"Total", b"Underflow", b"Overflow", b"ScaledBy"])
        || is_coordinate(column)
}

/// Whether values with this label have errors that are given, not those of a sum of weights.
pub(crate) fn has_given_errors(label: &[u8]) -> bool {
    parted(label).is_some_and(|(_, column)| matches!(column, b"value" | [_, b'e', b'r', b'r', b'-']))
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
    kind.starts_with(b"HISTO1D") || kind.starts_with(b"PROFILE1D")
}

#[cfg(test)]
mod tests {
    use super::*;

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
