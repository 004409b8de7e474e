//! `[vm]`: the task is a virtual machine of VirtualBox, run by BOINC's vboxwrapper.

use serde::{Deserialize, Serialize};

use super::Report;
use super::version::check_file;

/// Least memory that vboxwrapper gives a machine, MB.
pub const LEAST_VM_MEMORY_MB: u32 = 512;
/// Most processors that vboxwrapper gives a machine.
pub const MOST_VM_CORES: u32 = 32;

/// What of the computer's disk the guest sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Share {
    /// The folder `shared` of the task.
    #[default]
    Folder,
    /// The task's whole folder.
    Slot,
    /// Nothing.
    None,
}

/// How the guest reaches the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Network {
    /// Not at all.
    None,
    /// Through VirtualBox' address translation.
    #[default]
    Nat,
    /// As a computer of its own in the volunteer's network.
    Bridged,
}

/// Who tells the guest what to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Nobody but the input file.
    #[default]
    None,
    /// CernVM: user-data in the shared folder, and who the volunteer is on a floppy.
    Cernvm,
    /// cloud-init's NoCloud: an ISO image with the label `cidata`.
    CloudInit,
    /// A floppy with BOINC's init_data.xml.
    Floppy,
    /// An ISO image.
    Iso,
}

/// `[vm.context]`: who tells the guest what to be.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Context {
    /// How.
    pub method: Method,
    /// The file that does: an ISO image, or CernVM's user-data. It is part of the version.
    pub file: String,
}

/// `[[vm.ports]]`: a port of the guest that is reached at the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Port {
    /// Port of the host.
    pub host_port: u16,
    /// Port of the guest.
    pub guest_port: u16,
    /// Whether other computers may connect.
    #[serde(default)]
    pub remote: bool,
    /// So many ports, from these on.
    #[serde(default = "one")]
    pub count: u16,
}

fn one() -> u16 {
    1
}

/// A virtual machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Vm {
    /// File name of its disk.
    pub image: String,
    /// Whether clients download a packed copy of it.
    pub image_gzip: bool,
    /// VirtualBox' name of the guest's operating system.
    pub os_name: String,
    /// Oldest VirtualBox, as in 5.2.0. Empty: any.
    pub min_virtualbox: String,
    /// Latest VirtualBox. Empty: any.
    pub max_virtualbox: String,
    /// Versions of VirtualBox between these that don't work.
    pub exclude_virtualbox: Vec<String>,
    /// Whether the processor must help with virtualization.
    pub acceleration: bool,
    /// How it reaches the network.
    pub network: Network,
    /// VirtualBox' name of the network card. Empty: its default.
    pub network_driver: String,
    /// Names of computers are looked up by the host.
    pub host_resolver: bool,
    /// What of the computer's disk it sees.
    pub share: Share,
    /// The project's folder `scratch`, which outlives the task.
    pub scratch_folder: bool,
    /// The project's whole folder at the client.
    pub share_project_folder: bool,
    /// Whether it is saved while it runs.
    pub checkpoints: bool,
    /// Least seconds between two of these.
    pub checkpoint_seconds: f64,
    /// A file in the shared folder that the guest touches while all is well. Empty: none.
    pub heartbeat_file: String,
    /// How often it must, seconds.
    pub heartbeat_seconds: f64,
    /// A file in the shared folder that ends the task. Empty: none.
    pub completion_file: String,
    /// A file in the shared folder that stops the task for a while. Empty: none.
    pub temporary_exit_file: String,
    /// A file in the shared folder with a number from 0 to 1. Empty: none.
    pub fraction_done_file: String,
    /// More files that become messages, beside the varieties of `[[reports]]`.
    pub trickle_files: Vec<String>,
    /// Files of the task's folder that are copied to the shared folder at its start.
    pub copy_to_shared: Vec<String>,
    /// The wrapper's arguments are written to `shared/cmdline`.
    pub copy_command_line: bool,
    /// Output files that are uploaded while the task runs.
    pub intermediate_uploads: Vec<String>,
    /// VirtualBox' name of the disk controller. Empty: sata.
    pub disk_controller: String,
    /// VirtualBox' name of its model. Empty: IntelAHCI.
    pub disk_controller_model: String,
    /// Video memory, MB.
    pub vram_mb: u32,
    /// File name of a second disk. Empty: none.
    pub cache_disk: String,
    /// The ISO image of `[vm.context]` is booted.
    pub boot_iso: bool,
    /// The disk is not copied for each task but shared by them.
    pub multiattach: bool,
    /// Volunteers can look at its screen.
    pub remote_desktop: bool,
    /// A picture of the screen is sent when it fails.
    pub screenshots_on_error: bool,
    /// It has graphics of its own.
    pub graphics: bool,
    /// It is saved when BOINC stops it, and not shut off.
    pub save_state: bool,
    /// Port of the guest at which it shows web pages. 0: none.
    pub web_port: u16,
    /// More ports.
    pub ports: Vec<Port>,
    /// Who tells the guest what to be.
    pub context: Context,
}

