use std::cell::{Cell, RefCell};
use std::time::Duration;

use anyhow::{Context, anyhow};
use tokio::time::Instant;

use super::*;
use crate::stop::{GRACE, Reason};

fn pace(one_pass: bool) -> Pace {
    Pace { one_pass, dry_run: false, sleep_interval: Duration::from_secs(5) }
}

fn did(done: u64) -> anyhow::Result<PassReport> {
    Ok(PassReport { found: done, done, ..PassReport::default() })
}

fn away() -> anyhow::Error {
    anyhow::Error::from(store::Error::Unavailable("connection refused".to_owned())).context("reading")
}

/// Runs passes whose outcomes are `outcomes`; the last one asks to stop. When each pass began, in seconds.
async fn run(pace: Pace, outcomes: Vec<anyhow::Result<PassReport>>) -> (Ended, Vec<f64>) {
    let stop = Stop::new();
    let began = Instant::now();
    let times = RefCell::new(Vec::new());
    let outcomes = RefCell::new(outcomes.into_iter());
    let ended = passes(pace, &stop, &Clock::frozen(0.0), async |number| {
        times.borrow_mut().push(began.elapsed().as_secs_f64());
        assert_eq!(number, times.borrow().len() as u64);
        let mut outcomes = outcomes.borrow_mut();
        let outcome = outcomes.next().expect("no pass after the last");
        if outcomes.len() == 0 {
            stop.request(Reason::Asked);
        }
        outcome
    })
    .await;
    let times = times.into_inner();
    (ended, times.into_iter().map(|time| (time * 10.0).round() / 10.0).collect())
}

#[tokio::test(start_paused = true)]
async fn goes_on_at_once_while_there_is_work() {
    let (ended, times) = run(pace(false), vec![did(3), did(1), did(0), did(2), did(0)]).await;
    assert!(matches!(ended, Ended::Stopped));
    assert_eq!(times, [0.0, 0.0, 0.0, 5.0, 5.0]);
}

#[tokio::test(start_paused = true)]
async fn one_pass_ends_when_nothing_is_left() {
    let (ended, times) = run(pace(true), vec![did(3), did(1), did(0), did(9)]).await;
    assert!(matches!(ended, Ended::NothingLeft));
    assert_eq!(times.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_never_goes_on_at_once() {
    let dry = |one_pass| Pace { dry_run: true, ..pace(one_pass) };
    assert_eq!(run(dry(false), vec![did(3), did(3)]).await.1, [0.0, 5.0]);
    assert_eq!(run(dry(true), vec![did(3), did(3)]).await.1, [0.0]);
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_waited_out_also_in_one_pass() {
    for one_pass in [false, true] {
        let outcomes = (0..8).map(|_| Err(away())).chain([did(0), did(0)]).collect();
        let (_, times) = run(pace(one_pass), outcomes).await;
        assert_eq!(times[..9], [0.0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5, 61.5, 91.5]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_pass_that_fails_is_tried_again() {
    let fails = || Err(anyhow!("odd"));
    let (ended, times) =
        run(pace(false), vec![fails(), fails(), fails(), fails(), did(1), fails(), fails()]).await;
    assert!(matches!(ended, Ended::Stopped));
    assert_eq!(times, [0.0, 0.5, 1.5, 3.5, 7.5, 7.5, 8.0]);
    let (ended, times) =
        run(pace(true), vec![fails(), fails(), did(1), fails(), fails(), fails(), did(1)]).await;
    assert!(matches!(ended, Ended::Failed(_)));
    assert_eq!(times.len(), 6);
}

#[tokio::test(start_paused = true)]
async fn what_a_person_must_mend_ends_it() {
    for error in [
        Fatal::new("no such application").into(),
        anyhow::Error::from(store::Error::Refused("Access denied".to_owned())).context("reading"),
        anyhow::Error::from(store::Error::Unfit("tables missing".to_owned())),
        crate::clock::TwoKeyError::OnlyConfig.into(),
    ] {
        let (ended, times) = run(pace(false), vec![Err(error), did(1)]).await;
        assert!(matches!(ended, Ended::Failed(_)));
        assert_eq!(times.len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_on_the_way_out_is_not_a_failure() {
    let (ended, _) = run(pace(false), vec![Err(Fatal::new("cut off").into())]).await;
    assert!(matches!(ended, Ended::Stopped));
}

#[tokio::test(start_paused = true)]
async fn a_pass_that_goes_on_is_dropped_after_its_grace() {
    let stop = Stop::new();
    let began = Instant::now();
    let ended = passes(pace(false), &stop, &Clock::frozen(0.0), async |_| {
        stop.request(Reason::Asked);
        std::future::pending().await
    })
    .await;
    assert!(matches!(ended, Ended::Stopped));
    assert_eq!(began.elapsed(), GRACE);
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_every_sleep() {
    for outcome in [|| did(0), || Err(away()), || Err(anyhow!("odd"))] {
        let stop = Stop::new();
        let asking = stop.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(100)).await;
            asking.request(Reason::Asked);
        });
        let began = Instant::now();
        let ended = passes(pace(false), &stop, &Clock::frozen(0.0), async |_| outcome()).await;
        assert!(matches!(ended, Ended::Stopped));
        assert_eq!(began.elapsed(), Duration::from_millis(100));
    }
}

#[tokio::test(start_paused = true)]
async fn start_up_waits_for_the_database_and_for_nothing_else() {
    let stop = Stop::new();
    let calls = Cell::new(0);
    let value = until_available(&stop, async || {
        calls.set(calls.get() + 1);
        if calls.get() < 4 { Err(away()) } else { Ok(calls.get()) }
    });
    assert_eq!(value.await.unwrap(), Some(4));
    let refused = until_available(&stop, async || {
        let error = store::Error::Refused("Access denied".to_owned());
        Err::<(), _>(error).context("connecting")
    });
    assert!(refused.await.is_err());
    let stopped = until_available(&stop, async || {
        stop.request(Reason::Asked);
        Err::<(), _>(away())
    });
    assert_eq!(stopped.await.unwrap(), None);
}

#[test]
fn a_report_adds_up_and_reads_well() {
    let mut report = PassReport::default();
    assert!(report.is_empty());
    report.add("valid", 0);
    assert!(report.is_empty());
    report.add("valid", 2);
    report.add("invalid", 1);
    report.add("valid", 1);
    assert_eq!(report.to_string(), "valid 3, invalid 1");
    assert!(!report.is_empty());
    assert_eq!(PassReport { found: 1, ..PassReport::default() }.to_string(), "nothing brought to an end");
}
