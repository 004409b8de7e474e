//! Stopping, as BOINC's `bin/stop` expects it.
//!
//! A daemon is asked to stop by SIGHUP, SIGTERM, SIGINT or the file `stop_daemons` in the project directory.
//! It then ends within a second, with status 0:
//!
//! | after | what |
//! |---|---|
//! | at most 0.25 s | the file is seen (signals: at once) |
//! | at once | [`Stop::is_stopping`] is true: the pass ends at its next checkpoint, sleeps and waits end |
//! | [`GRACE`] | a pass that is not done is dropped: its connection closes, the open transaction rolls back |
//! | [`HARD`] | a pass that does not even yield is cut off: the process exits where it stands |
//!
//! Every transaction is done whole or not at all, so the item in hand is finished or untouched in all cases.
//! A second request while stopping changes nothing.

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// How long a pass may go on after the request.
pub const GRACE: Duration = Duration::from_millis(500);
/// When the process ends even if the pass does not yield.
pub const HARD: Duration = Duration::from_millis(650);
/// How often the stop file is looked for. With [`HARD`] it must stay below a second.
pub const POLL: Duration = Duration::from_millis(250);

/// Why the daemon stops.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// Name of the signal.
    Signal(&'static str),
    /// Path of the stop file.
    File(PathBuf),
    /// The program itself asked ([`Stop::request`]), e.g. a test.
    Asked,
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Signal(name) => write!(f, "{name} received"),
            Self::File(path) => write!(f, "{} is present", path.display()),
            Self::Asked => f.write_str("asked by the program"),
        }
    }
}

/// Tells whether the daemon was asked to stop. Cheap to clone; all clones tell the same.
#[derive(Debug, Clone)]
pub struct Stop {
    asked: Arc<AtomicBool>,
    reason: Arc<watch::Sender<Option<Reason>>>,
}

impl Default for Stop {
    fn default() -> Self {
        Self::new()
    }
}

impl Stop {
    /// Not stopping. Nothing but [`Stop::request`] changes that until it is [`Stop::watch_signals`]'d.
    #[must_use]
    pub fn new() -> Self {
        Self { asked: Arc::default(), reason: Arc::new(watch::Sender::new(None)) }
    }

    /// True once the daemon was asked to stop. A pass looks here between two transactions.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.reason.borrow().is_some()
    }

    /// Why, once it was asked.
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        self.reason.borrow().clone()
    }

    /// Ends when the daemon is asked to stop.
    pub async fn stopped(&self) {
        // The sender is in `self`: the channel can't close while somebody waits here.
        let _ = self.reason.subscribe().wait_for(Option::is_some).await;
    }

    /// Sleeps; false if it was cut short by the request to stop.
    pub async fn sleep(&self, time: Duration) -> bool {
        tokio::select! {
            biased;
            () = self.stopped() => false,
            () = tokio::time::sleep(time) => true,
        }
    }

    /// Asks to stop. Only the first request counts.
    pub fn request(&self, reason: Reason) {
        if !self.asked.swap(true, Ordering::SeqCst) {
            // Before anybody hears of it: a sleeping daemon is gone as soon as it does.
            tracing::info!("stopping: {reason}");
            self.reason.send_replace(Some(reason));
        }
    }

    /// From now on SIGHUP, SIGTERM and SIGINT ask to stop instead of ending the process.
    ///
    /// # Errors
    /// When the system refuses a handler.
    pub fn watch_signals(&self) -> std::io::Result<()> {
        let kinds = [
            (SignalKind::hangup(), "SIGHUP"),
            (SignalKind::terminate(), "SIGTERM"),
            (SignalKind::interrupt(), "SIGINT"),
        ];
        for (kind, name) in kinds {
            let mut signals = signal(kind)?;
            let stop = self.clone();
            tokio::spawn(async move {
                while signals.recv().await.is_some() {
                    stop.request(Reason::Signal(name));
                }
            });
        }
        Ok(())
    }

    /// From now on the file asks to stop.
    pub fn watch_file(&self, path: PathBuf) {
        let stop = self.clone();
        tokio::spawn(async move {
            loop {
                if is_there(&path).await {
                    return stop.request(Reason::File(path));
                }
                tokio::time::sleep(POLL).await;
            }
        });
    }

    /// [`HARD`] after the request the process exits with status 0, whatever goes on. A thread of its own: it must
    /// come through when all others are busy.
    ///
    /// # Errors
    /// When there can be no more threads.
    pub fn watch_hard(&self) -> std::io::Result<()> {
        let stop = self.clone();
        let runtime = tokio::runtime::Handle::current();
        std::thread::Builder::new().name("stop".to_owned()).spawn(move || {
            runtime.block_on(stop.stopped());
            std::thread::sleep(HARD);
            tracing::warn!("stopping: the pass did not yield and is cut off");
            std::process::exit(0);
        })?;
        Ok(())
    }

    /// Runs `work` until it ends, or until [`GRACE`] after the request; then it is dropped, which is `None`.
    pub async fn supervise<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = std::pin::pin!(work);
        tokio::select! {
            biased;
            done = &mut work => Some(done),
            () = self.stopped() => tokio::time::timeout(GRACE, work).await.ok(),
        }
    }
}

/// A file that can't be looked at (permissions, a file server that is away) asks for nothing.
async fn is_there(path: &std::path::Path) -> bool {
    tokio::fs::try_exists(path).await.unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_seen_and_the_process_gone_within_a_second() {
        assert!(GRACE < HARD && POLL + HARD < Duration::from_secs(1));
    }

    #[tokio::test(start_paused = true)]
    async fn only_the_first_request_counts() {
        let stop = Stop::new();
        assert!(!stop.is_stopping());
        assert!(stop.sleep(Duration::from_secs(60)).await);
        let waiting = stop.clone();
        let waiter = tokio::spawn(async move { waiting.sleep(Duration::from_secs(3600)).await });
        stop.request(Reason::Signal("SIGHUP"));
        stop.request(Reason::Asked);
        assert!(!waiter.await.unwrap());
        assert_eq!(stop.reason(), Some(Reason::Signal("SIGHUP")));
        stop.stopped().await;
    }

    #[tokio::test(start_paused = true)]
    async fn work_has_its_grace_and_no_more() {
        struct Dropped(Arc<AtomicBool>);
        impl Drop for Dropped {
            fn drop(&mut self) {
                self.0.store(true, Ordering::SeqCst);
            }
        }
        let stop = Stop::new();
        let long = stop.supervise(async {
            tokio::time::sleep(Duration::from_secs(600)).await;
            1
        });
        assert_eq!(long.await, Some(1), "nobody asked to stop");
        stop.request(Reason::Asked);
        let short = stop.supervise(async {
            tokio::time::sleep(GRACE / 2).await;
            2
        });
        assert_eq!(short.await, Some(2), "it ended within its grace");
        let gone = Arc::new(AtomicBool::new(false));
        let guard = Dropped(Arc::clone(&gone));
        let endless = stop.supervise(async move {
            let _guard = guard;
            std::future::pending::<()>().await;
        });
        assert_eq!(endless.await, None);
        assert!(gone.load(Ordering::SeqCst), "it was dropped");
    }

    #[tokio::test]
    async fn the_file_asks_to_stop() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stop_daemons");
        let stop = Stop::new();
        stop.watch_file(path.clone());
        std::fs::write(&path, "").unwrap();
        tokio::time::timeout(Duration::from_secs(30), stop.stopped()).await.unwrap();
        assert_eq!(stop.reason(), Some(Reason::File(path)));
    }
}
