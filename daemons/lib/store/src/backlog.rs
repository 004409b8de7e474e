//! Trickle-up messages that wait.
//!
//! Invariant: several instances take different messages. A batch begins with locking messages that nobody else holds
//! (`SKIP LOCKED`) and reads their texts in the same statement: whoever holds the lock decides. Killed, the locks go
//! with the connection, and the messages wait as before.
//!
//! Speed does not depend on how many wait. The index on `handled` is named in each statement, because the server's own
//! choice walks over everything below `after` again for each batch: a backlog of a million would take quadratic time.

use boinc::id::{HostId, MessageId};
use boinc::record::MsgFromHost;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Blob, Integer, Nullable, Text};
use diesel_async::RunQueryDsl;
use futures_util::StreamExt;

use crate::error::Result;
use crate::schema::boinc::msg_from_host;
use crate::transaction::{Conn, Tx};

/// Bytes of a message's text that are read at most: BOINC's own limit, and one more to see that it is longer.
pub const MESSAGE_BYTES: i32 = 256 * 1024 + 1;

/// Bytes of text that one batch holds at most (the last message may go over).
const BATCH_BYTES: usize = 16 << 20;

/// Which messages wait for a daemon.
#[derive(Debug, Clone, Copy)]
pub struct Waiting<'a> {
    /// Compared by the database: without case.
    pub variety: &'a str,
    /// `--mod n i`: only ids with id mod n = i.
    pub modulo: Option<(i32, i32)>,
}

/// Which of them a batch takes.
#[derive(Debug, Clone, Copy)]
pub enum Take<'a> {
    /// The next ones, by id.
    Next {
        /// Of all that wait, which.
        waiting: Waiting<'a>,
        /// Only ids above.
        after: MessageId,
        /// At most so many.
        limit: u32,
    },
    /// Those, as far as they wait still.
    These(&'a [MessageId]),
}

/// Messages that are locked now.
#[derive(Debug, Default)]
pub struct Taken {
    /// By id.
    pub messages: Vec<MsgFromHost>,
    /// There was more than a batch may hold: their texts are long.
    pub cut: bool,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Integer)]
    id: i32,
    #[diesel(sql_type = Integer)]
    create_time: i32,
    #[diesel(sql_type = Integer)]
    hostid: i32,
    #[diesel(sql_type = Blob)]
    variety: Vec<u8>,
    #[diesel(sql_type = Nullable<Blob>)]
    xml: Option<Vec<u8>>,
}

impl From<Row> for MsgFromHost {
    fn from(row: Row) -> Self {
        Self {
            id: MessageId(row.id),
            create_time: row.create_time,
            hostid: HostId(row.hostid),
            variety: String::from_utf8_lossy(&row.variety).into_owned(),
            xml: row.xml.unwrap_or_default(),
        }
    }
}

/// ` AND id MOD n = i`
fn of_modulo(modulo: Option<(i32, i32)>) -> String {
    modulo.map_or_else(String::new, |(n, i)| format!(" AND id MOD {n} = {i}"))
}

impl Tx {
    /// Locks messages that are unhandled and that no other instance holds, and reads them.
    pub async fn take_messages(&mut self, take: Take<'_>) -> Result<Taken> {
        let columns = format!("id, create_time, hostid, variety, LEFT(xml, {MESSAGE_BYTES}) AS xml");
        let lock = "FOR UPDATE SKIP LOCKED";
        let query = match take {
            Take::Next { waiting, after, limit } => diesel::sql_query(format!(
                "SELECT {columns} FROM msg_from_host FORCE INDEX (message_handled) WHERE handled = 0 AND id > {after} \
                 AND variety = ?{} ORDER BY id LIMIT {limit} {lock}",
                of_modulo(waiting.modulo)
            ))
            .into_boxed()
            .bind::<Text, _>(waiting.variety),
            Take::These([]) => return Ok(Taken::default()),
            Take::These(ids) => {
                let list = ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
                // By the index on `handled` the server would pass, and lock, all that waits.
                diesel::sql_query(format!(
                    "SELECT {columns} FROM msg_from_host FORCE INDEX (PRIMARY) WHERE id IN ({list}) AND handled = 0 \
                     ORDER BY id {lock}"
                ))
                .into_boxed()
            }
        };
        let mut rows = query.load_stream::<Row>(&mut self.db).await?;
        let mut taken = Taken::default();
        let mut bytes = 0;
        while let Some(row) = rows.next().await {
            let row = row?;
            // Read to the end, so that the connection is free for the next statement.
            if bytes > BATCH_BYTES {
                taken.cut = true;
                continue;
            }
            let message = MsgFromHost::from(row);
            bytes += message.xml.len();
            taken.messages.push(message);
        }
        Ok(taken)
    }
}