impl Default for Vm {
    fn default() -> Self {
        Self {
            image: String::new(),
            image_gzip: true,
            os_name: "Linux26_64".to_owned(),
            min_virtualbox: "5.2.0".to_owned(),
            max_virtualbox: String::new(),
            exclude_virtualbox: Vec::new(),
            acceleration: true,
            network: Network::Nat,
            network_driver: String::new(),
            host_resolver: false,
            share: Share::Folder,
            scratch_folder: false,
            share_project_folder: false,
            checkpoints: true,
            checkpoint_seconds: 600.0,
            heartbeat_file: String::new(),
            heartbeat_seconds: 600.0,
            completion_file: "finished".to_owned(),
            temporary_exit_file: String::new(),
            fraction_done_file: String::new(),
            trickle_files: Vec::new(),
            copy_to_shared: Vec::new(),
            copy_command_line: false,
            intermediate_uploads: Vec::new(),
            disk_controller: String::new(),
            disk_controller_model: String::new(),
            vram_mb: 16,
            cache_disk: String::new(),
            boot_iso: false,
            multiattach: false,
            remote_desktop: false,
            screenshots_on_error: false,
            graphics: false,
            save_state: false,
            web_port: 0,
            ports: Vec::new(),
            context: Context::default(),
        }
    }
}

/// `5.2.0` as BOINC counts it: 10000 · major + 100 · minor + release. None if it is none.
#[must_use]
pub fn virtualbox_version(text: &str) -> Option<i32> {
    let mut parts =
        text.split('.').map(|part| part.parse::<i32>().ok().filter(|part| (0..100).contains(part)));
    let (major, minor, release) = (parts.next()??, parts.next()??, parts.next()??);
    parts.next().is_none().then_some(major * 10_000 + minor * 100 + release)
}

impl Vm {
    /// Every file of the shared folder that something is agreed on, with its key.
    fn shared_files(&self) -> Vec<(&'static str, &str)> {
        let mut files = vec![
            ("heartbeat_file", self.heartbeat_file.as_str()),
            ("completion_file", &self.completion_file),
            ("temporary_exit_file", &self.temporary_exit_file),
            ("fraction_done_file", &self.fraction_done_file),
        ];
        files.extend(self.trickle_files.iter().map(|file| ("trickle_files", file.as_str())));
        files.retain(|(_, file)| !file.is_empty());
        files
    }

