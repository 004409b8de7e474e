//! Input and output template.

use app_config::AppConfig;
use boinc::id::AppId;
use boinc::input_template::{
    CreateError, Download, Fault, FileFacts, FileFault, InputFile, InputFiles, JobDescription, NewWorkunit,
    new_workunit,
};
use boinc::output_template;
use boinc::result_doc::{OutputFile, output_files};

use crate::Report;

/// Longest path of an output template, bytes: `workunit.result_template_file`.
const LONGEST_PATH: usize = 63;
/// Most input files that a template is tried with.
const MOST_INPUTS: usize = 32;

/// What an input template says.
#[derive(Debug, Clone, PartialEq)]
pub struct Input {
    /// The row that it makes.
    pub workunit: NewWorkunit,
    /// How many input files of its own a workunit has.
    pub own_files: usize,
    /// Names of files that are the same for all workunits.
    pub constants: Vec<String>,
    /// Under which names files are opened, those that are copied.
    pub copied: Vec<String>,
    /// Seconds between two messages, from `--trickle` in the command line.
    pub trickle: Option<f64>,
}

/// Takes every file as being there, and notes which are asked for.
struct Everything<'n>(&'n mut Vec<String>);

impl InputFiles for Everything<'_> {
    fn staged(&mut self, _name: &str, _notes: &mut Vec<String>) -> Result<FileFacts, FileFault> {
        Ok(FileFacts { md5: "0".repeat(32), nbytes: 1 })
    }

    fn constant(&mut self, name: &str, notes: &mut Vec<String>) -> Result<FileFacts, FileFault> {
        if !self.0.iter().any(|known| known == name) {
            self.0.push(name.to_owned());
        }
        self.staged(name, notes)
    }

    fn gzipped_nbytes(&mut self, _name: &str) -> Result<u64, FileFault> {
        Ok(1)
    }

    fn output_template(&mut self, _path: &str) -> Result<(), FileFault> {
        Ok(())
    }
}

/// Reads an input template as the work generator does. `output` is the path of the output template; `given` says how many
/// input files each job brings, none if that is not known.
pub fn input(
    report: &mut Report<'_>,
    path: &str,
    template: Option<&[u8]>,
    output: &str,
    given: Option<usize>,
) -> Option<Input> {
    let Some(template) = template else {
        report.error(
            "template",
            path,
            "it is missing",
            "no workunit can be made",
            format!("cobblestone app build {} writes it", report.app()),
        );
        return None;
    };
    let mut constants = Vec::new();
    let (mut made, mut own_files) = (attempt(template, 0, output, &mut constants), 0);
    while made.as_ref().is_err_and(|error| matches!(error.fault, Fault::TooFewFiles { .. }))
        && own_files < MOST_INPUTS
    {
        own_files += 1;
        made = attempt(template, own_files, output, &mut constants);
    }
    let workunit = match made {
        Ok(workunit) => workunit,
        Err(error) => {
            report.error(
                "template",
                path,
                error.to_string(),
                "no workunit can be made",
                "mend the template; templates/README.md goes through one",
            );
            return None;
        }
    };
    if let Some(given) = given.filter(|given| *given != own_files) {
        report.error(
            "template-input",
            path,
            format!("it takes {own_files} input files for each workunit, and its jobs have {given}"),
            "no workunit can be made",
            "write as many <file_info> without <physical_name>, each with its <file_ref>; a job of [work] has one, from context",
        );
    }
    let document = String::from_utf8_lossy(&workunit.xml_doc).into_owned();
    let trickle = trickle(&document);
    Some(Input { copied: copied(&document), trickle, workunit, own_files, constants })
}

fn attempt(
    template: &[u8],
    own: usize,
    output: &str,
    constants: &mut Vec<String>,
) -> Result<NewWorkunit, CreateError> {
    let job = JobDescription {
        name: "check_0".to_owned(),
        result_template_file: output.to_owned(),
        input_files: (0..own).map(|number| InputFile::staged(format!("check_{number}"))).collect(),
        ..JobDescription::default()
    };
    let download = Download { url: "http://localhost/download", fanout: 0 };
    new_workunit(template, &job, AppId(1), 0, download, &mut Everything(constants))
        .map(|created| created.workunit)
}

/// Names under which files are opened, of those that are copied.
fn copied(document: &str) -> Vec<String> {
    document
        .split("<file_ref>")
        .skip(1)
        .filter_map(|part| part.split("</file_ref>").next())
        .filter(|part| part.contains("<copy_file/>"))
        .filter_map(|part| {
            Some(part.split_once("<open_name>")?.1.split_once("</open_name>")?.0.trim().to_owned())
        })
        .collect()
}

/// The last `--trickle X` of the last command line.
fn trickle(document: &str) -> Option<f64> {
    let line = document.rsplit_once("<command_line>")?.1.split_once("</command_line>")?.0;
    let mut words = line.split_whitespace();
    let mut found = None;
    while let Some(word) = words.next() {
        if word == "--trickle" {
            found = words.next().and_then(|text| text.parse().ok());
        }
    }
    found.filter(|seconds| *seconds > 0.0)
}

