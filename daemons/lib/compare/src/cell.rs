//! One value of a table in eight bytes.
//!
//! A number is kept as its bits. Everything else hides in the bit patterns of NaN, of which IEEE 754 leaves
//! 2⁵² unused: one stands for NaN itself, the others carry the index of a text.

use crate::number::Meaning;

const NOT_A_NUMBER: u64 = 0x7ff8_0000_0000_0000;
const TEXT: u64 = 0x7ff8_0001_0000_0000;

/// A value of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cell(u64);

/// What a cell holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Content {
    Number(f64),
    NotANumber,
    /// Index into the table's texts.
    Text(u32),
}

impl Cell {
    /// `next_text` is the index that a text gets.
    pub(crate) const fn new(meaning: Meaning, next_text: u32) -> Self {
        match meaning {
            Meaning::Number(value) => Self::number(value),
            Meaning::NotANumber => Self(NOT_A_NUMBER),
            Meaning::Text => Self(TEXT | next_text as u64),
        }
    }

    /// `value` that is NaN becomes the one NaN.
    pub(crate) const fn number(value: f64) -> Self {
        if value.is_nan() { Self(NOT_A_NUMBER) } else { Self(value.to_bits()) }
    }

    pub(crate) fn content(self) -> Content {
        let value = self.as_number();
        if !value.is_nan() {
            Content::Number(value)
        } else if self.0 & TEXT == TEXT {
            Content::Text((self.0 & u64::from(u32::MAX)) as u32)
        } else {
            Content::NotANumber
        }
    }

    /// The number, or some NaN if it is none.
    pub(crate) const fn as_number(self) -> f64 {
        f64::from_bits(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_goes_in_comes_out(bits in any::<u64>(), index in any::<u32>()) {
            let value = f64::from_bits(bits);
            let expected = if value.is_nan() { Content::NotANumber } else { Content::Number(value) };
            prop_assert_eq!(Cell::number(value).content(), expected);
            prop_assert_eq!(Cell::new(Meaning::Text, index).content(), Content::Text(index));
            prop_assert_eq!(Cell::new(Meaning::NotANumber, index).content(), Content::NotANumber);
        }
    }
}
