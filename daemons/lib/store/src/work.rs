//! New workunits, and the jobs of campaigns that they are.
//!
//! Invariant: the rows of new workunits, the jobs that they are, and the campaign's cursor change in one transaction,
//! while the campaign's row is locked. A job of a campaign becomes one workunit: unique keys on (campaign, job, attempt),
//! on (campaign, identity of the row) and on the workunit's name say so too.
//!
//! What was inserted is read back in the same transaction and compared, value by value ([`Tx::insert_workunits`]): a
//! server that cut or changed something makes the transaction fail, not a volunteer's task.

use boinc::id::{AppId, WorkunitId};
use boinc::input_template::{Assignment, NewWorkunit};
use boinc::state::ServerState;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Double, Integer};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::campaigns::{Campaign, FileMove};
use crate::error::{Error, Result};
use crate::literal::{data, hex};
use crate::schema::boinc::{assignment, host, result, team, user, workunit as t};
use crate::schema::ours::cobblestone_campaign as c;
use crate::transaction::{Conn, Tx};

/// Bytes of one INSERT: below the server's smallest default of max_allowed_packet, 16 MB.
const STATEMENT: usize = 4 << 20;
/// Rows of one INSERT.
const ROWS: usize = 1000;

/// Which job a new workunit is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Job {
    /// Its number in the campaign.
    pub job: i64,
    #[allow(missing_docs)]
    pub seed: i64,
    /// Events asked for.
    pub events: i64,
    /// Which row it is; None: its number says it.
    pub identity: Option<[u8; 16]>,
    /// `cobblestone_campaign_file.id` of its row; 0 = it has none.
    pub file: i32,
    /// Where its row begins.
    pub place: i64,
    /// Which copy of its row.
    pub copy: i32,
    /// Attempts before this one.
    pub retry: i32,
    /// The workunit of the attempt before; 0 = none.
    pub retry_of: i32,
    /// What its template saw, as JSON; None: nothing of its own.
    pub parameters: Option<String>,
}

/// What became of a placeholder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filled {
    /// It is a workunit now.
    Done,
    /// There is no such row.
    Absent,
    /// It has an application or results: it was no placeholder.
    IsAJob,
}

/// How a locked campaign moves on.
#[derive(Debug, Clone, Default)]
pub struct Advance {
    /// Number of the next job.
    pub next_job: i64,
    /// Rows that could not be made.
    pub set_aside: i64,
    /// Rows that were made before.
    pub repeated: i64,
    /// The file that its rows came from.
    pub file: Option<FileMove>,
}

/// Results that wait to be sent, or will soon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, QueryableByName)]
pub struct Pending {
    /// Results of workunits whose instances the transitioner has yet to make.
    #[diesel(sql_type = BigInt)]
    pub to_come: i64,
    /// These workunits.
    #[diesel(sql_type = BigInt)]
    pub workunits: i64,
}

impl Conn {
    /// Results of an app that wait to be sent.
    pub async fn unsent_results(&mut self, app: AppId) -> Result<i64> {
        Ok(result::table
            .filter(result::appid.eq(app.0))
            .filter(result::server_state.eq(ServerState::Unsent.code()))
            .count()
            .get_result(&mut self.db)
            .await?)
    }

    /// Workunits that the transitioner has not seen yet, and the results that it will make of them.
    pub async fn results_to_come(&mut self, app: AppId, now: i32) -> Result<Pending> {
        Ok(diesel::sql_query(
            "SELECT CAST(COALESCE(SUM(w.target_nresults), 0) AS SIGNED) AS to_come, COUNT(*) AS workunits FROM workunit w \
             WHERE w.appid = ? AND w.transition_time <= ? AND w.error_mask = 0 AND w.canonical_resultid = 0 \
             AND NOT EXISTS (SELECT 1 FROM result r WHERE r.workunitid = w.id)",
        )
        .bind::<Integer, _>(app.0)
        .bind::<Integer, _>(now)
        .get_result(&mut self.db)
        .await?)
    }

