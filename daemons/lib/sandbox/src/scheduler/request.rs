//! What hosts and the scheduler say to each other.

/// `client_state` of a result whose files are uploaded.
pub const RESULT_FILES_UPLOADED: i32 = 5;
/// `client_state` of a result whose task failed.
pub const RESULT_COMPUTE_ERROR: i32 = 3;

/// A host asks for work.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkRequest {
    #[allow(missing_docs)]
    pub hostid: i32,
    #[allow(missing_docs)]
    pub userid: i32,
    /// How many results at most.
    pub count: usize,
    /// Peak FLOPS of the processors that a task will use.
    pub flops_estimate: f64,
    /// `app_version.id`, or −2 for an anonymous platform.
    pub app_version_id: i32,
}

/// A result as it was sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Sent {
    /// `result.id`
    pub id: i32,
    #[allow(missing_docs)]
    pub workunitid: i32,
    #[allow(missing_docs)]
    pub hostid: i32,
    /// Name of the result.
    pub name: String,
    /// Name of the workunit.
    pub workunit: String,
    /// The workunit's document: command line and input files.
    pub workunit_doc: String,
    /// The result's document: output files.
    pub result_doc: String,
    #[allow(missing_docs)]
    pub sent_time: i32,
    #[allow(missing_docs)]
    pub report_deadline: i32,
}

impl Sent {
    /// Names of the output files, in order; none when the result's document is broken.
    #[must_use]
    pub fn output_files(&self) -> Vec<String> {
        let files = boinc::result_doc::output_files(self.result_doc.as_bytes()).unwrap_or_default();
        files.into_iter().map(|file| file.physical_name).collect()
    }

    /// Names of the input files, in order.
    #[must_use]
    pub fn input_files(&self) -> Vec<String> {
        file_refs(&self.workunit_doc)
    }
}

/// A host reports a result.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// `result.id`
    pub id: i32,
    /// Who reports.
    pub hostid: i32,
    /// Team of the host's user; 0 = none.
    pub teamid: i32,
    /// Processors of the host.
    pub ncpus: i32,
    /// 0 = success.
    pub exit_status: i32,
    /// As the client says, seconds.
    pub elapsed_time: f64,
    /// As the client says, seconds.
    pub cpu_time: f64,
    /// `stderr_out`, any bytes.
    pub stderr: Vec<u8>,
    /// Output files with their contents; an output file that is missing here is not uploaded.
    pub files: Vec<(String, Vec<u8>)>,
}

/// A trickle-up message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Who sends it: authenticated.
    pub hostid: i32,
    #[allow(missing_docs)]
    pub variety: String,
    /// Any bytes. They are stored as over a connection in latin1: bytes that are not UTF-8 are taken for latin1. (A
    /// scheduler built with MariaDB's own library talks utf8mb4: in strict mode it can't store such a message, does not
    /// acknowledge it, and the client sends it again with each request.) A NUL ends the text in the real scheduler.
    pub text: Vec<u8>,
}

/// What a database in utf8mb4 holds after bytes that are not UTF-8 came over a connection in latin1.
pub(super) fn as_stored(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec())
        .unwrap_or_else(|error| error.into_bytes().iter().map(|byte| char::from(*byte)).collect())
}

/// `result.xml_doc_out`, as the client sends it.
pub(super) fn output_doc(files: &[(String, Vec<u8>)]) -> String {
    use md5::{Digest, Md5};
    files
        .iter()
        .map(|(name, content)| {
            let digest = Md5::digest(content).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
            format!(
                "<file_info><name>{name}</name>\n    <nbytes>{}.000000</nbytes>\n    <max_nbytes>10000000.000000</max_nbytes>\n    <md5_cksum>{digest}</md5_cksum>\n</file_info>\n",
                content.len()
            )
        })
        .collect()
}

/// `<file_name>`s of the `<file_ref>`s, in order.
fn file_refs(doc: &str) -> Vec<String> {
    doc.split("<file_ref>")
        .skip(1)
        .filter_map(|part| part.split_once("<file_name>")?.1.split_once("</file_name>"))
        .map(|(name, _)| name.trim().to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn input_files_are_those_of_the_file_refs() {
        let doc =
            "<file_info><name>a</name></file_info><result><file_ref>\n<file_name>a_0</file_name></file_ref>
            <file_ref><file_name> b </file_name></file_ref></result>";
        assert_eq!(file_refs(doc), ["a_0", "b"]);
    }

    #[test]
    fn foreign_bytes_are_taken_for_latin1() {
        assert_eq!(as_stored("zürich".as_bytes()), "zürich");
        assert_eq!(as_stored(b"a\xffb"), "aÿb");
    }
}
