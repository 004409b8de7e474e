//! A program that compares, for what can't be declared.

use serde::{Deserialize, Serialize};

use crate::spec::Report;

/// Declaration of a program that compares.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScriptSpec {
    /// The program and its arguments.
    pub compare: Vec<String>,
    /// Seconds.
    pub timeout_seconds: f64,
}

impl Default for ScriptSpec {
    fn default() -> Self {
        Self { compare: Vec::new(), timeout_seconds: 60.0 }
    }
}

impl ScriptSpec {
    pub(crate) fn check(&self, report: Report<'_>) {
        if self.compare.is_empty() {
            report("compare", "is empty".into());
        }
    }
}
