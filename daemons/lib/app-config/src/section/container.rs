//! `[container]`: the task is a container of Docker or Podman, run by BOINC's docker_wrapper.

use serde::{Deserialize, Serialize};

use super::Report;
use crate::name::stays_below;

/// A container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Container {
    /// The image that it is made from, as Docker names it.
    pub image: String,
    /// Lines of the Dockerfile between FROM and CMD.
    pub setup: Vec<String>,
    /// Program and arguments.
    pub command: Vec<String>,
    /// A Dockerfile of one's own, relative to the project directory, instead of these three. Empty: none.
    pub dockerfile: String,
    /// Where the task's folder is in the container.
    pub workdir: String,
    /// Where the project's folder is in the container. Empty: nowhere.
    pub project_mount: String,
    /// More folders, as of `docker create -v`.
    pub mounts: Vec<String>,
    /// Ports, as of `docker create -p`.
    pub ports: Vec<String>,
    /// Port at which it shows web pages. 0: none.
    pub web_port: u16,
    /// More arguments of `docker build`.
    pub build_arguments: String,
    /// More arguments of `docker create`.
    pub create_arguments: String,
    /// Whether it gets the graphics processors.
    pub gpu: bool,
    /// How much docker_wrapper says in stderr: 0, 1 or 2.
    pub verbose: i32,
}

impl Default for Container {
    fn default() -> Self {
        Self {
            image: String::new(),
            setup: Vec::new(),
            command: Vec::new(),
            dockerfile: String::new(),
            workdir: "/app".to_owned(),
            project_mount: String::new(),
            mounts: Vec::new(),
            ports: Vec::new(),
            web_port: 0,
            build_arguments: String::new(),
            create_arguments: String::new(),
            gpu: false,
            verbose: 1,
        }
    }
}

impl Container {
    pub(crate) fn check(&self, report: &mut Report<'_>) {
        if self.dockerfile.is_empty() {
            if self.image.is_empty() {
                report(
                    "image",
                    "is missing; write the image that the container is made from, as \"debian:13-slim\""
                        .into(),
                );
            }
            if self.command.is_empty() {
                report(
                    "command",
                    "is missing; write the program and its arguments, as [\"./main.sh\"]".into(),
                );
            }
        } else {
            if !stays_below(&self.dockerfile) {
                report(
                    "dockerfile",
                    format!("{:?} must be a path below the project directory", self.dockerfile),
                );
            }
            for (key, set) in [
                ("image", !self.image.is_empty()),
                ("setup", !self.setup.is_empty()),
                ("command", !self.command.is_empty()),
            ] {
                if set {
                    report(key, "has no effect beside `dockerfile`; remove one of them".into());
                }
            }
        }
        for (key, path) in [("workdir", &self.workdir), ("project_mount", &self.project_mount)] {
            let is_left_out = key == "project_mount" && path.is_empty();
            if !is_left_out && !path.starts_with('/') {
                report(key, format!("is {path:?}, but must be an absolute path in the container"));
            }
        }
        let lines =
            [&self.image, &self.workdir, &self.project_mount, &self.build_arguments, &self.create_arguments];
        let lists = [&self.setup, &self.command, &self.mounts, &self.ports];
        if lines.into_iter().chain(lists.into_iter().flatten()).any(|text| text.chars().any(char::is_control))
        {
            report("image", "a text of this section has a line break or another control character".into());
        }
        if self.image.contains(char::is_whitespace) {
            report("image", format!("{:?} is no image: it has blanks", self.image));
        }
        if !(0..=2).contains(&self.verbose) {
            report("verbose", format!("is {}, but docker_wrapper knows 0, 1 and 2", self.verbose));
        }
    }
}
