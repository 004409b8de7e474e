//! Numbers as computers keep them: what a value is, and rows of values from a stream of bytes.
//!
//! The bytes of a record are turned to little-endian, so `method = "exact"` compares values and not how they were
//! stored. Whole numbers above 2⁵³ are rounded to a double for every other method.

use serde::{Deserialize, Serialize};

use super::{Cell, Input, Row, Values};
use crate::report::Plain;
use crate::rule::Meaning;
use crate::source::{Malformed, Trouble};

/// Most values of one record.
pub(super) const MOST_VALUES: u64 = 65_536;

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// IEEE 754, of 4 or 8 bytes.
    Float,
    /// A whole number with a sign, of up to 8 bytes.
    Signed,
    /// A whole number without a sign.
    Unsigned,
}

impl Kind {
    /// Little-endian bytes as 64 bits, with the sign carried on.
    fn bits(self, bytes: &[u8]) -> u64 {
        let is_negative = self == Self::Signed && bytes.last().is_some_and(|byte| byte & 0x80 != 0);
        let mut buffer = if is_negative { [0xff; 8] } else { [0; 8] };
        for (to, from) in buffer.iter_mut().zip(bytes) {
            *to = *from;
        }
        u64::from_le_bytes(buffer)
    }

    /// A value for people, with all of its digits.
    pub(crate) fn shown(self, bytes: &[u8]) -> String {
        let bits = self.bits(bytes);
        match self {
            // Lossless: the upper half is zero. As few digits as a single needs.
            Self::Float if bytes.len() == 4 => {
                let plain = Plain(f32::from_bits(bits as u32).to_string().parse().unwrap_or(f64::NAN));
                plain.to_string()
            }
            Self::Float => Plain(f64::from_bits(bits)).to_string(),
            Self::Signed => bits.cast_signed().to_string(),
            Self::Unsigned => bits.to_string(),
        }
    }
}

/// What a value is, and how it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) kind: Kind,
    /// In bytes: 1, 2, 4 or 8; of floats 4 or 8.
    pub(super) size: usize,
    pub(super) is_big_endian: bool,
}

/// Values of a file without a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Numbers {
    /// IEEE 754 binary32, little-endian.
    F32Le,
    /// The same, big-endian.
    F32Be,
    /// IEEE 754 binary64, little-endian.
    #[default]
    F64Le,
    /// The same, big-endian.
    F64Be,
    /// Whole numbers of 32 bits with a sign, little-endian.
    I32Le,
    /// The same, big-endian.
    I32Be,
    /// Whole numbers of 64 bits with a sign, little-endian.
    I64Le,
    /// The same, big-endian.
    I64Be,
}

impl Numbers {
    /// The largest difference of two of them.
    pub(crate) fn range(self) -> f64 {
        match self {
            Self::F32Le | Self::F32Be => 2.0 * f64::from(f32::MAX),
            Self::F64Le | Self::F64Be => f64::INFINITY,
            Self::I32Le | Self::I32Be => f64::from(u32::MAX),
            Self::I64Le | Self::I64Be => u64::MAX as f64,
        }
    }

    pub(super) const fn element(self) -> Element {
        let (kind, size, is_big_endian) = match self {
            Self::F32Le => (Kind::Float, 4, false),
            Self::F32Be => (Kind::Float, 4, true),
            Self::F64Le => (Kind::Float, 8, false),
            Self::F64Be => (Kind::Float, 8, true),
            Self::I32Le => (Kind::Signed, 4, false),
            Self::I32Be => (Kind::Signed, 4, true),
            Self::I64Le => (Kind::Signed, 8, false),
            Self::I64Be => (Kind::Signed, 8, true),
        };
        Element { kind, size, is_big_endian }
    }
}

impl Element {
    /// What these little-endian bytes mean.
    fn meaning(self, bytes: &[u8]) -> Meaning {
        let bits = self.kind.bits(bytes);
        let value = match (self.kind, self.size) {
            // Lossless: the upper half is zero.
            (Kind::Float, 4) => f64::from(f32::from_bits(bits as u32)),
            (Kind::Float, _) => f64::from_bits(bits),
            (Kind::Signed, _) => bits.cast_signed() as f64,
            (Kind::Unsigned, _) => bits as f64,
        };
        if value.is_nan() { Meaning::NotANumber } else { Meaning::Number(value) }
    }

