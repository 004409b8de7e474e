//! `<daemons>` of config.xml: each application has its daemons, no stock one beside ours, flags that are known.

use std::collections::{BTreeMap, BTreeSet};

use app_config::{AppConfig, nearest};
use boinc::config::DaemonEntry;

use crate::Report;

/// A flag of our daemons, with the number of values that follow it.
type Flag = (&'static str, usize);

/// Flags that all of ours have. A test of the command compares these lists with what the programs say.
pub const COMMON: &[Flag] = &[
    ("app", 1),
    ("d", 1),
    ("debug_level", 1),
    ("one_pass", 0),
    ("mod", 2),
    ("sleep_interval", 1),
    ("dry_run", 0),
    ("project_dir", 1),
    ("log_format", 1),
    ("metrics_address", 1),
    ("h", 0),
    ("help", 0),
    ("v", 0),
    ("version", 0),
];

/// Our daemons with the flags that each has in addition.
pub const OURS: &[(&str, &[Flag])] = &[
    ("cobblestone-work-generator", &[("in_template_file", 1), ("out_template_file", 1), ("cushion", 1)]),
    (
        "cobblestone-trickle-credit",
        &[("variety", 1), ("watch_all", 0), ("max_runtime", 1), ("max_granted_credit", 1)],
    ),
    (
        "cobblestone-validator",
        &[
            ("credit_from_runtime", 0),
            ("credit_from_wu", 0),
            ("post_assigned_credit", 0),
            ("no_credit", 0),
            ("max_granted_credit", 1),
            ("update_credited_job", 0),
            ("check_punitive", 0),
            ("one_pass_N_WU", 1),
            ("wu_id", 1),
            ("min_wu_id", 1),
            ("max_wu_id", 1),
        ],
    ),
    ("cobblestone-assimilator", &[("dont_update_db", 0), ("wu_id", 1), ("one_pass_N_WU", 1)]),
];

/// Programs of BOINC that nothing works without.
const STOCK_NEEDED: &[(&str, &str)] = &[
    ("feeder", "the scheduler has no tasks to give"),
    ("transitioner", "no results are made, and none comes to validation"),
];

/// A daemon's command line, taken apart.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Command {
    /// The program, without folders.
    pub program: String,
    /// Flags, as ours spell them, with their values.
    pub flags: Vec<(String, Vec<String>)>,
    /// What is no flag.
    pub stray: Vec<String>,
}

impl Command {
    /// Takes a command line apart as bin/start hands it to a program. Values belong to a flag of ours as many as it
    /// takes; for other programs, one if what follows is no flag.
    #[must_use]
    pub fn parse(cmd: &str) -> Self {
        let mut words = cmd.split_whitespace().peekable();
        let program = words.next().unwrap_or_default().rsplit('/').next().unwrap_or_default().to_owned();
        let known = flags_of(&program);
        let mut command = Self { program, ..Self::default() };
        while let Some(word) = words.next() {
            let is_flag = |word: &str| word.starts_with('-') && word.parse::<f64>().is_err();
            if !is_flag(word) {
                command.stray.push(word.to_owned());
                continue;
            }
            let bare = word.trim_start_matches('-');
            let (name, attached) = match bare.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (bare, None),
            };
            let name = name.replace('-', "_");
            // Of a flag that nobody knows, and of other programs', one value is taken if it looks like one.
            let takes = known
                .as_ref()
                .and_then(|known| known.iter().find(|(flag, _)| flag.eq_ignore_ascii_case(&name)))
                .map(|(_, takes)| *takes);
            let mut values: Vec<String> = attached.into_iter().collect();
            while takes.map_or(values.is_empty(), |takes| values.len() < takes)
                && let Some(value) = words.next_if(|next| takes.is_some() || !is_flag(next))
            {
                values.push(value.to_owned());
            }
            command.flags.push((name, values));
        }
        command
    }

    /// The first value of a flag.
    #[must_use]
    pub fn value(&self, flag: &str) -> Option<&str> {
        let (_, values) = self.flags.iter().find(|(name, _)| name == flag)?;
        values.first().map(String::as_str)
    }

    fn is_ours(&self) -> bool {
        OURS.iter().any(|(program, _)| *program == self.program)
    }

    /// Which share of the ids it takes.
    fn share(&self) -> Option<(i64, i64)> {
        let (_, values) = self.flags.iter().find(|(name, _)| name == "mod")?;
        Some((values.first()?.parse().ok()?, values.get(1)?.parse().ok()?))
    }
}

