//! `job.xml`, which BOINC's wrapper reads.

use app_config::{Program, Wrapper};

use crate::xml::{Xml, number};

pub(super) fn job_xml(wrapper: &Wrapper) -> String {
    let mut xml = Xml::default();
    xml.section("job_desc", |xml| {
        if !wrapper.unzip.is_empty() {
            xml.section("unzip_input", |xml| {
                for file in &wrapper.unzip {
                    xml.element("zipfilename", file);
                }
            });
        }
        for program in &wrapper.programs {
            xml.section("task", |xml| task(xml, program));
        }
        if !wrapper.zip.is_empty() {
            xml.section("zip_output", |xml| {
                xml.element("zipfilename", &wrapper.zip);
                for file in &wrapper.zip_files {
                    xml.element("filename", file);
                }
            });
        }
    });
    xml.text()
}

fn task(xml: &mut Xml, program: &Program) {
    xml.element("application", &program.application);
    xml.filled("exec_dir", &program.exec_dir);
    for variable in &program.environment {
        xml.element("setenv", variable);
    }
    xml.filled("stdin_filename", &program.stdin);
    xml.filled("stdout_filename", &program.stdout);
    xml.filled("stderr_filename", &program.stderr);
    xml.filled("command_line", &program.arguments);
    xml.filled("checkpoint_filename", &program.checkpoint_file);
    xml.filled("fraction_done_filename", &program.fraction_done_file);
    if (program.weight - 1.0).abs() > f64::EPSILON {
        xml.element("weight", number(program.weight));
    }
    xml.flag("daemon", program.daemon);
    xml.flag("forward_slashes", program.forward_slashes);
    xml.flag("multi_process", program.multi_process);
    xml.flag("append_cmdline_args", program.append_arguments);
    if program.time_limit > 0.0 {
        xml.element("time_limit", number(program.time_limit));
    }
}
