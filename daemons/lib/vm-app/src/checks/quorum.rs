//! Replication: the template against the application's row and `[validate]`.

use app_config::AppConfig;
use boinc::input_template::NewWorkunit;
use rules::credit::CreditMode;
use rules::judge::Independence;

use crate::Report;

/// Looks at a workunit that the input template makes. `adaptive` is `app.target_nresults`, none if it is not known;
/// `one_per_user` is one_result_per_user_per_wu of config.xml.
pub fn check(
    report: &mut Report<'_>,
    template: &str,
    workunit: &NewWorkunit,
    adaptive: Option<i32>,
    one_per_user: bool,
    config: &AppConfig,
) {
    let (quorum, target) = (workunit.min_quorum, workunit.target_nresults);
    if quorum < 1 {
        report.error(
            "quorum",
            template,
            format!("min_quorum is {quorum}"),
            "no workunit is ever validated",
            "write 1 or more",
        );
    }
    if target < quorum {
        report.error(
            "quorum",
            template,
            format!("target_nresults is {target}, less than min_quorum, {quorum}"),
            "fewer results are made than must agree: every workunit waits for ever",
            "raise target_nresults to min_quorum",
        );
    }
    if let Some(adaptive) = adaptive.filter(|adaptive| *adaptive > 1) {
        if quorum > 1 {
            report.error(
                "adaptive",
                template,
                format!("app.target_nresults is {adaptive} (adaptive replication), and min_quorum is {quorum}"),
                "trusted computers are to be believed alone, but a workunit waits for its quorum all the same: nothing is won",
                "write min_quorum 1 and target_nresults 1, or set app.target_nresults to 0",
            );
        }
        for (name, most) in [
            ("max_total_results", workunit.max_total_results),
            ("max_success_results", workunit.max_success_results),
        ] {
            if most < adaptive {
                report.error(
                    "adaptive",
                    template,
                    format!("app.target_nresults is {adaptive}, and {name} is {most}"),
                    "an untrusted computer's result is to be confirmed by others, but the workunit fails before",
                    format!("raise {name} above {adaptive}"),
                );
            }
        }
    } else if quorum == 1 && adaptive.is_some() && config.credit.mode != CreditMode::None {
        report.warning(
            "quorum",
            template,
            "min_quorum is 1, without adaptive replication",
            "every result is believed: nothing is compared, and whoever sends nonsense is paid",
            "write min_quorum 2, or set app.target_nresults for adaptive replication",
        );
    }
    if quorum > 1 && !one_per_user && config.validate.independence == Independence::Results {
        report.warning(
            "independence",
            format!("cobblestone/{}.toml", report.app()),
            "any two results confirm each other, and one user may get several of a workunit",
            "a volunteer with two computers can confirm their own nonsense",
            "add <one_result_per_user_per_wu/> to config.xml, or set independence = \"users\" in [validate]",
        );
    }
    let suspicious = config.validate.suspicious_quorum;
    if suspicious > workunit.max_success_results {
        report.error(
            "quorum",
            format!("cobblestone/{}.toml", report.app()),
            format!(
                "suspicious_quorum in [validate] is {suspicious}, and max_success_results is {}",
                workunit.max_success_results
            ),
            "a workunit with a suspicious result fails before it has its quorum",
            "raise max_success_results and max_total_results above it",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::fired;
    use super::*;
    use boinc::id::AppId;
    use boinc::input_template::{Download, JobDescription, KnownFiles, new_workunit};

    fn checks(
        quorum: i32,
        target: i32,
        adaptive: Option<i32>,
        one_per_user: bool,
        toml: &str,
    ) -> Vec<&'static str> {
        let job = JobDescription {
            name: "w".into(),
            result_template_file: "t".into(),
            target_nresults: target,
            max_success_results: 4,
            max_total_results: 6,
            ..JobDescription::default()
        };
        let download = Download { url: "", fanout: 0 };
        let mut workunit =
            new_workunit(b"<workunit></workunit>", &job, AppId(1), 0, download, &mut KnownFiles::default())
                .unwrap()
                .workunit;
        // A row that was written by another program can have any.
        workunit.min_quorum = quorum;
        let config = AppConfig::parse(toml, "theory").unwrap();
        fired(|report| check(report, "in", &workunit, adaptive, one_per_user, &config))
    }

    #[test]
    fn sound_ones() {
        assert!(checks(2, 2, Some(0), true, "").is_empty());
        assert!(checks(1, 1, Some(2), true, "").is_empty());
        assert!(checks(1, 1, None, true, "").is_empty(), "the database is not known");
        assert!(checks(1, 1, Some(0), true, "[credit]\nmode = 'none'").is_empty());
        assert!(checks(2, 2, Some(0), false, "[validate]\nindependence = 'users'").is_empty());
    }

    #[test]
    fn each_check_fires() {
        assert_eq!(checks(2, 2, Some(3), true, ""), ["adaptive"]);
        assert_eq!(checks(1, 1, Some(5), true, ""), ["adaptive"], "max_success_results");
        assert_eq!(checks(1, 1, Some(7), true, ""), ["adaptive", "adaptive"]);
        assert_eq!(checks(3, 2, Some(0), true, ""), ["quorum"]);
        assert_eq!(checks(1, 1, Some(0), true, ""), ["quorum"]);
        assert_eq!(checks(2, 2, Some(0), false, ""), ["independence"]);
        assert_eq!(checks(2, 2, Some(0), true, "[validate]\nsuspicious_quorum = 5"), ["quorum"]);
        assert!(checks(0, 1, None, true, "").contains(&"quorum"));
    }
}
