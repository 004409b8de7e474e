//! What `cobblestone app new` asks, and where the answers go.

use app_config::AppConfig;
use toml::Value;

use super::{Draft, Template};

/// One question.
#[derive(Debug, Clone, Copy)]
pub struct Question {
    /// The flag that answers it, without dashes.
    pub flag: &'static str,
    /// The templates that it is about.
    pub of: &'static [Template],
    /// For a person.
    pub ask: &'static str,
    /// Suggested, with `{app}` for the application's name.
    pub default: &'static str,
    set: fn(&mut Draft, &str) -> Result<(), String>,
}

const ALL: &[Template] = &[Template::Vm, Template::Container, Template::Wrapper];
const VM: &[Template] = &[Template::Vm];
const CONTAINER: &[Template] = &[Template::Container];
const SENDS: &[Template] = &[Template::Vm, Template::Wrapper];

/// All questions, in the order in which they are asked.
pub const QUESTIONS: &[Question] = &[
    Question {
        flag: "platforms",
        of: ALL,
        ask: "Platforms, with commas",
        default: "x86_64-pc-linux-gnu,windows_x86_64",
        set: |draft, text| list(draft, "version", "platforms", text),
    },
    Question {
        flag: "wrapper",
        of: ALL,
        ask: "Name of the wrapper's executables, without platform",
        default: "",
        set: |draft, text| if text.is_empty() { Ok(()) } else { string(draft, "version", "wrapper", text) },
    },
    Question {
        flag: "image",
        of: VM,
        ask: "File name of the machine's disk",
        default: "{app}_1.00.vdi",
        set: |draft, text| string(draft, "vm", "image", text),
    },
    Question {
        flag: "base_image",
        of: CONTAINER,
        ask: "Image that the container is made from",
        default: "debian:13-slim",
        set: |draft, text| string(draft, "container", "image", text),
    },
    Question {
        flag: "memory",
        of: ALL,
        ask: "Memory of a task, MB",
        default: "2048",
        set: |draft, text| whole(draft, "task", "memory_mb", text),
    },
    Question {
        flag: "disk",
        of: ALL,
        ask: "Disk of a task, GB",
        default: "10",
        set: |draft, text| number(draft, "task", "disk_gb", text),
    },
    Question { flag: "cores", of: ALL, ask: "Cores: 1, 4, or from-to as 1-4", default: "1", set: cores },
    Question { flag: "lifetime", of: ALL, ask: "Hours that a task runs", default: "24", set: lifetime },
    Question {
        flag: "deadline",
        of: ALL,
        ask: "Hours until a task must be back",
        default: "120",
        set: |draft, text| number(draft, "task", "deadline_hours", text),
    },
    Question {
        flag: "trickle",
        of: SENDS,
        ask: "Seconds between two messages that say how long it has run, 0 for none",
        default: "900",
        set: trickle,
    },
    Question {
        flag: "checkpoint",
        of: VM,
        ask: "Least seconds between two checkpoints, 0 for none",
        default: "600",
        set: |draft, text| {
            if float(text)? == 0.0 {
                return set(draft, "vm", "checkpoints", "false");
            }
            number(draft, "vm", "checkpoint_seconds", text)
        },
    },
    Question {
        flag: "heartbeat",
        of: VM,
        ask: "Heartbeat: a file and seconds, as heartbeat:1200, or none",
        default: "none",
        set: heartbeat,
    },
    Question {
        flag: "network",
        of: VM,
        ask: "Network: nat, bridged or none",
        default: "nat",
        set: |draft, text| string(draft, "vm", "network", text),
    },
    Question {
        flag: "share",
        of: VM,
        ask: "What the guest sees of the disk: folder (named shared), slot or none",
        default: "folder",
        set: |draft, text| {
            if text == "none" {
                // A file of the shared folder, which is not shared then.
                set(draft, "vm", "completion_file", "\"\"")?;
            }
            string(draft, "vm", "share", text)
        },
    },
    Question {
        flag: "context",
        of: VM,
        ask: "Contextualization: none, floppy, cernvm[:FILE], cloud-init:ISO or iso:ISO",
        default: "none",
        set: context,
    },
    Question {
        flag: "reports",
        of: SENDS,
        ask: "File in which the guest reports its jobs, or none",
        default: "none",
        set: |draft, text| {
            if text == "none" {
                draft.remove("reports");
                return Ok(());
            }
            string(draft, "reports", "variety", text)
        },
    },
    Question {
        flag: "output",
        of: ALL,
        ask: "Output file",
        default: "",
        set: |draft, text| {
            if text.is_empty() { Ok(()) } else { string(draft, "task.outputs", "open_name", text) }
        },
    },
    Question {
        flag: "output_bytes",
        of: ALL,
        ask: "Its largest size, bytes",
        default: "50000000",
        set: |draft, text| {
            whole(draft, "task.outputs", "max_bytes", text)?;
            whole(draft, "compare", "max_bytes", text)
        },
    },
    Question {
        flag: "compare",
        of: ALL,
        ask: "Two outputs agree: exact, or numbers within a fraction as 1e-6",
        default: "exact",
        set: compare,
    },
    Question { flag: "quorum", of: ALL, ask: "Results that must agree", default: "2", set: quorum },
    Question {
        flag: "credit",
        of: ALL,
        ask: "Credit: uptime, adaptive, from_runtime, from_workunit, post_assigned or none",
        default: "",
        set: |draft, text| if text.is_empty() { Ok(()) } else { string(draft, "credit", "mode", text) },
    },
    Question {
        flag: "results",
        of: ALL,
        ask: "Folder of the results",
        default: "results",
        set: |draft, text| string(draft, "assimilate", "folder", text),
    },
    Question {
        flag: "jobs",
        of: ALL,
        ask: "How many workunits to make at first",
        default: "100",
        set: |draft, text| whole(draft, "work", "jobs", text),
    },
];

