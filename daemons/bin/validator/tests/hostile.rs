//! Outputs that are made to hurt, in every format, before the real daemon: little memory and time, a clear reason, and the
//! others are judged.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use boinc::verdict::Decision;
use common::{World, physical};

/// Makes a file, and what is said of it.
type Trap = (fn(&Path), &'static str);

fn put(path: &Path, bytes: &[u8]) {
    std::fs::write(path, bytes).unwrap();
}

fn nines(path: &Path) {
    put(path, &vec![b'9'; 17 << 20]);
}

/// Ten gigabytes without a newline that take no room on the disk.
fn endless(path: &Path) {
    std::fs::File::create(path).unwrap().set_len(10_000_000_000).unwrap();
}

fn bomb(path: &Path) {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let zeros = vec![b'0'; 1 << 20];
    (0..64).for_each(|_| encoder.write_all(&zeros).unwrap());
    put(path, &encoder.finish().unwrap());
}

fn lists(path: &Path) {
    put(path, &vec![b'['; 1 << 20]);
}

fn elements(path: &Path) {
    put(path, "<a>".repeat(1 << 18).as_bytes());
}

fn huge_number(path: &Path) {
    put(path, b"1e999999\n");
}

fn no_text(path: &Path) {
    put(path, b"\xff\xfe\0\x1b[2J\n");
}

fn link(path: &Path) {
    std::os::unix::fs::symlink("/etc/passwd", path).unwrap();
}

fn pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

const LONG: &str = "has more than 16777216 bytes";

/// Declarations, and what is tried on each.
fn formats() -> Vec<(&'static str, Vec<Trap>)> {
    let text: Vec<Trap> = vec![(nines, LONG), (endless, LONG), (bomb, "times its size")];
    let with = |more: &[Trap]| [&text[..], more].concat();
    let packed: Vec<Trap> =
        vec![(nines, "archive"), (bomb, "archive"), (no_text, "archive"), (link, "symbolic link")];
    vec![
        (
            "max_bytes = 1000000",
            vec![
                (nines, "has more than 1000000 bytes"),
                (link, "symbolic link"),
                (pipe, "not a regular file"),
            ],
        ),
        ("format = \"lines\"\nrequire = [\"^done\"]", with(&[(no_text, "no line matches")])),
        (
            "format = \"table\"\n[[compare.files.rules]]\nrelative = 1e-6",
            with(&[(huge_number, "no number found"), (no_text, "no number found")]),
        ),
        (
            "format = \"key_value\"\norder = \"key\"\n[[compare.files.rules]]\nrelative = 1e-6",
            with(&[(huge_number, "no number found")]),
        ),
        (
            "format = \"yoda\"\norder = \"key\"",
            with(&[(no_text, "outside of an object"), (huge_number, "outside of an object")]),
        ),
        (
            "format = \"json\"\n[[compare.files.rules]]\nrelative = 1e-6",
            vec![
                (nines, LONG),
                (lists, "nested deeper than 128"),
                (huge_number, "no number found"),
                (no_text, "is no value"),
                (bomb, "times its size"),
            ],
        ),
        (
            "format = \"xml\"",
            vec![(nines, LONG), (elements, "nested deeper than 128"), (bomb, "times its size")],
        ),
        (
            "format = \"npy\"",
            vec![(nines, "begin as .npy does"), (lists, "begin as .npy does"), (bomb, "begin as .npy does")],
        ),
        ("format = \"raw\"\nrow_values = 7", vec![(bomb, "times its size"), (no_text, "the content ends")]),
        ("format = \"table\"\narchive = \"zip\"\nmember = \"../out\"", packed.clone()),
        ("format = \"table\"\narchive = \"tar\"\nmember = \"a/../out\"", packed),
    ]
}

#[tokio::test]
async fn hostile_outputs_in_every_format_cost_little_and_have_a_reason() {
    let mut world = World::new("").await;
    let mut id = 0;
    for (declared, traps) in formats() {
        // The daemon unpacks what is packed, and reads what it is allowed to.
        let is_zip = declared.contains("\"zip\"");
        let packed = if is_zip || declared.starts_with("max_bytes") {
            ""
        } else {
            "compression = \"auto\"\nmax_bytes = 20000000000\n"
        };
        let config = format!("[[compare.files]]\nname = \"out\"\n{packed}{declared}\n");
        world.project.write_app_config(&config.replace("../out", "x")).unwrap();
        let first = id + 1;
        for (make, _) in &traps {
            id += 1;
            world.workunit(id, 1).await;
            world.result(id, id, 1 + id % 8, None).await;
            make(&world.project.upload_path(&physical(id)).unwrap());
        }
        // 2 GB of addresses and a minute of processor time: beyond, it is ended.
        let daemon = world.start(&["--one_pass"]);
        let bounded = "ulimit -v 2000000; ulimit -t 60; exec \"$@\"";
        let output = Command::new("sh")
            .args(["-c", bounded, "sh"])
            .arg(daemon.get_program())
            .args(daemon.get_args())
            .output()
            .unwrap();
        assert!(output.status.success(), "{declared}: {}", String::from_utf8_lossy(&output.stderr));
        for (at, (_, says)) in (first..).zip(&traps) {
            let verdict = world.verdict(at, at).await;
            assert_eq!(verdict.decision, Decision::Error, "{declared}: {verdict:?}");
            assert!(verdict.reason.contains(says), "{declared}: {says}: {verdict:?}");
            assert!(!verdict.reason.chars().any(char::is_control), "{verdict:?}");
            std::fs::remove_file(world.project.upload_path(&physical(at)).unwrap()).unwrap();
        }
    }
    // A name that leaves the folder.
    world.project.write_app_config("").unwrap();
    world.workunit(900, 1).await;
    world.result(900, 900, 1, Some("1\n")).await;
    world
        .execute("UPDATE result SET xml_doc_in = REPLACE(xml_doc_in, 'r_900_0', '../../config.xml') WHERE id = 900")
        .await;
    world.one_pass();
    assert_eq!(world.verdict(900, 900).await.decision, Decision::Error);
    world.balances().await;
}
