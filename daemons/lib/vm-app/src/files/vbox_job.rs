//! `vbox_job.xml`, which vboxwrapper reads.

use app_config::{ContextMethod, Network, Share, Vm};

use crate::description::Description;
use crate::xml::{Xml, number};

/// Where CernVM looks for user-data in the shared folder.
pub(super) const USER_DATA: &str = "user-data";

pub(super) fn vbox_job(description: &Description<'_>, vm: &Vm) -> String {
    let task = description.task();
    let mut xml = Xml::default();
    xml.section("vbox_job", |xml| {
        xml.element("os_name", &vm.os_name);
        // With memory for each core the scheduler says how much on the command line; this is for the least.
        xml.element("memory_size_mb", task.memory_mb + task.memory_per_core_mb * task.min_cores);
        xml.element("job_duration", number(task.lifetime()));
        xml.filled("vm_disk_controller_type", &vm.disk_controller);
        xml.filled("vm_disk_controller_model", &vm.disk_controller_model);
        if vm.vram_mb != 16 {
            xml.element("vram_size_mb", vm.vram_mb);
        }
        xml.flag("disable_automatic_checkpoints", !vm.checkpoints);
        if vm.checkpoints {
            xml.element("minimum_checkpoint_interval", number(vm.checkpoint_seconds));
        }
        if !vm.heartbeat_file.is_empty() {
            xml.element("heartbeat_filename", &vm.heartbeat_file);
            xml.element("minimum_heartbeat_interval", number(vm.heartbeat_seconds));
        }
        xml.filled("fraction_done_filename", &vm.fraction_done_file);
        xml.filled("completion_trigger_file", &vm.completion_file);
        xml.filled("temporary_exit_trigger_file", &vm.temporary_exit_file);
        network(xml, vm);
        xml.flag("enable_shared_directory", vm.share == Share::Folder);
        xml.flag("share_slot_dir", vm.share == Share::Slot);
        xml.flag("enable_scratch_directory", vm.scratch_folder);
        xml.flag("share_project_dir", vm.share_project_folder);
        context(xml, vm);
        if vm.multiattach {
            xml.element("multiattach_vdi_file", &vm.image);
        }
        for file in copied(vm) {
            xml.element("copy_to_shared", file);
        }
        xml.flag("copy_cmdline_to_shared", vm.copy_command_line);
        for file in trickle_files(description, vm) {
            xml.element("trickle_trigger_file", file);
        }
        for file in &vm.intermediate_uploads {
            xml.element("intermediate_upload_file", file);
        }
        xml.flag("enable_remotedesktop", vm.remote_desktop);
        xml.flag("enable_screenshots_on_error", vm.screenshots_on_error);
        xml.flag("enable_graphics_support", vm.graphics);
        xml.flag("enable_vm_savestate_usage", vm.save_state);
    });
    xml.text()
}

fn network(xml: &mut Xml, vm: &Vm) {
    xml.flag("enable_network", vm.network != Network::None);
    xml.flag("network_bridged_mode", vm.network == Network::Bridged);
    xml.filled("vm_network_driver", &vm.network_driver);
    xml.flag("enable_nat_dns_host_resolver", vm.host_resolver);
    if vm.web_port != 0 {
        xml.element("pf_guest_port", vm.web_port);
    }
    for port in &vm.ports {
        xml.section("port_forward", |xml| {
            xml.element("host_port", port.host_port);
            xml.element("guest_port", port.guest_port);
            xml.flag("is_remote", port.remote);
            if port.count > 1 {
                xml.element("nports", port.count);
            }
        });
    }
}

fn context(xml: &mut Xml, vm: &Vm) {
    let method = vm.context.method;
    xml.flag("enable_floppyio", matches!(method, ContextMethod::Floppy | ContextMethod::Cernvm));
    xml.flag("enable_cern_dataformat", method == ContextMethod::Cernvm);
    xml.flag("enable_isocontextualization", matches!(method, ContextMethod::Iso | ContextMethod::CloudInit));
    xml.flag("enable_cache_disk", !vm.cache_disk.is_empty());
    xml.flag("boot_iso", vm.boot_iso);
}

/// What is copied to the shared folder.
fn copied(vm: &Vm) -> Vec<&str> {
    let mut files: Vec<&str> = vm.copy_to_shared.iter().map(String::as_str).collect();
    if vm.context.method == ContextMethod::Cernvm
        && !vm.context.file.is_empty()
        && !files.contains(&USER_DATA)
    {
        files.push(USER_DATA);
    }
    files
}

/// Files that become messages: those that `[[reports]]` expects, and more.
fn trickle_files<'c>(description: &Description<'c>, vm: &'c Vm) -> Vec<&'c str> {
    let mut files: Vec<&str> = description.config.reports.iter().map(|rule| rule.variety.as_str()).collect();
    for file in &vm.trickle_files {
        if !files.contains(&file.as_str()) {
            files.push(file);
        }
    }
    // The wrapper sends these by itself.
    files.retain(|file| *file != "cpu_time");
    files
}
