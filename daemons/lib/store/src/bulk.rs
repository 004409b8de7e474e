//! Updates and inserts of many rows in one statement.
//!
//! New rows stand in the statement itself (`INSERT … VALUES`): the server reads that in two thirds of the time that
//! it needs for JSON. For an update the values travel as one JSON text that the server turns into a table
//! (`JSON_TABLE`, MariaDB ≥ 10.6 and MySQL ≥ 8.0) and joins on the key. Floating-point values travel as text of the
//! shortest form that reads back to the same bits. One that is infinite or no number is refused before anything is
//! sent. `STRAIGHT_JOIN` and `FORCE INDEX` keep the server from scanning (and locking) the whole table.

use std::borrow::Cow;
use std::fmt::Write as _;

use diesel::sql_types::Text;
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};

use crate::error::{Error, Result};
use crate::literal;
use crate::transaction::Tx;

/// Rows of one statement.
const ROWS: usize = 2000;
/// Bytes after which a statement takes no further row: below the server's smallest default of max_allowed_packet, 16 MB.
const STATEMENT: usize = 4 << 20;

/// A value of a row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell<'a> {
    Null,
    Int(i64),
    /// Finite: see [`float`].
    Float(f64),
    Text(Cow<'a, str>),
}

macro_rules! cell_from {
    ($($from:ty => $value:ident $make:expr;)*) => {$(
        impl<'a> From<$from> for Cell<'a> {
            fn from($value: $from) -> Self { $make }
        }
    )*};
}
cell_from! {
    bool => v Self::Int(v.into());
    i32 => v Self::Int(v.into());
    u32 => v Self::Int(v.into());
    i64 => v Self::Int(v);
    Option<i32> => v v.map_or(Self::Null, Self::from);
    &'a str => v Self::Text(Cow::Borrowed(v));
    String => v Self::Text(Cow::Owned(v));
}

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
pub(crate) fn float(value: f64) -> Cell<'static> {
    if value.is_finite() { Cell::Float(value) } else { Cell::Null }
}

/// Refuses rows in which a floating-point column, `first` columns after those of the key, has no number.
fn refuse_null<'c>(
    table: &str,
    first: usize,
    columns: impl Iterator<Item = (&'c str, Kind)>,
    values: &[Vec<Cell<'_>>],
) -> Result<()> {
    for (n, (column, kind)) in columns.enumerate() {
        let null = |row: &&Vec<Cell<'_>>| row.get(first + n) == Some(&Cell::Null);
        if matches!(kind, Kind::Double)
            && let Some(row) = values.iter().find(null)
        {
            let mut key = String::new();
            json_row(row.get(..1).unwrap_or_default(), &mut key)?;
            let key = key.trim_matches(['[', ']']);
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
    values: &[Vec<Cell<'_>>],
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
    for chunk in values.chunks(ROWS) {
        let json = json(chunk)?;
        matched += diesel::sql_query(&sql).bind::<Text, _>(json).execute(&mut tx.db).await?;
    }
    Ok(matched)
}

/// The rows as a JSON array of arrays.
pub(crate) fn json(rows: &[Vec<Cell<'_>>]) -> Result<String> {
    let mut text = String::from("[");
    for (n, row) in rows.iter().enumerate() {
        if n > 0 {
            text.push(',');
        }
        json_row(row, &mut text)?;
    }
    text.push(']');
    Ok(text)
}

fn json_row(row: &[Cell<'_>], text: &mut String) -> Result<()> {
    text.push('[');
    for (n, cell) in row.iter().enumerate() {
        if n > 0 {
            text.push(',');
        }
        match cell {
            Cell::Null => text.push_str("null"),
            Cell::Int(value) => _ = write!(text, "{value}"),
            Cell::Float(value) => _ = write!(text, "\"{value:e}\""),
            Cell::Text(value) => {
                text.push_str(&serde_json::to_string(value).map_err(|e| Error::Other(e.to_string()))?);
            }
        }
    }
    text.push(']');
    Ok(())
}

/// Inserts rows.
pub(crate) async fn insert(
    tx: &mut Tx,
    table: &str,
    columns: &[(&str, Kind)],
    values: &[Vec<Cell<'_>>],
) -> Result<()> {
    send(tx, table, columns, values, "").await
}

/// Inserts rows, or writes over those whose primary key is there.
pub(crate) async fn upsert(
    tx: &mut Tx,
    table: &str,
    columns: &[(&str, Kind)],
    values: &[Vec<Cell<'_>>],
) -> Result<()> {
    let over: Vec<String> = columns.iter().map(|(name, _)| format!("`{name}` = VALUES(`{name}`)")).collect();
    send(tx, table, columns, values, &format!(" ON DUPLICATE KEY UPDATE {}", over.join(", "))).await
}

async fn send(
    tx: &mut Tx,
    table: &str,
    columns: &[(&str, Kind)],
    values: &[Vec<Cell<'_>>],
    end: &str,
) -> Result<()> {
    refuse_null(table, 0, columns.iter().copied(), values)?;
    let names: Vec<String> = columns.iter().map(|(name, _)| format!("`{name}`")).collect();
    let begin = format!("INSERT INTO `{table}` ({}) VALUES ", names.join(","));
    let mut rest = values;
    while !rest.is_empty() {
        let (sql, taken) = insertion(&begin, rest, end);
        tx.db.batch_execute(&sql).await?;
        rest = rest.get(taken..).unwrap_or_default();
    }
    Ok(())
}

/// One statement with the first of these rows, at least one, and how many they are.
fn insertion(begin: &str, rows: &[Vec<Cell<'_>>], end: &str) -> (String, usize) {
    let mut sql = String::from(begin);
    let mut taken = 0;
    for cells in rows.iter().take(ROWS) {
        if taken > 0 {
            if sql.len() > STATEMENT {
                break;
            }
            sql.push(',');
        }
        literal::row(cells, &mut sql);
        taken += 1;
    }
    sql.push_str(end);
    (sql, taken)
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
            let text = json(&[vec![float(value)]]).unwrap();
            let text = text.strip_prefix("[[\"").and_then(|text| text.strip_suffix("\"]]")).unwrap();
            assert_eq!(text.parse::<f64>().unwrap().to_bits(), value.to_bits());
        }
    }

    #[test]
    fn a_statement_is_bounded_and_no_row_is_lost() {
        let row = |bytes: usize| vec![Cell::from(1), "x".repeat(bytes).into()];
        assert_eq!(insertion("I ", &[row(1), row(2)], " E"), ("I (1,'x'),(1,'xx') E".to_owned(), 2));
        let large = vec![row(STATEMENT + 1); 3];
        assert_eq!(insertion("", &large, "").1, 1);
        let many = vec![row(0); ROWS + 5];
        let mut taken = vec![];
        let mut rest = many.as_slice();
        while !rest.is_empty() {
            taken.push(insertion("", rest, "").1);
            rest = &rest[*taken.last().unwrap()..];
        }
        assert_eq!(taken, [ROWS, 5]);
    }

    #[test]
    fn what_is_no_finite_number_is_refused() {
        let columns = [("id", Kind::Int), ("x", Kind::Double), ("why", Kind::Text(9))];
        let rows = |x: f64| vec![vec![7.into(), float(x), Cell::Null]];
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
