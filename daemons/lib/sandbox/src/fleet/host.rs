//! The volunteers: users, teams and hosts, and their rows in the database.

use serde_json::{Map, Value};
use store::sql::Connection;

use super::options::FleetOptions;
use super::plan::Kind;
use crate::error::{Error, Result, db};
use crate::project::{Project, whole};
use crate::rng::Rng;
use crate::row::row;
use crate::science::Platform;

/// Stands for an anonymous platform's processor in `result.app_version_id`.
const ANONYMOUS_CPU: i32 = -2;
/// p_fpops of a host whose benchmarks never ran.
const UNMEASURED: f64 = 1e9;

/// One volunteer's machine.
#[derive(Debug, Clone)]
pub(super) struct Host {
    pub(super) id: i32,
    pub(super) userid: i32,
    pub(super) teamid: i32,
    pub(super) ncpus: i32,
    pub(super) flops_estimate: f64,
    pub(super) app_version_id: i32,
    pub(super) platform: Platform,
    pub(super) kind: Kind,
    /// Seconds that its clock is ahead.
    pub(super) skew: f64,
    /// Tasks at a time.
    pub(super) slots: usize,
    pub(super) rng: Rng,
}

/// Draws the fleet and inserts its rows. Ids follow those that are in the tables.
pub(super) async fn populate(
    project: &Project,
    connection: &mut Connection,
    options: &FleetOptions,
) -> Result<Vec<Host>> {
    let now = whole(project.now());
    let mut rng = Rng::named(options.seed, "population");
    let first = |table: &'static str| format!("SELECT COALESCE(MAX(id), 0) + 1 AS id FROM `{table}`");
    let mut next = [0_i64; 3];
    for (slot, table) in next.iter_mut().zip(["team", "user", "host"]) {
        let row = connection.row(&first(table), &[]).await.map_err(db("looking for free ids"))?;
        *slot = row.i64("id").map_err(db("reading an id"))?;
    }
    let [team0, user0, host0] = next.map(|id| i32::try_from(id).unwrap_or(1));
    let count = |n: usize| i32::try_from(n).unwrap_or(0);

    let teams: Vec<i32> = (0..count(options.teams)).map(|n| team0 + n).collect();
    let rows: Vec<_> = teams.iter().map(|id| team_row(*id, user0, now)).collect();
    connection.insert_json("team", &rows).await.map_err(db("adding teams"))?;

    let users: Vec<(i32, i32)> = (0..count(options.users.max(1)))
        .map(|n| (user0 + n, if rng.chance(0.33) { 0 } else { rng.pick(&teams) }))
        .collect();
    let rows: Vec<_> = users.iter().map(|(id, team)| user_row(*id, *team, now, &mut rng)).collect();
    connection.insert_json("user", &rows).await.map_err(db("adding users"))?;

    let versions = versions(project, connection).await?;
    let mut hosts = Vec::new();
    let mut rows = Vec::new();
    for n in 0..options.hosts {
        // Everybody has one host, and the rest goes to a few.
        let owner = if n < users.len() { n } else { rng.below(users.len().div_ceil(4)) };
        let Some((userid, teamid)) = users.get(owner).copied() else { continue };
        let id = host0 + count(n);
        let (host, row) = draw(id, userid, teamid, options, &versions, now, &mut rng);
        hosts.push(host);
        rows.push(row);
    }
    connection.insert_json("host", &rows).await.map_err(db("adding hosts"))?;
    Ok(hosts)
}

async fn versions(project: &Project, connection: &mut Connection) -> Result<Vec<i32>> {
    let rows = connection
        .rows(
            "SELECT id FROM app_version WHERE appid = ? AND deprecated = 0 ORDER BY id",
            &[project.appid().0.into()],
        )
        .await
        .map_err(db("reading application versions"))?;
    let ids: Vec<i32> = rows.iter().filter_map(|row| i32::try_from(row.i64("id").ok()?).ok()).collect();
    if ids.is_empty() {
        return Err(Error::Input(format!(
            "application `{}` has no version; the fleet can't run it",
            project.app()
        )));
    }
    Ok(ids)
}

