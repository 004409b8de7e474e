//! Steps of files: each change of a local file of a dataset is announced just before it is made.
//!
//! For tests. One that listens can end its process between any two steps, as SIGKILL or a power cut would, or look in
//! which order things come to disk. Nobody listens in a program: then an announcement does nothing.

use std::path::Path;
use std::sync::OnceLock;

/// What is about to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// A folder is made.
    MakeFolder,
    /// A file is made, empty.
    Make,
    /// A piece is written to a file.
    Write,
    /// A file, a folder's entries or a whole file system are brought to disk.
    Sync,
    /// What stands there gets this name.
    Rename,
    /// A file gets one name more.
    Link,
    /// Two folders change their places.
    Exchange,
    /// A file or a folder is removed.
    Remove,
}

/// Who listens.
pub type Listener = fn(Change, &Path);

static LISTENER: OnceLock<Listener> = OnceLock::new();

/// From now on `listener` hears of each step of this process. `false`: another one listens already.
pub fn listen(listener: Listener) -> bool {
    LISTENER.set(listener).is_ok()
}

/// Announces a step.
pub fn about_to(change: Change, path: &Path) {
    if let Some(listener) = LISTENER.get() {
        listener(change, path);
    }
}
