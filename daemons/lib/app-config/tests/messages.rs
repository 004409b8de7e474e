//! What an administrator reads when the file is wrong.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use app_config::{AppConfig, AppConfigError, Parameter};

fn messages(text: &str) -> Vec<String> {
    AppConfig::parse(text, "theory").unwrap_err().iter().map(ToString::to_string).collect()
}

fn message(text: &str) -> String {
    let messages = messages(text);
    assert_eq!(messages.len(), 1, "{messages:?}");
    messages.into_iter().next().unwrap()
}

#[test]
fn a_misspelt_key_is_refused_with_the_nearest_known_one() {
    let text = "# one\n[work]\nevents = 5\n\n[compare]\nmethod = 'numeric'\nabsolut = 1e-9\n";
    assert_eq!(message(text), "unknown key `absolut` in [compare], line 7: did you mean `absolute`?");
    assert_eq!(
        message("[compare]\nrelativ = 1"),
        "unknown key `relativ` in [compare], line 2: did you mean `relative`?"
    );
    assert_eq!(
        message("compare.Absolute = 1"),
        "unknown key `Absolute` in [compare], line 1: did you mean `absolute`?"
    );
    assert_eq!(
        message("[assimilate]\nzstd_leve = true"),
        "unknown key `zstd_leve` in [assimilate], line 2: did you mean `zstd_level`?"
    );
}

#[test]
fn a_misspelt_section_is_refused() {
    assert_eq!(message("[comparison]\n"), "unknown section [comparison], line 1: did you mean [compare]?");
    let all = message("[xyz]\n");
    assert!(
        all.starts_with("unknown section [xyz], line 1: known here: [work], [uptime], [deadline], "),
        "{all}"
    );
}

#[test]
fn a_key_in_the_wrong_place_is_sent_home() {
    assert_eq!(
        message("absolute = 1"),
        "unknown key `absolute` before the first section, line 1: it belongs in [compare]"
    );
    assert_eq!(
        message("[work]\nflag_idle = true"),
        "unknown key `flag_idle` in [work], line 2: it belongs in [assimilate]"
    );
}

#[test]
fn a_key_like_nothing_gets_the_list() {
    let message = message("[assimilate]\nzzz = 1");
    assert_eq!(
        message,
        "unknown key `zzz` in [assimilate], line 2: known here: `folder`, `outputs`, `zstd_level`, `flag_idle`, `parameters`, `data`, `s3`, `hook`, `summary`"
    );
}

#[test]
fn all_unknown_keys_are_reported_in_the_order_of_the_file() {
    let messages = messages("[work]\nzz = 1\nseed = 1\n[compare]\nabsolut = 1\n");
    let lines: Vec<&str> = messages.iter().map(|message| message.split(':').next().unwrap()).collect();
    assert_eq!(
        lines,
        [
            "unknown key `zz` in [work], line 2",
            "unknown key `seed` in [work], line 3",
            "unknown key `absolut` in [compare], line 5"
        ]
    );
}

#[test]
fn a_wrong_type_says_what_is_expected_and_found() {
    for (text, expected) in [
        (
            "[compare]\nabsolute = \"small\"",
            "`absolute` in [compare], line 2: expected a number, found the text \"small\"",
        ),
        ("[work]\ncampaign = 5", "`campaign` in [work], line 2: expected text in quotes, found the number 5"),
        (
            "[work]\njobs = -1",
            "`jobs` in [work], line 2: expected a whole number, 0 or larger, found the number -1",
        ),
        (
            "[work]\njobs = 1.5",
            "`jobs` in [work], line 2: expected a whole number, 0 or larger, found the number 1.5",
        ),
        (
            "[work]\npriority = 3000000000",
            "`priority` in [work], line 2: expected a whole number from -2147483648 to 2147483647, found the number 3000000000",
        ),
        (
            "[assimilate]\nflag_idle = \"yes\"",
            "`flag_idle` in [assimilate], line 2: expected true or false, found the text \"yes\"",
        ),
        (
            "[assimilate]\nfolder = true",
            "`folder` in [assimilate], line 2: expected text in quotes, found true",
        ),
        ("compare = \"exact\"", "[compare], line 1: expected a section, found the text \"exact\""),
        ("[compare]\nabsolute = [1]", "`absolute` in [compare], line 2: expected a number, found a list"),
        (
            "[work.parameters]\nbeam = true",
            "`beam` in [work.parameters], line 2: expected text in quotes or a number, found true",
        ),
    ] {
        assert_eq!(message(text), expected, "{text}");
    }
}

