//! `[version]`: the version of the application that clients get, and for which computers.

use serde::{Deserialize, Serialize};

use super::Report;
use crate::name::is_safe_name;

/// Longest name of a file, in bytes: what file systems accept.
const LONGEST_FILE: usize = 255;

/// A version of the application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Version {
    /// Its number, as in `apps/NAME/NUMBER`: major, a dot, minor.
    pub number: String,
    /// BOINC's names of the platforms that get it.
    pub platforms: Vec<String>,
    /// Name of the wrapper's executables, without the platform and `.exe`. Empty: BOINC's name of it.
    pub wrapper: String,
    /// Name of the plan class; `_mt` is put in for the one with several cores. Empty: from kind and application.
    pub plan_class: String,
    /// More files of the version.
    pub files: Vec<VersionFile>,
}

/// One more file of the version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VersionFile {
    /// Its name in the version's folder; `{platform}` and `{exe}` are replaced.
    pub name: String,
    /// The name by which the task opens it. Empty: the same.
    #[serde(default)]
    pub open_name: String,
    /// Whether it is copied into the task's folder. If not, there is a link that only BOINC's programs follow.
    #[serde(default = "yes")]
    pub copy: bool,
    /// Whether clients download a packed copy.
    #[serde(default)]
    pub gzip: bool,
}

fn yes() -> bool {
    true
}

impl Default for Version {
    fn default() -> Self {
        let platforms = ["x86_64-pc-linux-gnu", "windows_x86_64", "x86_64-apple-darwin"];
        Self {
            number: "1.00".to_owned(),
            platforms: platforms.map(str::to_owned).to_vec(),
            wrapper: String::new(),
            plan_class: String::new(),
            files: Vec::new(),
        }
    }
}

impl Version {
    /// `app_version.version_num`: 100 · major + minor. None if the number is not of the form `1.00`.
    #[must_use]
    pub fn num(&self) -> Option<i32> {
        version_num(&self.number)
    }

    pub(crate) fn check(&self, report: &mut Report<'_>) {
        if self.num().is_none() {
            report(
                "number",
                format!(
                    "is {:?}, but a version is written as major, dot, two digits: \"1.00\", \"2.15\"",
                    self.number
                ),
            );
        }
        if self.platforms.is_empty() {
            report("platforms", "is empty, so no computer gets this version; name at least one".into());
        }
        for (index, platform) in self.platforms.iter().enumerate() {
            if !is_safe_name(platform) || platform.contains("__") {
                report(
                    "platforms",
                    format!("{platform:?} is no platform's name, such as \"x86_64-pc-linux-gnu\""),
                );
            } else if self.platforms.iter().take(index).any(|other| other == platform) {
                report("platforms", format!("{platform:?} stands there twice"));
            }
        }
        for (key, name) in [("wrapper", &self.wrapper), ("plan_class", &self.plan_class)] {
            if !name.is_empty() && (!is_safe_name(name) || name.contains("__")) {
                report(
                    key,
                    format!("{name:?} can't be part of a file name; use letters, digits, `.`, `_` and `-`"),
                );
            }
        }
        for (index, file) in self.files.iter().enumerate() {
            check_file(&file.name.replace("{platform}", "x").replace("{exe}", ""), &mut |message| {
                report(&format!("files.{index}.name"), message);
            });
        }
    }
}

/// 100 · major + minor of `1.00`; none for anything else. The minor part has two digits: BOINC's update_versions reads
/// `1.5` as 105, which nobody means.
fn version_num(number: &str) -> Option<i32> {
    let (major, minor) = number.split_once('.')?;
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if major.is_empty() || major.len() > 4 || minor.len() != 2 || !digits(major) || !digits(minor) {
        return None;
    }
    let num = major.parse::<i32>().ok()?.checked_mul(100)?.checked_add(minor.parse().ok()?)?;
    Some(num).filter(|num| *num > 0)
}

/// A name that BOINC gives to one file in the download folder.
pub(crate) fn check_file(name: &str, report: &mut dyn FnMut(String)) {
    let bad = name.is_empty()
        || name.len() > LONGEST_FILE
        || name.starts_with('.')
        || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-+".contains(&byte));
    if bad {
        report(format!(
            "{name:?} can't be the name of a file that clients download; use letters, digits, `.`, `_`, `-` and `+`, \
             not beginning with a dot"
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        for (number, num) in [("1.00", 100), ("2.15", 215), ("0.01", 1), ("0100.07", 10_007)] {
            assert_eq!(version_num(number), Some(num), "{number}");
        }
        for bad in ["", "1", "1.", "1.5", "1.000", ".10", "-1.00", "1.-1", "0.00", "12345.00", "1,00", "١.00"]
        {
            assert_eq!(version_num(bad), None, "{bad}");
        }
    }
}
