//! `[validate]`: who confirms whom, what is done beside comparing, and how much the validator takes on.

use rules::judge::Independence;
use serde::{Deserialize, Serialize};

use super::Report;

/// Least memory that outputs may be held in: 1 MiB.
const LEAST_MEMORY: u64 = 1 << 20;

/// How the validator judges and works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Validate {
    /// Whose results confirm each other.
    pub independence: Independence,
    /// What min_quorum is raised to where a result is suspicious. 0: the app's target_nresults, at least 2.
    pub suspicious_quorum: i32,
    /// Whether results of hosts that were flagged for over-claims are suspicious.
    pub suspect_flagged_hosts: bool,
    /// Whether a late result that can't be compared any more is paid as the canonical one.
    pub pay_too_late: bool,
    /// A workunit is set aside when it was looked at so often in vain, every 6 hours.
    pub tries: u32,
    /// Threads that read and compare outputs.
    pub threads: usize,
    /// Most memory that the outputs of one workunit are held in, bytes.
    pub max_memory_bytes: u64,
    /// Whether hosts with hopeless errors get one job a day (`--check_punitive`).
    pub check_punitive: bool,
    /// exit_status of results with an error that are hopeless.
    pub hopeless_exit_status: Vec<i32>,
    /// Texts of which one in stderr makes an error hopeless.
    pub hopeless_stderr: Vec<String>,
    /// End after so many workunits (`--one_pass_N_WU`). 0: go on.
    pub one_pass_n_wu: u32,
    /// Only this workunit (`--wu_id`). 0: all.
    pub wu_id: i32,
    /// Only workunits from this id on (`--min_wu_id`).
    pub min_wu_id: i32,
    /// Only workunits up to this id (`--max_wu_id`). 0: all.
    pub max_wu_id: i32,
    /// `[n, i]`: only workunits with id mod n = i (`--mod`). Empty: all.
    pub modulo: Vec<i32>,
    /// Write nothing (`--dry_run`).
    pub dry_run: bool,
}

impl Default for Validate {
    fn default() -> Self {
        Self {
            independence: Independence::Results,
            suspicious_quorum: 0,
            suspect_flagged_hosts: false,
            pay_too_late: false,
            tries: 12,
            threads: 1,
            max_memory_bytes: 1 << 30,
            check_punitive: false,
            hopeless_exit_status: Vec::new(),
            hopeless_stderr: Vec::new(),
            one_pass_n_wu: 0,
            wu_id: 0,
            min_wu_id: 0,
            max_wu_id: 0,
            modulo: Vec::new(),
            dry_run: false,
        }
    }
}

impl Validate {
    /// What min_quorum is raised to where a result is suspicious, of an app with this `target_nresults`.
    #[must_use]
    pub fn quorum(&self, target_nresults: i32) -> i32 {
        match self.suspicious_quorum {
            0 => target_nresults.saturating_abs().max(2),
            declared => declared,
        }
    }

    pub(crate) fn check(&self, report: &mut Report<'_>) {
        if self.suspicious_quorum != 0 && !(2..=1000).contains(&self.suspicious_quorum) {
            report(
                "suspicious_quorum",
                format!("is {}, but must be 0 or from 2 to 1000", self.suspicious_quorum),
            );
        }
        if self.tries == 0 {
            report("tries", "is 0, but a workunit has to be looked at once; 12 are three days".to_owned());
        }
        if !(1..=64).contains(&self.threads) {
            report("threads", format!("is {}, but must be from 1 to 64", self.threads));
        }
        if self.max_memory_bytes < LEAST_MEMORY {
            report(
                "max_memory_bytes",
                format!("is {}, but must be at least {LEAST_MEMORY}", self.max_memory_bytes),
            );
        }
        if self.hopeless_stderr.iter().any(String::is_empty) {
            report("hopeless_stderr", "has an empty text, which is in every stderr; remove it".to_owned());
        }
        if self.check_punitive && self.hopeless_exit_status.is_empty() && self.hopeless_stderr.is_empty() {
            report(
                "check_punitive",
                "has no effect without hopeless_exit_status or hopeless_stderr; add one of them".to_owned(),
            );
        }
        for (key, id) in [("wu_id", self.wu_id), ("min_wu_id", self.min_wu_id), ("max_wu_id", self.max_wu_id)]
        {
            if id < 0 {
                report(key, format!("is {id}, but ids are positive; 0 stands for all"));
            }
        }
        if !self.modulo.is_empty() && !matches!(self.modulo.as_slice(), [n, i] if (0..*n).contains(i)) {
            report("modulo", "must be [n, i] with 0 <= i < n, as in [2, 0]".to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(validate: &Validate) -> Vec<String> {
        let mut keys = Vec::new();
        validate.check(&mut |key, _| keys.push(key.to_owned()));
        keys
    }

    #[test]
    fn what_makes_no_sense_is_found() {
        assert!(wrong(&Validate::default()).is_empty());
        let bad = Validate {
            suspicious_quorum: 1,
            tries: 0,
            threads: 0,
            max_memory_bytes: 5,
            check_punitive: true,
            wu_id: -1,
            modulo: vec![2, 2],
            ..Validate::default()
        };
        let keys = [
            "suspicious_quorum",
            "tries",
            "threads",
            "max_memory_bytes",
            "check_punitive",
            "wu_id",
            "modulo",
        ];
        assert_eq!(wrong(&bad), keys);
        let empty = Validate { hopeless_stderr: vec![String::new()], ..Validate::default() };
        assert_eq!(wrong(&empty), ["hopeless_stderr"]);
        let punitive =
            Validate { check_punitive: true, hopeless_exit_status: vec![195], ..Validate::default() };
        assert!(wrong(&punitive).is_empty());
        for modulo in [vec![1], vec![3, 1, 1], vec![0, 0], vec![2, -1]] {
            assert_eq!(wrong(&Validate { modulo, ..Validate::default() }), ["modulo"]);
        }
    }
}
