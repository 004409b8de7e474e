//! What is kept of a judgement: which results were compared, what was decided, and why.
//!
//! One [`KeptJudgement`] for a workunit that was looked at, with one [`KeptVerdict`] for each result that something
//! was decided about. Decided and worded by the rules and by who compared, written by the store in the transaction
//! of the verdict, read by `cobblestone explain`. Rows are only ever added. db_purge does not know of them, so they
//! hold the names that it removes.

use serde::{Deserialize, Serialize};

use crate::id::{AppId, HostId, ResultId, UserId, WorkunitId};

/// What was decided about a result. The strings are fixed: they stand in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// It agrees with the canonical result, or is it.
    Valid,
    /// It differs from the canonical result.
    Invalid,
    /// Nothing yet: no quorum, or the comparison could not say.
    Inconclusive,
    /// It came too late to be compared: the canonical result's files are gone.
    TooLate,
    /// Its own output can't be used.
    Error,
    /// Something can't be read now; it is looked at again.
    Later,
}

/// A decision in the database is none of those.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("decision {0:?} is unknown; was it written by a newer version?")]
pub struct UnknownDecision(pub String);

impl Decision {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Valid, Self::Invalid, Self::Inconclusive, Self::TooLate, Self::Error, Self::Later];

    /// The string in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Invalid => "invalid",
            Self::Inconclusive => "inconclusive",
            Self::TooLate => "too_late",
            Self::Error => "error",
            Self::Later => "later",
        }
    }
}

impl std::fmt::Display for Decision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Decision {
    type Err = UnknownDecision;
    fn from_str(text: &str) -> Result<Self, UnknownDecision> {
        Self::ALL
            .into_iter()
            .find(|decision| decision.as_str() == text)
            .ok_or_else(|| UnknownDecision(text.to_owned()))
    }
}

/// How a result compares with its partner, at the place where they are farthest apart.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Difference {
    /// The other result; 0 = there was none.
    pub partner: ResultId,
    /// Largest deviation in units of the tolerance, at most 1 where they agree. None: nothing deviates, or it is no
    /// number.
    pub deviation: Option<f64>,
    /// File and place in it; empty = nowhere.
    pub place: String,
    /// What stands there, escaped.
    pub value: String,
    /// What stands there in the partner, escaped.
    pub partner_value: String,
}

/// One result of a judgement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeptVerdict {
    #[allow(missing_docs)]
    pub result: ResultId,
    /// `result.name`
    pub name: String,
    #[allow(missing_docs)]
    pub host: HostId,
    #[allow(missing_docs)]
    pub user: UserId,
    #[allow(missing_docs)]
    pub decision: Decision,
    /// For a person.
    pub reason: String,
    #[allow(missing_docs)]
    pub difference: Difference,
    /// How its credit was found; empty where there is none.
    pub formula: String,
    /// `granted_credit` as it stood afterwards, cobblestones.
    pub credit: f64,
}

/// One look at a workunit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeptJudgement {
    #[allow(missing_docs)]
    pub workunit: WorkunitId,
    /// Counts the judgements of the workunit, from 1.
    pub n: i32,
    /// Unix seconds.
    pub time: f64,
    #[allow(missing_docs)]
    pub app: AppId,
    /// `workunit.name`
    pub name: String,
    /// `canonical`, `no_consensus`, `late`, `later` or `canonical_missing`.
    pub outcome: String,
    /// 0 = none.
    pub canonical: ResultId,
    /// As it was used: raised where a result was suspicious.
    pub min_quorum: i32,
    /// The credit mode's name in configuration files.
    pub credit_mode: String,
    /// Number of the spec in force in `cobblestone_spec`.
    pub spec: i32,
    /// Version of the rules.
    pub rule_version: u32,
    /// Who agreed with whom, see [`Matrix`].
    pub matrix: Matrix,
    /// The canonical result's compared files; empty when there is no canonical result.
    pub files: Vec<KeptFile>,
    /// What a person may want to know: a chain, a raised quorum.
    pub notes: Vec<String>,
    /// In the order of ids.
    pub verdicts: Vec<KeptVerdict>,
}

/// A compared file of the canonical result, as it was when it was compared.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct KeptFile {
    /// Its logical name (`open_name`).
    pub name: String,
    /// Lower-case hexadecimal.
    pub sha256: String,
    #[allow(missing_docs)]
    pub bytes: u64,
}

/// Who agreed with whom, in a text of a few bytes per pair.
///
/// `of` are the results. `pairs` are those above the diagonal, row by row: `=` equal, `=0.31` agree with the largest
/// deviation in units of the tolerance, `!` differ, `!12` differ by so many tolerances, `?` the comparison could not
/// say, `-` not compared.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Matrix {
    #[allow(missing_docs)]
    pub of: Vec<i32>,
    #[allow(missing_docs)]
    pub pairs: Vec<String>,
    /// Those of them that do not agree with themselves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub odd: Vec<i32>,
}

impl Matrix {
    /// What comparing the results at two positions gave; None on the diagonal and outside.
    #[must_use]
    pub fn pair(&self, i: usize, j: usize) -> Option<&str> {
        let n = self.of.len();
        let (i, j) = (i.min(j), i.max(j));
        if i == j || j >= n {
            return None;
        }
        // Rows above: n − 1, n − 2, … pairs.
        let before = i.checked_mul(2 * n - i - 1)? / 2;
        self.pairs.get(before + j - i - 1).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decisions_have_fixed_strings() {
        for decision in Decision::ALL {
            assert_eq!(decision.to_string().parse(), Ok(decision));
            assert_eq!(serde_json::to_string(&decision).unwrap(), format!("\"{decision}\""));
        }
        assert!("Valid".parse::<Decision>().is_err());
    }

    #[test]
    fn pairs_are_found_in_both_directions() {
        let pairs = ["01", "02", "03", "12", "13", "23"].map(str::to_owned).to_vec();
        let matrix = Matrix { of: vec![10, 11, 12, 13], pairs, odd: vec![] };
        for i in 0..4_usize {
            for j in 0..4_usize {
                let wanted = (i != j).then(|| format!("{}{}", i.min(j), i.max(j)));
                assert_eq!(matrix.pair(i, j), wanted.as_deref());
            }
        }
        assert_eq!(matrix.pair(0, 4), None);
        assert_eq!(Matrix::default().pair(0, 1), None);
        let cut = Matrix { pairs: vec![], ..matrix };
        assert_eq!(cut.pair(0, 1), None);
    }
}
