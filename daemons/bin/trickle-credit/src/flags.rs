//! Flags of stock trickle_credit, beside those that all daemons share.

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
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.trim().parse::<f64>() {
        Ok(value) if value.is_finite() && value > 0.0 => Ok(value),
        _ => Err("seconds above 0, e.g. 86400".to_owned()),
    }
}