    /// Results of an app in progress on hosts that were heard of since `since`, Unix seconds.
    pub async fn results_alive(&mut self, app: AppId, since: f64) -> Result<i64> {
        #[derive(QueryableByName)]
        struct Count {
            #[diesel(sql_type = BigInt)]
            n: i64,
        }
        let count: Count = diesel::sql_query(
            "SELECT COUNT(*) AS n FROM result r JOIN host h ON h.id = r.hostid \
             WHERE r.appid = ? AND r.server_state = 4 AND h.rpc_time >= ?",
        )
        .bind::<Integer, _>(app.0)
        .bind::<Double, _>(since)
        .get_result(&mut self.db)
        .await?;
        Ok(count.n)
    }

    /// Those of these targets that do not exist.
    pub async fn missing_targets(&mut self, targets: &[Assignment]) -> Result<Vec<Assignment>> {
        let ids = |wanted: i32| -> Vec<i32> {
            let rows = targets.iter().filter_map(|target| target.row());
            rows.filter(|(kind, ..)| *kind == wanted).map(|(_, id, _)| id).collect()
        };
        let hosts: Vec<i32> =
            host::table.filter(host::id.eq_any(ids(1))).select(host::id).load(&mut self.db).await?;
        let users: Vec<i32> =
            user::table.filter(user::id.eq_any(ids(2))).select(user::id).load(&mut self.db).await?;
        let teams: Vec<i32> =
            team::table.filter(team::id.eq_any(ids(3))).select(team::id).load(&mut self.db).await?;
        let is_there = |target: &Assignment| match target.row() {
            Some((1, id, _)) => hosts.contains(&id),
            Some((2, id, _)) => users.contains(&id),
            Some((3, id, _)) => teams.contains(&id),
            _ => true,
        };
        Ok(targets.iter().copied().filter(|target| !is_there(target)).collect())
    }

    /// Which of these names workunits have, as the database compares names: without case.
    pub async fn workunit_names(&mut self, names: &[String]) -> Result<Vec<String>> {
        let mut found = Vec::new();
        for chunk in names.chunks(ROWS) {
            let names = t::table.filter(t::name.eq_any(chunk.iter().cloned())).select(t::name);
            found.extend(names.load::<String>(&mut self.db).await?);
        }
        Ok(found)
    }
}

impl Tx {
    /// Inserts workunits, reads them back and compares; their ids, by name.
    ///
    /// # Errors
    /// [`Error::Duplicate`] when a name is taken by another workunit; [`Error::Other`] when a row reads back as something
    /// else. In both cases the transaction has to be rolled back.
    pub async fn insert_workunits(&mut self, rows: &[&NewWorkunit]) -> Result<BTreeMap<String, WorkunitId>> {
        let mut ids = BTreeMap::new();
        let mut rest = rows;
        while !rest.is_empty() {
            let (sql, taken) = insertion(rest)?;
            let (now, later) = rest.split_at(taken.clamp(1, rest.len()));
            self.db.batch_execute(&sql).await?;
            ids.append(&mut self.read_back(now).await?);
            rest = later;
        }
        Ok(ids)
    }

    /// As [`Conn::workunit_names`], and waits for those who are just inserting or renaming one of them.
    pub async fn lock_workunit_names(&mut self, names: &[String]) -> Result<Vec<String>> {
        let names = t::table.filter(t::name.eq_any(names.iter().cloned())).select(t::name);
        Ok(names.for_update().load(&mut self.db).await?)
    }

    /// Makes a workunit of a placeholder: a row that belongs to no application yet and has no results, as BOINC's
    /// `boinc_submit` inserts it to have an id. Reads it back and compares, as [`Tx::insert_workunits`] does.
    ///
    /// # Errors
    /// As [`Tx::insert_workunits`].
    pub async fn fill_placeholder(&mut self, id: WorkunitId, row: &NewWorkunit) -> Result<Filled> {
        let app: Option<i32> =
            t::table.find(id.0).select(t::appid).for_update().first(&mut self.db).await.optional()?;
        let results: i64 =
            result::table.filter(result::workunitid.eq(id.0)).count().get_result(&mut self.db).await?;
        match app {
            None => return Ok(Filled::Absent),
            Some(0) if results == 0 => {}
            Some(_) => return Ok(Filled::IsAJob),
        }
        let mut sql = String::from("UPDATE workunit SET ");
        assignments(row, &mut sql)?;
        let _ = write!(sql, " WHERE id = {id}");
        self.db.batch_execute(&sql).await?;
        let ids = self.read_back(&[row]).await?;
        if ids.get(&row.name) == Some(&id) {
            Ok(Filled::Done)
        } else {
            Err(Error::Other(format!("workunit {id} was not filled")))
        }
    }

