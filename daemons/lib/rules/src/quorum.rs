//! Which result stands for the workunit: a pure choice from who agrees with whom.
//!
//! Invariant: the choice depends on the set of results and their agreements, never on the order of rows.
//!
//! A result is a candidate when it agrees with itself and with at least ⌊min_quorum/2⌋ others
//! (`check_set` in `sched/validate_util2.cpp`: matches, itself included, ≥ min_quorum/2 + 1). A result that
//! does not agree with itself (a NaN that no rule allows) never is.
//!
//! Which candidate:
//! - [`Agreement::exact`] comparison makes classes of equal results; the candidate of the lowest id wins.
//!   That is stock's choice when its rows come in the order of ids, number by number.
//! - [`Agreement::fuzzy`] comparison (or an exact one that turns out not to be transitive): most agreements,
//!   then the smallest total deviation from those it agrees with, then the lowest id. Differs: stock takes the
//!   first row that qualifies, so that a value at the edge of a chain can win.
//!
//! Two more things can count, as [`Electorate`] says: results of one owner may not confirm each other, and a
//! suspicious result becomes canonical only where no other can.

use std::collections::{BTreeMap, BTreeSet};

use boinc::id::ResultId;

/// What comparing two results gave.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pair {
    /// They agree; how far apart they are, in units of the tolerance (0 = equal).
    Agrees {
        #[allow(missing_docs)]
        deviation: f64,
    },
    /// They differ.
    Differs,
    /// The comparison could not say (a script crashed, say). Never costs anybody credit.
    Unknown,
}

impl Pair {
    /// They agree exactly.
    pub const EQUAL: Self = Self::Agrees { deviation: 0.0 };

    /// [`Pair::EQUAL`] or [`Pair::Differs`].
    #[must_use]
    pub const fn exact(equal: bool) -> Self {
        if equal { Self::EQUAL } else { Self::Differs }
    }

    fn agrees(self) -> bool {
        matches!(self, Self::Agrees { .. })
    }

    /// Agreement in both directions counts; a doubt in one direction is a doubt.
    fn both(self, other: Self) -> Self {
        match (self, other) {
            (Self::Agrees { deviation: a }, Self::Agrees { deviation: b }) => {
                Self::Agrees { deviation: a.max(b) }
            }
            (Self::Differs, _) | (_, Self::Differs) => Self::Differs,
            _ => Self::Unknown,
        }
    }
}

/// Whose confirmations count, and who is suspicious.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Electorate {
    /// Owners (users or hosts) of results. Results of one owner do not confirm each other, and count as one
    /// confirmation of a third. A result that is not named here is its own owner.
    pub owners: BTreeMap<ResultId, i64>,
    /// Canonical only where no other candidate is.
    pub suspicious: BTreeSet<ResultId>,
}

impl Electorate {
    /// How many confirmations of `id` these others are.
    fn confirmations(&self, id: ResultId, others: impl Iterator<Item = ResultId>) -> usize {
        let own = self.owners.get(&id);
        let mut owners = BTreeSet::new();
        let mut unnamed = 0;
        for other in others {
            match self.owners.get(&other) {
                owner if owner.is_some() && owner == own => {}
                Some(owner) => {
                    owners.insert(*owner);
                }
                None => unnamed += 1,
            }
        }
        owners.len() + unnamed
    }
}

/// Who agrees with whom: a dense symmetric matrix over results.
#[derive(Debug, Clone, PartialEq)]
pub struct Agreement {
    ids: Vec<ResultId>,
    pairs: Vec<Pair>,
    exact: bool,
}

/// The choice.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// The result that stands for the workunit.
    pub canonical: ResultId,
    /// Results that agree with it, itself included, in the order of ids.
    pub valid: Vec<ResultId>,
    /// Results that differ from it.
    pub invalid: Vec<ResultId>,
    /// Results of which the comparison with it could not say.
    pub unknown: Vec<ResultId>,
    /// Results that differ from the canonical one, but agree with one that agrees with it: the tolerance is
    /// not transitive here, and a person may want to know.
    pub chained: Vec<ResultId>,
}

impl Agreement {
    /// An agreement by equality: `equal(i, j)` for positions in `ids`, each pair asked once with i < j; a result
    /// equals itself.
    #[must_use]
    pub fn exact(ids: Vec<ResultId>, mut equal: impl FnMut(usize, usize) -> bool) -> Self {
        Self::build(ids, true, |i, j| if i == j { Pair::EQUAL } else { Pair::exact(equal(i, j)) })
    }

