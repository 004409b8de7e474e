//! `severity = "suspicious"`: a broken check makes an output odd, not bad.

#![allow(clippy::unwrap_used, reason = "tests")]

use compare::{Parsed, Spec};

#[test]
fn an_oddity_is_told_and_does_not_change_the_verdict() {
    let spec = |text: &str| -> Spec { toml::from_str(text).unwrap() };
    let odd = spec(
        "[[files]]\nname = 'a'\nformat = 'table'\nmin_rows = 3\nseverity = 'suspicious'\n[[files.rules]]\ncolumns = [1]\n\
         at_most = 5.0\nseverity = 'suspicious'\n[[files.rules]]\nat_most = 5.0\n",
    );
    let plan = odd.plan().unwrap();
    let file = plan.file("a");
    let read = |text: &str| Parsed::from_bytes(text.as_bytes().to_vec(), file);
    let (good, high, broken) = (read("1 1\n2 2\n3 3\n"), read("1 1\n9 2\n7 3\n"), read("9 1\n2 9\n3 3\n"));
    assert_eq!((good.oddity(), good.check()), (None, Ok(())));
    assert_eq!(high.oddity().unwrap().to_string(), "line 2, column 1: 9 is not at most 5");
    assert!(high.check().is_ok() && broken.check().is_err() && broken.oddity().is_some());
    // Within memory and side by side, from either side.
    for compared in [
        file.compare(&high, &high),
        file.compare_bytes(Box::new(&b"1 1\n9 2\n7 3\n"[..]), Box::new(&b"1 1\n9 2\n7 3\n"[..])),
    ] {
        assert!(compared.agrees() && compared.suspicious.len() == 2, "{compared}");
    }
    let compared = file.compare(&good, &high);
    assert!(!compared.agrees() && compared.suspicious.len() == 1, "{compared}");
    assert!(
        compared.to_string().ends_with("the right one is suspicious: line 2, column 1: 9 is not at most 5")
    );
    assert_eq!(compared.clone().swapped().suspicious[0].side, compare::Side::Left);
    let few = read("1 1\n");
    assert!(few.check().is_ok() && few.oddity().unwrap().to_string().contains("min_rows"), "{few:?}");
    // Without a check it means nothing.
    let nothing = spec(
        "[[files]]\nname = 'a'\nformat = 'table'\nmin_rows = 0\nseverity = 'suspicious'\n[[files.rules]]\nseverity = 'suspicious'\n",
    );
    let keys: Vec<String> = nothing.check().into_iter().map(|mistake| mistake.key).collect();
    assert_eq!(keys, ["files.0.severity", "files.0.rules.0.severity"]);
}

/// Both ways of comparing: kept, and side by side.
fn both(text: &str, spec: &str) -> [compare::Comparison; 2] {
    let plan = toml::from_str::<Spec>(spec).unwrap().plan().unwrap();
    let file = plan.file("a");
    let parsed = Parsed::from_bytes(text.as_bytes().to_vec(), file);
    let bytes = || Box::new(std::io::Cursor::new(text.as_bytes().to_vec()));
    [file.compare(&parsed, &parsed), file.compare_bytes(bytes(), bytes())]
}

#[test]
fn sizes_and_lines_are_checked_in_every_way_of_comparing() {
    let log = "[[files]]\nname = 'a'\nformat = 'lines'\n";
    let zipped = "[[files]]\nname = 'a'\nformat = 'table'\ncompression = 'auto'\n";
    for (declared, says) in [
        (format!("{log}min_bytes = 10"), "has 9 bytes, less than min_bytes = 10"),
        ("[[files]]\nname = 'a'\nmin_bytes = 10".to_owned(), "has 9 bytes, less than min_bytes = 10"),
        (format!("{zipped}min_bytes = 10"), "has 9 bytes, less than min_bytes = 10"),
        (format!("{log}require = ['^done']"), "no line matches ^done"),
        (format!("{log}forbid = ['FATAL', 'x']"), "line 2"),
    ] {
        for compared in both("1 2\nx\n3\n\n", &declared) {
            assert_eq!(compared.verdict, compare::Verdict::Differ, "{declared}: {compared}");
            assert!(compared.to_string().contains(says), "{declared}: {compared}");
        }
        for compared in both("1 2\nx\n3\n\n", &format!("{declared}\nseverity = 'suspicious'")) {
            assert!(compared.agrees(), "{declared}: {compared}");
            assert_eq!(compared.suspicious.len(), 2, "{declared}: {compared}");
            assert!(compared.suspicious.iter().all(|odd| odd.what.contains(says)), "{declared}: {compared}");
        }
    }
    for compared in both("1 2\nx\n3\n\n", &format!("{log}min_bytes = 9")) {
        assert!(compared.agrees() && compared.suspicious.is_empty(), "{compared}");
    }
}

#[test]
fn the_size_is_that_of_what_is_unpacked() {
    use std::io::Write as _;
    let text = "1 2\n".repeat(1000);
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(text.as_bytes()).unwrap();
    let packed = encoder.finish().unwrap();
    assert!(packed.len() < 200);
    for format in ["table", "bytes"] {
        let spec = |least: u32| -> Spec {
            toml::from_str(&format!(
                "[[files]]\nname = 'a'\nformat = '{format}'\ncompression = 'gzip'\nmin_bytes = {least}"
            ))
            .unwrap()
        };
        let check =
            |least: u32| Parsed::from_bytes(packed.clone(), spec(least).plan().unwrap().file("a")).check();
        assert!(check(4000).is_ok() && check(4001).is_err(), "{format}");
        // `spec check` and `spec test` say so, too.
        let sample = compare::SampleFile::bytes("a", packed.clone());
        let found = spec(4001).rehearse(&sample).unwrap();
        assert!(found.iter().any(|finding| finding.message.contains("min_bytes = 4001")), "{found:?}");
        assert!(!spec(4000).rehearse(&sample).unwrap().iter().any(|finding| finding.is_mistake));
        let error = spec(4001).mutate(&sample).unwrap_err();
        assert!(error.to_string().contains("min_bytes = 4001"), "{error}");
    }
}
