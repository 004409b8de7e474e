//! Output template → `result.xml_doc_in`.

/// Fills in the names of the output files and the upload URL, and drops the surrounding `<output_template>`.
pub(super) fn expand(template: &str, base: &str, upload_url: &str) -> String {
    let inside = template.split_once("<output_template>").map_or(template, |(_, rest)| {
        rest.split_once("</output_template>").map_or(rest, |(inside, _)| inside)
    });
    let mut doc = String::new();
    let mut rest = inside.trim();
    while let Some((before, after)) = rest.split_once("<OUTFILE_") {
        doc.push_str(before);
        match after.split_once("/>") {
            Some((number, after)) if number.chars().all(|c| c.is_ascii_digit()) => {
                doc.push_str(base);
                doc.push_str(number);
                rest = after;
            }
            _ => {
                doc.push_str("<OUTFILE_");
                rest = after;
            }
        }
    }
    doc.push_str(rest);
    doc.replace("<UPLOAD_URL/>", upload_url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_url_are_filled_in() {
        let doc = expand(include_str!("../data/vm_out"), "wu_0_r7_", "http://u");
        assert!(doc.starts_with("<file_info>") && doc.ends_with("</result>"), "{doc}");
        assert_eq!(doc.matches("wu_0_r7_0").count(), 2);
        assert!(doc.contains("<url>http://u</url>"));
    }
}
