//! How long to wait before the next attempt: 0.5 s, doubling to 30 s.

use std::time::Duration;

/// Counts the attempts that failed in a row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// First wait.
    pub const FIRST: Duration = Duration::from_millis(500);
    /// Longest wait.
    pub const LONGEST: Duration = Duration::from_secs(30);

    /// Counts a failure; the time to wait before the next attempt.
    #[must_use]
    pub fn failed(&mut self) -> Duration {
        let factor = 2u32.saturating_pow(self.failures.min(16));
        self.failures = self.failures.saturating_add(1);
        Self::FIRST.saturating_mul(factor).min(Self::LONGEST)
    }

    /// An attempt went well.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// Failures in a row.
    #[must_use]
    pub fn failures(&self) -> u32 {
        self.failures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_from_half_a_second_to_thirty() {
        let mut backoff = Backoff::default();
        let waits: Vec<f64> = (0..9).map(|_| backoff.failed().as_secs_f64()).collect();
        assert_eq!(waits, [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]);
        for _ in 0..100 {
            assert_eq!(backoff.failed(), Backoff::LONGEST);
        }
        backoff.reset();
        assert_eq!(backoff.failed(), Backoff::FIRST);
    }
}
