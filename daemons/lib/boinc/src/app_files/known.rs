//! The names that each program knows. Each list names the place in BOINC's source where they are read; they are those of
//! August 2026.

use super::{Known, Shape};

const fn one(name: &'static str, shape: Shape) -> Known {
    Known { name, shape, many: false }
}

const fn many(name: &'static str, shape: Shape) -> Known {
    Known { name, shape, many: true }
}

const fn text(name: &'static str) -> Known {
    one(name, Shape::Text)
}

const fn number(name: &'static str) -> Known {
    one(name, Shape::Number)
}

const fn integer(name: &'static str) -> Known {
    one(name, Shape::Integer)
}

const fn flag(name: &'static str) -> Known {
    one(name, Shape::Flag)
}

/// `<port_forward>`: samples/vboxwrapper/vboxjob.cpp, `VBOX_PORT_FORWARD::parse`.
pub const PORT_FORWARD: &[Known] =
    &[flag("is_remote"), integer("host_port"), integer("guest_port"), integer("nports")];

/// `<vbox_job>`: samples/vboxwrapper/vboxjob.cpp, `VBOX_JOB::parse`.
pub const VBOX_JOB: &[Known] = &[
    text("vm_disk_controller_type"),
    text("vm_disk_controller_model"),
    text("os_name"),
    number("vram_size_mb"),
    number("memory_size_mb"),
    number("job_duration"),
    number("minimum_checkpoint_interval"),
    number("minimum_heartbeat_interval"),
    text("fraction_done_filename"),
    text("heartbeat_filename"),
    text("completion_trigger_file"),
    text("temporary_exit_trigger_file"),
    text("multiattach_vdi_file"),
    flag("enable_cern_dataformat"),
    text("vm_network_driver"),
    flag("enable_network"),
    flag("network_bridged_mode"),
    flag("enable_nat_dns_host_resolver"),
    flag("enable_shared_directory"),
    flag("enable_scratch_directory"),
    flag("share_slot_dir"),
    flag("share_project_dir"),
    flag("enable_floppyio"),
    flag("enable_cache_disk"),
    flag("enable_isocontextualization"),
    flag("enable_remotedesktop"),
    flag("enable_screenshots_on_error"),
    flag("enable_graphics_support"),
    flag("enable_vm_savestate_usage"),
    flag("disable_automatic_checkpoints"),
    flag("boot_iso"),
    integer("pf_guest_port"),
    integer("pf_host_port"),
    many("copy_to_shared", Shape::Text),
    flag("copy_cmdline_to_shared"),
    many("trickle_trigger_file", Shape::Text),
    many("intermediate_upload_file", Shape::Text),
    many("port_forward", Shape::Section(PORT_FORWARD)),
];

/// `<file>` of a `<version>`: tools/update_versions, `convert_simplexml`.
pub const VERSION_FILE: &[Known] = &[
    text("physical_name"),
    text("logical_name"),
    many("url", Shape::Text),
    flag("main_program"),
    flag("copy_file"),
    flag("gzip"),
];

/// `<version>`: tools/update_versions, `convert_simplexml`.
pub const VERSION: &[Known] = &[
    many("file", Shape::Section(VERSION_FILE)),
    flag("dont_throttle"),
    flag("needs_network"),
    flag("is_wrapper"),
    text("file_prefix"),
    flag("beta"),
    text("api_version"),
];

/// `<plan_class>`: sched/plan_class_spec.cpp, `PLAN_CLASS_SPEC::parse`.
pub const PLAN_CLASS: &[Known] = &[
    text("name"),
    integer("min_core_client_version"),
    integer("max_core_client_version"),
    text("gpu_type"),
    flag("cuda"),
    flag("cal"),
    flag("opencl"),
    flag("virtualbox"),
    flag("wsl"),
    flag("docker"),
    integer("min_boinc_wsl_distro_version"),
    flag("is64bit"),
    many("cpu_feature", Shape::Text),
    number("min_ncpus"),
    integer("max_threads"),
    number("mem_usage_base_mb"),
    number("mem_usage_per_cpu_mb"),
    flag("nthreads_cmdline"),
    number("projected_flops_scale"),
    text("os_regex"),
    text("cpu_vendor_regex"),
    text("cpu_model_regex"),
    integer("user_id"),
    number("infeasible_random"),
    number("min_os_version"),
    number("max_os_version"),
    integer("min_android_version"),
    integer("max_android_version"),
    integer("min_libc_version"),
    text("project_prefs_tag"),
    text("project_prefs_regex"),
    flag("project_prefs_default_true"),
    number("avg_ncpus"),
    number("cpu_frac"),
    number("min_gpu_ram_mb"),
    number("gpu_ram_used_mb"),
    number("gpu_peak_flops_scale"),
    number("ngpus"),
    number("min_gpu_peak_flops"),
    number("max_gpu_peak_flops"),
    integer("min_driver_version"),
    integer("max_driver_version"),
    text("gpu_utilization_tag"),
    flag("need_ati_libs"),
    flag("need_amd_libs"),
    flag("without_opencl"),
    integer("min_cal_target"),
    integer("max_cal_target"),
    integer("min_nvidia_compcap"),
    integer("max_nvidia_compcap"),
    integer("min_cuda_version"),
    integer("max_cuda_version"),
    integer("min_opencl_version"),
    integer("max_opencl_version"),
    integer("min_opencl_driver_revision"),
    integer("max_opencl_driver_revision"),
    flag("double_precision_fp"),
    integer("min_metal_support"),
    text("gpu_type_regex"),
    integer("min_vbox_version"),
    integer("max_vbox_version"),
    many("exclude_vbox_version", Shape::Integer),
    flag("vm_accel_required"),
    integer("min_wu_id"),
    integer("max_wu_id"),
    integer("min_batch"),
    integer("max_batch"),
];