    /// What stands in the database is what was to be inserted.
    async fn read_back(&mut self, rows: &[&NewWorkunit]) -> Result<BTreeMap<String, WorkunitId>> {
        let found: Vec<Found> = t::table
            .filter(t::name.eq_any(rows.iter().map(|row| row.name.as_str())))
            .select(Found::as_select())
            .load(&mut self.db)
            .await?;
        let mut found: BTreeMap<String, Found> =
            found.into_iter().map(|row| (row.name.clone(), row)).collect();
        let mut ids = BTreeMap::new();
        for row in rows {
            let wrong = |what: &str| {
                Error::Other(format!(
                    "workunit {} was inserted and {what}; nothing of its batch is kept. Is the table workunit BOINC's, with \
                     its character set, and is there a trigger on it?",
                    row.name
                ))
            };
            let back = found.remove(&row.name).ok_or_else(|| wrong("is not found"))?;
            if let Some(column) = back.differs(row) {
                return Err(wrong(&format!("its {column} reads back as something else")));
            }
            ids.insert(row.name.clone(), WorkunitId(back.id));
        }
        Ok(ids)
    }

    /// Reserves new workunits for hosts, users or teams, as stock create_work does.
    pub async fn insert_assignments(&mut self, rows: &[(WorkunitId, Assignment)], now: i32) -> Result<()> {
        let rows: Vec<_> = rows
            .iter()
            .filter_map(|(workunit, target)| {
                let (target_type, target_id, multi) = target.row()?;
                Some((
                    assignment::create_time.eq(now),
                    assignment::target_id.eq(target_id),
                    assignment::target_type.eq(target_type),
                    assignment::multi.eq(i8::from(multi)),
                    assignment::workunitid.eq(workunit.0),
                    assignment::resultid.eq(0),
                ))
            })
            .collect();
        for chunk in rows.chunks(ROWS) {
            diesel::insert_into(assignment::table).values(chunk.to_vec()).execute(&mut self.db).await?;
        }
        Ok(())
    }

    /// Inserts workunits with the jobs that they are and for whom they are reserved; their ids, by name.
    ///
    /// # Errors
    /// As [`Tx::insert_workunits`].
    pub async fn insert_jobs(
        &mut self,
        campaign: i32,
        jobs: &[(Job, NewWorkunit, Assignment)],
        now: i32,
    ) -> Result<()> {
        let rows: Vec<&NewWorkunit> = jobs.iter().map(|(_, workunit, _)| workunit).collect();
        let ids = self.insert_workunits(&rows).await?;
        let id = |workunit: &NewWorkunit| ids.get(&workunit.name).copied().unwrap_or(WorkunitId(0));
        let rows: Vec<(WorkunitId, &Job)> =
            jobs.iter().map(|(job, workunit, _)| (id(workunit), job)).collect();
        let mut rows = rows.as_slice();
        while !rows.is_empty() {
            let (sql, taken) = job_rows(campaign, rows);
            self.db.batch_execute(&sql).await?;
            rows = rows.get(taken..).unwrap_or_default();
        }
        let targets: Vec<_> = jobs
            .iter()
            .map(|(_, workunit, target)| (id(workunit), *target))
            .filter(|(_, t)| t.row().is_some())
            .collect();
        self.insert_assignments(&targets, now).await
    }

