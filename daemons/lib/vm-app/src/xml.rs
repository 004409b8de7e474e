//! Writes elements, one per line, four blanks deeper for each level.

use std::fmt::{Display, Write as _};

/// A document that is being written.
#[derive(Debug, Default)]
pub(crate) struct Xml {
    text: String,
    depth: usize,
}

impl Xml {
    /// `<name>`, what `inside` writes, `</name>`.
    pub(crate) fn section(&mut self, name: &str, inside: impl FnOnce(&mut Self)) {
        self.line(format_args!("<{name}>"));
        self.depth += 1;
        inside(self);
        self.depth -= 1;
        self.line(format_args!("</{name}>"));
    }

    /// `<name>value</name>`, escaped.
    pub(crate) fn element(&mut self, name: &str, value: impl Display) {
        let value = escape(&value.to_string());
        self.line(format_args!("<{name}>{value}</{name}>"));
    }

    /// The same, unless it is empty.
    pub(crate) fn filled(&mut self, name: &str, value: &str) {
        if !value.is_empty() {
            self.element(name, value);
        }
    }

    /// `<name/>`, if it is set.
    pub(crate) fn flag(&mut self, name: &str, set: bool) {
        if set {
            self.line(format_args!("<{name}/>"));
        }
    }

    /// Text as it is.
    pub(crate) fn raw(&mut self, text: &str) {
        self.line(format_args!("{text}"));
    }

    fn line(&mut self, text: std::fmt::Arguments<'_>) {
        let _ = writeln!(self.text, "{:1$}{text}", "", 4 * self.depth);
    }

    /// What was written.
    pub(crate) fn text(self) -> String {
        self.text
    }
}

/// For the text of an element.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A number as people write it: `86400`, `4e14`, `0.5`.
pub(crate) fn number(value: f64) -> String {
    let plain = value.to_string();
    if plain.len() <= 7 { plain } else { format!("{value:e}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_escaped_and_indented() {
        let mut xml = Xml::default();
        xml.section("a", |xml| {
            xml.element("b", "x < y & z");
            xml.filled("c", "");
            xml.flag("d", true);
            xml.flag("e", false);
        });
        assert_eq!(xml.text(), "<a>\n    <b>x &lt; y &amp; z</b>\n    <d/>\n</a>\n");
        assert_eq!([86_400.0, 4e14, 0.5, 1.23e10].map(number), ["86400", "4e14", "0.5", "1.23e10"]);
    }
}
