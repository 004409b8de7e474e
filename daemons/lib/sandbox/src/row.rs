//! Rows for `Connection::insert_json`, written as they look.

/// `row! {"column": value, …}` makes a map from column to value.
macro_rules! row {
    ($($column:literal : $value:expr),* $(,)?) => {{
        let mut row = serde_json::Map::new();
        $( row.insert($column.to_owned(), serde_json::Value::from($value)); )*
        row
    }};
}
pub(crate) use row;
