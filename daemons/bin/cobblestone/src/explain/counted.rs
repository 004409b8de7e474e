//! What an increment counts for, by its identity, whichever copy of the message came first.
//!
//! The trickle handler knows a message by who may have sent it: as one of its result, if it was held against one; else
//! (messages without a result, and all with `--max_runtime`) as the volunteer's, or as the host's if that is nobody's.

use boinc::id::{HostId, UserId};
use boinc::trickle::{Identity, Message, Sender, envelope};
use rules::kin::{HostLink, Kin, LONGEST_CHAIN};
use store::Conn;
use store::messages::MessageRow;

/// Seconds that the message, or another copy of it, counts for; None if it never counted as an increment, or has no
/// identity.
pub(super) async fn counts_for(
    conn: &mut Conn,
    row: &MessageRow,
    message: Option<&Result<Message, String>>,
) -> store::Result<Option<f64>> {
    let (Some(text), Some(variety)) = (&row.text, row.variety()) else { return Ok(None) };
    let named = match message {
        Some(Ok(message)) => message.result_name.clone().zip(message.time),
        _ => envelope(text).ok().map(|found| (found.result_name.to_owned(), found.time)),
    };
    let Some((name, time)) = named else { return Ok(None) };
    let mut senders = vec![Sender::Entitled];
    if let Some(host) = row.hostid.map(HostId) {
        senders.push(Sender::Host(host));
        let mut kin = Kin::default();
        conn.follow_merges(vec![host], LONGEST_CHAIN + 1, |links| {
            kin.add(links.into_iter().map(|(host, owner, rpc_seqno)| HostLink { host, owner, rpc_seqno }))
        })
        .await?;
        let (_, owner) = kin.today(host);
        senders.extend((owner != UserId(0)).then_some(Sender::User(owner)));
    }
    let identities: Vec<Identity> =
        senders.into_iter().map(|sender| Identity::of(sender, &name, time, &variety, text)).collect();
    let known = conn.known_increments(&identities).await?;
    Ok(identities.iter().find_map(|identity| known.get(identity)).copied())
}
