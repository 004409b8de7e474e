use proptest::prelude::*;

use super::*;

fn message(body: &str) -> Vec<u8> {
    format!("\n      <result_name>t_1_0</result_name>\n      <time>1795161125</time>\n{body}\n").into_bytes()
}

fn counts(body: &str, format: Format) -> Result<[u64; 4], String> {
    let names = Names { received: "jobs.in", succeeded: "succeeded", failed: "failed", ..Names::default() };
    let names = if format == Format::Json { names } else { Names { received: "in", ..names } };
    let read = read(&message(body), format, &names).map_err(|error| error.to_string())?;
    assert_eq!((read.result_name.as_str(), read.time), ("t_1_0", 1_795_161_125));
    let Report { received, succeeded, failed, events } = read.report;
    Ok([received, succeeded, failed, events])
}

#[test]
fn the_three_formats() {
    let all = Ok([5, 3, 2, 1_000_000]);
    assert_eq!(
        counts(
            "<?xml version='1.0'?><r><in>5</in><succeeded> 3 </succeeded><failed>2</failed><events>1e6</events></r>",
            Format::Xml
        ),
        all
    );
    assert_eq!(
        counts("# guest\nin = 5\nsucceeded=3\r\nfailed=2\nevents=1000000.0\nhost=x", Format::KeyValue),
        all
    );
    assert_eq!(
        counts(
            r#"{"jobs": {"in": 5, "list": [1, {"in": 9}]}, "succeeded": "3", "failed": 2, "events": 1e6, "x": null}"#,
            Format::Json
        ),
        all
    );
    // What the text lacks is 0; the same number twice is one.
    assert_eq!(counts("failed=2\nfailed=2", Format::KeyValue), Ok([0, 0, 2, 0]));
    assert_eq!(counts(r#"{"failed": 2, "failed": 2, "events": null}"#, Format::Json), Ok([0, 0, 2, 0]));
}

#[test]
fn absurd_counts_are_refused() {
    for bad in ["-1", "nan", "inf", "1.5", "1000000000000001", "1e16", "99999999999999999999", "", "x", "1,5"]
    {
        for (body, format) in [
            (format!("failed={bad}"), Format::KeyValue),
            (format!("<failed>{bad}</failed>"), Format::Xml),
            (format!("{{\"failed\": \"{bad}\"}}"), Format::Json),
        ] {
            assert!(counts(&body, format).unwrap_err().starts_with("failed is \""), "{body}");
        }
    }
    for bad in ["-1", "1.5", "1e16", "1000000000000001", "true"] {
        assert!(
            counts(&format!("{{\"failed\": {bad}}}"), Format::Json).unwrap_err().starts_with("failed is"),
            "{bad}"
        );
    }
    assert_eq!(counts("failed=1000000000000000", Format::KeyValue), Ok([0, 0, MAX_COUNT, 0]));
}

#[test]
fn what_cannot_be_used_says_why() {
    for (body, format, word) in [
        ("", Format::KeyValue, "none of in, succeeded, failed, events"),
        ("<a>1</a>", Format::Xml, "none of"),
        ("{}", Format::Json, "none of"),
        ("failed=1\nfailed=2", Format::KeyValue, "two different failed: 1 and 2"),
        ("<failed>1</failed><failed>2</failed>", Format::Xml, "two different"),
        (r#"{"failed": 1, "failed": 2}"#, Format::Json, "two different"),
        ("[1]", Format::Json, "object"),
        ("7", Format::Json, "none of"),
        ("{\"failed\": 1", Format::Json, "no JSON"),
        ("{\"failed\": 1} x", Format::Json, "no JSON"),
        ("<failed>1", Format::Xml, "cut off"),
    ] {
        let error = counts(body, format).unwrap_err();
        assert!(error.contains(word), "{body}: {error}");
    }
    let deep = "{\"a\":".repeat(40) + "1" + &"}".repeat(40);
    assert!(counts(&deep, Format::Json).unwrap_err().contains("inside one another"));
    let list = "{\"a\":".to_owned() + &"[".repeat(100_000);
    assert!(counts(&list, Format::Json).is_err());
    let many: String = (0..2000).map(|i| format!("\"k{i}\":1,")).collect();
    assert!(counts(&format!("{{{many}\"failed\":1}}"), Format::Json).unwrap_err().contains("keys"));
    assert!(read(b"failed=1", Format::KeyValue, &Names::default()).is_err(), "no result");
}

#[test]
fn merging() {
    let a = Report { received: 5, succeeded: 1, failed: 0, events: u64::MAX };
    let b = Report { received: 3, succeeded: 2, failed: 0, events: 7 };
    assert_eq!(a.max(b), Report { received: 5, succeeded: 2, failed: 0, events: u64::MAX });
    assert_eq!(a.plus(b), Report { received: 8, succeeded: 3, failed: 0, events: u64::MAX });
}

fn format() -> impl Strategy<Value = Format> {
    prop::sample::select(vec![Format::Xml, Format::KeyValue, Format::Json])
}

proptest! {
    #[test]
    fn no_text_panics_and_errors_are_one_short_line(
        body in "[-{}\\[\\]\":,=<>/a-z0-9.e\n#\\\\ ]{0,120}", bytes in proptest::collection::vec(any::<u8>(), 0..80), format in format(),
    ) {
        let names = Names { failed: "a", ..Names::default() };
        for text in [message(&body), [message(""), bytes.clone()].concat(), bytes] {
            match read(&text, format, &names) {
                Ok(read) => prop_assert!(read.report.failed <= MAX_COUNT),
                Err(error) => {
                    let error = error.to_string();
                    prop_assert!(error.chars().count() <= 260 && !error.chars().any(char::is_control), "{}", error);
                }
            }
        }
    }

    #[test]
    fn counts_come_back(received in 0..=MAX_COUNT, events in 0..=MAX_COUNT, format in format()) {
        let body = match format {
            Format::Xml => format!("<received>{received}</received><events>{events}</events>"),
            Format::KeyValue => format!("received={received}\nevents={events}"),
            Format::Json => format!("{{\"received\":{received},\"events\":{events}}}"),
        };
        let read = read(&message(&body), format, &Names::default()).unwrap();
        prop_assert_eq!((read.report.received, read.report.events), (received, events));
    }
}
