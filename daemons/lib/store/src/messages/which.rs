//! Which messages are asked for.

use boinc::id::{HostId, ResultId};

use super::{DAEMON, State};

/// A result whose messages are asked for.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OfResult {
    /// If it is known.
    pub id: Option<ResultId>,
    /// If it is known: messages that name it.
    pub name: Option<String>,
    /// Only messages of this host are looked through for the name; None: all, which takes long.
    pub host: Option<HostId>,
}

/// Which messages. All that is given must hold.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct WhichMessages {
    #[allow(missing_docs)]
    pub host: Option<HostId>,
    #[allow(missing_docs)]
    pub result: Option<OfResult>,
    #[allow(missing_docs)]
    pub variety: Option<String>,
    #[allow(missing_docs)]
    pub state: Option<State>,
    /// Only this one.
    pub id: Option<i32>,
}

impl WhichMessages {
    /// The ids to look at, as a query, and the texts to bind in it. Wide where it must be: the state decides in the end.
    pub(super) fn ids(&self) -> (String, Vec<String>) {
        if let Some(id) = self.id {
            return (format!("SELECT {id} AS id"), Vec::new());
        }
        let of_host =
            |table: &str| self.host.map_or_else(String::new, |id| format!(" AND {table}.hostid = {id}"));
        if let Some(result) = &self.result {
            let mut parts = Vec::new();
            let mut texts = Vec::new();
            if let Some(id) = result.id {
                for table in ["cobblestone_ledger", "cobblestone_disallowed"] {
                    parts.push(format!(
                        "SELECT messageid AS id FROM {table} WHERE resultid = {id} AND messageid IS NOT NULL"
                    ));
                }
            }
            if let Some(name) = &result.name {
                let host = result.host.map_or_else(String::new, |host| format!("m.hostid = {host} AND "));
                parts.push(format!("SELECT m.id FROM msg_from_host m WHERE {host}LOCATE(?, m.xml) > 0"));
                texts.push(format!("<result_name>{name}</result_name>"));
            }
            return (parts.join(" UNION "), texts);
        }
        let sql = match self.state {
            Some(State::Waiting) => {
                format!("SELECT m.id FROM msg_from_host m WHERE m.handled = 0{}", of_host("m"))
            }
            Some(State::Paid) => format!(
                "SELECT l.messageid AS id FROM cobblestone_ledger l WHERE l.messageid IS NOT NULL{}",
                of_host("l")
            ),
            Some(State::Disallowed) => format!(
                "SELECT d.messageid AS id FROM cobblestone_disallowed d WHERE d.messageid IS NOT NULL{}",
                of_host("d")
            ),
            Some(state) if state.aside().is_some() => format!(
                "SELECT DISTINCT q.refid AS id FROM cobblestone_quarantine q WHERE q.daemon = '{DAEMON}' AND q.kind IN ('{}', '{}'{}){}",
                state.aside().unwrap_or(""),
                state.report_aside().or(state.aside()).unwrap_or(""),
                if state == State::SetAside { ", 'unknown'" } else { "" },
                of_host("q")
            ),
            _ => format!("SELECT m.id FROM msg_from_host m WHERE TRUE{}", of_host("m")),
        };
        (sql, Vec::new())
    }
}
