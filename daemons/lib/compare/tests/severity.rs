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