/// Reads an output template as the transitioner does; which files a result has.
pub fn output(
    report: &mut Report<'_>,
    path: &str,
    template: Option<&str>,
    config: &AppConfig,
) -> Option<Vec<OutputFile>> {
    if path.len() > LONGEST_PATH {
        report.error(
            "template-path",
            path,
            format!("its path has {} bytes", path.len()),
            format!(
                "the database has room for {LONGEST_PATH}; it would cut the path, and no result could be made"
            ),
            "give it a shorter name, and say so in [work] output_template",
        );
    }
    let Some(template) = template else {
        report.error(
            "template",
            path,
            "it is missing",
            "the transitioner stops when it makes a result",
            format!("cobblestone app build {} writes it", report.app()),
        );
        return None;
    };
    let base = output_template::output_base("check_0_0", 0);
    let outputs = output_template::expand(template, &base, "http://localhost/upload")
        .map_err(|error| error.to_string())
        .and_then(|document| output_files(document.as_bytes()).map_err(|error| error.to_string()));
    let outputs = match outputs {
        Ok(outputs) => outputs,
        Err(error) => {
            report.error(
                "template",
                path,
                error,
                "results can't be made, or not be validated",
                "mend the template",
            );
            return None;
        }
    };
    compare(report, path, &outputs, config);
    Some(outputs)
}

/// Whether what is compared fits what is uploaded.
fn compare(report: &mut Report<'_>, path: &str, outputs: &[OutputFile], config: &AppConfig) {
    let compared = outputs.iter().filter(|output| !output.no_validate);
    let most = config.compare.files.iter().map(|file| file.max_bytes).max();
    let readable = config.compare.max_bytes.max(most.unwrap_or(0));
    for output in compared.clone() {
        if output.max_nbytes.is_some_and(|largest| largest > readable) {
            report.error(
                "compare-size",
                path,
                format!(
                    "{} may have {} bytes, and max_bytes in [compare] is {readable}",
                    output.open_name,
                    output.max_nbytes.unwrap_or(0)
                ),
                "the validator refuses a larger file, and the volunteer's work is lost",
                "raise max_bytes in [compare], or lower <max_nbytes>",
            );
        }
    }
    if compared.count() == 0 {
        report.warning(
            "compare-nothing",
            path,
            "no output is compared",
            "every result that is reported counts as valid, whatever was computed",
            "declare an output in [[task.outputs]], or know that credit rests on run time alone",
        );
    }
    for file in &config.compare.files {
        let plain = !file.name.contains(['*', '?']) && file.name != "stderr";
        if plain && !outputs.iter().any(|output| output.open_name == file.name) {
            report.error(
                "compare-name",
                format!("cobblestone/{}.toml", report.app()),
                format!("[[compare.files]] names {}, and no output is called so", file.name),
                "its rules are never used; the output is compared by others",
                format!("outputs are: {}", names(outputs)),
            );
        }
    }
}

fn names(outputs: &[OutputFile]) -> String {
    let names: Vec<&str> = outputs.iter().map(|output| output.open_name.as_str()).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::super::testing::fired;
    use super::*;

    const INPUT: &str = "<input_template><file_info></file_info><file_info><physical_name>c</physical_name></file_info><workunit>\
        <file_ref><open_name>shared/a</open_name><copy_file/></file_ref><file_ref><open_name>b</open_name></file_ref>\
        <command_line>--trickle 900 --x</command_line></workunit></input_template>";
    const OUTPUT: &str = "<output_template><file_info><name><OUTFILE_0/></name><max_nbytes>100</max_nbytes></file_info><result>\
        <file_ref><file_name><OUTFILE_0/></file_name><open_name>out</open_name></file_ref></result></output_template>";

    fn config(text: &str) -> AppConfig {
        AppConfig::parse(text, "theory").unwrap()
    }

    #[test]
    fn an_input_template() {
        let mut findings = Vec::new();
        let read =
            input(&mut Report::new("", &mut findings), "in", Some(INPUT.as_bytes()), "out", Some(1)).unwrap();
        assert_eq!((read.own_files, read.trickle), (1, Some(900.0)));
        assert_eq!((read.constants, read.copied), (vec!["c".to_owned()], vec!["shared/a".to_owned()]));
        assert!(findings.is_empty(), "{findings:?}");
        let checks = |template: Option<&str>| {
            fired(|report| {
                input(report, "in", template.map(str::as_bytes), "out", Some(1));
            })
        };
        assert_eq!(checks(None), ["template"]);
        assert_eq!(checks(Some("<workunit><file_ref></file_ref></workunit>")), ["template"]);
        assert_eq!(checks(Some("<workunit></workunit>")), ["template-input"]);
    }

    #[test]
    fn an_output_template() {
        let checks = |path: &str, template: Option<&str>, toml: &str| {
            let config = config(toml);
            fired(|report| {
                output(report, path, template, &config);
            })
        };
        assert!(checks("templates/out", Some(OUTPUT), "[compare]\nmax_bytes = 100").is_empty());
        assert_eq!(checks(&"x".repeat(64), Some(OUTPUT), ""), ["template-path"]);
        assert_eq!(checks("o", None, ""), ["template"]);
        assert_eq!(checks("o", Some("<OUTFILE_0"), ""), ["template"]);
        assert_eq!(checks("o", Some(OUTPUT), "[compare]\nmax_bytes = 99"), ["compare-size"]);
        assert_eq!(checks("o", Some("<result></result>"), ""), ["compare-nothing"]);
        let named = "[[compare.files]]\nname = 'NAME'\nformat = 'lines'\n";
        assert_eq!(checks("o", Some(OUTPUT), &named.replace("NAME", "outt")), ["compare-name"]);
        assert!(checks("o", Some(OUTPUT), &named.replace("NAME", "out")).is_empty());
    }
}
