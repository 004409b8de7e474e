//! A dataset on storage that speaks S3: a real server process, and faults between it and the assimilator.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test's helpers are tests too")]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use common::s3::{FaultProxy, Mode, Moto};
use common::{NOW, World, python::duckdb};
use dataset::remote::{Place, Remote};

struct Cloud {
    world: World,
    moto: Moto,
    proxy: FaultProxy,
}

impl Cloud {
    async fn new(name: &str) -> Self {
        let world = World::new(name).await;
        let moto = Moto::start();
        assert!(moto.ask("PUT", "/science").await.contains("200"));
        let proxy = FaultProxy::start(moto.port).await;
        let keys = world.project.path("cobblestone/s3.toml");
        fs::create_dir_all(keys.parent().unwrap()).unwrap();
        fs::write(&keys, "access_key_id = \"k\"\nsecret_access_key = \"s\"\n").unwrap();
        fs::set_permissions(&keys, fs::Permissions::from_mode(0o600)).unwrap();
        let config = format!(
            "[assimilate]\nfolder = \"s3://science/boinc/data\"\n[assimilate.s3]\n\
             endpoint = \"http://127.0.0.1:{}\"\ntimeout_seconds = 2\nwait_seconds = 0\n",
            proxy.port
        );
        world.project.write_app_config(&config).unwrap();
        Self { world, moto, proxy }
    }

    /// Past the proxy.
    fn remote(&self) -> Remote {
        let config = app_config::AppConfig::load(self.world.project.dir(), "theory").unwrap();
        let mut assimilate = config.assimilate;
        assimilate.s3.endpoint = format!("http://127.0.0.1:{}", self.moto.port);
        match Place::of(&assimilate, self.world.project.dir(), "theory").unwrap() {
            Place::Remote(remote) => remote,
            Place::Local(_) => panic!("not on S3"),
        }
    }

