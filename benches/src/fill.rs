//! Volunteers, hosts and workunits in bulk.

use anyhow::Result;

use crate::site::Site;

/// How many there are of each.
#[derive(Debug, Clone, Copy)]
pub struct People {
    /// Teams; every fifth user is in none.
    pub teams: u32,
    /// Users; each has the same number of hosts.
    pub users: u32,
    /// Hosts.
    pub hosts: u32,
}

/// A middling project: 500 hosts of 250 users in 20 teams.
pub const PEOPLE: People = People { teams: 20, users: 250, hosts: 500 };

impl People {
    /// Inserts them, with some credit from earlier days.
    pub async fn insert(self, site: &mut Site) -> Result<()> {
        let Self { teams, users, hosts } = self;
        site.connection
            .script(&format!(
                "SET @now = UNIX_TIMESTAMP();
                 INSERT INTO team (create_time, userid, name, type, nusers, total_credit, expavg_credit, expavg_time)
                 SELECT @now - 8640000, seq, CONCAT('team ', seq), 0, 10, 1000 * seq, 10 * seq, @now - 86400
                 FROM seq_1_to_{teams};
                 INSERT INTO user (create_time, email_addr, name, authenticator, total_credit, expavg_credit, expavg_time,
                   teamid, venue, send_email, show_hosts, posts, seti_id, seti_nresults, seti_last_result_time,
                   seti_total_cpu, has_profile, cross_project_id, passwd_hash, email_validated, donated)
                 SELECT @now - 8640000, CONCAT('user', seq, '@example.invalid'), CONCAT('user ', seq), MD5(seq),
                   100 * seq, seq, @now - 86400, IF(seq % 5 = 0, 0, 1 + seq % {teams}), '', 0, 1, 0, 0, 0, 0, 0, 0,
                   MD5(CONCAT('cpid', seq)), '', 1, 0
                 FROM seq_1_to_{users};
                 INSERT INTO host (create_time, userid, rpc_seqno, rpc_time, total_credit, expavg_credit, expavg_time,
                   timezone, domain_name, last_ip_addr, nsame_ip_addr, on_frac, connected_frac, active_frac,
                   cpu_efficiency, duration_correction_factor, p_ncpus, p_vendor, p_model, p_fpops, p_iops, p_membw,
                   os_name, os_version, m_nbytes, m_cache, m_swap, d_total, d_free, d_boinc_used_total,
                   d_boinc_used_project, d_boinc_max, n_bwup, n_bwdown, credit_per_cpu_sec, venue, nresults_today,
                   avg_turnaround, host_cpid, max_results_day, product_name, gpu_active_frac, p_ngpus, p_gpu_fpops)
                 SELECT @now - 8640000, 1 + (seq - 1) % {users}, 5, @now, 50 * seq, 0.5 * seq, @now - 86400, 0,
                   CONCAT('host', seq), '127.0.0.1', 1, 1, 1, 1, 1, 1, 4, 'GenuineIntel', 'Intel(R) Core(TM) i5',
                   4e9, 4e9, 1e9, 'Linux Debian', '6.1', 8e9, 1e6, 8e9, 1e12, 5e11, 1e9, 1e9, 1e11, 0, 0, 0, '', 0,
                   40000, MD5(CONCAT('host', seq)), 0, '', 0, 0, 0
                 FROM seq_1_to_{hosts};"
            ))
            .await?;
        Ok(())
    }
}

/// Workunits with two results each.
#[derive(Debug, Clone, Copy)]
pub struct Pairs {
    /// How many workunits.
    pub workunits: u32,
    /// Hosts, as in [`People`].
    pub hosts: u32,
    /// Both results reported, the workunit waits for the validator; otherwise both run since a day.
    pub reported: bool,
}

