//! An app's declaration of which messages claim uptime, and of what is paid.

use std::collections::BTreeSet;

use boinc::id::AppId;
use boinc::trickle::Meaning;
use serde::{Deserialize, Serialize};

use super::flops::Benchmarks;

/// Most that one increment is paid unless declared otherwise, seconds: a day. Stock has no default
/// (`--max_runtime` is required).
pub const MAX_INCREMENT: f64 = 86_400.0;

/// What the seconds of a claim are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Wall clock that the task ran.
    #[default]
    Elapsed,
    /// Time on processors: as many seconds per second of wall clock as the task has processors.
    Cpu,
}

/// Messages of one variety claim uptime.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimRule {
    /// Variety of the messages.
    pub variety: String,
    /// Element that holds the number.
    pub element: String,
    /// The total of the task so far, or what came since the message before.
    pub meaning: Meaning,
    /// What the seconds are.
    #[serde(default)]
    pub unit: Unit,
    /// Most that one increment is paid, in its own unit; None: [`MAX_INCREMENT`]. Only for increments.
    #[serde(default)]
    pub max_seconds: Option<f64>,
    /// Refuse an increment that names no result. False only with `max_seconds_per_host_and_day`, since nothing else bounds
    /// how many a host sends.
    #[serde(default = "yes")]
    pub needs_result: bool,
}

const fn yes() -> bool {
    true
}

impl ClaimRule {
    /// As wrapper and vboxwrapper with `--trickle` send it: cumulative elapsed seconds, although it says `cpu_time`.
    #[must_use]
    pub fn wrapper() -> Self {
        Self {
            variety: "cpu_time".to_owned(),
            element: "cpu_time".to_owned(),
            meaning: Meaning::Cumulative,
            unit: Unit::Elapsed,
            max_seconds: None,
            needs_result: true,
        }
    }

    /// As stock trickle_credit reads it, of messages that name their result.
    #[must_use]
    pub fn runtime() -> Self {
        Self {
            variety: "runtime".to_owned(),
            element: "runtime".to_owned(),
            meaning: Meaning::Increment,
            ..Self::wrapper()
        }
    }

    /// Most that one increment is paid, in its own unit.
    #[must_use]
    pub fn increment_limit(&self) -> f64 {
        self.max_seconds.unwrap_or(MAX_INCREMENT)
    }
}

/// What becomes of a message that claims more than is possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OverClaims {
    /// The possible part is paid.
    #[default]
    Cap,
    /// Nothing of it is paid until a person releases it; then the possible part is.
    Hold,
    /// Nothing of it is paid.
    Ignore,
}

/// What becomes of what trickles paid for a result that turns out invalid, or is abandoned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InvalidResults {
    /// It stays: the time was given.
    #[default]
    Keep,
    /// It is taken back, and later messages of the result are paid nothing.
    Revoke,
}

/// The declaration. Off unless an administrator turns it on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UptimePolicy {
    /// Pay uptime for this app.
    pub enabled: bool,
    /// Which messages claim it. Default: [`ClaimRule::wrapper`] and [`ClaimRule::runtime`].
    pub claims: Vec<ClaimRule>,
    /// Seconds that a claim may exceed the wall clock by, between the server's sending and storing. An excess over
    /// the reported elapsed_time of no more than that is cut, but is no over-claim.
    pub slack_seconds: f64,
    /// Most seconds that one task can live.
    pub max_lifetime_seconds: Option<f64>,
    /// What becomes of messages that claim more.
    pub over_claims: OverClaims,
    /// Most seconds that a host is paid by this app's trickles for one UTC day, all its tasks together.
    pub max_seconds_per_host_and_day: Option<f64>,
    /// Most FLOPS that a task is paid with.
    pub max_flops: Option<f64>,
    /// The same as a percentile of the project's computers, 0 to 100: see [`UptimePolicy::resolved`].
    pub max_flops_percentile: Option<f64>,
    /// A host is flagged when it has over-claimed so often.
    pub flag_after: Option<u32>,
    /// What becomes of what was paid for results that turn out invalid.
    pub invalid_results: InvalidResults,
    /// Most that one result is paid, by trickles and settlement together, cobblestones: the app's `max_granted_credit`,
    /// which is declared elsewhere.
    #[serde(skip)]
    pub max_credit: Option<f64>,
}

impl Default for UptimePolicy {
    fn default() -> Self {
        Self {
            enabled: false,
            claims: vec![ClaimRule::wrapper(), ClaimRule::runtime()],
            slack_seconds: 0.0,
            max_lifetime_seconds: None,
            over_claims: OverClaims::Cap,
            max_seconds_per_host_and_day: None,
            max_flops: None,
            max_flops_percentile: None,
            flag_after: None,
            invalid_results: InvalidResults::Keep,
            max_credit: None,
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
    /// No message could ever be paid.
    #[error("uptime.claims is empty: nothing would be paid; leave it out, or write enabled = false")]
    NoClaims,
    /// One of the claims can't be meant.
    #[error("uptime.claims[{index}].{key} {problem}")]
    Claim {
        /// Which, from 0.
        index: usize,
        /// Key in it.
        key: &'static str,
        /// What is wrong with it.
        problem: String,
    },
}

/// Nobody can be asked to pay for a message that names no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoPayer {
    /// No app takes such messages.
    #[error("the message names no result, and no application takes such messages of this variety")]
    None,
    /// More than one does.
    #[error(
        "the message names no result, and more than one application takes such messages of this variety: \
         leave needs_result = false out in all but one"
    )]
    Several,
}

