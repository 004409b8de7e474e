//! The five kinds of totals, and where each stands.

/// Whose total.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Book {
    /// `host.total_credit`
    Host,
    /// `user.total_credit`
    User,
    /// `team.total_credit`
    Team,
    /// `credit_user.total`, by application
    CreditUser,
    /// `credit_team.total`, by application
    CreditTeam,
}

impl Book {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Host, Self::User, Self::Team, Self::CreditUser, Self::CreditTeam];

    /// The table's name, also in `cobblestone_opening.kind` and `cobblestone_reconciliation.kind`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::User => "user",
            Self::Team => "team",
            Self::CreditUser => "credit_user",
            Self::CreditTeam => "credit_team",
        }
    }

    /// Table of those who own the totals.
    #[must_use]
    pub const fn owners(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::User | Self::CreditUser => "user",
            Self::Team | Self::CreditTeam => "team",
        }
    }

    /// Whether there is one total for each application.
    #[must_use]
    pub const fn by_app(self) -> bool {
        matches!(self, Self::CreditUser | Self::CreditTeam)
    }

    /// The ledger's sums: (owner, appid, paid).
    pub(super) fn ledger(self) -> String {
        let (column, app, only) = match self {
            Self::Host => ("hostid", "0", ""),
            Self::User => ("userid", "0", ""),
            Self::Team => ("teamid", "0", ""),
            Self::CreditUser => ("app_userid", "appid", "WHERE by_app <> 0"),
            Self::CreditTeam => ("app_teamid", "appid", "WHERE by_app <> 0"),
        };
        let group = if self.by_app() { format!("{column}, appid") } else { column.to_owned() };
        format!(
            "(SELECT {column} AS owner, {app} AS appid, SUM(credit) AS paid FROM cobblestone_ledger {only} GROUP BY {group})"
        )
    }

    /// The totals: (id, appid, total, belongs_to, successor, related).
    pub(super) fn totals(self) -> &'static str {
        match self {
            Self::Host => {
                "(SELECT h.id, 0 AS appid, h.total_credit AS total, h.userid AS belongs_to, h.rpc_seqno AS successor, \
                 EXISTS (SELECT 1 FROM host s WHERE s.id = h.rpc_seqno) AS related FROM host h)"
            }
            Self::User => {
                "(SELECT u.id, 0 AS appid, u.total_credit AS total, u.teamid AS belongs_to, 0 AS successor, \
                 EXISTS (SELECT 1 FROM team s WHERE s.id = u.teamid) AS related FROM user u)"
            }
            Self::Team => {
                "(SELECT t.id, 0 AS appid, t.total_credit AS total, 0 AS belongs_to, 0 AS successor, 1 AS related FROM team t)"
            }
            Self::CreditUser => {
                "(SELECT userid AS id, appid, SUM(total) AS total, 0 AS belongs_to, 0 AS successor, 1 AS related \
                 FROM credit_user GROUP BY userid, appid)"
            }
            Self::CreditTeam => {
                "(SELECT teamid AS id, appid, SUM(total) AS total, 0 AS belongs_to, 0 AS successor, 1 AS related \
                 FROM credit_team GROUP BY teamid, appid)"
            }
        }
    }
}