#[test]
fn a_misspelt_word_is_refused_with_the_nearest_known_one() {
    assert_eq!(
        message("[compare]\n\nmethod = \"numerc\""),
        "`method` in [compare], line 3: \"numerc\" is not known: did you mean \"numeric\"? (known: \"exact\", \"numeric\")"
    );
    let message = message("[credit]\nmode = \"xyz\"");
    assert!(
        message.starts_with("`mode` in [credit], line 2: \"xyz\" is not known (known: \"adaptive\", "),
        "{message}"
    );
}

#[test]
fn values_that_make_no_sense_are_all_reported() {
    assert_eq!(
        messages(
            "[compare]\nmethod = 'numeric'\nrelative = nan\nabsolute = -1.0\n[work]\njobs = 0\ncampaign = ''"
        ),
        [
            "`relative` in [compare], line 3: is NaN, but a tolerance is a finite number, 0 or larger",
            "`absolute` in [compare], line 4: is -1, but a tolerance is a finite number, 0 or larger",
            "`jobs` in [work], line 6: is 0; remove [work] to make no workunits",
            "`campaign` in [work], line 7: \"\" cannot be part of file names: use 1 to 100 letters, digits, `.`, `_` and `-`, \
             not beginning with `.` or `-`",
        ]
    );
}

#[test]
fn each_rule_of_a_value_can_fail() {
    for (text, subject) in [
        ("[work]\ncampaign = '../x'", "`campaign` in [work], line 2"),
        ("[work]\ninput_template = '/etc/passwd'", "`input_template` in [work], line 2"),
        ("[work]\noutput_template = '../x'", "`output_template` in [work], line 2"),
        ("[work]\ncontext = 'a/../../b'", "`context` in [work], line 2"),
        (&format!("[work]\noutput_template = '{}'", "x".repeat(64)), "`output_template` in [work], line 2"),
        ("[work]\ncushion = 0", "`cushion` in [work], line 2"),
        ("[work]\ncushion = 1000001", "`cushion` in [work], line 2"),
        ("[work]\nevents = 9223372036854775808", "`events` in [work], line 2"),
        ("[work]\njobs = 2\nfirst_seed = 9223372036854775807", "`first_seed` in [work], line 3"),
        ("[work.parameters]\nseed = 1", "`seed` in [work.parameters], line 2"),
        ("[work.parameters]\n'a-b' = 1", "`a-b` in [work.parameters], line 2"),
        ("[work.parameters]\nbeam = inf", "`beam` in [work.parameters], line 2"),
        ("[uptime]\nslack_seconds = -1", "`slack_seconds` in [uptime], line 2"),
        ("[uptime]\nmax_lifetime_seconds = 0", "`max_lifetime_seconds` in [uptime], line 2"),
        ("[uptime]\nmax_seconds_per_host_and_day = 0", "`max_seconds_per_host_and_day` in [uptime], line 2"),
        ("[uptime]\nmax_flops_percentile = 101", "`max_flops_percentile` in [uptime], line 2"),
        ("[uptime]\nflag_after = 0", "`flag_after` in [uptime], line 2"),
        ("[uptime]\nclaims = []", "`claims` in [uptime], line 2"),
        ("[deadline]\nextension_period = 0", "`extension_period` in [deadline], line 2"),
        ("[deadline]\nextension_timeframe = -1", "`extension_timeframe` in [deadline], line 2"),
        ("[deadline]\nmax_extension_seconds = inf", "`max_extension_seconds` in [deadline], line 2"),
        ("[credit]\nmax_granted_credit = 0", "`max_granted_credit` in [credit], line 2"),
        ("[credit]\nmax_granted_credit = nan", "`max_granted_credit` in [credit], line 2"),
        ("[assimilate]\nfolder = '../elsewhere'", "`folder` in [assimilate], line 2"),
        ("[assimilate.s3]\nrows_per_file = 0", "`rows_per_file` in [assimilate.s3], line 2"),
        ("[assimilate.s3]\nrows_per_file = 50001", "`rows_per_file` in [assimilate.s3], line 2"),
        ("[assimilate.s3]\nwait_seconds = -1", "`wait_seconds` in [assimilate.s3], line 2"),
        ("[assimilate.parameters]\nenergy = 'float'", "`energy` in [assimilate.parameters], line 2"),
        ("[assimilate.parameters]\n'a-b' = 'text'", "`a-b` in [assimilate.parameters], line 2"),
        ("[assimilate.parameters]\nb = 'text'\nB = 'text'", "`b` in [assimilate.parameters], line 2"),
        ("[compare]\nseparator = 'comma'", "`separator` in [compare], line 2"),
    ] {
        let message = message(text);
        assert!(message.starts_with(&format!("{subject}: ")), "{message}");
    }
}

