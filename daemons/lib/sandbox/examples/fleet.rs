//! How fast the stand-ins are: a fleet with every trouble in it, and two statements in place of our daemons.
//!
//! cargo run --release -p cobblestone-sandbox --example fleet -- [WORKUNITS] [HOSTS] [RATE]

#![allow(clippy::print_stdout, reason = "an example for the terminal")]

use std::time::{Duration, Instant};

use sandbox::{FleetOptions, Project, ProjectOptions, Result, Server, SimClock, World};

#[tokio::main]
async fn main() -> Result<()> {
    let argument = |n: usize, or: f64| std::env::args().nth(n).and_then(|arg| arg.parse().ok()).unwrap_or(or);
    let (workunits, hosts, rate) = (argument(1, 300.0), argument(2, 120.0), argument(3, 4000.0));
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let (workunits, hosts) = (workunits as usize, hosts as usize);

    let start = Instant::now();
    let server = Server::start_temporary()?;
    println!("server        {:6.2} s", start.elapsed().as_secs_f64());
    let start = Instant::now();
    let clock = SimClock::starting_at(1_800_000_000.0, rate);
    let options = ProjectOptions { clock: Some(clock), ..ProjectOptions::default() };
    let mut project = Project::create(server.dir().join("project"), &server.url("fleet"), options).await?;
    project.make_workunits("wu", workunits).await?;
    println!("project       {:6.2} s", start.elapsed().as_secs_f64());
    project.set_clock(SimClock::starting_at(1_800_000_000.0, rate)).await?;

    let start = Instant::now();
    let fleet = FleetOptions { hosts, users: hosts * 2 / 3, ..FleetOptions::default() };
    let mut world = World::new(&project, fleet).await?;
    let mut connection = project.connect().await?;
    let mut shown = Instant::now();
    let (mut busy, mut longest, mut steps) = (Duration::ZERO, Duration::ZERO, 0);
    loop {
        let step = Instant::now();
        world.step().await?;
        busy += step.elapsed();
        longest = longest.max(step.elapsed());
        steps += 1;
        for sql in [
            "UPDATE workunit w SET need_validate = 0, assimilate_state = 2, canonical_resultid =
                 (SELECT MIN(id) FROM result r WHERE r.workunitid = w.id AND r.outcome = 1) WHERE need_validate > 0",
            "UPDATE result r JOIN workunit w ON w.id = r.workunitid SET r.validate_state = 1
                 WHERE r.outcome = 1 AND r.validate_state = 0 AND w.canonical_resultid > 0",
            "UPDATE workunit SET assimilate_state = 2 WHERE assimilate_state = 1",
            "UPDATE msg_from_host SET handled = 1 WHERE handled = 0",
        ] {
            if let Err(error) = connection.execute(sql, &[]).await {
                println!("{error}");
            }
        }
        if shown.elapsed() > Duration::from_secs(2) {
            shown = Instant::now();
            let progress = world.progress().await?;
            println!("{:6.1} s  {progress:?}", start.elapsed().as_secs_f64());
            if progress.is_done(i64::try_from(workunits).unwrap_or(0)) {
                break;
            }
        }
        tokio::time::sleep(Duration::from_millis(100).saturating_sub(step.elapsed())).await;
    }
    println!("run           {:6.2} s, {steps} steps", start.elapsed().as_secs_f64());
    println!("stand-ins     {:6.2} s busy, longest step {:.3} s", busy.as_secs_f64(), longest.as_secs_f64());
    println!("{:#?}\n{:#?}", world.books().trickles, world.books().results());
    Ok(())
}