impl Question {
    /// Whether it is asked for this template.
    #[must_use]
    pub fn is_of(&self, template: Template) -> bool {
        self.of.contains(&template)
    }

    /// What is suggested for an application.
    #[must_use]
    pub fn suggestion(&self, app: &str) -> String {
        self.default.replace("{app}", app)
    }

    /// Whether an answer can be used.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self, template: Template, answer: &str) -> Result<(), String> {
        let mut draft = Draft::new(template, "app");
        if self.flag != "reports" {
            draft.remove("reports");
        }
        (self.set)(&mut draft, answer.trim())?;
        AppConfig::parse(&draft.text(), "app")
            .map(drop)
            .map_err(|mistakes| mistakes.first().map(|mistake| mistake.message.clone()).unwrap_or_default())
    }
}

/// The file, from the answers: `answer` gives one for a question, none for what is suggested.
///
/// # Errors
/// The flag whose answer can't be used, and why.
pub fn fill(
    template: Template,
    app: &str,
    answer: &dyn Fn(&Question) -> Option<String>,
) -> Result<String, (&'static str, String)> {
    let mut draft = Draft::new(template, app);
    // These show how such files are declared; nobody has them at first.
    for example in ["task.files", "vm.ports"] {
        draft.remove(example);
    }
    if template == Template::Vm {
        draft.remove("version.files");
    }
    for question in QUESTIONS.iter().filter(|question| question.is_of(template)) {
        let given = answer(question).unwrap_or_else(|| question.suggestion(app));
        (question.set)(&mut draft, given.trim()).map_err(|why| (question.flag, why))?;
    }
    Ok(draft.text())
}

/// Sets a key. The templates of containers and programs show fewer keys: there it is put below the header.
fn set(draft: &mut Draft, section: &str, key: &str, value: &str) -> Result<(), String> {
    if draft.set(section, key, value) {
        return Ok(());
    }
    let Some((start, _)) = draft.section(section) else {
        return Err(format!("the template has no [{section}]"));
    };
    draft.lines.insert(start + 1, format!("{key} = {value}"));
    Ok(())
}

fn string(draft: &mut Draft, section: &str, key: &str, text: &str) -> Result<(), String> {
    set(draft, section, key, &Value::from(text).to_string())
}

fn list(draft: &mut Draft, section: &str, key: &str, text: &str) -> Result<(), String> {
    let words: Vec<&str> = text.split(',').map(str::trim).filter(|word| !word.is_empty()).collect();
    if words.is_empty() {
        return Err("name at least one".to_owned());
    }
    set(draft, section, key, &Value::from(words).to_string())
}

fn whole(draft: &mut Draft, section: &str, key: &str, text: &str) -> Result<(), String> {
    let value: u32 = text.parse().map_err(|_| format!("\"{text}\" is no whole number"))?;
    set(draft, section, key, &value.to_string())
}

fn float(text: &str) -> Result<f64, String> {
    text.parse::<f64>()
        .ok()
        .filter(|value| value.is_finite() && *value >= 0.0)
        .ok_or_else(|| format!("\"{text}\" is no number, 0 or larger"))
}

fn number(draft: &mut Draft, section: &str, key: &str, text: &str) -> Result<(), String> {
    set(draft, section, key, &Value::from(float(text)?).to_string())
}

fn cores(draft: &mut Draft, text: &str) -> Result<(), String> {
    let (least, most) = text.split_once('-').unwrap_or((text, text));
    whole(draft, "task", "max_cores", most.trim())?;
    whole(draft, "task", "min_cores", least.trim())
}

