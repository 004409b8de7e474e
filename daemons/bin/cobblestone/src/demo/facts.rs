//! What stands in the database at the end, beside what the audit reads: workunits and results.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use boinc::state::{ErrorMask, Outcome, ServerState, ValidateState};
use sandbox::Project;
use store::sql::{Connection, Row};

/// See the module.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Facts {
    /// All workunits, by id.
    pub workunits: BTreeMap<i32, WorkunitFact>,
    /// All results, by id.
    pub results: BTreeMap<i32, ResultFact>,
}

/// A workunit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WorkunitFact {
    /// It has a canonical result.
    pub validated: bool,
    /// The assimilator is done with it.
    pub assimilated: bool,
    /// `error_mask`
    pub error_mask: i32,
}

/// A result.
#[derive(Debug, Clone, PartialEq)]
pub struct ResultFact {
    /// In the words of a table's heading.
    pub end: End,
    /// Seconds from sending to reporting on the server's clock; `None` = not reported.
    pub away: Option<f64>,
    /// `elapsed_time`.
    pub elapsed: f64,
    /// Seconds paid by trickles and at validation.
    pub paid_seconds: f64,
    /// Cobblestones paid.
    pub credit: f64,
}

/// How a result ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// Agrees with the canonical result, or is it.
    Valid,
    /// Does not.
    Invalid,
    /// Its files could not be used.
    Unusable,
    /// The workunit ended before it was decided.
    Undecided,
    /// The task failed on the host.
    Error,
    /// The deadline passed.
    NoReply,
    /// Still on the host.
    Out,
    /// Not needed, or never sent.
    NotSent,
}

impl End {
    /// All, in the order of a table's columns.
    pub const ALL: [Self; 8] = [
        Self::Valid,
        Self::Invalid,
        Self::Unusable,
        Self::Undecided,
        Self::Error,
        Self::NoReply,
        Self::Out,
        Self::NotSent,
    ];

    /// Heading of its column.
    pub fn words(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Invalid => "invalid",
            Self::Unusable => "unusable",
            Self::Undecided => "undecided",
            Self::Error => "error",
            Self::NoReply => "no reply",
            Self::Out => "still out",
            Self::NotSent => "not sent",
        }
    }

    /// From the columns of `result`.
    pub fn of(server: ServerState, outcome: Outcome, validate: ValidateState) -> Self {
        match (server, outcome, validate) {
            (ServerState::InProgress, ..) => Self::Out,
            (ServerState::Inactive | ServerState::Unsent, ..) => Self::NotSent,
            (_, Outcome::Success, ValidateState::Valid) => Self::Valid,
            (_, Outcome::Success, ValidateState::Invalid) => Self::Invalid,
            (_, Outcome::ValidateError, _) => Self::Unusable,
            (_, Outcome::Success, _) => Self::Undecided,
            (_, Outcome::ClientError | Outcome::ClientDetached, _) => Self::Error,
            (_, Outcome::NoReply, _) => Self::NoReply,
            (_, Outcome::Init | Outcome::CouldntSend | Outcome::DidntNeed, _) => Self::NotSent,
        }
    }
}

impl Facts {
    /// Reads them.
    ///
    /// # Errors
    /// A statement failed, or a column holds a number that BOINC does not know.
    pub async fn read(project: &Project) -> Result<Self> {
        let mut connection = project.connect().await?;
        let rows = connection
            .rows(
                "SELECT id, canonical_resultid > 0 AS validated, assimilate_state = 2 AS assimilated, error_mask FROM workunit",
                &[],
            )
            .await?;
        let mut workunits = BTreeMap::new();
        for row in rows {
            let fact = WorkunitFact {
                validated: row.i64("validated")? != 0,
                assimilated: row.i64("assimilated")? != 0,
                error_mask: i32::try_from(row.i64("error_mask")?)?,
            };
            workunits.insert(i32::try_from(row.i64("id")?)?, fact);
        }
        Ok(Self { workunits, results: results(&mut connection).await? })
    }

    /// Workunits of which this is true.
    pub fn count(&self, is: impl Fn(&WorkunitFact) -> bool) -> usize {
        self.workunits.values().filter(|workunit| is(workunit)).count()
    }

    /// Workunits without a canonical result, by what `error_mask` says.
    pub fn failed(&self) -> BTreeMap<String, usize> {
        let mut reasons = BTreeMap::new();
        for workunit in self.workunits.values().filter(|w| !w.validated && w.error_mask != 0) {
            *reasons.entry(ErrorMask(workunit.error_mask).words().join(" and ")).or_default() += 1;
        }
        reasons
    }
}

async fn results(connection: &mut Connection) -> Result<BTreeMap<i32, ResultFact>> {
    let rows = connection
        .rows(
            "SELECT r.id, r.server_state, r.outcome, r.validate_state, r.sent_time, r.received_time, r.elapsed_time, \
             COALESCE(l.seconds, 0) AS seconds, COALESCE(l.credit, 0) AS credit FROM result r LEFT JOIN \
             (SELECT resultid, SUM(seconds) AS seconds, SUM(credit) AS credit FROM cobblestone_ledger GROUP BY resultid) l \
             ON l.resultid = r.id",
            &[],
        )
        .await?;
    rows.iter().map(|row| Ok((i32::try_from(row.i64("id")?)?, fact(row)?))).collect()
}

fn fact(row: &Row) -> Result<ResultFact> {
    let code = |column: &'static str| -> Result<i32> {
        i32::try_from(row.i64(column)?).with_context(|| format!("result.{column}"))
    };
    let (sent, received) = (row.f64("sent_time")?, row.f64("received_time")?);
    Ok(ResultFact {
        end: End::of(
            ServerState::try_from(code("server_state")?)?,
            Outcome::try_from(code("outcome")?)?,
            ValidateState::try_from(code("validate_state")?)?,
        ),
        away: (received > 0.0).then_some(received - sent),
        elapsed: row.f64("elapsed_time")?,
        paid_seconds: row.f64("seconds")?,
        credit: row.f64("credit")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_has_one_end() {
        for server in ServerState::ALL {
            for outcome in Outcome::ALL {
                for validate in ValidateState::ALL {
                    let end = End::of(*server, *outcome, *validate);
                    assert!(End::ALL.contains(&end));
                    assert_eq!(
                        end == End::Valid,
                        *server == ServerState::Over
                            && *outcome == Outcome::Success
                            && *validate == ValidateState::Valid
                    );
                }
            }
        }
    }
}
