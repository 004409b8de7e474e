//! `<daemon>` lines for config.xml.
//!
//! Each has its own log and pid file: bin/start would else give two of one program the same.

use crate::description::Description;
use crate::xml::Xml;

pub(super) fn lines(description: &Description<'_>) -> String {
    let daemons = &description.config.daemons;
    let app = description.app;
    let mut xml = Xml::default();
    for (program, count) in daemons.programs() {
        let has_work = program != "cobblestone-work-generator" || description.config.work.is_some();
        if !has_work {
            continue;
        }
        for index in 0..count {
            let share = if count > 1 { format!(" --mod {count} {index}") } else { String::new() };
            let suffix = if count > 1 { format!("_{index}") } else { String::new() };
            xml.section("daemon", |xml| {
                xml.element("cmd", format_args!("{program} -d {} --app {app}{share}", daemons.debug_level));
                xml.element("output", format_args!("{program}_{app}{suffix}.out"));
                xml.element("pid_file", format_args!("{program}_{app}{suffix}.pid"));
            });
        }
    }
    xml.text()
}
