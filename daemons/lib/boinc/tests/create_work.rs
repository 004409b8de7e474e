//! What the stock program `create_work` made of given templates, arguments and files, case by case: the same
//! row, the same document byte for byte, or the same lines on stderr and exit status.
#![allow(clippy::unwrap_used, reason = "a test that can't go on shall fail")]

mod oracle;

use std::fs;

use boinc::download_dir::DownloadDir;
use boinc::id::AppId;
use boinc::input_template::{
    Assignment, Download, Fault, InputFile, JobDescription, KnownFiles, new_workunit, parse_flags,
};
use oracle::{cases, now_of};
use proptest::prelude::*;

const DOWNLOAD: Download<'_> = Download { url: oracle::DOWNLOAD_URL, fanout: 1024 };

#[test]
fn every_case_comes_out_as_from_the_stock_program() {
    let cases = cases();
    assert_eq!(cases.len(), 60);
    let now = now_of(&cases);
    for case in &cases {
        let project = tempfile::tempdir().unwrap();
        let mut files = DownloadDir {
            root: project.path().join("download"),
            fanout: DOWNLOAD.fanout,
            cache_md5_info: true,
            project_dir: project.path().to_owned(),
        };
        case.stage(&files);
        let arguments: Vec<&String> = case.args.iter().chain(&case.infiles).collect();
        let parsed = parse_flags(&arguments).unwrap();
        let output_template = project.path().join(&parsed.job.result_template_file);
        fs::create_dir_all(output_template.parent().unwrap()).unwrap();
        fs::write(output_template, "").unwrap();

        let made = new_workunit(case.template.as_bytes(), &parsed.job, AppId(1), now, DOWNLOAD, &mut files);
        let name = &parsed.job.name;
        let (row, exit, stderr) = match made {
            Ok(created) => {
                String::from_utf8(created.workunit.xml_doc.clone()).unwrap();
                (Some(serde_json::to_value(&created.workunit).unwrap()), 0, created.notes)
            }
            Err(error) => (None, 1, error.stderr_lines()),
        };
        assert_eq!((exit, stderr.join("\n").as_str()), (case.exit, case.stderr.trim_end()), "{name}");
        case.compare(row.as_ref().map(|row| row.as_object().unwrap()));
    }
}

fn files() -> KnownFiles {
    let mut files = KnownFiles::default();
    files.add("in", "b1946ac92492d2347c6235b4d2611184", 6);
    files.add("in2", "0123456789abcdef0123456789abcdef", 7_000_000_000);
    files.0.get_mut("in2").unwrap().gzipped_nbytes = Some(99);
    files
}

fn job(files: &[&str]) -> JobDescription {
    JobDescription {
        name: "w".into(),
        result_template_file: "templates/out".into(),
        input_files: files.iter().map(|name| InputFile::staged(*name)).collect(),
        ..JobDescription::default()
    }
}

fn document(template: &str, job: &JobDescription) -> String {
    let created = new_workunit(template.as_bytes(), job, AppId(1), 7, DOWNLOAD, &mut files()).unwrap();
    String::from_utf8(created.workunit.xml_doc).unwrap()
}

fn fault(template: &str, job: &JobDescription) -> (Fault, Vec<String>) {
    let error = new_workunit(template.as_bytes(), job, AppId(1), 7, DOWNLOAD, &mut files()).unwrap_err();
    let lines = error.stderr_lines();
    (error.fault, lines)
}

#[test]
fn a_compressed_twin_is_named() {
    let document = document(
        "<file_info><gzip/></file_info><workunit><file_ref><open_name>x</open_name></file_ref></workunit>",
        &job(&["in2"]),
    );
    assert_eq!(
        document,
        "<file_info>\n    <name>in2</name>\n    <url>http://127.0.0.1:8080/t4t/download/1af/in2</url>\n    \
         <gzipped_url>http://127.0.0.1:8080/t4t/download/1af/in2.gz</gzipped_url>\n    \
         <gzipped_nbytes>99</gzipped_nbytes>\n    <md5_cksum>0123456789abcdef0123456789abcdef</md5_cksum>\n    \
         <nbytes>7000000000</nbytes>\n</file_info>\n<workunit>\n<command_line>\n\n</command_line>\n<file_ref>\n    \
         <file_name>in2</file_name>\n    <open_name>x</open_name>\n</file_ref>\n</workunit>"
    );
}