    /// Moves a locked campaign on: its cursor, its counts and the cursor of its file.
    ///
    /// # Errors
    /// [`Error::Count`] if one of them is not where it was: the lock was not held.
    pub async fn advance_campaign(
        &mut self,
        campaign: &Campaign,
        made: i64,
        to: &Advance,
        now: f64,
    ) -> Result<()> {
        if let Some(file) = &to.file
            && !self.move_file(file, now).await?
        {
            return Err(Error::Count {
                what: "moving the cursor of a campaign's file",
                expected: 1,
                changed: 0,
            });
        }
        let changed =
            diesel::update(c::table.filter(c::id.eq(campaign.id)).filter(c::next_job.eq(campaign.next_job)))
                .set((
                    c::next_job.eq(to.next_job),
                    c::made.eq(c::made + made),
                    c::set_aside.eq(c::set_aside + to.set_aside),
                    c::repeated.eq(c::repeated + to.repeated),
                ))
                .execute(&mut self.db)
                .await?;
        if changed == 1 {
            Ok(())
        } else {
            Err(Error::Count { what: "moving the campaign's cursor", expected: 1, changed })
        }
    }

    /// Counts jobs of a locked campaign that were made again, and those that were made at last.
    pub async fn count_retried(&mut self, campaign: i32, again: i64, at_last: i64) -> Result<()> {
        diesel::update(c::table.filter(c::id.eq(campaign)))
            .set((
                c::retried.eq(c::retried + again),
                c::made.eq(c::made + at_last),
                c::set_aside.eq(c::set_aside - at_last),
            ))
            .execute(&mut self.db)
            .await?;
        Ok(())
    }
}

/// One INSERT of the first of those jobs, and how many it holds.
fn job_rows(campaign: i32, rows: &[(WorkunitId, &Job)]) -> (String, usize) {
    let mut sql = String::from(
        "INSERT INTO cobblestone_job (workunitid, campaignid, job, seed, events, identity, fileid, place, copy, retry, retry_of, parameters) VALUES ",
    );
    for (index, (id, of)) in rows.iter().take(ROWS).enumerate() {
        let before = sql.len();
        let Job { job, seed, events, identity, file, place, copy, retry, retry_of, parameters } = of;
        let comma = if index == 0 { "" } else { "," };
        let _ = write!(sql, "{comma}({id},{campaign},{job},{seed},{events},");
        match identity {
            Some(bytes) => hex(bytes, &mut sql),
            None => sql.push_str("NULL"),
        }
        let _ = write!(sql, ",{file},{place},{copy},{retry},{retry_of},");
        match parameters {
            Some(text) => {
                sql.push_str("_utf8mb4 ");
                hex(text.as_bytes(), &mut sql);
            }
            None => sql.push_str("NULL"),
        }
        sql.push(')');
        if sql.len() > STATEMENT && index > 0 {
            sql.truncate(before);
            return (sql, index);
        }
    }
    (sql, rows.len().min(ROWS))
}

fn small(value: i32) -> Result<i16> {
    i16::try_from(value)
        .map_err(|_| Error::Other(format!("{value} does not fit a smallint column of workunit")))
}

fn tiny(value: i32) -> Result<i8> {
    i8::try_from(value)
        .map_err(|_| Error::Other(format!("{value} does not fit a tinyint column of workunit")))
}

