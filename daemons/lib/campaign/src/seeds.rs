//! Which seed a job gets: ranges that a campaign has reserved.
//!
//! Invariant: a job has one seed, and no other job of the application has it, unless the campaign says `reuse`. Ranges
//! are reserved in the database before a job is made, and are never given back.

/// Jobs that a range is reserved for when nobody knows how many will come.
pub const BLOCK: i64 = 100_000;

/// Seeds of consecutive jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// Number of the first job.
    pub first_job: i64,
    /// Its seed.
    pub first_seed: i64,
    /// How many.
    pub seeds: i64,
}

/// The seed of a job; None if no range holds it. The ranges are in the order of their jobs: a campaign that never ends has
/// thousands of them, and each of its jobs is looked for.
#[must_use]
pub fn seed_of(ranges: &[Range], job: i64) -> Option<i64> {
    let behind = ranges.partition_point(|range| range.first_job <= job);
    let range = ranges.get(behind.checked_sub(1)?)?;
    let nth = job - range.first_job;
    (nth < range.seeds).then(|| range.first_seed.saturating_add(nth))
}

/// What has to be reserved so that jobs up to `last` (not with it) have seeds: the first job without one, and how many.
/// `jobs`: how many the campaign has, if that is known.
#[must_use]
pub fn missing(ranges: &[Range], last: i64, jobs: Option<i64>) -> Option<(i64, i64)> {
    let covered = ranges.last().map_or(0, |range| range.first_job.saturating_add(range.seeds));
    if covered >= last {
        return None;
    }
    let wanted = jobs.map_or(BLOCK, |jobs| jobs.saturating_sub(covered));
    Some((covered, wanted.max(last - covered)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_get_the_seeds_of_their_range() {
        let ranges = [
            Range { first_job: 0, first_seed: 1, seeds: 10 },
            Range { first_job: 10, first_seed: 501, seeds: 5 },
        ];
        assert_eq!(seed_of(&ranges, 0), Some(1));
        assert_eq!(seed_of(&ranges, 9), Some(10));
        assert_eq!(seed_of(&ranges, 10), Some(501));
        assert_eq!(
            (seed_of(&ranges, 14), seed_of(&ranges, 15), seed_of(&ranges, -1)),
            (Some(505), None, None)
        );
        assert_eq!(seed_of(&[], 0), None);
        assert_eq!(missing(&ranges, 15, None), None);
        assert_eq!(missing(&ranges, 16, None), Some((15, BLOCK)));
        assert_eq!(missing(&ranges, 16, Some(20)), Some((15, 5)));
        assert_eq!(missing(&[], 500, Some(10_000)), Some((0, 10_000)));
        assert_eq!(missing(&[], 500, Some(3)), Some((0, 500)), "never less than what is made now");
    }
}