    /// An agreement within tolerances: `pair(i, j)` for positions in `ids`, each pair asked once with i ≤ j.
    /// i = j asks whether the result agrees with itself.
    #[must_use]
    pub fn fuzzy(ids: Vec<ResultId>, pair: impl FnMut(usize, usize) -> Pair) -> Self {
        Self::build(ids, false, pair)
    }

    fn build(ids: Vec<ResultId>, exact: bool, mut pair: impl FnMut(usize, usize) -> Pair) -> Self {
        let n = ids.len();
        let mut pairs = vec![Pair::Unknown; n * n];
        for i in 0..n {
            for j in i..n {
                let found = pair(i, j);
                for at in [i * n + j, j * n + i] {
                    if let Some(cell) = pairs.get_mut(at) {
                        *cell = found;
                    }
                }
            }
        }
        Self { ids, pairs, exact }
    }

    /// From a full matrix that need not be symmetric, as `rows[i][j]`; both directions must agree.
    /// None when it is not square.
    #[must_use]
    pub fn from_matrix(ids: Vec<ResultId>, exact: bool, rows: &[Vec<Pair>]) -> Option<Self> {
        if rows.len() != ids.len() || rows.iter().any(|row| row.len() != ids.len()) {
            return None;
        }
        let cell =
            |i: usize, j: usize| rows.get(i).and_then(|row| row.get(j)).copied().unwrap_or(Pair::Unknown);
        Some(Self::build(ids, exact, |i, j| cell(i, j).both(cell(j, i))))
    }

    /// The results, in the caller's order.
    #[must_use]
    pub fn ids(&self) -> &[ResultId] {
        &self.ids
    }

    /// What comparing the results at two positions gave.
    #[must_use]
    pub fn pair(&self, i: usize, j: usize) -> Pair {
        self.pairs.get(i * self.ids.len() + j).copied().unwrap_or(Pair::Unknown)
    }

    fn agrees(&self, i: usize, j: usize) -> bool {
        self.pair(i, j).agrees()
    }

    fn is_transitive(&self) -> bool {
        let n = self.ids.len();
        (0..n).all(|i| {
            (0..n)
                .filter(|j| self.agrees(i, *j))
                .all(|j| (0..n).all(|k| self.agrees(i, k) == self.agrees(j, k)))
        })
    }

    /// Whether a comparison that could not say stands between these results and a quorum, and one more result would
    /// hardly help: nothing can be chosen, something could if every doubt were an agreement, and the doubts are not
    /// all about one result. (Where they are, another result shows whether it is that one which is odd.)
    #[must_use]
    pub fn is_stuck(&self, min_quorum: i32, electorate: &Electorate) -> bool {
        let n = self.ids.len();
        let doubts: Vec<(usize, usize)> = (0..n)
            .flat_map(|i| (i..n).map(move |j| (i, j)))
            .filter(|(i, j)| self.pair(*i, *j) == Pair::Unknown)
            .collect();
        let of_one = (0..n).any(|one| doubts.iter().all(|(i, j)| *i == one || *j == one));
        if doubts.is_empty() || of_one || self.choose_among(min_quorum, electorate).is_some() {
            return false;
        }
        let mut hoped = self.clone();
        hoped.pairs.iter_mut().filter(|pair| **pair == Pair::Unknown).for_each(|pair| *pair = Pair::EQUAL);
        hoped.choose_among(min_quorum, electorate).is_some()
    }

    /// How often others confirm the result at a position, and their total deviation from it. Summed in the
    /// order of size: the order of rows must not show, not even in the last digit.
    fn support(&self, i: usize, electorate: &Electorate) -> (usize, f64) {
        let agreeing = || (0..self.ids.len()).filter(move |j| *j != i && self.agrees(i, *j));
        let mut deviations: Vec<f64> = agreeing()
            .filter_map(|j| match self.pair(i, j) {
                Pair::Agrees { deviation } => Some(deviation.max(0.0)),
                Pair::Differs | Pair::Unknown => None,
            })
            .collect();
        deviations.sort_by(f64::total_cmp);
        let others = agreeing().filter_map(|j| self.ids.get(j).copied());
        let count = self.ids.get(i).map_or(0, |id| electorate.confirmations(*id, others));
        (count, deviations.iter().sum())
    }

