//! Totals and averages of hosts, users and teams.
//!
//! Invariant: credit is granted by [`Tx::pay`] only, which writes the ledger rows together with the totals. There
//! is no other way to grant credit. Rows are locked (hosts, users, teams, by id), so that two grants can't
//! compute an average from the same old one.

use boinc::change::{ByAppChange, Changes, TotalChange};
use boinc::id::{AppId, HostId, TeamId, UserId};
use boinc::ledger::LedgerEntry;
use boinc::record::{CreditByApp, Host, Team, User};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::bulk::{self, Cell, Kind, Set, float};
use crate::error::Result;
use crate::rows;
use crate::schema::boinc::{credit_team, credit_user, host, team, user};
use crate::transaction::Tx;

impl Tx {
    /// Locks hosts, by id; those that are not there are left out.
    pub async fn lock_hosts(&mut self, ids: &[HostId]) -> Result<Vec<Host>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let rows = host::table
            .filter(host::id.eq_any(ids.iter().map(|id| id.0)))
            .order(host::id)
            .select(rows::Host::as_select())
            .for_update()
            .load(&mut self.db)
            .await?;
        Ok(rows.into_iter().map(Host::from).collect())
    }

    /// Locks users, by id.
    pub async fn lock_users(&mut self, ids: &[UserId]) -> Result<Vec<User>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let rows = user::table
            .filter(user::id.eq_any(ids.iter().map(|id| id.0)))
            .order(user::id)
            .select(rows::User::as_select())
            .for_update()
            .load(&mut self.db)
            .await?;
        Ok(rows.into_iter().map(User::from).collect())
    }

    /// Locks teams, by id.
    pub async fn lock_teams(&mut self, ids: &[TeamId]) -> Result<Vec<Team>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let rows = team::table
            .filter(team::id.eq_any(ids.iter().map(|id| id.0)))
            .order(team::id)
            .select(rows::Team::as_select())
            .for_update()
            .load(&mut self.db)
            .await?;
        Ok(rows.into_iter().map(Team::from).collect())
    }

    /// Locks `credit_user` rows of an app.
    pub async fn lock_credit_users(&mut self, app: AppId, ids: &[UserId]) -> Result<Vec<CreditByApp>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let rows = credit_user::table
            .filter(credit_user::userid.eq_any(ids.iter().map(|id| id.0)))
            .filter(credit_user::appid.eq(app.0))
            .filter(credit_user::credit_type.eq(0))
            .order(credit_user::userid)
            .for_update()
            .load::<rows::CreditByApp>(&mut self.db)
            .await?;
        Ok(rows.into_iter().map(CreditByApp::from).collect())
    }

    /// Locks `credit_team` rows of an app.
    pub async fn lock_credit_teams(&mut self, app: AppId, ids: &[TeamId]) -> Result<Vec<CreditByApp>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let rows = credit_team::table
            .filter(credit_team::teamid.eq_any(ids.iter().map(|id| id.0)))
            .filter(credit_team::appid.eq(app.0))
            .filter(credit_team::credit_type.eq(0))
            .order(credit_team::teamid)
            .for_update()
            .load::<rows::CreditByApp>(&mut self.db)
            .await?;
        Ok(rows.into_iter().map(CreditByApp::from).collect())
    }

    /// Grants credit: the ledger rows and the totals that they change, together.
    pub async fn pay(&mut self, entries: &[LedgerEntry], changes: &Changes) -> Result<()> {
        let turned = |wanted: bool| {
            changes.hosts.iter().filter(move |h| h.avg_turnaround.is_some() == wanted).map(|h| {
                let mut row =
                    vec![h.id.0.into(), float(h.delta_total), float(h.expavg_credit), float(h.expavg_time)];
                row.extend(h.avg_turnaround.map(float));
                row
            })
        };
        bulk::update(self, "host", &["id"], &totals(false), &turned(false).collect::<Vec<_>>()).await?;
        bulk::update(self, "host", &["id"], &totals(true), &turned(true).collect::<Vec<_>>()).await?;
        let users: Vec<_> = changes.users.iter().map(|u| total_row(u.id.0, u)).collect();
        bulk::update(self, "user", &["id"], &totals(false), &users).await?;
        let teams: Vec<_> = changes.teams.iter().map(|t| total_row(t.id.0, t)).collect();
        bulk::update(self, "team", &["id"], &totals(false), &teams).await?;
        let by_user: Vec<_> = changes.credit_users.iter().map(|c| (c.owner.0, c)).collect();
        self.write_by_app("credit_user", "userid", &by_user).await?;
        let by_team: Vec<_> = changes.credit_teams.iter().map(|c| (c.owner.0, c)).collect();
        self.write_by_app("credit_team", "teamid", &by_team).await?;
        self.insert_ledger(entries).await
    }

    async fn write_by_app<Id>(
        &mut self,
        table: &str,
        owner: &str,
        rows: &[(i32, &ByAppChange<Id>)],
    ) -> Result<()> {
        for (id, new) in rows.iter().filter(|(_, change)| change.created) {
            // Another writer may have made the row since: then only its sums are kept.
            diesel::sql_query(format!(
                "INSERT IGNORE INTO {table} ({owner}, appid, njobs, total, expavg, expavg_time, credit_type) \
                 VALUES ({id}, {}, 0, 0, 0, 0, {})",
                new.appid, new.credit_type
            ))
            .execute(&mut self.db)
            .await?;
        }
        let values: Vec<_> = rows
            .iter()
            .map(|(id, r)| {
                vec![
                    (*id).into(),
                    r.appid.0.into(),
                    r.credit_type.into(),
                    r.delta_jobs.into(),
                    float(r.delta_total),
                    float(r.expavg),
                    float(r.expavg_time),
                ]
            })
            .collect();
        let sets = [
            Set::Add("njobs", Kind::Int),
            Set::Add("total", Kind::Double),
            Set::To("expavg", Kind::Double),
            Set::To("expavg_time", Kind::Double),
        ];
        bulk::update(self, table, &[owner, "appid", "credit_type"], &sets, &values).await?;
        Ok(())
    }

    /// Adds to `result.granted_credit`, so that volunteers see it grow: (result, cobblestones).
    pub async fn add_granted_credit(&mut self, grants: &[(boinc::id::ResultId, f64)]) -> Result<()> {
        let values: Vec<_> = grants.iter().map(|(id, credit)| vec![id.0.into(), float(*credit)]).collect();
        bulk::update(self, "result", &["id"], &[Set::Add("granted_credit", Kind::Double)], &values).await?;
        Ok(())
    }
}

fn totals(turnaround: bool) -> Vec<Set> {
    let mut sets = vec![
        Set::Add("total_credit", Kind::Double),
        Set::To("expavg_credit", Kind::Double),
        Set::To("expavg_time", Kind::Double),
    ];
    if turnaround {
        sets.push(Set::To("avg_turnaround", Kind::Double));
    }
    sets
}

fn total_row<Id>(id: i32, change: &TotalChange<Id>) -> Vec<Cell<'static>> {
    vec![id.into(), float(change.delta_total), float(change.expavg_credit), float(change.expavg_time)]
}
