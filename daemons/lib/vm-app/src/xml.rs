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

/// A bound with four digits, rounded up: `2.282e9`.
pub(crate) fn bound(value: f64) -> String {
    if value <= 0.0 || !value.is_finite() {
        return number(value);
    }
    let unit = 10_f64.powf(value.log10().floor() - 3.0);
    let text = format!("{:.3e}", (value / unit).ceil() * unit);
    match text.split_once('e') {
        Some((digits, exponent)) => {
            format!("{}e{exponent}", digits.trim_end_matches('0').trim_end_matches('.'))
        }
        None => text,
    }
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
        assert_eq!(
            [9.935_999_999e14, 2_281_701_376.0, 1e10, 1e17].map(bound),
            ["9.936e14", "2.282e9", "1e10", "1e17"]
        );
        for value in [1.0, 3.7e5, 99_999.0, 1.234_5e16, 6.912e16] {
            assert!(bound(value).parse::<f64>().unwrap() >= value * (1.0 - 1e-12), "{value}");
        }
        assert_eq!([86_400.0, 4e14, 0.5, 1.23e10].map(number), ["86400", "4e14", "0.5", "1.23e10"]);
    }
}