fn draw(
    id: i32,
    userid: i32,
    teamid: i32,
    options: &FleetOptions,
    versions: &[i32],
    now: i32,
    rng: &mut Rng,
) -> (Host, Map<String, Value>) {
    let shares = &options.hosts_of_kind;
    let draw = rng.unit();
    let kind = if draw < shares.wrong {
        Kind::Wrong
    } else if draw < shares.wrong + shares.crashing {
        Kind::Crashing
    } else if draw < shares.wrong + shares.crashing + shares.overclaiming {
        Kind::Overclaiming([2, 4, 10].get(rng.below(3)).copied().unwrap_or(4))
    } else {
        Kind::Good
    };
    let ncpus = rng.pick(&[1, 2, 4, 4, 8, 8, 12, 16]).max(1);
    let vm_cores = rng.pick(&[1, 2, 4]).clamp(1, ncpus);
    let p_fpops = if rng.chance(shares.unmeasured) { UNMEASURED } else { 1.2e9 * (5.0_f64).powf(rng.unit()) };
    let version_index = rng.below(versions.len());
    let anonymous = rng.chance(shares.anonymous);
    let version = versions.get(version_index).copied().unwrap_or(0);
    // The version decides how the machine computes; a volunteer's own build may do it in any way.
    let variant =
        if anonymous { rng.below(Platform::ALL.len()) } else { (version_index * 3) % Platform::ALL.len() };
    let skew =
        if rng.chance(shares.skewed) { rng.between(-40_000.0, 40_000.0) } else { rng.between(-3.0, 3.0) };
    let host = Host {
        id,
        userid,
        teamid,
        ncpus,
        flops_estimate: p_fpops * f64::from(vm_cores),
        app_version_id: if anonymous { ANONYMOUS_CPU } else { version },
        platform: Platform::ALL.get(variant).copied().unwrap_or(Platform::ALL[0]),
        kind,
        skew,
        slots: usize::try_from(ncpus / vm_cores).unwrap_or(1).clamp(1, options.max_tasks.max(1)),
        rng: Rng::named(options.seed, &format!("host {id}")),
    };
    let row = host_row(&host, p_fpops, now);
    (host, row)
}

fn team_row(id: i32, founder: i32, now: i32) -> Map<String, Value> {
    row! {"id": id, "create_time": now, "userid": founder, "name": format!("Team {id}"), "type": 0, "nusers": 0,
    "expavg_time": f64::from(now)}
}

fn user_row(id: i32, team: i32, now: i32, rng: &mut Rng) -> Map<String, Value> {
    row! {"id": id, "create_time": now, "email_addr": format!("user{id}@example.org"), "name": format!("volunteer {id}"),
    "authenticator": format!("{:016x}{:016x}", rng.bits(), rng.bits()), "total_credit": 0.0, "expavg_credit": 0.0,
    "expavg_time": f64::from(now), "teamid": team, "venue": "", "send_email": 0, "show_hosts": 1, "posts": 0, "seti_id": 0,
    "seti_nresults": 0, "seti_last_result_time": 0, "seti_total_cpu": 0.0, "has_profile": 0, "cross_project_id": "",
    "passwd_hash": "", "email_validated": 1, "donated": 0}
}

fn host_row(host: &Host, p_fpops: f64, now: i32) -> Map<String, Value> {
    row! {"id": host.id, "create_time": now, "userid": host.userid, "rpc_seqno": 0, "rpc_time": 0, "total_credit": 0.0,
    "expavg_credit": 0.0, "expavg_time": f64::from(now), "timezone": 0, "domain_name": format!("host{}", host.id),
    "nsame_ip_addr": 0, "on_frac": 1.0, "connected_frac": -1.0, "active_frac": 1.0, "cpu_efficiency": 0.0,
    "duration_correction_factor": 1.0, "p_ncpus": host.ncpus, "p_vendor": "SandboxVendor",
    "p_model": format!("{:?}", host.platform), "p_fpops": p_fpops, "p_iops": p_fpops, "p_membw": 1e9,
    "os_name": "Sandbox", "os_version": "1", "m_nbytes": 1.6e10, "m_cache": 1e6, "m_swap": 0.0, "d_total": 1e12,
    "d_free": 5e11, "d_boinc_used_total": 0.0, "d_boinc_used_project": 0.0, "d_boinc_max": 4e11, "n_bwup": 0.0,
    "n_bwdown": 0.0, "credit_per_cpu_sec": 0.0, "venue": "", "nresults_today": 0, "avg_turnaround": 0.0,
    "host_cpid": format!("{:032x}", host.id), "max_results_day": 0, "product_name": "", "gpu_active_frac": 0.0,
    "p_ngpus": 0, "p_gpu_fpops": 0.0, "misc": ""}
}
