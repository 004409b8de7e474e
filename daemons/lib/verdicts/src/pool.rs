//! Work shared by a few threads.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Calls `work` for 0 … n − 1 on up to `threads` threads; the answers in that order.
pub fn in_parallel<T: Send>(threads: usize, n: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    prefix_in_parallel(threads, n, || true, work)
}

/// The same, but begins nothing new once `go_on` says no: answers for 0 … k − 1, with k ≤ n.
pub fn prefix_in_parallel<T: Send>(
    threads: usize,
    n: usize,
    go_on: impl Fn() -> bool + Sync,
    work: impl Fn(usize) -> T + Sync,
) -> Vec<T> {
    let threads = threads.min(n);
    if threads <= 1 {
        return (0..n).take_while(|_| go_on()).map(work).collect();
    }
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<(usize, T)>> = Mutex::new(Vec::with_capacity(n));
    let turn = || {
        let mut own = Vec::new();
        while go_on() {
            // What was taken is done, so what is done has no gap.
            let at = next.fetch_add(1, Ordering::Relaxed);
            if at >= n {
                break;
            }
            own.push((at, work(at)));
        }
        done.lock().unwrap_or_else(std::sync::PoisonError::into_inner).extend(own);
    };
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(turn);
        }
        turn();
    });
    let mut done = done.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, answer)| answer).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_come_in_order_and_without_gaps() {
        for threads in [0, 1, 2, 7] {
            assert_eq!(in_parallel(threads, 100, |n| n * n), (0..100).map(|n| n * n).collect::<Vec<_>>());
            assert!(in_parallel(threads, 0, |n| n).is_empty());
            let left = AtomicUsize::new(0);
            let go_on = || left.fetch_add(1, Ordering::Relaxed) < 20;
            let some = prefix_in_parallel(threads, 1000, go_on, |n| n);
            assert!(some.len() <= 20 && some.iter().copied().eq(0..some.len()), "{some:?}");
        }
    }
}
