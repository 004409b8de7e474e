//! Which rule a column has.

use std::collections::HashMap;

use crate::spec::Selector;

use super::{Measure, Rule};

/// The rules of a file. The first one that names a column counts; a column that none names is compared exactly.
#[derive(Debug, Clone)]
pub(crate) struct RuleSet {
    /// With the columns that each is for. The last one is for all that is left.
    rules: Vec<(Vec<Selector>, Rule)>,
}

/// For columns that nobody names.
const LAST: Rule = Rule::new(Measure::Exact);

impl RuleSet {
    pub(crate) fn new(mut rules: Vec<(Vec<Selector>, Rule)>) -> Self {
        rules.push((vec![Selector::all()], LAST));
        Self { rules }
    }

    pub(crate) fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter().map(|(_, rule)| rule)
    }

    /// The number of the rule for column `index` (from 0) with this name, empty if it has none.
    pub(crate) fn find(&self, index: Option<usize>, name: &[u8]) -> usize {
        self.rules
            .iter()
            .position(|(columns, _)| columns.iter().any(|column| column.takes(index, name)))
            .unwrap_or(self.rules.len().saturating_sub(1))
    }

    /// The rule of a value: of column `index` (from 0) with this name, or of a record with this label.
    pub(crate) fn of(&self, index: usize, label: &[u8], name: &[u8]) -> &Rule {
        self.get(match label {
            [] => self.find(Some(index), name),
            label => self.find(None, label),
        })
    }

    #[inline]
    fn get(&self, number: usize) -> &Rule {
        self.rules.get(number).map_or(&LAST, |(_, rule)| rule)
    }
}

/// Rules by number of the column or by label, found once for each.
#[derive(Debug, Clone)]
pub(crate) struct Columns<'p> {
    set: &'p RuleSet,
    /// Names from the header.
    names: Vec<Vec<u8>>,
    /// Numbers of rules.
    known: Vec<usize>,
    labels: HashMap<Vec<u8>, usize>,
    /// All columns have the first rule, so nothing needs to be looked up.
    only_one: bool,
}

/// Columns and labels whose rule is kept; beyond, it is looked up each time. Bounds the memory for hostile content.
const KEPT: usize = 65_536;

impl<'p> Columns<'p> {
    pub(crate) fn new(set: &'p RuleSet, names: &[Vec<u8>]) -> Self {
        let only_one = set.rules.first().is_some_and(|(columns, _)| columns.iter().any(Selector::is_all));
        Self { set, names: names.to_vec(), known: Vec::new(), labels: HashMap::new(), only_one }
    }

    /// Number of the rule, and the rule, of the column (from 0).
    #[inline]
    pub(crate) fn rule(&mut self, column: usize) -> (usize, &'p Rule) {
        let number = if self.only_one {
            0
        } else if let Some(known) = self.known.get(column) {
            *known
        } else {
            self.look_up(column)
        };
        (number, self.set.get(number))
    }

    #[cold]
    fn look_up(&mut self, column: usize) -> usize {
        while self.known.len() <= column.min(KEPT - 1) {
            let next = self.known.len();
            let found = self.set.find(Some(next), self.name(next));
            self.known.push(found);
        }
        self.known.get(column).copied().unwrap_or_else(|| self.set.find(Some(column), self.name(column)))
    }

    /// The rule of a record's values, where records have labels.
    pub(crate) fn labelled(&mut self, label: &[u8]) -> (usize, &'p Rule) {
        let known = if self.only_one { Some(0) } else { self.labels.get(label).copied() };
        let number = known.unwrap_or_else(|| {
            let number = self.set.find(None, label);
            if self.labels.len() < KEPT {
                self.labels.insert(label.to_vec(), number);
            }
            number
        });
        (number, self.set.get(number))
    }

    /// Name of the column (from 0), empty if it has none.
    pub(crate) fn name(&self, column: usize) -> &[u8] {
        self.names.get(column).map(Vec::as_slice).unwrap_or_default()
    }
}
