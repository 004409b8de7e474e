//! `version.xml`, which bin/update_versions reads.

use app_config::{ContextMethod, Network};

use super::{Made, vbox_job};
use crate::description::{Description, Kind, more_name};
use crate::xml::Xml;

pub(super) fn version_xml(description: &Description<'_>, platform: &str, made: &[Made]) -> String {
    let mut xml = Xml::default();
    xml.section("version", |xml| {
        xml.section("file", |xml| {
            xml.element("physical_name", description.wrapper_program(platform));
            xml.flag("main_program", true);
        });
        for (name, open_name, _) in made {
            // docker_wrapper and docker open these themselves and don't follow BOINC's links.
            file(xml, name, open_name, matches!(description.kind, Kind::Container(_)), false);
        }
        if let Kind::Vm(vm) = description.kind {
            if vm.multiattach {
                // It stays in the project's folder at the client, where VirtualBox finds it under its own name.
                file(xml, &vm.image, "", false, vm.image_gzip);
            } else {
                file(xml, &vm.image, "vm_image.vdi", true, vm.image_gzip);
            }
            if !vm.cache_disk.is_empty() {
                file(xml, &vm.cache_disk, "vm_cache.vdi", true, true);
            }
            if !vm.context.file.is_empty() {
                let open_name = match vm.context.method {
                    ContextMethod::Cernvm => vbox_job::USER_DATA,
                    _ => "vm_isocontext.iso",
                };
                file(xml, &vm.context.file, open_name, true, false);
            }
        }
        for more in &description.version().files {
            let name = more_name(&more.name, platform);
            let open_name = if more.open_name.is_empty() { &name } else { &more.open_name };
            file(xml, &name, open_name, more.copy, more.gzip);
        }
        xml.flag("is_wrapper", true);
        xml.flag("dont_throttle", !matches!(description.kind, Kind::Wrapper(_)));
        let online = matches!(description.kind, Kind::Vm(vm) if vm.network != Network::None);
        xml.flag("needs_network", online);
    });
    xml.text()
}

fn file(xml: &mut Xml, name: &str, open_name: &str, copy: bool, gzip: bool) {
    xml.section("file", |xml| {
        xml.element("physical_name", name);
        xml.filled("logical_name", open_name);
        xml.flag("copy_file", copy);
        xml.flag("gzip", gzip);
    });
}