/// `<plan_classes>`: sched/plan_class_spec.cpp, `PLAN_CLASS_SPECS::parse_specs`.
pub const PLAN_CLASSES: &[Known] = &[many("plan_class", Shape::Section(PLAN_CLASS))];

/// `<task>` of job.xml: samples/wrapper/wrapper.cpp, `TASK::parse`.
pub const WRAPPER_TASK: &[Known] = &[
    text("application"),
    text("exec_dir"),
    many("setenv", Shape::Text),
    text("stdin_filename"),
    text("stdout_filename"),
    text("stderr_filename"),
    text("command_line"),
    text("checkpoint_filename"),
    text("fraction_done_filename"),
    number("weight"),
    flag("daemon"),
    flag("forward_slashes"),
    flag("multi_process"),
    flag("append_cmdline_args"),
    number("time_limit"),
    integer("priority"),
];

/// `<unzip_input>`: samples/wrapper/wrapper.cpp, `parse_unzip_input`.
pub const UNZIP_INPUT: &[Known] = &[many("zipfilename", Shape::Text)];

/// `<zip_output>`: samples/wrapper/wrapper.cpp, `parse_zip_output`.
pub const ZIP_OUTPUT: &[Known] = &[text("zipfilename"), many("filename", Shape::Text)];

/// `<job_desc>` of job.xml: samples/wrapper/wrapper.cpp, `parse_job_file`.
pub const WRAPPER_JOB: &[Known] = &[
    many("task", Shape::Section(WRAPPER_TASK)),
    many("unzip_input", Shape::Section(UNZIP_INPUT)),
    many("zip_output", Shape::Section(ZIP_OUTPUT)),
    flag("enable_graphics_support"),
];

/// Keys of docker_wrapper's job.toml: samples/docker_wrapper/docker_wrapper.cpp, `parse_config_file`.
pub const DOCKER_JOB: &[&str] = &[
    "workdir",
    "project_dir_mount",
    "image_name",
    "use_gpu",
    "web_graphics_guest_port",
    "mount",
    "portmap",
    "build_args",
    "create_args",
    "verbose",
];

/// Whether the scheduler knows a plan class by itself. It asks its own list only while there is no plan_class_spec.xml:
/// sched/sched_customize.cpp, `app_plan`.
#[must_use]
pub fn is_built_in(plan_class: &str) -> bool {
    plan_class.is_empty()
        || ["mt", "nci", "sse3"].contains(&plan_class)
        || ["opencl", "ati"].iter().any(|begin| plan_class.starts_with(begin))
        || ["opencl_cpu_intel", "cuda", "vbox", "wsl"].iter().any(|part| plan_class.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn names(known: &[Known]) -> BTreeSet<&'static str> {
        let names: BTreeSet<&str> = known.iter().map(|known| known.name).collect();
        assert_eq!(names.len(), known.len(), "a name stands there twice");
        names
    }

    /// The other list of these names that the project has, made by hand from BOINC's pages.
    #[test]
    fn vbox_job_is_what_the_pages_say() {
        let pages = "os_name memory_size_mb job_duration vram_size_mb vm_disk_controller_type vm_disk_controller_model \
            vm_network_driver minimum_checkpoint_interval minimum_heartbeat_interval heartbeat_filename \
            fraction_done_filename completion_trigger_file temporary_exit_trigger_file multiattach_vdi_file copy_to_shared \
            trickle_trigger_file intermediate_upload_file port_forward pf_guest_port pf_host_port enable_network \
            enable_shared_directory enable_scratch_directory share_slot_dir share_project_dir enable_cern_dataformat \
            enable_floppyio enable_cache_disk enable_isocontextualization boot_iso network_bridged_mode \
            enable_nat_dns_host_resolver enable_remotedesktop enable_screenshots_on_error enable_graphics_support \
            enable_vm_savestate_usage disable_automatic_checkpoints copy_cmdline_to_shared";
        assert_eq!(names(VBOX_JOB), pages.split_whitespace().collect());
        assert_eq!(names(PORT_FORWARD), BTreeSet::from(["host_port", "guest_port", "is_remote", "nports"]));
        assert_eq!(VBOX_JOB.len(), 38);
    }

    #[test]
    fn no_list_has_a_name_twice() {
        for list in [
            VERSION,
            VERSION_FILE,
            PLAN_CLASS,
            PLAN_CLASSES,
            WRAPPER_JOB,
            WRAPPER_TASK,
            UNZIP_INPUT,
            ZIP_OUTPUT,
        ] {
            assert!(!names(list).is_empty());
        }
        assert_eq!((PLAN_CLASS.len(), WRAPPER_TASK.len()), (67, 16));
    }

    #[test]
    fn built_in_plan_classes() {
        for known in
            ["", "mt", "vbox64", "vbox32_mt", "vbox64_mt_theory", "cuda_fermi", "opencl_nvidia_101", "wsl"]
        {
            assert!(is_built_in(known), "{known}");
        }
        for unknown in ["docker", "mt_theory", "theory", "nvidia"] {
            assert!(!is_built_in(unknown), "{unknown}");
        }
    }
}
