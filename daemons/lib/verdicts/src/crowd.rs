//! The outputs of one workunit's results: each is parsed once, and compared with all others.
//!
//! Invariant: what is held in memory is bounded. Outputs beyond the bound are checked, dropped, and parsed again for
//! each row of comparisons that needs them: slower, the same answers. Beside what is held, each thread has one more
//! output in hand while reading, and each pair of an unheld one two.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use boinc::id::ResultId;
use compare::Plan;

use crate::outputs::{Outputs, Seen, Unreadable};
use crate::pool::in_parallel;

/// How outputs are read again.
type Reader<'a> = dyn Fn(ResultId) -> Result<Outputs, Unreadable> + Sync + 'a;

/// See the module.
pub struct Crowd<'a> {
    /// Results whose outputs can be compared, in the order given.
    pub ids: Vec<ResultId>,
    held: Vec<Option<Outputs>>,
    read: &'a Reader<'a>,
    threads: usize,
}

/// What became of one output that was read.
struct Read {
    /// None: dropped, for want of memory.
    outputs: Option<Outputs>,
    suspicious: Option<String>,
}

/// Held, or read for the moment.
enum Handle<'a> {
    Held(&'a Outputs),
    Own(Outputs),
}

impl Handle<'_> {
    fn get(&self) -> &Outputs {
        match self {
            Self::Held(outputs) => outputs,
            Self::Own(outputs) => outputs,
        }
    }
}

impl<'a> Crowd<'a> {
    /// Reads outputs on up to `threads` threads and holds them up to `memory` bytes. Those that can't be read are told
    /// apart; of those that can, what is suspicious about them, if anything.
    #[must_use]
    pub fn gather(
        ids: &[ResultId],
        threads: usize,
        memory: u64,
        read: &'a Reader<'a>,
    ) -> (Self, BTreeMap<ResultId, Result<Option<String>, Unreadable>>) {
        let used = AtomicU64::new(0);
        let each = in_parallel(threads, ids.len(), |at| {
            let Some(id) = ids.get(at) else { return Err(Unreadable::Later("it is not there".to_owned())) };
            read(*id).map(|outputs| {
                let size = outputs.memory();
                let suspicious = outputs.suspicious.clone();
                let fits = used.fetch_add(size, Ordering::Relaxed).saturating_add(size) <= memory;
                if !fits {
                    used.fetch_sub(size, Ordering::Relaxed);
                }
                Read { outputs: fits.then_some(outputs), suspicious }
            })
        });
        let mut crowd = Self { ids: Vec::new(), held: Vec::new(), read, threads };
        let mut found = BTreeMap::new();
        for (id, read) in ids.iter().zip(each) {
            let what = match read {
                Ok(Read { outputs, suspicious }) => {
                    crowd.ids.push(*id);
                    crowd.held.push(outputs);
                    Ok(suspicious)
                }
                Err(unreadable) => Err(unreadable),
            };
            found.insert(*id, what);
        }
        (crowd, found)
    }

    /// How many outputs could not be held.
    #[must_use]
    pub fn unheld(&self) -> usize {
        self.held.iter().filter(|held| held.is_none()).count()
    }

    fn handle(&self, at: usize) -> Option<Handle<'_>> {
        match self.held.get(at)? {
            Some(outputs) => Some(Handle::Held(outputs)),
            None => (self.read)(*self.ids.get(at)?).ok().map(Handle::Own),
        }
    }

    /// Calls `f` with the outputs of a result, if they can be had.
    pub fn with<T>(&self, id: ResultId, f: impl FnOnce(&Outputs) -> T) -> Option<T> {
        let at = self.ids.iter().position(|other| *other == id)?;
        self.handle(at).map(|handle| f(handle.get()))
    }

    /// Compares each with each: for positions i ≤ j in `ids`.
    #[must_use]
    pub fn compare_all(&self, plan: &Plan) -> BTreeMap<(usize, usize), Seen> {
        let n = self.ids.len();
        let mut seen = BTreeMap::new();
        if self.unheld() == 0 {
            let pairs: Vec<(usize, usize)> = (0..n).flat_map(|i| (i..n).map(move |j| (i, j))).collect();
            let answers = in_parallel(self.threads, pairs.len(), |at| {
                let (i, j) = pairs.get(at).copied().unwrap_or_default();
                self.pair(self.handle(i).as_ref(), j, i == j, plan)
            });
            seen.extend(pairs.iter().copied().zip(answers));
            return seen;
        }
        for i in 0..n {
            let left = self.handle(i);
            let row = in_parallel(self.threads, n - i, |k| self.pair(left.as_ref(), i + k, k == 0, plan));
            seen.extend(row.into_iter().enumerate().map(|(k, answer)| ((i, i + k), answer)));
        }
        seen
    }

    fn pair(&self, left: Option<&Handle<'_>>, right: usize, same: bool, plan: &Plan) -> Seen {
        let Some(left) = left else { return Seen::later("can't be read again") };
        if same {
            return left.get().compare(left.get(), plan);
        }
        match self.handle(right) {
            Some(right) => left.get().compare(right.get(), plan),
            None => Seen::later("can't be read again"),
        }
    }
}
