//! Content that is compared byte for byte.
//!
//! Small content is kept, so that a report can say where the difference is. Of large content a digest and the
//! length are kept, and it is read piece by piece: memory does not grow with the file.

use std::io::Read;

use sha2::{Digest, Sha256};

use crate::report::{Comparison, Deviation, Reason, Side, shown};
use crate::source::{Bytes, Trouble};

/// Content up to this size is kept whole, in bytes: 1 MiB.
pub const KEPT_BYTES: u64 = 1 << 20;

/// How.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ExactPlan {
    pub(crate) skip_gzip_header: bool,
}

/// A SHA-256 digest.
type Sha256Digest = [u8; 32];

/// Content for comparison byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Exact {
    Kept(Vec<u8>),
    Digested { length: u64, digest: Sha256Digest },
}

impl Exact {
    pub(crate) fn read(bytes: Bytes, plan: ExactPlan) -> Result<Self, Trouble> {
        let mut bytes = plan.begin(bytes)?;
        let mut kept = Vec::new();
        bytes.by_ref().take(KEPT_BYTES + 1).read_to_end(&mut kept)?;
        if kept.len() as u64 <= KEPT_BYTES {
            kept.shrink_to_fit();
            return Ok(Self::Kept(kept));
        }
        let (mut length, mut hasher) = (kept.len() as u64, Sha256::new());
        hasher.update(&kept);
        kept.resize(BUFFER, 0);
        loop {
            let count = fill(&mut bytes, &mut kept)?;
            if count == 0 {
                return Ok(Self::Digested { length, digest: hasher.finalize().into() });
            }
            length += count as u64;
            hasher.update(kept.get(..count).unwrap_or_default());
        }
    }

    pub(crate) const fn length(&self) -> u64 {
        match self {
            Self::Kept(bytes) => bytes.len() as u64,
            Self::Digested { length, .. } => *length,
        }
    }

    pub(crate) fn compare(&self, other: &Self) -> Comparison {
        let (left, right) = (self.length(), other.length());
        let compared = left.min(right);
        if self == other {
            return Comparison::of_bytes(Reason::Identical, compared, None);
        }
        let (worst, offset) = match (self, other) {
            (Self::Kept(left), Self::Kept(right)) => {
                let offset = left.iter().zip(right).take_while(|(a, b)| a == b).count();
                let before = left.get(..offset).unwrap_or_default();
                let line = before.iter().filter(|&&byte| byte == b'\n').count() as u64 + 1;
                let column = before.iter().rev().take_while(|&&byte| byte != b'\n').count() as u64 + 1;
                let rest = |bytes: &[u8]| bytes.get(offset..).map(rest_of_line).unwrap_or_default();
                (Some(deviation((line, column), rest(left), rest(right))), Some(offset as u64))
            }
            _ => (None, None),
        };
        Comparison::of_bytes(reason(offset, left, right), compared, worst)
    }
}

fn reason(offset: Option<u64>, left: u64, right: u64) -> Reason {
    match offset {
        _ if left != right => Reason::Length { left, right },
        Some(offset) => Reason::Bytes { offset },
        None => Reason::Digest,
    }
}

fn rest_of_line(rest: &[u8]) -> String {
    shown(rest.split_inclusive(|&byte| byte == b'\n').next().unwrap_or_default())
}

fn deviation(place: (u64, u64), left: String, right: String) -> Deviation {
    let (line, column) = place;
    let rule = "the same bytes".to_owned();
    Deviation {
        line,
        right_line: line,
        column,
        name: None,
        left,
        right,
        rule,
        in_tolerance_units: f64::INFINITY,
    }
}

const BUFFER: usize = 256 << 10;

/// Fills `buffer`, less at the end.
fn fill(bytes: &mut Bytes, buffer: &mut [u8]) -> Result<usize, Trouble> {
    let mut filled = 0;
    while let Some(free) = buffer.get_mut(filled..).filter(|free| !free.is_empty()) {
        match bytes.read(free) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(filled)
}

/// Compares side by side: the first difference is found wherever it is, in constant memory.
pub(crate) fn compare(left: Bytes, right: Bytes, plan: ExactPlan) -> Result<Comparison, (Side, Trouble)> {
    let on_left = |trouble| (Side::Left, trouble);
    let on_right = |trouble| (Side::Right, trouble);
    let mut left = plan.begin(left).map_err(on_left)?;
    let mut right = plan.begin(right).map_err(on_right)?;
    let (mut a, mut b) = (vec![0; BUFFER], vec![0; BUFFER]);
    let (mut lengths, mut line, mut column) = ((0_u64, 0_u64), 1_u64, 1_u64);
    let mut found: Option<(u64, Deviation)> = None;
    loop {
        let count_a = fill(&mut left, &mut a).map_err(on_left)?;
        let count_b = fill(&mut right, &mut b).map_err(on_right)?;
        let (x, y) = (a.get(..count_a).unwrap_or_default(), b.get(..count_b).unwrap_or_default());
        if found.is_none() {
            let same = if x == y { x.len() } else { x.iter().zip(y).take_while(|(a, b)| a == b).count() };
            let before = x.get(..same).unwrap_or_default();
            line += memchr::memchr_iter(b'\n', before).count() as u64;
            column = match memchr::memrchr(b'\n', before) {
                Some(at) => (before.len() - at) as u64,
                None => column + before.len() as u64,
            };
            if x != y {
                let rest = |bytes: &[u8]| bytes.get(same..).map(rest_of_line).unwrap_or_default();
                found = Some((lengths.0 + same as u64, deviation((line, column), rest(x), rest(y))));
            }
        }
        lengths = (lengths.0 + count_a as u64, lengths.1 + count_b as u64);
        if count_a == 0 && count_b == 0 {
            let compared = lengths.0.min(lengths.1);
            return Ok(match found {
                None => Comparison::of_bytes(Reason::Identical, compared, None),
                Some((offset, worst)) => {
                    Comparison::of_bytes(reason(Some(offset), lengths.0, lengths.1), compared, Some(worst))
                }
            });
        }
    }
}

/// The fixed part of a gzip header (RFC 1952).
const GZIP_HEADER: usize = 10;
/// Longest name or comment in a header that is skipped, in bytes.
const GZIP_TEXT: u64 = 64 << 10;

impl ExactPlan {
    /// What is compared: all, or what follows a gzip header. Content that does not begin as gzip is taken whole.
    fn begin(self, bytes: Bytes) -> Result<Bytes, Trouble> {
        if !self.skip_gzip_header {
            return Ok(bytes);
        }
        let mut bytes: Bytes = Box::new(std::io::BufReader::new(bytes));
        let mut head = vec![0; GZIP_HEADER];
        let count = fill(&mut bytes, &mut head)?;
        head.truncate(count);
        let [0x1f, 0x8b, 8, flags, ..] = *head.as_slice() else {
            return Ok(Box::new(std::io::Cursor::new(head).chain(bytes)));
        };
        if flags & 4 != 0 {
            let mut length = [0; 2];
            fill(&mut bytes, &mut length)?;
            std::io::copy(&mut bytes.by_ref().take(u16::from_le_bytes(length).into()), &mut std::io::sink())?;
        }
        for _ in 0..(flags >> 3 & 1) + (flags >> 4 & 1) {
            let (mut byte, mut left) = ([1], GZIP_TEXT);
            while byte != [0] && left > 0 && fill(&mut bytes, &mut byte)? == 1 {
                left -= 1;
            }
        }
        if flags & 2 != 0 {
            fill(&mut bytes, &mut [0; 2])?;
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests;
