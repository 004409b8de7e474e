use boinc::hierarchy::path_in;
use boinc::id::{AppId, AppVersionId, HostId, TeamId, UserId, WorkunitId};
use boinc::state::{AssimilateState, Outcome, ServerState, ValidateState};
use rules::quorum::Choice;

use super::*;
use compare::Spec;

const NOW: f64 = 1_800_000_000.0;

struct Place {
    folder: tempfile::TempDir,
    rows: Vec<ResultRow>,
    documents: BTreeMap<ResultId, Vec<u8>>,
}

impl Place {
    /// One result for each content, ids from 1.
    fn new(contents: &[&str]) -> Self {
        let mut place =
            Self { folder: tempfile::tempdir().unwrap(), rows: Vec::new(), documents: BTreeMap::new() };
        for (id, content) in (1..).zip(contents) {
            place.rows.push(row(id));
            let document = format!(
                "<result><file_ref><file_name>r_{id}</file_name><open_name>out</open_name></file_ref></result>"
            );
            place.documents.insert(ResultId(id), document.into_bytes());
            place.put(id, content);
        }
        place
    }

    fn path(&self, id: i32) -> std::path::PathBuf {
        path_in(self.folder.path(), &format!("r_{id}"), 1024).unwrap()
    }

    fn put(&self, id: i32, content: &str) {
        std::fs::create_dir_all(self.path(id).parent().unwrap()).unwrap();
        std::fs::write(self.path(id), content).unwrap();
    }

    fn examiner(&self, spec: Spec) -> Examiner {
        Examiner {
            uploads: Uploads {
                folder: self.folder.path().to_owned(),
                fanout: 1024,
                programs: self.folder.path().to_owned(),
            },
            plan: Arc::new(spec.plan().unwrap()),
            independence: Independence::Results,
            suspicious_quorum: 2,
            memory: 1 << 30,
        }
    }

    fn examine(
        &self,
        examiner: &Examiner,
        workunit: &Workunit,
        kept: Option<&(ResultId, Vec<KeptFile>)>,
    ) -> Findings {
        let rows: Vec<&ResultRow> = self.rows.iter().collect();
        let mut case = Case::new(&rows, &self.documents, NOW);
        case.kept = kept.map(|(id, files)| (*id, files.as_slice()));
        examiner.examine(workunit, &case, 2)
    }
}

fn workunit(min_quorum: i32, canonical: i32) -> Workunit {
    Workunit {
        id: WorkunitId(5),
        create_time: 0,
        appid: AppId(1),
        name: "wu".to_owned(),
        batch: 0,
        rsc_fpops_est: 1e12,
        rsc_fpops_bound: 1e15,
        need_validate: 1,
        canonical_resultid: ResultId(canonical),
        canonical_credit: 0.0,
        transition_time: 0,
        error_mask: 0,
        assimilate_state: AssimilateState::Init,
        opaque: 0.0,
        min_quorum,
        target_nresults: 2,
        max_error_results: 3,
        max_total_results: 10,
        max_success_results: 6,
    }
}

fn row(id: i32) -> ResultRow {
    ResultRow {
        id: ResultId(id),
        create_time: 0,
        workunitid: WorkunitId(5),
        appid: AppId(1),
        name: format!("wu_{id}"),
        server_state: ServerState::Over,
        outcome: Outcome::Success,
        validate_state: ValidateState::Init,
        hostid: HostId(id),
        userid: UserId(id),
        teamid: TeamId(0),
        sent_time: 0,
        report_deadline: 0,
        received_time: NOW as i32 - 100,
        cpu_time: 1.0,
        elapsed_time: 1.0,
        flops_estimate: 1e9,
        claimed_credit: 0.0,
        granted_credit: 0.0,
        opaque: 0.0,
        exit_status: 0,
        app_version_id: AppVersionId(1),
        runtime_outlier: false,
        random: 0,
    }
}

fn choice(findings: &Findings, min_quorum: i32) -> Option<Choice> {
    let Evidence::Set { agreement: Some(agreement), .. } = &findings.evidence else { panic!("{findings:?}") };
    agreement.choose(min_quorum)
}

fn against(findings: &Findings, id: i32) -> &Against {
    let Evidence::Stragglers(found) = &findings.evidence else { panic!("{findings:?}") };
    &found[&ResultId(id)]
}

