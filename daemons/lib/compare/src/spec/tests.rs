use super::*;

fn keys(spec: &Spec) -> Vec<String> {
    spec.check().into_iter().map(|mistake| mistake.key).collect()
}

fn file(text: &str) -> Vec<String> {
    let spec = toml::from_str::<Spec>(&format!("[[files]]\nname = 'out'\n{text}"));
    keys(&spec.unwrap_or_else(|error| panic!("{text}: {error}")))
}

#[test]
fn the_default_is_byte_for_byte_and_right() {
    let spec: Spec = toml::from_str("").unwrap();
    assert_eq!(spec, Spec::exact());
    assert_eq!(spec.method, Method::Exact);
    assert!(spec.check().is_empty());
    assert!(spec.plan().unwrap().is_exact());
}

#[test]
fn every_key_of_the_short_form_is_read() {
    let spec: Spec = toml::from_str(
        "method = 'numeric'\nabsolute = 1e-9\nrelative = 1e-6\nseparator = 'comma'\nmax_bytes = 5",
    )
    .unwrap();
    let expected = Spec {
        method: Method::Numeric,
        absolute: 1e-9,
        relative: 1e-6,
        separator: Separator::Comma,
        max_bytes: 5,
        ..Spec::default()
    };
    assert_eq!(spec, expected);
    assert!(spec.check().is_empty());
    assert!(toml::from_str::<Spec>("absolut = 1").is_err());
}

#[test]
fn tolerances_that_mean_nothing_are_found() {
    for bad in [-1.0, -f64::MIN_POSITIVE, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(keys(&Spec::numeric(bad, 0.0)), ["absolute"], "{bad}");
        assert_eq!(keys(&Spec::numeric(0.0, bad)), ["relative"], "{bad}");
    }
    assert_eq!(keys(&Spec::numeric(0.0, 1.0)), ["relative"]);
    assert!(keys(&Spec::numeric(0.0, 0.0)).is_empty(), "exact numbers are a rule");
    assert!(keys(&Spec::numeric(1e300, 0.999)).is_empty());
}

#[test]
fn settings_without_effect_are_found() {
    assert_eq!(
        keys(&Spec { absolute: 1.0, separator: Separator::Comma, ..Spec::exact() }),
        ["absolute", "separator"]
    );
    assert_eq!(keys(&Spec { max_bytes: 0, ..Spec::exact() }), ["max_bytes"]);
    assert_eq!(keys(&Spec { max_bytes: LARGEST_MAX_BYTES + 1, ..Spec::exact() }), ["max_bytes"]);
    assert_eq!(file("header = true"), ["files.0.header"]);
    for with in ["", "header = true\n", "comment = '#'\n"] {
        let found = file(&format!("format = 'table'\n{with}commented_header = true"));
        assert_eq!(found, ["files.0.commented_header"]);
    }
    assert!(file("format = 'table'\nheader = true\ncomment = '#'\ncommented_header = true").is_empty());
    assert_eq!(file("format = 'table'\nskip_gzip_header = true"), ["files.0.skip_gzip_header"]);
    assert_eq!(file("format = 'lines'\nseparator = ';'"), ["files.0.separator"]);
    assert_eq!(file("[[files.rules]]"), ["files.0.rules"]);
    assert_eq!(file("format = 'table'\nkey = [1]"), ["files.0.key"]);
    assert_eq!(file("format = 'table'\nextra_rows = 'ignore'"), ["files.0.extra_rows"]);
    assert_eq!(file("format = 'table'\nmax_rows = 5"), ["files.0.max_rows"]);
    for (rule, key) in [
        ("method = 'exact'\nrelative = 0.1", "relative"),
        ("ulps = 4", "ulps"),
        ("digits = 4", "digits"),
        ("method = 'ulps'\nulps = 1\nabsolute = 1.0", "absolute"),
        ("precision = 'single'", "precision"),
        ("relative_to = 'mean'", "relative_to"),
        ("method = 'ignore'\nnan = 'equal'", "nan"),
    ] {
        let found = file(&format!("format = 'table'\n[[files.rules]]\n{rule}"));
        assert_eq!(found, [format!("files.0.rules.0.{key}")], "{rule}");
    }
}

#[test]
fn what_could_accept_everything_is_found() {
    for (rule, key) in [
        ("relative = 1.5", "relative"),
        ("absolute = inf", "absolute"),
        ("method = 'ulps'", "ulps"),
        ("method = 'ulps'\nulps = 9000000000000000000", "ulps"),
        ("method = 'digits'", "digits"),
        ("method = 'digits'\ndigits = 18", "digits"),
        ("period = 360.0\nabsolute = 180.0", "absolute"),
        ("period = -1.0", "period"),
        ("period = 1.0\nrelative = 0.1", "relative"),
        ("at_least = 2.0\nat_most = 1.0", "at_least"),
        ("columns = []", "columns"),
        ("columns = ['mass']", "columns"),
        ("columns = [4000000000]", "columns"),
    ] {
        let found = file(&format!("format = 'table'\n[[files.rules]]\n{rule}"));
        assert_eq!(found, [format!("files.0.rules.0.{key}")], "{rule}");
    }
    assert_eq!(file("format = 'lines'\nignore = ['']"), ["files.0.ignore"]);
    assert_eq!(file("format = 'lines'\nignore = ['(']"), ["files.0.ignore"]);
    assert_eq!(file("format = 'lines'\nrequire = ['(']"), ["files.0.require"]);
}

