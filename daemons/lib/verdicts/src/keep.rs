//! What is kept of a judgement: rows for the store, made from what was decided and what was seen. Pure.
//!
//! Nothing is kept of a look at a workunit that decided nothing about any result (too few of them).

use boinc::id::{AppId, ResultId};
use boinc::record::{ResultRow, Workunit};
use boinc::verdict::{Decision, Difference, KeptJudgement, KeptVerdict, Matrix};
use rules::RULE_VERSION;
use rules::credit::CreditMode;
use rules::judge::{Evidence, Judgement, Told, Verdict};
use rules::quorum::{Agreement, Pair};

use crate::evidence::Findings;
use crate::outputs::Seen;

/// Most results in a matrix: beyond, only the pairs with the canonical result are kept, and they are in the verdicts.
const LARGEST_MATRIX: usize = 200;

/// What is the same for a whole batch.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances {
    #[allow(missing_docs)]
    pub app: AppId,
    /// Number of the spec in force.
    pub spec: i32,
    #[allow(missing_docs)]
    pub mode: CreditMode,
    /// Unix seconds.
    pub now: f64,
}

/// The rows to be kept, or None. `rows` are the workunit's results as they were judged.
#[must_use]
pub fn keep(
    workunit: &Workunit,
    rows: &[&ResultRow],
    judgement: &Judgement,
    findings: &Findings,
    circumstances: &Circumstances,
) -> Option<KeptJudgement> {
    let (outcome, canonical) = match judgement.verdict {
        Verdict::Canonical(id) => ("canonical", id),
        Verdict::CanonicalMissing => ("canonical_missing", workunit.canonical_resultid),
        _ if judgement.told.is_empty() => return None,
        Verdict::NoConsensus => ("no_consensus", ResultId(0)),
        Verdict::Stragglers => ("late", workunit.canonical_resultid),
        Verdict::Later => ("later", workunit.canonical_resultid),
        Verdict::TooFew => return None,
    };
    let verdicts = judgement.told.iter().filter_map(|told| {
        let row = rows.iter().find(|row| row.id == told.id)?;
        Some(verdict(told, row, canonical, findings))
    });
    let notes = judgement.notes.iter().map(|note| match note.result {
        Some(result) => format!("result {result}: {}", note.text),
        None => note.text.clone(),
    });
    let files = findings.canonical.as_ref().filter(|(id, _)| outcome == "canonical" && *id == canonical);
    Some(KeptJudgement {
        workunit: workunit.id,
        n: 0,
        time: circumstances.now,
        app: circumstances.app,
        name: workunit.name.clone(),
        outcome: outcome.to_owned(),
        canonical,
        min_quorum: judgement.quorum,
        credit_mode: circumstances.mode.as_str().to_owned(),
        spec: circumstances.spec,
        rule_version: RULE_VERSION,
        matrix: matrix(canonical, findings),
        files: files.map(|(_, files)| files.clone()).unwrap_or_default(),
        notes: notes.collect(),
        verdicts: verdicts.collect(),
    })
}

fn verdict(told: &Told, row: &ResultRow, canonical: ResultId, findings: &Findings) -> KeptVerdict {
    let id = told.id;
    let partner =
        if canonical == ResultId(0) || canonical == id { findings.nearest(id) } else { Some(canonical) };
    let difference = partner
        .and_then(|partner| Some((partner, findings.between(id, partner)?)))
        .map(|(partner, seen)| Difference {
            partner,
            deviation: seen.deviation,
            place: seen.place,
            value: seen.left,
            partner_value: seen.right,
        })
        .unwrap_or_default();
    KeptVerdict {
        result: id,
        name: row.name.clone(),
        host: row.hostid,
        user: row.userid,
        decision: told.decision,
        reason: reason(told, findings),
        difference,
        formula: told.formula.clone(),
        credit: told.credit,
    }
}

/// Why; of a result that differs from itself, also where.
fn reason(told: &Told, findings: &Findings) -> String {
    let itself = findings.seen.get(&(told.id, told.id)).filter(|seen| seen.pair == Pair::Differs);
    match itself.filter(|_| told.decision == Decision::Inconclusive) {
        Some(seen) if seen.left.is_empty() => format!("{}: {}", told.reason, seen.place),
        Some(seen) => format!("{}: {}: {}", told.reason, seen.place, seen.left),
        None => told.reason.clone(),
    }
}