#[test]
fn a_set_is_compared_and_the_canonical_results_digest_is_taken() {
    let place = Place::new(&["1.0 2.0\n", "1.0 2.5\n", "1.0 2.0000001\n"]);
    let findings = place.examine(&place.examiner(Spec::numeric(0.0, 1e-6)), &workunit(2, 0), None);
    assert_eq!(choice(&findings, 2).unwrap().valid, [ResultId(1), ResultId(3)]);
    let (id, files) = findings.canonical.as_ref().unwrap();
    assert_eq!((*id, files.len(), files[0].bytes), (ResultId(1), 1, 8));
    assert_eq!(files[0].sha256.len(), 64);
    let seen = findings.between(ResultId(2), ResultId(1)).unwrap();
    assert_eq!(
        (seen.place.as_str(), seen.left.as_str()),
        ("out, line 1, column 2, by rule: relative 1e-6 of the larger", "2.5")
    );
    assert_eq!(seen.right, "2.0");
}

#[test]
fn short_memory_changes_no_answer() {
    let contents: Vec<String> = (0..9).map(|n| format!("{}\n", f64::from(n) * 0.4)).collect();
    let contents: Vec<&str> = contents.iter().map(String::as_str).collect();
    let place = Place::new(&contents);
    let plenty = place.examiner(Spec::numeric(1.0, 0.0));
    let wanted = place.examine(&plenty, &workunit(2, 0), None);
    for memory in [0, 100, 300] {
        let short = Examiner { memory, ..plenty.clone() };
        let found = place.examine(&short, &workunit(2, 0), None);
        assert_eq!((&found.evidence, &found.seen), (&wanted.evidence, &wanted.seen));
        assert_eq!(found.canonical, wanted.canonical);
    }
    let read = |id: ResultId| plenty.uploads.read(&About::new(&place.documents[&id], 0.0), &plenty.plan);
    let ids: Vec<ResultId> = (1..=9).map(ResultId).collect();
    assert_eq!(Crowd::gather(&ids, 2, 0, &read).0.unheld(), 9);
    assert_eq!(Crowd::gather(&ids, 2, 1 << 20, &read).0.unheld(), 0);
}

#[test]
fn a_late_result_is_compared_by_digest_when_the_canonical_files_are_gone() {
    let place = Place::new(&["1.0\n", "1.0\n", "1.0000001\n"]);
    for (spec, other) in [(Spec::exact(), Some(Pair::Differs)), (Spec::numeric(0.0, 1e-6), None)] {
        let examiner = place.examiner(spec);
        place.put(1, "1.0\n");
        let kept = place.examine(&examiner, &workunit(2, 0), None).canonical.unwrap();
        assert_eq!(kept.0, ResultId(1));
        std::fs::remove_file(place.path(1)).unwrap();
        let findings = place.examine(&examiner, &workunit(2, 1), Some(&kept));
        assert_eq!(against(&findings, 2), &Against::Pair(Pair::EQUAL));
        match other {
            Some(pair) => assert_eq!(against(&findings, 3), &Against::Pair(pair)),
            // Near to it, or not: nobody can tell.
            None => assert!(matches!(against(&findings, 3), Against::CanonicalGone(_)), "{findings:?}"),
        }
        // Without a digest nothing is known, and nobody is called invalid. Stock does.
        let findings = place.examine(&examiner, &workunit(2, 1), None);
        assert!(matches!(against(&findings, 2), Against::CanonicalGone(_)), "{findings:?}");
        assert!(matches!(against(&findings, 3), Against::CanonicalGone(_)), "{findings:?}");
    }
}

#[test]
fn a_canonical_file_that_was_replaced_is_no_measure() {
    let place = Place::new(&["1.0\n", "1.0\n", "7.0\n"]);
    let examiner = place.examiner(Spec::numeric(0.0, 1e-6));
    let kept = place.examine(&examiner, &workunit(2, 0), None).canonical.unwrap();
    place.put(1, "7.0\n");
    let findings = place.examine(&examiner, &workunit(2, 1), Some(&kept));
    assert_eq!(against(&findings, 2), &Against::Pair(Pair::EQUAL), "as it was");
    let Against::CanonicalGone(reason) = against(&findings, 3) else { panic!("{findings:?}") };
    assert!(reason.contains("replaced"), "{reason}");
}

