use std::fs::File;

use parquet::file::reader::{FileReader as _, SerializedFileReader};

use boinc::guest_report::Report;
use boinc::id::AppVersionId;
use boinc::id::{HostId, WorkunitId};
use boinc::state::Outcome;
use parquet::record::Field;
use store::assimilation::{Agreement, AppVersionFacts, HostFacts, JobOf};

use super::failures::{FAILURES, FailureRecord};
use super::files::{FILES, FileRecord};
use super::results::{Output, Stored};
use super::results::{RESULTS, ResultRecord};
use super::reviews::REVIEWS;
use super::*;
use sandbox::unit_rows::{result, workunit};

fn read(bytes: &[u8]) -> SerializedFileReader<File> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.parquet");
    std::fs::write(&path, bytes).unwrap();
    SerializedFileReader::new(File::open(path).unwrap()).unwrap()
}

/// Rows as maps from column to text.
fn rows(reader: &SerializedFileReader<File>) -> Vec<std::collections::BTreeMap<String, String>> {
    let rows = reader.get_row_iter(None).unwrap().map(|row| {
        let row = row.unwrap();
        let cells = row.get_column_iter().map(|(name, field)| {
            let text = match field {
                Field::Str(text) => text.clone(),
                other => other.to_string(),
            };
            (name.clone(), text)
        });
        cells.collect()
    });
    rows.collect()
}

fn facts(reader: &SerializedFileReader<File>) -> Vec<(String, String)> {
    let facts = reader.metadata().file_metadata().key_value_metadata().unwrap();
    facts.iter().map(|fact| (fact.key.clone(), fact.value.clone().unwrap_or_default())).collect()
}

fn record() -> ResultRecord {
    ResultRecord {
        workunit: workunit(1, 4),
        job: Some(JobOf {
            workunit: WorkunitId(1),
            campaign: "c".to_owned(),
            job: 3,
            seed: i64::MAX,
            events: 5,
            parameters: Some("{\"beam\": 6500}".to_owned()),
        }),
        parameters: Vec::new(),
        canonical: result(4, 1),
        host: Some(HostFacts {
            id: HostId(104),
            os_name: "Linux Debian".to_owned(),
            os_version: "13 \u{1F4A5}".to_owned(),
            processor: "Acme 1".to_owned(),
            ncpus: 8,
        }),
        version: Some(AppVersionFacts { id: AppVersionId(3), number: 103, plan_class: "vbox64".to_owned() }),
        uptime: Some(840.5),
        agreement: Some(Agreement { workunit: WorkunitId(1), worst: Some(0.25), time: 2500.75 }),
        report: Some(Report { received: 9, succeeded: 8, failed: 1, events: 4000 }),
        flag: Some("idle".to_owned()),
        compression: "zstd",
        n_results: 3,
        n_valid: 2,
        outputs: vec![
            Output { name: "a.txt".to_owned(), bytes: 5, sha256: "aa".to_owned(), stored: None },
            Output { name: "b".to_owned(), bytes: 4_000_000_000, sha256: "bb".to_owned(), stored: None },
        ],
        output_folder: Some("outputs/c/wu_1".to_owned()),
        assimilated_time: 3000,
    }
}

