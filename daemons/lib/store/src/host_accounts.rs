//! What the trickle handler keeps per host: the cap of a day, over-claims, messages without a result. And what it asks
//! of hosts besides their credit.
//!
//! Invariant: these rows have no lock of their own. They are read and written only while the host is locked, in the
//! transaction that pays its messages.

use boinc::id::{AppId, HostId, UserId};
use diesel::prelude::*;
use diesel::sql_types::{Double, Text};
use diesel_async::RunQueryDsl;

use crate::bulk::{self, Kind, float};
use crate::error::Result;
use crate::schema::boinc::host;
use crate::schema::ours::{cobblestone_flag as flags, cobblestone_host_day as days};
use crate::transaction::{Conn, Tx};

/// Seconds taken out of one day of a host: table `cobblestone_host_day`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HostDay {
    #[allow(missing_docs)]
    pub host: HostId,
    #[allow(missing_docs)]
    pub app: AppId,
    /// UTC days since 1970.
    pub day: i32,
    /// Seconds in all.
    pub seconds: f64,
}

/// Over-claims of a host: table `cobblestone_flag`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Flag {
    #[allow(missing_docs)]
    pub host: HostId,
    /// 0 = none.
    pub app: AppId,
    /// Messages that claimed more than was possible.
    pub over_claims: i32,
    /// When they reached `flag_after`, Unix seconds; 0 = they did not.
    pub flagged: f64,
    /// When the row was last changed, Unix seconds.
    pub time: f64,
}

impl Conn {
    /// `p_fpops` and `p_ncpus` of the hosts with expavg_credit > 10.
    pub async fn benchmarks(&mut self) -> Result<Vec<(f64, i32)>> {
        Ok(host::table
            .filter(host::expavg_credit.gt(10.0))
            .select((host::p_fpops, host::p_ncpus))
            .load(&mut self.db)
            .await?)
    }

    /// Processors of those hosts.
    pub async fn host_processors(&mut self, hosts: &[HostId]) -> Result<Vec<(HostId, i32)>> {
        if hosts.is_empty() {
            return Ok(Vec::new());
        }
        let rows = host::table
            .filter(host::id.eq_any(hosts.iter().map(|id| id.0)))
            .select((host::id, host::p_ncpus))
            .load::<(i32, i32)>(&mut self.db)
            .await?;
        Ok(rows.into_iter().map(|(id, n)| (HostId(id), n)).collect())
    }

    /// `userid` and `rpc_seqno` of those hosts: who a host belongs to, or which one it was merged into.
    async fn host_links(&mut self, hosts: &[HostId]) -> Result<Vec<(HostId, UserId, i32)>> {
        if hosts.is_empty() {
            return Ok(Vec::new());
        }
        let rows = host::table
            .filter(host::id.eq_any(hosts.iter().map(|id| id.0)))
            .select((host::id, host::userid, host::rpc_seqno))
            .load::<(i32, i32, i32)>(&mut self.db)
            .await?;
        Ok(rows.into_iter().map(|(id, user, seqno)| (HostId(id), UserId(user), seqno)).collect())
    }

    /// Hands those hosts to `more`, and then those that it asks for, until it asks for none, `most` times at most.
    pub async fn follow_merges(
        &mut self,
        mut hosts: Vec<HostId>,
        most: usize,
        mut more: impl FnMut(Vec<(HostId, UserId, i32)>) -> Vec<HostId>,
    ) -> Result<()> {
        for _ in 0..most {
            if hosts.is_empty() {
                break;
            }
            hosts = more(self.host_links(&hosts).await?);
        }
        Ok(())
    }

    /// What was taken out of the days `from` to `to` of those hosts, in an application. Lock the hosts first.
    pub async fn host_days(
        &mut self,
        app: AppId,
        hosts: &[HostId],
        from: i32,
        to: i32,
    ) -> Result<Vec<HostDay>> {
        if hosts.is_empty() {
            return Ok(Vec::new());
        }
        let rows = days::table
            .filter(days::hostid.eq_any(hosts.iter().map(|id| id.0)))
            .filter(days::appid.eq(app.0))
            .filter(days::day.between(from, to))
            .select((days::hostid, days::day, days::seconds))
            .load::<(i32, i32, f64)>(&mut self.db)
            .await?;
        Ok(rows
            .into_iter()
            .map(|(id, day, seconds)| HostDay { host: HostId(id), app, day, seconds })
            .collect())
    }

    /// The over-claims of those hosts, in all applications; a host without any has no row. Lock the hosts first.
    pub async fn flags(&mut self, hosts: &[HostId]) -> Result<Vec<Flag>> {
        if hosts.is_empty() {
            return Ok(Vec::new());
        }
        let rows = flags::table
            .filter(flags::hostid.eq_any(hosts.iter().map(|id| id.0)))
            .load::<(i32, i32, i32, f64, f64)>(&mut self.db)
            .await?;
        Ok(rows
            .into_iter()
            .map(|(id, app, over_claims, flagged, time)| Flag {
                host: HostId(id),
                app: AppId(app),
                over_claims,
                flagged,
                time,
            })
            .collect())
    }
}

impl Tx {
    /// Writes days, new ones and changed ones.
    pub async fn write_host_days(&mut self, days: &[HostDay]) -> Result<()> {
        let values: Vec<_> = days
            .iter()
            .map(|d| vec![d.host.0.into(), d.app.0.into(), d.day.into(), float(d.seconds)])
            .collect();
        let columns =
            [("hostid", Kind::Int), ("appid", Kind::Int), ("day", Kind::Int), ("seconds", Kind::Double)];
        bulk::upsert(self, "cobblestone_host_day", &columns, &values).await
    }

    /// Writes over-claims, new rows and changed ones.
    pub async fn write_flags(&mut self, flags: &[Flag]) -> Result<()> {
        let values: Vec<_> = flags
            .iter()
            .map(|f| {
                vec![f.host.0.into(), f.app.0.into(), f.over_claims.into(), float(f.flagged), float(f.time)]
            })
            .collect();
        let columns = [
            ("hostid", Kind::Int),
            ("appid", Kind::Int),
            ("over_claims", Kind::Int),
            ("flagged", Kind::Double),
            ("time", Kind::Double),
        ];
        bulk::upsert(self, "cobblestone_flag", &columns, &values).await
    }

    /// Counts messages that belong to no result: (host, how many more).
    pub async fn count_host_messages(&mut self, counts: &[(HostId, i32)], now: f64) -> Result<()> {
        for chunk in counts.chunks(2000) {
            let rows: Vec<String> =
                chunk.iter().map(|(host, more)| format!("({host}, {more}, {now:e})")).collect();
            diesel::sql_query(format!(
                "INSERT INTO cobblestone_host_messages (hostid, messages, time) VALUES {} \
                 ON DUPLICATE KEY UPDATE messages = messages + VALUES(messages), time = VALUES(time)",
                rows.join(", ")
            ))
            .execute(&mut self.db)
            .await?;
        }
        Ok(())
    }

    /// Notes which varieties a trickle handler reads.
    pub async fn note_varieties(&mut self, varieties: &[String], now: f64) -> Result<()> {
        for variety in varieties {
            diesel::sql_query("INSERT IGNORE INTO cobblestone_variety (variety, time) VALUES (?, ?)")
                .bind::<Text, _>(variety)
                .bind::<Double, _>(now)
                .execute(&mut self.db)
                .await?;
        }
        Ok(())
    }
}
