//! Which rule a column has.

use std::collections::HashMap;

use crate::format::{RowRef, Values};
use crate::spec::Selector;

use super::{Measure, Rule};

/// The rules of a file. The first one that names a column counts; a column that none names is compared exactly.
#[derive(Debug, Clone)]
pub(crate) struct RuleSet {
    /// With the columns that each is for. The last one is for all that is left.
    rules: Vec<(Vec<Selector>, Rule)>,
    /// Values of one list may have different rules. Otherwise no pattern has a digit or `?`, so none can tell
    /// `/p[0]` from `/p[1]`.
    tells_values_apart: bool,
}

/// For columns that nobody names.
const LAST: Rule = Rule::new(Measure::Exact);

impl RuleSet {
    pub(crate) fn new(mut rules: Vec<(Vec<Selector>, Rule)>) -> Self {
        rules.push((vec![Selector::all()], LAST));
        let tells_values_apart = rules.iter().flat_map(|(columns, _)| columns).any(
            |column| matches!(column, Selector::Name(name) if name.contains(|c: char| c == '?' || c.is_ascii_digit())),
        );
        Self { rules, tells_values_apart }
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
    /// By the label of a record: the rules of its values but the first, as far as they are known.
    lists: HashMap<Vec<u8>, Vec<usize>>,
    /// Rules in `lists`.
    listed: usize,
    /// All columns have the first rule, so nothing needs to be looked up.
    only_one: bool,
}

/// Columns and labels whose rule is kept; beyond, it is looked up each time. Bounds the memory for hostile content.
const KEPT: usize = 65_536;

impl<'p> Columns<'p> {
    pub(crate) fn new(set: &'p RuleSet, names: &[Vec<u8>]) -> Self {
        let only_one = set.rules.first().is_some_and(|(columns, _)| columns.iter().any(Selector::is_all));
        Self {
            set,
            names: names.to_vec(),
            known: Vec::new(),
            labels: HashMap::new(),
            lists: HashMap::new(),
            listed: 0,
            only_one,
        }
    }

    /// Number of the rule, and the rule, of a value (from 0) of a record.
    #[inline]
    pub(crate) fn of(&mut self, row: RowRef<'_>, column: usize) -> (usize, &'p Rule) {
        match row.label {
            [] => self.rule(column),
            _ if column > 0
                && row.values == Values::List
                && self.set.tells_values_apart
                && !self.only_one =>
            {
                self.in_list(row, column)
            }
            label => self.labelled(label),
        }
    }

    fn in_list(&mut self, row: RowRef<'_>, column: usize) -> (usize, &'p Rule) {
        let known = self.lists.get(row.label).and_then(|known| known.get(column - 1)).copied();
        let number = known.unwrap_or_else(|| {
            let number = self.set.find(None, &row.path(column));
            if self.listed < KEPT {
                let known = self.lists.entry(row.label.to_vec()).or_default();
                if known.len() + 1 == column {
                    known.push(number);
                }
                // An entry costs, whether or not a rule is added.
                self.listed += 1;
            }
            number
        });
        (number, self.set.get(number))
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
    fn labelled(&mut self, label: &[u8]) -> (usize, &'p Rule) {
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

    /// The column (from 0) with this name in the header.
    pub(crate) fn position(&self, name: &[u8]) -> Option<usize> {
        self.names.iter().position(|known| known == name)
    }

    /// Name of the column (from 0), empty if it has none.
    pub(crate) fn name(&self, column: usize) -> &[u8] {
        self.names.get(column).map(Vec::as_slice).unwrap_or_default()
    }
}
