//! What the demo runs: a project with one application, its configuration, and the volunteers.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use sandbox::fleet::FleetOptions;
use sandbox::science::TOLERANCE;
use sandbox::{DaemonLine, Project, ProjectOptions, Server, SimClock};

use super::DemoArgs;
use super::place::Place;

/// The application.
pub const APP: &str = "theory";
/// Its campaign.
pub const CAMPAIGN: &str = "demo";
/// Name of the database.
pub const DATABASE: &str = "cobblestone_demo";
/// Variety of the guest reports.
pub const REPORTS: &str = "jobs.json";
/// The daemons, as config.xml lists them.
pub const DAEMONS: [&str; 4] = ["work-generator", "trickle-credit", "validator", "assimilator"];
/// Real seconds that an idle daemon sleeps: hours pass meanwhile in the sandbox.
const SLEEP_INTERVAL: f64 = 0.5;
/// The input file that each workunit gets.
const CONTEXT: &str = include_str!("../../../../../project-config/vm_context.txt");

/// Makes the project, with everything but the tables of `cobblestone migrate`. Its clock stands still at `start`.
///
/// # Errors
/// A file or statement failed, or the daemons' programs are not beside this one.
pub async fn project(place: &Place, server: &Server, start: f64, args: &DemoArgs) -> Result<Project> {
    let lines = DAEMONS.map(|name| {
        DaemonLine::new(format!("cobblestone-{name} -d 2 --app {APP} --sleep_interval {SLEEP_INTERVAL}"))
    });
    let usual = ProjectOptions::default();
    let options = ProjectOptions {
        app: APP.to_owned(),
        input_template: talkative(&impatient(&usual.input_template)),
        long_name: "Cobblestone demo".to_owned(),
        clock: Some(SimClock::frozen(start)),
        daemons: Some(lines.to_vec()),
        ..usual
    };
    let project = Project::create(place.project(), &server.url(DATABASE), options).await?;
    std::fs::write(project.path("cobblestone/vm_context.txt"), CONTEXT)
        .context("can't write the context template")?;
    std::fs::create_dir_all(place.results()).context("can't make the folder of results")?;
    upload_folders(&project)?;
    project.write_app_config(&app_toml(args, &place.results())?)?;
    let here = std::env::current_exe().context("can't tell where this program is")?;
    let here = here.parent().context("can't tell the folder of this program")?;
    install(&project, here)?;
    Ok(project)
}

/// The template with fewer errors allowed than real projects have, so that some workunits fail: with one in a hundred
/// tasks crashing, and some hosts where most do, hardly any would.
fn impatient(template: &str) -> String {
    template.replace("<max_error_results>4<", "<max_error_results>1<")
}

/// The template with the wrapper's argument for messages that say how long a task has run.
fn talkative(template: &str) -> String {
    template.replace("<rsc_fpops_est>", "<command_line>--trickle 900</command_line>\n        <rsc_fpops_est>")
}

/// All fan-out folders, as a project has them that has run for a while. A validator takes a missing folder for a file
/// system that is not mounted, and waits.
fn upload_folders(project: &Project) -> Result<()> {
    for number in 0..project.options().fanout {
        let folder = project.path(format!("upload/{number:x}"));
        std::fs::create_dir_all(&folder).with_context(|| format!("can't make {}", folder.display()))?;
    }
    Ok(())
}

fn install(project: &Project, from: &Path) -> Result<()> {
    let installed = project.install_programs(from)?;
    let missing: Vec<String> = DAEMONS
        .iter()
        .map(|name| format!("cobblestone-{name}"))
        .filter(|program| !installed.contains(program))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    bail!(
        "{} is not in {}; build it first: cargo build --release -p {}",
        missing.join(" and "),
        from.display(),
        missing.join(" -p ")
    )
}

/// `cobblestone/theory.toml`.
fn app_toml(args: &DemoArgs, results: &Path) -> Result<String> {
    // A JSON string is a TOML string.
    let folder = serde_json::to_string(&results.to_string_lossy()).context("quoting a path")?;
    Ok(format!(
        r#"# Written by `cobblestone demo`. Every key is explained in project-config/theory.toml.

[work]
campaign = "{CAMPAIGN}"
context = "cobblestone/vm_context.txt"
jobs = {jobs}
cushion = {cushion}
events = 500

[work.parameters]
generator = "pythia8"
process = "z1j"
beam_energy_gev = 6500

[uptime]
enabled = true
max_lifetime_seconds = 90000
max_flops = 1e12

[[reports]]
variety = "{REPORTS}"
format = "json"
meaning = "cumulative"

[compare]
method = "numeric"
absolute = 1e-12
relative = {TOLERANCE:e}
max_bytes = 10000000

[credit]
mode = "uptime"

[assimilate]
folder = {folder}
"#,
        jobs = args.workunits,
        cushion = 2 * args.hosts,
    ))
}

/// The volunteers: most are good, some bring every trouble there is.
pub fn fleet(args: &DemoArgs) -> FleetOptions {
    FleetOptions {
        seed: args.seed,
        hosts: args.hosts,
        users: (args.hosts * 2).div_ceil(3),
        teams: (args.hosts / 20).clamp(1, 12),
        reports: Some(REPORTS),
        ..FleetOptions::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_is_one_that_the_daemons_take() {
        let text = app_toml(&DemoArgs::default(), Path::new("/a b/\"res\\ults\"")).unwrap();
        let config =
            app_config::AppConfig::parse(&text, APP).unwrap_or_else(|mistakes| panic!("{mistakes:?}"));
        assert!(config.uptime.enabled);
        assert_eq!(config.compare, compare_spec());
        assert_eq!(config.work.unwrap().jobs, Some(300));
        assert_eq!(config.assimilate.folder, Path::new("/a b/\"res\\ults\""));
    }

    #[test]
    fn some_workunits_can_fail() {
        let template = ProjectOptions::default().input_template;
        assert!(impatient(&template).contains("<max_error_results>1</max_error_results>"));
    }

    fn compare_spec() -> compare::Spec {
        compare::Spec { max_bytes: 10_000_000, ..compare::Spec::numeric(1e-12, 1e-5) }
    }
}
