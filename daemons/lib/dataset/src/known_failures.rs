//! Known failures: messages of vboxwrapper in a task's stderr, and exit codes of BOINC's client.
//!
//! The texts are pieces of what vboxwrapper writes (samples/vboxwrapper in BOINC's source); they were
//! chosen so that other versions have them too. The first one of the list that is found is the most telling one: causes
//! stand before their consequences.
//!
//! A stderr is a volunteer's text. Finding such a message in it is a hint, no proof: nothing is decided by it.

/// A message that is known: its place in [`KNOWN`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Known(usize);

/// Name, text that is looked for, what it means.
const KNOWN: &[(&str, &str, &str)] = &[
    ("vt_x_disabled", "disabled in the computer's BIOS", "hardware acceleration is switched off in the BIOS"),
    (
        "no_vt_x",
        "your processor does not support the required feature",
        "the processor has no hardware acceleration",
    ),
    (
        "acceleration_needed",
        "VM type requires acceleration but the current configuration cannot support it",
        "hardware acceleration is not available",
    ),
    ("vt_x_in_use", "another hypervisor has locked the hardware acceleration", "another hypervisor holds it"),
    (
        "kernel_drivers",
        "Please update/recompile VirtualBox kernel drivers",
        "VirtualBox's kernel drivers don't fit",
    ),
    ("reinstall_virtualbox", "Please update/reinstall VirtualBox", "VirtualBox is not installed well"),
    (
        "old_virtualbox",
        "Incompatible version of VirtualBox detected",
        "a version of VirtualBox that is known to fail",
    ),
    ("no_hypervisor", "Communication with VM Hypervisor failed", "VirtualBox does not answer"),
    ("no_hostinfo", "VBoxManage list hostinfo failed", "VirtualBox does not answer"),
    ("initialization", "VM initialization returned", "VirtualBox could not be set up"),
    ("client_32_bit", "64-bit version of BOINC is required", "a client of 32 bits on a system of 64"),
    ("bad_job_file", "Cannot parse vbox_job.xml", "the project's vbox_job.xml can't be read"),
    ("bad_job_options", "in vbox_job.xml", "the project's vbox_job.xml contradicts itself"),
    ("host_out_of_memory", "failed to allocate enough memory", "the host has too little memory free"),
    ("guest_out_of_memory", "there is not enough memory to finish the task", "the machine ran out of memory"),
    (
        "snapshot_lost",
        "VboxSvc crashed while attempting to restore the current snapshot",
        "the snapshot can't be restored",
    ),
    ("session_locked", "VM session lock error encountered", "another process holds the machine"),
    ("already_running", "VM was already running", "a machine of that name ran already"),
    (
        "heartbeat_lost",
        "VM Heartbeat file specified, but missing heartbeat",
        "the guest stopped to give signs of life",
    ),
    ("no_heartbeat", "VM Heartbeat file specified, but missing", "the guest never gave a sign of life"),
    (
        "not_online",
        "VM failed to enter an online state within the timeout period",
        "the machine did not come up in time",
    ),
    (
        "poll_failed",
        "Vboxwrapper poll command failed too often",
        "the state of the machine could not be asked for",
    ),
    ("premature_shutdown", "VM Premature Shutdown Detected", "the machine went off before it was done"),
    ("checkpoint_failed", "Checkpoint maintenance failed", "snapshots could not be made"),
    ("pause_failed", "VM task failed to pause", "the machine could not be paused"),
    ("resume_failed", "VM task failed to resume", "the machine could not be resumed"),
    ("shared_folder", "couldn't create shared directory", "the shared folder could not be made"),
    ("copy_failed", "Failed to copy '", "an input file could not be put into the shared folder"),
    ("guest_said", "VM Completion Message:", "the guest ended the task with a message of its own"),
    ("start_failed", "VM failed to start", "the machine did not start"),
];

