//! `[trickle_down]`: what tasks are told while they run.

use serde::{Deserialize, Serialize};

/// What tasks are told while they run. The scheduler sends it only when config.xml has `<msg_to_host/>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrickleDown {
    /// After each message that was paid: the credit so far.
    pub acknowledge: bool,
    /// When a task of a cancelled workunit sends a message: that it shall stop.
    pub stop: bool,
}

impl Default for TrickleDown {
    fn default() -> Self {
        Self { acknowledge: false, stop: true }
    }
}
