//! Table `reviews`: what people, and the assimilator by itself, say of results: one row per review.
//!
//! The last row of a workunit, the one with the highest `review_id`, holds. Day is that of the review.

use store::reviews::Review;

use super::{Column, Table, Value};

/// See the module.
pub const REVIEWS: Table<Review> = Table {
    name: "reviews",
    about: "one row per review; of a workunit the one with the highest review_id holds",
    version: 1,
    columns: COLUMNS,
};

/// Whole Unix seconds.
#[must_use]
pub fn seconds(review: &Review) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "saturates")]
    let seconds = review.review.time as i64;
    seconds
}

#[rustfmt::skip]
const COLUMNS: &[Column<Review>] = &[
    Column::new("review_id", "Number of the review; it counts up", Value::Long(|r| Some(r.id))),
    Column::new("workunit_id", "Id of the workunit", Value::Int(|r| Some(r.review.workunit.0))),
    Column::new("result_id", "Id of the canonical result at that time; null if there was none", Value::Int(|r| (r.review.result.0 != 0).then_some(r.review.result.0))),
    Column::new("time", "When", Value::Time(|r| Some(seconds(r)))),
    Column::new("who", "Name of a person; assimilator: by itself, because the task did nothing", Value::Text(|r| Some(r.review.who.as_str().into()))),
    Column::new("verdict", "accepted, flagged or rejected; cleared: the assimilator takes its own flag back, as the guest reported later", Value::Text(|r| Some(r.review.verdict.as_str().into()))),
    Column::new("comment", "Why", Value::Text(|r| Some(r.review.comment.as_str().into()))),
];
