//! The form of a line. Pure.

use chrono::DateTime;
use tracing::Level;

use super::escape::{push_json, push_message, push_value};
use crate::args::LogFormat;

/// The value of a field.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    /// A number or a truth value, as JSON writes it.
    Bare(String),
    /// Text, perhaps of a stranger.
    Text(String),
}

/// One event, ready to be written.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Line<'a> {
    /// Unix seconds.
    pub(super) time: f64,
    pub(super) level: Level,
    pub(super) target: &'a str,
    pub(super) message: &'a str,
    pub(super) fields: &'a [(&'static str, Value)],
}

impl Line<'_> {
    pub(super) fn format(&self, format: LogFormat) -> String {
        let mut out = String::with_capacity(128);
        match format {
            LogFormat::Text => self.text(&mut out),
            LogFormat::Json => self.json(&mut out),
        }
        out.push('\n');
        out
    }

    /// `2026-11-20 07:33:20.0000 UTC [word] message key=value`; without a word there are two blanks after UTC,
    /// as in BOINC's logs.
    fn text(&self, out: &mut String) {
        out.push_str(&stamp(self.time, "%Y-%m-%d %H:%M:%S", 4));
        out.push_str(match self.level {
            Level::ERROR => " UTC [CRITICAL] ",
            Level::WARN => " UTC [warning] ",
            Level::INFO => " UTC  ",
            Level::DEBUG | Level::TRACE => " UTC [debug] ",
        });
        push_message(out, self.message);
        for (name, value) in self.fields {
            out.push(' ');
            out.push_str(name);
            out.push('=');
            match value {
                Value::Bare(text) => out.push_str(text),
                Value::Text(text) => push_value(out, text),
            }
        }
    }

    fn json(&self, out: &mut String) {
        let level = match self.level {
            Level::ERROR => "error",
            Level::WARN => "warning",
            Level::INFO => "info",
            Level::DEBUG => "debug",
            Level::TRACE => "trace",
        };
        out.push_str("{\"time\":\"");
        out.push_str(&stamp(self.time, "%Y-%m-%dT%H:%M:%S", 6));
        out.push_str("Z\",\"level\":\"");
        out.push_str(level);
        out.push_str("\",\"target\":");
        push_json(out, self.target);
        out.push_str(",\"message\":");
        push_json(out, self.message);
        for (name, value) in self.fields {
            out.push(',');
            push_json(out, name);
            out.push(':');
            match value {
                Value::Bare(text) => out.push_str(text),
                Value::Text(text) => push_json(out, text),
            }
        }
        out.push('}');
    }
}

/// UTC, with `digits` decimals of a second, cut, not rounded.
fn stamp(time: f64, format: &str, digits: usize) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "saturates, and chrono refuses what it can't show")]
    let micros = (time * 1e6).floor() as i64;
    let text = DateTime::from_timestamp_micros(micros)
        .map_or_else(|| "0000-00-00 00:00:00".to_owned(), |time| time.format(format).to_string());
    let fraction = format!("{:06}", micros.rem_euclid(1_000_000));
    format!("{text}.{}", fraction.get(..digits).unwrap_or(&fraction))
}