    /// The canonical result, if there is one, where every result speaks for itself.
    #[must_use]
    pub fn choose(&self, min_quorum: i32) -> Option<Choice> {
        self.choose_among(min_quorum, &Electorate::default())
    }

    /// Whether a result differs from itself, so that nothing can confirm it.
    #[must_use]
    pub fn is_odd(&self, id: ResultId) -> bool {
        let at = self.ids.iter().position(|other| *other == id);
        at.is_some_and(|at| self.pair(at, at) == Pair::Differs)
    }

    /// How many others confirm a result.
    #[must_use]
    pub fn confirmations(&self, id: ResultId, electorate: &Electorate) -> usize {
        self.ids.iter().position(|other| *other == id).map_or(0, |at| self.support(at, electorate).0)
    }

    /// How many others a canonical result has to be confirmed by.
    #[must_use]
    pub fn needed(min_quorum: i32) -> usize {
        usize::try_from(min_quorum / 2).unwrap_or(0)
    }

    /// The canonical result, if there is one. See the module's documentation.
    #[must_use]
    pub fn choose_among(&self, min_quorum: i32, electorate: &Electorate) -> Option<Choice> {
        let needed = Self::needed(min_quorum);
        let suspicious = |i: &usize| self.ids.get(*i).is_some_and(|id| electorate.suspicious.contains(id));
        let by_id_only = self.exact && self.is_transitive();
        let best = (0..self.ids.len())
            .filter(|i| self.agrees(*i, *i))
            .filter_map(|i| {
                let (count, deviation) = self.support(i, electorate);
                (count >= needed).then_some((i, count, deviation))
            })
            .min_by(|(i, ci, di), (j, cj, dj)| {
                let by_id = self.ids.get(*i).cmp(&self.ids.get(*j));
                let by_trust = suspicious(i).cmp(&suspicious(j));
                by_trust.then(if by_id_only { by_id } else { cj.cmp(ci).then(di.total_cmp(dj)).then(by_id) })
            })
            .map(|(i, _, _)| i)?;
        self.choice(best)
    }

