//! Typed tables: BOINC's ([`boinc`]) and ours ([`ours`]).

pub mod boinc;
pub mod ours;

/// One table as this crate believes it to be: its name and its columns with their SQL types.
pub type TableFacts = (&'static str, &'static [(&'static str, &'static str)]);

/// `diesel::table!` for each table, and a list of the same for the test against information_schema.
macro_rules! typed_tables {
    ($($table:ident ($($key:ident),+) { $($column:ident -> $type:ident $(<$inner:ident>)?,)* })*) => {
        $(diesel::table! {
            #[allow(missing_docs)]
            $table ($($key),+) { $($column -> $type $(<$inner>)?,)* }
        })*
        /// Every table above with its columns and their types.
        pub const TABLES: &[super::TableFacts] = &[
            $((stringify!($table), &[$((stringify!($column), stringify!($type $(<$inner>)?)),)*]),)*
        ];
    };
}
pub(crate) use typed_tables;
