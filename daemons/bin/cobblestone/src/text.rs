//! Numbers, times and strangers' text in a form for people. Pure.

use std::fmt::Write as _;

use boinc::printable::printable;

/// Unix seconds as a date and time in UTC.
pub fn date(seconds: f64) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "saturates; nonsense is shown as a number")]
    let whole = seconds as i64;
    chrono::DateTime::from_timestamp(whole, 0)
        .map_or_else(|| format!("{seconds}"), |time| time.format("%Y-%m-%d %H:%M:%S").to_string())
}

/// Unix seconds as programs read a time in UTC, to the microsecond: `2026-11-20T09:10:29.948400Z`.
pub fn iso(seconds: f64) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "saturates; nonsense is shown as a number")]
    let micros = (seconds * 1e6).round() as i64;
    chrono::DateTime::from_timestamp_micros(micros)
        .map_or_else(|| format!("{seconds}"), |time| time.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string())
}

/// A length of time with the two largest units.
pub fn duration(seconds: f64) -> String {
    let s = seconds.max(0.0);
    if s < 120.0 {
        format!("{s:.0} s")
    } else if s < 7200.0 {
        format!("{:.0} min", s / 60.0)
    } else if s < 172_800.0 {
        format!("{:.1} h", s / 3600.0)
    } else {
        format!("{:.1} days", s / 86_400.0)
    }
}

/// Seconds as hours with one decimal.
pub fn hours(seconds: f64) -> String {
    format!("{:.1}", seconds / 3600.0)
}

/// `part` of `whole` in percent.
pub fn percent(part: usize, whole: usize) -> String {
    if whole == 0 {
        return "-".to_owned();
    }
    #[expect(clippy::cast_precision_loss, reason = "for show")]
    let share = part as f64 / whole as f64;
    format!("{:.1} %", 100.0 * share)
}

/// A word for the shell.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:,@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// The kind of a reason: what a volunteer wrote, in quotes, becomes `…`, and numbers become `N`, so that reasons of one
/// kind can be counted together.
pub fn kind_of_reason(reason: &str) -> String {
    let mut text = reason.to_owned();
    if let (Some(first), Some(last)) = (reason.find('"'), reason.rfind('"'))
        && last > first
    {
        text.replace_range(first..=last, "\"…\"");
    }
    let mut out = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let after_word = out.chars().last().is_some_and(|last| last.is_alphanumeric() || last == '_');
        let signed = c == '-' && chars.peek().is_some_and(char::is_ascii_digit);
        if after_word || !(c.is_ascii_digit() || signed) {
            out.push(c);
            continue;
        }
        out.push('N');
        while let Some(next) = chars.peek().copied() {
            let mut rest = chars.clone();
            let _ = rest.next();
            let inside = next.is_ascii_alphanumeric()
                || ("+-.".contains(next) && rest.peek().is_some_and(char::is_ascii_digit));
            if !inside {
                break;
            }
            chars.next();
        }
    }
    printable(&out, 72)
}

/// JSON on one line, with nothing in it that a terminal would act upon: such characters stand as `\u….`
pub fn json_text(value: &serde_json::Value) -> String {
    let text = value.to_string();
    if !text.contains(daemon::log::escape::is_hazardous) {
        return text;
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if daemon::log::escape::is_hazardous(c) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

/// Any bytes as lines that a terminal can show: what would act instead of being shown is escaped, and so are bytes that
/// are not UTF-8. Each line begins with `indent`.
pub fn escaped_lines(bytes: &[u8], indent: &str) -> String {
    let mut out = String::from(indent);
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\n' => {
                    out.push('\n');
                    out.push_str(indent);
                }
                '\\' => out.push_str("\\\\"),
                c if daemon::log::escape::is_hazardous(c) => {
                    let _ = write!(out, "{}", c.escape_default());
                }
                c => out.push(c),
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_shares_read_well() {
        assert_eq!(date(1_800_000_000.9), "2027-01-15 08:00:00");
        assert_eq!(date(f64::INFINITY), "inf");
        assert_eq!(iso(1_800_000_000.25), "2027-01-15T08:00:00.250000Z");
        assert_eq!(iso(f64::INFINITY), "inf");
        assert_eq!([5.0, 600.0, 10_800.0, 864_000.0].map(duration), ["5 s", "10 min", "3.0 h", "10.0 days"]);
        assert_eq!((percent(1, 3), percent(1, 0)), ("33.3 %".to_owned(), "-".to_owned()));
    }

    #[test]
    fn words_for_the_shell_survive_it() {
        assert_eq!(quoted("/a/b-1.x"), "/a/b-1.x");
        assert_eq!(quoted("/a b/it's"), r"'/a b/it'\''s'");
        assert_eq!(quoted(""), "''");
    }

    #[test]
    fn reasons_of_one_kind_are_counted_together() {
        for (reason, kind) in [
            (
                r#"<cpu_time> is "NaN", which is not a finite number"#,
                r#"<cpu_time> is "…", which is not a finite number"#,
            ),
            ("<cpu_time> is -5.0, which is negative", "<cpu_time> is N, which is negative"),
            ("cut off at byte 117", "cut off at byte N"),
            ("is 1e300 of f64 and 0x1p20.", "is N of f64 and N."),
            ("nothing\u{1b}[2J", "nothing\\u{1b}[N"),
        ] {
            assert_eq!(kind_of_reason(reason), kind);
        }
    }

    #[test]
    fn json_is_the_same_and_cannot_act() {
        let value = serde_json::json!({"a": "\u{1b}[2J\u{9b}x\u{202e}\u{e0041}ü"});
        let text = json_text(&value);
        assert_eq!(text, r#"{"a":"\u001b[2J\u009bx\u202e\udb40\udc41ü"}"#);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }

    #[test]
    fn raw_text_cannot_act() {
        let shown = escaped_lines(b"<a>\n\x1b[2J\xff\\ \xe2\x80\xae", "| ");
        assert_eq!(shown, "| <a>\n| \\u{1b}[2J\\xff\\\\ \\u{202e}\n");
        assert!(escaped_lines(b"", "| ").ends_with('\n'));
    }
}