    /// Puts the next `count` values into `row`; false at the end.
    pub(super) fn row(self, input: &mut Input, count: usize, row: &mut Row) -> Result<bool, Trouble> {
        let wanted = count * self.size;
        row.bytes.extend_from_slice(input.block(wanted)?);
        row.values = Values::Binary(self.kind);
        if row.bytes.is_empty() {
            return Ok(false);
        }
        if row.bytes.len() < wanted {
            let what = format!("the content ends after {} of {wanted} bytes", row.bytes.len());
            return Err(Malformed::Format { place: format!("row {}", row.line), what }.into());
        }
        if self.is_big_endian {
            row.bytes.chunks_exact_mut(self.size).for_each(<[u8]>::reverse);
        }
        Ok(true)
    }

    /// Fills in the cells.
    pub(super) fn split(self, row: &mut Row) {
        row.cells.clear();
        let values = row.bytes.chunks_exact(self.size).enumerate();
        row.cells.extend(values.map(|(index, bytes)| {
            Cell::new(self.meaning(bytes), index * self.size, (index + 1) * self.size)
        }));
    }

    pub(super) fn has_no_nan(self, bytes: &[u8]) -> bool {
        self.kind != Kind::Float
            || bytes.chunks_exact(self.size).all(|bytes| self.meaning(bytes) != Meaning::NotANumber)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(element: Element, bytes: &[u8]) -> Vec<Meaning> {
        let mut input = Input::new(Box::new(std::io::Cursor::new(bytes.to_vec())));
        let mut row = Row::default();
        assert!(element.row(&mut input, bytes.len() / element.size, &mut row).unwrap());
        element.split(&mut row);
        row.cells.iter().map(|cell| cell.meaning()).collect()
    }

    proptest! {
        #[test]
        fn every_number_is_read(float in any::<f64>(), single in any::<f32>(), whole in any::<i32>(), long in any::<i64>()) {
            let same = |value: f64| vec![if value.is_nan() { Meaning::NotANumber } else { Meaning::Number(value) }];
            prop_assert_eq!(read(Numbers::F64Le.element(), &float.to_le_bytes()), same(float));
            prop_assert_eq!(read(Numbers::F64Be.element(), &float.to_be_bytes()), same(float));
            prop_assert_eq!(read(Numbers::F32Le.element(), &single.to_le_bytes()), same(single.into()));
            prop_assert_eq!(read(Numbers::F32Be.element(), &single.to_be_bytes()), same(single.into()));
            prop_assert_eq!(read(Numbers::I32Le.element(), &whole.to_le_bytes()), same(whole.into()));
            prop_assert_eq!(read(Numbers::I32Be.element(), &whole.to_be_bytes()), same(whole.into()));
            prop_assert_eq!(read(Numbers::I64Le.element(), &long.to_le_bytes()), same(long as f64));
            prop_assert_eq!(read(Numbers::I64Be.element(), &long.to_be_bytes()), same(long as f64));
        }
    }

    #[test]
    fn short_ones_have_a_sign_or_none() {
        let element = |kind, size| Element { kind, size, is_big_endian: true };
        let numbers = |values: &[f64]| values.iter().map(|value| Meaning::Number(*value)).collect::<Vec<_>>();
        assert_eq!(read(element(Kind::Signed, 2), &[0xff, 0xfe, 0, 2]), numbers(&[-2.0, 2.0]));
        assert_eq!(read(element(Kind::Unsigned, 2), &[0xff, 0xfe]), numbers(&[65534.0]));
        assert_eq!(read(element(Kind::Signed, 1), &[0x80, 1]), numbers(&[-128.0, 1.0]));
        assert_eq!(read(element(Kind::Unsigned, 8), &[0xff; 8]), numbers(&[18_446_744_073_709_551_615.0]));
    }
}
