//! What a campaign's jobs are made of, as a fingerprint: all that the content of an input file, a command line or a name
//! comes from, besides the row. Settings (priority, quorum, bounds …) are no part of it: they may change at any time, and
//! count for the jobs to come.
//!
//! Invariant: two descriptions with the same fingerprint make the same files for the same jobs. It has four parts of 32 bits,
//! so that a person can be told what changed; it guards against mistakes, not against malice.

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::document::Campaign;

/// The parts, as a person is told of them.
const PARTS: [&str; 4] = [
    "the context template or own_file",
    "events, command_line or [parameters]",
    "its shared or remote files",
    "[source] kind or key, or [seeds]",
];

/// Digits of a part.
const DIGITS: usize = 8;

/// The fingerprint of a campaign: 32 hex digits. `context`: its context template, if it has one of its own.
#[must_use]
pub fn fingerprint(campaign: &Campaign, context: Option<&str>) -> String {
    let c = campaign;
    [
        digest(&(context, c.own_file)),
        digest(&(c.settings.events, &c.command_line, &c.parameters)),
        digest(&(c.shared_files.iter().map(|file| &file.name).collect::<Vec<_>>(), &c.remote_files)),
        digest(&(c.source.kind, c.source.contents, &c.source.key, c.seeds)),
    ]
    .concat()
}

fn digest(of: &impl Serialize) -> String {
    let text = serde_json::to_string(of).unwrap_or_default();
    Sha256::digest(text.as_bytes()).iter().take(DIGITS / 2).map(|byte| format!("{byte:02x}")).collect()
}

/// What is different between two fingerprints, in words.
#[must_use]
pub fn difference(was: &str, is: &str) -> String {
    let part = |text: &str, n: usize| text.get(n * DIGITS..(n + 1) * DIGITS).map(str::to_owned);
    let changed = PARTS.iter().enumerate().filter(|(n, _)| part(was, *n) != part(is, *n));
    changed.map(|(_, words)| *words).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use app_config::Work;

    use super::*;

    fn of(text: &str, context: Option<&str>) -> String {
        let text = format!("[campaign]\napp = 'theory'\n{text}");
        fingerprint(&Campaign::parse(&text, "c", &Work::of("theory")).unwrap(), context)
    }

    #[test]
    fn what_makes_a_file_different_is_told() {
        let was = of("", None);
        assert_eq!(was.len(), 32);
        assert_eq!(difference(&was, &was), "");
        let key = "[source]\nkind = 'file'\npath = 'x.csv'\nkey = 'a'\n";
        for (text, context, part) in [
            ("", Some("x"), 0),
            ("[job]\nown_file = false\n", None, 0),
            ("[job]\nevents = 7\n", None, 1),
            ("[job]\ncommand_line = '--x'\n", None, 1),
            ("[parameters]\na = 1\n", None, 1),
            ("[job]\nshared_files = ['data/x']\n", None, 2),
            (key, None, 3),
            ("[seeds]\nfirst = 5\n", None, 3),
        ] {
            assert_eq!(difference(&was, &of(text, context)), PARTS[part], "{text}");
        }
        assert_eq!(
            difference(&was, &of("[job]\nevents = 7\n", Some("x"))),
            format!("{}; {}", PARTS[0], PARTS[1])
        );
    }

    #[test]
    fn settings_may_change() {
        let was = of("", None);
        for text in [
            "[source]\njobs = 9\n",
            "[job]\npriority = 3\nmin_quorum = 3\ndelay_bound = 7\n",
            "[source]\nmax_set_aside = 3\n",
        ] {
            assert_eq!(of(text, None), was, "{text}");
        }
    }
}
