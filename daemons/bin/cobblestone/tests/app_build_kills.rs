//! `cobblestone app build` is killed after every change that it makes to a folder: a second run completes, nothing
//! half-written is left, and no file of a person is overwritten.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use std::collections::BTreeMap;
use std::fs;
use std::mem::MaybeUninit;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::fs::inotify::{self, CreateFlags, WatchFlags};

const CONFIG: &str = "<boinc><config><db_name>none</db_name><db_user>none</db_user><db_host>/nowhere</db_host>\
    <download_dir>download</download_dir><download_url>http://x/download</download_url><upload_dir>upload</upload_dir>\
    <upload_url>http://x/upload</upload_url></config></boinc>";

/// A project with a described application, and the folder that large files are brought from.
struct Project {
    folder: tempfile::TempDir,
    from: PathBuf,
}

impl Project {
    fn new(from: &Path) -> Self {
        let project = Self { folder: tempfile::tempdir().unwrap(), from: from.to_owned() };
        fs::write(project.path("config.xml"), CONFIG).unwrap();
        for folder in ["download", "upload", "templates", "apps"] {
            fs::create_dir(project.path(folder)).unwrap();
        }
        let words =
            ["app", "new", "theory", "--yes", "--memory", "4096", "--cores", "1-4", "--deadline", "96"];
        assert!(project.command(&words).status().unwrap().success());
        project
    }

    fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cobblestone"));
        command.args(words).arg("--project_dir").arg(self.folder.path());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    fn build(&self) -> Command {
        self.command(&["app", "build", "theory", "--from", self.from.to_str().unwrap()])
    }

    /// Builds to the end; its status.
    fn built(&self) -> i32 {
        self.build().status().unwrap().code().unwrap()
    }

    fn describe(&self, memory: u32) {
        let path = self.path("cobblestone/theory.toml");
        let text = fs::read_to_string(&path).unwrap();
        let line = text.lines().find(|line| line.starts_with("memory_mb = ")).unwrap();
        fs::write(&path, text.replace(line, &format!("memory_mb = {memory}"))).unwrap();
    }

    /// Every file below with its content.
    fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let mut found = BTreeMap::new();
        let mut folders = vec![self.folder.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let name = path.strip_prefix(self.folder.path()).unwrap().display().to_string();
                    found.insert(name, fs::read(path).unwrap());
                }
            }
        }
        found
    }

    /// Builds, and kills it when it has changed folders `changes` times. False: it came to its end before.
    fn kill_after(&self, folders: &[PathBuf], changes: usize) -> bool {
        let watch = inotify::init(CreateFlags::CLOEXEC).unwrap();
        for folder in folders {
            fs::create_dir_all(folder).unwrap();
            let flags =
                WatchFlags::CREATE | WatchFlags::CLOSE_WRITE | WatchFlags::MOVED_TO | WatchFlags::DELETE;
            inotify::add_watch(&watch, folder, flags).unwrap();
        }
        let mut child = self.build().spawn().unwrap();
        let process = rustix::process::Pid::from_child(&child);
        let process = rustix::process::pidfd_open(process, rustix::process::PidfdFlags::empty()).unwrap();
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut events = inotify::Reader::new(&watch, &mut buffer);
        let mut seen = 0;
        while seen < changes {
            if events.is_buffer_empty() {
                use rustix::event::{PollFd, PollFlags, poll};
                let mut waiting = [PollFd::new(&watch, PollFlags::IN), PollFd::new(&process, PollFlags::IN)];
                poll(&mut waiting, None).unwrap();
                if waiting[0].revents().is_empty() {
                    break;
                }
            }
            events.next().unwrap();
            seen += 1;
        }
        // Of one that has ended nothing is left to kill.
        let _ = child.kill();
        child.wait().unwrap().code().is_none()
    }
}

fn is_temporary(name: &str) -> bool {
    name.rsplit('/').next().unwrap().starts_with('.') && !name.ends_with(".built.json")
}

/// Each file is whole: as it was before, or as it is to be.
fn whole(
    found: &BTreeMap<String, Vec<u8>>,
    before: &BTreeMap<String, Vec<u8>>,
    wanted: &BTreeMap<String, Vec<u8>>,
) {
    for (name, content) in found {
        if !is_temporary(name) && !name.ends_with(".built.json") {
            let known = [before.get(name), wanted.get(name)].contains(&Some(content));
            assert!(known, "{name} is half written: {}", String::from_utf8_lossy(content));
        }
    }
}

#[test]
fn killed_after_every_change() {
    let from = tempfile::tempdir().unwrap();
    for name in ["theory_1.00.vdi", "theory_1.00.vdi.sig"] {
        fs::write(from.path().join(name), vec![b'd'; 100_000]).unwrap();
    }
    // Calm runs: of one description, of another one in its place, and of a third one.
    let calm = Project::new(from.path());
    let described = calm.files();
    let mut wanted = Vec::new();
    for memory in [4096, 8192, 2048] {
        calm.describe(memory);
        assert_eq!(calm.built(), 0);
        wanted.push(calm.files());
    }
    let mut folders: Vec<PathBuf> =
        wanted[0].keys().map(|name| Path::new(name).parent().unwrap().to_owned()).collect();
    folders.sort();
    folders.dedup();
    let (mut early, mut changes) = (0, 0);
    loop {
        changes += 1;
        // The first build of all.
        let project = Project::new(from.path());
        let folders: Vec<PathBuf> = folders.iter().map(|folder| project.folder.path().join(folder)).collect();
        let killed = project.kill_after(&folders, changes);
        whole(&project.files(), &described, &wanted[0]);
        early += usize::from(project.files().len() < wanted[0].len());
        assert_eq!(project.built(), 0, "after {changes} changes");
        assert!(project.files() == wanted[0], "after {changes} changes");

        // One that changes what is there; and what is to be changes once more before it is run again.
        project.describe(8192);
        let killed_again = project.kill_after(&folders, changes);
        whole(&project.files(), &wanted[0], &wanted[1]);
        project.describe(2048);
        assert_eq!(project.built(), 0, "after {changes} changes, and another description");
        assert!(project.files() == wanted[2], "after {changes} changes, and another description");

        // And a person changes a file in between.
        project.describe(8192);
        project.kill_after(&folders, changes);
        let (mine, text) = (project.path("templates/theory_in"), "<input_template>mine</input_template>\n");
        fs::write(&mine, text).unwrap();
        assert_eq!(project.built(), 1, "it says that it left a file");
        assert_eq!(fs::read_to_string(&mine).unwrap(), text);
        let mut found = project.files();
        found.retain(|name, _| name != "templates/theory_in" && !name.ends_with(".built.json"));
        for (name, content) in found {
            assert!(wanted[1].get(&name) == Some(&content), "{name}, after {changes} changes");
        }
        if !killed && !killed_again {
            break;
        }
    }
    println!("{changes} changes, {early} with files missing");
    assert!(changes > 40 && early > 10, "{changes} {early}");
}