    fn choice(&self, canonical: usize) -> Option<Choice> {
        let mut choice = Choice {
            canonical: *self.ids.get(canonical)?,
            valid: Vec::new(),
            invalid: Vec::new(),
            unknown: Vec::new(),
            chained: Vec::new(),
        };
        for (j, id) in self.ids.iter().enumerate() {
            match self.pair(canonical, j) {
                Pair::Agrees { .. } => choice.valid.push(*id),
                Pair::Unknown => choice.unknown.push(*id),
                Pair::Differs => {
                    choice.invalid.push(*id);
                    if (0..self.ids.len()).any(|k| k != j && self.agrees(canonical, k) && self.agrees(k, j)) {
                        choice.chained.push(*id);
                    }
                }
            }
        }
        for list in [&mut choice.valid, &mut choice.invalid, &mut choice.unknown, &mut choice.chained] {
            list.sort_unstable();
        }
        Some(choice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ids(ids: &[i32]) -> Vec<ResultId> {
        ids.iter().map(|id| ResultId(*id)).collect()
    }

    fn values(numbers: &[(i32, f64)], tolerance: f64) -> Agreement {
        let list = numbers.iter().map(|(id, _)| ResultId(*id)).collect();
        Agreement::fuzzy(list, |i, j| {
            let distance = (numbers[i].1 - numbers[j].1).abs();
            if distance <= tolerance {
                Pair::Agrees { deviation: distance / tolerance }
            } else {
                Pair::Differs
            }
        })
    }

    #[test]
    fn half_the_quorum_of_others_is_enough() {
        for (min_quorum, matches, found) in
            [(1, 1, true), (2, 1, false), (2, 2, true), (3, 2, true), (4, 2, false), (4, 3, true)]
        {
            let all: Vec<i32> = (0..5).collect();
            let agreement = Agreement::exact(ids(&all), |i, j| i < matches && j < matches);
            assert_eq!(agreement.choose(min_quorum).is_some(), found, "{min_quorum} {matches}");
        }
    }

    #[test]
    fn equal_results_make_classes_and_the_lowest_id_wins_as_in_stock() {
        let class = [0, 1, 1, 2, 1];
        let agreement = Agreement::exact(ids(&[53, 56, 54, 55, 57]), |i, j| class[i] == class[j]);
        let choice = agreement.choose(1).unwrap();
        assert_eq!((choice.canonical, choice.valid), (ResultId(53), ids(&[53])));
        let choice = agreement.choose(2).unwrap();
        assert_eq!((choice.canonical, choice.valid), (ResultId(54), ids(&[54, 56, 57])));
        assert_eq!(choice.invalid, ids(&[53, 55]));
        assert!(choice.chained.is_empty());
    }

    #[test]
    fn the_middle_of_a_chain_wins_and_the_chain_is_reported() {
        let choice = values(&[(1, 1.0), (2, 1.9), (3, 2.8), (4, 3.7)], 1.0).choose(2).unwrap();
        assert_eq!(choice.canonical, ResultId(2));
        assert_eq!(choice.valid, ids(&[1, 2, 3]));
        assert_eq!((choice.invalid, choice.chained), (ids(&[4]), ids(&[4])));
    }

    #[test]
    fn then_the_smallest_deviation_then_the_lowest_id() {
        let choice = values(&[(1, 1.0), (2, 1.5), (3, 1.4)], 1.0).choose(2).unwrap();
        assert_eq!(choice.canonical, ResultId(3));
        let choice = values(&[(9, 1.0), (4, 1.0), (6, 1.0)], 1.0).choose(2).unwrap();
        assert_eq!(choice.canonical, ResultId(4));
    }

    #[test]
    fn a_lone_nan_is_no_candidate() {
        let agreement = values(&[(1, f64::NAN)], 1.0);
        assert_eq!(agreement.choose(1), None);
        assert_eq!(values(&[(1, f64::NAN), (2, 3.0)], 1.0).choose(1).unwrap().canonical, ResultId(2));
    }

    #[test]
    fn a_doubt_is_neither_agreement_nor_difference() {
        let unsure = |i: usize, j: usize| if i == j || i + j == 1 { Pair::EQUAL } else { Pair::Unknown };
        let choice = Agreement::fuzzy(ids(&[1, 2, 3]), unsure).choose(2).unwrap();
        assert_eq!((choice.valid, choice.invalid, choice.unknown), (ids(&[1, 2]), vec![], ids(&[3])));
    }

    #[test]
    fn doubts_about_more_than_one_result_are_not_mended_by_another_one() {
        let stuck = |n: i32, min_quorum: i32, pair: &dyn Fn(usize, usize) -> Pair| {
            let all: Vec<i32> = (1..=n).collect();
            Agreement::fuzzy(ids(&all), pair).is_stuck(min_quorum, &Electorate::default())
        };
        let never = |i: usize, j: usize| if i == j { Pair::EQUAL } else { Pair::Unknown };
        let found: Vec<bool> = (1..=5).map(|n| stuck(n, 2, &never)).collect();
        assert_eq!(found, [false, false, true, true, true], "of two, one may be odd: a third one shows it");
        assert!(stuck(3, 3, &never) && !stuck(3, 1, &never));
        // The third one agrees with nobody for sure, and the others differ: another result may agree with one of them.
        let one = |i: usize, j: usize| match (i, j) {
            _ if i == j => Pair::EQUAL,
            (_, 2) => Pair::Unknown,
            _ => Pair::Differs,
        };
        assert!(!stuck(3, 2, &one));
        // A quorum that no doubt stands in the way of.
        assert!(!stuck(3, 6, &never), "too few, whatever the doubts are");
        assert!(!stuck(4, 2, &|i, j| if i + j == 1 { Pair::EQUAL } else { never(i, j) }), "two agree");
        assert!(stuck(2, 2, &|_, _| Pair::Unknown), "none agrees with itself for sure");
    }

    #[test]
    fn results_of_one_owner_do_not_confirm_each_other() {
        let owners = [(ResultId(1), 7), (ResultId(2), 7), (ResultId(3), 7), (ResultId(4), 8)];
        let electorate = Electorate { owners: owners.into(), ..Electorate::default() };
        let two = Agreement::exact(ids(&[1, 2]), |_, _| true);
        assert!(two.choose(2).is_some() && two.choose_among(2, &electorate).is_none());
        assert!(two.choose_among(1, &electorate).is_some(), "a quorum of one needs no confirmation");
        let four = Agreement::exact(ids(&[1, 2, 3, 4]), |_, _| true);
        assert_eq!(four.choose_among(2, &electorate).unwrap().valid.len(), 4);
        // The three of one owner are one confirmation of the fourth.
        assert!(four.choose(4).is_some() && four.choose_among(4, &electorate).is_none());
    }

    #[test]
    fn most_confirmations_are_those_of_most_owners() {
        // Three of one owner, and three of three: as many agreements, but only the latter are confirmations.
        let numbers = [(1, 1.0), (2, 1.0), (3, 1.0), (4, 3.0), (5, 3.5), (6, 4.0)];
        let agreement = values(&numbers, 1.0);
        assert_eq!(agreement.choose(2).unwrap().canonical, ResultId(1));
        let owners = (1..=3).map(|id| (ResultId(id), 7)).collect();
        let electorate = Electorate { owners, ..Electorate::default() };
        let choice = agreement.choose_among(2, &electorate).unwrap();
        assert_eq!((choice.canonical, choice.valid), (ResultId(5), ids(&[4, 5, 6])));
    }

    #[test]
    fn a_suspicious_result_wins_only_where_no_other_can() {
        let agreement = Agreement::exact(ids(&[1, 2, 3]), |_, _| true);
        let suspects = |list: &[i32]| Electorate {
            suspicious: ids(list).into_iter().collect(),
            ..Electorate::default()
        };
        assert_eq!(agreement.choose_among(2, &suspects(&[1])).unwrap().canonical, ResultId(2));
        assert_eq!(agreement.choose_among(2, &suspects(&[1, 2, 3])).unwrap().canonical, ResultId(1));
    }

    #[test]
    fn both_directions_must_agree() {
        let a = Pair::Agrees { deviation: 0.5 };
        let rows = vec![vec![Pair::EQUAL, a], vec![Pair::Differs, Pair::EQUAL]];
        assert_eq!(Agreement::from_matrix(ids(&[1, 2]), false, &rows).unwrap().choose(2), None);
        assert_eq!(Agreement::from_matrix(ids(&[1]), false, &rows), None);
    }

    #[test]
    fn odd_quorums_do_not_panic() {
        assert!(Agreement::exact(vec![], |_, _| true).choose(0).is_none());
        assert!(Agreement::exact(ids(&[1]), |_, _| true).choose(-7).is_some());
        assert!(Agreement::exact(ids(&[1]), |_, _| true).choose(i32::MAX).is_none());
    }

    proptest! {
        #[test]
        fn the_order_of_rows_does_not_matter(
            numbers in proptest::collection::vec(0u8..12, 1..8),
            shuffle in any::<u64>(),
            tolerance in 1u8..5,
            min_quorum in 1..5,
            exact in any::<bool>(),
        ) {
            let mut rows: Vec<(i32, f64)> =
                numbers.iter().enumerate().map(|(i, v)| (i32::try_from(i).unwrap() + 1, f64::from(*v))).collect();
            let choose = |rows: &[(i32, f64)]| {
                if exact {
                    let list = rows.iter().map(|(id, _)| ResultId(*id)).collect();
                    Agreement::exact(list, |i, j| rows[i].1 == rows[j].1).choose(min_quorum)
                } else {
                    values(rows, f64::from(tolerance)).choose(min_quorum)
                }
            };
            let first = choose(&rows);
            let mut seed = shuffle;
            for i in (1..rows.len()).rev() {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                rows.swap(i, usize::try_from(seed >> 33).unwrap() % (i + 1));
            }
            prop_assert_eq!(&first, &choose(&rows));
            if let Some(choice) = first {
                prop_assert!(choice.valid.len() > usize::try_from(min_quorum / 2).unwrap());
                prop_assert!(choice.valid.contains(&choice.canonical));
            }
        }

        /// With an equivalence the choice is stock's: the first row, in the order of ids, that has matches enough.
        #[test]
        fn exact_choice_is_stocks(classes in proptest::collection::vec(0u8..4, 1..8), min_quorum in 1i32..5) {
            let list: Vec<i32> = (1..=i32::try_from(classes.len()).unwrap()).collect();
            let stock = classes.iter().position(|c| {
                i32::try_from(classes.iter().filter(|d| c == *d).count()).unwrap() > min_quorum / 2
            });
            let ours = Agreement::exact(ids(&list), |i, j| classes[i] == classes[j]).choose(min_quorum);
            prop_assert_eq!(ours.map(|c| c.canonical), stock.map(|i| ResultId(list[i])));
        }
    }
}
