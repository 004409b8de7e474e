//! What became of a message: the words for it, and where each is written down.

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Nobody handled it.
    Waiting,
    /// A person gave it back to the handler, which has not handled it yet.
    Released,
    /// The ledger has a row for it.
    Paid,
    /// It claimed more than was possible, and nothing was paid.
    Disallowed,
    /// A person has to decide.
    Held,
    /// It could not be used.
    SetAside,
    /// A person decided that it is worth nothing.
    Dropped,
    /// It was handled and nothing more is written down: nothing was new in it, or its payment stands in a folded row, or
    /// another program handled it.
    Handled,
    /// Its row is gone, and nothing tells of it.
    Gone,
}

impl State {
    /// All that can be asked for.
    pub const ALL: [Self; 8] = [
        Self::Waiting,
        Self::Released,
        Self::Paid,
        Self::Disallowed,
        Self::Held,
        Self::SetAside,
        Self::Dropped,
        Self::Handled,
    ];

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Released => "released",
            Self::Paid => "paid",
            Self::Disallowed => "disallowed",
            Self::Held => "held",
            Self::SetAside => "set_aside",
            Self::Dropped => "dropped",
            Self::Handled => "handled",
            Self::Gone => "gone",
        }
    }

    /// Its kind in the quarantine, if it stands there.
    #[must_use]
    pub const fn aside(self) -> Option<&'static str> {
        match self {
            Self::Released => Some("released"),
            Self::Held => Some("held"),
            Self::SetAside => Some("trickle"),
            Self::Dropped => Some("dropped"),
            _ => None,
        }
    }

    /// The kind in the quarantine of a report in that state, whose message is counted.
    #[must_use]
    pub const fn report_aside(self) -> Option<&'static str> {
        match self {
            Self::Released => Some("released_report"),
            Self::SetAside => Some("report"),
            Self::Dropped => Some("dropped_report"),
            _ => None,
        }
    }
}