/// All columns of a new workunit: the row as it reads back, the statement that inserts it, and where the two differ.
macro_rules! columns {
    ($($kind:ident $name:ident: $type:ty),* $(,)?) => {
        #[derive(Queryable, Selectable)]
        #[diesel(table_name = t)]
        struct Found {
            id: i32,
            name: String,
            xml_doc: Option<Vec<u8>>,
            $($name: $type,)*
        }

        impl Found {
            /// Name of the first column that is not as it was to be.
            #[allow(clippy::float_cmp, reason = "what was written must read back to the bit")]
            fn differs(&self, row: &NewWorkunit) -> Option<&'static str> {
                if self.xml_doc.as_ref() != Some(&row.xml_doc) {
                    return Some("xml_doc");
                }
                $(if columns!(@differs $kind self.$name, row.$name) {
                    return Some(stringify!($name));
                })*
                None
            }
        }

        const INSERT: &str = concat!("INSERT INTO workunit (name, xml_doc", $(", ", stringify!($name)),*, ") VALUES ");

        /// `name = …, xml_doc = …` and so on.
        fn assignments(row: &NewWorkunit, sql: &mut String) -> Result<()> {
            sql.push_str("name = ");
            data(row.name.as_bytes(), sql);
            sql.push_str(", xml_doc = ");
            data(&row.xml_doc, sql);
            $(
                sql.push_str(concat!(", ", stringify!($name), " = "));
                columns!(@write $kind sql, row.$name, stringify!($name));
            )*
            Ok(())
        }

        fn values(row: &NewWorkunit, sql: &mut String) -> Result<()> {
            sql.push('(');
            data(row.name.as_bytes(), sql);
            sql.push(',');
            data(&row.xml_doc, sql);
            $(
                sql.push(',');
                columns!(@write $kind sql, row.$name, stringify!($name));
            )*
            sql.push(')');
            Ok(())
        }
    };
    (@differs id $found:expr, $row:expr) => { $found != $row.0 };
    (@differs small $found:expr, $row:expr) => { i32::from($found) != $row };
    (@differs tiny $found:expr, $row:expr) => { i32::from($found) != $row };
    (@differs $kind:ident $found:expr, $row:expr) => { $found != $row };
    (@write id $sql:ident, $value:expr, $name:expr) => { let _ = write!($sql, "{}", $value.0); };
    (@write int $sql:ident, $value:expr, $name:expr) => { let _ = write!($sql, "{}", $value); };
    (@write small $sql:ident, $value:expr, $name:expr) => { let _ = write!($sql, "{}", small($value)?); };
    (@write tiny $sql:ident, $value:expr, $name:expr) => { let _ = write!($sql, "{}", tiny($value)?); };
    (@write text $sql:ident, $value:expr, $name:expr) => { data($value.as_bytes(), $sql); };
    (@write double $sql:ident, $value:expr, $name:expr) => {
        if !$value.is_finite() {
            return Err(Error::NotFinite(format!("workunit.{}", $name)));
        }
        let _ = write!($sql, "{:e}", $value);
    };
}

columns! {
    int create_time: i32,
    id appid: i32,
    int batch: i32,
    double rsc_fpops_est: f64,
    double rsc_fpops_bound: f64,
    double rsc_memory_bound: f64,
    double rsc_disk_bound: f64,
    small need_validate: i16,
    int canonical_resultid: i32,
    double canonical_credit: f64,
    int transition_time: i32,
    int delay_bound: i32,
    int error_mask: i32,
    int file_delete_state: i32,
    int assimilate_state: i32,
    int hr_class: i32,
    double opaque: f64,
    int min_quorum: i32,
    int target_nresults: i32,
    int max_error_results: i32,
    int max_total_results: i32,
    int max_success_results: i32,
    text result_template_file: String,
    int priority: i32,
    double rsc_bandwidth_bound: f64,
    int fileset_id: i32,
    int app_version_id: i32,
    tiny transitioner_flags: i8,
    small size_class: i16,
    text keywords: String,
    int app_version_num: i32,
}

/// One INSERT of the first of these rows, and how many they are.
fn insertion(rows: &[&NewWorkunit]) -> Result<(String, usize)> {
    let mut sql = String::from(INSERT);
    for (index, row) in rows.iter().take(ROWS).enumerate() {
        let before = sql.len();
        if index > 0 {
            sql.push(',');
        }
        values(row, &mut sql)?;
        if sql.len() > STATEMENT && index > 0 {
            sql.truncate(before);
            return Ok((sql, index));
        }
    }
    Ok((sql, rows.len().min(ROWS)))
}

#[cfg(test)]
mod tests {
    use boinc::id::WorkunitId;

    use super::{Job, STATEMENT, job_rows};

    #[test]
    fn a_statement_of_jobs_has_a_largest_size() {
        let text = "ü".repeat(STATEMENT / 12);
        let job = Job { parameters: Some(text), ..Job::default() };
        let rows = [(WorkunitId(1), &job); 7];
        let (sql, taken) = job_rows(3, &rows);
        assert_eq!(taken, 2);
        assert!(sql.len() <= STATEMENT && sql.ends_with("')"), "{}", sql.len());
        assert_eq!(job_rows(3, &rows[..1]).1, 1);
        let (sql, taken) = job_rows(3, &[(WorkunitId(1), &Job::default()); 2]);
        assert_eq!(taken, 2);
        assert!(
            sql.ends_with("VALUES (1,3,0,0,0,NULL,0,0,0,0,0,NULL),(1,3,0,0,0,NULL,0,0,0,0,0,NULL)"),
            "{sql}"
        );
    }
}
