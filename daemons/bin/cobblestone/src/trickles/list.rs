//! `cobblestone trickles list`.

use anyhow::Result;
use boinc::id::{HostId, ResultId};
use boinc::printable::printable;
use boinc::trickle::Message;
use store::messages::{MessageRow, OfResult, State, WhichMessages};

use crate::cli::ProjectArgs;
use crate::project::Project;
use crate::screen::print;
use crate::table::Table;
use crate::text::date;

/// Characters of a text that are looked at for the result's name.
const LOOKED_AT: i32 = 4096;

/// Printed below the help.
pub const AFTER_HELP: &str = "States: waiting = nobody handled it; released = given back, and waiting; paid = the ledger has a row \
    for it; disallowed = claimed more than possible, nothing was due; held = a person decides; set_aside = can't be \
    used, or the guest report in it can't; dropped = a person decided that it is worth nothing; handled = nothing new was in it, or another program handled \
    it, or it was paid or disallowed and `cobblestone ledger compact` has folded its row since.";

/// `cobblestone trickles list`.
#[derive(Debug, clap::Args)]
pub struct ListArgs {
    #[command(flatten)]
    project: ProjectArgs,
    /// Only messages of this host
    #[arg(long, value_name = "ID")]
    host: Option<i32>,
    /// Only messages that name this result, or were decided for it: id, or name
    #[arg(long, value_name = "ID|NAME")]
    result: Option<String>,
    /// Only messages of this variety
    #[arg(long, value_name = "X")]
    variety: Option<String>,
    /// Only messages in this state
    #[arg(long, value_name = "STATE", value_parser = state)]
    state: Option<State>,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..1_000_000))]
    limit: i64,
}

fn state(word: &str) -> Result<State, String> {
    let words = State::ALL.map(State::as_str);
    State::ALL
        .into_iter()
        .find(|state| state.as_str() == word.replace('-', "_"))
        .ok_or_else(|| format!("one of: {}", words.join(", ")))
}

/// The command.
///
/// # Errors
/// There is no project, or its database can't be read.
pub async fn run(args: &ListArgs) -> Result<()> {
    let (project, _) = Project::open_ready(&args.project).await?;
    let limit = args.limit;
    let rows = project
        .store
        .snapshot("trickles", async |conn| {
            let result = match &args.result {
                Some(text) => Some(of_result(conn, text, args.host).await?),
                None => None,
            };
            let which = WhichMessages {
                host: args.host.map(HostId),
                result,
                variety: args.variety.clone(),
                state: args.state,
                id: None,
            };
            conn.latest_messages(&which, LOOKED_AT, limit.saturating_add(1)).await
        })
        .await?;
    if rows.is_empty() {
        print("there is no such message\n");
        return Ok(());
    }
    let shown = usize::try_from(limit).unwrap_or(usize::MAX);
    let head =
        ["message", "stored (UTC)", "host", "variety", "result", "state", "seconds", "cobblestones", "why"];
    let mut table = Table::new(head).left(&[1, 3, 4, 5, 8]).uncut_last();
    for row in rows.iter().take(shown) {
        let number = |value: Option<f64>, digits: usize| {
            value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
        };
        table.row([
            row.id.to_string(),
            row.create_time.map_or_else(|| "gone".to_owned(), |time| date(time.into())),
            row.hostid.map_or_else(|| "-".to_owned(), |id| id.to_string()),
            row.variety().map_or_else(|| "-".to_owned(), |variety| printable(&variety, 20)),
            result_name(row),
            state_text(row),
            number(row.seconds, 1),
            number(row.credit, 6),
            why(row),
        ]);
    }
    let mut text = table.text("");
    if rows.len() > shown {
        text.push_str("… and more; --limit shows them\n");
    }
    print(&text);
    Ok(())
}

/// A result by id or name, as far as its row is still there.
async fn of_result(conn: &mut store::Conn, text: &str, host: Option<i32>) -> store::Result<OfResult> {
    let id = match text.parse().map(ResultId) {
        Ok(id) => Some(id),
        Err(_) => conn.result_named(text).await?,
    };
    let found = match id {
        Some(id) => conn.result_name_and_host(id).await?,
        None => None,
    };
    let name = found.as_ref().map(|(name, _)| name.clone());
    let name = name.or_else(|| text.parse::<i32>().is_err().then(|| text.to_owned()));
    Ok(OfResult { id, name, host: host.map(HostId).or(found.map(|(_, host)| host)) })
}

/// The result that it names, else the one that it was decided for.
fn result_name(row: &MessageRow) -> String {
    let named = row.text.as_deref().and_then(|text| Message::parse(text).ok()?.result_name);
    match (named, row.resultid) {
        (Some(name), _) => printable(&name, 60),
        (None, Some(id)) if id != 0 => format!("#{id}"),
        _ => "-".to_owned(),
    }
}

/// What became of the message, and of the guest report in it if that was set aside beside it.
pub fn state_text(row: &MessageRow) -> String {
    let report = row.report_state().map(|state| format!(", report {}", state.as_str()));
    format!("{}{}", row.state().as_str(), report.unwrap_or_default())
}

fn why(row: &MessageRow) -> String {
    let reasons = [&row.aside_reason, &row.report_reason, &row.bound, &row.paid_reason];
    reasons.into_iter().flatten().next().map_or_else(String::new, |reason| printable(reason, 120))
}
