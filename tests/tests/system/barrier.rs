//! Holds daemons still in the middle of a transaction, at a place that the test chooses.
//!
//! `LOCK TABLES t READ` lets everybody read `t` and makes everybody wait who wants to write it or lock rows of it.
//! A daemon comes to a stand at its first write of `t`, with all that its transaction wrote before uncommitted.
//!
//! A lock that is asked for while a transaction has written `t` already comes when that transaction ends. The daemon
//! then comes to a stand in its next one: see [`Barrier::after_this`].

use std::time::Instant;

use store::sql::Connection;

use crate::process::{LOOK, PATIENCE, Process};
use crate::stage::Stage;

/// Connections that stand at a barrier.
pub const WAITING: &str = "state LIKE 'Waiting for table%'";

/// A table that nobody can write.
pub struct Barrier {
    connection: Connection,
}

impl Barrier {
    /// Locks the table.
    pub async fn on(stage: &Stage, table: &str) -> Self {
        let mut barrier = Self { connection: stage.project.connect().await.unwrap() };
        barrier.lock(table, "READ").await;
        barrier
    }

    /// Locks it for readers, too.
    pub async fn for_readers(stage: &Stage, table: &str) -> Self {
        let mut barrier = Self { connection: stage.project.connect().await.unwrap() };
        barrier.lock(table, "WRITE").await;
        barrier
    }

    async fn lock(&mut self, table: &str, how: &str) {
        self.connection.execute(&format!("LOCK TABLES `{table}` {how}"), &[]).await.unwrap();
    }

    /// While a daemon stands at this barrier, in a transaction that has written `table` already: lets that
    /// transaction end and nothing more of the kind begin. The new barrier stands behind it.
    pub async fn after_this(self, stage: &mut Stage, table: &'static str) -> Self {
        let connection = stage.project.connect().await.unwrap();
        let asked = tokio::spawn(async move {
            let mut next = Self { connection };
            next.lock(table, "READ").await;
            next
        });
        // The daemon, and the new lock.
        stage.others(WAITING, 2).await;
        self.lift().await;
        asked.await.unwrap()
    }

    /// Waits until these daemons, and no others, stand before it.
    pub async fn stopped(&mut self, stage: &mut Stage, daemons: &mut [Process]) {
        let wanted = i64::try_from(daemons.len()).unwrap();
        let start = Instant::now();
        while stage.count_others(WAITING).await != wanted {
            assert!(daemons.iter_mut().all(Process::is_running), "one ended before it came to the barrier");
            assert!(start.elapsed() < PATIENCE, "they don't come to the barrier");
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Lets them go on.
    pub async fn lift(mut self) {
        self.connection.execute("UNLOCK TABLES", &[]).await.unwrap();
    }
}