#[test]
fn results_come_back_as_they_went_in() {
    let bare = ResultRecord {
        job: None,
        host: None,
        version: None,
        uptime: None,
        agreement: None,
        report: None,
        flag: None,
        outputs: Vec::new(),
        output_folder: None,
        canonical: ResultRow { sent_time: 0, ..result(5, 2) },
        workunit: workunit(2, 5),
        ..record()
    };
    let reader = read(&RESULTS.to_parquet(&[&record(), &bare], &[(KEY_APP, "theory")], Vec::new()).unwrap());
    let rows = rows(&reader);
    let expected = [
        ("workunit_id", "1"),
        ("workunit_name", "wu_1"),
        ("job", "3"),
        ("seed", "9223372036854775807"),
        ("events", "5"),
        ("parameters", "{\"beam\": 6500}"),
        ("batch", "7"),
        ("canonical_result_id", "4"),
        ("canonical_result_name", "wu_1_4"),
        ("host_id", "104"),
        ("os_name", "Linux Debian"),
        ("os_version", "13 \u{1F4A5}"),
        ("processor", "Acme 1"),
        ("ncpus", "8"),
        ("app_version_id", "3"),
        ("app_version", "103"),
        ("plan_class", "vbox64"),
        ("elapsed_seconds", "850.5"),
        ("cpu_seconds", "800.25"),
        ("vm_uptime_seconds", "840.5"),
        ("credit", "12.5"),
        ("granted_credit", "12.25"),
        ("min_quorum", "2"),
        ("n_results", "3"),
        ("n_valid", "2"),
        ("worst_deviation", "0.25"),
        ("guest_received", "9"),
        ("guest_succeeded", "8"),
        ("guest_failed", "1"),
        ("guest_events", "4000"),
        ("flag", "idle"),
        ("create_time", "1970-01-01 00:16:40.000 +00:00"),
        ("sent_time", "1970-01-01 00:18:20.000 +00:00"),
        ("received_time", "1970-01-01 00:33:20.000 +00:00"),
        ("validated_time", "1970-01-01 00:41:40.000 +00:00"),
        ("assimilated_time", "1970-01-01 00:50:00.000 +00:00"),
        ("output_folder", "outputs/c/wu_1"),
        ("output_compression", "zstd"),
        ("output_count", "2"),
        ("output_bytes", "4000000005"),
        ("output_names", "a.txt,b"),
        ("output_sizes", "5,4000000000"),
        ("output_sha256", "aa,bb"),
    ];
    assert_eq!(rows[0].len(), expected.len());
    for (column, value) in expected {
        assert_eq!(rows[0][column], value, "{column}");
    }
    for column in [
        "job",
        "seed",
        "events",
        "parameters",
        "os_name",
        "ncpus",
        "app_version",
        "vm_uptime_seconds",
        "worst_deviation",
        "guest_events",
        "flag",
        "validated_time",
        "sent_time",
        "output_folder",
        "output_compression",
    ] {
        assert_eq!(rows[1][column], "null", "{column}");
    }
    assert_eq!((rows[1]["output_count"].as_str(), rows[1]["output_names"].as_str()), ("0", ""));
    let facts = facts(&reader);
    for fact in [(KEY_TABLE, "results"), (KEY_VERSION, "1"), (KEY_APP, "theory")] {
        assert!(facts.contains(&(fact.0.to_owned(), fact.1.to_owned())), "{facts:?}");
    }
}

#[test]
fn the_manifest_has_a_row_per_file() {
    let [kept, left] = [Some(("outputs/c/wu_1/a.zst", "zz")), None].map(|stored| FileRecord {
        workunit: WorkunitId(1),
        result: boinc::id::ResultId(4),
        output: Output {
            name: "a".to_owned(),
            bytes: 5,
            sha256: "aa".to_owned(),
            stored: stored.map(|(path, sha256)| Stored {
                path: path.to_owned(),
                bytes: 3,
                sha256: sha256.to_owned(),
            }),
        },
        compression: "zstd",
    });
    let rows = rows(&read(&FILES.to_parquet(&[&kept, &left], &[], Vec::new()).unwrap()));
    assert_eq!((rows[0]["path"].as_str(), rows[0]["stored_bytes"].as_str()), ("outputs/c/wu_1/a.zst", "3"));
    assert_eq!((rows[0]["sha256"].as_str(), rows[0]["stored_sha256"].as_str()), ("aa", "zz"));
    for column in ["path", "compression", "stored_bytes", "stored_sha256"] {
        assert_eq!(rows[1][column], "null");
    }
}

