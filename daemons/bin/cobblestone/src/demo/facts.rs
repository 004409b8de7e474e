//! What stands in the database at the end, beside what the audit reads: workunits and results.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use boinc::state::{ErrorMask, Outcome, ServerState, ValidateState};
use sandbox::Project;
use store::sql::{Connection, Row};

/// See the module.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Facts {
    /// Workunits made.
    pub workunits: usize,
    /// Those with a canonical result.
    pub validated: usize,
    /// Those that the assimilator stored with a canonical result.
    pub assimilated: usize,
    /// Those that ended in error, by what is said in `error_mask`.
    pub failed: BTreeMap<String, usize>,
    /// All results, by id.
    pub results: BTreeMap<i32, ResultFact>,
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
        let mut facts = Self { results: results(&mut connection).await?, ..Self::default() };
        let rows = connection
            .rows(
                "SELECT canonical_resultid > 0 AS validated, assimilate_state = 2 AS done, error_mask, COUNT(*) AS n \
                 FROM workunit GROUP BY validated, done, error_mask",
                &[],
            )
            .await?;
        for row in rows {
            let n = usize::try_from(row.i64("n")?)?;
            facts.workunits += n;
            let validated = row.i64("validated")? != 0;
            let mask = i32::try_from(row.i64("error_mask")?)?;
            if validated {
                facts.validated += n;
            }
            if mask != 0 {
                *facts.failed.entry(ErrorMask(mask).words().join(" and ")).or_default() += n;
            } else if validated && row.i64("done")? != 0 {
                facts.assimilated += n;
            }
        }
        Ok(facts)
    }

    /// Workunits that ended in error.
    pub fn failures(&self) -> usize {
        self.failed.values().sum()
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
