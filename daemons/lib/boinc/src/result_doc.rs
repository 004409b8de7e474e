//! The documents of a result: which output files it must have (`xml_doc_in`), which ones the client says that
//! it uploaded (`xml_doc_out`), and what the task wrote to stderr (`stderr_out`).
//!
//! `xml_doc_in` comes from the project's own output template. `xml_doc_out` and `stderr_out` come from a
//! volunteer's machine: bounded, checked, never a panic; every name is a file name that stays in its folder
//! ([`crate::hierarchy::check_name`]).

use std::borrow::Cow;

use crate::dialect::find;
use crate::hierarchy::{NameError, check_name};
use crate::printable::printable;
use crate::xml::{Element, Limits, fragment};

pub use crate::xml::XmlFault;

const LIMITS: Limits = Limits { bytes: 1 << 20, depth: 16, elements: 20_000, loose_ampersand: false };
/// Sizes up to here have an exact floating-point number: 2⁵³.
const MAX_SIZE: f64 = 9_007_199_254_740_992.0;

/// An output file that a result must (or may) have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputFile {
    /// Its name in the upload folder.
    pub physical_name: String,
    /// The name by which the application knows it.
    pub open_name: String,
    /// It may be missing.
    pub optional: bool,
    /// It takes no part in validation.
    pub no_validate: bool,
    /// Largest size in bytes that may be uploaded; none if the template doesn't say.
    pub max_nbytes: Option<u64>,
}

/// A file that the client says that it uploaded. Nothing of it is to be trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadedFile {
    /// Its name in the upload folder.
    pub name: String,
    /// Size in bytes.
    pub nbytes: Option<u64>,
    /// The limit that the client knew.
    pub max_nbytes: Option<u64>,
    /// MD5 digest, 32 hex digits in lower case.
    pub md5_cksum: Option<String>,
}

/// A result's document can't be used. The text is one short printable line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DocError {
    /// It isn't XML, or too large.
    #[error("the document is {0}")]
    Xml(#[from] XmlFault),
    /// An element is missing or empty.
    #[error("a <{parent}> has no <{element}>")]
    Missing {
        /// The element it should be in.
        parent: &'static str,
        /// What is missing.
        element: &'static str,
    },
    /// The name of a file is none.
    #[error("<{element}>: {error}")]
    Name {
        /// Where it stands.
        element: &'static str,
        /// What is wrong with it.
        error: NameError,
    },
    /// The same element twice with different texts.
    #[error("<{element}> is given twice and differs")]
    Repeated {
        /// Which.
        element: &'static str,
    },
    /// A value that makes no sense.
    #[error("<{element}> is \"{text}\", which is not {want}")]
    Value {
        /// Which.
        element: &'static str,
        /// What stands there, made printable.
        text: String,
        /// What should.
        want: &'static str,
    },
}

/// The output files of a result, in the order of `result.xml_doc_in`. None at all is no error.
///
/// # Errors
/// The document is broken, or a `<file_ref>` lacks `<file_name>` or `<open_name>`, or has a name that would
/// leave the upload folder.
pub fn output_files(xml_doc_in: &[u8]) -> Result<Vec<OutputFile>, DocError> {
    // BOINC puts the upload URL into this document as it stands, so an `&` may be loose.
    let roots = fragment(xml_doc_in, Limits { loose_ampersand: true, ..LIMITS })?;
    let mut infos = Vec::new();
    let mut refs = Vec::new();
    for root in &roots {
        collect(root, "file_info", &mut infos);
        collect(root, "file_ref", &mut refs);
    }
    refs.into_iter().map(|file_ref| output_file(file_ref, &infos)).collect()
}

fn output_file(file_ref: &Element, infos: &[&Element]) -> Result<OutputFile, DocError> {
    let physical_name = required(file_ref, "file_ref", "file_name")?;
    check_name(physical_name).map_err(|error| DocError::Name { element: "file_name", error })?;
    let open_name = required(file_ref, "file_ref", "open_name")?;
    let info = infos.iter().find(|info| last(info, "name") == Some(physical_name));
    Ok(OutputFile {
        physical_name: physical_name.to_owned(),
        open_name: open_name.to_owned(),
        optional: boolean(file_ref, "optional")?,
        no_validate: boolean(file_ref, "no_validate")?,
        max_nbytes: match info {
            Some(info) => size(last(info, "max_nbytes"), "max_nbytes")?,
            None => None,
        },
    })
}

/// What `result.xml_doc_out` says of uploaded files.
///
/// # Errors
/// The document is broken, a `<file_info>` has no `<name>` or one that would leave the upload folder, a value
/// makes no sense, or an element stands twice in a `<file_info>` and differs.
pub fn uploaded_files(xml_doc_out: &[u8]) -> Result<Vec<UploadedFile>, DocError> {
    let roots = fragment(xml_doc_out, LIMITS)?;
    roots.iter().filter(|root| root.name == "file_info").map(uploaded_file).collect()
}

