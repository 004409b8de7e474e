//! The report as one HTML file. Pure.
//!
//! Invariant: it needs nothing else and runs nothing: no scripts, no links to elsewhere; a policy in its head forbids both,
//! should a text get through. All text is escaped.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::Campaign;
use super::plots;
use super::sections::{Section, sections, summary};
use super::svg::escaped;
use crate::text::date;

const STYLE: &str = "body{font:16px/1.5 sans-serif;color:#111;background:#fff;max-width:52rem;margin:2rem auto;padding:0 1rem}\
h1{font-size:1.6rem;line-height:1.25;overflow-wrap:anywhere}h2{font-size:1.2rem;margin-top:2.2rem;border-bottom:1px solid #767676}\
table{border-collapse:collapse;margin:.6rem 0}th,td{padding:.15rem .8rem .15rem 0;text-align:right;vertical-align:top;font-variant-numeric:tabular-nums}\
th{border-bottom:1px solid #767676;font-weight:600}.w{text-align:left;overflow-wrap:anywhere}\
figure{margin:1rem 0}svg{width:100%;height:auto;border:1px solid #ccc}.wide{overflow-x:auto}\
footer{margin-top:3rem;color:#444;font-size:.9rem}\
@media print{body{margin:0;max-width:none;font-size:11pt}h2{break-after:avoid}figure,table{break-inside:avoid}}";

/// The whole file.
pub fn page(campaign: &Campaign) -> String {
    let mut out = String::from("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    let _ = write!(
        out,
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>Campaign {}</title>\n<style>{STYLE}</style>\n\
         </head>\n<body>\n<main>\n<h1>Campaign {}</h1>\n<p>Application {}, as of {} UTC. {}</p>\n",
        escaped(&campaign.name),
        escaped(&campaign.name),
        escaped(&campaign.app),
        date(campaign.now),
        escaped(&summary(campaign))
    );
    let plots: BTreeMap<&str, String> =
        plots::all(&campaign.facts).into_iter().map(|(name, plot)| (name, plot.svg(name))).collect();
    for section in sections(campaign) {
        write_section(&mut out, &section, &plots);
    }
    let _ = write!(
        out,
        "</main>\n<footer>Made by cobblestone report campaign, version {}.</footer>\n</body>\n</html>\n",
        env!("CARGO_PKG_VERSION")
    );
    out
}

fn write_section(out: &mut String, section: &Section, plots: &BTreeMap<&str, String>) {
    // The title is the table's name for those who hear it.
    let id: String = section.title.chars().filter(char::is_ascii_alphabetic).collect();
    let _ = write!(
        out,
        "<section>\n<h2 id=\"{id}\">{}</h2>\n<p>{}</p>\n",
        escaped(section.title),
        escaped(&section.note)
    );
    if section.rows.is_empty() {
        out.push_str("<p>None.</p>\n");
    } else {
        let class = |n: usize| if section.left.contains(&n) { " class=\"w\"" } else { "" };
        let _ = write!(out, "<div class=\"wide\"><table aria-labelledby=\"{id}\">\n<thead><tr>");
        for (n, head) in section.head.iter().enumerate() {
            let _ = write!(out, "<th scope=\"col\"{}>{}</th>", class(n), escaped(head));
        }
        out.push_str("</tr></thead>\n<tbody>\n");
        for row in &section.rows {
            out.push_str("<tr>");
            for (n, cell) in row.iter().enumerate() {
                let _ = write!(out, "<td{}>{}</td>", class(n), escaped(cell));
            }
            out.push_str("</tr>\n");
        }
        out.push_str("</tbody></table></div>\n");
    }
    for svg in section.plots.iter().filter_map(|name| plots.get(name)) {
        let _ = write!(out, "<figure>\n{svg}</figure>\n");
    }
    out.push_str("</section>\n");
}
