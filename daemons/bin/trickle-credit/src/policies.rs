//! Which applications pay uptime and take guest reports, and how: cobblestone/APP.toml of each, or the flags of stock
//! trickle_credit.
//!
//! A percentile of the project's computers is turned into a number by [`Policies::resolve`], again from time to time.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use app_config::{AppConfig, ReportRule, TrickleDown};
use boinc::id::AppId;
use boinc::record::App;
use daemon::Fatal;
use rules::deadline::DeadlinePolicy;
use rules::uptime::{Benchmarks, ClaimRule, HostRates, NoPayer, UptimePolicy, payer_without_result};

use crate::flags::Flags;

/// Policies of the applications that pay uptime or take guest reports.
#[derive(Debug, Clone, Default)]
pub struct Policies {
    declared: BTreeMap<AppId, UptimePolicy>,
    resolved: BTreeMap<AppId, UptimePolicy>,
    deadlines: BTreeMap<AppId, DeadlinePolicy>,
    trickle_down: BTreeMap<AppId, TrickleDown>,
    reports: BTreeMap<AppId, Vec<ReportRule>>,
    /// Varieties that any application declares, also those that pay no uptime now.
    all: BTreeSet<String>,
    /// Those that this daemon serves.
    served: BTreeSet<AppId>,
    /// With `--max_runtime`: then nothing else counts.
    stock: Option<UptimePolicy>,
    /// With `--variety`.
    only: Option<String>,
    benchmarks: Benchmarks,
}

/// Who pays messages that name no result.
#[derive(Debug, Clone, Copy)]
pub struct Payer<'p> {
    /// 0: nobody in particular, with `--max_runtime`.
    pub app: AppId,
    pub policy: &'p UptimePolicy,
    pub rule: &'p ClaimRule,
    pub rates: HostRates,
}

impl Policies {
    /// Reads the files of `apps`; one that does not exist means that the application pays no uptime. `app` is the one
    /// to serve; all if none.
    ///
    /// # Errors
    /// A file has a mistake, or the flags don't fit to the files.
    pub fn load(project: &Path, apps: &[App], app: Option<&str>, flags: &Flags) -> Result<Self, Fatal> {
        let mut policies = Self { only: flags.variety.clone(), ..Self::default() };
        for found in apps {
            let config =
                AppConfig::load(project, &found.name).map_err(|error| Fatal::new(error.to_string()))?;
            let claims = config.uptime.claims.iter().map(|rule| &rule.variety);
            policies.all.extend(claims.chain(config.reports.iter().map(|rule| &rule.variety)).cloned());
            if !config.uptime.enabled && config.reports.is_empty() {
                continue;
            }
            if let (Some(variety), Some(_)) = (flags.variety.as_deref(), flags.max_runtime) {
                let claim = config.uptime.claim(variety).filter(|_| config.uptime.enabled).is_some();
                let declared = match config.report(variety) {
                    _ if claim => {
                        Some("what they are paid; leave out --max_runtime, or the claim in [[uptime.claims]]")
                    }
                    Some(_) => Some(
                        "that they are guest reports; leave out --max_runtime, or the table in [[reports]]",
                    ),
                    None => None,
                };
                if let Some(declared) = declared {
                    return Err(Fatal::new(format!(
                        "--max_runtime pays messages of variety `{variety}` as stock trickle_credit does, and \
                         cobblestone/{}.toml declares {declared}",
                        found.name
                    )));
                }
            }
            if app.is_none_or(|app| app == found.name) {
                policies.served.insert(found.id);
            }
            if !config.reports.is_empty() {
                policies.reports.insert(found.id, config.reports);
            }
            if !config.uptime.enabled {
                continue;
            }
            // The validator's cap holds for what trickles and settlement pay together.
            let max_credit = Some(flags.max_credit(config.credit.max_granted_credit));
            policies.declared.insert(found.id, UptimePolicy { max_credit, ..config.uptime });
            policies.trickle_down.insert(found.id, config.trickle_down);
            policies.deadlines.extend(config.deadline.map(|deadline| (found.id, deadline)));
        }
        if let (Some(variety), Some(max_runtime)) = (&flags.variety, flags.max_runtime) {
            policies.stock = Some(UptimePolicy::stock(variety, max_runtime));
        } else if let Some(variety) = &flags.variety
            && policies.varieties().is_empty()
        {
            return Err(Fatal::new(format!(
                "no application declares variety `{variety}` in cobblestone/APP.toml; add --max_runtime S to \
                 pay its <runtime> as stock trickle_credit does"
            )));
        }
        policies.resolve(Benchmarks::default());
        Ok(policies)
    }