#[test]
fn files_elsewhere() {
    let remote = InputFile::Remote { url: "http://far/x".into(), nbytes: 1e10, md5: "abc".into() };
    let job = JobDescription { input_files: vec![remote, InputFile::staged("far")], ..job(&[]) };
    let document = document(
        "<file_info/><file_info></file_info><file_info><url>http://a/</url><url>http://b/</url>\
         <md5_cksum>d</md5_cksum><nbytes>12</nbytes><gzip/><gzipped_nbytes>5</gzipped_nbytes></file_info>\
         <workunit><file_ref><copy_file/></file_ref><file_ref><open_name>o</open_name></file_ref></workunit>",
        &job,
    );
    assert!(document.starts_with(
        "<file_info>\n    <name>jf_abc</name>\n    <url>http://far/x</url>\n    <md5_cksum>abc</md5_cksum>\n    \
         <nbytes>10000000000</nbytes>\n</file_info>\n<file_info>\n    <name>far</name>\n    \
         <url>http://a/far</url>\n    <gzipped_url>http://a/far.gz</gzipped_url>\n    \
         <url>http://b/far</url>\n    <gzipped_url>http://b/far.gz</gzipped_url>\n    \
         <md5_cksum>d</md5_cksum>\n    <nbytes>12</nbytes>\n    <gzipped_nbytes>5</gzipped_nbytes>\n</file_info>\n"
    ), "{document}");
    assert!(
        document
            .contains("<file_name>jf_abc</file_name>\n    <copy_file/>\n    <open_name>jf_abc</open_name>\n")
    );
}

#[test]
fn sloppy_templates_are_read_as_stock_reads_them() {
    // Attributes go, a typed element that is none is copied, nested elements are copied raw, and a missing
    // end tag is no error.
    let document = document(
        "<?xml version='1.0'?><input_template><!-- c --><workunit x='1'><batch>many</batch>\
         <credit a='b'> <x/> 1 &lt; </credit><min_quorum> 0x2 </min_quorum>",
        &job(&[]),
    );
    assert_eq!(
        document,
        "<workunit>\n<command_line>\n\n</command_line>\n<batch></batch>\n<credit><x/> 1 &lt;</credit>\n"
    );
}

#[test]
fn the_volunteer_sees_the_escaped_subapplication() {
    let job = JobDescription { sub_appname: "a<b> & é ]]>".into(), ..job(&[]) };
    assert_eq!(
        document("<workunit></workunit>", &job),
        "<workunit>\n<command_line>\n\n</command_line>\n\
         \u{20}  <sub_appname>a&lt;b> &amp; &#195;&#169; ]]&gt;</sub_appname>\n</workunit>"
    );
}

#[test]
fn assigned_jobs_are_not_transitioned() {
    let make = |assignment| {
        let job = JobDescription { assignment, ..job(&[]) };
        new_workunit(b"<workunit/><workunit></workunit>", &job, AppId(1), 7, DOWNLOAD, &mut files())
            .unwrap()
            .workunit
    };
    let row = make(Assignment::Host(3));
    assert_eq!((row.transition_time, row.transitioner_flags), (i32::MAX, 2));
    let row = make(Assignment::Broadcast);
    assert_eq!((row.transition_time, row.transitioner_flags), (i32::MAX, 1));
    let row = make(Assignment::None);
    assert_eq!((row.transition_time, row.transitioner_flags), (7, 0));
    assert_eq!(Assignment::BroadcastTeam(5).row(), Some((3, 5, true)));
}

#[test]
fn faults_in_stocks_order_and_words() {
    let file_ref = "<file_ref><open_name>x</open_name></file_ref>";
    let wu = |inside: &str| format!("<file_info></file_info><workunit>{inside}</workunit>");
    let first = |template: &str, job: &JobDescription| fault(template, job).1[0].clone();

    assert_eq!(first(&wu(file_ref), &job(&[])), "Too few var input files given; need at least 1");
    assert_eq!(
        first(&wu(file_ref), &job(&["in", "in2"])),
        "process_input_template: 2 input files given, but template has 1"
    );
    assert_eq!(first(&wu(&file_ref.repeat(2)), &job(&["in"])), "too many <file_ref>s");
    assert_eq!(first(&wu(""), &job(&["in"])), "#file refs != #file infos");
    assert_eq!(
        first(&wu("<file_ref></file_ref>"), &job(&["in"])),
        "No open name found and copy_file not specified"
    );
    assert_eq!(
        first("<file_info></file_info>", &job(&["in"])),
        "process_input_template: bad WU template - no <workunit>"
    );
    assert_eq!(
        fault(&wu(file_ref), &job(&["gone"])).1,
        [
            "md5_file: can't open gone",
            "md5_file: No such file or directory",
            "process_input_template: md5_file fopen() failed",
            "process_input_template(): fopen() failed",
            "create_work: fopen() failed",
        ]
    );
    assert_eq!(
        fault("<file_info><physical_name>gone</physical_name></file_info>", &job(&[])).1,
        [
            "missing MD5 info file for gone",
            "process_input_template(): file missing",
            "create_work: file missing",
        ]
    );
    assert_eq!(
        fault("<workunit><a>", &job(&[])).1,
        [
            "process_input_template(): unexpected XML tag or syntax",
            "create_work: unexpected XML tag or syntax"
        ]
    );
    assert_eq!(
        first(&format!("<workunit><a>{}</a></workunit>", "x".repeat(65_490)), &job(&[])),
        "create_work: WU XML field is too long (65552 bytes; max is 65535)"
    );
    assert_eq!(
        fault("<workunit><rsc_fpops_est>0</rsc_fpops_est></workunit>", &job(&[])).1,
        ["no rsc_fpops_est given; can't create job", "create_work: no option"]
    );
    assert_eq!(
        first(
            "<workunit><max_total_results/></workunit>",
            &JobDescription { max_total_results: 0, target_nresults: 0, ..job(&[]) }
        ),
        "no target_nresults given; can't create job"
    );
    let long = JobDescription { result_template_file: "t".repeat(64), ..job(&[]) };
    assert_eq!(
        fault("<workunit></workunit>", &long).1,
        ["result template filename is too big: 64 bytes, max is 63", "create_work: buffer overflow"]
    );
}

