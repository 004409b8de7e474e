//! What vboxwrapper refuses, and what can't work.

use boinc::app_files::Document;

use crate::Report;

/// Least memory that vboxwrapper gives a machine, MB.
const LEAST_MEMORY: f64 = 512.0;
/// A guest needs some minutes to boot; the first look at the heartbeat is after a third of its interval.
const LEAST_HEARTBEAT: f64 = 600.0;

/// Looks at a vbox_job.xml that was read.
pub fn check(report: &mut Report<'_>, path: &str, job: &Document) {
    combinations(report, path, job);
    shared(report, path, job);
    let memory = job.number("memory_size_mb");
    if memory.is_none_or(|memory| memory < LEAST_MEMORY) {
        report.warning(
            "vm-memory",
            path,
            match memory {
                None => "there is no <memory_size_mb>".to_owned(),
                Some(memory) => format!("<memory_size_mb> is {memory}"),
            },
            format!("vboxwrapper gives the machine {LEAST_MEMORY} MB instead"),
            "say how much memory the machine needs",
        );
    }
    if job.number("job_duration").is_none_or(|duration| duration <= 0.0) {
        report.warning(
            "vm-duration",
            path,
            "there is no <job_duration>",
            "the task ends only when its guest ends it, and a guest that hangs runs on until the client aborts it",
            "write the lifetime in seconds into <job_duration>",
        );
    }
    if job.text("os_name").is_empty() {
        report.warning(
            "vm-os",
            path,
            "there is no <os_name>",
            "VirtualBox then makes a machine that knows no 64 bits",
            "write <os_name>Linux26_64</os_name>, or what `VBoxManage list ostypes` calls it",
        );
    }
    for port in job.sections("port_forward") {
        for name in ["host_port", "guest_port"] {
            if boinc::app_files::number(port, name).is_none_or(|number| number == 0.0) {
                report.error(
                    "vm-port",
                    path,
                    format!("a <port_forward> has no <{name}>"),
                    "vboxwrapper forwards a port 0",
                    format!("write <{name}>"),
                );
            }
        }
    }
}

/// What ends every task at once.
fn combinations(report: &mut Report<'_>, path: &str, job: &Document) {
    let copies = !job.texts("copy_to_shared").is_empty();
    let refused = [
        (
            job.flag("share_slot_dir") && job.flag("enable_shared_directory"),
            "<share_slot_dir> and <enable_shared_directory>",
        ),
        (job.flag("share_slot_dir") && copies, "<share_slot_dir> and <copy_to_shared>"),
        (
            copies && !job.flag("enable_shared_directory"),
            "<copy_to_shared> without <enable_shared_directory>",
        ),
        (
            job.flag("share_project_dir") && job.flag("enable_scratch_directory"),
            "<share_project_dir> and <enable_scratch_directory>",
        ),
    ];
    for (_, what) in refused.into_iter().filter(|(wrong, _)| *wrong) {
        report.error(
            "vm-combination",
            path,
            format!("it has {what}"),
            "vboxwrapper refuses that: every task fails when it starts",
            "choose one of them",
        );
    }
    if job.flag("enable_cache_disk") && !job.flag("enable_isocontextualization") {
        report.warning(
            "vm-combination",
            path,
            "it has <enable_cache_disk> without <enable_isocontextualization>",
            "vboxwrapper attaches the second disk only beside an ISO image",
            "add the ISO image, or remove <enable_cache_disk>",
        );
    }
}

/// Files that guest and wrapper talk by.
fn shared(report: &mut Report<'_>, path: &str, job: &Document) {
    let has_shared = job.flag("enable_shared_directory") || job.flag("share_slot_dir");
    let names = [
        "heartbeat_filename",
        "fraction_done_filename",
        "completion_trigger_file",
        "temporary_exit_trigger_file",
        "trickle_trigger_file",
    ];
    for name in names {
        if !has_shared && job.texts(name).iter().any(|text| !text.is_empty()) {
            report.error(
                "vm-shared",
                path,
                format!("<{name}> names a file, and no folder is shared"),
                if name == "heartbeat_filename" {
                    "the guest can't touch it, so every task fails"
                } else {
                    "the guest can't write it, so nothing ever comes of it"
                },
                "add <enable_shared_directory/>",
            );
        }
    }
    let interval = job.number("minimum_heartbeat_interval").unwrap_or(LEAST_HEARTBEAT);
    if !job.text("heartbeat_filename").is_empty() && interval < LEAST_HEARTBEAT {
        report.warning(
            "vm-heartbeat",
            path,
            format!("<minimum_heartbeat_interval> is {interval} s"),
            "the first look is after a third of it: a guest that boots slowly fails",
            format!("raise it to {LEAST_HEARTBEAT} or more"),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::super::document::VBOX_JOB;
    use super::super::testing::fired;
    use super::*;

    fn checks(more: &str) -> Vec<&'static str> {
        let text = format!(
            "<vbox_job><os_name>Linux26_64</os_name><memory_size_mb>1024</memory_size_mb><job_duration>86400</job_duration>{more}</vbox_job>"
        );
        let job = boinc::app_files::read(text.as_bytes(), VBOX_JOB.root, VBOX_JOB.known).unwrap();
        fired(|report| check(report, "vbox_job.xml", &job))
    }

    #[test]
    fn a_good_one_has_no_findings() {
        assert!(checks("").is_empty());
        let all = "<enable_shared_directory/><copy_to_shared>a</copy_to_shared><heartbeat_filename>h</heartbeat_filename>\
            <minimum_heartbeat_interval>1200</minimum_heartbeat_interval><trickle_trigger_file>t</trickle_trigger_file>\
            <port_forward><host_port>1</host_port><guest_port>2</guest_port></port_forward>\
            <enable_cache_disk/><enable_isocontextualization/>";
        assert!(checks(all).is_empty(), "{:?}", checks(all));
    }

    #[test]
    fn each_check_fires() {
        for (more, check) in [
            ("<share_slot_dir/><enable_shared_directory/>", "vm-combination"),
            ("<copy_to_shared>a</copy_to_shared>", "vm-combination"),
            ("<share_project_dir/><enable_scratch_directory/>", "vm-combination"),
            ("<enable_cache_disk/>", "vm-combination"),
            ("<trickle_trigger_file>t</trickle_trigger_file>", "vm-shared"),
            ("<heartbeat_filename>h</heartbeat_filename>", "vm-shared"),
            (
                "<enable_shared_directory/><heartbeat_filename>h</heartbeat_filename><minimum_heartbeat_interval>60</minimum_heartbeat_interval>",
                "vm-heartbeat",
            ),
            ("<port_forward><host_port>1</host_port></port_forward>", "vm-port"),
            ("<memory_size_mb>100</memory_size_mb>", "vm-memory"),
            ("<job_duration>0</job_duration>", "vm-duration"),
            ("<os_name></os_name>", "vm-os"),
        ] {
            assert_eq!(checks(more), [check], "{more}");
        }
    }
}
