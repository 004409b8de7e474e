//! What a person sees on stdout: lines, and on a terminal one line that changes.
//!
//! A reader that goes away (a closed pipe) stops nothing: what was begun is cleaned up all the same.

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

/// How often the changing line is written again on a terminal, and as a plain line elsewhere.
const ON_TERMINAL: Duration = Duration::from_millis(400);
const ELSEWHERE: Duration = Duration::from_secs(5);

/// Prints text as it is.
pub fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes());
    let _ = out.flush();
}

/// See the module.
#[derive(Debug)]
pub struct Screen {
    terminal: bool,
    /// The changing line stands on the screen.
    live: bool,
    shown: Option<Instant>,
}

impl Screen {
    /// Writes to stdout.
    pub fn new() -> Self {
        Self { terminal: std::io::stdout().is_terminal(), live: false, shown: None }
    }

    /// A line, or several.
    pub fn say(&mut self, text: &str) {
        let clear = if self.live { "\r\x1b[K" } else { "" };
        self.live = false;
        print(&format!("{clear}{text}\n"));
    }

    /// Writes the changing line if it is time for it; `make` makes it.
    pub fn live(&mut self, make: impl FnOnce() -> String) {
        let every = if self.terminal { ON_TERMINAL } else { ELSEWHERE };
        if self.shown.is_some_and(|shown| shown.elapsed() < every) {
            return;
        }
        self.shown = Some(Instant::now());
        let line = make();
        if self.terminal {
            // A line that is too long would wrap, and could not be written over.
            let line: String = line.chars().take(width().saturating_sub(1)).collect();
            self.live = true;
            print(&format!("\r{line}\x1b[K"));
        } else {
            print(&format!("{line}\n"));
        }
    }
}

/// Columns of the terminal.
fn width() -> usize {
    rustix::termios::tcgetwinsize(std::io::stdout())
        .map_or(80, |size| usize::from(size.ws_col))
        .clamp(20, 400)
}
