//! project-config/campaign.toml is right and documents every key.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use app_config::Work;
use campaign::Campaign;

fn text() -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../project-config/campaign.toml");
    std::fs::read_to_string(path).unwrap()
}

/// Keys with their sections, and whether a comment stands above them or above those before them.
fn documented(text: &str) -> Vec<(String, bool)> {
    let (mut section, mut comment, mut keys) = (String::new(), false, Vec::new());
    for line in text.lines() {
        if line.is_empty() {
            comment = false;
        } else if line.starts_with("# ") {
            comment = true;
        } else if let Some(header) = line.strip_prefix('[') {
            section = header.trim_start_matches('[').trim_end_matches(']').to_owned();
            keys.push((section.clone(), true));
        } else if let Some((key, _)) = line.trim_start_matches('#').split_once(" = ") {
            keys.push((format!("{section}.{key}"), comment));
        }
    }
    keys
}

#[test]
fn every_key_is_documented_and_every_documented_key_is_one() {
    let documented = documented(&text());
    let known = Campaign::known_keys();
    assert!(known.len() > 40, "{known:?}");
    for key in &known {
        let found = documented.iter().find(|(documented, _)| documented == key);
        assert!(
            found.is_some_and(|(_, comment)| *comment),
            "{key} is missing in campaign.toml, or has no comment"
        );
    }
    for (key, _) in &documented {
        assert!(known.contains(key) || key.starts_with("parameters."), "{key} is documented and is no key");
    }
}

#[test]
fn the_example_is_right_and_commented_defaults_are_defaults() {
    let work = Work::of("theory");
    let example = Campaign::parse(&text(), "scan", &work).unwrap();
    assert_eq!(example.source.key.as_deref(), Some("point"));
    // Those that stand for nothing by default are examples.
    let examples = ["every", "target_host", "target_user", "target_team"];
    let all: String = text()
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(key)
                if key.starts_with(|c: char| c.is_ascii_lowercase())
                    && !examples.iter().any(|e| key.starts_with(e)) =>
            {
                format!("{key}\n")
            }
            _ => format!("{line}\n"),
        })
        .collect();
    assert_eq!(Campaign::parse(&all, "scan", &work).unwrap(), example);
}

/// docs/CAMPAIGNS.md shows whole files: they must be right.
#[test]
fn the_examples_of_the_page_are_right() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../docs/CAMPAIGNS.md");
    let page = std::fs::read_to_string(path).unwrap();
    let mut found = 0;
    for block in page.split("```toml\n").skip(1) {
        let text = block.split("```").next().unwrap();
        if text.contains("[campaign]") {
            found += 1;
            Campaign::parse(text, "example", &Work::of("theory"))
                .unwrap_or_else(|mistakes| panic!("{text}: {mistakes:?}"));
        }
    }
    assert!(found >= 5, "{found}");
}