fn matrix(canonical: ResultId, findings: &Findings) -> Matrix {
    match &findings.evidence {
        Evidence::Set { agreement: Some(agreement), .. } if agreement.ids().len() <= LARGEST_MATRIX => {
            full(agreement, findings)
        }
        Evidence::Stragglers(against) if !against.is_empty() && against.len() < LARGEST_MATRIX => {
            let mut of = vec![canonical.0];
            of.extend(against.keys().map(|id| id.0));
            let first = against.keys().map(|id| {
                findings.between(*id, canonical).map_or_else(|| "-".to_owned(), |seen| word(&seen))
            });
            let n = against.len();
            let others = std::iter::repeat_n("-".to_owned(), n * n.saturating_sub(1) / 2);
            Matrix { of, pairs: first.chain(others).collect(), odd: Vec::new() }
        }
        _ => Matrix::default(),
    }
}

fn full(agreement: &Agreement, findings: &Findings) -> Matrix {
    let ids = agreement.ids();
    let mut matrix = Matrix { of: ids.iter().map(|id| id.0).collect(), ..Matrix::default() };
    for (i, left) in ids.iter().enumerate() {
        if !matches!(agreement.pair(i, i), Pair::Agrees { .. }) {
            matrix.odd.push(left.0);
        }
        for right in ids.iter().skip(i + 1) {
            let seen = findings.between(*left, *right);
            matrix.pairs.push(seen.map_or_else(|| "-".to_owned(), |seen| word(&seen)));
        }
    }
    matrix
}

/// See [`Matrix`].
fn word(seen: &Seen) -> String {
    let sign = match seen.pair {
        Pair::Agrees { .. } => '=',
        Pair::Differs => '!',
        Pair::Unknown => return "?".to_owned(),
    };
    match seen.deviation.filter(|units| *units > 0.0) {
        None => sign.to_string(),
        // A number just above 1 must not look like 1.
        Some(units) if units > 1.0 && units < 1.01 => format!("{sign}1.01"),
        Some(units) if (0.001..1000.0).contains(&units) => {
            format!("{sign}{}", (units * 1000.0).round() / 1000.0)
        }
        Some(units) => format!("{sign}{units:.1e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(pair: Pair, deviation: Option<f64>) -> Seen {
        Seen { pair, deviation, ..Seen::equal() }
    }

    #[test]
    fn pairs_are_told_in_few_bytes() {
        let agrees = |deviation| seen(Pair::Agrees { deviation }, Some(deviation));
        let differs = |deviation| seen(Pair::Differs, deviation);
        for (what, wanted) in [
            (Seen::equal(), "="),
            (agrees(0.3126), "=0.313"),
            (agrees(1.0), "=1"),
            (agrees(2e-9), "=2.0e-9"),
            (differs(None), "!"),
            (differs(Some(1.000_000_1)), "!1.01"),
            (differs(Some(12.5)), "!12.5"),
            (differs(Some(3e7)), "!3.0e7"),
            (Seen::unknown("crashed"), "?"),
        ] {
            assert_eq!(word(&what), wanted);
        }
    }

    #[test]
    fn what_differs_from_itself_is_said() {
        let told = |decision| Told {
            id: ResultId(1),
            decision,
            reason: "no quorum: it does not agree with itself".into(),
            formula: String::new(),
            credit: 0.0,
        };
        let mut findings = Findings::only(Evidence::None);
        assert!(!reason(&told(Decision::Inconclusive), &findings).contains("nothing was tested"));
        let seen = Seen::differs("out: no histogram has an entry, so nothing was tested");
        findings.seen.insert((ResultId(1), ResultId(1)), seen);
        assert_eq!(
            reason(&told(Decision::Inconclusive), &findings),
            "no quorum: it does not agree with itself: out: no histogram has an entry, so nothing was tested"
        );
    }

    #[test]
    fn the_nearest_neighbour_agrees_if_any_does() {
        let mut findings = Findings::only(Evidence::None);
        let id = ResultId;
        findings.seen.insert((id(1), id(2)), seen(Pair::Differs, Some(1.5)));
        assert_eq!(findings.nearest(id(1)), Some(id(2)));
        assert_eq!(findings.nearest(id(2)), Some(id(1)));
        findings.seen.insert((id(0), id(1)), seen(Pair::Agrees { deviation: 0.9 }, Some(0.9)));
        findings.seen.insert((id(1), id(1)), Seen::equal());
        assert_eq!(findings.nearest(id(1)), Some(id(0)));
        findings.seen.insert((id(1), id(3)), seen(Pair::Agrees { deviation: 0.9 }, Some(0.9)));
        assert_eq!(findings.nearest(id(1)), Some(id(0)), "the lower id");
        assert_eq!(findings.nearest(id(7)), None);
    }
}
