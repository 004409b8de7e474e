//! The life of one task, worked out when the host receives it: a pure function of the options, the kind of host
//! and the random stream.

use super::books::Behaviour;
use super::options::FleetOptions;
use crate::rng::Rng;

/// What kind of volunteer's machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Good,
    Wrong,
    Crashing,
    /// Claims this many times the uptime that passed.
    Overclaiming(u8),
}

/// How a task ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Output is uploaded and reported.
    Finish,
    /// Reported as an error.
    Crash,
    /// Nothing more is heard.
    Vanish,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Point {
    /// The wrapper hands the client a trickle with this claim; `stepped_back` when an earlier one was higher.
    Trickle { claim: f64, stepped_back: bool },
    /// The last point.
    End(End),
}

/// A task's life.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Plan {
    pub(super) behaviour: Behaviour,
    /// Time (simulated Unix seconds) and what happens; times never fall.
    pub(super) points: Vec<(f64, Point)>,
    /// Seconds that the VM really runs.
    pub(super) ran: f64,
    /// Uptime that the wrapper reports at the end.
    pub(super) uptime: f64,
}

/// Seconds from receiving a task until its VM runs: download and boot.
const BOOT: (f64, f64) = (60.0, 600.0);

pub(super) fn plan(options: &FleetOptions, kind: Kind, start: f64, deadline: f64, rng: &mut Rng) -> Plan {
    let behaviour = behaviour(options, kind, rng);
    let speed = match (behaviour, kind) {
        (Behaviour::OverClaimed, Kind::Overclaiming(times)) => f64::from(times),
        _ => 1.0,
    };
    let life = options.vm_seconds;
    let stop_at = match behaviour {
        Behaviour::Crashed => rng.between(0.01, 0.95) * life,
        Behaviour::Vanished | Behaviour::Late => rng.between(0.05, 0.9) * life,
        _ => life,
    };
    let mut restart_at = (behaviour == Behaviour::Restarted).then(|| rng.between(0.2, 0.8) * life);
    let pause_share =
        options.results.pause * (options.trickle_every.0 + options.trickle_every.1) / 2.0 / life;

    let mut time = start + rng.between(BOOT.0, BOOT.1);
    let (mut uptime, mut ran, mut highest) = (0.0, 0.0, 0.0_f64);
    let mut points = Vec::new();
    loop {
        if rng.chance(pause_share) {
            time += rng.between(600.0, 14_400.0);
        }
        let step = rng.between(options.trickle_every.0, options.trickle_every.1).max(1.0);
        let next = (uptime + step).min(stop_at);
        if let Some(at) = restart_at.filter(|at| *at <= next) {
            // Runs to the crash of the machine, loses what came after the checkpoint, boots again.
            restart_at = None;
            time += (at - uptime) / speed;
            ran += (at - uptime) / speed;
            uptime = (at - rng.between(0.01, 0.06) * life).max(0.0);
            time += rng.between(BOOT.0, 4.0 * BOOT.1);
            continue;
        }
        time += (next - uptime) / speed;
        ran += (next - uptime) / speed;
        uptime = next;
        if uptime >= stop_at {
            break;
        }
        points.push((time, Point::Trickle { claim: uptime, stepped_back: uptime <= highest }));
        highest = highest.max(uptime);
    }
    let end = match behaviour {
        Behaviour::Crashed => End::Crash,
        Behaviour::Vanished => End::Vanish,
        _ => End::Finish,
    };
    if behaviour == Behaviour::Late {
        // The machine was switched off for days; then the VM finishes.
        let rest = life - uptime;
        time = time.max(deadline + rng.between(0.05, 0.3) * life) + rest;
        ran += rest;
        uptime = life;
    }
    points.push((time, Point::End(end)));
    Plan { behaviour, points, ran, uptime }
}

fn behaviour(options: &FleetOptions, kind: Kind, rng: &mut Rng) -> Behaviour {
    let shares = &options.results;
    // A bad machine is bad with most of its results.
    let bad = rng.chance(0.8);
    match kind {
        Kind::Wrong if bad => return Behaviour::Wrong,
        Kind::Crashing if bad => return Behaviour::Crashed,
        Kind::Overclaiming(_) if bad => return Behaviour::OverClaimed,
        _ => {}
    }
    let draw = rng.unit();
    let mut edge = 0.0;
    for (share, behaviour) in [
        (shares.crash, Behaviour::Crashed),
        (shares.vanish * 0.75, Behaviour::Vanished),
        (shares.vanish * 0.25, Behaviour::Late),
        (shares.restart, Behaviour::Restarted),
    ] {
        edge += share;
        if draw < edge {
            return behaviour;
        }
    }
    Behaviour::Good
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plans(kind: Kind) -> Vec<Plan> {
        let options = FleetOptions::default();
        (0..400).map(|seed| plan(&options, kind, 1e9, 1e9 + 172_800.0, &mut Rng::new(seed))).collect()
    }

    #[test]
    fn claims_are_what_ran_except_for_cheats() {
        for kind in [Kind::Good, Kind::Wrong, Kind::Crashing, Kind::Overclaiming(4)] {
            for plan in plans(kind) {
                let mut last = 1e9;
                for (time, point) in &plan.points {
                    assert!(*time >= last);
                    last = *time;
                    if let Point::Trickle { claim, .. } = point {
                        let wall = time - 1e9;
                        if plan.behaviour == Behaviour::OverClaimed {
                            assert!(*claim <= 4.0 * wall);
                        } else {
                            assert!(*claim <= wall, "{plan:?}");
                        }
                    }
                }
                assert!(plan.ran <= last - 1e9);
                let ends = plan.points.iter().filter(|(_, p)| matches!(p, Point::End(_))).count();
                assert_eq!(ends, 1);
                assert!(matches!(plan.points.last(), Some((_, Point::End(_)))));
            }
        }
    }

    #[test]
    fn a_cheat_claims_a_day_and_runs_a_quarter_of_it() {
        let cheats: Vec<_> = plans(Kind::Overclaiming(4))
            .into_iter()
            .filter(|p| p.behaviour == Behaviour::OverClaimed)
            .collect();
        assert!(cheats.len() > 200);
        for plan in cheats {
            assert!((plan.ran - 21_600.0).abs() < 1.0 && (plan.uptime - 86_400.0).abs() < 1e-6, "{plan:?}");
        }
    }

    #[test]
    fn a_restart_steps_back_and_runs_longer() {
        let restarted: Vec<_> =
            plans(Kind::Good).into_iter().filter(|p| p.behaviour == Behaviour::Restarted).collect();
        assert!(restarted.len() > 20);
        let back =
            |p: &Plan| p.points.iter().any(|(_, p)| matches!(p, Point::Trickle { stepped_back: true, .. }));
        assert!(restarted.iter().any(back));
        assert!(restarted.iter().all(|plan| plan.ran > plan.uptime));
    }

    #[test]
    fn all_behaviours_occur_and_plans_repeat() {
        for (kind, behaviour) in [
            (Kind::Good, Behaviour::Good),
            (Kind::Good, Behaviour::Vanished),
            (Kind::Good, Behaviour::Late),
            (Kind::Good, Behaviour::Crashed),
            (Kind::Wrong, Behaviour::Wrong),
        ] {
            assert!(plans(kind).iter().any(|plan| plan.behaviour == behaviour), "{behaviour:?}");
        }
        assert_eq!(plans(Kind::Good), plans(Kind::Good));
        for late in plans(Kind::Good).iter().filter(|p| p.behaviour == Behaviour::Late) {
            assert!(late.points.last().unwrap().0 > 1e9 + 172_800.0);
        }
    }
}
