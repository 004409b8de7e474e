use std::ffi::OsString;
use std::time::Duration;

use clap::{CommandFactory, Parser};
use proptest::prelude::*;

use super::*;

/// A daemon with flags of its own.
#[derive(Debug, Parser, PartialEq)]
#[command(name = "cobblestone-thing", version = "1.2.3")]
struct Thing {
    #[command(flatten)]
    common: CommonArgs,
    #[arg(long = "one_pass_N_WU")]
    one_pass_n_wu: Option<u32>,
    /// Written with a hyphen by its author.
    #[arg(long = "wu-id", allow_negative_numbers = true)]
    wu_id: Option<i64>,
    #[arg(long)]
    note: Vec<String>,
    #[arg(short = 'x')]
    extra: Option<String>,
    #[arg(short = 'q')]
    quiet: bool,
}

fn argv(words: &[&str]) -> Vec<OsString> {
    std::iter::once("thing").chain(words.iter().copied()).map(OsString::from).collect()
}

fn parse_words(words: &[&str]) -> Result<Thing, clap::Error> {
    try_parse_with(Thing::command(), argv(words))
}

fn good(words: &[&str]) -> Thing {
    parse_words(words).unwrap_or_else(|error| panic!("{words:?}: {error}"))
}

fn bad(words: &[&str]) -> String {
    let error = parse_words(words).expect_err("must be refused");
    assert!(error.use_stderr(), "{words:?} is an error, not a request for help");
    error.to_string()
}

#[test]
fn every_spelling_of_a_flag_is_the_same() {
    let wanted = good(&["--debug_level", "3"]);
    assert_eq!(wanted.common.debug_level, 3);
    for words in [
        &["-d", "3"][..],
        &["--d", "3"],
        &["-d3"],
        &["-d=3"],
        &["--debug-level", "3"],
        &["-debug_level", "3"],
        &["-debug-level=3"],
        &["--debug_level=3"],
    ] {
        assert_eq!(good(words), wanted, "{words:?}");
    }
    for words in [["-one_pass"], ["--one_pass"], ["--one-pass"], ["-one-pass"]] {
        assert!(good(&words).common.one_pass, "{words:?}");
    }
    for words in [["-one_pass_N_WU", "7"], ["--one-pass-N-WU", "7"]] {
        assert_eq!(good(&words).one_pass_n_wu, Some(7), "{words:?}");
    }
    for words in [["-wu_id", "7"], ["--wu-id", "7"], ["--wu_id", "7"]] {
        assert_eq!(good(&words).wu_id, Some(7), "{words:?}");
    }
}

#[test]
fn a_line_as_it_stands_in_config_xml() {
    let thing = good(&["-d", "3", "-app", "theory", "-mod", "4", "1", "--sleep_interval", "0.5", "-dry_run"]);
    assert_eq!(thing.common.app.as_deref(), Some("theory"));
    assert_eq!(thing.common.modulus(), Ok(Some(Modulus { n: 4, i: 1 })));
    assert_eq!(thing.common.sleep_interval, Duration::from_millis(500));
    assert!(thing.common.dry_run);
    let plain = good(&[]);
    assert_eq!(plain.common.sleep_interval, Duration::from_secs(5));
    assert_eq!(plain.common.debug_level, 2);
    assert_eq!(plain.common.modulus(), Ok(None));
}

#[test]
fn values_are_not_taken_for_flags() {
    assert_eq!(good(&["--wu_id", "-5"]).wu_id, Some(-5));
    assert_eq!(good(&["-wu-id=-5"]).wu_id, Some(-5));
    for value in ["-under_score", "a-b_c", "--nothing_known", "-", "--", "=", "a=b", "", "-1e5", "\u{e9}\n"] {
        assert_eq!(good(&["--note", value, "-q"]).note, [value], "{value:?}");
        assert_eq!(good(&["-x", value, "-q"]).extra.as_deref(), Some(value), "{value:?}");
    }
    assert_eq!(good(&["--note=--debug_level"]).note, ["--debug_level"]);
}

#[test]
fn a_flag_in_place_of_a_value_is_a_missing_value() {
    assert!(bad(&["--app", "--one_pass"]).contains("--app needs 1 value"));
    assert!(bad(&["-mod", "4"]).contains("-mod needs 2 values"));
    assert!(bad(&["-mod", "4", "-d", "3"]).contains("-mod needs 2 values"));
    assert!(bad(&["--app"]).contains("--app needs 1 value"));
}

