//! Finds what does not fit together.
