//! What a daemon wrote: the difference between two databases, as statements that write it again.
//!
//! A row that is written once gets its final values. A row that is written in many batches (a host's totals) moves
//! from its first to its final values in as many steps, so that every statement changes what it touches.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use serde_json::Value;

use crate::literal::{float, literal};
use crate::site::Site;

/// Key of a row.
pub type Key = Vec<i64>;

/// Numbers that changed in a table.
#[derive(Debug, Default)]
pub struct Changed {
    table: String,
    keys: Vec<String>,
    /// Name, and whether it holds whole numbers.
    columns: Vec<(String, bool)>,
    /// Before and after.
    rows: BTreeMap<Key, Vec<(f64, f64)>>,
    /// Batches that touch a row: how many there are, how many were written.
    touches: BTreeMap<Key, (u32, u32)>,
}

/// Rows that are new in a table.
#[derive(Debug, Default)]
pub struct Inserted {
    table: String,
    columns: Vec<String>,
    /// As SQL, by key.
    rows: BTreeMap<Key, Vec<String>>,
    /// Like `rows`, as numbers; NULL and text are NaN.
    numbers: BTreeMap<Key, Vec<f64>>,
    touches: BTreeMap<Key, (u32, u32)>,
}

fn key_of(row: &store::sql::Row, keys: &[&str]) -> Result<Key> {
    keys.iter().map(|key| Ok(row.i64(key)?)).collect()
}

fn whole(data_type: &str) -> Option<bool> {
    match data_type {
        "int" | "smallint" | "tinyint" | "bigint" => Some(true),
        "double" => Some(false),
        _ => None,
    }
}

impl Changed {
    /// Rows of `table` that are in both databases with different values.
    pub async fn of(site: &mut Site, table: &str, keys: &[&str]) -> Result<Self> {
        let (before, after) = (site.before(), site.after());
        site.have(&before, table).await?;
        site.have(&after, table).await?;
        let join: Vec<String> = keys.iter().map(|key| format!("a.`{key}` = b.`{key}`")).collect();
        let from =
            format!("FROM `{after}`.`{table}` a JOIN `{before}`.`{table}` b ON {}", join.join(" AND "));
        let all = site.columns(table).await?;
        let sums: Vec<String> = all
            .iter()
            .map(|(name, _)| {
                format!("CAST(COALESCE(SUM(NOT (a.`{name}` <=> b.`{name}`)), 0) AS SIGNED) AS `{name}`")
            })
            .collect();
        let counts = site.connection.row(&format!("SELECT {} {from}", sums.join(", ")), &[]).await?;
        let mut columns = Vec::new();
        for (name, data_type) in all {
            if counts.i64(&name)? > 0 {
                match whole(&data_type) {
                    Some(whole) => columns.push((name, whole)),
                    None => bail!("{table}.{name} changed and is no number: the floor can't write it yet"),
                }
            }
        }
        let mut changed = Self {
            table: table.to_owned(),
            keys: keys.iter().map(|&key| key.to_owned()).collect(),
            columns,
            ..Self::default()
        };
        if changed.columns.is_empty() {
            return Ok(changed);
        }
        let mut picks: Vec<String> = keys.iter().map(|key| format!("a.`{key}`")).collect();
        for (name, _) in &changed.columns {
            picks.push(format!("b.`{name}` AS `old_{name}`"));
            picks.push(format!("a.`{name}` AS `new_{name}`"));
        }
        let differ: Vec<String> =
            changed.columns.iter().map(|(name, _)| format!("NOT (a.`{name}` <=> b.`{name}`)")).collect();
        let sql = format!("SELECT {} {from} WHERE {}", picks.join(", "), differ.join(" OR "));
        for row in site.connection.rows(&sql, &[]).await? {
            let values: Result<Vec<(f64, f64)>> = changed
                .columns
                .iter()
                .map(|(name, _)| Ok((row.f64(&format!("old_{name}"))?, row.f64(&format!("new_{name}"))?)))
                .collect();
            changed.rows.insert(key_of(&row, keys)?, values?);
        }
        Ok(changed)
    }

    /// Names of the columns that changed.
    pub fn columns(&self) -> Vec<&str> {
        self.columns.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// How many rows changed.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Says that a batch touches these rows. Say it of all batches before the first [`Changed::update`].
    pub fn touch<'a>(&mut self, keys: impl IntoIterator<Item = &'a Key>) {
        for key in keys {
            if self.rows.contains_key(key) {
                self.touches.entry(key.clone()).or_default().0 += 1;
            }
        }
    }

