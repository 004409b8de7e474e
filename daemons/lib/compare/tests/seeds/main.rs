//! Outputs of other seeds agree as often as is declared, whatever their weights are and however thin their bins; others
//! don't.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "helpers of tests")]

mod chance;
mod claims;
#[path = "../common/mod.rs"]
mod common;
mod coverage;
mod job;
mod shapes;
