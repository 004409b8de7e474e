//! Who messages come from, where host ids changed since: see rules::kin. Most batches need no look at it.

use std::collections::BTreeSet;

use boinc::id::{HostId, UserId};
use boinc::trickle::Sender;
use rules::kin::{HostLink, Kin, LONGEST_CHAIN};
use store::Conn;

/// Looks hosts up, with those that they were merged into.
pub async fn kin(conn: &mut Conn, hosts: BTreeSet<HostId>) -> store::Result<Kin> {
    let mut kin = Kin::default();
    conn.follow_merges(hosts.into_iter().collect(), LONGEST_CHAIN + 1, |links| {
        kin.add(links.into_iter().map(|(host, owner, rpc_seqno)| HostLink { host, owner, rpc_seqno }))
    })
    .await?;
    Ok(kin)
}

/// Who sends what `host` sends, and the host that it is today.
pub fn sender(kin: &Kin, host: HostId) -> (Sender, HostId) {
    match kin.today(host) {
        (_, UserId(0)) => (Sender::Host(host), host),
        (today, owner) => (Sender::User(owner), today),
    }
}
