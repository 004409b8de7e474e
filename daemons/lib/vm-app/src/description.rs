//! The description of an application, with the names that follow from it.

use app_config::{AppConfig, Container, ContextMethod, Task, Version, Vm, Work, Wrapper};

/// What a task runs in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind<'c> {
    /// A virtual machine of VirtualBox.
    Vm(&'c Vm),
    /// A container of Docker or Podman.
    Container(&'c Container),
    /// A plain program.
    Wrapper(&'c Wrapper),
}

/// A description.
#[derive(Debug, Clone, Copy)]
pub struct Description<'c> {
    /// BOINC's short name of the application.
    pub app: &'c str,
    /// The whole of `cobblestone/NAME.toml`.
    pub config: &'c AppConfig,
    /// What a task runs in.
    pub kind: Kind<'c>,
}

/// A plan class: which hosts get a version, and with how many cores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanClass {
    /// Its name; empty for none.
    pub name: String,
    /// Least number of cores.
    pub min_cores: u32,
    /// Most cores.
    pub max_cores: u32,
}

/// A file that has to lie in a version's folder and that nobody here can make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NeededFile {
    /// Its name there.
    pub name: String,
    /// What it is, for people.
    pub what: &'static str,
}

impl<'c> Description<'c> {
    /// None if the file says nothing of what a task runs in.
    #[must_use]
    pub fn new(app: &'c str, config: &'c AppConfig) -> Option<Self> {
        let kind = match (&config.vm, &config.container, &config.wrapper) {
            (Some(vm), ..) => Kind::Vm(vm),
            (_, Some(container), _) => Kind::Container(container),
            (.., Some(wrapper)) => Kind::Wrapper(wrapper),
            _ => return None,
        };
        Some(Self { app, config, kind })
    }

    /// `[task]`.
    #[must_use]
    pub fn task(&self) -> &'c Task {
        &self.config.task
    }

    /// `[version]`.
    #[must_use]
    pub fn version(&self) -> &'c Version {
        &self.config.version
    }

    /// `cobblestone/NAME.toml`.
    #[must_use]
    pub fn file(&self) -> String {
        format!("cobblestone/{}.toml", self.app)
    }

    /// Paths of the input and the output template, relative to the project directory.
    #[must_use]
    pub fn templates(&self) -> (String, String) {
        let work = self.config.work.clone().unwrap_or_else(|| Work::of(self.app));
        (work.input_template, work.output_template)
    }

    /// The plan classes, one for a single core and one for several.
    #[must_use]
    pub fn plan_classes(&self) -> Vec<PlanClass> {
        let Task { min_cores, max_cores, .. } = *self.task();
        let class = |min_cores: u32, max_cores: u32| PlanClass {
            name: self.plan_class_name(max_cores > 1),
            min_cores,
            max_cores,
        };
        match (min_cores, max_cores) {
            (_, 1) => vec![class(1, 1)],
            (1, most) => vec![class(1, 1), class(2, most)],
            (least, most) => vec![class(least, most)],
        }
    }

    fn plan_class_name(&self, several: bool) -> String {
        let own = &self.version().plan_class;
        if !own.is_empty() {
            return if several { format!("{own}_mt") } else { own.clone() };
        }
        let begin = match (self.kind, several) {
            (Kind::Vm(_), false) => "vbox64",
            (Kind::Vm(_), true) => "vbox64_mt",
            (Kind::Container(_), false) => "docker",
            (Kind::Container(_), true) => "docker_mt",
            (Kind::Wrapper(_), false) => return String::new(),
            (Kind::Wrapper(_), true) => "mt",
        };
        format!("{begin}_{}", self.app)
    }

    /// The folders of the version, relative to the project directory, each with its platform.
    #[must_use]
    pub fn folders(&self) -> Vec<(String, &'c str)> {
        let mut folders = Vec::new();
        for platform in &self.version().platforms {
            for class in self.plan_classes() {
                let join = if class.name.is_empty() { "" } else { "__" };
                folders.push((
                    format!("apps/{}/{}/{platform}{join}{}", self.app, self.version().number, class.name),
                    platform.as_str(),
                ));
            }
        }
        folders
    }

    /// The wrapper's executable for a platform.
    #[must_use]
    pub fn wrapper_program(&self, platform: &str) -> String {
        let name = match (self.version().wrapper.as_str(), self.kind) {
            ("", Kind::Vm(_)) => "vboxwrapper",
            ("", Kind::Container(_)) => "docker_wrapper",
            ("", Kind::Wrapper(_)) => "wrapper",
            (name, _) => name,
        };
        format!("{name}_{platform}{}", exe(platform))
    }

    /// Name of a file that is made for this version: `NAME_PART_NUMBER.EXTENSION`.
    #[must_use]
    pub(crate) fn made(&self, part: &str, extension: &str) -> String {
        format!("{}_{part}_{}{extension}", self.app, self.version().number)
    }

    /// Files that a person has to put into the folder of `platform`, without their signatures.
    #[must_use]
    pub fn needed(&self, platform: &str) -> Vec<NeededFile> {
        let file = |name: &str, what: &'static str| NeededFile { name: name.to_owned(), what };
        let mut needed = vec![NeededFile {
            name: self.wrapper_program(platform),
            what: match self.kind {
                Kind::Vm(_) => "BOINC's vboxwrapper",
                Kind::Container(_) => "BOINC's docker_wrapper",
                Kind::Wrapper(_) => "BOINC's wrapper",
            },
        }];
        if let Kind::Vm(vm) = self.kind {
            needed.push(file(&vm.image, "the machine's disk"));
            if !vm.cache_disk.is_empty() {
                needed.push(file(&vm.cache_disk, "the machine's second disk"));
            }
            if !vm.context.file.is_empty() {
                let what = match vm.context.method {
                    ContextMethod::Cernvm => "CernVM's user-data",
                    _ => "the ISO image that tells the guest what to be",
                };
                needed.push(file(&vm.context.file, what));
            }
        }
        for more in &self.version().files {
            needed.push(NeededFile {
                name: more_name(&more.name, platform),
                what: "a file of [[version.files]]",
            });
        }
        needed
    }
}

/// `.exe` on Windows.
pub(crate) fn exe(platform: &str) -> &'static str {
    if platform.starts_with("windows") { ".exe" } else { "" }
}

/// A name of `[[version.files]]` on one platform.
pub(crate) fn more_name(name: &str, platform: &str) -> String {
    name.replace("{platform}", platform).replace("{exe}", exe(platform))
}