const CLAIM: &str = "[[uptime.claims]]\nvariety = 'v'\nelement = 'e'\nmeaning = 'increment'\n";
const REPORT: &str = "[[reports]]\nvariety = 'v'\nformat = 'json'\nmeaning = 'cumulative'\n";

#[test]
fn tables_of_a_list_are_counted() {
    let twice = |one: &str, key: &str| format!("{one}{}", one.replace("'v'", "'w'") + key + "\n");
    for (text, expected) in [
        (
            twice(CLAIM, "max_seconds = 0"),
            "`max_seconds` in [[uptime.claims]] number 2, line 9: is 0, but must be above 0",
        ),
        (
            twice(CLAIM, "max_second = 1"),
            "unknown key `max_second` in [uptime.claims], line 9: did you mean `max_seconds`?",
        ),
        (
            twice(CLAIM, "unit = 'cpus'"),
            "`unit` in [[uptime.claims]] number 2, line 9: \"cpus\" is not known: did you mean \"cpu\"? (known: \"elapsed\", \"cpu\")",
        ),
        (
            format!("{CLAIM}{CLAIM}"),
            "`variety` in [[uptime.claims]] number 2, line 6: \"v\" is declared twice; a message makes one claim",
        ),
        (
            twice(REPORT, "failed = 'received'"),
            "`failed` in [[reports]] number 2, line 9: is \"received\", and so is `received`; a number counts for one of them",
        ),
        (
            twice(REPORT, "events = ''"),
            "`events` in [[reports]] number 2, line 9: is empty; leave it out for the default",
        ),
        (
            twice(REPORT, "max_jobs = 0"),
            "`max_jobs` in [[reports]] number 2, line 9: is 0, but must be from 1 to 1000000000000000",
        ),
        (
            twice(REPORT, "max_events = 1000000000000001"),
            "`max_events` in [[reports]] number 2, line 9: is 1000000000000001, but must be from 1 to 1000000000000000",
        ),
        (
            format!("{REPORT}{REPORT}"),
            "`variety` in [[reports]] number 2, line 6: \"v\" is declared twice; a message is one report",
        ),
    ] {
        assert_eq!(message(&text), expected, "{text}");
    }
    assert_eq!(
        message(&format!("{CLAIM}[[uptime.claims]]\nvariety = 'w'")),
        "[[uptime.claims]] number 2, line 5: missing field `element`"
    );
    // Something in the first of them that is wrong by default has the line of its table.
    assert_eq!(
        message(&REPORT.replace("json'", "json'\nreceived = 'failed'")),
        "`failed` in [[reports]] number 1, line 1: is \"failed\", and so is `received`; a number counts for one of them"
    );
}

#[test]
fn a_default_that_does_not_fit_is_reported_without_a_line() {
    let app = "a".repeat(60);
    let mistakes = AppConfig::parse("[work]", &app).unwrap_err();
    assert_eq!(
        mistakes[0].to_string(),
        "`output_template` in [work]: has 74 bytes, but BOINC's database has room for 63"
    );
}

