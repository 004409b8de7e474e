//! config.xml as make_project writes it: four blanks of indentation, and a `db_passwd` that holds only
//! blank lines when there is no password.

use std::fmt::Write as _;
use std::path::Path;

use super::options::{DaemonLine, ProjectOptions};

pub(super) fn config_xml(
    dir: &Path,
    url: &store::DbUrl,
    port: Option<u16>,
    token: Option<&str>,
    options: &ProjectOptions,
) -> String {
    let dir = dir.display().to_string();
    let db_host = match (&url.socket, port.filter(|_| options.tcp)) {
        (_, Some(port)) => format!("127.0.0.1:{port}"),
        (Some(socket), None) => socket.display().to_string(),
        (None, None) => match (url.host.as_deref().unwrap_or("localhost"), url.port) {
            (host, Some(port)) => format!("{host}:{port}"),
            (host, None) => host.to_owned(),
        },
    };
    let password =
        if url.password.is_empty() { "\n            \n            \n        " } else { &url.password };
    let flag = |on: bool| if on { "1" } else { "0" };
    let quota = options.daily_result_quota.to_string();
    let fanout = options.fanout.to_string();
    let base = "http://127.0.0.1/sandbox";
    let in_dir = |name: &str| format!("{dir}/{name}");
    let url_of = |name: &str| format!("{base}{name}");

    let mut xml = String::from("<?xml version=\"1.0\" ?>\n<boinc>\n    <config>\n");
    let mut put = |name: &str, value: &str, raw: bool| {
        let value = if raw { value.to_owned() } else { escape(value) };
        let _ = writeln!(xml, "        <{name}>{value}</{name}>");
    };
    put("long_name", &options.long_name, false);
    put("db_user", &url.user, false);
    put("db_name", &url.database, false);
    put("db_passwd", password, url.password.is_empty());
    put("db_host", &db_host, false);
    put("shmem_key", "0x1111c0bb", false);
    put("uldl_dir_fanout", &fanout, false);
    put("host", super::HOST, false);
    put("min_sendwork_interval", "6", false);
    put("max_wus_to_send", "50", false);
    put("daily_result_quota", &quota, false);
    put("disable_account_creation", "0", false);
    put("show_results", "1", false);
    put("cache_md5_info", "1", false);
    put("one_result_per_user_per_wu", flag(options.one_result_per_user_per_wu), false);
    put("send_result_abort", "1", false);
    put("dont_generate_upload_certificates", "1", false);
    put("ignore_upload_certificates", "1", false);
    put("master_url", &url_of("/"), false);
    put("download_url", &url_of("/download"), false);
    put("upload_url", super::UPLOAD_URL, false);
    put("download_dir", &in_dir("download"), false);
    put("upload_dir", &in_dir("upload"), false);
    put("key_dir", &in_dir("keys/"), false);
    put("app_dir", &in_dir("apps"), false);
    put("log_dir", &in_dir(&format!("log_{}", super::HOST)), false);
    if options.credit_by_app {
        put("credit_by_app", "1", false);
    }
    if let Some(token) = token {
        put("cobblestone_sandbox", token, false);
    }
    for (name, value) in &options.more_config {
        put(name, value, false);
    }
    if options.msg_to_host {
        // An empty element is how a person switches it on.
        xml.push_str("        <msg_to_host/>\n");
    }
    xml.push_str("    </config>\n    <tasks>\n    </tasks>\n    <daemons>\n");
    for line in options.daemon_lines() {
        xml.push_str(&daemon(&line));
    }
    xml.push_str("    </daemons>\n</boinc>\n");
    xml
}

fn daemon(line: &DaemonLine) -> String {
    let mut xml = format!("        <daemon>\n            <cmd>{}</cmd>\n", escape(&line.cmd));
    for (name, value) in [("output", &line.output), ("pid_file", &line.pid_file)] {
        if let Some(value) = value {
            let _ = writeln!(xml, "            <{name}>{}</{name}>", escape(value));
        }
    }
    if line.disabled {
        xml.push_str("            <disabled>1</disabled>\n");
    }
    xml.push_str("        </daemon>\n");
    xml
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