fn uploaded_file(info: &Element) -> Result<UploadedFile, DocError> {
    let name = single(info, "name")?.unwrap_or_default();
    if name.is_empty() {
        return Err(DocError::Missing { parent: "file_info", element: "name" });
    }
    check_name(name).map_err(|error| DocError::Name { element: "name", error })?;
    let md5_cksum = match single(info, "md5_cksum")? {
        None | Some("") => None,
        Some(text) if text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            Some(text.to_ascii_lowercase())
        }
        Some(text) => {
            let (text, want) = (printable(text, 40), "an MD5 digest");
            return Err(DocError::Value { element: "md5_cksum", text, want });
        }
    };
    Ok(UploadedFile {
        name: name.to_owned(),
        nbytes: size(single(info, "nbytes")?, "nbytes")?,
        max_nbytes: size(single(info, "max_nbytes")?, "max_nbytes")?,
        md5_cksum,
    })
}

/// What the task wrote to stderr, from `result.stderr_out`: the text inside `<stderr_txt>` of the CDATA block,
/// or the whole block if there is none in it, or everything if there is no block. Blank space at the ends
/// goes; bytes that are no UTF-8 become `U+FFFD`. It may hold any character: escape it when it is shown.
#[must_use]
pub fn stderr_text(stderr_out: &[u8]) -> Cow<'_, str> {
    let block = cdata(stderr_out);
    lossy(inside(block, b"<stderr_txt>", b"</stderr_txt>").unwrap_or(block))
}

/// What the client itself says about a failed task: the text inside `<message>` of the CDATA block.
#[must_use]
pub fn client_message(stderr_out: &[u8]) -> Option<Cow<'_, str>> {
    let block = cdata(stderr_out);
    let before_stderr = find(block, b"<stderr_txt>").and_then(|end| block.get(..end)).unwrap_or(block);
    inside(before_stderr, b"<message>", b"</message>").map(lossy)
}

/// From the first `<![CDATA[` to the last `]]>`; either may be missing, as the column can cut the text.
fn cdata(text: &[u8]) -> &[u8] {
    inside(text, b"<![CDATA[", b"]]>").unwrap_or(text)
}

/// From the first `start` to the last `end`, or to the end of the text.
fn inside<'a>(text: &'a [u8], start: &[u8], end: &[u8]) -> Option<&'a [u8]> {
    let text = text.get(find(text, start)? + start.len()..)?;
    let length = text.windows(end.len().max(1)).rposition(|window| window == end).unwrap_or(text.len());
    text.get(..length)
}

fn lossy(text: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(text.trim_ascii())
}

/// All elements of that name, at any depth, in the order of the document. Not inside one another.
fn collect<'a>(element: &'a Element, name: &str, into: &mut Vec<&'a Element>) {
    if element.name == name {
        into.push(element);
        return;
    }
    for child in &element.children {
        collect(child, name, into);
    }
}

/// The text of the last child of that name: BOINC's programs let a later one win.
fn last<'a>(element: &'a Element, name: &'a str) -> Option<&'a str> {
    element.named(name).next_back().map(Element::trimmed)
}

/// The text of the children of that name, which must not differ.
fn single<'a>(element: &'a Element, name: &'static str) -> Result<Option<&'a str>, DocError> {
    let mut texts = element.named(name).map(Element::trimmed);
    let first = texts.next();
    match texts.find(|text| Some(*text) != first) {
        Some(_) => Err(DocError::Repeated { element: name }),
        None => Ok(first),
    }
}

fn required<'a>(element: &'a Element, parent: &'static str, name: &'static str) -> Result<&'a str, DocError> {
    last(element, name).filter(|text| !text.is_empty()).ok_or(DocError::Missing { parent, element: name })
}

fn boolean(element: &Element, name: &'static str) -> Result<bool, DocError> {
    match last(element, name) {
        None | Some("0") => Ok(false),
        Some("" | "1") => Ok(true),
        Some(text) => {
            Err(DocError::Value { element: name, text: printable(text, 40), want: "0, 1 or empty" })
        }
    }
}

/// A number of bytes as BOINC prints it, `4840.000000`.
fn size(text: Option<&str>, element: &'static str) -> Result<Option<u64>, DocError> {
    let Some(text) = text else { return Ok(None) };
    let number = text.parse::<f64>().ok().filter(|number| (0.0..=MAX_SIZE).contains(number));
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "in range; parts of bytes go")]
    match number {
        Some(number) => Ok(Some(number as u64)),
        None => Err(DocError::Value { element, text: printable(text, 40), want: "a number of bytes" }),
    }
}
