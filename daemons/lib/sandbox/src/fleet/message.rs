//! The text of trickle-up messages, proper and hostile.

use super::books::Fate;
use crate::rng::Rng;

/// What vboxwrapper's client sends, with its white space. `time` is the volunteer's clock.
pub(super) fn claim(result: &str, time: f64, seconds: f64) -> Vec<u8> {
    format!("\n      <result_name>{result}</result_name>\n      <time>{time:.0}</time>\n<cpu_time>{seconds:.6}</cpu_time>\n")
        .into_bytes()
}

/// Jobs that a guest has done after so many seconds of uptime: one in half an hour, each of 1000 events.
pub(super) fn jobs_done(seconds: f64) -> u64 {
    (seconds / 1800.0).max(0.0) as u64
}

/// What a guest writes about its jobs, as the client sends it: totals so far, one job is being worked on.
pub(super) fn report(result: &str, time: f64, done: u64) -> Vec<u8> {
    format!(
        "\n      <result_name>{result}</result_name>\n      <time>{time:.0}</time>\n{{\"received\": {}, \"succeeded\": {done}, \
         \"failed\": 0, \"events\": {}}}\n",
        done + 1,
        done * 1000
    )
    .into_bytes()
}

/// A message that is no proper claim. `own` is a result of the host, `foreign` one of another host, if there is any.
pub(super) fn hostile(own: &str, foreign: Option<&str>, time: f64, rng: &mut Rng) -> (Fate, Vec<u8>) {
    match (rng.below(7), foreign) {
        (0, _) => {
            let whole = claim(own, time, 1e4);
            let at = 10 + rng.below(whole.len().saturating_sub(30));
            (Fate::BrokenXml, whole.get(..at).unwrap_or_default().to_vec())
        }
        (1, _) => (Fate::BrokenXml, "<a>".repeat(2000).into_bytes()),
        (2, Some(other)) => (Fate::ForeignResult, claim(other, time, rng.between(1e3, 8e4))),
        (3, _) => {
            let number =
                ["NaN", "1e300", "-5", "inf", "1e999", "0x1p20"].get(rng.below(6)).copied().unwrap_or("NaN");
            let text = format!(
                "\n      <result_name>{own}</result_name>\n      <time>{time:.0}</time>\n<cpu_time>{number}</cpu_time>\n"
            );
            (Fate::AbsurdNumber, text.into_bytes())
        }
        (4, _) => (Fate::Empty, Vec::new()),
        (5, _) => {
            let mut text = claim(own, time, 100.0);
            text.splice(20..24, [0xff, 0xfe, 0x80, 0xc0]);
            (Fate::InvalidBytes, text)
        }
        _ => (Fate::UnknownResult, claim(&format!("{own}_no_such"), time, 3600.0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_has_the_white_space_of_a_real_one() {
        let text = claim("theory_1_1", 1_795_161_124.0, 6.0);
        let real = "\n      <result_name>theory_1_1</result_name>\n      <time>1795161124</time>\n<cpu_time>6.000000</cpu_time>\n";
        assert_eq!(text, real.as_bytes());
    }

    #[test]
    fn all_kinds_of_hostile_messages_occur() {
        let mut rng = Rng::new(1);
        let fates: std::collections::BTreeSet<Fate> =
            (0..200).map(|_| hostile("theory_1_0", Some("theory_2_0"), 1e9, &mut rng).0).collect();
        assert_eq!(fates.len(), 6);
        assert!(fates.iter().all(|fate| fate.is_malformed()));
    }
}
