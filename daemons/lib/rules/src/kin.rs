//! Which hosts may speak for a result: the one that has it, and those that the server takes for the same volunteer's.
//!
//! A computer's host id can change while its messages wait. When a client comes with a new id, the scheduler takes its
//! report if both hosts have one owner, and then writes the new id into the result (`handle_results` in
//! `sched/sched_result.cpp`). When a volunteer merges two hosts, the results of the old one go to the new one, and the
//! old one becomes a zombie: `userid` 0, and the new id in `rpc_seqno` (`merge_hosts` in `html/inc/host.inc`); nothing else
//! sets `userid` to 0. Messages keep the host that they came with.
//!
//! Invariant: hosts of different owners never speak for each other. What a message of another host is good for is held
//! against its result all the same, so a second host gains nothing.

use std::collections::BTreeMap;

use boinc::id::{HostId, UserId};

/// At most so many merges are followed.
pub const LONGEST_CHAIN: usize = 10;

/// What is to be known of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostLink {
    #[allow(missing_docs)]
    pub host: HostId,
    /// `host.userid`
    pub owner: UserId,
    /// `host.rpc_seqno`: of a zombie, the host that it was merged into.
    pub rpc_seqno: i32,
}

impl HostLink {
    /// The host that this one was merged into; None if it was not.
    #[must_use]
    pub fn next(&self) -> Option<HostId> {
        let next = HostId(self.rpc_seqno);
        (self.owner == UserId(0) && self.rpc_seqno > 0 && next != self.host).then_some(next)
    }
}

/// Some hosts, with those that they were merged into.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kin(BTreeMap<HostId, HostLink>);

impl Kin {
    /// Adds hosts. Returns those that have to be looked up, too; call it again with them, at most [`LONGEST_CHAIN`] times.
    pub fn add(&mut self, links: impl IntoIterator<Item = HostLink>) -> Vec<HostId> {
        let mut next = Vec::new();
        for link in links {
            next.extend(link.next());
            self.0.insert(link.host, link);
        }
        next.retain(|host| !self.0.contains_key(host));
        next.sort_unstable();
        next.dedup();
        next
    }

    /// The host that this one is today, and its owner; owner 0 = nobody, or its row is gone.
    #[must_use]
    pub fn today(&self, host: HostId) -> (HostId, UserId) {
        self.last(host).map_or((host, UserId(0)), |link| (link.host, link.owner))
    }

    /// The host that has the credit of this one today; None if its row, or that of the host that it became, is gone.
    #[must_use]
    pub fn heir(&self, host: HostId) -> Option<HostId> {
        self.last(host).map(|link| link.host)
    }

    /// The end of the chain; None if it ends nowhere.
    fn last(&self, host: HostId) -> Option<&HostLink> {
        let mut at = host;
        for _ in 0..=LONGEST_CHAIN {
            let link = self.0.get(&at)?;
            match link.next() {
                Some(next) => at = next,
                None => return Some(link),
            }
        }
        // A circle.
        None
    }

    /// Whether `sender` may speak for a result of `host`.
    #[must_use]
    pub fn speaks_for(&self, sender: HostId, host: HostId) -> bool {
        if sender == host {
            return true;
        }
        let ((sender, owner), (host, other)) = (self.today(sender), self.today(host));
        owner != UserId(0) && (sender == host || owner == other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kin(links: &[(i32, i32, i32)]) -> Kin {
        let mut kin = Kin::default();
        kin.add(links.iter().map(|&(host, owner, rpc_seqno)| HostLink {
            host: HostId(host),
            owner: UserId(owner),
            rpc_seqno,
        }));
        kin
    }

    #[test]
    fn the_same_volunteers_hosts_speak_for_each_other_and_nobody_else() {
        // 1 and 2 are user 7's, 3 is user 8's; 4 was merged into 5, that into 2; 6 is nobody's; 9 and 10 form a circle.
        let kin = kin(&[
            (1, 7, 3),
            (2, 7, 1),
            (3, 8, 2),
            (4, 0, 5),
            (5, 0, 2),
            (6, 0, 0),
            (9, 0, 10),
            (10, 0, 9),
            (11, 0, 99),
        ]);
        for (sender, host) in [(1, 1), (1, 2), (2, 1), (4, 2), (4, 1), (5, 2), (1, 4), (6, 6), (99, 99)] {
            assert!(kin.speaks_for(HostId(sender), HostId(host)), "{sender} for {host}");
        }
        // A live host's rpc_seqno is the volunteer's own number.
        for (sender, host) in
            [(1, 3), (3, 1), (3, 2), (4, 3), (6, 1), (6, 0), (9, 10), (9, 1), (99, 1), (1, 99), (11, 99)]
        {
            assert!(!kin.speaks_for(HostId(sender), HostId(host)), "{sender} for {host}");
        }
        assert_eq!(kin.today(HostId(4)), (HostId(2), UserId(7)));
        assert_eq!(kin.today(HostId(9)), (HostId(9), UserId(0)));
        let heirs = [1, 4, 6, 9, 11, 99].map(|host| kin.heir(HostId(host)).map(|heir| heir.0));
        assert_eq!(heirs, [Some(1), Some(2), Some(6), None, None, None]);
    }

    #[test]
    fn chains_are_looked_up_link_by_link() {
        let link = |host, owner, rpc_seqno| HostLink { host: HostId(host), owner: UserId(owner), rpc_seqno };
        let mut kin = Kin::default();
        assert_eq!(kin.add([link(4, 0, 5), link(1, 7, 9)]), [HostId(5)]);
        assert_eq!(kin.add([link(5, 0, 1)]), []);
    }
}
