//! Results that were paid by trickles and then abandoned: which ones there are.
//!
//! Invariant: only reads; callers lock what they are told and look again. The marks are walked by their key, a bounded
//! number at a time, and results are found by theirs: neither table is scanned as a whole in one statement, however large.

use boinc::id::{AppId, ResultId};
use boinc::state::{Outcome, ServerState};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Nullable};
use diesel_async::RunQueryDsl;

use crate::error::Result;
use crate::transaction::Conn;

/// Where to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Walk {
    #[allow(missing_docs)]
    pub app: AppId,
    /// Only results above this one.
    pub after: ResultId,
    /// So many marks at most.
    pub marks: i64,
    /// `(n, i)`: only workunits with `id mod n = i`.
    pub modulo: Option<(i32, i32)>,
    /// Only workunits with ids above the first, up to the second.
    pub workunits: (i32, i32),
}

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = Integer)]
    id: i32,
}

impl Conn {
    /// Results with a mark that says that they were paid, and that are over without a result: no reply, a client error, the
    /// host detached. Also the last result whose mark was looked at; none if no mark was left.
    pub async fn abandoned(&mut self, walk: Walk) -> Result<(Vec<ResultId>, Option<ResultId>)> {
        #[derive(QueryableByName)]
        struct Last {
            #[diesel(sql_type = Nullable<Integer>)]
            last: Option<i32>,
        }
        let last: Last = diesel::sql_query(
            "SELECT MAX(x.resultid) AS last FROM (SELECT resultid FROM cobblestone_mark WHERE resultid > ? \
             ORDER BY resultid LIMIT ?) x",
        )
        .bind::<Integer, _>(walk.after.0)
        .bind::<BigInt, _>(walk.marks)
        .get_result(&mut self.db)
        .await?;
        let Some(last) = last.last else { return Ok((Vec::new(), None)) };
        let (n, i) = walk.modulo.unwrap_or((1, 0));
        let outcomes = [Outcome::ClientError, Outcome::NoReply, Outcome::ClientDetached];
        let outcomes = outcomes.map(|outcome| (outcome as i32).to_string()).join(", ");
        let rows: Vec<Id> = diesel::sql_query(format!(
            "SELECT k.resultid AS id FROM cobblestone_mark k FORCE INDEX (PRIMARY) STRAIGHT_JOIN result r FORCE INDEX (PRIMARY) \
             ON r.id = k.resultid WHERE k.resultid > ? AND k.resultid <= ? AND k.appid = ? AND k.credit_paid > 0 \
             AND r.appid = k.appid AND r.server_state = {over} AND r.outcome IN ({outcomes}) AND r.workunitid > ? \
             AND r.workunitid <= ? AND MOD(r.workunitid, ?) = ? ORDER BY k.resultid",
            over = ServerState::Over as i32,
        ))
        .bind::<Integer, _>(walk.after.0)
        .bind::<Integer, _>(last)
        .bind::<Integer, _>(walk.app.0)
        .bind::<Integer, _>(walk.workunits.0)
        .bind::<Integer, _>(walk.workunits.1)
        .bind::<Integer, _>(n)
        .bind::<Integer, _>(i)
        .load(&mut self.db)
        .await?;
        Ok((rows.into_iter().map(|row| ResultId(row.id)).collect(), Some(ResultId(last))))
    }
}
