//! A server that speaks S3 (moto), and a proxy before it that fails as storage does.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use super::python::python;

/// The server, ended when it goes out of scope.
pub struct Moto {
    child: Child,
    pub port: u16,
}

impl Moto {
    pub fn start() -> Self {
        let mut child = Command::new(python())
            .args(["-m", "moto.server", "-H", "127.0.0.1", "-p", "0"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let port = loop {
            let line = lines.next().unwrap().unwrap();
            if let Some((_, port)) = line.split_once("Running on http://127.0.0.1:") {
                break port.trim().parse().unwrap();
            }
        };
        // Its log must not block it.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, port }
    }

    /// One request without a body; the status line.
    pub async fn ask(&self, method: &str, path: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        let text = format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer.lines().next().unwrap_or_default().to_owned()
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// What the proxy does with requests.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Mode {
    /// They are handed on.
    Pass,
    /// The connection is closed at once.
    Gone,
    /// The server is too busy.
    Busy,
    /// It has no room: some servers say so with status 507.
    Full,
    /// It refuses.
    Forbidden,
    /// It never answers.
    Stuck,
    /// From the request of this number on nothing is answered: it is not handed on, or it is and its answer is kept.
    Hold { at: usize, handed_on: bool },
}

#[derive(Default)]
struct State {
    requests: usize,
}

/// Each connection carries one request.
pub struct FaultProxy {
    pub port: u16,
    mode: Arc<Mutex<Mode>>,
    state: Arc<Mutex<State>>,
    held: Arc<Notify>,
}

impl FaultProxy {
    pub async fn start(upstream: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let proxy = Self {
            port,
            mode: Arc::new(Mutex::new(Mode::Pass)),
            state: Arc::default(),
            held: Arc::default(),
        };
        let (mode, state, held) = (proxy.mode.clone(), proxy.state.clone(), proxy.held.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (mode, state, held) = (mode.clone(), state.clone(), held.clone());
                tokio::spawn(async move {
                    let _ = serve(stream, upstream, &mode, &state, &held).await;
                });
            }
        });
        proxy
    }

    /// From now on; requests are counted anew.
    pub fn set(&self, mode: Mode) {
        *self.mode.lock().unwrap() = mode;
        self.state.lock().unwrap().requests = 0;
    }

    /// Waits until a request is held.
    pub async fn held(&self) {
        self.held.notified().await;
    }
}

async fn serve(
    mut client: TcpStream,
    upstream: u16,
    mode: &Mutex<Mode>,
    state: &Mutex<State>,
    held: &Notify,
) -> std::io::Result<()> {
    let request = read_message(&mut client).await?;
    let now = *mode.lock().unwrap();
    let number = {
        let mut state = state.lock().unwrap();
        state.requests += 1;
        state.requests
    };
    let refuse =
        |status: &str| format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    match now {
        Mode::Gone => return Ok(()),
        Mode::Busy => return client.write_all(refuse("503 Slow Down").as_bytes()).await,
        Mode::Full => return client.write_all(refuse("507 Insufficient Storage").as_bytes()).await,
        Mode::Forbidden => return client.write_all(refuse("403 Forbidden").as_bytes()).await,
        Mode::Stuck => {
            std::future::pending::<()>().await;
        }
        Mode::Hold { at, handed_on: false } if number >= at => {
            held.notify_one();
            std::future::pending::<()>().await;
        }
        _ => {}
    }
    let mut server = TcpStream::connect(("127.0.0.1", upstream)).await?;
    server.write_all(&request).await?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer).await?;
    if matches!(now, Mode::Hold { at, .. } if number >= at) {
        held.notify_one();
        std::future::pending::<()>().await;
    }
    client.write_all(&answer).await
}

/// Head and body of a request, with `Connection: close`.
async fn read_message(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at;
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    };
    let head = String::from_utf8_lossy(bytes.get(..end).unwrap()).into_owned();
    let length = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .map_or(0, |(_, length)| length.trim().parse().unwrap());
    while bytes.len() < end + 4 + length {
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
    let body = bytes.split_off(end + 4);
    let lines = head.lines().filter(|line| !line.to_ascii_lowercase().starts_with("connection:"));
    let mut message: Vec<u8> = lines.flat_map(|line| [line.as_bytes(), b"\r\n"].concat()).collect();
    message.extend_from_slice(b"Connection: close\r\n\r\n");
    message.extend(body);
    Ok(message)
}