#[test]
fn entries_and_rules_that_never_count_are_found() {
    let text = "[[files]]\nname = '*'\n[[files]]\nname = 'out'\n[[files]]";
    let spec: Spec = toml::from_str(text).unwrap();
    assert_eq!(keys(&spec), ["files.1.name", "files.2.name"]);
    let found = file("format = 'table'\n[[files.rules]]\n[[files.rules]]\ncolumns = [2]");
    assert_eq!(found, ["files.0.rules.1.columns"]);
    assert_eq!(file("format = 'table'\norder = 'key'"), ["files.0.key"]);
    assert_eq!(file("format = 'key_value'\norder = 'key'"), [""; 0], "a record has its key");
    assert_eq!(file("format = 'key_value'\n[[files.rules]]\ncolumns = [1]"), ["files.0.rules.0.columns"]);
}

#[test]
fn members_of_one_archive_have_an_entry_each() {
    let entry = |name: &str, member: &str| {
        format!("[[files]]\nname = '{name}'\narchive = 'tar'\nmember = '{member}'\n")
    };
    let two: Spec = toml::from_str(&format!("{}{}", entry("*.tar", "a"), entry("*.tar", "b/c"))).unwrap();
    let plan = two.plan().unwrap();
    assert_eq!(plan.parts("x.tar"), ["x.tar:a", "x.tar:b/c"]);
    assert_eq!(plan.parts("x.dat"), ["x.dat"]);
    assert!(!plan.file("x.tar:b/c").is_exact() && plan.file("y:b/c").is_exact());
    let one: Spec = toml::from_str(&entry("x.tar", "a")).unwrap();
    assert_eq!(one.plan().unwrap().parts("x.tar"), ["x.tar"]);
    for (twice, keys) in [
        (format!("{}{}", entry("x", "a"), entry("x", "a")), &["files.1.name"]),
        (format!("{}[[files]]\nname = 'x'", entry("x", "a")), &["files.1.name"]),
        (format!("{}{}", entry("*", "a"), entry("x", "b")), &["files.1.name"]),
    ] {
        assert_eq!(keys_of(&twice), keys, "{twice}");
    }
}

fn keys_of(text: &str) -> Vec<String> {
    keys(&toml::from_str(text).unwrap())
}

#[test]
fn a_sample_is_a_file_below_the_specs_folder() {
    for (text, keys) in [
        ("sample = 'good/out.dat'", &[][..]),
        ("sample = '/etc/passwd'", &["files.0.sample"]),
        ("sample = '../out.dat'", &["files.0.sample"]),
        ("sample = 'good//out.dat'", &["files.0.sample"]),
        ("sample = 'good/./out.dat'", &["files.0.sample"]),
    ] {
        assert_eq!(file(text), keys, "{text}");
    }
    let spec = |name: &str| -> Spec {
        toml::from_str(&format!(
            "[[files]]\nname = '{name}'\nsample = 'good/run1.dat'\n[[files]]\nname = 'x'"
        ))
        .unwrap()
    };
    assert_eq!(spec("*.dat").samples().collect::<Vec<_>>(), [("run1.dat", "good/run1.dat")]);
    assert_eq!(spec("out").samples().collect::<Vec<_>>(), [("out", "good/run1.dat")]);
    assert!(keys(&spec("*.dat")).is_empty());
    assert_eq!(keys(&spec("*.csv")), ["files.0.sample"]);
}

#[test]
fn the_first_entry_that_names_a_file_counts() {
    let text = "method = 'numeric'\n[[files]]\nname = 'log*'\nformat = 'lines'\n[[files]]\nname = 'extra'\noptional = true";
    let plan = toml::from_str::<Spec>(text).unwrap().plan().unwrap();
    assert!(plan.file("extra").is_optional() && !plan.file("log.txt").is_optional());
    assert!(!plan.is_exact());
    assert_eq!(plan.expected().collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn tolerances_that_accept_all_numbers_of_a_type_are_found() {
    let rule = |text: &str| file(&format!("format = 'table'\n[[files.rules]]\nmethod = 'ulps'\n{text}"));
    assert_eq!(rule("precision = 'single'\nulps = 4294967295"), ["files.0.rules.0.ulps"]);
    assert_eq!(rule("precision = 'single'\nulps = 524289"), ["files.0.rules.0.ulps"]);
    assert_eq!(rule("precision = 'single'\nulps = 524288"), [""; 0]);
    assert_eq!(rule("ulps = 524289"), [""; 0]);
    let raw = |numbers: &str, absolute: &str| {
        file(&format!("format = 'raw'\nnumbers = '{numbers}'\n[[files.rules]]\nabsolute = {absolute}"))
    };
    assert_eq!(raw("i32_le", "4294967295.0"), ["files.0.rules.0.absolute"]);
    assert_eq!(raw("f32_be", "1e39"), ["files.0.rules.0.absolute"]);
    assert_eq!(raw("i64_le", "2e19"), ["files.0.rules.0.absolute"]);
    assert_eq!((raw("i32_le", "1e9"), raw("f64_le", "1e300")), (vec![], vec![]));
}
