//! What makes two rows of `msg_from_host` the same message.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::id::{HostId, UserId};

/// Who sends a message, as far as that tells it from others. The server can give a computer another host id while
/// messages wait: copies of one message then have different hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sender {
    /// Who may speak for the result that it names, which was looked at: the result's name says it all.
    Entitled,
    /// A volunteer: all that the volunteer's hosts send.
    User(UserId),
    /// A host of nobody.
    Host(HostId),
}

/// Which message this is, however often the client sent it: sender, result name, its `<time>`, variety and text.
///
/// The first 16 bytes of the SHA-256 of these, each with its length in front. The sender is authenticated, so what
/// one volunteer sends can't have the identity of another's message. A message without result name or time has no
/// identity: nothing tells it from another one with the same text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Identity(pub [u8; 16]);

impl Identity {
    /// The identity of a message; `text` is `msg_from_host.xml`, as stored.
    #[must_use]
    pub fn of(sender: Sender, result_name: &str, time: i64, variety: &str, text: &[u8]) -> Self {
        let mut hash = Sha256::new();
        let sender = match sender {
            Sender::Entitled => Vec::new(),
            Sender::User(user) => [&b"user"[..], &user.0.to_le_bytes()].concat(),
            Sender::Host(host) => host.0.to_le_bytes().to_vec(),
        };
        let time = time.to_le_bytes();
        for part in [&sender[..], result_name.as_bytes(), &time[..], variety.as_bytes(), text] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        let mut identity = [0; 16];
        for (to, from) in identity.iter_mut().zip(hash.finalize()) {
            *to = from;
        }
        Self(identity)
    }

    /// The identity in a database column; none unless it has 16 bytes.
    #[must_use]
    pub fn from_column(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_counts_and_parts_do_not_run_together() {
        let one = Sender::Host(HostId(1));
        let base = Identity::of(one, "ab", 7, "c", b"t");
        assert_eq!(base, Identity::of(one, "ab", 7, "c", b"t"));
        for other in [
            Identity::of(Sender::Host(HostId(2)), "ab", 7, "c", b"t"),
            Identity::of(Sender::User(UserId(1)), "ab", 7, "c", b"t"),
            Identity::of(Sender::Entitled, "ab", 7, "c", b"t"),
            Identity::of(one, "a", 7, "c", b"t"),
            Identity::of(one, "ab", 8, "c", b"t"),
            Identity::of(one, "ab", 7, "ct", b""),
            Identity::of(one, "ab", 7, "", b"ct"),
        ] {
            assert_ne!(base, other);
        }
        // Fixed: it stands in the database.
        assert_eq!(base.to_string(), "3d27bc1a7bae6609ef7e1645ae40c0f8");
        assert_eq!(Identity::from_column(&base.0), Some(base));
        assert_eq!(Identity::from_column(b"short"), None);
    }
}
