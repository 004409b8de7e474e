//! `cobblestone app new` and `app build` as processes, on a project without a database.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use boinc::app_files::{known, read};

struct Project(tempfile::TempDir);

const CONFIG: &str = "<boinc><config><db_name>none</db_name><db_user>none</db_user><db_host>/nowhere</db_host>\
    <download_dir>download</download_dir><download_url>http://x/download</download_url><upload_dir>upload</upload_dir>\
    <upload_url>http://x/upload</upload_url></config></boinc>";

impl Project {
    fn new() -> Self {
        let project = Self(tempfile::tempdir().unwrap());
        fs::write(project.path("config.xml"), CONFIG).unwrap();
        for folder in ["download", "upload", "templates", "apps"] {
            fs::create_dir(project.path(folder)).unwrap();
        }
        project
    }

    fn path(&self, below: &str) -> PathBuf {
        self.0.path().join(below)
    }

    fn text(&self, below: &str) -> String {
        fs::read_to_string(self.path(below)).unwrap_or_else(|error| panic!("{below}: {error}"))
    }

    /// Runs the command: its status, and all that it printed.
    fn run(&self, words: &str) -> (i32, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_cobblestone"))
            .args(words.split(' '))
            .arg("--project_dir")
            .arg(self.0.path())
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap();
        (output.status.code().unwrap(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
    }

    #[track_caller]
    fn ends(&self, status: i32, words: &str) -> String {
        let (found, text) = self.run(words);
        assert_eq!(found, status, "{words}: {text}");
        text
    }

    /// Every file below, sorted, without the remembered digests.
    fn files(&self) -> Vec<String> {
        fn walk(folder: &std::path::Path, files: &mut Vec<PathBuf>) {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() { walk(&path, files) } else { files.push(path) }
            }
        }
        let mut files = Vec::new();
        walk(self.0.path(), &mut files);
        let mut names: Vec<String> = files
            .iter()
            .map(|path| path.strip_prefix(self.0.path()).unwrap().display().to_string())
            .collect();
        names.sort();
        names
    }
}

const FLAGS: &str = "--yes --memory 4096 --cores 1-4 --lifetime 12 --deadline 96 --context cernvm:user-data_1 --reports jobs.json \
    --heartbeat alive:1800 --platforms x86_64-pc-linux-gnu,windows_x86_64 --compare 1e-9 --output shared/histograms.yoda";

#[test]
fn a_description_from_flags_is_never_written_over() {
    let project = Project::new();
    let said = project.ends(0, &format!("app new theory {FLAGS}"));
    assert!(said.contains("cobblestone app build theory"), "{said}");
    let text = project.text("cobblestone/theory.toml");
    let config = app_config::AppConfig::parse(&text, "theory").unwrap();
    let vm = config.vm.unwrap();
    assert_eq!((config.task.memory_mb, config.task.min_cores, config.task.max_cores), (4096, 1, 4));
    assert_eq!((config.task.lifetime_hours, config.uptime.max_lifetime_seconds), (12.0, Some(46_800.0)));
    assert_eq!((vm.heartbeat_file.as_str(), vm.heartbeat_seconds), ("alive", 1800.0));
    assert_eq!(config.reports[0].variety, "jobs.json");
    assert_eq!(config.task.outputs[0].open_name, "shared/histograms.yoda");
    assert_eq!(config.compare.relative, 1e-9);
    assert!(text.contains("# A file in the shared folder that the guest touches"), "the keys stay explained");

    let again = project.ends(2, "app new theory --yes");
    assert!(again.contains("is there already"), "{again}");
    assert_eq!(project.text("cobblestone/theory.toml"), text);
    assert_eq!(project.files().iter().filter(|name| name.starts_with("cobblestone/")).count(), 1);

    for (words, expected) in [
        ("app new x --yes --memory many", "--memory: \"many\" is no whole number"),
        ("app new x --yes --network wifi", "\"wifi\" is not known (known: \"none\", \"nat\", \"bridged\")"),
        ("app new x --yes --lifetime 0", "lifetime_hours"),
        ("app new x --yes --base_image debian", "--base_image has no meaning"),
        ("app new ../x --yes", "cannot be the name of an application"),
    ] {
        let said = project.ends(2, words);
        assert!(said.contains(expected), "{words}: {said}");
    }
    assert!(!project.path("cobblestone/x.toml").exists());
    for kind in ["vm", "container", "wrapper"] {
        let text = project
            .ends(0, &format!("app new x --yes --kind {kind} --cores 2 --quorum 3 --compare 0.01 --dry_run"));
        let config =
            app_config::AppConfig::parse(&text, "x").unwrap_or_else(|mistakes| panic!("{mistakes:?}"));
        assert_eq!((config.task.max_cores, config.task.min_quorum, config.compare.relative), (2, 3, 0.01));
    }
}

#[test]
fn what_is_built_is_built_again_only_where_nobody_changed_it() {
    let project = Project::new();
    project.ends(0, &format!("app new theory {FLAGS}"));
    let dry = project.ends(0, "app build theory --dry_run");
    assert!(dry.contains("new       templates/theory_in"), "{dry}");
    assert!(!project.path("templates/theory_in").exists());

    let said = project.ends(0, "app build theory");
    let folder = "apps/theory/1.00/x86_64-pc-linux-gnu__vbox64_mt_theory";
    for line in [
        format!("new       {folder}/version.xml"),
        format!("MISSING   {folder}/theory_1.00.vdi (the machine's disk)"),
        format!("MISSING   {folder}/vboxwrapper_26210_x86_64-pc-linux-gnu (BOINC's vboxwrapper)"),
        "<output>cobblestone-validator_theory.out</output>".to_owned(),
        "new       plan_class_spec.xml (vbox64_theory, vbox64_mt_theory)".to_owned(),
    ] {
        assert!(said.contains(&line), "no `{line}` in {said}");
    }
    let job = read(
        project.text(&format!("{folder}/theory_vbox_job_1.00.xml")).as_bytes(),
        "vbox_job",
        known::VBOX_JOB,
    )
    .unwrap();
    assert_eq!((job.lost.len(), job.number("job_duration")), (0, Some(43_200.0)));
    let before = project.files();
    let again = project.ends(0, "app build theory");
    assert!(!again.contains("new  ") && !again.contains("changed  "), "{again}");
    assert_eq!(project.files(), before);

    // What nobody touched follows the description; what a person changed does not.
    let toml =
        project.text("cobblestone/theory.toml").replace("deadline_hours = 96.0", "deadline_hours = 200.0");
    fs::write(project.path("cobblestone/theory.toml"), toml.replace("min_virtualbox = \"5.2.0\"", ""))
        .unwrap();
    project.ends(0, "app build theory");
    assert!(project.text("templates/theory_in").contains("<delay_bound>720000</delay_bound>"));
    let mine = project.text("templates/theory_in").replace("720000", "800000");
    fs::write(project.path("templates/theory_in"), &mine).unwrap();
    let spec = project
        .text("plan_class_spec.xml")
        .replace("<virtualbox/>", "<virtualbox/><min_libc_version>228</min_libc_version>");
    fs::write(project.path("plan_class_spec.xml"), &spec).unwrap();
    fs::write(
        project.path("cobblestone/theory.toml"),
        toml.replace("#acceleration = true", "acceleration = false")
            .replace("memory_mb = 4096", "memory_mb = 8192"),
    )
    .unwrap();
    let said = project.ends(1, "app build theory");
    assert!(said.contains("LEFT      templates/theory_in: it was changed, or is not ours"), "{said}");
    assert!(
        said.contains(
            "-        <delay_bound>800000</delay_bound>\n+        <delay_bound>720000</delay_bound>"
        ),
        "{said}"
    );
    assert!(said.contains("LEFT      plan_class_spec.xml#vbox64_theory"), "{said}");
    assert_eq!(project.text("templates/theory_in"), mine);
    assert_eq!(project.text("plan_class_spec.xml"), spec);
    assert!(
        project.text(&format!("{folder}/theory_vbox_job_1.00.xml")).contains("8192"),
        "the others are written"
    );
    assert!(project.files().iter().all(|name| !name.rsplit('/').next().unwrap().starts_with(".t")));
}

#[test]
fn files_that_clients_have_are_not_changed() {
    let project = Project::new();
    project.ends(0, &format!("app new theory {FLAGS}"));
    project.ends(0, "app build theory");
    let name = "apps/theory/1.00/x86_64-pc-linux-gnu__vbox64_theory/theory_vbox_job_1.00.xml";
    let old = project.text(name);
    // As bin/update_versions does.
    fs::write(project.path("download/theory_vbox_job_1.00.xml"), &old).unwrap();
    let toml = project.text("cobblestone/theory.toml").replace("memory_mb = 4096", "memory_mb = 8192");
    fs::write(project.path("cobblestone/theory.toml"), &toml).unwrap();
    let said = project.ends(1, "app build theory");
    assert!(said.contains("clients may have it with another content; raise number in [version]"), "{said}");
    assert_eq!(project.text(name), old);
    fs::write(
        project.path("cobblestone/theory.toml"),
        toml.replace("number = \"1.00\"", "number = \"1.01\""),
    )
    .unwrap();
    project.ends(0, "app build theory");
    assert!(project.text(&name.replace("1.00", "1.01")).contains("8192"));
}

#[test]
fn large_files_are_brought_from_a_folder() {
    use std::os::unix::fs::MetadataExt as _;
    let project = Project::new();
    project.ends(0, &format!("app new theory {FLAGS}"));
    let from = project.path("from");
    fs::create_dir(&from).unwrap();
    fs::write(from.join("theory_1.00.vdi"), "disk").unwrap();
    fs::write(from.join("theory_1.00.vdi.sig"), "signature").unwrap();
    let said = project.ends(0, &format!("app build theory --from {}", from.display()));
    let to = "apps/theory/1.00/x86_64-pc-linux-gnu__vbox64_theory/theory_1.00.vdi";
    assert!(said.contains(&format!("brought   {to}\nbrought   {to}.sig\n")), "{said}");
    assert_eq!(
        fs::metadata(project.path(to)).unwrap().ino(),
        fs::metadata(from.join("theory_1.00.vdi")).unwrap().ino(),
        "a second name of the same file"
    );
}

#[test]
fn plan_classes_of_others_are_not_taken_away() {
    let project = Project::new();
    project.ends(0, &format!("app new theory {FLAGS}"));
    // A version that lives on a class that BOINC knows by itself.
    fs::create_dir_all(project.path("apps/old/1.00/x86_64-pc-linux-gnu__vbox64")).unwrap();
    let said = project.ends(1, "app build theory");
    assert!(
        said.contains("plan_class_spec.xml: there is none") && said.contains("versions of vbox64"),
        "{said}"
    );
    assert!(!project.path("plan_class_spec.xml").exists());
    fs::write(
        project.path("plan_class_spec.xml"),
        "<plan_classes>\n    <!-- mine -->\n    <plan_class><name>vbox64</name></plan_class>\n</plan_classes>\n",
    )
    .unwrap();
    project.ends(0, "app build theory");
    let text = project.text("plan_class_spec.xml");
    assert!(
        text.starts_with(
            "<plan_classes>\n    <!-- mine -->\n    <plan_class><name>vbox64</name></plan_class>\n"
        ),
        "{text}"
    );
    assert!(text.contains("<name>vbox64_mt_theory</name>"), "{text}");
}

#[test]
fn without_a_description_there_is_nothing_to_build() {
    let project = Project::new();
    assert!(project.ends(2, "app build theory").contains("cobblestone app new theory"));
    fs::create_dir_all(project.path("cobblestone")).unwrap();
    fs::write(project.path("cobblestone/theory.toml"), "[vm]\nimagee = 'x'\n").unwrap();
    let said = project.ends(2, "app build theory");
    assert!(said.contains("unknown key `imagee` in [vm], line 2: did you mean `image`?"), "{said}");
}