impl UptimePolicy {
    /// What stock trickle_credit does with `--variety` and `--max_runtime`, for messages that name no result.
    #[must_use]
    pub fn stock(variety: &str, max_runtime: f64) -> Self {
        let rule = ClaimRule {
            variety: variety.to_owned(),
            max_seconds: Some(max_runtime),
            needs_result: false,
            ..ClaimRule::runtime()
        };
        Self { enabled: true, claims: vec![rule], ..Self::default() }
    }

    /// How a message of `variety` claims; None when it doesn't.
    #[must_use]
    pub fn claim(&self, variety: &str) -> Option<&ClaimRule> {
        self.claims.iter().find(|rule| rule.variety == variety)
    }

    /// The policy with `max_flops_percentile` turned into a number: the smaller of it and `max_flops`.
    ///
    /// The percentile is of whole computers (p_fpops · p_ncpus): `flops_estimate` holds all processors of the task.
    /// While no host has credit yet only `max_flops` limits. Everything else in this crate looks at `max_flops` only;
    /// do this once per pass, in the validator too.
    #[must_use]
    pub fn resolved(&self, benchmarks: &Benchmarks) -> Self {
        let percentile = self.max_flops_percentile.and_then(|percent| benchmarks.computers(percent));
        let max_flops = [self.max_flops, percentile].into_iter().flatten().reduce(f64::min);
        Self { max_flops, ..self.clone() }
    }

    /// Whether a host that had over-claimed `before` times is to be flagged now that it did so `more` times.
    /// True once: on reaching `flag_after`.
    #[must_use]
    pub fn flags(&self, before: u32, more: u32) -> bool {
        self.flag_after.is_some_and(|after| before < after && before.saturating_add(more) >= after)
    }

    /// Refuses what can't be meant.
    ///
    /// # Errors
    /// A number out of range; claims that are empty, of one variety, or hold what has no meaning.
    pub fn check(&self) -> Result<(), PolicyError> {
        let number = |key, value, range| Err(PolicyError::Number { key, value, range });
        if !self.slack_seconds.is_finite() || self.slack_seconds < 0.0 {
            return number("slack_seconds", self.slack_seconds, "0 or more");
        }
        for (key, value) in [
            ("max_lifetime_seconds", self.max_lifetime_seconds),
            ("max_seconds_per_host_and_day", self.max_seconds_per_host_and_day),
            ("max_flops", self.max_flops),
        ] {
            if let Some(value) = value.filter(|value| !(value.is_finite() && *value > 0.0)) {
                return number(key, value, "above 0");
            }
        }
        if let Some(value) = self.max_flops_percentile.filter(|value| !(*value > 0.0 && *value <= 100.0)) {
            return number("max_flops_percentile", value, "above 0 and at most 100");
        }
        if self.flag_after == Some(0) {
            return number("flag_after", 0.0, "1 or more");
        }
        self.check_claims()
    }

    fn check_claims(&self) -> Result<(), PolicyError> {
        if self.claims.is_empty() {
            return Err(PolicyError::NoClaims);
        }
        let mut varieties = BTreeSet::new();
        for (index, rule) in self.claims.iter().enumerate() {
            let wrong = |key, problem: String| Err(PolicyError::Claim { index, key, problem });
            for (key, text) in [("variety", &rule.variety), ("element", &rule.element)] {
                if text.trim().is_empty() {
                    return wrong(key, "is empty; wrapper and vboxwrapper send \"cpu_time\"".to_owned());
                }
            }
            if !varieties.insert(&rule.variety) {
                let problem = format!("{:?} is declared twice; a message makes one claim", rule.variety);
                return wrong("variety", problem);
            }
            if rule.meaning == Meaning::Cumulative {
                if rule.max_seconds.is_some() {
                    let problem =
                        "bounds an increment; a cumulative claim is bounded by max_lifetime_seconds";
                    return wrong("max_seconds", problem.to_owned());
                }
                if !rule.needs_result {
                    let problem = "is false, but a total is always one of a result; leave it out";
                    return wrong("needs_result", problem.to_owned());
                }
            } else if let Some(max) = rule.max_seconds.filter(|max| !(max.is_finite() && *max > 0.0)) {
                return wrong("max_seconds", format!("is {max}, but must be above 0"));
            } else if !rule.needs_result && self.max_seconds_per_host_and_day.is_none() {
                let problem = "is false, but then nothing bounds how many a host sends: set \
                               max_seconds_per_host_and_day in [uptime], or leave needs_result out";
                return wrong("needs_result", problem.to_owned());
            }
        }
        Ok(())
    }
}

