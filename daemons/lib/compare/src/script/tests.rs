use super::*;
use std::os::unix::fs::PermissionsExt as _;

/// A script in a folder of its own.
fn script(text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("script");
    std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    (folder, path)
}

fn ask(text: &str, words: &[&str], timeout_seconds: f64) -> Ran {
    let (folder, _) = script(text);
    let words = ["script"].iter().chain(words).map(|word| (*word).to_owned()).collect();
    let spec = ScriptSpec { compare_script: words, timeout_seconds, ..ScriptSpec::default() };
    spec.check(&mut |key, message| panic!("{key} {message}"));
    let seen =
        |id: i64, file: &str| Seen { files: vec![file.into(), "b c".into()], result_id: id, runtime: 1.5 };
    spec.compare(&seen(7, "a"), &seen(8, "$(x)"), folder.path()).unwrap()
}

#[test]
fn the_exit_status_is_the_answer() {
    assert_eq!(ask("exit 0", &[], 60.0).answer, Answer::Yes);
    assert_eq!(ask("exit 1", &[], 60.0).answer, Answer::No);
    assert_eq!(ask("exit 75", &[], 60.0).answer, Answer::Later);
    for (text, what) in [("exit 2", "status 2"), ("kill -9 $$", "signal 9"), ("exit 127", "status 127")] {
        let ran = ask(text, &[], 60.0);
        assert!(matches!(&ran.answer, Answer::CantSay(found) if found.contains(what)), "{ran:?}");
        assert_eq!(ran.comparison().verdict, crate::Verdict::CantSay);
    }
    let spec = ScriptSpec { compare_script: vec!["none".into()], ..ScriptSpec::default() };
    let ran = spec.compare(&Seen::default(), &Seen::default(), Path::new("/nowhere")).unwrap();
    assert!(matches!(&ran.answer, Answer::NotAsked(why) if why.contains("can't be started")), "{ran:?}");
}

#[test]
fn a_crash_of_python_is_no_answer() {
    let crash = "echo Traceback '(most recent call last):' >&2; exit 1";
    assert!(matches!(ask(crash, &[], 60.0).answer, Answer::CantSay(_)));
    assert_eq!(ask("echo No Traceback '(most recent call last):'; exit 1", &[], 60.0).answer, Answer::No);
}

#[test]
fn a_program_that_cannot_be_run_is_found_before() {
    let (folder, path) = script("exit 0");
    let spec = |program: &str| ScriptSpec { compare_script: vec![program.into()], ..ScriptSpec::default() };
    assert_eq!(spec("script").faults(folder.path()), Vec::<String>::new());
    assert!(spec("none").faults(folder.path())[0].ends_with("No such file or directory (os error 2)"));
    std::fs::create_dir(folder.path().join("dir")).unwrap();
    assert!(spec("dir").faults(folder.path())[0].ends_with("it is no file"));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(spec("script").faults(folder.path())[0].ends_with("chmod +x"));
}

#[test]
fn arguments_are_those_of_script_validator_and_no_shell_reads_them() {
    let print = "for a in \"$@\"; do echo \"<$a>\"; done";
    assert_eq!(ask(print, &[], 60.0).output, "<a>\n<b c>\n<$(x)>\n<b c>\n");
    let words = ["files2", "result_id", "result_id2", "runtime", "runtime2", "--strict"];
    assert_eq!(
        ask(print, &words, 60.0).output,
        "<$(x)>\n<b c>\n<7>\n<8>\n<1.500000>\n<1.500000>\n<--strict>\n"
    );
}

#[test]
fn a_script_that_hangs_is_killed_with_its_children() {
    let (folder, _) = script("sleep 1000 & echo $! > \"$1\"; sleep 1000");
    let note = folder.path().join("pid");
    let spec = ScriptSpec {
        init_script: vec!["script".into(), "files".into()],
        timeout_seconds: 0.5,
        ..ScriptSpec::default()
    };
    let seen = Seen { files: vec![note.clone()], ..Seen::default() };
    let ran = spec.init(&seen, folder.path()).unwrap();
    assert!(matches!(&ran.answer, Answer::CantSay(what) if what.contains("did not end")), "{ran:?}");
    let child: u32 = std::fs::read_to_string(note).unwrap().trim().parse().unwrap();
    wait_until_gone(child);
}

#[test]
fn what_a_script_leaves_behind_is_killed() {
    let (folder, _) = script("sleep 1000 & echo $! > \"$1\"");
    let note = folder.path().join("pid");
    let spec = ScriptSpec { init_script: vec!["script".into()], ..ScriptSpec::default() };
    let seen = Seen { files: vec![note.clone()], ..Seen::default() };
    assert_eq!(spec.init(&seen, folder.path()).unwrap().answer, Answer::Yes);
    wait_until_gone(std::fs::read_to_string(note).unwrap().trim().parse().unwrap());
}

/// A killed process is gone, or waits for the parent that it got to take its status.
fn wait_until_gone(process: u32) {
    loop {
        match std::fs::read_to_string(format!("/proc/{process}/stat")) {
            Ok(stat) if !stat.contains(") Z ") && !stat.contains(") X ") => std::thread::yield_now(),
            _ => return,
        }
    }
}

#[test]
fn output_is_bounded_and_never_blocks() {
    let ran = ask(
        "i=0; while [ $i -lt 3000 ]; do echo 0123456789012345678901234567890123456789012345678901234567890123; i=$((i+1)); done; printf 'end\\033' >&2",
        &[],
        60.0,
    );
    assert_eq!((ran.answer, ran.output.len()), (Answer::Yes, 64 << 10));
    assert_eq!(ask("printf 'a\\033[2J\\n'; exit 1", &[], 60.0).output, "a\\u{1b}[2J\n");
}

#[test]
fn mistakes_are_found() {
    let keys = |spec: &ScriptSpec| {
        let mut keys = Vec::new();
        spec.check(&mut |key, _| keys.push(key.to_owned()));
        keys
    };
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    assert_eq!(keys(&ScriptSpec::default()), ["compare_script"]);
    let good = ScriptSpec { compare_script: words(&["a.py", "files", "files2"]), ..ScriptSpec::default() };
    assert!(keys(&good).is_empty());
    assert_eq!(keys(&ScriptSpec { init_script: words(&["a", "files2"]), ..good.clone() }), ["init_script"]);
    assert_eq!(
        keys(&ScriptSpec { compare_script: words(&["a.py files"]), ..good.clone() }),
        ["compare_script"]
    );
    assert_eq!(keys(&ScriptSpec { timeout_seconds: 0.0, ..good.clone() }), ["timeout_seconds"]);
    assert_eq!(keys(&ScriptSpec { timeout_seconds: f64::NAN, ..good }), ["timeout_seconds"]);
}
