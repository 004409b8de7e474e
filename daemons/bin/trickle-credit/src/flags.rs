//! Flags of stock trickle_credit and a few of ours, beside those that all daemons share.

/// See the module.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Flags {
    /// Only messages of this variety
    #[arg(long = "variety", value_name = "X")]
    pub variety: Option<String>,
    /// Also set aside messages of varieties that no application declares and no handler reads
    #[arg(long = "watch_all", conflicts_with_all = ["variety", "max_runtime"])]
    pub watch_all: bool,
    /// Pay the runtime element of messages of --variety as stock trickle_credit does, at most S seconds each
    #[arg(long = "max_runtime", value_name = "S", requires = "variety", value_parser = seconds)]
    pub max_runtime: Option<f64>,
    /// Pay no result more than X cobblestones: give the validator the same. The lower of this and APP.toml holds
    #[arg(long = "max_granted_credit", value_name = "X", conflicts_with = "max_runtime", value_parser = credit, allow_negative_numbers = true)]
    pub max_granted_credit: Option<f64>,
}

impl Flags {
    /// Most that one result is paid, cobblestones, where the application's file says `declared`.
    pub fn max_credit(&self, declared: f64) -> f64 {
        self.max_granted_credit.filter(|most| *most > 0.0).map_or(declared, |most| most.min(declared))
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.trim().parse::<f64>() {
        Ok(value) if value.is_finite() && value > 0.0 => Ok(value),
        _ => Err("seconds above 0, e.g. 86400".to_owned()),
    }
}

fn credit(text: &str) -> Result<f64, String> {
    match text.trim().parse::<f64>() {
        Ok(value) if value.is_finite() && value >= 0.0 => Ok(value),
        _ => Err("cobblestones, 0 or more, e.g. 1000; 0 = only the limit in APP.toml".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lower_limit_holds() {
        let flags =
            |text: &str| Flags { max_granted_credit: Some(credit(text).unwrap()), ..Flags::default() };
        assert_eq!(Flags::default().max_credit(100.0), 100.0);
        assert_eq!(flags("0").max_credit(100.0), 100.0);
        assert_eq!(flags("50").max_credit(100.0), 50.0);
        assert_eq!(flags("500").max_credit(100.0), 100.0);
        for wrong in ["-3", "nan", "inf", "much", ""] {
            assert!(credit(wrong).is_err(), "{wrong}");
        }
    }
}