#[test]
fn a_note_is_kept_whether_or_not_it_succeeds() {
    let template = "<file_info></file_info><workunit><file_ref><file_name>x</file_name><copy_file/></file_ref></workunit>";
    let created =
        new_workunit(template.as_bytes(), &job(&["in"]), AppId(1), 7, DOWNLOAD, &mut files()).unwrap();
    assert_eq!(created.notes, ["<file_name> ignored in <file_ref> element."]);
    let (_, lines) = fault(template, &job(&["in", "in2"]));
    assert_eq!(lines[0], "<file_name> ignored in <file_ref> element.");
}

#[test]
fn what_the_database_could_not_hold_is_refused() {
    let refused = |job: JobDescription| fault("<workunit></workunit>", &job).0;
    assert!(matches!(refused(JobDescription { name: "a/b".into(), ..job(&[]) }), Fault::Name { .. }));
    assert!(matches!(refused(JobDescription { name: String::new(), ..job(&[]) }), Fault::Name { .. }));
    assert!(matches!(
        refused(JobDescription { name: "x".repeat(192), ..job(&[]) }),
        Fault::ColumnTooLong { length: 192, .. }
    ));
    assert!(matches!(
        refused(JobDescription { keywords: "1 ".repeat(128), ..job(&[]) }),
        Fault::ColumnTooLong { length: 256, .. }
    ));
    assert!(matches!(refused(JobDescription { opaque: f64::NAN, ..job(&[]) }), Fault::BadNumber { .. }));
    assert!(matches!(refused(JobDescription { size_class: 40_000, ..job(&[]) }), Fault::BadNumber { .. }));
    let (fault, _) = fault("<file_info></file_info>", &job(&["../x"]));
    assert!(matches!(fault, Fault::Name { what: "input file", .. }), "{fault}");
}

/// A template with some bytes replaced, taken out or put in.
fn mutated() -> impl Strategy<Value = (usize, Vec<u8>)> {
    let cases = cases();
    let templates: Vec<Vec<u8>> = cases.into_iter().map(|case| case.template.into_bytes()).collect();
    let change = (any::<prop::sample::Index>(), any::<u8>(), 0..3_u8);
    (0..templates.len(), prop::collection::vec(change, 0..6)).prop_map(move |(number, changes)| {
        let mut template = templates[number].clone();
        for (at, byte, kind) in changes {
            let at = at.index(template.len());
            match kind {
                0 => template[at] = byte,
                1 => drop(template.remove(at)),
                _ => template.insert(at, *b"<>/&;\0 x".get(usize::from(byte)).unwrap_or(&byte)),
            }
        }
        (number, template)
    })
}

proptest! {
    #[test]
    fn no_template_panics((_, template) in mutated(), command_line in "\\PC{0,8}") {
        let mut files = KnownFiles::default();
        let job = JobDescription { command_line, ..job(&["in", "in2"]) };
        files.add("in", "x", 1);
        files.add("in2", "y", 2);
        match new_workunit(&template, &job, AppId(1), 7, DOWNLOAD, &mut files) {
            Ok(created) => prop_assert!(created.workunit.xml_doc.len() <= 65_535),
            Err(error) => prop_assert!(!error.stderr_lines().is_empty() && !error.to_string().is_empty()),
        }
    }

    #[test]
    fn no_bytes_panic(template in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = new_workunit(&template, &job(&["in"]), AppId(1), 7, DOWNLOAD, &mut files());
    }
}
