//! Our own tables (`cobblestone_…`), made by the migrations in sql/cobblestone.

use super::typed_tables;

typed_tables! {
    cobblestone_ledger (id) {
        id -> BigInt,
        time -> Double,
        kind -> Text,
        messageid -> Nullable<Integer>,
        resultid -> Integer,
        workunitid -> Integer,
        hostid -> Integer,
        userid -> Integer,
        teamid -> Integer,
        appid -> Integer,
        seconds -> Double,
        flops -> Double,
        credit -> Double,
        rule_version -> Integer,
        reason -> Text,
        messages -> Integer,
        rows_folded -> Integer,
        since -> Double,
        by_app -> TinyInt,
        app_userid -> Integer,
        app_teamid -> Integer,
    }
    cobblestone_mark (resultid) {
        resultid -> Integer,
        hostid -> Integer,
        appid -> Integer,
        seconds_paid -> Double,
        largest_claim -> Double,
        credit_paid -> Double,
        messages -> Integer,
        time -> Double,
        sent_time -> Integer,
    }
    cobblestone_disallowed (id) {
        id -> BigInt,
        messageid -> Nullable<Integer>,
        resultid -> Integer,
        hostid -> Integer,
        appid -> Integer,
        claimed -> Double,
        allowed -> Double,
        reason -> Text,
        time -> Double,
        messages -> Integer,
        paid_in_part -> Integer,
        since -> Double,
    }
    cobblestone_opening (kind, id, appid) {
        kind -> Text,
        id -> Integer,
        total_credit -> Double,
        appid -> Integer,
    }
    cobblestone_ledger_control (part) {
        part -> Integer,
        rows -> BigInt,
        credit -> Double,
        seconds -> Double,
        checksum -> BigInt,
    }
    cobblestone_counter (name) {
        name -> Text,
        value -> BigInt,
    }
    cobblestone_reconciliation (id) {
        id -> BigInt,
        time -> Double,
        kind -> Text,
        owner -> Integer,
        appid -> Integer,
        amount -> Double,
        reason -> Text,
    }
    cobblestone_opening_message (variety) {
        variety -> Text,
        handled -> BigInt,
    }
    cobblestone_campaign (id) {
        id -> Integer,
        appid -> Integer,
        name -> Text,
        next_job -> BigInt,
        time -> Double,
        state -> Text,
        source -> Text,
        jobs -> Nullable<BigInt>,
        made -> BigInt,
        set_aside -> BigInt,
        repeated -> BigInt,
        retried -> BigInt,
        note -> Text,
        changed -> Double,
    }
    cobblestone_job (workunitid) {
        workunitid -> Integer,
        campaignid -> Integer,
        job -> BigInt,
        seed -> BigInt,
        events -> BigInt,
        identity -> Nullable<Blob>,
        fileid -> Integer,
        place -> BigInt,
        copy -> Integer,
        retry -> Integer,
        retry_of -> Integer,
        parameters -> Nullable<Text>,
    }
    cobblestone_campaign_file (id) {
        id -> Integer,
        campaignid -> Integer,
        name -> Text,
        place -> BigInt,
        rows_read -> BigInt,
        tail -> Text,
        state -> Text,
        time -> Double,
    }
    cobblestone_seed_range (appid, campaignid, first_job) {
        appid -> Integer,
        campaignid -> Integer,
        first_job -> BigInt,
        first_seed -> BigInt,
        seeds -> BigInt,
    }
    cobblestone_retry (campaignid, job) {
        campaignid -> Integer,
        job -> BigInt,
        workunitid -> Integer,
        time -> Double,
    }
    cobblestone_quarantine (id) {
        id -> BigInt,
        time -> Double,
        daemon -> Text,
        kind -> Text,
        refid -> BigInt,
        hostid -> Integer,
        reason -> Text,
        raw -> Nullable<Blob>,
        tries -> Integer,
    }
    cobblestone_dataset_file (id) {
        id -> BigInt,
        appid -> Integer,
        dataset -> Text,
        path -> Text,
        items -> BigInt,
        bytes -> BigInt,
        state -> Text,
        time -> Double,
    }
    cobblestone_assimilated (workunitid) {
        workunitid -> Integer,
        dataset -> Text,
        time -> Double,
    }
    cobblestone_increment (identity) {
        identity -> Blob,
        resultid -> Integer,
        hostid -> Integer,
        good_for -> Double,
        time -> Double,
    }
    cobblestone_increment_sum (resultid) {
        resultid -> Integer,
        increments -> Double,
        latest -> Integer,
    }
    cobblestone_host_day (hostid, appid, day) {
        hostid -> Integer,
        appid -> Integer,
        day -> Integer,
        seconds -> Double,
    }
    cobblestone_flag (hostid, appid) {
        hostid -> Integer,
        appid -> Integer,
        over_claims -> Integer,
        flagged -> Double,
        time -> Double,
    }
    cobblestone_host_messages (hostid) {
        hostid -> Integer,
        messages -> Integer,
        time -> Double,
    }
    cobblestone_variety (variety) {
        variety -> Text,
        time -> Double,
    }
    cobblestone_report (resultid, variety) {
        resultid -> Integer,
        variety -> Text,
        hostid -> Integer,
        appid -> Integer,
        workunitid -> Integer,
        campaignid -> Integer,
        received -> BigInt,
        succeeded -> BigInt,
        failed -> BigInt,
        events -> BigInt,
        messages -> Integer,
        time -> Double,
    }
    cobblestone_report_day (resultid, variety, day) {
        resultid -> Integer,
        variety -> Text,
        day -> Integer,
        received -> BigInt,
        succeeded -> BigInt,
        failed -> BigInt,
        events -> BigInt,
    }
    cobblestone_report_increment (identity) {
        identity -> Blob,
        resultid -> Integer,
        day -> Integer,
    }
    cobblestone_spec (id) {
        id -> Integer,
        appid -> Integer,
        digest -> Text,
        text -> Text,
        time -> Double,
    }
    cobblestone_judgement (workunitid, n) {
        workunitid -> Integer,
        n -> Integer,
        time -> Double,
        appid -> Integer,
        name -> Text,
        outcome -> Text,
        canonical -> Integer,
        min_quorum -> Integer,
        credit_mode -> Text,
        specid -> Integer,
        rule_version -> Integer,
        matrix -> Text,
        files -> Text,
        notes -> Text,
    }
    cobblestone_verdict (workunitid, n, resultid) {
        workunitid -> Integer,
        n -> Integer,
        resultid -> Integer,
        name -> Text,
        hostid -> Integer,
        userid -> Integer,
        time -> Double,
        decision -> Text,
        reason -> Text,
        partner -> Integer,
        deviation -> Nullable<Double>,
        place -> Text,
        value -> Text,
        partner_value -> Text,
        formula -> Text,
        credit -> Double,
    }
    cobblestone_dataset_intent (path) {
        path -> Text,
        appid -> Integer,
        time -> Double,
    }
    cobblestone_dataset_merge (path) {
        path -> Text,
        appid -> Integer,
        merged_into -> Text,
        time -> Double,
    }
    cobblestone_summary (appid, kind, refid) {
        appid -> Integer,
        kind -> Text,
        refid -> BigInt,
        state -> Text,
        tries -> Integer,
        time -> Double,
    }
    cobblestone_review (id) {
        id -> BigInt,
        time -> Double,
        appid -> Integer,
        workunitid -> Integer,
        resultid -> Integer,
        who -> Text,
        verdict -> Text,
        comment -> Text,
        written -> TinyInt,
    }
    cobblestone_migration (version) {
        version -> Integer,
        name -> Text,
        time -> Double,
    }
}

diesel::allow_tables_to_appear_in_same_query!(cobblestone_job, cobblestone_campaign);
