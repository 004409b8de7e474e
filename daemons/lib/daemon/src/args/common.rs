//! The flags that all daemons share.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

/// Form of the log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum LogFormat {
    /// As BOINC's server programs write them.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// `--mod n i`: the daemon takes only ids with `id mod n = i`, so that n instances share the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Modulus {
    /// Number of instances, at least 1.
    pub n: i32,
    /// Which of them this is, from 0 to n − 1.
    pub i: i32,
}

impl Modulus {
    /// True for the ids of this instance.
    #[must_use]
    pub fn takes(self, id: i32) -> bool {
        id.rem_euclid(self.n.max(1)) == self.i
    }
}

/// The flags that all daemons share. Flatten it into a command of your own, or let [`crate::main`] do so.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct CommonArgs {
    /// Application whose work is handled
    #[arg(long, value_name = "NAME", value_parser = app_name)]
    pub app: Option<String>,

    /// 1 = critical messages only, 2 = normal, 3 = debug, 4 = with SQL statements
    #[arg(short = 'd', long = "debug_level", value_name = "N", default_value_t = 2,
          value_parser = clap::value_parser!(u8).range(1..=4))]
    pub debug_level: u8,

    /// Work until nothing eligible is left, then exit
    #[arg(long = "one_pass")]
    pub one_pass: bool,

    /// Handle only ids with id mod N = I (N instances share the work)
    #[arg(long = "mod", num_args = 2, value_names = ["N", "I"], value_parser = clap::value_parser!(i32).range(0..))]
    modulus: Option<Vec<i32>>,

    /// Seconds to sleep when there was nothing to do
    #[arg(long = "sleep_interval", value_name = "S", default_value = "5", value_parser = seconds)]
    pub sleep_interval: Duration,

    /// Write nothing, only log what would be done
    #[arg(long = "dry_run")]
    pub dry_run: bool,

    /// Project directory [default: $BOINC_PROJECT_DIR, else . or .., whichever has a config.xml]
    #[arg(long = "project_dir", value_name = "DIR")]
    pub project_dir: Option<PathBuf>,

    /// Form of the log lines [default: $COBBLESTONE_LOG_FORMAT, else text]
    #[arg(long = "log_format", value_name = "FORMAT", value_enum)]
    pub log_format: Option<LogFormat>,

    /// Serve metrics for Prometheus here, e.g. 127.0.0.1:9100 [default: $COBBLESTONE_METRICS_ADDRESS, else nowhere]
    #[arg(long = "metrics_address", value_name = "ADDR:PORT", value_parser = socket_address)]
    pub metrics_address: Option<SocketAddr>,
}

impl CommonArgs {
    /// The share of ids given by `--mod`.
    ///
    /// # Errors
    /// The reason, when the two numbers don't fit together.
    pub fn modulus(&self) -> Result<Option<Modulus>, String> {
        match self.modulus.as_deref() {
            None => Ok(None),
            Some(&[n, i]) if i < n => Ok(Some(Modulus { n, i })),
            Some(other) => Err(format!(
                "--mod {}: it takes N and I with 0 <= I < N, e.g. --mod 2 0 and --mod 2 1 for two instances",
                other.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
            )),
        }
    }
}

/// An application's name becomes part of file names.
fn app_name(text: &str) -> Result<String, String> {
    // app.name is varchar(254).
    if text.is_empty() || text.len() > 254 {
        return Err("a name has 1 to 254 characters".to_owned());
    }
    if text.starts_with('.') || text.contains('/') || text.chars().any(char::is_control) {
        return Err("a name has no `/`, no control characters, and does not begin with a dot".to_owned());
    }
    Ok(text.to_owned())
}

/// A day is the longest that makes sense between two looks at the database.
fn seconds(text: &str) -> Result<Duration, String> {
    match text.trim().parse::<f64>() {
        Ok(value) if (0.0..=86_400.0).contains(&value) => Ok(Duration::from_secs_f64(value)),
        _ => Err("seconds from 0 to 86400, e.g. 5 or 0.5".to_owned()),
    }
}

/// Reads an address to listen on.
pub(crate) fn socket_address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "an IP address and a port, e.g. 127.0.0.1:9100 or [::1]:9100".to_owned())
}