/// Which app pays a message of `variety` that names no result: the one that takes such messages.
///
/// # Errors
/// None does, or several do.
pub fn payer_without_result<'p>(
    policies: impl IntoIterator<Item = (AppId, &'p UptimePolicy)>,
    variety: &str,
) -> Result<(AppId, &'p UptimePolicy, &'p ClaimRule), NoPayer> {
    let mut payers = policies.into_iter().filter(|(_, policy)| policy.enabled).filter_map(|(app, policy)| {
        let rule = policy.claim(variety)?;
        (rule.meaning == Meaning::Increment && !rule.needs_result).then_some((app, policy, rule))
    });
    match (payers.next(), payers.next()) {
        (Some(payer), None) => Ok(payer),
        (None, _) => Err(NoPayer::None),
        (Some(_), Some(_)) => Err(NoPayer::Several),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on() -> UptimePolicy {
        UptimePolicy { enabled: true, ..UptimePolicy::default() }
    }

    #[test]
    fn policies_are_checked_and_unknown_keys_refused() {
        assert_eq!(on().check(), Ok(()));
        let wrapper = ClaimRule::wrapper;
        let claims = |claims: &[ClaimRule]| UptimePolicy { claims: claims.to_vec(), ..on() };
        for wrong in [
            UptimePolicy { slack_seconds: -1.0, ..on() },
            UptimePolicy { max_lifetime_seconds: Some(0.0), ..on() },
            UptimePolicy { max_flops: Some(f64::NAN), ..on() },
            UptimePolicy { max_flops_percentile: Some(101.0), ..on() },
            UptimePolicy { max_flops_percentile: Some(f64::NAN), ..on() },
            UptimePolicy { max_seconds_per_host_and_day: Some(f64::INFINITY), ..on() },
            UptimePolicy { flag_after: Some(0), ..on() },
            claims(&[]),
            claims(&[ClaimRule { element: " ".to_owned(), ..wrapper() }]),
            claims(&[ClaimRule { variety: String::new(), ..wrapper() }]),
            claims(&[ClaimRule { max_seconds: Some(5.0), ..wrapper() }]),
            claims(&[ClaimRule { needs_result: false, ..wrapper() }]),
            claims(&[ClaimRule { needs_result: false, ..ClaimRule::runtime() }]),
            claims(&[ClaimRule { max_seconds: Some(0.0), ..ClaimRule::runtime() }]),
            claims(&[wrapper(), ClaimRule { element: "other".to_owned(), ..wrapper() }]),
        ] {
            assert!(wrong.check().is_err(), "{wrong:?}");
        }
        assert_eq!(serde_json::from_str::<UptimePolicy>("{}").unwrap(), UptimePolicy::default());
        assert!(serde_json::from_str::<UptimePolicy>(r#"{"enable": true}"#).is_err());
        let claims =
            r#"{"claims": [{"variety": "v", "element": "e", "meaning": "increment", "unit": "cpu"}]}"#;
        let policy = serde_json::from_str::<UptimePolicy>(claims).unwrap();
        assert_eq!(policy.claim("v").unwrap().increment_limit(), MAX_INCREMENT);
        assert_eq!(policy.claim("cpu_time"), None, "what is declared replaces what is built in");
    }

    #[test]
    fn a_host_is_flagged_once() {
        let policy = UptimePolicy { flag_after: Some(3), ..on() };
        assert!(!policy.flags(0, 2));
        assert!(policy.flags(0, 3) && policy.flags(2, 1) && policy.flags(2, u32::MAX));
        assert!(!policy.flags(3, 1), "it is flagged already");
        assert!(!on().flags(0, u32::MAX));
    }

    #[test]
    fn only_one_app_can_pay_a_message_without_result() {
        let mut b = on();
        b.claims[1].needs_result = false;
        let a = b.clone();
        let both = [(AppId(1), &a), (AppId(2), &b)];
        assert_eq!(payer_without_result(both, "runtime"), Err(NoPayer::Several));
        assert_eq!(payer_without_result(both, "cpu_time"), Err(NoPayer::None));
        let strict = on();
        let payer = payer_without_result([(AppId(1), &strict), (AppId(2), &b)], "runtime").unwrap();
        assert_eq!(payer.0, AppId(2));
        let off = UptimePolicy::default();
        assert_eq!(payer_without_result([(AppId(1), &off)], "runtime"), Err(NoPayer::None));
    }

    #[test]
    fn a_percentile_becomes_a_number() {
        let benchmarks = Benchmarks::new([(2e9, 4), (3e9, 2), (1e9, 1)]);
        let policy = UptimePolicy { max_flops_percentile: Some(50.0), ..on() };
        assert_eq!(policy.resolved(&benchmarks).max_flops, Some(6e9));
        let both = UptimePolicy { max_flops: Some(5e9), ..policy.clone() };
        assert_eq!(both.resolved(&benchmarks).max_flops, Some(5e9));
        assert_eq!(policy.resolved(&Benchmarks::default()).max_flops, None);
    }
}
