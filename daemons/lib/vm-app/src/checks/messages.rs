//! Claims, reports and credit.

use app_config::AppConfig;
use boinc::app_files::Document;
use rules::credit::CreditMode;

use crate::Report;

/// What sends the time that a task has run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sender {
    /// vboxwrapper, wrapper: with `--trickle`.
    Wrapper,
    /// docker_wrapper: never.
    Nobody,
}

/// Looks at what is sent and what is paid. `trickle` is the interval of the template's `--trickle`.
pub fn check(
    report: &mut Report<'_>,
    template: &str,
    trickle: Option<f64>,
    sender: Sender,
    config: &AppConfig,
) {
    let file = format!("cobblestone/{}.toml", report.app());
    let reads_cpu_time = config.uptime.claims.iter().any(|claim| claim.variety == "cpu_time");
    let is_read = config.uptime.enabled || config.deadline.is_some();
    match trickle {
        Some(_) if sender == Sender::Nobody => report.error(
            "trickle-argument",
            template,
            "the command line has --trickle",
            "docker_wrapper knows no such argument and hands it on to the program in the container",
            "set trickle_seconds = 0 in [task]",
        ),
        Some(_) if !is_read => report.warning(
            "uptime",
            &file,
            "tasks say how long they have run, and [uptime] is not enabled",
            "the messages are stored and nobody reads them: they fill the database and pay nothing",
            "set enabled = true in [uptime], or trickle_seconds = 0 in [task]",
        ),
        Some(_) if !reads_cpu_time => report.error(
            "uptime",
            &file,
            "no [[uptime.claims]] has the variety cpu_time",
            "the wrapper's messages are of that variety: they pay nothing",
            "add the claim that project-config/theory.toml shows",
        ),
        None if config.uptime.enabled && reads_cpu_time && only_wrapper_claims(config) => report.error(
            "uptime",
            if sender == Sender::Nobody { file.as_str() } else { template },
            "[uptime] pays for messages, and tasks send none",
            if sender == Sender::Nobody {
                "docker_wrapper has no --trickle: nothing is ever paid while a task runs"
            } else {
                "without --trickle in <command_line> the wrapper sends nothing: nothing is paid while a task runs"
            },
            if sender == Sender::Nobody {
                "take [uptime] out and choose another [credit] mode"
            } else {
                "set trickle_seconds = 900 in [task], or add --trickle 900 to <command_line>"
            },
        ),
        _ => {}
    }
    if config.credit.mode == CreditMode::Uptime && !config.uptime.enabled {
        report.error(
            "credit",
            &file,
            "[credit] mode is \"uptime\", and [uptime] is not enabled",
            "valid results are paid by rules of a section that says that nothing is paid",
            "set enabled = true in [uptime], or choose another mode",
        );
    }
}

/// Only what the wrappers themselves send is claimed; a guest may send other varieties at its own time.
fn only_wrapper_claims(config: &AppConfig) -> bool {
    config.uptime.claims.iter().all(|claim| ["cpu_time", "runtime"].contains(&claim.variety.as_str()))
}

/// Whether what the guest reports becomes a message. `job` is vbox_job.xml.
pub fn reports(report: &mut Report<'_>, path: &str, job: &Document, config: &AppConfig) {
    let sent = job.texts("trickle_trigger_file");
    for rule in &config.reports {
        if !sent.contains(&rule.variety.as_str()) {
            report.error(
                "reports",
                path,
                format!("[[reports]] expects messages of variety {}, and there is no <trickle_trigger_file> of that name", rule.variety),
                "the guest writes the file, and it never becomes a message",
                format!("add <trickle_trigger_file>{}</trickle_trigger_file>", rule.variety),
            );
        }
    }
    let claims = config.uptime.enabled.then_some(&config.uptime.claims);
    for file in sent {
        let known = config.reports.iter().any(|rule| rule.variety == file)
            || claims.into_iter().flatten().any(|claim| claim.variety == file);
        if !known {
            report.warning(
                "reports",
                path,
                format!("<trickle_trigger_file>{file}</trickle_trigger_file>: nobody reads messages of that variety"),
                "they are stored, and fill the database",
                "declare it in [[reports]] or [[uptime.claims]], or know who reads it",
            );
        }
    }
}

/// What tasks are told needs the scheduler's help.
pub fn told(report: &mut Report<'_>, msg_to_host: bool, config: &AppConfig) {
    if config.trickle_down.acknowledge && !msg_to_host {
        report.error(
            "trickle-down",
            "config.xml",
            "there is no <msg_to_host/>, and acknowledge in [trickle_down] is set",
            "the scheduler sends nothing: rows of msg_to_host pile up",
            "add <msg_to_host/> to <config>, or take acknowledge out",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::super::document::VBOX_JOB;
    use super::super::testing::fired;
    use super::*;

    fn config(text: &str) -> AppConfig {
        AppConfig::parse(text, "theory").unwrap()
    }

    #[test]
    fn claims() {
        let checks = |trickle: Option<f64>, sender: Sender, toml: &str| {
            let config = config(toml);
            fired(|report| check(report, "in", trickle, sender, &config))
        };
        let on = "[uptime]\nenabled = true\n";
        assert!(checks(Some(900.0), Sender::Wrapper, on).is_empty());
        assert!(checks(None, Sender::Wrapper, "").is_empty() && checks(None, Sender::Nobody, "").is_empty());
        assert!(checks(Some(900.0), Sender::Wrapper, "[deadline]").is_empty());
        assert_eq!(checks(Some(900.0), Sender::Wrapper, ""), ["uptime"]);
        assert_eq!(checks(None, Sender::Wrapper, on), ["uptime"]);
        assert_eq!(checks(None, Sender::Nobody, on), ["uptime"]);
        assert_eq!(checks(Some(900.0), Sender::Nobody, on), ["trickle-argument"]);
        let other = "[[uptime.claims]]\nvariety = 'x'\nelement = 'y'\nmeaning = 'cumulative'\n";
        assert_eq!(checks(Some(900.0), Sender::Wrapper, &format!("{on}{other}")), ["uptime"]);
        assert!(checks(None, Sender::Wrapper, &format!("{on}{other}")).is_empty());
        assert_eq!(checks(None, Sender::Wrapper, "[credit]\nmode = 'uptime'"), ["credit"]);
    }

    #[test]
    fn guest_reports() {
        let checks = |job: &str, toml: &str| {
            let config = config(toml);
            let job = format!("<vbox_job>{job}</vbox_job>");
            let job = boinc::app_files::read(job.as_bytes(), VBOX_JOB.root, VBOX_JOB.known).unwrap();
            fired(|report| reports(report, "vbox_job.xml", &job, &config))
        };
        let declared = "[[reports]]\nvariety = 'jobs.json'\nformat = 'json'\nmeaning = 'cumulative'\n";
        let sent = "<trickle_trigger_file>jobs.json</trickle_trigger_file>";
        assert!(checks(sent, declared).is_empty() && checks("", "").is_empty());
        assert_eq!(checks("", declared), ["reports"]);
        assert_eq!(checks(sent, ""), ["reports"]);
    }

    #[test]
    fn told_tasks() {
        let on = config("[trickle_down]\nacknowledge = true");
        assert!(fired(|report| told(report, true, &on)).is_empty());
        assert!(fired(|report| told(report, false, &AppConfig::default())).is_empty());
        assert_eq!(fired(|report| told(report, false, &on)), ["trickle-down"]);
    }
}
