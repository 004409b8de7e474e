//! Who messages come from, where host ids changed since: see rules::kin. Most batches need no look at it.

use std::collections::BTreeSet;

use boinc::id::{HostId, UserId};
use boinc::trickle::Sender;
use rules::kin::{HostLink, Kin, LONGEST_CHAIN};
use store::Conn;

/// Looks hosts up, with those that they were merged into.
pub async fn kin(conn: &mut Conn, hosts: BTreeSet<HostId>) -> store::Result<Kin> {
    let mut kin = Kin::default();
    let mut wanted: Vec<HostId> = hosts.into_iter().collect();
    for _ in 0..=LONGEST_CHAIN {
        if wanted.is_empty() {
            break;
        }
        let links = conn.host_links(&wanted).await?;
        let links = links.into_iter().map(|(host, owner, rpc_seqno)| HostLink { host, owner, rpc_seqno });
        wanted = kin.add(links);
    }
    Ok(kin)
}

/// Who sends what `host` sends, and the host that it is today.
pub fn sender(kin: &Kin, host: HostId) -> (Sender, HostId) {
    match kin.today(host) {
        (_, UserId(0)) => (Sender::Host(host), host),
        (today, owner) => (Sender::User(owner), today),
    }
}
