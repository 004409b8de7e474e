//! Python with DuckDB, pandas, Polars and moto, as scripts/needs.sh installs it.

use std::path::PathBuf;
use std::process::Command;

/// The interpreter.
///
/// # Panics
/// It is not installed: `./test` does that, or `. scripts/needs.sh; need_python`.
pub fn python() -> PathBuf {
    if let Some(path) = std::env::var_os("COBBLESTONE_TEST_PYTHON") {
        return path.into();
    }
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cache");
    let tools = cache.unwrap_or_else(home).join("cobblestone/test-tools-2");
    assert!(
        tools.join("complete").exists(),
        "DuckDB and moto are not in {}: run `. scripts/needs.sh; need_python`, as ./test does",
        tools.display()
    );
    tools.join("bin/python")
}

/// What DuckDB answers to a query: the rows as Python prints a list of tuples.
pub fn duckdb(sql: &str) -> String {
    let program = "import duckdb, sys; print(duckdb.sql(sys.argv[1]).fetchall())";
    let output = Command::new(python()).args(["-c", program, sql]).output().unwrap();
    assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
