//! Lifetime, deadline, messages and FLOPS against one another.

use app_config::AppConfig;

use crate::Report;

/// A deadline below so many lifetimes is too short for volunteers who switch their computers off.
const COMFORT: f64 = 1.5;
/// More messages than one in so many seconds of each task are a burden for the scheduler.
const OFTEN: f64 = 60.0;
/// The estimate may be wrong by this factor before BOINC's client plans badly.
const FACTOR: f64 = 4.0;
/// FLOPS of a core that is as fast as any, while the project knows no computers.
pub const FAST_CORE: f64 = 2e10;
/// FLOPS of an ordinary core, while the project knows no computers.
pub const ORDINARY_CORE: f64 = 4e9;

/// What is known of an application's tasks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Timing {
    /// How long a task runs, seconds.
    pub lifetime: f64,
    /// From sending to the deadline, seconds.
    pub delay_bound: f64,
    /// Seconds between two messages; none if there are none.
    pub trickle: Option<f64>,
    /// Most cores of a task.
    pub cores: u32,
    /// Fewest cores of a task.
    pub min_cores: u32,
    /// `rsc_fpops_est`
    pub fpops_est: f64,
    /// `rsc_fpops_bound`
    pub fpops_bound: f64,
    /// FLOPS of one core of the fastest computer.
    pub fast_core: f64,
    /// FLOPS of one core of an ordinary computer.
    pub ordinary_core: f64,
}

/// Looks at them. `template` is the path of the input template.
pub fn check(report: &mut Report<'_>, template: &str, timing: &Timing, config: &AppConfig) {
    let Timing { lifetime, delay_bound, trickle, .. } = *timing;
    let hours = |seconds: f64| {
        format!("{:.3}", seconds / 3600.0).trim_end_matches('0').trim_end_matches('.').to_owned()
    };
    if lifetime > delay_bound {
        report.error(
            "deadline",
            template,
            format!("a task runs for {} h, and its deadline is after {} h", hours(lifetime), hours(delay_bound)),
            "no task can be back in time: each is given to another computer, and its work is lost or done twice",
            format!("raise deadline_hours in [task] (<delay_bound>) to several times {}", hours(lifetime)),
        );
    } else if lifetime * COMFORT > delay_bound {
        report.warning(
            "deadline",
            template,
            format!(
                "a task runs for {} h, and its deadline is after {} h",
                hours(lifetime),
                hours(delay_bound)
            ),
            "volunteers switch their computers off: many tasks will be late",
            "raise deadline_hours in [task] (<delay_bound>) to several times the lifetime",
        );
    }
    if let Some(trickle) = trickle {
        messages(report, template, trickle, timing, config);
    }
    if let Some(limit) = config.uptime.max_lifetime_seconds
        && config.uptime.enabled
        && limit < lifetime
    {
        report.error(
            "lifetime",
            format!("cobblestone/{}.toml", report.app()),
            format!("max_lifetime_seconds in [uptime] is {limit}, and a task runs for {lifetime} s"),
            "the end of every task is not paid",
            format!("raise it to {} or more", lifetime + 3600.0),
        );
    }
    flops(report, template, timing);
}

fn messages(report: &mut Report<'_>, template: &str, trickle: f64, timing: &Timing, config: &AppConfig) {
    if trickle >= timing.lifetime.min(timing.delay_bound) {
        report.error(
            "trickle",
            template,
            format!("messages come every {trickle} s, and a task runs for {} s", timing.lifetime),
            "a task ends before it sends one: nothing is paid while it runs",
            "lower trickle_seconds in [task] (--trickle), to 900 say",
        );
    } else if trickle < OFTEN {
        report.warning(
            "trickle",
            template,
            format!("messages come every {trickle} s"),
            "each is a request to the scheduler and a row: a thousand tasks make more than 16 of them a second",
            "raise trickle_seconds in [task] (--trickle), to 900 say",
        );
    }
    if let Some(deadline) = &config.deadline
        && deadline.extension_timeframe < trickle
    {
        report.error(
            "trickle-deadline",
            format!("cobblestone/{}.toml", report.app()),
            format!(
                "extension_timeframe in [deadline] is {} s, and messages come every {trickle} s",
                deadline.extension_timeframe
            ),
            "a deadline can pass between two messages, so it is not extended",
            format!("raise it to {} or more", 2.0 * trickle),
        );
    }
}

