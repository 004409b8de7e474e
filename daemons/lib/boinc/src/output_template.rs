//! From an output template to `result.xml_doc_in`, as BOINC's transitioner makes it.
//!
//! `<OUTFILE_n/>` becomes the physical name RESULT_rRANDOM_n, `<UPLOAD_URL/>` the project's upload URL; the tags
//! `<output_template>` go; blank space at the ends goes. Upload certificates are not made: config.xml must
//! say `dont_generate_upload_certificates`.
//!
//! One quirk is kept, because what is stored depends on it: the start tag is taken to be the first bytes of
//! the template, so blank space before it leaves a rest of the tag in the document. [`expand`] therefore
//! refuses such a template when it would break the document, and says so.

use crate::printable::printable;

/// Size of the column `result.xml_doc_in` (a `blob`), in bytes.
pub const MAX_DOCUMENT: usize = 65_535;

const OUTFILE: &str = "<OUTFILE_";
const UPLOAD_URL: &str = "<UPLOAD_URL/>";
const START: &str = "<output_template>";
const END: &str = "</output_template>";

/// Why an output template can't be expanded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OutputTemplateError {
    /// `<OUTFILE_` without its `/>`.
    #[error("\"{text}\" in the output template is no <OUTFILE_n/>; mend it")]
    Macro {
        /// How it begins, made printable.
        text: String,
    },
    /// Something stands before the start tag.
    #[error(
        "something stands before <output_template>: BOINC would cut the document in the wrong place; \
         make the tag the first thing in the file"
    )]
    BeforeStart,
    /// Larger than the column.
    #[error("the expanded output template is {bytes} bytes long, at most {MAX_DOCUMENT} fit; shorten it")]
    TooLong {
        /// Its size.
        bytes: usize,
    },
}

/// `result.name`: WORKUNIT_NUMBER.
#[must_use]
pub fn result_name(workunit: &str, number: u32) -> String {
    format!("{workunit}_{number}")
}

/// What the physical names of a result's output files begin with: RESULT_rRANDOM_. The random number keeps
/// others from uploading in its place; BOINC takes 0 to 2³¹ − 1.
#[must_use]
pub fn output_base(result: &str, random: u32) -> String {
    format!("{result}_r{random}_")
}

/// Expands an output template. `base` is from [`output_base`], `upload_url` from config.xml.
///
/// # Errors
/// The template is broken, or what comes out is too long.
pub fn expand(template: &str, base: &str, upload_url: &str) -> Result<String, OutputTemplateError> {
    let mut out = String::with_capacity(template.len() + 256);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once(OUTFILE) {
        out.push_str(before);
        let broken = || OutputTemplateError::Macro { text: printable(&format!("{OUTFILE}{after}"), 40) };
        let (number, tail) = after.split_once("/>").ok_or_else(broken)?;
        if number.contains(['<', '>']) {
            return Err(broken());
        }
        out.push_str(base);
        out.push_str(number);
        rest = tail;
    }
    out.push_str(rest);
    let out = out.replace(UPLOAD_URL, upload_url);
    let document = match out.find(START) {
        None => out.as_str(),
        Some(0) => {
            let inside = out.get(START.len()..).unwrap_or_default();
            inside.split_once(END).map_or(inside, |(inside, _)| inside)
        }
        Some(_) => return Err(OutputTemplateError::BeforeStart),
    };
    let document = document.trim_matches([' ', '\t', '\n', '\u{b}', '\u{c}', '\r']);
    if document.len() > MAX_DOCUMENT {
        return Err(OutputTemplateError::TooLong { bytes: document.len() });
    }
    Ok(document.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEMPLATE: &str = include_str!("../tests/data/vm_out");

    #[test]
    fn the_sample_expands_as_in_the_real_run() {
        let base = output_base(&result_name("theory_1", 0), 1_235_158_683);
        let document = expand(TEMPLATE, &base, "http://127.0.0.1:8080/t4t_cgi/file_upload_handler").unwrap();
        assert_eq!(document, include_str!("../tests/data/vm_out.expanded"));
    }

    #[test]
    fn faults_are_named() {
        let error = |template: &str| expand(template, "b_", "u").unwrap_err();
        assert!(matches!(error("<OUTFILE_0"), OutputTemplateError::Macro { .. }));
        assert!(matches!(error("<OUTFILE_0><x/>"), OutputTemplateError::Macro { .. }));
        assert_eq!(error("\n<output_template></output_template>"), OutputTemplateError::BeforeStart);
        assert_eq!(error(&"x".repeat(65_536)), OutputTemplateError::TooLong { bytes: 65_536 });
    }

    #[test]
    fn a_template_without_the_outer_tags() {
        assert_eq!(expand(" <a><OUTFILE_12/></a>\n", "b_", "u").unwrap(), "<a>b_12</a>");
    }

    proptest! {
        #[test]
        fn nothing_panics(template in "(<OUTFILE_|/>|<UPLOAD_URL/>|<output_template>|</output_template>|[a-z<>/ \n0-9é]){0,30}") {
            if let Ok(document) = expand(&template, "base_", "http://u") {
                prop_assert!(!document.contains(OUTFILE) && !document.contains(UPLOAD_URL));
            }
        }
    }
}
