//! Figures for Prometheus, over HTTP, when an address is configured. Without one nothing is collected.
//!
//! Every figure carries the labels `daemon` and `app`. The run loop counts what a pass reports, so a daemon
//! need not; one that has figures of its own uses the `metrics` crate's macros.
//!
//! | name | what |
//! |---|---|
//! | `cobblestone_items_total{fate}` | items brought to an end, by fate; counted up |
//! | `cobblestone_pass_seconds` | histogram of the time that passes took, real seconds |
//! | `cobblestone_pass_errors_total` | passes that failed |
//! | `cobblestone_db_retries_total` | attempts that found the database not available |
//! | `cobblestone_last_pass_unixtime` | end of the last pass that went well, by the project's clock |

use std::net::SocketAddr;
use std::time::Duration;

use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder};

use crate::run::PassReport;

/// Upper bounds of the histogram of pass times, seconds.
const PASS_SECONDS: &[f64] = &[0.005, 0.02, 0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0];

/// Metrics can't be served.
#[derive(Debug, thiserror::Error)]
pub enum MetricsError {
    /// The address can't be listened on.
    #[error(
        "can't serve metrics on {address}: {reason}; each daemon needs an address of its own, \
         see --metrics_address and COBBLESTONE_METRICS_ADDRESS"
    )]
    Listen {
        /// The configured address.
        address: SocketAddr,
        /// What the system says.
        reason: String,
    },
    /// Anything else; not expected.
    #[error("can't collect metrics: {0}")]
    Other(String),
}

/// Collects and serves from now on. Must run inside the runtime.
///
/// # Errors
/// [`MetricsError::Listen`] when the address is in use or not one of this machine.
pub fn serve(address: SocketAddr, daemon: &str, app: Option<&str>) -> Result<(), MetricsError> {
    let other = |error: BuildError| match error {
        BuildError::FailedToCreateHTTPListener(reason) => MetricsError::Listen { address, reason },
        other => MetricsError::Other(other.to_string()),
    };
    let (recorder, exporter) = PrometheusBuilder::new()
        .add_global_label("daemon", daemon)
        .add_global_label("app", app.unwrap_or(""))
        .set_buckets_for_metric(Matcher::Full("cobblestone_pass_seconds".to_owned()), PASS_SECONDS)
        .map_err(other)?
        .with_http_listener(address)
        .build()
        .map_err(other)?;
    metrics::set_global_recorder(recorder).map_err(|error| MetricsError::Other(error.to_string()))?;
    tokio::spawn(async move {
        if exporter.await.is_err() {
            tracing::warn!("metrics are no longer served: the listener ended");
        }
    });
    describe_counter!("cobblestone_items_total", "Items brought to an end, by fate");
    describe_histogram!("cobblestone_pass_seconds", "Time that a pass took, real seconds");
    describe_counter!("cobblestone_pass_errors_total", "Passes that failed");
    describe_counter!("cobblestone_db_retries_total", "Attempts that found the database not available");
    describe_gauge!("cobblestone_last_pass_unixtime", "End of the last pass that went well, project's clock");
    // A counter that is there from the start can be told from one that nobody counts.
    counter!("cobblestone_pass_errors_total").absolute(0);
    counter!("cobblestone_db_retries_total").absolute(0);
    tracing::info!(%address, "metrics are served");
    Ok(())
}

/// A pass that went well, ended at `now` (project's clock).
pub(crate) fn pass_done(report: &PassReport, took: Duration, now: f64) {
    for (fate, count) in &report.fates {
        counter!("cobblestone_items_total", "fate" => *fate).increment(*count);
    }
    histogram!("cobblestone_pass_seconds").record(took.as_secs_f64());
    gauge!("cobblestone_last_pass_unixtime").set(now);
}

/// A pass that failed.
pub(crate) fn pass_failed() {
    counter!("cobblestone_pass_errors_total").increment(1);
}

/// An attempt that found the database away.
pub(crate) fn database_away() {
    counter!("cobblestone_db_retries_total").increment(1);
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// One test, because a process has one recorder.
    #[tokio::test]
    async fn an_address_in_use_is_refused_and_a_free_one_serves() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        let error = serve(address, "validator", Some("theory")).unwrap_err();
        assert!(matches!(error, MetricsError::Listen { .. }));
        assert!(error.to_string().contains(&address.to_string()), "{error}");
        drop(taken);
        serve(address, "validator", Some("theory")).unwrap();
        let mut report = PassReport::default();
        report.add("valid", 3);
        pass_done(&report, Duration::from_millis(50), 1234.0);
        database_away();
        let mut connection = tokio::net::TcpStream::connect(address).await.unwrap();
        connection.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
        let mut text = String::new();
        connection.read_to_string(&mut text).await.unwrap();
        for (name, value) in [
            ("cobblestone_items_total", "3"),
            ("cobblestone_db_retries_total", "1"),
            ("cobblestone_pass_errors_total", "0"),
            ("cobblestone_last_pass_unixtime", "1234"),
            ("cobblestone_pass_seconds_count", "1"),
        ] {
            let line = text.lines().find(|line| line.starts_with(&format!("{name}{{"))).unwrap_or_default();
            assert!(line.ends_with(&format!(" {value}")), "{name}: {text}");
            assert!(line.contains(r#"daemon="validator""#) && line.contains(r#"app="theory""#), "{line}");
        }
        assert!(text.contains(r#"fate="valid""#), "{text}");
    }
}
