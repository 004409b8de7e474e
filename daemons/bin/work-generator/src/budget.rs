//! How many workunits to make now. Pure.

/// What is there and what is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Results that wait to be sent, and those that the transitioner will make of new workunits.
    pub waiting: i64,
    /// Results that shall wait: `[work] cushion`.
    pub cushion: i64,
    /// Results that the transitioner makes of one new workunit.
    pub results_per_workunit: i64,
    /// Number of the next job of the campaign.
    pub next_job: i64,
    /// Jobs that the campaign has; `None` = it never ends.
    pub jobs: Option<i64>,
    /// Most workunits in one transaction.
    pub batch: i64,
}

impl Budget {
    /// Workunits to make in this pass: enough to fill the cushion, at least one when it is not full.
    pub fn workunits(self) -> i64 {
        let missing = self.cushion.saturating_sub(self.waiting).max(0);
        let per = self.results_per_workunit.max(1);
        let wanted = missing.saturating_add(per - 1) / per;
        let left = self.jobs.map_or(i64::MAX, |jobs| jobs.saturating_sub(self.next_job).max(0));
        wanted.min(left).min(self.batch.max(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: Budget =
        Budget { waiting: 0, cushion: 100, results_per_workunit: 2, next_job: 0, jobs: None, batch: 1000 };

    #[test]
    fn the_cushion_is_filled_and_not_more() {
        assert_eq!(EMPTY.workunits(), 50);
        assert_eq!(Budget { waiting: 99, ..EMPTY }.workunits(), 1);
        assert_eq!(Budget { waiting: 100, ..EMPTY }.workunits(), 0);
        assert_eq!(Budget { waiting: 5000, ..EMPTY }.workunits(), 0);
        assert_eq!(Budget { results_per_workunit: 0, ..EMPTY }.workunits(), 100);
    }

    #[test]
    fn a_campaign_ends_after_its_jobs() {
        assert_eq!(Budget { next_job: 297, jobs: Some(300), ..EMPTY }.workunits(), 3);
        assert_eq!(Budget { next_job: 300, jobs: Some(300), ..EMPTY }.workunits(), 0);
        assert_eq!(Budget { next_job: 400, jobs: Some(300), ..EMPTY }.workunits(), 0);
        assert_eq!(Budget { batch: 7, ..EMPTY }.workunits(), 7);
    }
}
