//! Events in the order of their time; those of the same time in the order in which they were pushed.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

#[derive(Debug)]
struct Entry<E> {
    time: f64,
    number: u64,
    event: E,
}

impl<E> Ord for Entry<E> {
    /// The heap gives the greatest first: that is the earliest here.
    fn cmp(&self, other: &Self) -> Ordering {
        other.time.total_cmp(&self.time).then(other.number.cmp(&self.number))
    }
}
impl<E> PartialOrd for Entry<E> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<E> PartialEq for Entry<E> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl<E> Eq for Entry<E> {}

/// The queue.
#[derive(Debug)]
pub(super) struct Queue<E> {
    heap: BinaryHeap<Entry<E>>,
    pushed: u64,
}

impl<E> Default for Queue<E> {
    fn default() -> Self {
        Self { heap: BinaryHeap::new(), pushed: 0 }
    }
}

impl<E> Queue<E> {
    pub(super) fn push(&mut self, time: f64, event: E) {
        self.pushed += 1;
        self.heap.push(Entry { time, number: self.pushed, event });
    }

    /// The earliest event, if its time has come.
    pub(super) fn pop_until(&mut self, now: f64) -> Option<(f64, E)> {
        if self.heap.peek()?.time > now {
            return None;
        }
        self.heap.pop().map(|entry| (entry.time, entry.event))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_in_order() {
        let mut queue = Queue::default();
        for (time, event) in [(3.0, 'c'), (1.0, 'a'), (2.0, 'b'), (1.0, 'A')] {
            queue.push(time, event);
        }
        let mut order = String::new();
        while let Some((_, event)) = queue.pop_until(2.5) {
            order.push(event);
        }
        assert_eq!(order, "aAb");
        assert_eq!(queue.pop_until(2.9), None, "its time has not come");
        assert_eq!(queue.pop_until(3.0), Some((3.0, 'c')));
    }
}