#[test]
fn failures_tell_what_happened_to_each_result() {
    let mut results = vec![result(4, 1), result(5, 1)];
    results[0].outcome = Outcome::ClientError;
    results[0].exit_status = 206;
    let record = FailureRecord {
        workunit: workunit(1, 0),
        job: None,
        parameters: Vec::new(),
        campaign: "none".to_owned(),
        error_mask: 2 | 32,
        results,
        known: vec![(crate::known_failures::find(b"VM Premature Shutdown Detected")[0], 2)],
        stderr: Some((4, "segfault\n".to_owned())),
        assimilated_time: 3000,
    };
    let reader = read(&FAILURES.to_parquet(&[&record], &[], Vec::new()).unwrap());
    let rows = rows(&reader);
    for (column, value) in [
        ("error_mask", "34"),
        ("errors", "too many error results,no canonical result"),
        ("canonical_result_id", "null"),
        ("n_results", "2"),
        ("n_success", "1"),
        ("result_ids", "4,5"),
        ("host_ids", "104,105"),
        ("outcomes", "client error,success"),
        ("exit_codes", "206,0"),
        ("exit_reasons", "init_failure,success"),
        ("known_failure", "premature_shutdown"),
        ("known_failures", "premature_shutdown=2"),
        ("stderr_result_id", "4"),
        ("stderr_tail", "segfault\n"),
    ] {
        assert_eq!(rows[0][column], value, "{column}");
    }
}

#[test]
fn an_empty_table_is_a_file_too() {
    let reader = read(&RESULTS.to_parquet(&[], &[], Vec::new()).unwrap());
    assert!(rows(&reader).is_empty());
    assert_eq!(reader.metadata().file_metadata().schema().get_fields().len(), RESULTS.columns.len());
}

/// Columns are only ever added, and each addition has a version: add a line, never change one.
#[test]
fn columns_of_earlier_versions_stay() {
    fn columns<R>(table: &Table<R>) -> String {
        table
            .columns
            .iter()
            .map(|c| format!("{} {}", c.name, c.value.kind().name()))
            .collect::<Vec<_>>()
            .join(", ")
    }
    let results_1 = "workunit_id INT32, workunit_name TEXT, job INT64, seed INT64, events INT64, parameters TEXT, \
        batch INT32, canonical_result_id INT32, canonical_result_name TEXT, host_id INT32, os_name TEXT, \
        os_version TEXT, processor TEXT, ncpus INT32, app_version_id INT32, app_version INT32, plan_class TEXT, \
        elapsed_seconds DOUBLE, cpu_seconds DOUBLE, vm_uptime_seconds DOUBLE, credit DOUBLE, granted_credit DOUBLE, \
        min_quorum INT32, n_results INT32, n_valid INT32, worst_deviation DOUBLE, guest_received INT64, \
        guest_succeeded INT64, guest_failed INT64, guest_events INT64, flag TEXT, create_time TIMESTAMP, \
        sent_time TIMESTAMP, received_time TIMESTAMP, validated_time TIMESTAMP, assimilated_time TIMESTAMP, \
        output_folder TEXT, output_compression TEXT, output_count INT32, output_bytes INT64, output_names TEXT, \
        output_sizes TEXT, output_sha256 TEXT";
    let failures_1 = "workunit_id INT32, workunit_name TEXT, job INT64, seed INT64, events INT64, parameters TEXT, \
        batch INT32, error_mask INT32, errors TEXT, canonical_result_id INT32, min_quorum INT32, n_results INT32, \
        n_success INT32, result_ids TEXT, host_ids TEXT, outcomes TEXT, exit_codes TEXT, exit_reasons TEXT, \
        known_failure TEXT, known_failures TEXT, stderr_result_id INT32, stderr_tail TEXT, create_time TIMESTAMP, \
        assimilated_time TIMESTAMP";
    let files_1 = "workunit_id INT32, result_id INT32, name TEXT, bytes INT64, sha256 TEXT, path TEXT, \
        compression TEXT, stored_bytes INT64, stored_sha256 TEXT";
    let reviews_1 = "review_id INT64, workunit_id INT32, result_id INT32, time TIMESTAMP, who TEXT, verdict TEXT, \
        comment TEXT";
    assert_eq!((FILES.version, columns(&FILES).as_str()), (1, files_1));
    assert_eq!((REVIEWS.version, columns(&REVIEWS).as_str()), (1, reviews_1));
    assert_eq!((RESULTS.version, columns(&RESULTS).as_str()), (1, results_1));
    assert_eq!((FAILURES.version, columns(&FAILURES).as_str()), (1, failures_1));
}

use boinc::record::ResultRow;
