//! Holds daemons still in the middle of a transaction, at a place that the test chooses.
//!
//! `LOCK TABLES t READ` lets everybody read `t` and makes everybody wait who wants to write it or lock rows of it.
//! A daemon comes to a stand at its first write of `t`, with all that its transaction wrote before uncommitted.

use store::sql::Connection;

use crate::stage::Stage;

/// A table that nobody can write.
pub struct Barrier {
    connection: Connection,
}

impl Barrier {
    /// Locks the table.
    pub async fn on(stage: &Stage, table: &str) -> Self {
        let mut connection = stage.project.connect().await.unwrap();
        connection.execute(&format!("LOCK TABLES `{table}` READ"), &[]).await.unwrap();
        Self { connection }
    }

    /// Waits until so many daemons stand before it.
    pub async fn stopped(&mut self, stage: &mut Stage, daemons: i64) {
        stage.others("state LIKE 'Waiting for table%'", daemons).await;
    }

    /// Lets them go on.
    pub async fn lift(mut self) {
        self.connection.execute("UNLOCK TABLES", &[]).await.unwrap();
    }
}
