//! One private MariaDB for a whole run of the tests, so that not every test process starts its own.
//!
//! Prints the path of its socket, the value for `COBBLESTONE_TEST_DB`, then waits until its standard input ends
//! or a signal asks it to stop. Whoever started it may thus die in any way: the pipe ends, and so does the
//! server. Its folder is temporary and goes with it; should this process be killed, the sandbox's watchdog
//! stops the server.

use std::io::{Read as _, Write as _};

use anyhow::Context as _;
use sandbox::Server;
use tokio::signal::unix::{SignalKind, signal};

fn main() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let outcome = runtime.block_on(serve());
    // The thread that reads standard input may still wait: nobody waits for it.
    runtime.shutdown_background();
    outcome
}

async fn serve() -> anyhow::Result<()> {
    // Before the server starts: from here on a signal ends it properly.
    let mut signals = [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()]
        .map(signal)
        .into_iter()
        .collect::<Result<Vec<_>, _>>()
        .context("can't set signal handlers")?;
    let (sender, ended) = tokio::sync::oneshot::channel::<()>();
    std::thread::spawn(move || {
        let mut rest = [0; 64];
        let mut stdin = std::io::stdin().lock();
        while stdin.read(&mut rest).is_ok_and(|n| n > 0) {}
        drop(sender);
    });

    let server = Server::start_temporary()?;
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{}", server.socket().display()).context("can't tell the socket")?;
    stdout.flush().context("can't tell the socket")?;

    let [term, int, hup] = signals.as_mut_slice() else { anyhow::bail!("no signal handlers") };
    tokio::select! {
        _ = ended => {}
        _ = term.recv() => {}
        _ = int.recv() => {}
        _ = hup.recv() => {}
    }
    Ok(())
}
