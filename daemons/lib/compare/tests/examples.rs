//! Every example of docs/COMPARE.md: the spec is right, and the two outputs below it agree or differ as it says.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod common;

use common::{of, plan};
use compare::{Spec, Verdict};

struct Example {
    spec: String,
    agrees: bool,
    left: Vec<u8>,
    right: Vec<u8>,
}

/// Fenced blocks: the word after the fence, and the text.
fn blocks(text: &str) -> Vec<(String, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(String, String)> = None;
    for line in text.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(kind)) => open = Some((kind.to_owned(), String::new())),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some((_, text)), None) => *text += &format!("{line}\n"),
            (None, None) => {}
        }
    }
    blocks
}

fn document() -> Vec<(String, String)> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../docs/COMPARE.md");
    blocks(&std::fs::read_to_string(path).unwrap())
}

fn examples() -> Vec<Example> {
    let (mut spec, mut examples) = (String::new(), Vec::new());
    for (kind, text) in document() {
        match kind.as_str() {
            "toml" => spec = text,
            "text agrees" | "text differs" | "hex agrees" | "hex differs" => {
                // In some formats --- has a meaning.
                let parts = text.split_once("===\n").or_else(|| text.split_once("---\n"));
                let (left, right) = parts.unwrap_or_else(|| panic!("no --- in {text}"));
                let bytes = |text: &str| {
                    if kind.starts_with("text") {
                        return text.as_bytes().to_vec();
                    }
                    text.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect()
                };
                let (spec, agrees) = (spec.clone(), kind.ends_with("agrees"));
                examples.push(Example { spec, agrees, left: bytes(left), right: bytes(right) });
            }
            _ => {}
        }
    }
    examples
}

#[test]
fn the_examples_are_as_they_say() {
    let examples = examples();
    assert!(examples.len() >= 18, "{}", examples.len());
    for Example { spec, agrees, left, right } in examples {
        let plan = plan(&spec);
        let declared: Spec = toml::from_str(&spec).unwrap();
        let name = declared.files.first().map_or("out", |file| file.name.as_str());
        let file = plan.file(name);
        let parse = |bytes: &[u8]| compare::Parsed::from_bytes(bytes.to_vec(), file);
        let comparison = file.compare(&parse(&left), &parse(&right));
        let expected = if agrees { Verdict::Agree } else { Verdict::Differ };
        let (left, right) = (String::from_utf8_lossy(&left), String::from_utf8_lossy(&right));
        assert_eq!(comparison.verdict, expected, "{spec}\n{left}---\n{right}{comparison}");
    }
}

#[test]
fn every_spec_is_right() {
    let specs: Vec<String> =
        document().into_iter().filter(|(kind, _)| kind == "toml").map(|(_, text)| text).collect();
    assert!(specs.len() >= 11);
    for spec in specs {
        let declared: Spec = toml::from_str(&spec).unwrap_or_else(|error| panic!("{spec}\n{error}"));
        assert_eq!(declared.check(), [], "{spec}");
    }
}

#[test]
fn the_answer_is_shown_as_it_is() {
    let comparison = of(b"1 2\n3 4\n", b"1 2\n3 5\n", &Spec::numeric(0.0, 1e-6).plan().unwrap());
    let shown: String =
        document().into_iter().filter(|(kind, _)| kind == "console").map(|(_, text)| text).collect();
    assert!(shown.contains(&format!("output: {comparison}\n")), "{comparison}");
}
