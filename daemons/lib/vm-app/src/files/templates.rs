//! The input and the output template, which work generator and transitioner read.

use crate::description::{Description, Kind};
use crate::xml::{Xml, bound, number};

/// Memory that VirtualBox takes beside the machine's own, MB.
const OVERHEAD_MB: u32 = 128;
/// How much longer than its lifetime a task may run on the fastest computer before the client aborts it.
const PATIENCE: f64 = 2.0;

pub(super) fn input(description: &Description<'_>) -> String {
    let task = description.task();
    let mut xml = Xml::default();
    xml.section("input_template", |xml| {
        if !task.input.is_empty() {
            xml.section("file_info", |_| {});
        }
        for file in &task.files {
            xml.section("file_info", |xml| xml.element("physical_name", &file.name));
        }
        xml.section("workunit", |xml| {
            let own = Some(task.input.as_str()).filter(|name| !name.is_empty());
            for open_name in own.into_iter().chain(task.files.iter().map(|file| file.open_name.as_str())) {
                xml.section("file_ref", |xml| {
                    xml.element("open_name", open_name);
                    xml.flag("copy_file", true);
                });
            }
            let command_line = command_line(description);
            xml.filled("command_line", &command_line);
            let giga = 1e9;
            // For the fewest cores: a computer with one must not be thought too slow for the deadline. With more BOINC
            // learns how long it takes.
            let cores = f64::from(task.min_cores);
            xml.element("rsc_fpops_est", bound(task.lifetime() * task.gflops * giga * cores));
            let fastest = task.fastest_gflops * giga * f64::from(task.max_cores);
            xml.element("rsc_fpops_bound", bound(task.lifetime() * fastest * PATIENCE));
            xml.element("rsc_memory_bound", bound(memory(description)));
            xml.element("rsc_disk_bound", bound(task.disk_gb * giga));
            #[allow(clippy::cast_possible_truncation, reason = "at most a year, see app-config")]
            let deadline = (task.deadline_hours * 3600.0) as i32;
            xml.element("delay_bound", deadline);
            xml.element("min_quorum", task.min_quorum);
            xml.element("target_nresults", task.target_nresults);
            xml.element("max_error_results", task.max_error_results);
            xml.element("max_total_results", task.max_total_results);
            xml.element("max_success_results", task.max_success_results);
        });
    });
    xml.text()
}

/// The wrapper's arguments. docker_wrapper would hand `--trickle` on to the program.
fn command_line(description: &Description<'_>) -> String {
    let task = description.task();
    let mut words = Vec::new();
    if task.trickle_seconds > 0.0 && !matches!(description.kind, Kind::Container(_)) {
        words.push(format!("--trickle {}", number(task.trickle_seconds)));
    }
    if !task.arguments.is_empty() {
        words.push(task.arguments.clone());
    }
    words.join(" ")
}

/// Memory that a host must have, bytes.
fn memory(description: &Description<'_>) -> f64 {
    let task = description.task();
    let overhead = if matches!(description.kind, Kind::Vm(_)) { OVERHEAD_MB } else { 0 };
    let cores = if matches!(description.kind, Kind::Vm(_)) { task.min_cores } else { task.max_cores };
    let megabytes = task.memory_mb + task.memory_per_core_mb * cores + overhead;
    f64::from(megabytes) * 1_048_576.0
}

pub(super) fn output(description: &Description<'_>) -> String {
    let outputs = &description.task().outputs;
    let mut xml = Xml::default();
    xml.section("output_template", |xml| {
        for (index, output) in outputs.iter().enumerate() {
            xml.section("file_info", |xml| {
                xml.raw(&format!("<name><OUTFILE_{index}/></name>"));
                xml.flag("generated_locally", true);
                xml.flag("upload_when_present", true);
                xml.element("max_nbytes", output.max_bytes);
                xml.raw("<url><UPLOAD_URL/></url>");
            });
        }
        xml.section("result", |xml| {
            for (index, output) in outputs.iter().enumerate() {
                xml.section("file_ref", |xml| {
                    xml.raw(&format!("<file_name><OUTFILE_{index}/></file_name>"));
                    xml.element("open_name", &output.open_name);
                    xml.flag("copy_file", true);
                    xml.flag("optional", output.optional);
                    xml.flag("no_validate", output.no_validate);
                });
            }
        });
    });
    xml.text()
}