    /// Whether anything depends on how fast the project's computers are.
    pub fn need_benchmarks(&self) -> bool {
        let asks = |policy: &UptimePolicy| {
            policy.max_flops_percentile.is_some() || policy.claims.iter().any(takes_without_result)
        };
        self.stock.is_some() || self.declared.values().any(asks)
    }

    /// Takes over how fast they are.
    pub fn resolve(&mut self, benchmarks: Benchmarks) {
        self.resolved =
            self.declared.iter().map(|(app, policy)| (*app, policy.resolved(&benchmarks))).collect();
        self.benchmarks = benchmarks;
    }

    /// Whether messages are read as stock trickle_credit reads them.
    pub fn stock(&self) -> Option<&ClaimRule> {
        self.stock.as_ref()?.claims.first()
    }

    /// How messages of `variety` claim uptime of an application that this daemon serves.
    pub fn of(&self, app: AppId, variety: &str) -> Option<(&UptimePolicy, &ClaimRule)> {
        let policy = self.resolved.get(&app).filter(|_| self.served.contains(&app))?;
        Some((policy, policy.claim(variety)?))
    }

    /// How messages of `variety` report what happened inside the virtual machines of an application that this daemon
    /// serves.
    pub fn report(&self, app: AppId, variety: &str) -> Option<&ReportRule> {
        let rules = self.reports.get(&app).filter(|_| self.stock.is_none() && self.served.contains(&app))?;
        rules.iter().find(|rule| rule.variety == variety)
    }

    /// Whether messages of `variety` are guest reports of any application that this daemon serves.
    pub fn reports(&self, variety: &str) -> bool {
        self.reports.keys().any(|app| self.report(*app, variety).is_some())
    }

    /// Who pays messages of `variety` that name no result; none if it is an application that another daemon serves.
    ///
    /// # Errors
    /// Nobody, or more than one.
    pub fn payer(&self, variety: &str) -> Result<Option<Payer<'_>>, NoPayer> {
        if let Some(policy) = &self.stock {
            let rule = policy.claim(variety).ok_or(NoPayer::None)?;
            let rates = HostRates::stock(&self.benchmarks);
            return Ok(Some(Payer { app: AppId(0), policy, rule, rates }));
        }
        let all = self.resolved.iter().map(|(app, policy)| (*app, policy));
        let (app, policy, rule) = payer_without_result(all, variety)?;
        let declared = self.declared.get(&app).unwrap_or(policy);
        let rates = HostRates::of(declared, &self.benchmarks);
        Ok(self.served.contains(&app).then_some(Payer { app, policy, rule, rates }))
    }

    /// How the deadlines of an application's tasks are extended; none if they are not.
    pub fn deadline(&self, app: AppId) -> Option<&DeadlinePolicy> {
        self.deadlines.get(&app)
    }

    /// What the tasks of an application are told.
    pub fn trickle_down(&self, app: AppId) -> Option<&TrickleDown> {
        self.trickle_down.get(&app)
    }

    /// Whether a host that over-claimed so often is flagged.
    pub fn flags(&self, app: AppId, over_claims: u32) -> bool {
        self.declared.get(&app).is_some_and(|policy| policy.flags(0, over_claims))
    }

    /// Varieties that any application of the project declares.
    pub fn all_varieties(&self) -> BTreeSet<String> {
        self.all.clone()
    }

    /// Varieties to read.
    pub fn varieties(&self) -> Vec<String> {
        let served = self.declared.iter().filter(|(app, _)| self.served.contains(app));
        let policies = match &self.stock {
            Some(stock) => vec![stock],
            None => served.map(|(_, policy)| policy).collect(),
        };
        let reports =
            self.reports.iter().filter(|(app, _)| self.stock.is_none() && self.served.contains(app));
        let reports = reports.flat_map(|(_, rules)| rules).map(|rule| &rule.variety);
        let claims = policies.iter().flat_map(|policy| &policy.claims).map(|rule| &rule.variety);
        let varieties: BTreeSet<&String> = claims.chain(reports).collect();
        let wanted = |variety: &&String| self.only.as_ref().is_none_or(|only| only == *variety);
        varieties.into_iter().filter(wanted).cloned().collect()
    }
}

fn takes_without_result(rule: &ClaimRule) -> bool {
    rule.meaning == rules::uptime::Meaning::Increment && !rule.needs_result
}
