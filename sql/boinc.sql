-- The tables of a BOINC project, as far as Cobblestone and its sandbox touch them.
--
-- For tests, benches and rehearsals only: a real project has these tables already, and nothing here may
-- ever be run on it. They are restated from facts about columns and indexes
-- (daemons/lib/sandbox/tests/data/columns.tsv and indexes.tsv); a test compares a database made by this
-- file with those facts, so that neither drifts from the other.
--
-- Character set and collation are those that BOINC's make_project gives a new database.
-- Order: tables by name; columns in BOINC's order (INSERTs without column names depend on it).
-- `timestamp` columns (mod_time) are kept by the database. Wants MariaDB: MySQL 8.0 refuses a literal default
-- on `host.misc`.

CREATE TABLE `app` (
    `id` int(11) NOT NULL AUTO_INCREMENT,
    `create_time` int(11) NOT NULL,
    `name` varchar(191) NOT NULL,
    `min_version` int(11) NOT NULL DEFAULT 0,
    `deprecated` smallint(6) NOT NULL DEFAULT 0,
    `user_friendly_name` varchar(254) NOT NULL,
    `homogeneous_redundancy` smallint(6) NOT NULL DEFAULT 0,
    `weight` double NOT NULL DEFAULT 1,
    `beta` smallint(6) NOT NULL DEFAULT 0,
    `target_nresults` smallint(6) NOT NULL DEFAULT 0,
    `min_avg_pfc` double NOT NULL DEFAULT 1,
    `host_scale_check` tinyint(4) NOT NULL DEFAULT 0,
    `homogeneous_app_version` tinyint(4) NOT NULL DEFAULT 0,
    `non_cpu_intensive` tinyint(4) NOT NULL DEFAULT 0,
    `locality_scheduling` int(11) NOT NULL DEFAULT 0,
    `n_size_classes` smallint(6) NOT NULL DEFAULT 0,
    `fraction_done_exact` tinyint(4) NOT NULL DEFAULT 0,
    PRIMARY KEY (`id`),
    UNIQUE KEY `name` (`name`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE `app_version` (
    `id` int(11) NOT NULL AUTO_INCREMENT,
    `create_time` int(11) NOT NULL,
    `appid` int(11) NOT NULL,
    `version_num` int(11) NOT NULL,
    `platformid` int(11) NOT NULL,
    `xml_doc` mediumblob NULL DEFAULT NULL,
    `min_core_version` int(11) NOT NULL DEFAULT 0,
    `max_core_version` int(11) NOT NULL DEFAULT 0,
    `deprecated` tinyint(4) NOT NULL DEFAULT 0,
    `plan_class` varchar(128) NOT NULL DEFAULT '',
    `pfc_n` double NOT NULL DEFAULT 0,
    `pfc_avg` double NOT NULL DEFAULT 0,
    `pfc_scale` double NOT NULL DEFAULT 0,
    `expavg_credit` double NOT NULL DEFAULT 0,
    `expavg_time` double NOT NULL DEFAULT 0,
    `beta` tinyint(4) NOT NULL DEFAULT 0,
    PRIMARY KEY (`id`),
    UNIQUE KEY `apvp` (`appid`, `platformid`, `version_num`, `plan_class`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE `assignment` (
    `id` int(11) NOT NULL AUTO_INCREMENT,
    `create_time` int(11) NOT NULL,
    `target_id` int(11) NOT NULL,
    `target_type` int(11) NOT NULL,
    `multi` tinyint(4) NOT NULL,
    `workunitid` int(11) NOT NULL,
    `resultid` int(11) NOT NULL,
    PRIMARY KEY (`id`),
    KEY `asgn_target` (`target_type`, `target_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE `badge` (
    `id` bigint(20) unsigned NOT NULL AUTO_INCREMENT,
    `create_time` double NOT NULL,
    `type` tinyint(4) NOT NULL,
    `name` varchar(255) NOT NULL,
    `title` varchar(255) NOT NULL,
    `description` varchar(255) NOT NULL,
    `image_url` varchar(255) NOT NULL,
    `level` varchar(255) NOT NULL,
    `tags` varchar(255) NOT NULL,
    `sql_rule` varchar(255) NOT NULL,
    PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE `badge_user` (
    `badge_id` int(11) NOT NULL,
    `user_id` int(11) NOT NULL,
    `create_time` double NOT NULL,
    `reassign_time` double NOT NULL,
    UNIQUE KEY `user_id` (`user_id`, `badge_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE `batch` (
    `id` bigint(20) unsigned NOT NULL AUTO_INCREMENT,
    `user_id` int(11) NOT NULL,
    `create_time` int(11) NOT NULL,
    `logical_start_time` double NOT NULL,
    `logical_end_time` double NOT NULL,
    `est_completion_time` double NOT NULL,
    `njobs` int(11) NOT NULL,
    `fraction_done` double NOT NULL,
    `nerror_jobs` int(11) NOT NULL,
    `state` int(11) NOT NULL,
    `completion_time` double NOT NULL,
    `credit_estimate` double NOT NULL,
    `credit_canonical` double NOT NULL,
    `credit_total` double NOT NULL,
    `name` varchar(255) NOT NULL,
    `app_id` int(11) NOT NULL,
    `project_state` int(11) NOT NULL,
    `description` varchar(255) NOT NULL,
    `expire_time` double NOT NULL,
    PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE `consent` (
    `id` int(11) NOT NULL AUTO_INCREMENT,
    `userid` int(11) NOT NULL,
    `consent_type_id` int(11) NOT NULL,
    `consent_time` int(11) NOT NULL,
    `consent_flag` tinyint(4) NOT NULL,
    `consent_not_required` tinyint(4) NOT NULL,
    `source` varchar(255) NOT NULL,
    PRIMARY KEY (`id`),
    KEY `consent_timestamp` (`consent_time`),
    KEY `consent_type_id` (`consent_type_id`),
    KEY `flag_ctid` (`consent_flag`, `consent_type_id`),
    KEY `userid_ctid_timestamp` (`userid`, `consent_type_id`, `consent_time`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE `credited_job` (
    `userid` int(11) NOT NULL,
    `workunitid` bigint(20) NOT NULL,
    UNIQUE KEY `credited_job_user_wu` (`userid`, `workunitid`),
    KEY `credited_job_user` (`userid`),
    KEY `credited_job_wu` (`workunitid`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE `credit_team` (
    `teamid` int(11) NOT NULL,
    `appid` int(11) NOT NULL,
    `njobs` int(11) NOT NULL,
    `total` double NOT NULL,
    `expavg` double NOT NULL,
    `expavg_time` double NOT NULL,
    `credit_type` int(11) NOT NULL,
    PRIMARY KEY (`teamid`, `appid`, `credit_type`),
    KEY `ct_avg` (`appid`, `expavg`),
    KEY `ct_total` (`appid`, `total`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE `credit_user` (
    `userid` int(11) NOT NULL,
    `appid` int(11) NOT NULL,
    `njobs` int(11) NOT NULL,
    `total` double NOT NULL,
    `expavg` double NOT NULL,
    `expavg_time` double NOT NULL,
    `credit_type` int(11) NOT NULL,
    PRIMARY KEY (`userid`, `appid`, `credit_type`),
    KEY `cu_avg` (`appid`, `expavg`),
    KEY `cu_total` (`appid`, `total`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE `forum` (
    `id` int(11) NOT NULL AUTO_INCREMENT,
    `category` int(11) NOT NULL,
    `orderID` int(11) NOT NULL,
    `title` varchar(175) NOT NULL,
    `description` varchar(254) NOT NULL,
    `timestamp` int(11) NOT NULL DEFAULT 0,
    `threads` int(11) NOT NULL DEFAULT 0,
    `posts` int(11) NOT NULL DEFAULT 0,
    `rate_min_expavg_credit` int(11) NOT NULL DEFAULT 0,
    `rate_min_total_credit` int(11) NOT NULL DEFAULT 0,
    `post_min_interval` int(11) NOT NULL DEFAULT 0,
    `post_min_expavg_credit` int(11) NOT NULL DEFAULT 0,
    `post_min_total_credit` int(11) NOT NULL DEFAULT 0,
    `is_dev_blog` tinyint(4) NOT NULL DEFAULT 0,
    `parent_type` int(11) NOT NULL DEFAULT 0,
    PRIMARY KEY (`id`),
    UNIQUE KEY `pct` (`parent_type`, `category`, `title`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE `host` (
    `id` int(11) NOT NULL AUTO_INCREMENT,
    `create_time` int(11) NOT NULL,
    `userid` int(11) NOT NULL,
    `rpc_seqno` int(11) NOT NULL,
    `rpc_time` int(11) NOT NULL,
    `total_credit` double NOT NULL,
    `expavg_credit` double NOT NULL,
    `expavg_time` double NOT NULL,
    `timezone` int(11) NOT NULL,
    `domain_name` varchar(254) NULL DEFAULT NULL,
    `serialnum` varchar(254) NULL DEFAULT NULL,
    `last_ip_addr` varchar(254) NULL DEFAULT NULL,
    `nsame_ip_addr` int(11) NOT NULL,
    `on_frac` double NOT NULL,
    `connected_frac` double NOT NULL,
    `active_frac` double NOT NULL,
    `cpu_efficiency` double NOT NULL,
    `duration_correction_factor` double NOT NULL,
    `p_ncpus` int(11) NOT NULL,
    `p_vendor` varchar(254) NULL DEFAULT NULL,
    `p_model` varchar(254) NULL DEFAULT NULL,
    `p_fpops` double NOT NULL,
    `p_iops` double NOT NULL,
    `p_membw` double NOT NULL,
    `os_name` varchar(254) NULL DEFAULT NULL,
    `os_version` varchar(254) NULL DEFAULT NULL,
    `m_nbytes` double NOT NULL,
    `m_cache` double NOT NULL,
    `m_swap` double NOT NULL,
    `d_total` double NOT NULL,
    `d_free` double NOT NULL,
    `d_boinc_used_total` double NOT NULL,
    `d_boinc_used_project` double NOT NULL,
    `d_boinc_max` double NOT NULL,
    `n_bwup` double NOT NULL,
    `n_bwdown` double NOT NULL,
    `credit_per_cpu_sec` double NOT NULL,
    `venue` varchar(254) NOT NULL,
    `nresults_today` int(11) NOT NULL,
    `avg_turnaround` double NOT NULL,
    `host_cpid` varchar(254) NULL DEFAULT NULL,
    `external_ip_addr` varchar(254) NULL DEFAULT NULL,
    `max_results_day` int(11) NOT NULL,
    `error_rate` double NOT NULL DEFAULT 0,
    `product_name` varchar(254) NOT NULL,
    `gpu_active_frac` double NOT NULL,
    `p_ngpus` int(11) NOT NULL,
    `p_gpu_fpops` double NOT NULL,
    `misc` text NOT NULL DEFAULT '',
    PRIMARY KEY (`id`),
    KEY `host_avg` (`expavg_credit`),
    KEY `host_domain_name` (`domain_name`),
    KEY `host_tot` (`total_credit`),
    KEY `host_userid_cpid` (`userid`, `host_cpid`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE `host_app_version` (
    `host_id` int(11) NOT NULL,
    `app_version_id` int(11) NOT NULL,
    `pfc_n` double NOT NULL,
    `pfc_avg` double NOT NULL,
    `et_n` double NOT NULL,
    `et_avg` double NOT NULL,
    `et_var` double NOT NULL,
    `et_q` double NOT NULL,
    `max_jobs_per_day` int(11) NOT NULL,
    `n_jobs_today` int(11) NOT NULL,
    `turnaround_n` double NOT NULL,
    `turnaround_avg` double NOT NULL,
    `turnaround_var` double NOT NULL,
    `turnaround_q` double NOT NULL,
    `consecutive_valid` int(11) NOT NULL,
    UNIQUE KEY `hap` (`host_id`, `app_version_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE `msg_from_host` (
    `id` int(11) NOT NULL AUTO_INCREMENT,
    `create_time` int(11) NOT NULL,
    `hostid` int(11) NOT NULL,
    `variety` varchar(254) NOT NULL,
    `handled` smallint(6) NOT NULL,
    `xml` mediumtext NULL DEFAULT NULL,
    PRIMARY KEY (`id`),
    KEY `message_handled` (`handled`),
    KEY `message_hostid` (`hostid`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE `msg_to_host` (
    `id` int(11) NOT NULL AUTO_INCREMENT,
    `create_time` int(11) NOT NULL,
    `hostid` int(11) NOT NULL,
    `variety` varchar(254) NOT NULL,
    `handled` smallint(6) NOT NULL,
    `xml` mediumtext NULL DEFAULT NULL,
    PRIMARY KEY (`id`),
    KEY `msg_to_host` (`hostid`, `handled`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE `platform` (
    `id` int(11) NOT NULL AUTO_INCREMENT,
    `create_time` int(11) NOT NULL,
    `name` varchar(191) NOT NULL,
    `user_friendly_name` varchar(254) NOT NULL,
    `deprecated` tinyint(4) NOT NULL DEFAULT 0,
    PRIMARY KEY (`id`),
    UNIQUE KEY `name` (`name`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE `post` (
    `id` int(11) NOT NULL AUTO_INCREMENT,
    `thread` int(11) NOT NULL,
    `user` int(11) NOT NULL,
    `timestamp` int(11) NOT NULL,
    `content` text NOT NULL,
    `modified` int(11) NOT NULL,
    `parent_post` int(11) NOT NULL,
    `score` double NOT NULL,
    `votes` int(11) NOT NULL,
    `signature` tinyint(4) NOT NULL DEFAULT 0,
    `hidden` int(11) NOT NULL,
    PRIMARY KEY (`id`),
    KEY `post_thread` (`thread`),
    KEY `post_user` (`user`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE `result` (
    `id` int(11) NOT NULL AUTO_INCREMENT,
    `create_time` int(11) NOT NULL,
    `workunitid` int(11) NOT NULL,
    `server_state` int(11) NOT NULL,
    `outcome` int(11) NOT NULL,
    `client_state` int(11) NOT NULL,
    `hostid` int(11) NOT NULL,
    `userid` int(11) NOT NULL,
    `report_deadline` int(11) NOT NULL,
    `sent_time` int(11) NOT NULL,
    `received_time` int(11) NOT NULL,
    `name` varchar(191) NOT NULL,
    `cpu_time` double NOT NULL,
    `xml_doc_in` blob NULL DEFAULT NULL,
    `xml_doc_out` blob NULL DEFAULT NULL,
    `stderr_out` blob NULL DEFAULT NULL,
    `batch` int(11) NOT NULL,
    `file_delete_state` int(11) NOT NULL,
    `validate_state` int(11) NOT NULL,
    `claimed_credit` double NOT NULL,
    `granted_credit` double NOT NULL,
    `opaque` double NOT NULL,
    `random` int(11) NOT NULL,
    `app_version_num` int(11) NOT NULL,
    `appid` int(11) NOT NULL,
    `exit_status` int(11) NOT NULL,
    `teamid` int(11) NOT NULL,
    `priority` int(11) NOT NULL,
    `mod_time` timestamp NULL DEFAULT current_timestamp() ON UPDATE current_timestamp(),
    `elapsed_time` double NOT NULL,
    `flops_estimate` double NOT NULL,
    `app_version_id` int(11) NOT NULL,
    `runtime_outlier` tinyint(4) NOT NULL,
    `size_class` smallint(6) NOT NULL DEFAULT -1,
    `peak_working_set_size` double NOT NULL,
    `peak_swap_size` double NOT NULL,
    `peak_disk_usage` double NOT NULL,
    PRIMARY KEY (`id`),
    UNIQUE KEY `name` (`name`),
    KEY `ind_res_st` (`server_state`, `priority`),
    KEY `res_app_state` (`appid`, `server_state`),
    KEY `res_batch` (`batch`),
    KEY `res_filedel` (`file_delete_state`),
    KEY `res_hostid_id` (`hostid`, `id`),
    KEY `res_userid_id` (`userid`, `id`),
    KEY `res_userid_val` (`userid`, `validate_state`),
    KEY `res_wuid` (`workunitid`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE `team` (
    `id` int(11) NOT NULL AUTO_INCREMENT,
    `create_time` int(11) NOT NULL,
    `userid` int(11) NOT NULL,
    `name` varchar(191) NOT NULL,
    `name_lc` varchar(254) NULL DEFAULT NULL,
    `url` varchar(254) NULL DEFAULT NULL,
    `type` int(11) NOT NULL,
    `name_html` varchar(254) NULL DEFAULT NULL,
    `description` text NULL DEFAULT NULL,
    `nusers` int(11) NOT NULL,
    `country` varchar(254) NULL DEFAULT NULL,
    `total_credit` double NOT NULL DEFAULT 0,
    `expavg_credit` double NOT NULL DEFAULT 0,
    `expavg_time` double NOT NULL,
    `seti_id` int(11) NOT NULL DEFAULT 0,
    `ping_user` int(11) NOT NULL DEFAULT 0,
    `ping_time` int(10) unsigned NOT NULL DEFAULT 0,
    `joinable` tinyint(4) NOT NULL DEFAULT 1,
    `mod_time` timestamp NULL DEFAULT current_timestamp() ON UPDATE current_timestamp(),
    PRIMARY KEY (`id`),
    UNIQUE KEY `name` (`name`),
    KEY `team_avg` (`expavg_credit`),
    KEY `team_tot` (`total_credit`),
    KEY `team_userid` (`userid`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE `thread` (
    `id` int(11) NOT NULL AUTO_INCREMENT,
    `forum` int(11) NOT NULL,
    `owner` int(11) NOT NULL,
    `status` int(11) NOT NULL,
    `title` varchar(254) NOT NULL,
    `timestamp` int(11) NOT NULL,
    `views` int(11) NOT NULL,
    `replies` int(11) NOT NULL,
    `activity` double NOT NULL,
    `sufferers` int(11) NOT NULL,
    `score` double NOT NULL,
    `votes` int(11) NOT NULL,
    `create_time` int(11) NOT NULL,
    `hidden` int(11) NOT NULL,
    `sticky` tinyint(4) NOT NULL DEFAULT 0,
    `locked` tinyint(4) NOT NULL DEFAULT 0,
    PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE `user` (
    `id` int(11) NOT NULL AUTO_INCREMENT,
    `create_time` int(11) NOT NULL,
    `email_addr` varchar(191) NOT NULL,
    `name` varchar(191) NULL DEFAULT NULL,
    `authenticator` varchar(191) NULL DEFAULT NULL,
    `country` varchar(254) NULL DEFAULT NULL,
    `postal_code` varchar(254) NULL DEFAULT NULL,
    `total_credit` double NOT NULL,
    `expavg_credit` double NOT NULL,
    `expavg_time` double NOT NULL,
    `global_prefs` blob NULL DEFAULT NULL,
    `project_prefs` blob NULL DEFAULT NULL,
    `teamid` int(11) NOT NULL,
    `venue` varchar(254) NOT NULL,
    `url` varchar(254) NULL DEFAULT NULL,
    `send_email` smallint(6) NOT NULL,
    `show_hosts` smallint(6) NOT NULL,
    `posts` smallint(6) NOT NULL,
    `seti_id` int(11) NOT NULL,
    `seti_nresults` int(11) NOT NULL,
    `seti_last_result_time` int(11) NOT NULL,
    `seti_total_cpu` double NOT NULL,
    `signature` varchar(254) NULL DEFAULT NULL,
    `has_profile` smallint(6) NOT NULL,
    `cross_project_id` varchar(254) NOT NULL,
    `passwd_hash` varchar(254) NOT NULL,
    `email_validated` smallint(6) NOT NULL,
    `donated` smallint(6) NOT NULL,
    `login_token` char(32) NOT NULL DEFAULT '',
    `login_token_time` double NOT NULL DEFAULT 0,
    `previous_email_addr` varchar(254) NOT NULL DEFAULT '',
    `email_addr_change_time` double NOT NULL DEFAULT 0,
    PRIMARY KEY (`id`),
    UNIQUE KEY `authenticator` (`authenticator`),
    UNIQUE KEY `email_addr` (`email_addr`),
    UNIQUE KEY `name` (`name`),
    KEY `ind_tid` (`teamid`),
    KEY `user_avg` (`expavg_credit`),
    KEY `user_email_time` (`email_addr_change_time`),
    KEY `user_tot` (`total_credit`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE `user_submit` (
    `user_id` int(11) NOT NULL,
    `quota` double NOT NULL,
    `logical_start_time` double NOT NULL,
    `submit_all` tinyint(4) NOT NULL,
    `manage_all` tinyint(4) NOT NULL,
    `max_jobs_in_progress` int(11) NOT NULL,
    PRIMARY KEY (`user_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE `user_submit_app` (
    `user_id` int(11) NOT NULL,
    `app_id` int(11) NOT NULL,
    `manage` tinyint(4) NOT NULL,
    PRIMARY KEY (`user_id`, `app_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE `workunit` (
    `id` int(11) NOT NULL AUTO_INCREMENT,
    `create_time` int(11) NOT NULL,
    `appid` int(11) NOT NULL,
    `name` varchar(191) NOT NULL,
    `xml_doc` blob NULL DEFAULT NULL,
    `batch` int(11) NOT NULL,
    `rsc_fpops_est` double NOT NULL,
    `rsc_fpops_bound` double NOT NULL,
    `rsc_memory_bound` double NOT NULL,
    `rsc_disk_bound` double NOT NULL,
    `need_validate` smallint(6) NOT NULL,
    `canonical_resultid` int(11) NOT NULL,
    `canonical_credit` double NOT NULL,
    `transition_time` int(11) NOT NULL,
    `delay_bound` int(11) NOT NULL,
    `error_mask` int(11) NOT NULL,
    `file_delete_state` int(11) NOT NULL,
    `assimilate_state` int(11) NOT NULL,
    `hr_class` int(11) NOT NULL,
    `opaque` double NOT NULL,
    `min_quorum` int(11) NOT NULL,
    `target_nresults` int(11) NOT NULL,
    `max_error_results` int(11) NOT NULL,
    `max_total_results` int(11) NOT NULL,
    `max_success_results` int(11) NOT NULL,
    `result_template_file` varchar(63) NOT NULL,
    `priority` int(11) NOT NULL,
    `mod_time` timestamp NULL DEFAULT current_timestamp() ON UPDATE current_timestamp(),
    `rsc_bandwidth_bound` double NOT NULL,
    `fileset_id` int(11) NOT NULL,
    `app_version_id` int(11) NOT NULL,
    `transitioner_flags` tinyint(4) NOT NULL,
    `size_class` smallint(6) NOT NULL DEFAULT -1,
    `keywords` varchar(254) NOT NULL,
    `app_version_num` int(11) NOT NULL,
    PRIMARY KEY (`id`),
    UNIQUE KEY `name` (`name`),
    KEY `wu_assim` (`appid`, `assimilate_state`),
    KEY `wu_batch` (`batch`),
    KEY `wu_filedel` (`file_delete_state`),
    KEY `wu_timeout` (`transition_time`),
    KEY `wu_val` (`appid`, `need_validate`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
