//! Flags of the stock validator, beside those that all daemons share. They win over cobblestone/APP.toml.

use boinc::id::WorkunitId;
use rules::credit::CreditMode;

/// See the module.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Flags {
    /// Credit from run time and FLOPS
    #[arg(long = "credit_from_runtime", group = "mode")]
    credit_from_runtime: bool,
    /// Credit as the workunit says
    #[arg(long = "credit_from_wu", group = "mode")]
    credit_from_wu: bool,
    /// Credit as the canonical result claims
    #[arg(long = "post_assigned_credit", group = "mode")]
    post_assigned_credit: bool,
    /// No credit
    #[arg(long = "no_credit", group = "mode")]
    no_credit: bool,
    /// Grant no result more than X cobblestones
    #[arg(long = "max_granted_credit", value_name = "X", value_parser = credit, allow_negative_numbers = true)]
    pub max_granted_credit: Option<f64>,
    /// Note who was credited for which job in credited_job
    #[arg(long = "update_credited_job")]
    pub update_credited_job: bool,
    /// Only this workunit
    #[arg(long = "wu_id", value_name = "N")]
    wu_id: Option<i32>,
    /// Only workunits from this id on
    #[arg(long = "min_wu_id", value_name = "N")]
    min_wu_id: Option<i32>,
    /// Only workunits up to this id
    #[arg(long = "max_wu_id", value_name = "N")]
    max_wu_id: Option<i32>,
}

fn credit(text: &str) -> Result<f64, String> {
    match text.trim().parse::<f64>() {
        Ok(value) if value.is_finite() && value >= 0.0 => Ok(value),
        _ => Err("cobblestones, 0 or more, e.g. 1000; 0 = no limit".to_owned()),
    }
}

impl Flags {
    /// The credit mode that a flag asks for.
    pub fn credit_mode(&self) -> Option<CreditMode> {
        [
            (self.credit_from_runtime, CreditMode::FromRuntime),
            (self.credit_from_wu, CreditMode::FromWorkunit),
            (self.post_assigned_credit, CreditMode::PostAssigned),
            (self.no_credit, CreditMode::None),
        ]
        .into_iter()
        .find_map(|(flag, mode)| flag.then_some(mode))
    }

    /// Ids of workunits to look at: above the first, up to the second.
    pub fn range(&self) -> (WorkunitId, WorkunitId) {
        let from = self.wu_id.or(self.min_wu_id).unwrap_or(0).max(0);
        let to = self.wu_id.or(self.max_wu_id).unwrap_or(i32::MAX);
        (WorkunitId(from.saturating_sub(1)), WorkunitId(to))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_below_nothing_is_refused() {
        assert_eq!((credit("0"), credit("1e3")), (Ok(0.0), Ok(1000.0)));
        for wrong in ["-3", "nan", "inf", "-inf", "much", ""] {
            assert!(credit(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn one_workunit_or_a_range() {
        let all = Flags::default();
        assert_eq!(all.range(), (WorkunitId(-1), WorkunitId(i32::MAX)));
        let one = Flags { wu_id: Some(7), ..Flags::default() };
        assert_eq!(one.range(), (WorkunitId(6), WorkunitId(7)));
        let some = Flags { min_wu_id: Some(3), max_wu_id: Some(9), ..Flags::default() };
        assert_eq!(some.range(), (WorkunitId(2), WorkunitId(9)));
    }
}
