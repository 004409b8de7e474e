//! Flags of the stock validator, beside those that all daemons share. They win over cobblestone/APP.toml.

use app_config::Validate;
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
    /// Give hosts with hopeless errors one job a day; APP.toml says which errors are hopeless
    #[arg(long = "check_punitive")]
    pub check_punitive: bool,
    /// Judge at most N workunits, then exit
    #[arg(long = "one_pass_N_WU", value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    one_pass_n_wu: Option<u32>,
    /// Only this workunit, then exit
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

    /// Which workunits to look at.
    pub fn scope(&self, config: &Validate) -> Scope {
        let set = |id: i32| Some(id).filter(|id| *id != 0);
        let wu_id = self.wu_id.or(set(config.wu_id));
        let from = wu_id.or(self.min_wu_id).or(set(config.min_wu_id)).unwrap_or(0).max(0);
        let to = wu_id.or(self.max_wu_id).or(set(config.max_wu_id)).unwrap_or(i32::MAX);
        let most = self.one_pass_n_wu.or(Some(config.one_pass_n_wu).filter(|most| *most != 0));
        Scope {
            above: WorkunitId(from.saturating_sub(1)),
            up_to: WorkunitId(to),
            most: most.map(u64::from),
            once: wu_id.is_some() || most.is_some(),
        }
    }
}

/// Which workunits to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope {
    /// Ids above this one.
    pub above: WorkunitId,
    /// Ids up to this one.
    pub up_to: WorkunitId,
    /// No more than so many.
    pub most: Option<u64>,
    /// End after one pass.
    pub once: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(above: i32, up_to: i32, most: Option<u64>, once: bool) -> Scope {
        Scope { above: WorkunitId(above), up_to: WorkunitId(up_to), most, once }
    }

    #[test]
    fn a_limit_below_nothing_is_refused() {
        assert_eq!((credit("0"), credit("1e3")), (Ok(0.0), Ok(1000.0)));
        for wrong in ["-3", "nan", "inf", "-inf", "much", ""] {
            assert!(credit(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn one_workunit_or_a_range() {
        let none = Validate::default();
        assert_eq!(Flags::default().scope(&none), scope(-1, i32::MAX, None, false));
        let one = Flags { wu_id: Some(7), ..Flags::default() };
        assert_eq!(one.scope(&none), scope(6, 7, None, true));
        let some = Flags { min_wu_id: Some(3), max_wu_id: Some(9), ..Flags::default() };
        assert_eq!(some.scope(&none), scope(2, 9, None, false));
        let few = Flags { one_pass_n_wu: Some(5), ..Flags::default() };
        assert_eq!(few.scope(&none), scope(-1, i32::MAX, Some(5), true));
    }

    #[test]
    fn the_file_says_the_same_and_flags_win() {
        let config = Validate { min_wu_id: 3, max_wu_id: 9, one_pass_n_wu: 2, ..Validate::default() };
        assert_eq!(Flags::default().scope(&config), scope(2, 9, Some(2), true));
        let flags = Flags { max_wu_id: Some(5), one_pass_n_wu: Some(1), ..Flags::default() };
        assert_eq!(flags.scope(&config), scope(2, 5, Some(1), true));
        let config = Validate { wu_id: 4, ..config };
        assert_eq!(Flags::default().scope(&config), scope(3, 4, Some(2), true));
    }
}
