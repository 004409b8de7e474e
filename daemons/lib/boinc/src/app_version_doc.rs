//! `app_version.xml_doc`: which files clients download for a version, as bin/update_versions wrote it.

use crate::hierarchy::check_name;
use crate::printable::printable;
use crate::xml::{Element, Limits, fragment};

pub use crate::xml::XmlFault;

const LIMITS: Limits = Limits { bytes: 1 << 24, depth: 16, elements: 50_000, loose_ampersand: true };

/// A file of a version.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VersionFile {
    /// Its name in the download folder; it may be in a folder there.
    pub name: String,
    /// Size, bytes; none if the document does not say.
    pub nbytes: Option<u64>,
    /// MD5 digest, if the document says. Versions made since about 2005 have a signature instead.
    pub md5: Option<String>,
    /// Whether there is a signature, which clients check with the project's public key.
    pub is_signed: bool,
    /// Size of the packed copy `NAME.gz`, if there is to be one.
    pub gzipped_nbytes: Option<u64>,
    /// Where clients get it.
    pub urls: Vec<String>,
}

/// The files of a version, in their order. A name that can't be that of a file is passed over: clients refuse it, too.
///
/// # Errors
/// The document is no XML.
pub fn files(xml_doc: &[u8]) -> Result<Vec<VersionFile>, XmlFault> {
    let roots = fragment(xml_doc, LIMITS)?;
    Ok(roots.iter().filter(|root| root.name == "file_info").filter_map(file).collect())
}

fn text<'e>(info: &'e Element, name: &'static str) -> Option<&'e str> {
    info.named(name).next_back().map(Element::trimmed).filter(|text| !text.is_empty())
}

fn file(info: &Element) -> Option<VersionFile> {
    let size = |name: &'static str| {
        text(info, name)?.parse::<f64>().ok().filter(|size| *size >= 0.0 && *size < 9e15)
    };
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "in range, see above")]
    let whole = |size: f64| size as u64;
    let name = text(info, "name")?;
    // Versions may have folders.
    if name.split('/').any(|part| check_name(part).is_err()) {
        return None;
    }
    Some(VersionFile {
        name: name.to_owned(),
        nbytes: size("nbytes").map(whole),
        md5: text(info, "md5_cksum").map(|md5| printable(&md5.to_ascii_lowercase(), 40)),
        is_signed: text(info, "file_signature").is_some(),
        gzipped_nbytes: size("gzipped_nbytes").map(whole),
        urls: info.named("url").map(|url| url.trimmed().to_owned()).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_update_versions_writes() {
        let xml = "<file_info>\n    <name>vm.vdi</name>\n    <url>http://x/download/vm.vdi</url>\n    <gzipped_url>http://x/download/vm.vdi.gz</gzipped_url>\n    \
            <file_signature>\n0123abcd\n.\n    </file_signature>\n    <nbytes>5</nbytes>\n    <gzipped_nbytes>25</gzipped_nbytes>\n</file_info>\n\
            <file_info><name>../x</name></file_info><file_info><name>lib/a.so</name><md5_cksum>AB</md5_cksum></file_info>\
            <app_version><app_name>theory</app_name><file_ref><file_name>vm.vdi</file_name></file_ref></app_version>";
        let files = files(xml.as_bytes()).unwrap();
        let expected = VersionFile {
            name: "vm.vdi".into(),
            nbytes: Some(5),
            md5: None,
            is_signed: true,
            gzipped_nbytes: Some(25),
            urls: vec!["http://x/download/vm.vdi".into()],
        };
        assert_eq!(files[0], expected);
        assert_eq!(
            (files[1].name.as_str(), files[1].md5.as_deref(), files[1].is_signed),
            ("lib/a.so", Some("ab"), false)
        );
        assert_eq!(files.len(), 2);
        assert!(super::files(b"<file_info>").is_err());
        assert_eq!(super::files(b"").unwrap(), []);
    }
}
