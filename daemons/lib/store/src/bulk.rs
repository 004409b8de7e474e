//! Updates of many rows in one statement.
//!
//! The values travel as one JSON text that the server turns into a table (`JSON_TABLE`, MariaDB ≥ 10.6 and
//! MySQL ≥ 8.0) and joins on the key. Floating-point values travel as text of the shortest form that reads back
//! to the same bits. One that is infinite or no number is refused before anything is sent. `STRAIGHT_JOIN` and `FORCE INDEX` keep the server from scanning (and locking) the whole table.

use diesel::sql_types::Text;
use diesel_async::RunQueryDsl;
use serde_json::Value;

use crate::error::{Error, Result};
use crate::transaction::Tx;

/// How a column gets its value.
pub(crate) enum Set {
    /// `column = value`
    To(&'static str, Kind),
    /// `column = column + value`
    Add(&'static str, Kind),
    /// `column = value` where that is more than it is.
    Raise(&'static str, Kind),
    /// Only rows where `column = value` are changed.
    Guard(&'static str, Kind),
}

/// SQL type of a value.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Int,
    Double,
    /// A floating-point number, or NULL.
    MaybeDouble,
    /// At most so many characters; cut before, a longer one is refused.
    Text(usize),
    /// Of any length.
    Long,
}

impl Kind {
    fn sql(self) -> String {
        match self {
            Self::Int => "BIGINT".to_owned(),
            Self::Double | Self::MaybeDouble => "DOUBLE".to_owned(),
            Self::Long => "LONGTEXT CHARACTER SET utf8mb4".to_owned(),
            Self::Text(characters) => format!("VARCHAR({characters}) CHARACTER SET utf8mb4"),
        }
    }
}

/// A floating-point number as it travels. What is infinite or no number becomes null, and [`update`], [`insert`] and
/// [`upsert`] refuse it.
pub(crate) fn float(value: f64) -> Value {
    if value.is_finite() { Value::String(format!("{value:e}")) } else { Value::Null }
}

/// Refuses rows in which a floating-point column, `first` columns after those of the key, has no number.
fn refuse_null<'c>(
    table: &str,
    first: usize,
    columns: impl Iterator<Item = (&'c str, Kind)>,
    values: &[Vec<Value>],
) -> Result<()> {
    for (n, (column, kind)) in columns.enumerate() {
        let null = |row: &&Vec<Value>| row.get(first + n).is_some_and(Value::is_null);
        if matches!(kind, Kind::Double)
            && let Some(row) = values.iter().find(null)
        {
            let key = row.as_slice().first().map(ToString::to_string).unwrap_or_default();
            return Err(Error::NotFinite(format!("{table}.{column} of the row that begins with {key}")));
        }
    }
    Ok(())
}

/// Updates rows by key; each row of `values` is the key(s), then one value per entry of `sets`.
/// Returns the number of rows that matched.
pub(crate) async fn update(
    tx: &mut Tx,
    table: &str,
    keys: &[&str],
    sets: &[Set],
    values: &[Vec<Value>],
) -> Result<usize> {
    if values.is_empty() {
        return Ok(0);
    }
    let columns = sets.iter().map(|set| match set {
        Set::To(column, kind)
        | Set::Add(column, kind)
        | Set::Raise(column, kind)
        | Set::Guard(column, kind) => (*column, *kind),
    });
    refuse_null(table, keys.len(), columns, values)?;
    let sql = statement(table, keys, sets);
    let mut matched = 0;
    for chunk in values.chunks(2000) {
        let json = serde_json::to_string(chunk).map_err(|e| Error::Other(e.to_string()))?;
        matched += diesel::sql_query(&sql).bind::<Text, _>(json).execute(&mut tx.db).await?;
    }
    Ok(matched)
}

/// Inserts rows.
pub(crate) async fn insert(
    tx: &mut Tx,
    table: &str,
    columns: &[(&str, Kind)],
    values: &[Vec<Value>],
) -> Result<()> {
    refuse_null(table, 0, columns.iter().copied(), values)?;
    send(tx, &insertion(table, columns), values).await
}

/// Inserts rows, or writes over those whose primary key is there.
pub(crate) async fn upsert(
    tx: &mut Tx,
    table: &str,
    columns: &[(&str, Kind)],
    values: &[Vec<Value>],
) -> Result<()> {
    refuse_null(table, 0, columns.iter().copied(), values)?;
    let over: Vec<String> = columns.iter().map(|(name, _)| format!("`{name}` = VALUES(`{name}`)")).collect();
    let sql = format!("{} ON DUPLICATE KEY UPDATE {}", insertion(table, columns), over.join(", "));
    send(tx, &sql, values).await
}

fn insertion(table: &str, columns: &[(&str, Kind)]) -> String {
    let names: Vec<String> = columns.iter().map(|(name, _)| format!("`{name}`")).collect();
    // A value that does not fit must not become NULL in silence.
    let paths: Vec<String> = columns
        .iter()
        .enumerate()
        .map(|(n, (_, kind))| format!("v{n} {} PATH '$[{n}]' ERROR ON ERROR", kind.sql()))
        .collect();
    let picks: Vec<String> = (0..columns.len()).map(|n| format!("j.v{n}")).collect();
    format!(
        "INSERT INTO `{table}` ({}) SELECT {} FROM JSON_TABLE(?, '$[*]' COLUMNS({})) j",
        names.join(", "),
        picks.join(", "),
        paths.join(", ")
    )
}

async fn send(tx: &mut Tx, sql: &str, values: &[Vec<Value>]) -> Result<()> {
    for chunk in values.chunks(2000) {
        let json = serde_json::to_string(chunk).map_err(|e| Error::Other(e.to_string()))?;
        diesel::sql_query(sql).bind::<Text, _>(json).execute(&mut tx.db).await?;
    }
    Ok(())
}

/// The index that finds a row by its key. Left to itself the server scans a table that it believes to be tiny, and
/// locks (or waits for) every row that it passes.
fn key_index(table: &str) -> &'static str {
    if table == "host_app_version" { "hap" } else { "PRIMARY" }
}

fn statement(table: &str, keys: &[&str], sets: &[Set]) -> String {
    // A value that does not fit must not become NULL, and match or write nothing, in silence.
    let mut columns: Vec<String> =
        keys.iter().enumerate().map(|(i, _)| format!("k{i} BIGINT PATH '$[{i}]' ERROR ON ERROR")).collect();
    let mut on: Vec<String> = keys.iter().enumerate().map(|(i, key)| format!("t.`{key}` = j.k{i}")).collect();
    let mut assign = Vec::new();
    for (n, set) in sets.iter().enumerate() {
        let (Set::To(column, kind)
        | Set::Add(column, kind)
        | Set::Raise(column, kind)
        | Set::Guard(column, kind)) = set;
        columns.push(format!("v{n} {} PATH '$[{}]' ERROR ON ERROR", kind.sql(), keys.len() + n));
        match set {
            Set::To(..) => assign.push(format!("t.`{column}` = j.v{n}")),
            Set::Add(..) => assign.push(format!("t.`{column}` = t.`{column}` + j.v{n}")),
            Set::Raise(..) => assign.push(format!("t.`{column}` = GREATEST(t.`{column}`, j.v{n})")),
            Set::Guard(..) => on.push(format!("t.`{column}` = j.v{n}")),
        }
    }
    format!(
        "UPDATE JSON_TABLE(?, '$[*]' COLUMNS({})) j STRAIGHT_JOIN `{table}` t FORCE INDEX ({}) ON {} SET {}",
        columns.join(", "),
        key_index(table),
        on.join(" AND "),
        assign.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_statement_joins_on_the_keys_and_guards() {
        let sql = statement(
            "workunit",
            &["id"],
            &[
                Set::Guard("assimilate_state", Kind::Int),
                Set::To("transition_time", Kind::Int),
                Set::Add("x", Kind::Double),
            ],
        );
        assert_eq!(
            sql,
            "UPDATE JSON_TABLE(?, '$[*]' COLUMNS(k0 BIGINT PATH '$[0]' ERROR ON ERROR, v0 BIGINT PATH '$[1]' ERROR ON ERROR, \
             v1 BIGINT PATH '$[2]' ERROR ON ERROR, v2 DOUBLE PATH '$[3]' ERROR ON ERROR)) j STRAIGHT_JOIN `workunit` t FORCE INDEX (PRIMARY) ON t.`id` = j.k0 AND t.`assimilate_state` = j.v0 \
             SET t.`transition_time` = j.v1, t.`x` = t.`x` + j.v2"
        );
    }

    #[test]
    fn floats_travel_without_loss() {
        for value in [0.1, 1.0 / 3.0, 1e308, 5e-324, -0.0, 123_456_789.123_456_78] {
            let Value::String(text) = float(value) else { panic!() };
            assert_eq!(text.parse::<f64>().unwrap().to_bits(), value.to_bits());
        }
    }

    #[test]
    fn what_is_no_finite_number_is_refused() {
        let columns = [("id", Kind::Int), ("x", Kind::Double), ("why", Kind::Text(9))];
        let rows = |x: f64| vec![vec![7.into(), float(x), Value::Null]];
        assert!(refuse_null("t", 0, columns.into_iter(), &rows(1.0)).is_ok());
        for x in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let error = refuse_null("t", 0, columns.into_iter(), &rows(x)).unwrap_err();
            assert!(
                error.is_data() && error.to_string().contains("t.x of the row that begins with 7"),
                "{error}"
            );
            assert!(refuse_null("t", 1, columns.into_iter().skip(1), &rows(x)).is_err());
        }
    }
}
