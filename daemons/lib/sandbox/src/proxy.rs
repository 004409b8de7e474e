//! A wire between a daemon and its database that a test can hold at any statement.
//!
//! It counts the commands (statements, COMMIT included) that clients send. [`Proxy::hold_at`] holds the wire when a
//! given command comes, either before the server has seen it or before the client has seen its answer; then the test
//! kills whom it likes. [`Proxy::hold_at_statement`] does not count what changes nothing on the server: preparing a
//! statement and closing one. Nothing in the daemons knows of it: they connect to its port.
//! Only the plain protocol is understood: no TLS, no compression.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};

/// How often it is asked whether a process has ended.
const LOOK_AGAIN: std::time::Duration = std::time::Duration::from_millis(5);

/// Where the wire is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// The server never sees the command.
    Before,
    /// The server does it, the client never hears of it.
    After,
}

#[derive(Debug)]
struct Wire {
    commands: AtomicU64,
    /// Bytes that the server sent.
    answered: AtomicU64,
    hold: watch::Sender<Option<(u64, Hold)>>,
    statements_only: AtomicBool,
    cuts: AtomicU64,
    held: AtomicBool,
    reached: Notify,
}

/// See the module. Ends with its handle.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    wire: Arc<Wire>,
    task: tokio::task::JoinHandle<()>,
}

impl Proxy {
    /// Listens on a free port of 127.0.0.1 and connects to the server at `port`.
    ///
    /// # Errors
    /// No port is free.
    pub async fn start(port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let own = listener.local_addr()?.port();
        let wire = Arc::new(Wire {
            commands: AtomicU64::new(0),
            answered: AtomicU64::new(0),
            hold: watch::Sender::new(None),
            statements_only: AtomicBool::new(false),
            cuts: AtomicU64::new(0),
            held: AtomicBool::new(false),
            reached: Notify::new(),
        });
        let shared = Arc::clone(&wire);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let wire = Arc::clone(&shared);
                tokio::spawn(async move {
                    // A lost connection is what tests want to see: the other side learns of it by its own socket.
                    let _ = join(client, port, &wire).await;
                });
            }
        });
        Ok(Self { port: own, wire, task })
    }

    /// Where daemons connect to.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Commands seen since the last [`Proxy::hold_at`] or [`Proxy::release`].
    #[must_use]
    pub fn commands(&self) -> u64 {
        self.wire.commands.load(Ordering::SeqCst)
    }

    /// Bytes that the server has sent to clients since the start.
    #[must_use]
    pub fn answered_bytes(&self) -> u64 {
        self.wire.answered.load(Ordering::SeqCst)
    }

    /// Counts from zero again and holds the wire at command number `n`, counted from 1.
    pub fn hold_at(&self, n: u64, hold: Hold) {
        self.hold(n, hold, false);
    }

    /// The same at statement number `n`.
    pub fn hold_at_statement(&self, n: u64, hold: Hold) {
        self.hold(n, hold, true);
    }

    fn hold(&self, n: u64, hold: Hold, statements_only: bool) {
        self.wire.statements_only.store(statements_only, Ordering::SeqCst);
        self.wire.commands.store(0, Ordering::SeqCst);
        self.wire.held.store(false, Ordering::SeqCst);
        self.wire.hold.send_replace(Some((n, hold)));
    }

    /// Waits until the wire is held.
    pub async fn held(&self) {
        while !self.wire.held.load(Ordering::SeqCst) {
            self.wire.reached.notified().await;
        }
    }

    /// Waits until the wire is held (None), or until the process ends (its exit status).
    ///
    /// # Errors
    /// The process can't be asked.
    pub async fn held_or_ended(
        &self,
        child: &mut std::process::Child,
    ) -> io::Result<Option<std::process::ExitStatus>> {
        loop {
            tokio::select! {
                () = self.held() => return Ok(None),
                () = tokio::time::sleep(LOOK_AGAIN) => {
                    if let Some(status) = child.try_wait()? {
                        return Ok(Some(status));
                    }
                }
            }
        }
    }

    /// Closes the connections that are held: what was on the way is lost. Then as [`Proxy::release`].
    pub fn cut(&self) {
        self.wire.cuts.fetch_add(1, Ordering::SeqCst);
        self.release();
    }

    /// Lets go, and counts from zero again.
    pub fn release(&self) {
        self.wire.commands.store(0, Ordering::SeqCst);
        self.wire.held.store(false, Ordering::SeqCst);
        self.wire.hold.send_replace(None);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn join(client: TcpStream, port: u16, wire: &Wire) -> io::Result<()> {
    let server = TcpStream::connect(("127.0.0.1", port)).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::select! {
        done = commands(from_client, to_server, wire) => done,
        done = answers(from_server, to_client, wire) => done,
    }
}

/// Passes packets on: 3 bytes of length, 1 of sequence, which is 0 at the start of a command.
async fn commands(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, wire: &Wire) -> io::Result<()> {
    let mut packet = Vec::new();
    loop {
        let mut header = [0; 4];
        from.read_exact(&mut header).await?;
        let [a, b, c, sequence] = header;
        let length = usize::from(a) | usize::from(b) << 8 | usize::from(c) << 16;
        packet.clear();
        packet.extend_from_slice(&header);
        packet.resize(4 + length, 0);
        if let Some(body) = packet.get_mut(4..) {
            from.read_exact(body).await?;
        }
        let counts = sequence == 0 && wire.counts(packet.get(4).copied());
        // Before anybody hears that it is held: the answer may be a cut, on another thread.
        let cuts = wire.cuts.load(Ordering::SeqCst);
        if counts && wire.arrives() == Some(Hold::Before) {
            wire.wait_for_release(cuts).await?;
        }
        to.write_all(&packet).await?;
    }
}

async fn answers(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, wire: &Wire) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let n = from.read(&mut buffer).await?;
        if n == 0 {
            return Ok(());
        }
        wire.answered.fetch_add(n as u64, Ordering::SeqCst);
        if wire.answers_are_held() {
            let cuts = wire.cuts.load(Ordering::SeqCst);
            wire.tell();
            wire.wait_for_release(cuts).await?;
        }
        to.write_all(buffer.get(..n).unwrap_or_default()).await?;
    }
}