fn flags_of(program: &str) -> Option<Vec<Flag>> {
    let (_, own) = OURS.iter().find(|(known, _)| *known == program)?;
    Some(COMMON.iter().chain(own.iter()).copied().collect())
}

/// What a program does for an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Role {
    Generator,
    Trickles,
    Validator,
    Assimilator,
}

impl Role {
    fn of(program: &str) -> Option<Self> {
        if program.contains("validator") {
            Some(Self::Validator)
        } else if program.contains("assimilator") {
            Some(Self::Assimilator)
        } else if program.contains("trickle") {
            Some(Self::Trickles)
        } else if program.contains("work_generator") || program.contains("work-generator") {
            Some(Self::Generator)
        } else {
            None
        }
    }

    const fn program(self) -> &'static str {
        match self {
            Self::Generator => "cobblestone-work-generator",
            Self::Trickles => "cobblestone-trickle-credit",
            Self::Validator => "cobblestone-validator",
            Self::Assimilator => "cobblestone-assimilator",
        }
    }
}

/// Daemons that run, taken apart.
fn commands(entries: &[DaemonEntry]) -> Vec<Command> {
    entries.iter().filter(|entry| !entry.disabled).map(|entry| Command::parse(&entry.cmd)).collect()
}

/// Looks at the whole list. `exists` says whether a program is in bin/ and can be run; `apps` are those of the database.
pub fn project(
    report: &mut Report<'_>,
    entries: &[DaemonEntry],
    exists: &dyn Fn(&str) -> bool,
    apps: Option<&[String]>,
) {
    let commands = commands(entries);
    for (program, why) in STOCK_NEEDED {
        if !commands.iter().any(|command| command.program == *program) {
            report.warning(
                "daemon-missing",
                "config.xml",
                format!("there is no {program} among <daemons>"),
                *why,
                format!("add <daemon><cmd>{program} -d 2</cmd></daemon>, unless it runs on another machine"),
            );
        }
    }
    for command in commands.iter().filter(|command| command.is_ours()) {
        flags(report, command, apps);
        if !exists(&command.program) {
            report.error(
                "daemon-program",
                format!("bin/{}", command.program),
                "it is missing, or can't be run",
                "bin/start can't start it",
                "put the program, or a link to it, into bin/",
            );
        }
    }
    names(report, entries);
}

fn flags(report: &mut Report<'_>, command: &Command, apps: Option<&[String]>) {
    let Some(known) = flags_of(&command.program) else { return };
    let subject = format!("config.xml, {}", command.program);
    let refuses = "the daemon refuses it and does not start";
    for (name, values) in &command.flags {
        let Some((_, takes)) = known.iter().find(|(flag, _)| flag.eq_ignore_ascii_case(name)) else {
            let mend = match nearest(name, known.iter().map(|(flag, _)| *flag)) {
                Some(near) => format!("did you mean --{near}?"),
                None => format!("{} --help lists its flags", command.program),
            };
            report.error("daemon-flag", &subject, format!("it has no flag --{name}"), refuses, mend);
            continue;
        };
        if values.len() != *takes {
            report.error(
                "daemon-flag",
                &subject,
                format!("--{name} has {} values and takes {takes}", values.len()),
                refuses,
                "mend the command line",
            );
        }
    }
    if let Some(stray) = command.stray.first() {
        report.error("daemon-flag", &subject, format!("\"{stray}\" is no flag"), refuses, "take it out");
    }
    if let Some((n, i)) = command.share()
        && !(0..n).contains(&i)
    {
        report.error(
            "daemon-flag",
            &subject,
            format!("--mod {n} {i}: the second number must be from 0 to {}", n - 1),
            refuses,
            "--mod 2 0 and --mod 2 1 for two instances",
        );
    }
    if let (Some(app), Some(apps)) = (command.value("app"), apps)
        && !apps.iter().any(|known| known == app)
    {
        let mend = match nearest(app, apps.iter().map(String::as_str)) {
            Some(near) => format!("did you mean --app {near}?"),
            None => "add the application to project.xml and run bin/xadd".to_owned(),
        };
        report.error(
            "daemon-app",
            &subject,
            format!("--app {app}: the project has no such application"),
            refuses,
            mend,
        );
    }
}

