//! Values as SQL text.
//!
//! Invariant: nothing in a value can be anything but data, whatever the server's modes are.

use std::fmt::Write as _;

use crate::bulk::Cell;

/// Whether it may stand between quotes as it is.
fn is_plain(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\n' | b'\t') && !matches!(byte, b'\'' | b'\\'))
}

/// Bytes. Plain text without quote and backslash stands as it is, everything else in hex.
pub(crate) fn data(bytes: &[u8], sql: &mut String) {
    match std::str::from_utf8(bytes) {
        Ok(text) if is_plain(bytes) => {
            sql.push('\'');
            sql.push_str(text);
            sql.push('\'');
        }
        _ => hex(bytes, sql),
    }
}

/// The same of a text, which is a text for the server, too.
fn text(text: &str, sql: &mut String) {
    if !is_plain(text.as_bytes()) {
        sql.push_str("_utf8mb4 ");
    }
    data(text.as_bytes(), sql);
}

/// Bytes in hex.
pub(crate) fn hex(bytes: &[u8], sql: &mut String) {
    sql.reserve(bytes.len() * 2 + 3);
    sql.push_str("x'");
    for byte in bytes {
        sql.extend(char::from_digit(u32::from(byte >> 4), 16));
        sql.extend(char::from_digit(u32::from(byte & 15), 16));
    }
    sql.push('\'');
}

/// A row in brackets.
pub(crate) fn row(cells: &[Cell<'_>], sql: &mut String) {
    for (n, cell) in cells.iter().enumerate() {
        sql.push(if n == 0 { '(' } else { ',' });
        match cell {
            Cell::Null => sql.push_str("NULL"),
            Cell::Int(value) => _ = write!(sql, "{value}"),
            // With an exponent it is a double, not a decimal; the shortest form reads back to the same bits (-0 as 0).
            Cell::Float(value) => _ = write!(sql, "{value:e}"),
            Cell::Text(text) => self::text(text, sql),
        }
    }
    sql.push(')');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sql(bytes: &[u8]) -> String {
        let mut sql = String::new();
        data(bytes, &mut sql);
        sql
    }

    #[test]
    fn nothing_in_data_can_end_it() {
        assert_eq!(sql(b"<a>\n</a>"), "'<a>\n</a>'");
        for bytes in [&b"a'b"[..], b"a\\", b"\0", b"\x1a", b"\xff", "\u{e9}".as_bytes(), b"\r"] {
            assert!(sql(bytes).starts_with("x'"), "{bytes:?}");
        }
        assert_eq!(sql(b"'\xff"), "x'27ff'");
        assert_eq!(sql(b""), "''");
    }

    #[test]
    fn a_row_has_all_its_cells() {
        let mut sql = String::new();
        row(
            &[(-7).into(), Cell::Float(0.1), Cell::Float(-0.0), Cell::Null, "it's".into(), "".into()],
            &mut sql,
        );
        assert_eq!(sql, "(-7,1e-1,-0e0,NULL,_utf8mb4 x'69742773','')");
    }
}
