//! `cobblestone app new`: asks, or takes flags, and writes `cobblestone/NAME.toml`. It never writes over one.

use std::io::{BufRead, IsTerminal as _};

use anyhow::{Context as _, Result, anyhow, bail};
use app_config::AppConfig;
use clap::{Args, ValueEnum};
use vm_app::new::{QUESTIONS, Question, Template, fill};

use super::files;
use crate::cli::ProjectArgs;
use crate::project::directory;
use crate::screen::print;

/// What follows the help.
pub const AFTER_HELP: &str = "On a terminal it asks for what the flags don't say; Enter takes what is suggested. \
    Elsewhere, and with --yes, what is suggested counts.\n\n\
    Examples:\n  \
    cobblestone app new theory\n  \
    cobblestone app new theory --yes --image theory_1.00.vdi --cores 1-4 --context cernvm:user-data_1.00 --reports jobs.json\n  \
    cobblestone app new sieve --kind wrapper --yes";

/// What a task runs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum Kind {
    /// A virtual machine of VirtualBox
    #[default]
    Vm,
    /// A container of Docker or Podman
    Container,
    /// A plain program
    Wrapper,
}

/// Arguments of `app new`.
#[derive(Debug, Args)]
pub struct NewArgs {
    #[command(flatten)]
    project: ProjectArgs,
    /// BOINC's short name of the application
    #[arg(value_name = "NAME")]
    name: String,
    /// What a task runs in
    #[arg(long, value_enum, default_value_t)]
    kind: Kind,
    /// Ask nothing
    #[arg(long)]
    yes: bool,
    /// Only print the file
    #[arg(long = "dry_run")]
    dry_run: bool,
    #[command(flatten)]
    answers: Answers,
}

/// One flag for each question; a test compares.
#[derive(Debug, Args)]
#[command(next_help_heading = "Answers")]
struct Answers {
    /// BOINC's names of platforms, with commas
    #[arg(long, value_name = "LIST")]
    platforms: Option<String>,
    /// Name of the wrapper's executables, without platform
    #[arg(long, value_name = "NAME")]
    wrapper: Option<String>,
    /// File name of the machine's disk
    #[arg(long, value_name = "FILE")]
    image: Option<String>,
    /// Image that the container is made from
    #[arg(long = "base_image", value_name = "IMAGE")]
    base_image: Option<String>,
    /// Memory of a task
    #[arg(long, value_name = "MB")]
    memory: Option<String>,
    /// Disk of a task
    #[arg(long, value_name = "GB")]
    disk: Option<String>,
    /// 1, 4, or from-to as 1-4
    #[arg(long, value_name = "N|N-M")]
    cores: Option<String>,
    /// How long a task runs
    #[arg(long, value_name = "HOURS")]
    lifetime: Option<String>,
    /// When it must be back
    #[arg(long, value_name = "HOURS")]
    deadline: Option<String>,
    /// Time between two messages that say how long it has run; 0 = none
    #[arg(long, value_name = "S")]
    trickle: Option<String>,
    /// Least time between two checkpoints; 0 = none
    #[arg(long, value_name = "S")]
    checkpoint: Option<String>,
    /// File that the guest touches, and how often; or none
    #[arg(long, value_name = "FILE:S")]
    heartbeat: Option<String>,
    /// nat, bridged or none
    #[arg(long, value_name = "HOW")]
    network: Option<String>,
    /// What the guest sees of the disk: folder, slot or none
    #[arg(long, value_name = "HOW")]
    share: Option<String>,
    /// none, floppy, cernvm, cernvm:FILE, cloud-init:ISO or iso:ISO
    #[arg(long, value_name = "HOW")]
    context: Option<String>,
    /// File in which the guest reports its jobs, or none
    #[arg(long, value_name = "FILE")]
    reports: Option<String>,
    /// Output file
    #[arg(long, value_name = "FILE")]
    output: Option<String>,
    /// Its largest size
    #[arg(long = "output_bytes", value_name = "N")]
    output_bytes: Option<String>,
    /// exact, or the fraction within which numbers agree
    #[arg(long, value_name = "HOW")]
    compare: Option<String>,
    /// Results that must agree
    #[arg(long, value_name = "N")]
    quorum: Option<String>,
    /// How valid results are paid: mode in the file
    #[arg(long, value_name = "MODE")]
    credit: Option<String>,
    /// Folder of the results
    #[arg(long, value_name = "DIR")]
    results: Option<String>,
    /// How many workunits to make at first
    #[arg(long, value_name = "N")]
    jobs: Option<String>,
}

