//! What a transaction has to write, row by row.
//!
//! Rows come in the order of their keys, so that two writers lock in the same order.

pub use boinc::change::{ByAppChange, Changes, HostAppVersionChange, HostChange, TotalChange};
use boinc::id::{TeamId, UserId};

use super::accounts::{Account, AppAccount};
use super::{Books, Host, Team, User};

fn by_app<Id: Copy>(owner: Id, account: &AppAccount) -> ByAppChange<Id> {
    ByAppChange {
        owner,
        appid: account.row.appid,
        delta_jobs: account.delta_jobs,
        delta_total: account.delta,
        expavg: account.row.expavg,
        expavg_time: account.row.expavg_time,
        credit_type: account.row.credit_type,
        created: account.created,
    }
}

fn user(account: &Account<User>) -> TotalChange<UserId> {
    TotalChange {
        id: account.row.id,
        delta_total: account.delta,
        expavg_credit: account.row.expavg_credit,
        expavg_time: account.row.expavg_time,
    }
}

fn team(account: &Account<Team>) -> TotalChange<TeamId> {
    TotalChange {
        id: account.row.id,
        delta_total: account.delta,
        expavg_credit: account.row.expavg_credit,
        expavg_time: account.row.expavg_time,
    }
}

fn host((account, turnaround): &(Account<Host>, f64)) -> Option<HostChange> {
    let new = account.row.avg_turnaround;
    let avg_turnaround = (new != *turnaround).then_some(new);
    (account.touched || avg_turnaround.is_some()).then_some(HostChange {
        id: account.row.id,
        delta_total: account.delta,
        expavg_credit: account.row.expavg_credit,
        expavg_time: account.row.expavg_time,
        avg_turnaround,
    })
}

impl Books {
    /// What to write, in the order of keys. App versions are apart: see [`super::Versions`].
    #[must_use]
    pub fn changes(&self) -> Changes {
        Changes {
            hosts: self.hosts.values().filter_map(host).collect(),
            users: self.users.values().filter(|a| a.touched).map(user).collect(),
            teams: self.teams.values().filter(|a| a.touched).map(team).collect(),
            credit_users: self
                .by_user
                .iter()
                .filter(|(_, a)| a.touched)
                .map(|((owner, _), a)| by_app(*owner, a))
                .collect(),
            credit_teams: self
                .by_team
                .iter()
                .filter(|(_, a)| a.touched)
                .map(|((owner, _), a)| by_app(*owner, a))
                .collect(),
            host_app_versions: self.host_app_versions.values().filter_map(|slot| slot.change()).collect(),
        }
    }
}
