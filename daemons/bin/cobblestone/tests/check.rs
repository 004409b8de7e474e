//! `cobblestone app check` and `cobblestone check` as processes, on a project with a real database. A project that was
//! built and staged has no finding; each check fires when what it looks at is spoilt, and names it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use boinc::md5_cache;
use common::World;
use sandbox::{DaemonLine, ProjectOptions, VersionLine};
use serde_json::Value;

/// A project with one application, described, built, signed and staged, as an administrator would have it.
struct Site {
    world: World,
}

const PLATFORMS: [&str; 2] = ["x86_64-pc-linux-gnu", "windows_x86_64"];

impl Site {
    async fn new() -> Self {
        let versions = PLATFORMS.map(|platform| VersionLine {
            platform,
            platform_name: platform,
            plan_class: "vbox64_theory",
        });
        let daemons = ["feeder -d 2", "transitioner -d 2"]
            .into_iter()
            .map(|line| DaemonLine::new(line.to_owned()))
            .chain(["work-generator", "trickle-credit", "validator", "assimilator"].map(|name| DaemonLine {
                output: Some(format!("{name}.out")),
                pid_file: Some(format!("{name}.pid")),
                ..DaemonLine::new(format!("cobblestone-{name} -d 2 --app theory"))
            }))
            .collect();
        let options = ProjectOptions {
            versions: versions.to_vec(),
            daemons: Some(daemons),
            ..ProjectOptions::default()
        };
        let world = World::with(options).await;
        let mut site = Self { world };
        for template in ["templates/theory_in", "templates/theory_out"] {
            fs::remove_file(site.path(template)).unwrap();
        }
        for program in ["work-generator", "trickle-credit", "validator", "assimilator"] {
            let path = site.path(&format!("bin/cobblestone-{program}"));
            fs::write(&path, "#!/bin/sh\n").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        site.world.ends(
            0,
            &[
                "app",
                "new",
                "theory",
                "--yes",
                "--platforms",
                &PLATFORMS.join(","),
                "--reports",
                "jobs.json",
                "--context",
                "iso:seed_1.iso",
                "--output",
                "shared/out.txt",
                "--compare",
                "1e-6",
            ],
        );
        site.world.ends(0, &["app", "build", "theory"]);
        site.stage().await;
        site
    }

    fn path(&self, below: &str) -> PathBuf {
        self.world.project.path(below)
    }

    /// What bin/update_versions does, with files that stand for the large ones.
    async fn stage(&mut self) {
        for platform in PLATFORMS {
            let folder = self.path(&format!("apps/theory/1.00/{platform}__vbox64_theory"));
            let exe = if platform.starts_with("windows") { ".exe" } else { "" };
            for (name, content) in [
                (format!("vboxwrapper_26210_{platform}{exe}"), platform),
                ("theory_1.00.vdi".into(), "disk"),
                ("seed_1.iso".into(), "seed"),
            ] {
                fs::write(folder.join(name), content).unwrap();
            }
            let mut xml = String::new();
            for entry in fs::read_dir(&folder).unwrap() {
                let name = entry.unwrap().file_name().into_string().unwrap();
                if name == "version.xml" {
                    continue;
                }
                fs::write(folder.join(format!("{name}.sig")), "signature").unwrap();
                let staged = self.path("download").join(&name);
                fs::copy(folder.join(&name), &staged).unwrap();
                let nbytes = fs::metadata(&staged).unwrap().len();
                let gzip = if name.ends_with(".vdi") {
                    fs::write(self.path("download").join(format!("{name}.gz")), "packed").unwrap();
                    "<gzipped_nbytes>6</gzipped_nbytes>"
                } else {
                    ""
                };
                xml += &format!(
                    "<file_info>\n<name>{name}</name>\n<url>http://x/{name}</url>\n<file_signature>\nabc\n</file_signature>\n<nbytes>{nbytes}</nbytes>\n{gzip}</file_info>\n"
                );
            }
            self.world
                .sql
                .execute(
                    "UPDATE app_version SET xml_doc = ? WHERE platformid = (SELECT id FROM platform WHERE name = ?)",
                    &[xml.into(), platform.into()],
                )
                .await
                .unwrap();
        }
    }

    async fn sql(&mut self, statement: &str) {
        self.world.sql.execute(statement, &[]).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
    }

    /// Runs the whole check: its status, and names of checks with their findings.
    fn check(&self) -> (i32, Vec<Value>) {
        let said = self.world.run(&["check", "--json"]);
        let object: Value = serde_json::from_str(&said.out)
            .unwrap_or_else(|error| panic!("{error}: {}{}", said.out, said.err));
        (said.status, object["findings"].as_array().unwrap().clone())
    }

    #[track_caller]
    fn fine(&self, when: &str) {
        let said = self.world.run(&["check"]);
        assert_eq!((said.status, said.out.as_str()), (0, "nothing is wrong\n"), "{when}: {}", said.err);
    }

    /// The check fires, with its three sentences, and something that it says.
    #[track_caller]
    fn fires(&self, check: &str, words: &str, when: &str) {
        let (status, findings) = self.check();
        let found = findings.iter().find(|finding| finding["check"] == check);
        let found = found.unwrap_or_else(|| panic!("{when}: no {check} among {findings:#?}"));
        for part in ["what", "why", "mend", "subject"] {
            assert!(!found[part].as_str().unwrap().is_empty(), "{found}");
        }
        assert!(found.to_string().contains(words), "{when}: no `{words}` in {found:#}");
        let errors = findings.iter().filter(|finding| finding["severity"] == "error").count();
        assert_eq!(status, i32::from(errors > 0), "{when}");
    }

    /// Replaces text in a file, looks, and puts it back.
    #[track_caller]
    fn spoilt(&self, file: &str, from: &str, to: &str, check: &str, words: &str) {
        let path = self.path(file);
        let good = fs::read_to_string(&path).unwrap();
        assert!(good.contains(from), "{file} has no `{from}`:\n{good}");
        fs::write(&path, good.replacen(from, to, 1)).unwrap();
        self.fires(check, words, &format!("{file}: {from} -> {to}"));
        fs::write(&path, good).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_built_and_staged_is_fine_and_what_is_spoilt_is_found() {
    let site = Site::new().await;
    site.fine("at first");
    let said = site.world.ends(0, &["app", "check", "theory"]);
    assert_eq!(said, "nothing is wrong\n");

    let folder = "apps/theory/1.00/x86_64-pc-linux-gnu__vbox64_theory";
    let job = format!("{folder}/theory_vbox_job_1.00.xml");
    let version = format!("{folder}/version.xml");
    for (file, from, to, check, words) in [
        // A misspelt element in vbox_job.xml, which the wrapper loses without a word.
        (
            job.as_str(),
            "<enable_network/>",
            "<enable_netwrok/>",
            "lost-element",
            "did you mean <enable_network>?",
        ),
        (&job, "<memory_size_mb>2048</", "<memory_size_mb>2 GB</", "lost-value", "a number"),
        (&job, "<enable_shared_directory/>", "", "vm-shared", "<enable_shared_directory/>"),
        (&job, "<trickle_trigger_file>jobs.json</trickle_trigger_file>", "", "reports", "jobs.json"),
        (&version, "vm_isocontext.iso", "context.iso", "version-machine", "vm_isocontext.iso"),
        (&version, "<main_program/>", "", "version-main", "main_program"),
        (&version, "<needs_network/>", "", "version-network", "needs_network"),
        (
            "plan_class_spec.xml",
            "vbox64_theory",
            "vbox64_thoery",
            "plan-class",
            "did you mean vbox64_thoery?",
        ),
        ("plan_class_spec.xml", "<is64bit/>", "", "plan-class-bits", "is64bit"),
        ("plan_class_spec.xml", "<virtualbox/>", "<virtulabox/>", "lost-element", "<virtualbox>"),
        // A machine of a day with a deadline of half a day.
        (
            "templates/theory_in",
            "<delay_bound>432000</",
            "<delay_bound>43200</",
            "deadline",
            "runs for 24 h, and its deadline is after 12 h",
        ),
        ("templates/theory_in", "--trickle 900", "--trickle 90000", "trickle", "90000"),
        ("templates/theory_in", "--trickle 900", "", "uptime", "--trickle"),
        ("templates/theory_in", "1.728e16", "1e14", "fpops-bound", "aborts it"),
        ("templates/theory_in", "<workunit>", "<workunits>", "template", "workunit"),
        ("templates/theory_in", "<min_quorum>2</", "<min_quorum>1</", "quorum", "nothing is compared"),
        (
            "templates/theory_out",
            "<max_nbytes>50000000<",
            "<max_nbytes>50000001<",
            "compare-size",
            "max_bytes",
        ),
        ("templates/theory_out", "<OUTFILE_0/>", "<OUTFILE_0>", "template", "OUTFILE"),
        (
            "cobblestone/theory.toml",
            "memory_mb = 2048",
            "memroy_mb = 2048",
            "description",
            "did you mean `memory_mb`?",
        ),
        (
            "cobblestone/theory.toml",
            "jobs = 100",
            "jobs = 100\ncontext = 'cobblestone/none'",
            "context",
            "none",
        ),
        (
            "cobblestone/theory.toml",
            "jobs = 100",
            &format!("jobs = 100\noutput_template = 'templates/{}'", "x".repeat(60)),
            "description",
            "63",
        ),
        (
            "cobblestone/theory.toml",
            "max_lifetime_seconds = 90000",
            "max_lifetime_seconds = 3600",
            "lifetime",
            "3600",
        ),
        ("cobblestone/theory.toml", "number = \"1.00\"", "number = \"1.01\"", "version-folder", "1.01"),
        (
            "config.xml",
            "cobblestone-validator -d 2 --app theory",
            "cobblestone-validator -d 2 --ap theory",
            "daemon-flag",
            "did you mean --app?",
        ),
        (
            "config.xml",
            "cobblestone-validator -d 2 --app theory",
            "cobblestone-validator -d 2 --app thoery",
            "daemon-app",
            "did you mean --app theory?",
        ),
        (
            "config.xml",
            "cobblestone-assimilator -d 2 --app theory",
            "sample_bitwise_validator --app theory",
            "daemon-twice",
            "ledger",
        ),
        (
            "config.xml",
            "cobblestone-assimilator -d 2",
            "cobblestone-assimilatr -d 2",
            "daemon-missing",
            "cobblestone-assimilator",
        ),
        (
            "config.xml",
            "<pid_file>validator.pid<",
            "<pid_file>assimilator.pid<",
            "daemon-names",
            "assimilator.pid",
        ),
        ("config.xml", "feeder -d 2", "make_work", "daemon-missing", "feeder"),
        ("config.xml", "download</download_dir>", "downloads</download_dir>", "folder", "downloads"),
        (
            "config.xml",
            "<one_result_per_user_per_wu>1<",
            "<one_result_per_user_per_wu>0<",
            "independence",
            "independence",
        ),
        ("config.xml", "</daemons>", "", "config", "config.xml"),
    ] {
        site.spoilt(file, from, to, check, words);
    }
    site.fine("everything was put back");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_missing_or_changed_are_found() {
    let site = Site::new().await;
    let folder = "apps/theory/1.00/x86_64-pc-linux-gnu__vbox64_theory";
    // A file goes away, and comes back.
    for (file, check, words) in [
        (format!("{folder}/theory_1.00.vdi"), "version-file", "theory_1.00.vdi"),
        ("download/theory_1.00.vdi".to_owned(), "staged", "can't download"),
        ("download/theory_1.00.vdi.gz".to_owned(), "staged-gzip", "theory_1.00.vdi.gz"),
        ("templates/theory_in".to_owned(), "template", "templates/theory_in"),
        ("bin/cobblestone-validator".to_owned(), "daemon-program", "bin/"),
    ] {
        let (path, away) = (site.path(&file), site.path("away"));
        fs::rename(&path, &away).unwrap();
        site.fires(check, words, &file);
        fs::rename(&away, &path).unwrap();
    }
    // The staged image is not the one in apps/: same size, other bytes. Only the digest tells.
    fs::write(site.path("download/theory_1.00.vdi"), "DISK").unwrap();
    site.fires("staged", &md5_cache::of_bytes(b"DISK").md5, "other bytes");
    site.world.ends(0, &["check", "--quick"]);
    fs::write(site.path("download/theory_1.00.vdi"), "disks").unwrap();
    site.fires("staged", "it has 5 bytes", "other size");
    site.world.ends(1, &["check", "--quick"]);
    fs::write(site.path("download/theory_1.00.vdi"), "disk").unwrap();
    // Nobody reads a misspelt description.
    fs::write(site.path("cobblestone/thoery.toml"), "").unwrap();
    site.fires("stray", "did you mean theory.toml?", "stray");
    fs::remove_file(site.path("cobblestone/thoery.toml")).unwrap();
    // A file that bin/update_versions would send to everybody.
    fs::write(site.path(folder).join("notes"), "").unwrap();
    fs::write(site.path(folder).join("notes.sig"), "").unwrap();
    site.fires("version-file", "every file of the folder", "notes");
    fs::remove_file(site.path(folder).join("notes")).unwrap();
    fs::remove_file(site.path(folder).join("notes.sig")).unwrap();
    // Campaigns.
    let campaign = site.path("cobblestone/campaigns/z-peak.toml");
    fs::create_dir(campaign.parent().unwrap()).unwrap();
    for (text, check, words) in [
        ("[campaign]\napp = 'theory'\n[source]\njbos = 5\n", "campaign", "did you mean `jobs`?"),
        ("[campaign]\napp = 'thoery'\n[source]\njobs = 5\n", "campaign", "there is no application thoery"),
        ("[campaign]\napp = 'theory'\n[job]\ncontext = 'cobblestone/none'\n", "context", "cobblestone/none"),
        ("[campaign]\napp = 'theory'\n[job]\nown_file = false\n", "template-input", "its jobs have 0"),
        (
            "[campaign]\napp = 'theory'\n[job]\noutput_template = 'templates/none'\n",
            "template",
            "templates/none",
        ),
    ] {
        fs::write(&campaign, text).unwrap();
        site.fires(check, words, text);
    }
    fs::write(&campaign, "[campaign]\napp = 'theory'\n[source]\njobs = 5\n").unwrap();
    site.fine("a good campaign");
    fs::remove_file(&campaign).unwrap();
    // Results can't be stored.
    fs::write(site.path("results"), "").unwrap();
    site.fires("folder", "results", "a file where the folder should be");
    fs::remove_file(site.path("results")).unwrap();
    site.fine("all is back");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_database_lacks_is_found() {
    let mut site = Site::new().await;
    for (spoil, mend, check, words) in [
        ("UPDATE app SET weight = 0", "UPDATE app SET weight = 1", "app-weight", "weight"),
        ("UPDATE app SET deprecated = 1", "UPDATE app SET deprecated = 0", "app-row", "deprecated"),
        (
            "UPDATE app SET target_nresults = 3",
            "UPDATE app SET target_nresults = 0",
            "adaptive",
            "adaptive replication",
        ),
        (
            "UPDATE app_version SET version_num = 200",
            "UPDATE app_version SET version_num = 100",
            "app-version",
            "200",
        ),
        (
            "UPDATE app_version SET plan_class = 'vbox'",
            "UPDATE app_version SET plan_class = 'vbox64_theory'",
            "plan-class",
            "vbox",
        ),
        (
            "UPDATE app_version SET deprecated = 1",
            "UPDATE app_version SET deprecated = 0",
            "app-version",
            "no version",
        ),
        (
            "UPDATE platform SET name = 'x' WHERE name LIKE 'win%'",
            "UPDATE platform SET name = 'windows_x86_64' WHERE name = 'x'",
            "platform",
            "windows_x86_64",
        ),
        (
            "ALTER TABLE workunit DROP INDEX wu_val",
            "ALTER TABLE workunit ADD INDEX wu_val (appid, need_validate)",
            "index",
            "appid, need_validate",
        ),
        (
            "ALTER TABLE app DROP COLUMN weight",
            "ALTER TABLE app ADD COLUMN weight DOUBLE NOT NULL DEFAULT 1",
            "column",
            "weight",
        ),
        ("RENAME TABLE platform TO elsewhere", "RENAME TABLE elsewhere TO platform", "table", "platform"),
        (
            "RENAME TABLE cobblestone_migration TO elsewhere",
            "RENAME TABLE elsewhere TO cobblestone_migration",
            "schema",
            "cobblestone migrate",
        ),
        (
            "UPDATE app SET name = 'other'",
            "UPDATE app SET name = 'theory'",
            "app-row",
            "there is no application theory",
        ),
    ] {
        site.sql(spoil).await;
        if check == "app-row" && spoil.contains("other") {
            // Then nobody of the project's applications is described; the daemons name it all the same.
            site.fires("daemon-app", "theory", spoil);
        }
        site.fires(check, words, spoil);
        site.sql(mend).await;
    }
    site.fine("all is back");
    // Computers that are faster than anybody thought.
    let hosts = (1..=40).map(
        |id| serde_json::json!({"id": id, "userid": 1, "expavg_credit": 5, "p_fpops": 1e12, "p_ncpus": 4}),
    );
    site.world.insert("host", hosts.collect()).await;
    site.fires("fpops-bound", "aborts it", "fast computers");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_says_so_when_it_can_t_look() {
    let site = Site::new().await;
    let config = fs::read_to_string(site.path("config.xml")).unwrap();
    let start = config.find("<db_host>").unwrap();
    let end = config.find("</db_host>").unwrap();
    fs::write(
        site.path("config.xml"),
        format!("{}<db_host>/nowhere.sock{}", &config[..start], &config[end..]),
    )
    .unwrap();
    let said = site.world.ends(2, &["check"]);
    assert!(said.contains("--no_database"), "{said}");
    let said = site.world.ends(0, &["check", "--no_database"]);
    assert!(said.contains("the database was not asked"), "{said}");
    fs::write(site.path("config.xml"), config).unwrap();
    let said = site.world.ends(2, &["app", "check", "sieve"]);
    assert!(said.contains("cobblestone app new sieve"), "{said}");
    let said = site.world.run(&["app", "check", "theory", "--json"]);
    let object: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!((object["errors"].as_u64(), object["findings"].as_array().unwrap().len()), (Some(0), 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_class_that_the_scheduler_knows_by_itself_is_not_taken_away() {
    // Versions on vbox64_mt are in the database, and there is no plan_class_spec.xml.
    let world = World::new().await;
    world.ends(0, &["app", "new", "other", "--yes"]);
    let said = world.ends(1, &["app", "build", "other"]);
    assert!(
        said.contains("from the versions of vbox64_mt;") && said.contains("<name>vbox64_other</name>"),
        "{said}"
    );
    assert!(!world.project.path("plan_class_spec.xml").exists());
    // Made by hand without it, the check finds that it is gone.
    fs::write(
        world.project.path("plan_class_spec.xml"),
        "<plan_classes><plan_class><name>vbox64_other</name></plan_class></plan_classes>",
    )
    .unwrap();
    let said = world.ends(1, &["app", "check", "theory", "--json"]);
    assert!(said.contains("plan class vbox64_mt is not in plan_class_spec.xml"), "{said}");
}

/// The flags that `cobblestone check` knows are those that the programs have.
#[test]
fn the_flags_are_those_of_the_programs() {
    use std::collections::BTreeSet;
    use vm_app::checks::daemons::{COMMON, OURS};
    for (program, own) in OURS {
        let path = PathBuf::from(env!("CARGO_BIN_EXE_cobblestone")).with_file_name(program);
        assert!(path.is_file(), "build it first: cargo build -p {program}");
        let output = std::process::Command::new(path).arg("--help").output().unwrap();
        let help = String::from_utf8(output.stdout).unwrap();
        let mut said = BTreeSet::new();
        for line in help.lines().filter(|line| line.trim_start().starts_with('-')) {
            let mut values = 0;
            let mut names = Vec::new();
            for word in line.split_whitespace() {
                let bare = word.trim_end_matches(',');
                if let Some(name) = bare.strip_prefix('-') {
                    names.push(name.trim_start_matches('-').to_owned());
                } else if word.starts_with('<') {
                    values += 1;
                } else {
                    break;
                }
            }
            said.extend(names.into_iter().map(|name| (name, values)));
        }
        let known: BTreeSet<(String, usize)> =
            COMMON.iter().chain(own.iter()).map(|(name, values)| ((*name).to_owned(), *values)).collect();
        assert_eq!(said, known, "{program}");
    }
}
