//! What a task leaves behind: output file and stderr.

use super::books::Behaviour;
use super::host::Host;
use crate::rng::Rng;
use crate::science::{self, Job};

/// The output file; `None` = nothing was uploaded.
pub(super) fn output(job: Job, host: &Host, behaviour: Behaviour, rng: &mut Rng) -> Option<Vec<u8>> {
    let right = science::output(job, host.platform);
    if behaviour != Behaviour::Wrong {
        return Some(right.into_bytes());
    }
    match rng.below(8) {
        // Cut off in mid-transfer: anywhere, for two that are cut at one place would agree.
        0 => {
            let end = right.len() / 10 + rng.below(right.len() * 8 / 10);
            Some(right.get(..end).unwrap_or_default().as_bytes().to_vec())
        }
        1 => Some(Vec::new()),
        2 => None,
        3 => Some(change_one(&right, rng, |_, _| "nan".to_owned()).into_bytes()),
        4 => Some((0..2000).map(|_| u8::try_from(rng.below(256)).unwrap_or(0)).collect()),
        // Overclocked: a few numbers are off by more than any tolerance.
        _ => {
            let mut text = right;
            for _ in 0..=rng.below(5) {
                text = change_one(&text, rng, |number, rng| {
                    let off = rng.between(0.002, 0.2);
                    let number = if number == 0.0 { 1.0 } else { number };
                    format!("{:.15e}", number * (1.0 + off))
                });
            }
            Some(text.into_bytes())
        }
    }
}

/// Changes the second number of one line.
fn change_one(text: &str, rng: &mut Rng, change: impl Fn(f64, &mut Rng) -> String) -> String {
    let at = rng.below(text.lines().count());
    text.lines()
        .enumerate()
        .map(|(n, line)| match line.split_once(' ') {
            Some((label, number)) if n == at => {
                format!("{label} {}\n", change(number.parse().unwrap_or(0.0), rng))
            }
            _ => format!("{line}\n"),
        })
        .collect()
}

/// Exit status of a failed task, as wrappers and clients report it.
pub(super) fn exit_status(rng: &mut Rng) -> i32 {
    [1, 194, 195, 196, -148, 206, -1_073_741_819].get(rng.below(7)).copied().unwrap_or(1)
}

/// `stderr_out`. Volunteers' text: now and then with what would hurt a careless reader.
pub(super) fn stderr(exit_status: i32, seconds: f64, rng: &mut Rng) -> Vec<u8> {
    let mut text = String::from("\n<core_client_version>7.20.5</core_client_version>\n<![CDATA[\n");
    if exit_status != 0 {
        text.push_str(&format!(
            "<message>\nprocess exited with code {exit_status} ({exit_status:#x})\n</message>\n"
        ));
    }
    text.push_str(&format!("<stderr_txt>\nVM elapsed {seconds:.6} s\n"));
    if exit_status != 0 {
        let line = [
            "ERROR: VM failed to start: VERR_VMX_NO_VMX",
            "VM Heartbeat file specified, but missing heartbeat.",
            "Hypervisor System Log: <script>alert(1)</script> \u{1b}[2J",
            "double free or corruption (!prev)",
        ];
        text.push_str(line.get(rng.below(4)).copied().unwrap_or_default());
        text.push('\n');
    }
    text.push_str(&format!("called boinc_finish({exit_status})\n\n</stderr_txt>\n]]>\n"));
    let mut bytes = text.into_bytes();
    if exit_status != 0 && rng.chance(0.1) {
        bytes.extend(b"\xff\xfe\x00 truncated \xc3");
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::plan::Kind;
    use crate::science::Platform;

    fn host() -> Host {
        Host {
            id: 1,
            userid: 1,
            teamid: 0,
            ncpus: 4,
            flops_estimate: 1e9,
            app_version_id: 1,
            platform: Platform::ALL[0],
            kind: Kind::Wrong,
            skew: 0.0,
            slots: 1,
            rng: Rng::new(1),
        }
    }

    #[test]
    fn wrong_outputs_are_wrong_beyond_the_tolerance() {
        let job = Job { seed: 5, events: 300 };
        let right: Vec<f64> =
            science::output(job, Platform::ALL[5]).split_whitespace().map(|w| w.parse().unwrap()).collect();
        let mut kinds = std::collections::BTreeSet::new();
        for seed in 0..200 {
            let output = output(job, &host(), Behaviour::Wrong, &mut Rng::new(seed));
            let numbers: Option<Vec<f64>> = output
                .as_ref()
                .and_then(|bytes| std::str::from_utf8(bytes).ok())
                .map(|text| text.split_whitespace().filter_map(|word| word.parse().ok()).collect());
            let close = |(a, b): (&f64, &f64)| (a - b).abs() <= science::TOLERANCE * a.abs().max(b.abs());
            let agrees = numbers
                .as_ref()
                .is_some_and(|numbers| numbers.len() == right.len() && numbers.iter().zip(&right).all(close));
            assert!(!agrees, "seed {seed} agrees");
            kinds.insert((output.is_some(), numbers.map(|n| n.len())));
        }
        assert!(kinds.len() > 3);
        let good = output(job, &host(), Behaviour::Good, &mut Rng::new(1)).unwrap();
        assert_eq!(good, science::output(job, Platform::ALL[0]).into_bytes());
    }
}
