//! What flags, the application's file and the project's config.xml say, as the rules want it.

use app_config::{Credit, Validate};
use boinc::record::App;
use daemon::{Modulus, Pass};
use rules::judge::Options;
use rules::uptime::UptimePolicy;

use crate::examined::Hopeless;

/// Which errors are hopeless, where hosts are punished for them.
pub fn hopeless(validate: &Validate, flag: bool) -> Option<Hopeless> {
    if !flag && !validate.check_punitive {
        return None;
    }
    if validate.hopeless_exit_status.is_empty() && validate.hopeless_stderr.is_empty() {
        tracing::warn!(
            "--check_punitive has no effect: [validate] of the application's file names no hopeless_exit_status and no \
             hopeless_stderr"
        );
    }
    Some(Hopeless {
        exit_status: validate.hopeless_exit_status.clone(),
        stderr: validate.hopeless_stderr.clone(),
    })
}

/// The part of `[validate] modulo`, if it is declared.
pub fn modulus(validate: &Validate) -> Option<Modulus> {
    match validate.modulo.as_slice() {
        [n, i] => Some(Modulus { n: *n, i: *i }),
        _ => None,
    }
}

/// How to judge, now.
pub fn options<'a>(
    app: &'a App,
    credit: &Credit,
    uptime: &UptimePolicy,
    daily_result_quota: i32,
    credit_by_app: bool,
    pass: &Pass<'_>,
) -> Options<'a> {
    let mut options = Options::new(app, daily_result_quota, pass.clock.now());
    options.credit_mode = credit.mode;
    options.max_granted_credit = credit.max_granted_credit;
    options.update_credited_job = credit.update_credited_job;
    options.credit_by_app = credit_by_app;
    options.uptime = uptime.clone();
    options
}
