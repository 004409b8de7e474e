//! Credit taken back from those that got it, whoever owns the host today.

use boinc::id::{AppId, HostId, TeamId, UserId};
use boinc::ledger::PaidShare;

use super::accounts::Grant;
use super::{Books, BooksError, Payee};

impl Books {
    /// Who of those that a share was paid to is in the books; an id of 0 is nobody. Rows by application that are gone
    /// stay named: what the ledger says of them adds up to nothing then, as if the row had been deleted empty.
    #[must_use]
    pub fn who_is_there(&self, share: &PaidShare) -> Payee {
        let host = if self.hosts.contains_key(&share.host) { share.host } else { HostId(0) };
        let user = if self.users.contains_key(&share.user) { share.user } else { UserId(0) };
        let team = if self.teams.contains_key(&share.team) { share.team } else { TeamId(0) };
        Payee { host, user, team, by_app: share.by_app }
    }

    /// Whether taking from these would change any row.
    #[must_use]
    pub fn is_anybody(&self, payee: &Payee, app: AppId) -> bool {
        let by_app = payee.by_app.is_some_and(|(user, team)| {
            self.by_user.contains_key(&(user, app)) || self.by_team.contains_key(&(team, app))
        });
        by_app || (payee.host, payee.user, payee.team) != (HostId(0), UserId(0), TeamId(0))
    }

    /// Takes `credit` (cobblestones, positive) for work begun at `start_of_work` back from exactly these, at time `now`
    /// (Unix seconds); those that are not in the books are passed over, and no row is made. Averages as in
    /// [`Books::grant`].
    ///
    /// # Errors
    /// Credit is no number. Nothing was changed then.
    pub fn take_back(
        &mut self,
        from: &Payee,
        app: AppId,
        credit: f64,
        start_of_work: f64,
        now: f64,
    ) -> Result<(), BooksError> {
        if !credit.is_finite() {
            return Err(BooksError::NotFinite { host: from.host, credit });
        }
        let grant = Grant { credit: -credit, start_of_work, now };
        if let Some((host, _)) = self.hosts.get_mut(&from.host) {
            host.add(grant);
        }
        if let Some(user) = self.users.get_mut(&from.user) {
            user.add(grant);
        }
        if let Some(team) = self.teams.get_mut(&from.team) {
            team.add(grant);
        }
        if let Some((user, team)) = from.by_app {
            if let Some(row) = self.by_user.get_mut(&(user, app)) {
                row.add(grant, 0);
            }
            if let Some(row) = self.by_team.get_mut(&(team, app)) {
                row.add(grant, 0);
            }
        }
        Ok(())
    }
}
