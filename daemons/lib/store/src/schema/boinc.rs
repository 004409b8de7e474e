//! The BOINC tables, as far as this toolkit touches them: only the columns it reads or writes.
//!
//! They belong to BOINC and are never altered. Which daemon may write which column stands in sql/README.md.
//! [`TABLES`] is compared with a live database by a test.

use super::typed_tables;

typed_tables! {
    app (id) {
        id -> Integer,
        name -> Text,
        target_nresults -> SmallInt,
        min_avg_pfc -> Double,
        host_scale_check -> TinyInt,
        deprecated -> SmallInt,
    }
    app_version (id) {
        id -> Integer,
        appid -> Integer,
        version_num -> Integer,
        platformid -> Integer,
        plan_class -> Text,
        pfc_n -> Double,
        pfc_avg -> Double,
        pfc_scale -> Double,
        expavg_credit -> Double,
        expavg_time -> Double,
    }
    workunit (id) {
        id -> Integer,
        create_time -> Integer,
        appid -> Integer,
        name -> Text,
        xml_doc -> Nullable<Blob>,
        batch -> Integer,
        rsc_fpops_est -> Double,
        rsc_fpops_bound -> Double,
        rsc_memory_bound -> Double,
        rsc_disk_bound -> Double,
        need_validate -> SmallInt,
        canonical_resultid -> Integer,
        canonical_credit -> Double,
        transition_time -> Integer,
        delay_bound -> Integer,
        error_mask -> Integer,
        file_delete_state -> Integer,
        assimilate_state -> Integer,
        hr_class -> Integer,
        opaque -> Double,
        min_quorum -> Integer,
        target_nresults -> Integer,
        max_error_results -> Integer,
        max_total_results -> Integer,
        max_success_results -> Integer,
        result_template_file -> Text,
        priority -> Integer,
        rsc_bandwidth_bound -> Double,
        fileset_id -> Integer,
        app_version_id -> Integer,
        transitioner_flags -> TinyInt,
        size_class -> SmallInt,
        keywords -> Text,
        app_version_num -> Integer,
    }
    result (id) {
        id -> Integer,
        create_time -> Integer,
        workunitid -> Integer,
        server_state -> Integer,
        outcome -> Integer,
        hostid -> Integer,
        userid -> Integer,
        report_deadline -> Integer,
        sent_time -> Integer,
        received_time -> Integer,
        name -> Text,
        cpu_time -> Double,
        xml_doc_in -> Nullable<Blob>,
        xml_doc_out -> Nullable<Blob>,
        stderr_out -> Nullable<Blob>,
        validate_state -> Integer,
        claimed_credit -> Double,
        granted_credit -> Double,
        opaque -> Double,
        random -> Integer,
        appid -> Integer,
        exit_status -> Integer,
        teamid -> Integer,
        elapsed_time -> Double,
        flops_estimate -> Double,
        app_version_id -> Integer,
        runtime_outlier -> TinyInt,
    }
    host (id) {
        id -> Integer,
        userid -> Integer,
        rpc_time -> Integer,
        rpc_seqno -> Integer,
        p_ncpus -> Integer,
        p_vendor -> Nullable<Text>,
        p_model -> Nullable<Text>,
        p_fpops -> Double,
        os_name -> Nullable<Text>,
        os_version -> Nullable<Text>,
        total_credit -> Double,
        expavg_credit -> Double,
        expavg_time -> Double,
        avg_turnaround -> Double,
    }
    user (id) {
        id -> Integer,
        name -> Nullable<Text>,
        teamid -> Integer,
        total_credit -> Double,
        expavg_credit -> Double,
        expavg_time -> Double,
    }
    team (id) {
        id -> Integer,
        name -> Text,
        total_credit -> Double,
        expavg_credit -> Double,
        expavg_time -> Double,
    }
    assignment (id) {
        id -> Integer,
        create_time -> Integer,
        target_id -> Integer,
        target_type -> Integer,
        multi -> TinyInt,
        workunitid -> Integer,
        resultid -> Integer,
    }
    credit_user (userid, appid, credit_type) {
        userid -> Integer,
        appid -> Integer,
        njobs -> Integer,
        total -> Double,
        expavg -> Double,
        expavg_time -> Double,
        credit_type -> Integer,
    }
    credit_team (teamid, appid, credit_type) {
        teamid -> Integer,
        appid -> Integer,
        njobs -> Integer,
        total -> Double,
        expavg -> Double,
        expavg_time -> Double,
        credit_type -> Integer,
    }
    credited_job (userid, workunitid) {
        userid -> Integer,
        workunitid -> BigInt,
    }
    host_app_version (host_id, app_version_id) {
        host_id -> Integer,
        app_version_id -> Integer,
        pfc_n -> Double,
        pfc_avg -> Double,
        et_n -> Double,
        et_avg -> Double,
        et_var -> Double,
        et_q -> Double,
        max_jobs_per_day -> Integer,
        n_jobs_today -> Integer,
        turnaround_n -> Double,
        turnaround_avg -> Double,
        turnaround_var -> Double,
        turnaround_q -> Double,
        consecutive_valid -> Integer,
    }
    msg_to_host (id) {
        id -> Integer,
        create_time -> Integer,
        hostid -> Integer,
        variety -> Text,
        handled -> SmallInt,
        xml -> Nullable<Blob>,
    }
    msg_from_host (id) {
        id -> Integer,
        create_time -> Integer,
        hostid -> Integer,
        variety -> Text,
        handled -> SmallInt,
        xml -> Nullable<Blob>,
    }
}
