//! One value of a record in sixteen bytes: what it means, and where in the record's bytes it stands.
//!
//! A number is kept as its bits. Everything else hides in the bit patterns of NaN, of which IEEE 754 leaves 2⁵²
//! unused.

use crate::rule::Meaning;

const NOT_A_NUMBER: u64 = 0x7ff8_0000_0000_0000;
const TEXT: u64 = 0x7ff8_0000_0000_0001;
const MISSING: u64 = 0x7ff8_0000_0000_0002;
const TOO_LARGE: u64 = 0x7ff8_0000_0000_0003;
const TOO_LARGE_NEGATIVE: u64 = 0x7ff8_0000_0000_0004;

/// A value of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    bits: u64,
    begin: u32,
    end: u32,
}

impl Cell {
    /// A value that means `meaning` and stands at `begin..end` of the record's bytes.
    #[inline]
    pub const fn new(meaning: Meaning, begin: usize, end: usize) -> Self {
        let bits = match meaning {
            Meaning::Number(value) if value.is_nan() => NOT_A_NUMBER,
            Meaning::Number(value) => value.to_bits(),
            Meaning::NotANumber => NOT_A_NUMBER,
            Meaning::Text => TEXT,
            Meaning::Missing => MISSING,
            Meaning::TooLarge { is_negative: false } => TOO_LARGE,
            Meaning::TooLarge { is_negative: true } => TOO_LARGE_NEGATIVE,
        };
        // Lossless: a record is shorter than 4 GiB (`LONGEST_RECORD`).
        Self { bits, begin: begin as u32, end: end as u32 }
    }

    /// What it means.
    #[inline]
    pub const fn meaning(self) -> Meaning {
        match self.bits {
            NOT_A_NUMBER => Meaning::NotANumber,
            TEXT => Meaning::Text,
            MISSING => Meaning::Missing,
            TOO_LARGE => Meaning::TooLarge { is_negative: false },
            TOO_LARGE_NEGATIVE => Meaning::TooLarge { is_negative: true },
            bits => Meaning::Number(f64::from_bits(bits)),
        }
    }

    /// The number, or some NaN if it is none.
    #[inline]
    pub const fn as_number(self) -> f64 {
        f64::from_bits(self.bits)
    }

    /// Whether it is a NaN that was read, not a text.
    #[inline]
    pub const fn is_not_a_number(self) -> bool {
        self.bits == NOT_A_NUMBER
    }

    /// Where it stands.
    pub const fn span(self) -> std::ops::Range<usize> {
        self.begin as usize..self.end as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_goes_in_comes_out(bits in any::<u64>(), begin in 0..u32::MAX as usize, length in 0..9_usize) {
            let value = f64::from_bits(bits);
            let cell = Cell::new(Meaning::Number(value), begin, begin);
            let expected = if value.is_nan() { Meaning::NotANumber } else { Meaning::Number(value) };
            prop_assert_eq!(cell.meaning(), expected);
            let end = (begin + length).min(u32::MAX as usize);
            let too_large = |is_negative| Meaning::TooLarge { is_negative };
            for meaning in [Meaning::Text, Meaning::Missing, Meaning::NotANumber, too_large(true), too_large(false)] {
                let cell = Cell::new(meaning, begin, end);
                prop_assert_eq!(cell.meaning(), meaning);
                prop_assert_eq!(cell.span(), begin..end);
                prop_assert!(cell.as_number().is_nan());
            }
        }
    }
}