/// COM_STMT_PREPARE and COM_STMT_CLOSE.
const NO_STATEMENTS: [u8; 2] = [0x16, 0x19];

impl Wire {
    /// Whether a command of that kind is counted.
    fn counts(&self, command: Option<u8>) -> bool {
        let statement = command.is_none_or(|command| !NO_STATEMENTS.contains(&command));
        statement || !self.statements_only.load(Ordering::SeqCst)
    }

    /// Counts a command; says whether the wire is held here.
    fn arrives(&self) -> Option<Hold> {
        let number = self.commands.fetch_add(1, Ordering::SeqCst) + 1;
        let (at, hold) = (*self.hold.borrow())?;
        if number < at {
            return None;
        }
        if hold == Hold::Before {
            self.tell();
        }
        Some(hold)
    }

    fn answers_are_held(&self) -> bool {
        matches!(*self.hold.borrow(), Some((at, Hold::After)) if self.commands.load(Ordering::SeqCst) >= at)
    }

    fn tell(&self) {
        self.held.store(true, Ordering::SeqCst);
        self.reached.notify_waiters();
        self.reached.notify_one();
    }

    /// `cuts`: how many there were before. An error: the connection is to be closed.
    async fn wait_for_release(&self, cuts: u64) -> io::Result<()> {
        let mut hold = self.hold.subscribe();
        while hold.borrow_and_update().is_some() {
            if hold.changed().await.is_err() {
                break;
            }
        }
        if self.cuts.load(Ordering::SeqCst) == cuts {
            Ok(())
        } else {
            Err(io::ErrorKind::ConnectionAborted.into())
        }
    }
}
