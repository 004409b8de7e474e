//! `job.toml` and Dockerfile, which docker_wrapper reads.

use std::fmt::Write as _;

use app_config::Container;

/// Only what differs from docker_wrapper's own defaults.
pub(super) fn job_toml(container: &Container) -> String {
    let text = |text: &str| toml::Value::from(text).to_string();
    let list = |list: &[String]| toml::Value::from(list.to_vec()).to_string();
    let mut out = String::new();
    let mut put = |key: &str, value: String, set: bool| {
        if set {
            let _ = writeln!(out, "{key} = {value}");
        }
    };
    put("workdir", text(&container.workdir), container.workdir != "/app");
    put("project_dir_mount", text(&container.project_mount), !container.project_mount.is_empty());
    put("use_gpu", "true".to_owned(), container.gpu);
    put("web_graphics_guest_port", container.web_port.to_string(), container.web_port != 0);
    put("mount", list(&container.mounts), !container.mounts.is_empty());
    put("portmap", list(&container.ports), !container.ports.is_empty());
    put("build_args", text(&container.build_arguments), !container.build_arguments.is_empty());
    put("create_args", text(&container.create_arguments), !container.create_arguments.is_empty());
    put("verbose", container.verbose.to_string(), true);
    out
}

pub(super) fn dockerfile(container: &Container) -> String {
    let mut out = format!("FROM {}\nWORKDIR {}\n", container.image, container.workdir);
    for line in &container.setup {
        let _ = writeln!(out, "{line}");
    }
    // The form with brackets takes words as they are; JSON and TOML write a list of texts alike.
    let words: Vec<String> = container.command.iter().map(|word| json_text(word)).collect();
    let _ = writeln!(out, "CMD [{}]", words.join(", "));
    out
}

/// A text in JSON. Control characters were refused with the description.
fn json_text(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
