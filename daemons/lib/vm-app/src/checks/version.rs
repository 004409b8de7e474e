//! The folder of a version: what bin/update_versions will make of it.

use boinc::app_files::{Document, Entry, flag, text};

use super::document;
use crate::Report;

/// What is in the folder.
#[derive(Debug, Clone, Default)]
pub struct Folder {
    /// Its path, relative to the project directory.
    pub path: String,
    /// Names of the files in it, without hidden ones.
    pub files: Vec<String>,
    /// Its version.xml.
    pub version_xml: Option<Vec<u8>>,
    /// Whether `keys/code_sign_private` is on this machine.
    pub has_private_key: bool,
    /// Whether the version is in the database already: its files were signed and staged then.
    pub is_in_database: bool,
}

/// Looks at the folder; its version.xml, if it can be used.
pub fn check(report: &mut Report<'_>, folder: &Folder) -> Option<Document> {
    let path = format!("{}/version.xml", folder.path);
    let payload: Vec<&str> = folder
        .files
        .iter()
        .map(String::as_str)
        .filter(|name| *name != "version.xml" && !name.contains(".sig"))
        .collect();
    signatures(report, folder, &payload);
    let Some(bytes) = &folder.version_xml else {
        if payload.len() != 1 {
            report.error(
                "version-file",
                &path,
                "it is missing",
                "with several files in the folder, bin/update_versions can't tell which one is the program",
                format!("cobblestone app build {} writes it", report_app(report)),
            );
        }
        return None;
    };
    let version = document::check(report, &path, bytes, document::VERSION)?;
    let files = version.sections("file");
    let names: Vec<&str> = files.iter().map(|file| text(file, "physical_name")).collect();
    for name in &names {
        if name.is_empty() {
            report.error(
                "version-file",
                &path,
                "a <file> has no <physical_name>",
                "bin/update_versions looks for a file without a name and adds no version",
                "write the file's name",
            );
        } else if !payload.contains(name) && !name.contains('/') {
            report.error(
                "version-file",
                format!("{}/{name}", folder.path),
                "it is named in version.xml and missing",
                "bin/update_versions adds no version without it",
                format!(
                    "put the file there, or bring it with: cobblestone app build {} --from DIR",
                    report_app(report)
                ),
            );
        }
    }
    for name in payload.iter().filter(|name| !names.contains(*name)) {
        report.warning(
            "version-file",
            format!("{}/{name}", folder.path),
            "it is in the folder, and not named in version.xml",
            "bin/update_versions sends every file of the folder to clients",
            "remove it, or name it in version.xml",
        );
    }
    let main = files.iter().filter(|file| flag(file, "main_program")).count();
    if main != 1 && names.len() > 1 {
        report.error(
            "version-main",
            &path,
            format!("{main} files are <main_program/>"),
            "bin/update_versions skips the version",
            "mark the wrapper's executable with <main_program/>, and no other file",
        );
    }
    if !version.flag("is_wrapper") {
        report.warning(
            "version-wrapper",
            &path,
            "there is no <is_wrapper/>",
            "the client then does not count the memory and processor time of what the wrapper started",
            "add <is_wrapper/>",
        );
    }
    Some(version)
}

fn report_app(report: &Report<'_>) -> String {
    let app = report.app();
    if app.is_empty() { "NAME".to_owned() } else { app.to_owned() }
}

fn signatures(report: &mut Report<'_>, folder: &Folder, payload: &[&str]) {
    if folder.is_in_database {
        return;
    }
    let unsigned: Vec<&str> = payload
        .iter()
        .copied()
        .filter(|name| !folder.files.iter().any(|file| file.strip_suffix(".sig") == Some(name)))
        .collect();
    if unsigned.is_empty() {
        return;
    }
    if folder.has_private_key {
        report.warning(
            "signature",
            &folder.path,
            format!("no .sig beside {}", unsigned.join(", ")),
            "bin/update_versions then signs with keys/code_sign_private, which is on this machine: whoever breaks into it \
             can send programs to all volunteers",
            "keep the key on a machine without network, and sign there: sign_executable FILE KEY > FILE.sig",
        );
    } else {
        report.error(
            "signature",
            &folder.path,
            format!("no .sig beside {}", unsigned.join(", ")),
            "clients take no file of a version without the project's signature; bin/update_versions stops",
            "sign each on the machine that has the code-signing key: sign_executable FILE KEY > FILE.sig",
        );
    }
}