impl Known {
    /// Its name in the dataset.
    #[must_use]
    pub fn name(self) -> &'static str {
        KNOWN.get(self.0).map_or("", |known| known.0)
    }

    /// What it means, for people.
    #[must_use]
    pub fn about(self) -> &'static str {
        KNOWN.get(self.0).map_or("", |known| known.2)
    }

    /// All of them, the most telling first.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..KNOWN.len()).map(Self)
    }
}

/// Those that stand in a stderr, the most telling first. One that is the beginning of another counts once.
#[must_use]
pub fn find(stderr: &[u8]) -> Vec<Known> {
    let text = String::from_utf8_lossy(stderr);
    let mut found: Vec<Known> = Vec::new();
    for known in Known::all() {
        let Some((_, wanted, _)) = KNOWN.get(known.0) else { continue };
        let is_more = |other: &Known| KNOWN.get(other.0).is_some_and(|(_, text, _)| text.contains(wanted));
        if text.contains(wanted) && !found.iter().any(is_more) {
            found.push(known);
        }
    }
    found
}

/// An exit code of BOINC's, as its sources call it (lib/error_numbers.h); `None`: the application's own, a signal, or
/// an exception of Windows.
#[must_use]
pub fn exit_reason(code: i32) -> Option<&'static str> {
    Some(match code {
        0 => "success",
        192 => "statefile_write",
        193 => "signal",
        194 => "aborted_by_client",
        195 => "child_failed",
        196 => "disk_limit_exceeded",
        197 => "time_limit_exceeded",
        198 => "mem_limit_exceeded",
        199 => "client_exiting",
        200 => "unstarted_late",
        201 => "missing_coproc",
        202 => "aborted_by_project",
        203 => "aborted_via_gui",
        204 => "unknown",
        205 => "out_of_memory",
        206 => "init_failure",
        207 => "no_sub_tasks",
        208 => "sub_task_failure",
        209 => "overdue_exceeded",
        -119 => "err_md5_failed",
        -148 => "err_exec",
        -149 => "err_not_exited",
        -161 => "err_not_found",
        -163 => "err_file_missing",
        -178 => "err_invalid_param",
        -182 => "err_timeout",
        -185 => "err_result_start",
        -186 => "err_result_download",
        -187 => "err_result_upload",
        -198 => "err_insufficient_resource",
        -200 => "err_wrong_size",
        -221 => "err_file_wrong_size",
        -224 => "err_http_permanent",
        -226 => "err_too_many_exits",
        -240 => "err_stat",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(stderr: &str) -> Vec<&'static str> {
        find(stderr.as_bytes()).into_iter().map(Known::name).collect()
    }

    #[test]
    fn messages_of_the_wrapper_are_known() {
        let bios = "2026-11-20 09:00:00 (77): \n    NOTE: BOINC has detected that your computer's processor supports hardware \
                    acceleration for\n     virtual machines but the hypervisor failed to successfully launch with this feature \
                    enabled.\n     This means that the hardware acceleration feature has been disabled in the computer's BIOS.\n\
                    \nError Code: ERR_CPU_VM_EXTENSIONS_DISABLED\n";
        assert_eq!(names(bios), ["vt_x_disabled"]);
        assert_eq!(names("x (7): VM Heartbeat file specified, but missing heartbeat."), ["heartbeat_lost"]);
        assert_eq!(names("x (7): VM Heartbeat file specified, but missing."), ["no_heartbeat"]);
        assert_eq!(
            names("ERROR: VM failed to start\nNOTE: VM session lock error encountered.\n"),
            ["session_locked", "start_failed"],
            "the cause stands first"
        );
        assert!(names("all is well").is_empty() && find(b"\xff\0").is_empty());
    }

    #[test]
    fn names_are_unique() {
        let names: std::collections::BTreeSet<_> = KNOWN.iter().map(|known| known.0).collect();
        assert_eq!(names.len(), KNOWN.len());
        assert!(KNOWN.iter().all(|(name, text, about)| {
            !text.is_empty()
                && !about.is_empty()
                && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        }));
    }
}