impl Conn {
    /// Numbers of unhandled messages, by id, without their texts: above `after`, at most `limit`. Takes no locks, and no
    /// matter who holds them.
    pub async fn waiting_ids(
        &mut self,
        waiting: Waiting<'_>,
        after: MessageId,
        limit: u32,
    ) -> Result<Vec<MessageId>> {
        #[derive(QueryableByName)]
        struct Id {
            #[diesel(sql_type = Integer)]
            id: i32,
        }
        let rows: Vec<Id> = diesel::sql_query(format!(
            "SELECT id FROM msg_from_host FORCE INDEX (message_handled) WHERE handled = 0 AND id > {after} \
             AND variety = ?{} ORDER BY id LIMIT {limit}",
            of_modulo(waiting.modulo)
        ))
        .bind::<Text, _>(waiting.variety)
        .load(&mut self.db)
        .await?;
        Ok(rows.into_iter().map(|row| MessageId(row.id)).collect())
    }

    /// Unhandled messages of other varieties than those, by id. Takes no locks.
    pub async fn other_messages(
        &mut self,
        varieties: &[String],
        modulo: Option<(i32, i32)>,
        after: MessageId,
        limit: u32,
    ) -> Result<Vec<MessageId>> {
        #[derive(QueryableByName)]
        struct Id {
            #[diesel(sql_type = Integer)]
            id: i32,
        }
        let others = if varieties.is_empty() {
            String::new()
        } else {
            format!(" AND variety NOT IN ({})", vec!["?"; varieties.len()].join(", "))
        };
        let mut query = diesel::sql_query(format!(
            "SELECT id FROM msg_from_host FORCE INDEX (message_handled) WHERE handled = 0 AND id > {after}{others}{} \
             ORDER BY id LIMIT {limit}",
            of_modulo(modulo)
        ))
        .into_boxed();
        for variety in varieties {
            query = query.bind::<Text, _>(variety);
        }
        let rows: Vec<Id> = query.load(&mut self.db).await?;
        Ok(rows.into_iter().map(|row| MessageId(row.id)).collect())
    }

    /// The highest id of any message; 0 if there is none.
    pub async fn last_message(&mut self) -> Result<MessageId> {
        let last: Option<i32> =
            msg_from_host::table.select(diesel::dsl::max(msg_from_host::id)).first(&mut self.db).await?;
        Ok(MessageId(last.unwrap_or(0)))
    }

    /// How many messages with ids up to `last` are unhandled: of that kind, and of all kinds. Looks at `limit` at most.
    /// Takes no locks, and no matter who holds them.
    pub async fn count_waiting(
        &mut self,
        waiting: Waiting<'_>,
        last: MessageId,
        limit: u32,
    ) -> Result<(u64, u64)> {
        #[derive(QueryableByName)]
        struct Counts {
            #[diesel(sql_type = BigInt)]
            ours: i64,
            #[diesel(sql_type = BigInt)]
            all_of_them: i64,
        }
        let counts: Counts = diesel::sql_query(format!(
            "SELECT COUNT(IF(variety = ?{}, 1, NULL)) AS ours, COUNT(*) AS all_of_them FROM \
             (SELECT id, variety FROM msg_from_host FORCE INDEX (message_handled) WHERE handled = 0 AND id <= {last} \
             ORDER BY id LIMIT {limit}) w",
            of_modulo(waiting.modulo)
        ))
        .bind::<Text, _>(waiting.variety)
        .get_result(&mut self.db)
        .await?;
        Ok((u64::try_from(counts.ours).unwrap_or(0), u64::try_from(counts.all_of_them).unwrap_or(0)))
    }
}