impl Answers {
    /// What the flag of a question says.
    fn of(&self, question: &Question) -> Option<&String> {
        match question.flag {
            "platforms" => &self.platforms,
            "wrapper" => &self.wrapper,
            "image" => &self.image,
            "base_image" => &self.base_image,
            "memory" => &self.memory,
            "disk" => &self.disk,
            "cores" => &self.cores,
            "lifetime" => &self.lifetime,
            "deadline" => &self.deadline,
            "trickle" => &self.trickle,
            "checkpoint" => &self.checkpoint,
            "heartbeat" => &self.heartbeat,
            "network" => &self.network,
            "share" => &self.share,
            "context" => &self.context,
            "reports" => &self.reports,
            "output" => &self.output,
            "output_bytes" => &self.output_bytes,
            "compare" => &self.compare,
            "quorum" => &self.quorum,
            "credit" => &self.credit,
            "results" => &self.results,
            "jobs" => &self.jobs,
            _ => &None,
        }
        .as_ref()
    }
}

/// The command.
///
/// # Errors
/// The file is there already, or an answer makes no sense, or it can't be written.
pub fn run(args: &NewArgs) -> Result<()> {
    let template = match args.kind {
        Kind::Vm => Template::Vm,
        Kind::Container => Template::Container,
        Kind::Wrapper => Template::Wrapper,
    };
    for question in QUESTIONS.iter().filter(|question| !question.is_of(template)) {
        if args.answers.of(question).is_some() {
            bail!("--{} has no meaning for this kind of application", question.flag);
        }
    }
    let app = args.name.as_str();
    let dir = directory(&args.project)?;
    let path = AppConfig::path(&dir.root, app)?;
    if path.exists() && !args.dry_run {
        bail!("{} is there already; change it, or remove it first", path.display());
    }
    let ask = !args.yes && std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    let mut asked = Vec::new();
    if ask {
        print("Enter takes what stands in brackets.\n");
        for question in QUESTIONS.iter().filter(|question| question.is_of(template)) {
            if args.answers.of(question).is_none() {
                asked.push((question.flag, answer(question, template, app, &mut std::io::stdin().lock())?));
            }
        }
    }
    let text = fill(template, app, &|question| {
        let said = asked.iter().find(|(flag, _)| *flag == question.flag).map(|(_, text)| text);
        args.answers.of(question).or(said).cloned()
    })
    .map_err(|(flag, why)| anyhow!("--{flag}: {why}"))?;
    AppConfig::parse(&text, app).map_err(|mistakes| {
        let lines: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        anyhow!("these answers don't fit together; nothing was written:\n{}", lines.join("\n"))
    })?;
    if args.dry_run {
        print(&text);
        return Ok(());
    }
    if !files::create(&path, &text).with_context(|| format!("can't write {}", path.display()))? {
        bail!("{} is there already; change it, or remove it first", path.display());
    }
    print(&format!(
        "written: {}\n\
         Look through it: each key is explained. Then:\n  \
         cobblestone app build {app}\n  \
         cobblestone app check {app}\n",
        path.display()
    ));
    Ok(())
}

/// Asks until the answer can be used.
fn answer(question: &Question, template: Template, app: &str, from: &mut impl BufRead) -> Result<String> {
    let suggested = question.suggestion(app);
    loop {
        let shown = if suggested.is_empty() { "as in the template" } else { &suggested };
        print(&format!("{} [{shown}]: ", question.ask));
        let mut line = String::new();
        if from.read_line(&mut line).context("can't read the answer")? == 0 {
            bail!("the answers ended; nothing was written");
        }
        let given = line.trim();
        let given = if given.is_empty() { suggested.clone() } else { given.to_owned() };
        match question.check(template, &given) {
            Ok(()) => return Ok(given),
            Err(why) => print(&format!("  {why}\n")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{CommandFactory as _, Parser};

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: NewArgs,
    }

    #[test]
    fn every_question_has_its_flag() {
        let command = Line::command();
        for question in QUESTIONS {
            let flag = format!("--{}", question.flag);
            assert!(
                command.get_arguments().any(|argument| argument.get_long() == Some(question.flag)),
                "{flag}"
            );
            let line = Line::parse_from(["new", "x", &flag, "answer"]);
            assert_eq!(line.args.answers.of(question).map(String::as_str), Some("answer"), "{flag}");
        }
    }

    #[test]
    fn it_asks_again_until_the_answer_can_be_used() {
        let memory = QUESTIONS.iter().find(|question| question.flag == "memory").unwrap();
        let ask = |lines: &str| answer(memory, Template::Vm, "x", &mut lines.as_bytes());
        assert_eq!(ask("much\n-5\n 4096 \n1\n").unwrap(), "4096");
        assert_eq!(ask("\n").unwrap(), "2048", "Enter takes what is suggested");
        assert!(ask("much\n").unwrap_err().to_string().contains("nothing was written"));
        // What is suggested can be used.
        for question in QUESTIONS {
            for template in question.of {
                question
                    .check(*template, &question.suggestion("x"))
                    .unwrap_or_else(|why| panic!("{}: {why}", question.flag));
            }
        }
    }
}