fn lifetime(draft: &mut Draft, text: &str) -> Result<(), String> {
    let hours = float(text)?;
    number(draft, "task", "lifetime_hours", text)?;
    // Only virtual machines have this limit in their template: their lifetime is fixed.
    let seconds = ((hours + 1.0) * 3600.0).round();
    let _ = draft.set("uptime", "max_lifetime_seconds", &format!("{seconds}"));
    Ok(())
}

fn trickle(draft: &mut Draft, text: &str) -> Result<(), String> {
    if float(text)? == 0.0 {
        // Nothing to pay for: credit is BOINC's own then.
        draft.remove("uptime");
        set(draft, "credit", "mode", "\"adaptive\"")?;
    }
    number(draft, "task", "trickle_seconds", text)
}

fn heartbeat(draft: &mut Draft, text: &str) -> Result<(), String> {
    if text == "none" {
        return Ok(());
    }
    let (file, seconds) = text.split_once(':').unwrap_or((text, "1200"));
    string(draft, "vm", "heartbeat_file", file)?;
    number(draft, "vm", "heartbeat_seconds", seconds)
}

fn context(draft: &mut Draft, text: &str) -> Result<(), String> {
    let (method, file) = text.split_once(':').unwrap_or((text, ""));
    string(draft, "vm.context", "method", method)?;
    if file.is_empty() { Ok(()) } else { string(draft, "vm.context", "file", file) }
}

fn compare(draft: &mut Draft, text: &str) -> Result<(), String> {
    if text == "exact" {
        let _ = draft.set("compare", "method", "\"exact\"");
        remove_line(draft, "compare", "relative");
        return Ok(());
    }
    let fraction = float(text)?;
    if fraction >= 1.0 {
        return Err(format!("\"{text}\" is no fraction: it must be below 1"));
    }
    set(draft, "compare", "method", "\"numeric\"")?;
    number(draft, "compare", "relative", text)
}

/// Takes out a key with the comment and the empty line above it.
fn remove_line(draft: &mut Draft, section: &str, key: &str) {
    let Some((start, end)) = draft.section(section) else { return };
    let begins = |line: &String| line.starts_with(&format!("{key} = "));
    let Some(at) = (start..end).find(|&at| draft.lines.get(at).is_some_and(begins)) else { return };
    let from = draft.above(at);
    let from = from - usize::from(from > 0 && draft.lines.get(from - 1).is_some_and(String::is_empty));
    draft.lines.drain(from..=at);
}

fn quorum(draft: &mut Draft, text: &str) -> Result<(), String> {
    let count: u32 = text.parse().ok().filter(|count| *count > 0).ok_or("a whole number from 1 on")?;
    for (key, value) in [
        ("min_quorum", count),
        ("target_nresults", count),
        ("max_error_results", count + 2),
        ("max_success_results", count + 4),
        ("max_total_results", count + 6),
    ] {
        set(draft, "task", key, &value.to_string())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(flag: &str) -> &'static Question {
        QUESTIONS.iter().find(|question| question.flag == flag).unwrap()
    }

    #[test]
    fn an_answer_that_makes_no_sense_is_refused_at_once() {
        for (flag, wrong, why) in [
            ("network", "wifi", "is not known"),
            ("credit", "much", "is not known"),
            ("context", "iso", "is missing"),
            ("cores", "4-2", "from min_cores"),
            ("memory", "100", "at least 512"),
            ("lifetime", "0", "must be from"),
            ("compare", "1.5", "must be below 1"),
            ("quorum", "0", "from 1 on"),
            ("image", "a/b", "can't be the name"),
            ("platforms", ",", "at least one"),
            ("output", "../x", "can't be a file"),
        ] {
            let said = question(flag).check(Template::Vm, wrong).unwrap_err();
            assert!(said.contains(why), "{flag} {wrong}: {said}");
        }
        for (flag, right) in [
            ("share", "none"),
            ("trickle", "0"),
            ("context", "cernvm"),
            ("checkpoint", "0"),
            ("cores", "1-8"),
        ] {
            question(flag).check(Template::Vm, right).unwrap_or_else(|why| panic!("{flag} {right}: {why}"));
        }
    }

    #[test]
    fn what_is_suggested_makes_a_description_for_every_kind() {
        for template in ALL {
            let text = fill(*template, "x", &|_| None).unwrap();
            AppConfig::parse(&text, "x").unwrap_or_else(|mistakes| panic!("{template:?}: {mistakes:?}"));
        }
        let none = |question: &Question| {
            ["share", "trickle"]
                .contains(&question.flag)
                .then(|| if question.flag == "share" { "none".to_owned() } else { "0".to_owned() })
        };
        let config = AppConfig::parse(&fill(Template::Vm, "x", &none).unwrap(), "x").unwrap();
        assert!(!config.uptime.enabled && config.vm.unwrap().completion_file.is_empty());
    }
}
