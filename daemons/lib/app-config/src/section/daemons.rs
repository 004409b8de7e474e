//! `[daemons]`: how many instances of each daemon the application has.

use serde::{Deserialize, Serialize};

use super::Report;

/// Most instances of one daemon: more is a slip of the hand.
const MOST: u32 = 64;

/// Instances of the daemons. 0: none, somebody else does it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Daemons {
    /// Of cobblestone-work-generator.
    pub work_generator: u32,
    /// Of cobblestone-trickle-credit.
    pub trickle_credit: u32,
    /// Of cobblestone-validator.
    pub validator: u32,
    /// Of cobblestone-assimilator.
    pub assimilator: u32,
    /// How much they log, 1 to 4.
    pub debug_level: u32,
}

impl Default for Daemons {
    fn default() -> Self {
        Self { work_generator: 1, trickle_credit: 1, validator: 1, assimilator: 1, debug_level: 2 }
    }
}

impl Daemons {
    /// Program and number of instances, in the order in which work flows.
    #[must_use]
    pub fn programs(&self) -> [(&'static str, u32); 4] {
        [
            ("cobblestone-work-generator", self.work_generator),
            ("cobblestone-trickle-credit", self.trickle_credit),
            ("cobblestone-validator", self.validator),
            ("cobblestone-assimilator", self.assimilator),
        ]
    }

    pub(crate) fn check(&self, report: &mut Report<'_>) {
        for (key, count) in [
            ("work_generator", self.work_generator),
            ("trickle_credit", self.trickle_credit),
            ("validator", self.validator),
            ("assimilator", self.assimilator),
        ] {
            if count > MOST {
                report(key, format!("is {count}, but at most {MOST} make sense"));
            }
        }
        if !(1..=4).contains(&self.debug_level) {
            report("debug_level", format!("is {}, but must be from 1 to 4", self.debug_level));
        }
    }
}