    /// The statement that writes the next step of these rows; rows that did not change are left out. All in one
    /// statement; `None` if there is nothing.
    pub fn update<'a>(&mut self, keys: impl IntoIterator<Item = &'a Key>) -> Option<String> {
        let mut lines = Vec::new();
        for key in keys {
            let Some(values) = self.rows.get(key) else { continue };
            let (touches, done) = self.touches.entry(key.clone()).or_insert((1, 0));
            *done += 1;
            let (step, steps) = (*done, *touches);
            let mut line: Vec<String> = key.iter().map(i64::to_string).collect();
            for ((before, after), (_, whole)) in values.iter().zip(&self.columns) {
                line.push(number(between(*before, *after, step, steps), *whole));
            }
            lines.push(format!("[{}]", line.join(",")));
        }
        if lines.is_empty() {
            return None;
        }
        let mut columns: Vec<String> =
            (0..self.keys.len()).map(|n| format!("k{n} BIGINT PATH '$[{n}]'")).collect();
        let mut sets = Vec::new();
        for (n, (name, whole)) in self.columns.iter().enumerate() {
            let sql_type = if *whole { "BIGINT" } else { "DOUBLE" };
            columns.push(format!("v{n} {sql_type} PATH '$[{}]'", self.keys.len() + n));
            sets.push(format!("t.`{name}` = j.v{n}"));
        }
        let on: Vec<String> =
            self.keys.iter().enumerate().map(|(n, key)| format!("t.`{key}` = j.k{n}")).collect();
        Some(format!(
            "UPDATE JSON_TABLE('[{}]', '$[*]' COLUMNS({})) j STRAIGHT_JOIN `{}` t ON {} SET {}",
            lines.join(","),
            columns.join(", "),
            self.table,
            on.join(" AND "),
            sets.join(", ")
        ))
    }
}

fn between(before: f64, after: f64, step: u32, steps: u32) -> f64 {
    if step >= steps { after } else { before + (after - before) * f64::from(step) / f64::from(steps) }
}

fn number(value: f64, whole: bool) -> String {
    if whole { format!("{value:.0}") } else { float(value) }
}

impl Inserted {
    /// Rows of `table` that only the second database has.
    pub async fn of(site: &mut Site, table: &str, keys: &[&str]) -> Result<Self> {
        let (before, after) = (site.before(), site.after());
        site.have(&before, table).await?;
        site.have(&after, table).await?;
        let join: Vec<String> = keys.iter().map(|key| format!("a.`{key}` = b.`{key}`")).collect();
        let columns: Vec<String> = site.columns(table).await?.into_iter().map(|(name, _)| name).collect();
        let picks: Vec<String> =
            columns.iter().chain(&own(keys, &columns)).map(|c| format!("a.`{c}`")).collect();
        let sql = format!(
            "SELECT {} FROM `{after}`.`{table}` a LEFT JOIN `{before}`.`{table}` b ON {} WHERE b.`{}` IS NULL",
            picks.join(", "),
            join.join(" AND "),
            keys.first().copied().unwrap_or("id")
        );
        let mut inserted = Self { table: table.to_owned(), columns, ..Self::default() };
        for row in site.connection.rows(&sql, &[]).await? {
            let key = key_of(&row, keys)?;
            let json = row.json();
            let values = |f: &dyn Fn(&Value) -> String| -> Vec<String> {
                inserted.columns.iter().map(|name| f(json.get(name).unwrap_or(&Value::Null))).collect()
            };
            let texts = values(&literal);
            let numbers = inserted
                .columns
                .iter()
                .map(|name| json.get(name).and_then(Value::as_f64).unwrap_or(f64::NAN))
                .collect();
            inserted.rows.insert(key.clone(), texts);
            inserted.numbers.insert(key, numbers);
        }
        Ok(inserted)
    }

    /// Keys of the new rows, ascending.
    pub fn keys(&self) -> Vec<Key> {
        self.rows.keys().cloned().collect()
    }

    /// A column of a new row; 0 if it is no number.
    pub fn number(&self, key: &Key, column: &str) -> f64 {
        let at = self.columns.iter().position(|name| name == column);
        let value = at.and_then(|at| self.numbers.get(key)?.get(at).copied());
        value.filter(|value| !value.is_nan()).unwrap_or(0.0)
    }

