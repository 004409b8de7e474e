//! Settings of the server, from flags and environment variables. A flag goes before its variable.
//!
//! | variable | meaning |
//! |---|---|
//! | `BOINC_PROJECT_DIR` | the project directory, when `--project_dir` is not given |
//! | `COBBLESTONE_LOG_FORMAT` | `text` or `json` |
//! | `COBBLESTONE_METRICS_ADDRESS` | address and port for Prometheus |
//! | `COBBLESTONE_DB_TLS` | `off` or `required` |
//! | `COBBLESTONE_DB_CA` | PEM file of the authority that signed the database's certificate |
//!
//! An empty variable counts as unset. The environment is handed in as a function: tests need no real one.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::ValueEnum;
use store::Tls;

use crate::args::common::socket_address;
use crate::args::{CommonArgs, LogFormat};

/// A variable or a pair of flags that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {problem}")]
pub struct SettingError {
    /// Which one.
    pub what: &'static str,
    /// What is wrong and what would be right.
    pub problem: String,
}

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Form of the log lines.
    pub log_format: LogFormat,
    /// Where metrics are served; `None` = nowhere.
    pub metrics_address: Option<SocketAddr>,
    /// Encryption of the connection to the database.
    pub tls: Tls,
    /// `BOINC_PROJECT_DIR`.
    pub boinc_project_dir: Option<PathBuf>,
}

impl Settings {
    /// From the flags and this process's environment.
    ///
    /// # Errors
    /// [`SettingError`] names the variable.
    pub fn from_process(args: &CommonArgs) -> Result<Self, SettingError> {
        Self::new(args, |name| std::env::var_os(name))
    }

    /// From the flags and the environment given as a function.
    ///
    /// # Errors
    /// [`SettingError`] names the variable.
    pub fn new(args: &CommonArgs, env: impl Fn(&str) -> Option<OsString>) -> Result<Self, SettingError> {
        let env = |name: &'static str| env(name).filter(|value| !value.is_empty());
        let text = |name: &'static str| match env(name).map(OsString::into_string) {
            None => Ok(None),
            Some(Ok(text)) => Ok(Some(text.trim().to_owned())),
            Some(Err(_)) => Err(SettingError { what: name, problem: "not readable as UTF-8".to_owned() }),
        };
        let log_format = match (args.log_format, text("COBBLESTONE_LOG_FORMAT")?) {
            (Some(format), _) => format,
            (None, None) => LogFormat::default(),
            (None, Some(text)) => LogFormat::from_str(&text, true).map_err(|_| SettingError {
                what: "COBBLESTONE_LOG_FORMAT",
                problem: format!("`{}` is neither `text` nor `json`", text.escape_default()),
            })?,
        };
        let metrics_address = match (args.metrics_address, text("COBBLESTONE_METRICS_ADDRESS")?) {
            (Some(address), _) => Some(address),
            (None, None) => None,
            (None, Some(text)) => Some(socket_address(&text).map_err(|wanted| SettingError {
                what: "COBBLESTONE_METRICS_ADDRESS",
                problem: format!("`{}` is not {wanted}", text.escape_default()),
            })?),
        };
        let ca = env("COBBLESTONE_DB_CA").map(PathBuf::from);
        let tls = match text("COBBLESTONE_DB_TLS")?.as_deref() {
            Some("required") => Tls::Required { ca },
            None | Some("off") if ca.is_some() => {
                return Err(SettingError {
                    what: "COBBLESTONE_DB_CA",
                    problem:
                        "an authority is named but TLS is off; set COBBLESTONE_DB_TLS=required, or unset it"
                            .to_owned(),
                });
            }
            None | Some("off") => Tls::Off,
            Some(other) => {
                return Err(SettingError {
                    what: "COBBLESTONE_DB_TLS",
                    problem: format!("`{}` is neither `off` nor `required`", other.escape_default()),
                });
            }
        };
        let boinc_project_dir = env("BOINC_PROJECT_DIR").map(PathBuf::from);
        Ok(Self { log_format, metrics_address, tls, boinc_project_dir })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        common: CommonArgs,
    }

    fn settings(flags: &[&str], env: &[(&str, &str)]) -> Result<Settings, SettingError> {
        let line = Line::parse_from(std::iter::once("x").chain(flags.iter().copied()));
        Settings::new(&line.common, |name| {
            env.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value))
        })
    }

    #[test]
    fn nothing_given_means_plain_defaults() {
        let plain = settings(&[], &[]).unwrap();
        let wanted = Settings {
            log_format: LogFormat::Text,
            metrics_address: None,
            tls: Tls::Off,
            boinc_project_dir: None,
        };
        assert_eq!(plain, wanted);
        let empty = settings(&[], &[("COBBLESTONE_DB_TLS", ""), ("COBBLESTONE_METRICS_ADDRESS", "")]);
        assert_eq!(empty.unwrap(), wanted);
    }

    #[test]
    fn variables_count_and_flags_go_first() {
        let env = [
            ("COBBLESTONE_LOG_FORMAT", "json"),
            ("COBBLESTONE_METRICS_ADDRESS", "127.0.0.1:9100"),
            ("COBBLESTONE_DB_TLS", "required"),
            ("COBBLESTONE_DB_CA", "/ca.pem"),
            ("BOINC_PROJECT_DIR", "/p"),
        ];
        let all = settings(&[], &env).unwrap();
        assert_eq!(all.log_format, LogFormat::Json);
        assert_eq!(all.metrics_address.map(|address| address.port()), Some(9100));
        assert_eq!(all.tls, Tls::Required { ca: Some("/ca.pem".into()) });
        assert_eq!(all.boinc_project_dir, Some("/p".into()));
        let flags = settings(&["--log_format", "text", "--metrics_address", "[::1]:1"], &env).unwrap();
        assert_eq!(flags.log_format, LogFormat::Text);
        assert_eq!(flags.metrics_address.map(|address| address.port()), Some(1));
    }

    #[test]
    fn nonsense_names_the_variable() {
        for (name, value) in [
            ("COBBLESTONE_LOG_FORMAT", "xml"),
            ("COBBLESTONE_METRICS_ADDRESS", "localhost"),
            ("COBBLESTONE_DB_TLS", "yes"),
            ("COBBLESTONE_DB_CA", "/ca.pem"),
        ] {
            assert_eq!(settings(&[], &[(name, value)]).unwrap_err().what, name);
        }
    }
}
