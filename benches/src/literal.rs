//! Values as they stand in SQL text.

use serde_json::Value;

/// A value of a row as SQL.
pub fn literal(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Bool(on) => i32::from(*on).to_string(),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => whole.to_string(),
            None => float(number.as_f64().unwrap_or(0.0)),
        },
        Value::String(text) => quoted(text),
        other => quoted(&other.to_string()),
    }
}

/// The shortest text that reads back to the same bits.
pub fn float(value: f64) -> String {
    format!("{value:e}")
}

/// Text in quotes.
pub fn quoted(text: &str) -> String {
    let mut sql = String::with_capacity(text.len() + 2);
    sql.push('\'');
    for c in text.chars() {
        match c {
            '\'' => sql.push_str("''"),
            '\\' => sql.push_str("\\\\"),
            '\0' => sql.push_str("\\0"),
            c => sql.push(c),
        }
    }
    sql.push('\'');
    sql
}

/// `1, 2, 3`
pub fn list<T: std::fmt::Display>(values: impl IntoIterator<Item = T>) -> String {
    values.into_iter().map(|value| value.to_string()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text() {
        assert_eq!(literal(&Value::from("it's \\ <b>")), "'it''s \\\\ <b>'");
        assert_eq!(literal(&Value::from(-7)), "-7");
        assert_eq!(literal(&Value::from(0.1)), "1e-1");
        assert_eq!(literal(&Value::Null), "NULL");
    }
}