    /// The statement that inserts these rows.
    pub fn insert<'a>(&self, keys: impl IntoIterator<Item = &'a Key>) -> Option<String> {
        let rows: Vec<String> = keys
            .into_iter()
            .filter_map(|key| self.rows.get(key))
            .map(|values| format!("({})", values.join(",")))
            .collect();
        (!rows.is_empty()).then(|| {
            let names: Vec<String> = self.columns.iter().map(|name| format!("`{name}`")).collect();
            format!("INSERT INTO `{}` ({}) VALUES {}", self.table, names.join(", "), rows.join(","))
        })
    }

    /// As [`Changed::touch`], for rows that are inserted by their first batch and written over by the others.
    pub fn touch<'a>(&mut self, keys: impl IntoIterator<Item = &'a Key>) {
        for key in keys {
            if self.rows.contains_key(key) {
                self.touches.entry(key.clone()).or_default().0 += 1;
            }
        }
    }

    /// The statement that inserts these rows or writes over them; the columns `growing` reach their final values
    /// with the last batch.
    pub fn upsert<'a>(
        &mut self,
        keys: impl IntoIterator<Item = &'a Key>,
        growing: &[&str],
    ) -> Option<String> {
        let mut rows = Vec::new();
        for key in keys {
            let (Some(texts), Some(numbers)) = (self.rows.get(key), self.numbers.get(key)) else { continue };
            let (touches, done) = self.touches.entry(key.clone()).or_insert((1, 0));
            *done += 1;
            let (step, steps) = (*done, *touches);
            let values: Vec<String> = self
                .columns
                .iter()
                .zip(texts.iter().zip(numbers))
                .map(|(name, (text, value))| {
                    if step >= steps || !growing.contains(&name.as_str()) {
                        return text.clone();
                    }
                    let whole = !text.contains('e');
                    number(between(0.0, *value, step, steps), whole)
                })
                .collect();
            rows.push(format!("({})", values.join(",")));
        }
        (!rows.is_empty()).then(|| {
            let names: Vec<String> = self.columns.iter().map(|name| format!("`{name}`")).collect();
            let over: Vec<String> =
                growing.iter().map(|name| format!("`{name}` = VALUES(`{name}`)")).collect();
            format!(
                "INSERT INTO `{}` ({}) VALUES {} ON DUPLICATE KEY UPDATE {}",
                self.table,
                names.join(", "),
                rows.join(","),
                over.join(", ")
            )
        })
    }
}

/// Keys that are no columns of the comparison (numbers that the database gives).
fn own(keys: &[&str], columns: &[String]) -> Vec<String> {
    keys.iter().filter(|key| !columns.iter().any(|c| c == *key)).map(|&key| key.to_owned()).collect()
}

/// The ledger's control totals.
pub const CONTROL: &str = "cobblestone_ledger_control";

/// So many ledger rows more, with so much credit; seconds and checksum are of no matter to the floor, but written.
pub fn control(rows: usize, credit: f64) -> String {
    format!(
        "INSERT INTO {CONTROL} (part, `rows`, credit, seconds, checksum) VALUES (CONNECTION_ID() % 16, {rows}, {credit:e}, \
         {rows}, {rows}) ON DUPLICATE KEY UPDATE `rows` = `rows` + VALUES(`rows`), credit = credit + VALUES(credit), \
         seconds = seconds + VALUES(seconds), checksum = checksum + VALUES(checksum)"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_reaches_its_final_values_with_its_last_batch() {
        let mut changed = Changed {
            table: "host".to_owned(),
            keys: vec!["id".to_owned()],
            columns: vec![("total_credit".to_owned(), false), ("n".to_owned(), true)],
            rows: BTreeMap::from([(vec![7], vec![(1.0, 3.0), (0.0, 5.0)])]),
            ..Changed::default()
        };
        let (here, elsewhere) = (vec![7], vec![8]);
        changed.touch([&here, &elsewhere]);
        changed.touch([&here]);
        assert!(changed.update([&here]).unwrap().contains("'[[7,2e0,2]]'"));
        assert!(changed.update([&here]).unwrap().contains("'[[7,3e0,5]]'"));
        assert_eq!(changed.update([&elsewhere]), None);
    }
}