/// Whether a version with a vbox_job.xml has what the job needs. `inputs` are names under which workunits' input files
/// are opened and copied.
pub fn machine(report: &mut Report<'_>, folder: &str, version: &Document, job: &Document, inputs: &[String]) {
    let path = format!("{folder}/version.xml");
    let files = version.sections("file");
    let named = |name: &str| files.iter().find(|file| opened(file) == name).copied();
    let mut need = |name: &str, element: &str, what: &str| {
        match named(name) {
        None => report.error(
            "version-machine",
            &path,
            format!("no file has the logical name {name}"),
            format!("vbox_job.xml has {element}, so vboxwrapper looks for {what} under that name; every task fails"),
            format!("add <logical_name>{name}</logical_name> and <copy_file/> to the file"),
        ),
        Some(file) if !flag(file, "copy_file") => report.error(
            "version-machine",
            &path,
            format!("{name} has no <copy_file/>"),
            "VirtualBox does not follow BOINC's links; every task fails",
            "add <copy_file/>",
        ),
        Some(_) => {}
    }
    };
    let attached = job.text("multiattach_vdi_file");
    if attached.is_empty() {
        need("vm_image.vdi", "no <multiattach_vdi_file>", "the machine's disk");
    }
    if job.flag("enable_isocontextualization") {
        need("vm_isocontext.iso", "<enable_isocontextualization>", "the ISO image");
    }
    if job.flag("enable_cache_disk") {
        need("vm_cache.vdi", "<enable_cache_disk>", "the second disk");
    }
    if !attached.is_empty() && !files.iter().any(|file| text(file, "physical_name") == attached) {
        report.error(
            "version-machine",
            &path,
            format!("no file is called {attached}"),
            "<multiattach_vdi_file> in vbox_job.xml names it; every task fails",
            "name the disk image there as it is called in version.xml",
        );
    }
    for copied in job.texts("copy_to_shared") {
        let in_version = named(copied).is_some_and(|file| flag(file, "copy_file"));
        if !in_version && !inputs.iter().any(|input| input == copied) && copied != "init_data.xml" {
            report.error(
                "version-copied",
                &path,
                format!("vbox_job.xml copies {copied} to the shared folder, and there is no copy of it in the task's folder"),
                "vboxwrapper copies what lies there, and a link of BOINC's is of no use to the guest",
                format!("give a file of version.xml, or of the input template, that name and <copy_file/>: {copied}"),
            );
        }
    }
    if job.flag("enable_network") && !version.flag("needs_network") {
        report.warning(
            "version-network",
            &path,
            "there is no <needs_network/>",
            "the machine uses the network, and the client starts it also while the volunteer has switched the network off",
            "add <needs_network/>",
        );
    }
}

fn opened(file: &[Entry]) -> &str {
    let logical = text(file, "logical_name");
    if logical.is_empty() { text(file, "physical_name") } else { logical }
}

#[cfg(test)]
mod tests {
    use super::super::testing::fired;
    use super::*;

    const GOOD: &str = "<version><file><physical_name>wrapper</physical_name><main_program/></file>\
        <file><physical_name>job.xml</physical_name><logical_name>vbox_job.xml</logical_name></file>\
        <file><physical_name>a.vdi</physical_name><logical_name>vm_image.vdi</logical_name><copy_file/></file>\
        <is_wrapper/><needs_network/></version>";

    fn folder(xml: &str) -> Folder {
        let files = ["wrapper", "job.xml", "a.vdi", "version.xml", "wrapper.sig", "job.xml.sig", "a.vdi.sig"];
        Folder {
            path: "apps/theory/1.00/x".into(),
            files: files.map(str::to_owned).to_vec(),
            version_xml: Some(xml.into()),
            ..Folder::default()
        }
    }

    fn checks(folder: &Folder) -> Vec<&'static str> {
        fired(|report| {
            check(report, folder);
        })
    }

    #[test]
    fn files_signatures_and_the_main_program() {
        assert!(checks(&folder(GOOD)).is_empty());
        let mut unsigned = folder(GOOD);
        unsigned.files.retain(|file| file != "a.vdi.sig");
        assert_eq!(checks(&unsigned), ["signature"]);
        assert!(checks(&Folder { is_in_database: true, ..unsigned.clone() }).is_empty());
        let mut findings = Vec::new();
        check(&mut Report::new("", &mut findings), &Folder { has_private_key: true, ..unsigned });
        assert_eq!(findings[0].severity, crate::Severity::Warning);
        let mut missing = folder(GOOD);
        missing.files.retain(|file| !file.starts_with("a.vdi"));
        assert_eq!(checks(&missing), ["version-file"]);
        let mut more = folder(GOOD);
        more.files.extend(["notes".to_owned(), "notes.sig".to_owned()]);
        assert_eq!(checks(&more), ["version-file"]);
        assert_eq!(checks(&Folder { version_xml: None, ..folder("") }), ["version-file"]);
        assert_eq!(checks(&folder(&GOOD.replace("<main_program/>", ""))), ["version-main"]);
        assert_eq!(checks(&folder(&GOOD.replace("<is_wrapper/>", ""))), ["version-wrapper"]);
        assert_eq!(checks(&folder("<version>")), ["document"]);
    }

    fn machine_checks(version: &str, job: &str) -> Vec<&'static str> {
        use document::{VBOX_JOB, VERSION};
        let version = boinc::app_files::read(version.as_bytes(), VERSION.root, VERSION.known).unwrap();
        let job = format!("<vbox_job>{job}</vbox_job>");
        let job = boinc::app_files::read(job.as_bytes(), VBOX_JOB.root, VBOX_JOB.known).unwrap();
        fired(|report| machine(report, "x", &version, &job, &["input".to_owned()]))
    }

    #[test]
    fn what_the_machine_needs() {
        assert!(machine_checks(GOOD, "<enable_network/>").is_empty());
        assert_eq!(machine_checks(&GOOD.replace("<copy_file/>", ""), ""), ["version-machine"]);
        assert_eq!(machine_checks(&GOOD.replace("vm_image.vdi", "image.vdi"), ""), ["version-machine"]);
        assert_eq!(machine_checks(GOOD, "<enable_isocontextualization/>"), ["version-machine"]);
        assert_eq!(
            machine_checks(GOOD, "<multiattach_vdi_file>b.vdi</multiattach_vdi_file>"),
            ["version-machine"]
        );
        assert!(machine_checks(GOOD, "<multiattach_vdi_file>a.vdi</multiattach_vdi_file>").is_empty());
        assert_eq!(
            machine_checks(&GOOD.replace("<needs_network/>", ""), "<enable_network/>"),
            ["version-network"]
        );
        let copied = |name: &str| machine_checks(GOOD, &format!("<copy_to_shared>{name}</copy_to_shared>"));
        assert!(copied("init_data.xml").is_empty() && copied("input").is_empty());
        assert_eq!(copied("user-data"), ["version-copied"]);
        assert_eq!(copied("vbox_job.xml"), ["version-copied"], "a link");
    }
}