impl Pairs {
    /// Inserts them. Names are `bench_WU` and `bench_WU_0`, `bench_WU_1`; output files `…_r1_0`. Results of one
    /// workunit are on different users' hosts.
    pub async fn insert(self, site: &mut Site) -> Result<()> {
        let Self { workunits, hosts, reported } = self;
        let app = site.project.appid().0;
        let name = site.project.app().to_owned();
        let (state, outcome, client, received, elapsed, need) =
            if reported { (5, 1, 5, "@now - 60", "30000 + seq % 5000", 1) } else { (4, 0, 0, "0", "0", 0) };
        site.connection
            .script(&format!(
                "SET @now = UNIX_TIMESTAMP();
                 SET @version = (SELECT MIN(id) FROM app_version WHERE appid = {app});
                 INSERT INTO workunit (create_time, appid, name, xml_doc, batch, rsc_fpops_est, rsc_fpops_bound,
                   rsc_memory_bound, rsc_disk_bound, need_validate, canonical_resultid, canonical_credit,
                   transition_time, delay_bound, error_mask, file_delete_state, assimilate_state, hr_class, opaque,
                   min_quorum, target_nresults, max_error_results, max_total_results, max_success_results,
                   result_template_file, priority, rsc_bandwidth_bound, fileset_id, app_version_id,
                   transitioner_flags, keywords, app_version_num)
                 SELECT @now - 90000, {app}, CONCAT('bench_', seq),
                   CONCAT('<file_info>\n<name>bench_', seq, '.in</name>\n<url>http://127.0.0.1/sandbox/download/1/bench_', seq,
                     '.in</url>\n<md5_cksum>', MD5(seq), '</md5_cksum>\n<nbytes>60</nbytes>\n</file_info>\n<workunit>\n<file_ref>\n<file_name>bench_',
                     seq, '.in</file_name>\n<open_name>context</open_name>\n<copy_file/>\n</file_ref>\n</workunit>'),
                   0, 1.2e14, 1e18, 2e9, 8e9, {need}, 0, 0, @now + 86400, 172800, 0, 0, 0, 0, 0, 2, 2, 4, 10, 6,
                   'templates/{name}_out', 0, 0, 0, 0, 0, '', 0
                 FROM seq_1_to_{workunits};
                 INSERT INTO result (create_time, workunitid, server_state, outcome, client_state, hostid, userid,
                   report_deadline, sent_time, received_time, name, cpu_time, xml_doc_in, xml_doc_out, stderr_out,
                   batch, file_delete_state, validate_state, claimed_credit, granted_credit, opaque, random,
                   app_version_num, appid, exit_status, teamid, priority, elapsed_time, flops_estimate,
                   app_version_id, runtime_outlier, peak_working_set_size, peak_swap_size, peak_disk_usage)
                 SELECT @now - 90000, w.id, {state}, {outcome}, {client}, h.id, h.userid, @now + 86400, @now - 86400,
                   {received}, CONCAT(w.name, '_', k), {elapsed},
                   CONCAT('<file_info>\n    <name>', w.name, '_', k, '_r1_0</name>\n    <generated_locally/>\n    <upload_when_present/>\n    <max_nbytes>10000000</max_nbytes>\n    <url>http://127.0.0.1/sandbox_cgi/file_upload_handler</url>\n</file_info>\n<result>\n    <file_ref>\n        <file_name>',
                     w.name, '_', k, '_r1_0</file_name>\n        <open_name>shared/histograms.dat</open_name>\n        <copy_file/>\n    </file_ref>\n</result>\n'),
                   IF({reported}, CONCAT('<file_info>\n    <name>', w.name, '_', k, '_r1_0</name>\n    <nbytes>600.000000</nbytes>\n    <max_nbytes>10000000.000000</max_nbytes>\n    <md5_cksum>', MD5(w.id), '</md5_cksum>\n    <url>http://127.0.0.1/sandbox_cgi/file_upload_handler</url>\n</file_info>\n'), ''),
                   IF({reported}, '<core_client_version>8.2.8</core_client_version>\n<![CDATA[\n<stderr_txt>\nvboxwrapper: done\n</stderr_txt>\n]]>\n', ''),
                   0, 0, 0, 0, 0, 0, 1, 100, {app}, 0, u.teamid, 0, {elapsed}, 1.6e10, @version, 0, 0, 0, 0
                 FROM seq_1_to_{workunits} JOIN workunit w ON w.name = CONCAT('bench_', seq)
                   JOIN (SELECT 0 AS k UNION ALL SELECT 1) two
                   JOIN host h ON h.id = 1 + (seq * 7 + k) % {hosts} JOIN user u ON u.id = h.userid
                 ORDER BY w.id, k;"
            ))
            .await?;
        Ok(())
    }
}
