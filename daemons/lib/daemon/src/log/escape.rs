//! Makes text of strangers harmless in a log: it can neither end a line, nor look like another field, nor speak
//! to the terminal that shows it.

use std::fmt::{self, Write};

/// Longest message, in bytes before escaping. Bulk SQL statements are the longest there are.
pub const MESSAGE_LIMIT: usize = 16 * 1024;
/// Longest value of a field, in bytes before escaping.
pub const VALUE_LIMIT: usize = 1024;

/// True for characters that a terminal or a reader of the log would act upon instead of showing them:
/// control characters (C0, DEL, C1), line and paragraph separators, invisible and direction-changing ones.
#[must_use]
pub fn is_hazardous(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Appends `text` as a message: hazardous characters become `\n`, `\t`, `\u{1b}` ….
pub fn push_message(out: &mut String, text: &str) {
    for c in text.chars() {
        push_char(out, c);
    }
}

/// Appends `text` as the value of a field: as it is when it is one plain word, else in double quotes.
pub fn push_value(out: &mut String, text: &str) {
    let plain = !text.is_empty()
        && !text.chars().any(|c| c.is_whitespace() || is_hazardous(c) || matches!(c, '"' | '\\' | '='));
    if plain {
        out.push_str(text);
        return;
    }
    out.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
            out.push(c);
        } else {
            push_char(out, c);
        }
    }
    out.push('"');
}

/// Appends `text` as a JSON string. Beyond what JSON asks for, hazardous characters are escaped.
pub fn push_json(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            c if is_hazardous(c) => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

fn push_char(out: &mut String, c: char) {
    match c {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        c if is_hazardous(c) => {
            let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
        }
        c => out.push(c),
    }
}

/// Formats `value` into a string of at most `limit` bytes; what is longer ends with `…`.
#[must_use]
pub fn bounded(value: fmt::Arguments<'_>, limit: usize) -> String {
    let mut out = Bounded { text: String::new(), limit, cut: false };
    let _ = out.write_fmt(value);
    if out.cut {
        out.text.push('…');
    }
    out.text
}

struct Bounded {
    text: String,
    limit: usize,
    cut: bool,
}

impl Write for Bounded {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        let room = self.limit.saturating_sub(self.text.len());
        if s.len() <= room {
            self.text.push_str(s);
            return Ok(());
        }
        let end = s.char_indices().map(|(at, c)| at + c.len_utf8()).take_while(|end| *end <= room).last();
        self.text.push_str(s.get(..end.unwrap_or(0)).unwrap_or_default());
        self.cut = true;
        // Nothing more fits: whoever formats may stop.
        Err(fmt::Error)
    }
}
