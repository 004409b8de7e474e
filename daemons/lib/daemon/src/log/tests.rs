use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use tracing_subscriber::layer::SubscriberExt;

use super::escape::{bounded, is_hazardous};
use super::*;

/// What `work` logs, as one string.
fn logged(format: LogFormat, debug_level: u8, work: impl FnOnce()) -> String {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let copy = Arc::clone(&lines);
    let sink: Sink = Arc::new(move |line: &[u8]| copy.lock().unwrap().extend_from_slice(line));
    let layer = LogLayer::new(format, Clock::frozen(1_795_160_000.123_49), sink);
    let subscriber = tracing_subscriber::registry().with(filter(debug_level)).with(layer);
    tracing::subscriber::with_default(subscriber, work);
    String::from_utf8(std::mem::take(&mut *lines.lock().unwrap())).unwrap()
}

fn some_events() {
    tracing::error!("broken");
    tracing::warn!(wu = 17, "odd");
    tracing::info!(found = 3u64, share = 0.5, app = "theory", "pass");
    tracing::debug!("detail");
    tracing::trace!(target: "store::sql", "SELECT 1");
    tracing::debug!(target: "hyper::proto", "noise");
    tracing::warn!(target: "hyper::proto", "trouble");
}

#[test]
fn lines_have_boincs_form() {
    let text = logged(LogFormat::Text, 4, some_events);
    let wanted = [
        "2026-11-20 07:33:20.1234 UTC [CRITICAL] broken",
        "2026-11-20 07:33:20.1234 UTC [warning] odd wu=17",
        "2026-11-20 07:33:20.1234 UTC  pass found=3 share=0.5 app=theory",
        "2026-11-20 07:33:20.1234 UTC [debug] detail",
        "2026-11-20 07:33:20.1234 UTC [debug] SELECT 1",
        "2026-11-20 07:33:20.1234 UTC [warning] trouble",
    ];
    assert_eq!(text.lines().collect::<Vec<_>>(), wanted);
}

#[test]
fn each_debug_level_shows_more() {
    let counts: Vec<usize> =
        (1..=4).map(|level| logged(LogFormat::Text, level, some_events).lines().count()).collect();
    assert_eq!(counts, [1, 4, 5, 6]);
}

#[test]
fn json_is_one_object_a_line() {
    let text = logged(LogFormat::Json, 2, || {
        tracing::info!(host = 4, nan = f64::NAN, ok = true, name = "a\u{1b}[2J\n\u{85}\u{e0001}\"", "up");
    });
    assert!(!text.trim_end().chars().any(is_hazardous), "{text:?}");
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["time"], "2026-11-20T07:33:20.123490Z");
    assert_eq!((&value["level"], &value["message"]), (&"info".into(), &"up".into()));
    assert_eq!((&value["host"], &value["ok"], &value["nan"]), (&4.into(), &true.into(), &"NaN".into()));
    assert_eq!(value["name"], "a\u{1b}[2J\n\u{85}\u{e0001}\"");
}

#[test]
fn spans_add_their_fields_once() {
    let text = logged(LogFormat::Text, 2, || {
        let _outer = tracing::info_span!("pass", app = "theory", wu = tracing::field::Empty).entered();
        let inner = tracing::info_span!("item", wu = 1, host = 2).entered();
        inner.record("wu", 5);
        tracing::info!(host = 9, "seen");
    });
    assert!(text.ends_with("UTC  seen host=9 app=theory wu=5\n"), "{text}");
}

#[test]
fn a_stranger_cannot_forge_lines_fields_or_terminal_commands() {
    let hostile = "x\n2026-11-20 07:33:20.0000 UTC  all is well wu=1\r\u{1b}]0;title\u{7}\u{202e}";
    let text = logged(LogFormat::Text, 2, || {
        tracing::info!(name = hostile, shown = %hostile, debug = ?hostile, "got {hostile}");
    });
    assert_eq!(text.lines().count(), 1);
    assert!(!text.trim_end_matches('\n').chars().any(is_hazardous), "{text:?}");
    let quoted = logged(LogFormat::Text, 2, || tracing::info!(name = "a\" wu=\"1", plain = "a_b", "x"));
    assert!(quoted.ends_with("x name=\"a\\\" wu=\\\"1\" plain=a_b\n"), "{quoted}");
}

#[test]
fn long_values_are_cut() {
    let text = logged(LogFormat::Text, 2, || tracing::info!(name = %"é".repeat(100_000), "x"));
    assert!(text.len() < 1200 && text.ends_with("é…\n"), "{}", text.len());
    assert_eq!(bounded(format_args!("abc"), 3), "abc");
    assert_eq!(bounded(format_args!("abé"), 3), "ab…");
}

#[test]
fn errors_come_with_their_causes() {
    let error = std::io::Error::other("disk");
    let text = logged(LogFormat::Text, 2, || {
        tracing::error!(error = &error as &dyn std::error::Error, "no");
    });
    assert!(text.ends_with("no error=disk\n"), "{text}");
}

proptest! {
    #[test]
    fn no_text_ends_a_line_early(message in any::<String>(), value in any::<String>()) {
        for format in [LogFormat::Text, LogFormat::Json] {
            let text = logged(format, 2, || tracing::info!(value, "{message}"));
            let body = text.strip_suffix('\n').expect("a line ends");
            prop_assert!(!body.chars().any(is_hazardous), "{:?}", body);
        }
    }

    #[test]
    fn json_gives_back_what_was_logged(value in "\\PC{0,100}|.{0,100}") {
        let text = logged(LogFormat::Json, 2, || tracing::info!(value, "x"));
        let read: serde_json::Value = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(&read["value"], &serde_json::Value::from(value));
    }
}
