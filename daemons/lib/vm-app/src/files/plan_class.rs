//! `<plan_class>` blocks for plan_class_spec.xml.

use app_config::virtualbox_version;

use crate::description::{Description, Kind};
use crate::xml::Xml;

/// Name and block of each plan class that the application has. A version without a plan class needs none.
#[must_use]
pub fn plan_classes(description: &Description<'_>) -> Vec<(String, String)> {
    let task = description.task();
    let mut blocks = Vec::new();
    for class in description.plan_classes() {
        if class.name.is_empty() {
            continue;
        }
        let mut xml = Xml::default();
        xml.section("plan_class", |xml| {
            xml.element("name", &class.name);
            match description.kind {
                Kind::Vm(vm) => {
                    xml.flag("virtualbox", true);
                    xml.flag("is64bit", true);
                    for (name, version) in
                        [("min_vbox_version", &vm.min_virtualbox), ("max_vbox_version", &vm.max_virtualbox)]
                    {
                        if let Some(version) = virtualbox_version(version) {
                            xml.element(name, version);
                        }
                    }
                    for version in vm.exclude_virtualbox.iter().filter_map(|text| virtualbox_version(text)) {
                        xml.element("exclude_vbox_version", version);
                    }
                    xml.flag("vm_accel_required", vm.acceleration);
                }
                Kind::Container(_) => xml.flag("docker", true),
                Kind::Wrapper(_) => {}
            }
            if class.max_cores > 1 {
                xml.element("min_ncpus", class.min_cores);
                xml.element("max_threads", class.max_cores);
                // Only of VirtualBox' wrapper: others would hand the argument on to the program.
                if task.memory_per_core_mb > 0 && matches!(description.kind, Kind::Vm(_)) {
                    xml.element("mem_usage_base_mb", task.memory_mb);
                    xml.element("mem_usage_per_cpu_mb", task.memory_per_core_mb);
                }
                xml.flag("nthreads_cmdline", !matches!(description.kind, Kind::Container(_)));
            }
        });
        blocks.push((class.name, xml.text()));
    }
    blocks
}
