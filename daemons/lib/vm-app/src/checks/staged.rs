//! The download folder against app_version: clients must get what was signed.

use boinc::app_version_doc::VersionFile;

use crate::Report;

/// A file as it lies in the download folder.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Staged {
    /// Its size, bytes.
    pub nbytes: u64,
    /// Its MD5 digest; none if it was not read.
    pub md5: Option<String>,
    /// Size of the packed copy; none if there is none.
    pub gzipped_nbytes: Option<u64>,
}

/// Looks at one file of a version in the database. `source_md5` is the digest of the file of that name in apps/.
pub fn check(
    report: &mut Report<'_>,
    version: &str,
    file: &VersionFile,
    staged: Option<&Staged>,
    source_md5: Option<&str>,
) {
    let subject = format!("download/{}", file.name);
    let Some(staged) = staged else {
        report.error(
            "staged",
            subject,
            format!("it is missing, and {version} has it"),
            "clients can't download the version: every task fails, after many tries",
            "copy it back from apps/, byte for byte; or set app_version.deprecated of that version to 1",
        );
        return;
    };
    let immutable = "clients check size and signature, and refuse the file: every task fails";
    let back = "put the file back that was signed (a new content needs a new name and a new version)";
    if let Some(nbytes) = file.nbytes.filter(|nbytes| *nbytes != staged.nbytes) {
        report.error(
            "staged",
            &subject,
            format!("it has {} bytes, and {version} says {nbytes}", staged.nbytes),
            immutable,
            back,
        );
    }
    if let (Some(said), Some(found)) = (&file.md5, &staged.md5)
        && said != found
    {
        report.error(
            "staged",
            &subject,
            format!("its MD5 is {found}, and {version} says {said}"),
            immutable,
            back,
        );
    } else if let (Some(source), Some(found)) = (source_md5, &staged.md5)
        && source != found
    {
        report.error(
            "staged",
            &subject,
            format!("its MD5 is {found}, and that of the file in apps/ is {source}"),
            "one of them is not what was signed; if it is the staged one, clients refuse it",
            back,
        );
    }
    if let Some(nbytes) = file.gzipped_nbytes
        && staged.gzipped_nbytes != Some(nbytes)
    {
        report.error(
            "staged-gzip",
            format!("{subject}.gz"),
            match staged.gzipped_nbytes {
                None => format!("it is missing, and {version} has it"),
                Some(found) => format!("it has {found} bytes, and {version} says {nbytes}"),
            },
            "clients ask for the packed copy first",
            "make it again: gzip -k, and bin/update_versions for a new version",
        );
    }
    if !file.is_signed && file.md5.is_none() {
        report.error(
            "signature",
            &subject,
            format!("{version} has no signature for it"),
            "clients take no file of a version without the project's signature",
            "sign it, and make a new version",
        );
    }
}

/// A file that workunits of the input template share. `has_md5` says whether its .md5 file is valid.
pub fn constant(report: &mut Report<'_>, template: &str, name: &str, is_there: bool, has_md5: bool) {
    if !is_there {
        report.error(
            "staged-input",
            template,
            format!("<physical_name>{name}</physical_name>: the file is not in the download folder"),
            "no workunit can be made",
            format!("bin/stage_file {name}"),
        );
    } else if !has_md5 {
        report.error(
            "staged-input",
            template,
            format!("<physical_name>{name}</physical_name>: there is no valid .md5 file beside it"),
            "no workunit can be made",
            format!("bin/stage_file {name} writes it"),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::fired;
    use super::*;

    #[test]
    fn each_check_fires() {
        let file = VersionFile {
            name: "vm.vdi".into(),
            nbytes: Some(5),
            is_signed: true,
            gzipped_nbytes: Some(3),
            ..VersionFile::default()
        };
        let good = Staged { nbytes: 5, md5: Some("aa".into()), gzipped_nbytes: Some(3) };
        let checks = |file: &VersionFile, staged: Option<&Staged>, source: Option<&str>| {
            fired(|report| check(report, "version 1.00", file, staged, source))
        };
        assert!(
            checks(&file, Some(&good), Some("aa")).is_empty() && checks(&file, Some(&good), None).is_empty()
        );
        assert_eq!(checks(&file, None, None), ["staged"]);
        assert_eq!(checks(&file, Some(&Staged { nbytes: 6, ..good.clone() }), None), ["staged"]);
        assert_eq!(checks(&file, Some(&good), Some("bb")), ["staged"]);
        assert_eq!(
            checks(&VersionFile { md5: Some("bb".into()), ..file.clone() }, Some(&good), None),
            ["staged"]
        );
        assert_eq!(
            checks(&file, Some(&Staged { gzipped_nbytes: None, ..good.clone() }), None),
            ["staged-gzip"]
        );
        assert_eq!(checks(&VersionFile { is_signed: false, ..file }, Some(&good), None), ["signature"]);
    }

    #[test]
    fn shared_inputs() {
        assert!(fired(|report| constant(report, "in", "a", true, true)).is_empty());
        assert_eq!(fired(|report| constant(report, "in", "a", true, false)), ["staged-input"]);
        assert_eq!(fired(|report| constant(report, "in", "a", false, false)), ["staged-input"]);
    }
}