/// Two daemons with one log or one pid file.
fn names(report: &mut Report<'_>, entries: &[DaemonEntry]) {
    let mut seen: BTreeMap<(String, String), String> = BTreeMap::new();
    for entry in entries.iter().filter(|entry| !entry.disabled) {
        let program = Command::parse(&entry.cmd).program;
        let host = entry.host.clone().unwrap_or_default();
        let pid = entry.pid_file.clone().unwrap_or_else(|| format!("{program}.pid"));
        let output = entry.output.clone().unwrap_or_else(|| format!("{program}.log"));
        for (element, file, why) in [
            ("pid_file", pid, "bin/start takes the second for the first, and does not start it"),
            ("output", output, "their logs run into one file"),
        ] {
            if let Some(other) = seen.insert((host.clone(), file.clone()), entry.cmd.clone()) {
                report.error(
                    "daemon-names",
                    "config.xml",
                    format!("\"{other}\" and \"{}\" have the same <{element}>, {file}", entry.cmd),
                    why,
                    format!("give each its own <{element}>; cobblestone app build NAME shows how"),
                );
            }
        }
    }
}

/// Looks at what one application has. `makes_work` says whether it has campaigns.
pub fn app(report: &mut Report<'_>, entries: &[DaemonEntry], config: &AppConfig, makes_work: bool) {
    let app = report.app().to_owned();
    let commands = commands(entries);
    let all = |role: Role| -> Vec<&Command> {
        commands
            .iter()
            .filter(|command| Role::of(&command.program) == Some(role))
            // Without --app the trickle handler handles all applications.
            .filter(|command| command.value("app").map_or(role == Role::Trickles, |named| named == app))
            .collect()
    };
    let needs_trickles = config.uptime.enabled || config.deadline.is_some() || !config.reports.is_empty();
    let wanted = [
        (Role::Generator, makes_work && config.daemons.work_generator > 0, "no workunits are made"),
        (
            Role::Trickles,
            needs_trickles && config.daemons.trickle_credit > 0,
            "messages are stored, and nobody pays for them",
        ),
        (
            Role::Validator,
            config.daemons.validator > 0,
            "results are never judged, and nobody gets credit for them",
        ),
        (
            Role::Assimilator,
            config.daemons.assimilator > 0,
            "results are never stored, and their files never deleted",
        ),
    ];
    let mut ours_run = BTreeSet::new();
    for (role, is_wanted, why) in wanted {
        let found = all(role);
        let (ours, stock): (Vec<&Command>, Vec<&Command>) =
            found.into_iter().partition(|command| command.is_ours());
        if !ours.is_empty() {
            ours_run.insert(role);
        }
        if ours.is_empty() && stock.is_empty() && is_wanted {
            report.error(
                "daemon-missing",
                "config.xml",
                format!("no daemon does what {} does for {app}", role.program()),
                why,
                format!(
                    "add its line from cobblestone/{app}-daemons.xml (cobblestone app build {app} writes it)"
                ),
            );
        }
        for stock in stock.iter().filter(|stock| !ours.is_empty() && beside(role, stock, config)) {
            report.error(
                "daemon-twice",
                "config.xml",
                format!("{} runs beside {} for {app}", stock.program, role.program()),
                match role {
                    Role::Validator | Role::Trickles => {
                        "the stock program takes no locks and knows no ledger: both pay, and the books don't balance"
                    }
                    Role::Assimilator => "each takes workunits from the other: half of the results are missing in the dataset",
                    Role::Generator => "both fill the same cushion",
                },
                "take the stock one out, or ours",
            );
        }
        shares(report, role, &ours);
    }
    if ours_run.contains(&Role::Trickles) != ours_run.contains(&Role::Validator) && config.uptime.enabled {
        report.error(
            "daemon-pair",
            "config.xml",
            "our trickle handler and our validator are not both there",
            "what trickles have paid is subtracted by our validator only: results would be paid twice, or not to the end",
            "use both, or neither",
        );
    }
}

