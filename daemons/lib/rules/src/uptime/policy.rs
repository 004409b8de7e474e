//! An app's declaration of what uptime is paid.

use serde::{Deserialize, Serialize};

/// The declaration. Off unless an administrator turns it on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UptimePolicy {
    /// Pay uptime for this app.
    pub enabled: bool,
    /// Variety of the messages. wrapper and vboxwrapper send `cpu_time`.
    pub variety: String,
    /// Element that holds the claim: cumulative elapsed seconds, although wrappers name it `cpu_time`.
    pub element: String,
    /// Seconds that a claim may exceed the wall clock by, between the server's sending and storing.
    pub slack_seconds: f64,
    /// Most seconds that one task can live.
    pub max_lifetime_seconds: Option<f64>,
    /// Most FLOPS that a task is paid with.
    pub max_flops: Option<f64>,
}

impl Default for UptimePolicy {
    fn default() -> Self {
        Self {
            enabled: false,
            variety: "cpu_time".to_owned(),
            element: "cpu_time".to_owned(),
            slack_seconds: 0.0,
            max_lifetime_seconds: None,
            max_flops: None,
        }
    }
}

/// A declaration that can't be meant.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PolicyError {
    /// A number is out of range.
    #[error("uptime.{key} = {value}: must be {range}")]
    Number {
        /// Key in the declaration.
        key: &'static str,
        /// Its value.
        value: f64,
        /// What it may be.
        range: &'static str,
    },
    /// A name is empty.
    #[error("uptime.{key} is empty: name the trickle's {key}, \"cpu_time\" for wrapper and vboxwrapper")]
    Empty {
        /// Key in the declaration.
        key: &'static str,
    },
}

impl UptimePolicy {
    /// Refuses what can't be meant.
    ///
    /// # Errors
    /// A negative or infinite slack, a lifetime or FLOPS that is not above 0, an empty variety or element.
    pub fn check(&self) -> Result<(), PolicyError> {
        let positive = |key, value: Option<f64>| match value {
            Some(value) if !(value.is_finite() && value > 0.0) => {
                Err(PolicyError::Number { key, value, range: "above 0" })
            }
            _ => Ok(()),
        };
        if !self.slack_seconds.is_finite() || self.slack_seconds < 0.0 {
            let value = self.slack_seconds;
            return Err(PolicyError::Number { key: "slack_seconds", value, range: "0 or more" });
        }
        positive("max_lifetime_seconds", self.max_lifetime_seconds)?;
        positive("max_flops", self.max_flops)?;
        match (self.variety.trim().is_empty(), self.element.trim().is_empty()) {
            (true, _) => Err(PolicyError::Empty { key: "variety" }),
            (_, true) => Err(PolicyError::Empty { key: "element" }),
            _ => Ok(()),
        }
    }
}
