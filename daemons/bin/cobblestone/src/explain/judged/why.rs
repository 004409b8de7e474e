//! Why this result is canonical: read from what is kept of who agreed with whom. Pure.

use boinc::verdict::KeptJudgement;

/// One candidate: how many others agree with it, and its total deviation from them, in units of the tolerance.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Candidate {
    id: i32,
    agree: usize,
    deviation: f64,
}

fn candidate(judgement: &KeptJudgement, at: usize) -> Option<Candidate> {
    let matrix = &judgement.matrix;
    let id = *matrix.of.get(at)?;
    let agreeing: Vec<f64> = (0..matrix.of.len())
        .filter_map(|other| matrix.pair(at, other)?.strip_prefix('='))
        .map(|deviation| deviation.parse().unwrap_or(0.0))
        .collect();
    Some(Candidate { id, agree: agreeing.len(), deviation: agreeing.iter().sum() })
}

/// Why, in a sentence; None where there is nothing to choose from.
pub(super) fn why(judgement: &KeptJudgement) -> Option<String> {
    if judgement.outcome != "canonical" {
        return None;
    }
    let all: Vec<Candidate> =
        (0..judgement.matrix.of.len()).filter_map(|at| candidate(judgement, at)).collect();
    let chosen = all.iter().find(|candidate| candidate.id == judgement.canonical.0)?;
    let needed = usize::try_from(judgement.min_quorum / 2).unwrap_or(0);
    let others: Vec<&Candidate> =
        all.iter().filter(|other| other.id != chosen.id && other.agree >= needed).collect();
    let said = match needed {
        0 => format!("with min_quorum {} no other result has to agree with it", judgement.min_quorum),
        1 => format!("with min_quorum {} one other result has to agree with it", judgement.min_quorum),
        n => format!("with min_quorum {} {n} other results have to agree with it", judgement.min_quorum),
    };
    let found = format!("{} of {} others do", chosen.agree, all.len().saturating_sub(1));
    let reason = if others.is_empty() {
        "no other result could be canonical"
    } else if others.iter().all(|other| other.agree < chosen.agree) {
        "more results agree with it than with any other"
    } else if others.iter().any(|other| other.agree > chosen.agree) {
        // Exact comparison, results of one owner, or a suspicious one.
        "it comes first among those with enough confirmations: classes of equal results and confirmations of one owner \
         count once, suspicious results come last, then the lowest number is taken"
    } else if others.iter().any(|other| other.agree == chosen.agree && other.deviation > chosen.deviation) {
        "as many results agree with others, but it is nearer to those that agree with it"
    } else {
        "of results that are as good it has the lowest number"
    };
    Some(format!("{said}, and {found}; {reason}"))
}

#[cfg(test)]
mod tests {
    use boinc::id::{AppId, ResultId, WorkunitId};
    use boinc::verdict::Matrix;

    use super::*;

    fn judgement(canonical: i32, of: &[i32], pairs: &[&str]) -> KeptJudgement {
        KeptJudgement {
            workunit: WorkunitId(1),
            n: 1,
            time: 0.0,
            app: AppId(1),
            name: "wu".to_owned(),
            outcome: "canonical".to_owned(),
            canonical: ResultId(canonical),
            min_quorum: 2,
            credit_mode: "adaptive".to_owned(),
            spec: 1,
            rule_version: 1,
            matrix: Matrix {
                of: of.to_vec(),
                pairs: pairs.iter().map(|&pair| pair.to_owned()).collect(),
                odd: Vec::new(),
            },
            files: Vec::new(),
            notes: Vec::new(),
            verdicts: Vec::new(),
        }
    }

    #[test]
    fn each_reason_is_found() {
        let chain = ["=0.9", "!1.8", "!2.7", "=0.9", "!1.8", "=0.9"];
        for (canonical, of, pairs, wanted) in [
            (12, &[11, 12, 13][..], &["=0.5", "!2", "=0.5"][..], "more results agree with it"),
            (13, &[11, 12, 13], &["=0.5", "=0.4", "=0.1"], "it is nearer to those"),
            (12, &[11, 12, 13, 14], &chain, "the lowest number"),
            (11, &[11, 12], &["="], "the lowest number"),
            (11, &[11, 12, 13, 14, 15], &["=", "!", "!", "!", "!", "!", "!", "=", "=", "="], "comes first"),
        ] {
            let said = why(&judgement(canonical, of, pairs)).unwrap();
            assert!(said.contains(wanted), "{said}");
        }
        let alone = KeptJudgement { min_quorum: 1, ..judgement(11, &[11], &[]) };
        let said = why(&alone).unwrap();
        assert!(said.contains("no other result has to agree") && said.contains("0 of 0"), "{said}");
        assert_eq!(why(&judgement(99, &[11], &[])), None);
    }
}
