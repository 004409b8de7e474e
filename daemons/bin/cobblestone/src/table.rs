//! Aligned columns of text. Pure.

/// A table: the first column and those of [`Table::left`] flush left, the others flush right.
#[derive(Debug, Clone)]
pub struct Table {
    rows: Vec<Vec<String>>,
    left: Vec<usize>,
    rule: bool,
    ragged: bool,
}

impl Table {
    /// A table with a line of headings.
    pub fn new<'a>(head: impl IntoIterator<Item = &'a str>) -> Self {
        let mut table = Self::headless();
        table.row(head.into_iter().map(str::to_owned));
        table
    }

    /// A table without.
    pub fn headless() -> Self {
        Self { rows: Vec::new(), left: vec![0], rule: false, ragged: false }
    }

    /// These columns, too, are flush left.
    pub fn left(mut self, columns: &[usize]) -> Self {
        self.left.extend(columns);
        self
    }

    /// The last column is not padded to one width.
    pub fn uncut_last(mut self) -> Self {
        self.ragged = true;
        self
    }

    /// Adds a line.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Adds a last line of sums, below a rule.
    pub fn sum(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rule = true;
        self.row(cells);
    }

    /// The whole text, each line with `indent` before it.
    pub fn text(&self, indent: &str) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            self.rows
                .iter()
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let mut out = String::new();
        for (number, row) in self.rows.iter().enumerate() {
            if self.rule && number + 1 == self.rows.len() {
                let all = widths.iter().sum::<usize>() + 2 * columns.saturating_sub(1);
                out.push_str(&format!("{indent}{}\n", "─".repeat(all)));
            }
            let mut line = String::from(indent);
            for (column, width) in widths.iter().enumerate() {
                let cell = row.get(column).map_or("", String::as_str);
                if column > 0 {
                    line.push_str("  ");
                }
                let width = if self.ragged && column + 1 == columns { 0 } else { *width };
                if self.left.contains(&column) {
                    line.push_str(&format!("{cell:<width$}"));
                } else {
                    line.push_str(&format!("{cell:>width$}"));
                }
            }
            out.push_str(line.trim_end());
            out.push('\n');
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let mut table = Table::new(["what", "n", "why"]).left(&[2]);
        table.row(["ü".to_owned(), "7".to_owned(), "x".to_owned()]);
        table.row(["longer".to_owned(), "123".to_owned(), "yz".to_owned()]);
        table.sum(["all".to_owned(), "130".to_owned()]);
        assert_eq!(
            table.text("  "),
            "  what      n  why\n  ü         7  x\n  longer  123  yz\n  ────────────────\n  all     130\n"
        );
    }
}
