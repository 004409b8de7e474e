//! Who agreed with whom, as a small table. Pure.

use boinc::verdict::Matrix;

use crate::table::Table;

/// Most results that are shown side by side.
const WIDEST: usize = 16;

/// The table; None when there is nothing to show.
pub(super) fn shown(matrix: &Matrix, indent: &str) -> Option<String> {
    if matrix.of.len() < 2 {
        return None;
    }
    let of: Vec<i32> = matrix.of.iter().copied().take(WIDEST).collect();
    let mut table = Table::headless();
    table.row(std::iter::once(String::new()).chain(of.iter().map(i32::to_string)));
    for (i, id) in of.iter().enumerate() {
        let cells = (0..of.len()).map(|j| if i == j { own(matrix, *id) } else { word(matrix.pair(i, j)) });
        table.row(std::iter::once(id.to_string()).chain(cells));
    }
    let mut text = table.text(indent);
    if matrix.of.len() > WIDEST {
        text.push_str(&format!("{indent}… and {} results more; --json has all\n", matrix.of.len() - WIDEST));
    }
    Some(text)
}

fn own(matrix: &Matrix, id: i32) -> String {
    if matrix.odd.contains(&id) { "!".to_owned() } else { "·".to_owned() }
}

/// What stands there was written by the validator; a word that it does not write is not shown.
fn word(pair: Option<&str>) -> String {
    let plain = |c: char| c.is_ascii_digit() || "=!?-.e".contains(c);
    match pair {
        Some(pair) if pair.len() <= 12 && pair.chars().all(plain) => pair.to_owned(),
        _ => "-".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matrix_is_shown_with_both_halves() {
        let pairs = ["=0.9", "!1.8", "="].map(str::to_owned).to_vec();
        let matrix = Matrix { of: vec![11, 12, 13], pairs, odd: vec![13] };
        let wanted = [
            "        11    12    13",
            "  11     ·  =0.9  !1.8",
            "  12  =0.9     ·     =",
            "  13  !1.8     =     !",
        ];
        assert_eq!(shown(&matrix, "  ").unwrap().lines().collect::<Vec<_>>(), wanted);
        assert_eq!(shown(&Matrix::default(), ""), None);
        assert_eq!(word(Some("\u{1b}[2J")), "-");
    }
}