#[test]
fn what_makes_no_sense_is_refused_with_a_hint() {
    let text = bad(&["-one_pas"]);
    assert!(text.contains("--one_pas") && text.contains("--one_pass"), "{text}");
    assert!(bad(&["--one_pass=1"]).contains("--one_pass"));
    assert!(bad(&["-d", "5"]).contains("1..=4"));
    assert!(bad(&["-d", "x"]).contains("--debug_level"));
    assert!(bad(&["--sleep_interval", "-3"]).contains("seconds from 0 to 86400"));
    assert!(bad(&["--sleep_interval", "nan"]).contains("seconds from 0 to 86400"));
    assert!(bad(&["--metrics_address", "9100"]).contains("127.0.0.1:9100"));
    for app in ["../etc", ".x", "a\nb", ""] {
        assert!(bad(&["--app", app]).contains("a name has"), "{app:?}");
    }
    assert!(bad(&["stray"]).contains("stray"));
    assert!(good(&["-mod", "2", "2"]).common.modulus().is_err());
    assert!(good(&["-mod", "0", "0"]).common.modulus().is_err());
}

#[test]
fn help_has_boincs_spelling_and_is_no_error() {
    for words in [["-h"], ["--help"], ["-help"], ["--h"]] {
        let help = parse_words(&words).expect_err("help");
        assert!(!help.use_stderr(), "{words:?}");
        let text = help.to_string();
        for flag in ["--debug_level", "--one_pass ", "--wu_id", "--project_dir", "-v, --version"] {
            assert!(text.contains(flag), "{flag} in {text}");
        }
        assert!(!text.contains("--wu-id"));
    }
    for words in [["-v"], ["--version"], ["-version"]] {
        let version = parse_words(&words).expect_err("version");
        assert!(!version.use_stderr() && version.to_string().contains("1.2.3"), "{words:?}");
    }
}

#[test]
fn exit_statuses_are_boincs() {
    let status = |words: &[&str]| parse_with::<Thing>(Thing::command(), argv(words)).expect_err("ends");
    assert_eq!(format!("{:?}", status(&["--nonsense"])), format!("{:?}", ExitCode::from(1)));
    assert_eq!(format!("{:?}", status(&["--version"])), format!("{:?}", ExitCode::SUCCESS));
}

#[test]
fn subcommands_have_their_own_flags() {
    #[derive(Debug, Parser)]
    #[command(name = "tool", version)]
    enum Tool {
        Migrate {
            #[arg(long)]
            project_dir: String,
        },
        Show {
            #[arg(long)]
            id: Vec<i32>,
            what: String,
        },
    }
    let tool = |words: &[&str]| try_parse_with::<Tool>(Tool::command(), argv(words));
    assert!(
        matches!(tool(&["migrate", "-project-dir", "-p"]).expect("good"), Tool::Migrate { project_dir } if project_dir == "-p")
    );
    match tool(&["show", "-id", "-4", "--", "-h"]).expect("good") {
        Tool::Show { id, what } => assert_eq!((id, what.as_str()), (vec![-4], "-h")),
        Tool::Migrate { .. } => panic!("the other one"),
    }
    assert!(tool(&["show", "--project_dir", "x", "y"]).is_err());
}

proptest! {
    #[test]
    fn no_command_line_panics(words in prop::collection::vec(
        prop_oneof![
            any::<Vec<u8>>().prop_map(|bytes| {
                use std::os::unix::ffi::OsStringExt;
                OsString::from_vec(bytes)
            }),
            "-{0,3}[a-z_=-]{0,14}".prop_map(OsString::from),
            prop::sample::select(vec!["-d", "--app", "-mod", "--", "-x", "-q", "3", "-3"]).prop_map(OsString::from),
        ], 0..8))
    {
        let _ = try_parse_with::<Thing>(Thing::command(), words);
    }

    #[test]
    fn any_value_arrives_as_it_was_written(
        value in any::<String>(), dashes in 1usize..3, hyphen in any::<bool>(), joined in any::<bool>())
    {
        let flag = format!("{}debug{}level", "-".repeat(dashes), if hyphen { '-' } else { '_' });
        let note = "-".repeat(dashes) + "note";
        let mut words = vec![flag.as_str(), "4"];
        let both = format!("{note}={value}");
        // A value that is itself a known flag can only be given behind `=`.
        let known = value.starts_with('-') && !parse_words(&[&value]).is_err_and(|e| {
            e.kind() == clap::error::ErrorKind::UnknownArgument
        });
        if joined || known {
            words.push(&both);
        } else {
            words.extend([note.as_str(), value.as_str()]);
        }
        words.push("-q");
        let thing = good(&words);
        prop_assert_eq!(thing.note, [value]);
        prop_assert!(thing.quiet && thing.common.debug_level == 4);
    }

    #[test]
    fn instances_share_all_ids(n in 1i32..50, id in any::<i32>()) {
        let takers = (0..n).filter(|&i| Modulus { n, i }.takes(id)).count();
        prop_assert_eq!(takers, 1);
    }
}
