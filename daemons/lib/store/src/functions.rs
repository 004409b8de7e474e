//! SQL functions that diesel does not have.

use diesel::sql_types::{Blob, Integer, Nullable};

diesel::define_sql_function! {
    /// The first characters of a text.
    #[sql_name = "LEFT"]
    fn left_of(text: Nullable<Blob>, length: Integer) -> Nullable<Blob>;
}