fn flops(report: &mut Report<'_>, template: &str, timing: &Timing) {
    let Timing {
        lifetime,
        cores,
        min_cores,
        fpops_est,
        fpops_bound,
        fast_core,
        ordinary_core,
        delay_bound,
        ..
    } = *timing;
    let fastest = fast_core * f64::from(cores);
    if fpops_bound < lifetime * fastest {
        report.error(
            "fpops-bound",
            template,
            format!(
                "rsc_fpops_bound is {fpops_bound:e}: a computer with {fastest:.1e} FLOPS for the task aborts it after {:.1} h of {:.1}",
                fpops_bound / fastest / 3600.0,
                lifetime / 3600.0
            ),
            "the client ends a task that has used up its bound, with an error; the work is lost",
            format!("raise fastest_gflops in [task], or <rsc_fpops_bound> to {:e} or more", lifetime * fastest * 2.0),
        );
    }
    let (least, most) =
        (lifetime * ordinary_core * f64::from(min_cores), lifetime * ordinary_core * f64::from(cores));
    if fpops_est < least / FACTOR || fpops_est > most * FACTOR {
        report.warning(
            "fpops-est",
            template,
            format!(
                "rsc_fpops_est is {fpops_est:e}: {:.1} h on an ordinary core, and a task runs for {:.1} h",
                fpops_est / ordinary_core / 3600.0,
                lifetime / 3600.0
            ),
            "clients fetch too much or too little work, and the scheduler misjudges who can be back in time",
            format!("lifetime times FLOPS of an ordinary computer is {least:.1e}; set gflops in [task]"),
        );
    }
    if fpops_est / (ordinary_core * f64::from(min_cores)) > delay_bound && lifetime <= delay_bound {
        report.error(
            "fpops-est-deadline",
            template,
            format!(
                "by rsc_fpops_est a task takes {:.0} s on an ordinary computer, longer than its deadline",
                fpops_est / ordinary_core
            ),
            "the scheduler gives no task to a computer that it thinks too slow",
            "lower rsc_fpops_est (gflops in [task])",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::fired;
    use super::*;

    const DAY: f64 = 86_400.0;

    fn good() -> Timing {
        Timing {
            lifetime: DAY,
            delay_bound: 5.0 * DAY,
            trickle: Some(900.0),
            cores: 1,
            min_cores: 1,
            fpops_est: 4e14,
            fpops_bound: 1e17,
            fast_core: FAST_CORE,
            ordinary_core: ORDINARY_CORE,
        }
    }

    fn checks(timing: &Timing, toml: &str) -> Vec<&'static str> {
        let config = AppConfig::parse(toml, "theory").unwrap();
        fired(|report| check(report, "in", timing, &config))
    }

    #[test]
    fn a_day_within_five_is_fine() {
        assert!(
            checks(&good(), "[uptime]\nenabled = true\nmax_lifetime_seconds = 90000\n[deadline]").is_empty()
        );
        assert!(checks(&Timing { trickle: None, ..good() }, "").is_empty());
    }

    #[test]
    fn a_machine_of_a_day_with_a_deadline_of_half_a_day_is_an_error() {
        let mut findings = Vec::new();
        let short = Timing { delay_bound: DAY / 2.0, ..good() };
        check(&mut Report::new("theory", &mut findings), "in", &short, &AppConfig::default());
        assert_eq!(findings.len(), 1);
        assert_eq!((findings[0].check, findings[0].severity), ("deadline", crate::Severity::Error));
        assert!(findings[0].what.contains("runs for 24 h, and its deadline is after 12 h"), "{findings:?}");
    }

    #[test]
    fn each_check_fires() {
        for (timing, toml, check) in [
            (Timing { delay_bound: 1.2 * DAY, ..good() }, "", "deadline"),
            (Timing { trickle: Some(DAY), ..good() }, "", "trickle"),
            (Timing { trickle: Some(10.0), ..good() }, "", "trickle"),
            (good(), "[deadline]\nextension_timeframe = 100", "trickle-deadline"),
            (good(), "[uptime]\nenabled = true\nmax_lifetime_seconds = 3600", "lifetime"),
            (Timing { fpops_bound: 1e15, ..good() }, "", "fpops-bound"),
            (Timing { cores: 64, min_cores: 64, fpops_est: 2e16, ..good() }, "", "fpops-bound"),
            (Timing { fpops_est: 1e12, ..good() }, "", "fpops-est"),
        ] {
            assert_eq!(checks(&timing, toml), [check], "{timing:?} {toml}");
        }
        assert!(checks(&Timing { fpops_est: 5e15, ..good() }, "").contains(&"fpops-est-deadline"));
    }
}
