//! `cobblestone review accept`, `flag` and `reject`.

use anyhow::{Result, bail};
use boinc::id::{AppId, ResultId, WorkunitId};
use boinc::printable::printable;
use store::Tx;
use store::review_view::Reviewed;
use store::reviews::{BY_ASSIMILATOR, LONGEST_COMMENT, NewReview, ReviewVerdict};

use super::select::Select;
use crate::cli::ProjectArgs;
use crate::project::Project;
use crate::screen::print;
use crate::who::login_name;

/// Longest name, in characters.
const LONGEST_NAME: usize = 100;
/// Most lines about workunits for which there was nothing to do.
const SHOWN: usize = 20;

/// Printed below the help.
pub const AFTER_HELP: &str = "Examples:\n  \
    cobblestone review accept 4711 --comment \"checked against the plots\"\n  \
    cobblestone review reject --campaign beam7 --host 17 --comment \"its memory is broken\"\n\n\
    Exit status 1: some of the workunits can't be reviewed; they are named.";

/// `cobblestone review accept` and `flag`.
#[derive(Debug, clap::Args)]
pub struct DecideArgs {
    #[command(flatten)]
    project: ProjectArgs,
    #[command(flatten)]
    which: Select,
    /// Why; it stands in the dataset, too
    #[arg(long, value_name = "TEXT", required = true)]
    comment: String,
    /// Who says so [default: your login name]
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    /// Say how many they are, and write nothing
    #[arg(long = "dry_run")]
    dry_run: bool,
}

/// `cobblestone review reject`.
#[derive(Debug, clap::Args)]
pub struct RejectArgs {
    #[command(flatten)]
    decide: DecideArgs,
    /// Have their jobs computed once more: the work generator makes new workunits of them, with the same seeds
    #[arg(long, conflicts_with = "dry_run")]
    again: bool,
}

/// What is said of all that are meant.
#[derive(Debug)]
struct Saying {
    who: String,
    verdict: ReviewVerdict,
    comment: String,
    /// Their jobs are to be computed once more.
    again: bool,
}

/// What became of some of them.
#[derive(Debug, Default)]
struct Done {
    added: usize,
    same: usize,
    /// Jobs that are computed once more.
    again: usize,
    left: Vec<(WorkunitId, &'static str)>,
}

/// Adds reviews. False when some can't be reviewed.
///
/// # Errors
/// There is no project, no such workunit or campaign, no comment, or the database can't be written.
pub async fn run(args: &DecideArgs, verdict: ReviewVerdict) -> Result<bool> {
    decide(args, verdict, false).await
}

async fn decide(args: &DecideArgs, verdict: ReviewVerdict, again: bool) -> Result<bool> {
    let who = match &args.by {
        Some(name) => line("--by", name, LONGEST_NAME)?.to_owned(),
        None => login_name(),
    };
    if who == BY_ASSIMILATOR {
        bail!("{BY_ASSIMILATOR} is the name of the program; --by takes a person's");
    }
    let comment = line("--comment", &args.comment, LONGEST_COMMENT)?.to_owned();
    let saying = Saying { who, verdict, comment, again };
    let (project, clock) = Project::open_ready(&args.project).await?;
    let mut all = Done::default();
    args.which
        .each(&project, async |ids| {
            if args.dry_run {
                all.added += ids.len();
                return Ok(());
            }
            let now = clock.now();
            let done = project
                .store
                .transaction("review", async |tx| {
                    if saying.again {
                        tx.lock_campaigns_of(ids).await?;
                    }
                    tx.lock_reviewed(ids).await?;
                    review(tx, ids, &saying, now).await
                })
                .await?;
            all.added += done.added;
            all.same += done.same;
            all.again += done.again;
            all.left.extend(done.left);
            Ok(())
        })
        .await?;
    let word = verdict.as_str();
    if args.dry_run {
        print(&format!("would be {word}: {} workunits\n", all.added));
        return Ok(true);
    }
    if all.added > 0 {
        print(&format!("{word}: {} workunits; the assimilator writes it to the dataset\n", all.added));
    }
    if all.same > 0 {
        print(&format!("{} workunits: you said the same before, nothing is added\n", all.same));
    }
    if again {
        let others = (all.added + all.same).saturating_sub(all.again);
        print(&format!("the work generator makes {} of their jobs once more", all.again));
        print(&if others > 0 {
            format!("; {others} are made again already, or are no jobs of a campaign that goes on\n")
        } else {
            "\n".to_owned()
        });
    }
    if all.added + all.same + all.left.len() == 0 {
        print("there is no such workunit\n");
    }
    for (id, why) in all.left.iter().take(SHOWN) {
        eprintln!("workunit {id} {why}");
    }
    if all.left.len() > SHOWN {
        eprintln!("… and {} more such workunits", all.left.len() - SHOWN);
    }
    Ok(all.left.is_empty())
}

/// Rejects. As [`run`].
///
/// # Errors
/// As [`run`].
pub async fn reject(args: &RejectArgs) -> Result<bool> {
    decide(&args.decide, ReviewVerdict::Rejected, args.again).await
}

/// Adds one review to each of some workunits, whose rows are locked.
async fn review(tx: &mut Tx, ids: &[WorkunitId], saying: &Saying, now: f64) -> store::Result<Done> {
    let mut done = Done::default();
    let mut new = Vec::new();
    let mut meant = Vec::new();
    for row in tx.reviewed(ids).await? {
        let id = WorkunitId(row.workunitid);
        if row.appid == 0 {
            done.left.push((id, "is not there, and nothing tells of it"));
            continue;
        }
        if row.resultid == 0 {
            done.left.push((id, "has no canonical result that could be reviewed"));
            continue;
        }
        meant.push(id);
        if is_same(&row, saying) {
            done.same += 1;
        } else {
            new.push(NewReview {
                time: now,
                app: AppId(row.appid),
                workunit: id,
                result: ResultId(row.resultid),
                who: saying.who.clone(),
                verdict: saying.verdict,
                comment: saying.comment.clone(),
            });
        }
    }
    tx.insert_reviews(&new).await?;
    if saying.again {
        done.again = tx.want_again(&meant, now).await?;
    }
    done.added = new.len();
    Ok(done)
}

/// Whether the same person said the same last. (What was said of another canonical result is said anew.)
fn is_same(row: &Reviewed, saying: &Saying) -> bool {
    row.verdict.as_deref() == Some(saying.verdict.as_str())
        && row.who.as_deref() == Some(saying.who.as_str())
        && row.comment.as_deref() == Some(saying.comment.as_str())
}

/// Some words on one line.
fn line<'t>(flag: &str, text: &'t str, longest: usize) -> Result<&'t str> {
    let text = text.trim();
    if text.is_empty() {
        bail!("{flag} is empty");
    }
    if printable(text, longest) != text {
        bail!("{flag} must be one line of at most {longest} characters that can be shown");
    }
    Ok(text)
}
