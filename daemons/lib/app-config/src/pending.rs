//! Stand-ins for types of the rules crate, until they are there.

use serde::{Deserialize, Serialize};

/// What uptime claims are paid.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UptimePolicy {}

/// How the credit of a valid result is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "stand-in")]
pub enum CreditMode {
    #[default]
    Adaptive,
    FromRuntime,
    FromWorkunit,
    PostAssigned,
    None,
    Uptime,
}