/// Whether a stock program would do the same work. Stock trickle handlers have a variety each.
fn beside(role: Role, stock: &Command, config: &AppConfig) -> bool {
    if role != Role::Trickles {
        return true;
    }
    let Some(variety) = stock.value("variety") else { return true };
    config.uptime.claims.iter().any(|claim| claim.variety == variety)
        || config.reports.iter().any(|rule| rule.variety == variety)
}

/// Whether instances share the work without a gap and without overlap.
fn shares(report: &mut Report<'_>, role: Role, ours: &[&Command]) {
    if ours.len() < 2 && ours.iter().all(|command| command.share().is_none()) {
        return;
    }
    if role == Role::Trickles
        && ours.iter().any(|command| command.value("app").is_none() || command.value("variety").is_some())
    {
        return;
    }
    let shares: Vec<Option<(i64, i64)>> = ours.iter().map(|command| command.share()).collect();
    let sets: BTreeSet<(i64, i64)> = shares.iter().flatten().copied().collect();
    let parts: BTreeSet<i64> = sets.iter().map(|(n, _)| *n).collect();
    let whole = parts.len() == 1
        && parts.first() == i64::try_from(sets.len()).ok().as_ref()
        && sets.len() == shares.len();
    if !whole {
        let lines: Vec<String> = shares
            .iter()
            .map(|share| share.map_or_else(|| "without --mod".to_owned(), |(n, i)| format!("--mod {n} {i}")))
            .collect();
        report.error(
            "daemon-shares",
            "config.xml",
            format!("instances of {} don't share the work: {}", role.program(), lines.join(", ")),
            "ids that no instance takes wait for ever; those that two take are done by whoever is first",
            format!("for N instances write --mod N 0 to --mod N {}", "N-1"),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{fired, found};
    use super::*;

    fn entries(commands: &[&str]) -> Vec<DaemonEntry> {
        commands
            .iter()
            .enumerate()
            .map(|(index, cmd)| DaemonEntry {
                cmd: (*cmd).to_owned(),
                output: Some(format!("{index}.out")),
                pid_file: Some(format!("{index}.pid")),
                disabled: false,
                host: None,
            })
            .collect()
    }

    const ALL: [&str; 6] = [
        "feeder -d 2",
        "transitioner -d 2",
        "cobblestone-work-generator -d 2 --app theory",
        "cobblestone-trickle-credit -d 2 --app theory",
        "cobblestone-validator -d 2 --app theory",
        "cobblestone-assimilator -d 2 --app theory",
    ];

    fn with(more: &[&str]) -> Vec<DaemonEntry> {
        entries(&[&ALL, more].concat())
    }

    fn project_checks(entries: &[DaemonEntry]) -> Vec<&'static str> {
        fired(|report| {
            project(
                report,
                entries,
                &|program| program != "cobblestone-assimilator-2",
                Some(&["theory".to_owned()]),
            )
        })
    }

    #[test]
    fn the_list() {
        assert!(project_checks(&with(&[])).is_empty());
        assert_eq!(project_checks(&entries(&ALL[1..])), ["daemon-missing"]);
        for (line, check) in [
            ("cobblestone-validator --ap theory", "daemon-flag"),
            ("cobblestone-validator --app", "daemon-flag"),
            ("cobblestone-validator --app theory --mod 2", "daemon-flag"),
            ("cobblestone-validator --app theory --mod 2 2", "daemon-flag"),
            ("cobblestone-validator --app theory theory", "daemon-flag"),
            ("cobblestone-validator --app thoery", "daemon-app"),
        ] {
            assert_eq!(project_checks(&with(&[line])), [check], "{line}");
        }
        for line in [
            "cobblestone-validator -app theory -debug-level 3 --one-pass",
            "cobblestone-validator --app=theory --mod 2 1 --max_granted_credit -1",
            "../bin/cobblestone-assimilator --app theory --dont_update_db",
            "sample_bitwise_validator --what ever",
        ] {
            assert!(project_checks(&with(&[line])).is_empty(), "{line}");
        }
        let near =
            found(|report| project(report, &with(&["cobblestone-validator --aap theory"]), &|_| true, None));
        assert_eq!(near[0].mend, "did you mean --app?");
        let gone =
            fired(|report| project(report, &with(&[]), &|program| program != "cobblestone-validator", None));
        assert_eq!(gone, ["daemon-program"]);
        let mut same = with(&[]);
        same[4].pid_file = same[5].pid_file.clone();
        assert_eq!(project_checks(&same), ["daemon-names"]);
        same[4].disabled = true;
        assert!(project_checks(&same).is_empty());
    }

    fn app_checks(entries: &[DaemonEntry], toml: &str) -> Vec<&'static str> {
        let config = AppConfig::parse(toml, "theory").unwrap();
        fired(|report| app(report, entries, &config, config.work.is_some()))
    }

    #[test]
    fn one_application() {
        let full = "[work]\n[uptime]\nenabled = true\n";
        assert!(app_checks(&with(&[]), full).is_empty());
        assert!(app_checks(&entries(&ALL[4..]), "").is_empty(), "nothing else is asked for");
        for missing in 2..6 {
            let less: Vec<&str> =
                ALL.iter().enumerate().filter(|(at, _)| *at != missing).map(|(_, line)| *line).collect();
            let found = app_checks(&entries(&less), full);
            assert_eq!(found[0], "daemon-missing", "{missing}");
        }
        assert!(app_checks(&entries(&ALL[4..5]), "[daemons]\nassimilator = 0").is_empty());
        let stock = |line: &str| app_checks(&with(&[line]), full);
        assert_eq!(stock("sample_bitwise_validator --app theory"), ["daemon-twice"]);
        assert!(stock("sample_bitwise_validator --app other").is_empty());
        assert_eq!(stock("sample_assimilator -app theory"), ["daemon-twice"]);
        assert_eq!(stock("trickle_credit --variety cpu_time"), ["daemon-twice"]);
        assert!(stock("trickle_echo --variety echo").is_empty());
        let pair: Vec<&str> = ALL.iter().copied().filter(|line| !line.contains("-validator")).collect();
        let pair = [&pair[..], &["sample_trivial_validator --app theory"]].concat();
        assert_eq!(app_checks(&entries(&pair), full), ["daemon-pair"]);
    }

    #[test]
    fn instances_share_the_work() {
        let validators = |lines: &[&str]| {
            let lines: Vec<String> =
                lines.iter().map(|share| format!("cobblestone-validator --app theory {share}")).collect();
            let mut all: Vec<&str> = lines.iter().map(String::as_str).collect();
            all.push("cobblestone-assimilator --app theory");
            app_checks(&entries(&all), "")
        };
        assert!(validators(&["--mod 2 0", "--mod 2 1"]).is_empty());
        assert!(validators(&["--mod 1 0"]).is_empty());
        for wrong in [
            &["--mod 2 0"][..],
            &["", ""],
            &["--mod 2 0", "--mod 2 0"],
            &["--mod 2 0", "--mod 3 1"],
            &["--mod 2 0", ""],
        ] {
            assert_eq!(validators(wrong), ["daemon-shares"], "{wrong:?}");
        }
    }
}
