//! The clock of a sandbox, if this database is one. Only the sandbox library makes that table.

use diesel::prelude::*;
use diesel::sql_types::{Double, Text};
use diesel_async::RunQueryDsl;

use crate::error::{Error, Result};
use crate::transaction::Store;

/// The row of `cobblestone_sandbox_clock`: simulated time = `sim_epoch + (real time − real_epoch) · rate`.
#[derive(Debug, Clone, PartialEq, QueryableByName)]
pub struct SandboxClock {
    /// Must be the one in config.xml.
    #[diesel(sql_type = Text)]
    pub token: String,
    /// Unix seconds, real.
    #[diesel(sql_type = Double)]
    pub real_epoch: f64,
    /// Unix seconds, simulated.
    #[diesel(sql_type = Double)]
    pub sim_epoch: f64,
    /// Simulated seconds per real second; 0 = stands still.
    #[diesel(sql_type = Double)]
    pub rate: f64,
}

impl Store {
    /// The sandbox's clock; `None` in every production database.
    pub async fn sandbox_clock(&self) -> Result<Option<SandboxClock>> {
        self.read("sandbox clock", async |conn| {
            let rows = diesel::sql_query(
                "SELECT token, real_epoch, sim_epoch, rate FROM cobblestone_sandbox_clock LIMIT 1",
            )
            .load::<SandboxClock>(&mut conn.db)
            .await;
            match rows.map_err(Error::from) {
                Ok(mut rows) => Ok(rows.pop()),
                Err(Error::Other(message)) if message.contains("doesn't exist") => Ok(None),
                Err(error) => Err(error),
            }
        })
        .await
    }
}
