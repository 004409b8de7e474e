//! Statements that other programs' locks may roll back.

use store::sql::{Connection, Param};

use crate::error::{Result, db};

/// Runs one statement that is its own transaction, again when a deadlock or lock wait rolled it back.
pub(crate) async fn execute(
    connection: &mut Connection,
    what: &'static str,
    sql: &str,
    params: &[Param],
) -> Result<u64> {
    let mut attempts = 0;
    loop {
        match connection.execute(sql, params).await {
            Err(error) if error.is_transient() && attempts < 20 => {
                attempts += 1;
                tokio::time::sleep(std::time::Duration::from_millis(5 * attempts)).await;
            }
            other => return other.map_err(db(what)),
        }
    }
}