    pub(crate) fn check(&self, report: &mut Report<'_>) {
        if self.image.is_empty() {
            report("image", "is missing; write the file name of the machine's disk".into());
        } else {
            check_file(&self.image, &mut |message| report("image", message));
        }
        if !self.cache_disk.is_empty() {
            check_file(&self.cache_disk, &mut |message| report("cache_disk", message));
        }
        let versions = [("min_virtualbox", &self.min_virtualbox), ("max_virtualbox", &self.max_virtualbox)]
            .into_iter()
            .chain(self.exclude_virtualbox.iter().map(|version| ("exclude_virtualbox", version)));
        for (key, version) in versions {
            let is_left_out = key != "exclude_virtualbox" && version.is_empty();
            if !is_left_out && virtualbox_version(version).is_none() {
                report(key, format!("is {version:?}, but a version of VirtualBox is written as \"7.0.20\""));
            }
        }
        for (key, value) in
            [("checkpoint_seconds", self.checkpoint_seconds), ("heartbeat_seconds", self.heartbeat_seconds)]
        {
            if !(1.0..=1e7).contains(&value) {
                report(key, format!("is {value}, but must be at least 1"));
            }
        }
        if !(16..=128).contains(&self.vram_mb) {
            report("vram_mb", format!("is {}, but vboxwrapper takes 16 to 128", self.vram_mb));
        }
        self.check_names(report);
        self.check_together(report);
        for (index, port) in self.ports.iter().enumerate() {
            for (key, number) in [("host_port", port.host_port), ("guest_port", port.guest_port)] {
                if number == 0 || number.checked_add(port.count.saturating_sub(1)).is_none() {
                    report(
                        &format!("ports.{index}.{key}"),
                        format!("is {number}, but ports are from 1 to 65535"),
                    );
                }
            }
            if port.count == 0 {
                report(&format!("ports.{index}.count"), "is 0; leave the table out for that".into());
            }
        }
    }

    fn check_names(&self, report: &mut Report<'_>) {
        let texts = [
            ("os_name", &self.os_name),
            ("network_driver", &self.network_driver),
            ("disk_controller", &self.disk_controller),
            ("disk_controller_model", &self.disk_controller_model),
        ];
        for (key, text) in texts {
            if !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)) {
                report(key, format!("{text:?} is no name in VirtualBox"));
            }
        }
        if self.os_name.is_empty() {
            report("os_name", "is empty; `VBoxManage list ostypes` shows the names".into());
        }
        let mut seen: Vec<&str> = Vec::new();
        for (key, file) in self.shared_files() {
            check_file(file, &mut |message| report(key, message));
            if seen.contains(&file) {
                report(key, format!("{file:?} has another meaning already; choose another name"));
            }
            seen.push(file);
        }
        for (key, list) in
            [("copy_to_shared", &self.copy_to_shared), ("intermediate_uploads", &self.intermediate_uploads)]
        {
            for file in list {
                let mut bad = false;
                check_file(&file.replace('/', "_"), &mut |_| bad = true);
                if bad {
                    report(key, format!("{file:?} is no name of a file"));
                }
            }
        }
    }

    /// What vboxwrapper refuses to start with, and what has no effect.
    fn check_together(&self, report: &mut Report<'_>) {
        if self.share == Share::None {
            for (key, file) in self.shared_files() {
                report(key, format!("{file:?} is in a folder that share = \"none\" does not share"));
            }
        }
        if self.share != Share::Folder && !self.copy_to_shared.is_empty() {
            report(
                "copy_to_shared",
                "needs share = \"folder\"; vboxwrapper fails every task otherwise".into(),
            );
        }
        if self.scratch_folder && self.share_project_folder {
            report(
                "scratch_folder",
                "can't be used with share_project_folder: vboxwrapper fails every task".into(),
            );
        }
        if self.network == Network::None && (self.web_port != 0 || !self.ports.is_empty()) {
            report(
                "network",
                "is \"none\", but ports of the guest are to be reached; allow the network".into(),
            );
        }
        let Context { method, file } = &self.context;
        match method {
            Method::Iso | Method::CloudInit if file.is_empty() => {
                report("context.file", "is missing; write the file name of the ISO image".into());
            }
            Method::None | Method::Floppy if !file.is_empty() => {
                report("context.file", "has no effect with this method; remove it".into());
            }
            Method::Cernvm if !file.is_empty() && self.share != Share::Folder => {
                report(
                    "context.file",
                    "user-data is handed over in the shared folder; set share = \"folder\"".into(),
                );
            }
            _ if !file.is_empty() => check_file(file, &mut |message| report("context.file", message)),
            _ => {}
        }
        if self.boot_iso && !matches!(method, Method::Iso) {
            report("boot_iso", "needs an ISO image: set method = \"iso\" in [vm.context]".into());
        }
        if !self.cache_disk.is_empty() && !matches!(method, Method::Iso | Method::CloudInit) {
            report("cache_disk", "is attached beside an ISO image only; set one in [vm.context]".into());
        }
    }
}