#[test]
fn suspects_are_told_to_the_rules() {
    let place = Place::new(&["1\n", "1\n"]);
    let rows: Vec<&ResultRow> = place.rows.iter().collect();
    let mut case = Case::new(&rows, &place.documents, NOW);
    case.suspects.insert(ResultId(1), "flagged".to_owned());
    let findings = place.examiner(Spec::exact()).examine(&workunit(2, 0), &case, 1);
    let Evidence::Set { files, .. } = &findings.evidence else { panic!() };
    assert_eq!(files[&ResultId(1)], FileCheck::Suspicious("flagged".to_owned()));
    assert_eq!(files[&ResultId(2)], FileCheck::Ok);
    assert_eq!(findings.canonical.unwrap().0, ResultId(2), "the other one");
}

fn script(place: &Place, text: &str) -> Examiner {
    use std::os::unix::fs::PermissionsExt as _;
    let path = place.folder.path().join("judge.sh");
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    let compare_script = ["judge.sh", "files", "files2"].map(str::to_owned).to_vec();
    let script = compare::ScriptSpec { compare_script, ..compare::ScriptSpec::default() };
    place.examiner(Spec { script: Some(script), ..Spec::exact() })
}

#[test]
fn a_script_decides_and_its_crash_costs_nobody_credit() {
    let place = Place::new(&["1\n", "1\n", "2\n"]);
    let same = script(&place, "#!/bin/sh\ncmp -s \"$1\" \"$2\" || exit 1\n");
    let findings = place.examine(&same, &workunit(2, 0), None);
    assert_eq!(choice(&findings, 2).unwrap().valid, [ResultId(1), ResultId(2)]);
    let seen = findings.between(ResultId(1), ResultId(3)).unwrap();
    assert!(seen.place.starts_with("compare_script says no"), "{seen:?}");
    for crash in ["#!/bin/sh\nexit 3\n", "#!/bin/sh\nkill -9 $$\n"] {
        let findings = place.examine(&script(&place, crash), &workunit(2, 0), None);
        let Evidence::Later { reason, .. } = &findings.evidence else { panic!("{findings:?}") };
        assert!(reason.starts_with("1 with 2: compare_script can't say (the script "), "{reason}");
        let seen = findings.between(ResultId(1), ResultId(2)).unwrap();
        assert_eq!(seen.pair, Pair::Unknown, "{seen:?}");
        // Of two, one may be odd: another result is asked for.
        let mut two = Place::new(&["1\n", "1\n"]);
        let examiner = script(&two, crash);
        assert_eq!(choice(&two.examine(&examiner, &workunit(2, 0), None), 2), None);
        // A late one waits.
        two.rows[0].validate_state = ValidateState::Valid;
        let findings = two.examine(&examiner, &workunit(2, 1), None);
        assert!(
            matches!(against(&findings, 2), Against::Transient(why) if why.contains("can't say")),
            "{findings:?}"
        );
    }
    let later = place.examine(&script(&place, "#!/bin/sh\nexit 75\n"), &workunit(2, 0), None);
    assert!(matches!(later.evidence, Evidence::Later { .. }), "{later:?}");
}

#[test]
fn stderr_is_compared_where_it_is_declared() {
    let place = Place::new(&["1\n", "1\n"]);
    let file = |name: &str| compare::FileSpec { name: name.to_owned(), ..compare::FileSpec::default() };
    let spec = Spec { files: vec![file("stderr"), file("*")], ..Spec::exact() };
    let examiner = place.examiner(spec);
    let rows: Vec<&ResultRow> = place.rows.iter().collect();
    let wrapped = |text: &str| {
        format!("<core_client_version>8</core_client_version>\n<![CDATA[\n<stderr_txt>\n{text}\n</stderr_txt>\n]]>").into_bytes()
    };
    for (second, agrees) in [("done", true), ("failed", false)] {
        let stderr: BTreeMap<ResultId, Vec<u8>> =
            [(ResultId(1), wrapped("done")), (ResultId(2), wrapped(second))].into();
        let mut case = Case::new(&rows, &place.documents, NOW);
        case.stderr = Some(&stderr);
        let findings = examiner.examine(&workunit(2, 0), &case, 1);
        assert_eq!(choice(&findings, 2).is_some(), agrees, "{findings:?}");
    }
}