    /// All objects, copied to a folder: what a reader sees.
    async fn seen(&self) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let remote = self.remote();
        for object in remote.list("").await.unwrap() {
            let local = folder.path().join(&object.path);
            fs::create_dir_all(local.parent().unwrap()).unwrap();
            remote.fetch(&object.path, &local).await.unwrap();
        }
        folder
    }

    /// Every workunit that is marked has one row that readers see, and no other has any: counted by DuckDB.
    async fn check(&mut self) -> usize {
        let seen = self.seen().await;
        let marked = self.world.number("SELECT COUNT(*) AS n FROM workunit WHERE assimilate_state = 2").await;
        let glob = seen.path().join("results/*/*/*.parquet");
        let sql = format!(
            "SELECT count(*), count(DISTINCT workunit_id) FROM read_parquet('{}', hive_partitioning = true)",
            glob.display()
        );
        assert_eq!(duckdb(&sql), format!("[({marked}, {marked})]"));
        usize::try_from(marked).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_and_outputs_come_to_their_places() {
    let mut cloud = Cloud::new("s3").await;
    cloud.world.ready(1..=4).await;
    let big = vec![b'x'; (17 << 20) + 5];
    fs::write(cloud.world.project.upload_path(&common::physical(3)).unwrap(), &big).unwrap();
    let mut daemon = cloud.world.daemon(&[]).await;
    assert_eq!(daemon.pass().await.unwrap().to_string(), "assimilated 4");
    assert_eq!(cloud.check().await, 4);
    let objects = cloud.remote().list("").await.unwrap();
    let bytes = |path: &str| objects.iter().find(|o| o.path == path).map(|o| o.bytes);
    assert_eq!(bytes("outputs/none/wu_1/out.dat"), Some(12));
    assert_eq!(bytes("outputs/c%2F1/wu_2/out.dat"), Some(big.len() as u64), "{objects:?}");
    let parts: Vec<&str> =
        objects.iter().map(|o| o.path.as_str()).filter(|p| p.ends_with(".parquet")).collect();
    assert_eq!(parts.len(), 4, "{parts:?}");
    assert!(parts.iter().all(|path| path.contains("/day=2026-11-18/part-") && !path.starts_with('.')));
    assert!(parts.iter().any(|path| path.starts_with("results/campaign=c%2F1/")));
    let intents = "SELECT COUNT(*) AS n FROM cobblestone_dataset_intent";
    assert_eq!(cloud.world.number(intents).await, 0);
    let spool = common::files_below(&cloud.world.project.path("cobblestone/spool"));
    assert!(spool.iter().all(|file| file.ends_with("lock")), "{spool:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn storage_that_fails_is_waited_for_and_nothing_is_marked() {
    let mut cloud = Cloud::new("s3faults").await;
    cloud.world.ready(1..=2).await;
    let mut daemon = cloud.world.daemon(&[]).await;
    for mode in [Mode::Gone, Mode::Busy, Mode::Full, Mode::Forbidden, Mode::Stuck] {
        cloud.proxy.set(mode);
        let error = format!("{:#}", daemon.pass().await.unwrap_err());
        assert!(error.contains("s3://science/boinc/data/theory"), "{mode:?}: {error}");
        assert!(error.contains("nothing is marked"), "{mode:?}: {error}");
        assert!(!error.contains("secret"), "{error}");
        let ready = "SELECT COUNT(*) AS n FROM workunit WHERE assimilate_state = 1";
        assert_eq!(cloud.world.number(ready).await, 2, "{mode:?}");
        assert_eq!(cloud.world.number("SELECT COUNT(*) AS n FROM cobblestone_quarantine").await, 0);
    }
    cloud.proxy.set(Mode::Pass);
    assert_eq!(daemon.pass().await.unwrap().done, 2);
    assert_eq!(cloud.check().await, 2);
    // What the failed passes staged is removed an hour later.
    cloud.world.clock.set(NOW + 3700.0);
    daemon.pass().await.unwrap();
    let staged = cloud.remote().list(".staging").await.unwrap();
    assert!(staged.is_empty(), "{staged:?}");
    assert_eq!(cloud.world.number("SELECT COUNT(*) AS n FROM cobblestone_dataset_intent").await, 0);
    // Keys that others may read are refused at start.
    let keys = cloud.world.project.path("cobblestone/s3.toml");
    fs::set_permissions(&keys, fs::Permissions::from_mode(0o644)).unwrap();
    let Err(error) = cloud.world.try_daemon("theory", &[]).await else { panic!("it starts") };
    assert!(error.to_string().contains("chmod 600"), "{error}");
}

/// At every request to the storage the assimilator is gone: before the server has seen it, or before its answer comes.
#[tokio::test(flavor = "multi_thread")]
async fn cut_off_at_every_request() {
    let mut cloud = Cloud::new("s3cut").await;
    let mut made = 0;
    for handed_on in [false, true] {
        for at in 1.. {
            cloud.world.ready([made + 1, made + 2]).await;
            made += 2;
            let mut daemon = cloud.world.daemon(&[]).await;
            cloud.proxy.set(Mode::Hold { at, handed_on });
            let is_cut = tokio::select! {
                report = daemon.pass() => {
                    assert_eq!(report.unwrap().done, 2);
                    false
                }
                () = cloud.proxy.held() => true,
            };
            drop(daemon);
            cloud.proxy.set(Mode::Pass);
            let mut next = cloud.world.daemon(&[]).await;
            while next.pass().await.unwrap().done > 0 {}
            next.pass().await.unwrap();
            assert_eq!(cloud.world.state(made).await, common::DONE, "{at} {handed_on}");
            if !is_cut {
                assert!(at > 10, "a pass has only {at} requests");
                break;
            }
        }
        assert_eq!(cloud.check().await, usize::try_from(made).unwrap());
    }
    // An instance that comes back after its intents were taken records nothing.
    cloud.world.clock.set(NOW + 3700.0);
    cloud.world.daemon(&[]).await.pass().await.unwrap();
    assert!(cloud.remote().list(".staging").await.unwrap().is_empty());
    assert_eq!(cloud.check().await, usize::try_from(made).unwrap());
}

/// Small files can't be merged there, so they are not made.
#[tokio::test(flavor = "multi_thread")]
async fn it_waits_until_a_file_is_worth_it() {
    let mut cloud = Cloud::new("s3wait").await;
    let config = format!(
        "[assimilate]\nfolder = \"s3://science/boinc/data\"\n[assimilate.s3]\nendpoint = \"http://127.0.0.1:{}\"\n\
         rows_per_file = 4\nwait_seconds = 600\n",
        cloud.proxy.port
    );
    cloud.world.project.write_app_config(&config).unwrap();
    let mut daemon = cloud.world.daemon(&[]).await;
    let parts = async |cloud: &Cloud| {
        let objects = cloud.remote().list("results").await.unwrap();
        objects.into_iter().filter(|o| o.path.contains("campaign=none")).count()
    };
    // Odd ones are of no campaign.
    cloud.world.ready([1, 3, 5]).await;
    assert_eq!(daemon.pass().await.unwrap().done, 0);
    assert_eq!(cloud.world.state(1).await, common::READY);
    cloud.world.ready([7, 9]).await;
    assert_eq!(daemon.pass().await.unwrap().done, 4, "four are enough; the fifth waits for others");
    assert_eq!(parts(&cloud).await, 1);
    cloud.world.clock.set(NOW + 599.0);
    assert_eq!(daemon.pass().await.unwrap().done, 0);
    cloud.world.clock.set(NOW + 600.0);
    cloud.proxy.set(Mode::Gone);
    assert!(daemon.pass().await.is_err());
    cloud.proxy.set(Mode::Pass);
    assert_eq!(daemon.pass().await.unwrap().done, 1, "it has waited for long enough");
    assert_eq!((parts(&cloud).await, cloud.check().await), (2, 5));
    // Who asks once gets what there is.
    for (id, flag) in [(11, "--one_pass"), (13, "--wu_id=13"), (15, "--one_pass_N_WU=1")] {
        cloud.world.ready([id]).await;
        assert_eq!(daemon.pass().await.unwrap().done, 0);
        assert_eq!(cloud.world.daemon(&[flag]).await.pass().await.unwrap().done, 1, "{flag}");
    }
}