#[test]
fn no_toml_names_the_line() {
    let message = message("[compare]\nmethod = \n");
    assert!(message.starts_with("line 2: this is not TOML: "), "{message}");
    let message = messages("[compare]\n[compare]\n").remove(0);
    assert!(message.starts_with("line 2: this is not TOML: duplicate key"), "{message}");
}

#[test]
fn every_message_names_the_file() {
    let project = tempfile::tempdir().unwrap();
    let folder = project.path().join("cobblestone");
    std::fs::create_dir(&folder).unwrap();
    let path = folder.join("theory.toml");
    std::fs::write(&path, "[work]\nzz = 1\nyy = 2\n").unwrap();
    let error = AppConfig::load(project.path(), "theory").unwrap_err();
    for line in error.to_string().lines() {
        assert!(line.starts_with(&format!("{}: unknown key", path.display())), "{line}");
    }
    assert_eq!(error.to_string().lines().count(), 2);

    std::fs::write(&path, b"\xff").unwrap();
    let error = AppConfig::load(project.path(), "theory").unwrap_err();
    assert_eq!(error.to_string(), format!("{}: cannot be read: it is not UTF-8 text", path.display()));
    std::fs::write(&path, vec![b'#'; (1 << 20) + 1]).unwrap();
    assert!(matches!(AppConfig::load(project.path(), "theory"), Err(AppConfigError::Read { .. })));
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    assert!(matches!(AppConfig::load(project.path(), "theory"), Err(AppConfigError::Read { .. })));
}

#[test]
fn an_application_cannot_name_another_file() {
    for app in ["", "..", "../config", "/etc/passwd", "a/b", ".hidden", "-d", "a\nb"] {
        let error = AppConfig::load("/nonexistent".as_ref(), app).unwrap_err();
        assert!(matches!(error, AppConfigError::AppName { .. }), "{app:?}: {error}");
        assert!(!error.to_string().contains('\n'));
    }
}

#[test]
fn parameters_keep_their_types() {
    let text = "[work.parameters]\nbeam = 'pp'\nenergy = 7000\ncut = 2.5\n";
    let work = AppConfig::parse(text, "theory").unwrap().work.unwrap();
    let expected = [
        ("beam".to_owned(), Parameter::Text("pp".into())),
        ("cut".to_owned(), Parameter::Float(2.5)),
        ("energy".to_owned(), Parameter::Integer(7000)),
    ];
    assert_eq!(work.parameters.into_iter().collect::<Vec<_>>(), expected);
}

proptest::proptest! {
    #[test]
    fn no_text_panics(text in "(\\[|\\]|=|\\.|\n|'|\"|work|compare|credit|mode|jobs|absolute|1|-|nan|\\{|\\}|,|é|#| ){0,40}") {
        if let Err(mistakes) = AppConfig::parse(&text, "theory") {
            proptest::prop_assert!(!mistakes.is_empty());
            let lines = text.split('\n').count();
            for mistake in mistakes {
                proptest::prop_assert!(mistake.line.is_none_or(|line| (1..=lines).contains(&line)), "{mistake}");
            }
        }
    }
}

#[test]
fn a_mistake_in_a_list_in_a_list_is_found() {
    let text = "[[compare.files]]\nname = 'a'\nformat = 'table'\n[[compare.files.rules]]\ncolumns = [1]\n[[compare.files.rules]]\n\nrelative = 2.0\n";
    let message = message(text);
    assert!(
        message.starts_with(
            "`relative` in [[compare.files.rules]] number 2 of [[compare.files]] number 1, line 8: is 2, but"
        ),
        "{message}"
    );
}

#[test]
fn a_comparison_of_its_own_has_the_same_messages() {
    let messages = |text: &str| {
        let mistakes = app_config::compare_spec(text).unwrap_err();
        mistakes.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(
        messages("\nmethd = 'exact'")[0],
        "unknown key `methd` before the first section, line 2: did you mean [method]?"
    );
    let wrong = messages("[[files]]\nname = 'a'\nformat = 'tabel'");
    assert!(wrong[0].contains("line 3: \"tabel\" is not known: did you mean \"table\"?"), "{wrong:?}");
    assert_eq!(messages("method = 'numeric'\nrelative = 1.0").len(), 1);
}
