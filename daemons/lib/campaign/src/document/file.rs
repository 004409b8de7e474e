//! A campaign's file as it is written: its sections and keys. `project-config/campaign.toml` explains each.

use std::collections::BTreeMap;

use app_config::Parameter;
use serde::{Deserialize, Serialize};

use super::job::Job;
use super::source::Source;

/// All of it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct File {
    pub campaign: Head,
    pub source: Source,
    pub seeds: Seeds,
    pub job: Job,
    pub parameters: BTreeMap<String, Parameter>,
}

/// `[campaign]`
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Head {
    pub app: String,
    pub description: String,
}

/// `[seeds]`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Seeds {
    /// Seed of the first job; 0: the first that no campaign of the application has.
    pub first: i64,
    /// Seeds may be those of another campaign.
    pub reuse: bool,
}

/// An input file that lies on another server.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RemoteFile {
    /// Whole URL.
    pub url: String,
    /// Size in bytes.
    pub nbytes: u64,
    /// MD5 digest, 32 hex digits.
    pub md5: String,
}
