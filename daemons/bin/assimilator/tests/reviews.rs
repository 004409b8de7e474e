//! Reviews come to the dataset, each once, wherever it is cut off.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's helpers are tests too")]

mod common;

use boinc::id::{AppId, ResultId};
use common::{NOW, World, wu};
use sandbox::proxy::{Hold, Proxy};
use store::DbUrl;
use store::reviews::{NewReview, ReviewVerdict};

fn review(workunit: i32, verdict: ReviewVerdict, comment: &str) -> NewReview {
    NewReview {
        time: NOW - 0.5,
        app: AppId(1),
        workunit: wu(workunit),
        result: ResultId(workunit),
        who: "anna".to_owned(),
        verdict,
        comment: comment.to_owned(),
    }
}

async fn say(world: &World, reviews: &[NewReview]) {
    world.store.transaction("test", async |tx| tx.insert_reviews(reviews).await).await.unwrap();
}

/// Numbers of the reviews that the dataset holds, by number.
fn written(world: &World) -> Vec<i64> {
    let mut ids: Vec<i64> =
        world.rows("reviews").iter().map(|row| row["review_id"].parse().unwrap()).collect();
    ids.sort_unstable();
    ids
}

async fn said(world: &mut World) -> Vec<i64> {
    let rows = world.sql.rows("SELECT id AS n FROM cobblestone_review ORDER BY id", &[]).await.unwrap();
    rows.iter().map(|row| row.i64("n").unwrap()).collect()
}

#[tokio::test]
async fn reviews_come_to_the_dataset_with_the_campaign_and_the_day() {
    let mut world = World::new("reviews").await;
    world.ready(1..=2).await;
    let evil = "<b>\u{1b}[2J\u{0}\n';--";
    say(&world, &[review(1, ReviewVerdict::Flagged, "odd"), review(2, ReviewVerdict::Rejected, evil)]).await;
    let mut daemon = world.daemon(&[]).await;
    assert_eq!(daemon.pass().await.unwrap().to_string(), "assimilated 2, reviews 2");
    let mut rows = world.rows("reviews");
    rows.sort_by_key(|row| row["workunit_id"].clone());
    assert_eq!(rows.len(), 2);
    assert_eq!(
        (rows[0]["who"].as_str(), rows[0]["verdict"].as_str(), rows[0]["comment"].as_str()),
        ("anna", "flagged", "odd")
    );
    assert!(rows[0]["time"].starts_with("2026-11-18 11:06:39"), "{}", rows[0]["time"]);
    assert_eq!((rows[1]["comment"].as_str(), rows[1]["result_id"].as_str()), (evil, "2"));
    assert!(rows[0]["file"].contains("/reviews/campaign=none/day=2026-11-18/part-"), "{}", rows[0]["file"]);
    assert!(rows[1]["file"].contains("/reviews/campaign=c%2F1/day=2026-11-18/part-"));
    // Nothing new, nothing written; the next one alone.
    assert_eq!(daemon.pass().await.unwrap().to_string(), "nothing brought to an end");
    say(&world, &[review(1, ReviewVerdict::Accepted, "it is fine")]).await;
    assert_eq!(daemon.pass().await.unwrap().to_string(), "reviews 1");
    assert_eq!(written(&world), said(&mut world).await);
    // Of another application, or in a dry run: not written.
    let other = NewReview { app: AppId(2), ..review(9, ReviewVerdict::Accepted, "x") };
    say(&world, &[other]).await;
    say(&world, &[review(2, ReviewVerdict::Accepted, "y")]).await;
    world.daemon(&["--dry_run"]).await.pass().await.unwrap();
    assert_eq!(written(&world).len(), 3);
}

#[tokio::test]
async fn a_review_that_is_committed_late_is_not_passed_over_and_two_instances_write_each_once() {
    let mut world = World::new("late").await;
    world.ready([1]).await;
    // The lower number is committed after the higher one was written.
    world.sql.execute("START TRANSACTION", &[]).await.unwrap();
    world
        .exec("INSERT INTO cobblestone_review (time, appid, workunitid, resultid, who, verdict, comment) VALUES (1, 1, 1, 1, 'bob', 'flagged', 'late')")
        .await;
    say(&world, &[review(1, ReviewVerdict::Accepted, "soon")]).await;
    let (mut a, mut b) = (world.daemon(&[]).await, world.daemon(&[]).await);
    a.pass().await.unwrap();
    assert_eq!(world.rows("reviews").len(), 1);
    world.sql.execute("COMMIT", &[]).await.unwrap();
    for n in 0..20 {
        say(&world, &[review(1, ReviewVerdict::Flagged, &format!("{n}"))]).await;
        let (one, two) = tokio::join!(a.pass(), b.pass());
        one.unwrap();
        two.unwrap();
    }
    assert_eq!(written(&world), said(&mut world).await);
    assert_eq!(written(&world).len(), 22);
    assert!(world.staged().is_empty());
}

/// At every command to the database, COMMIT included.
#[tokio::test]
async fn cut_off_at_every_statement() {
    let mut world = World::new("cutrev").await;
    let port = world.number("SELECT @@port AS n").await;
    let proxy = Proxy::start(u16::try_from(port).unwrap()).await.unwrap();
    let url = DbUrl {
        host: Some("127.0.0.1".to_owned()),
        port: Some(proxy.port()),
        socket: None,
        ..world.project.db.url()
    };
    for hold in [Hold::Before, Hold::After] {
        let mut daemon = world.daemon_over(&url, "theory", &[]).await.unwrap();
        for statement in 1.. {
            say(&world, &[review(1, ReviewVerdict::Flagged, "x"), review(2, ReviewVerdict::Flagged, "y")])
                .await;
            proxy.hold_at(statement, hold);
            let cut = tokio::select! {
                report = daemon.pass() => {
                    report.unwrap();
                    false
                }
                () = proxy.held() => true,
            };
            if cut && statement % 2 == 0 {
                drop(daemon);
                proxy.release();
                daemon = world.daemon_over(&url, "theory", &[]).await.unwrap();
            } else {
                proxy.release();
            }
            daemon.pass().await.unwrap();
            // What was under way when it was asked for is found now.
            daemon.pass().await.unwrap();
            assert_eq!(written(&world), said(&mut world).await, "{hold:?} {statement}");
            if !cut {
                assert!(statement > 8, "a pass has only {statement} statements");
                break;
            }
        }
        assert!(world.staged().is_empty(), "{:?}", world.staged());
    }
}
