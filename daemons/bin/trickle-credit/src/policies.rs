//! Which applications pay uptime, and how: cobblestone/APP.toml of each.

use std::collections::BTreeMap;
use std::path::Path;

use app_config::AppConfig;
use boinc::id::AppId;
use boinc::record::App;
use daemon::Fatal;
use rules::uptime::UptimePolicy;

/// Policies of the applications that this daemon serves.
#[derive(Debug, Clone, Default)]
pub struct Policies(BTreeMap<AppId, UptimePolicy>);

impl Policies {
    /// Reads the files of `apps`; one that does not exist means that the application pays no uptime.
    ///
    /// # Errors
    /// A file has a mistake.
    pub fn load(project: &Path, apps: &[App]) -> Result<Self, Fatal> {
        let mut policies = BTreeMap::new();
        for app in apps {
            let config =
                AppConfig::load(project, &app.name).map_err(|error| Fatal::new(error.to_string()))?;
            if config.uptime.enabled {
                for key in config.not_obeyed_yet() {
                    tracing::warn!(
                        app = app.name,
                        key,
                        "is set in the application's configuration; this version does not obey it"
                    );
                }
                policies.insert(app.id, config.uptime);
            }
        }
        Ok(Self(policies))
    }

    /// The policy of an application that pays uptime and that this daemon serves.
    pub fn of(&self, app: AppId) -> Option<&UptimePolicy> {
        self.0.get(&app)
    }

    /// Varieties to read, with the element that holds the claim. Applications that share a variety share its
    /// element: the result, and with it the application, is known only after reading.
    ///
    /// # Errors
    /// Two applications name different elements for one variety.
    pub fn varieties(&self) -> Result<Vec<(String, String)>, Fatal> {
        let mut varieties: BTreeMap<&str, &str> = BTreeMap::new();
        let rules = self.0.values().flat_map(|policy| &policy.claims);
        for rule in rules.filter(|rule| rule.is_cumulative_elapsed()) {
            let known = varieties.entry(&rule.variety).or_insert(&rule.element);
            if *known != rule.element {
                return Err(Fatal::new(format!(
                    "two applications read the element of variety `{}` as <{known}> and as <{}>; give one of them another variety in \
                     [[uptime.claims]], or serve them by two daemons with --app",
                    rule.variety, rule.element
                )));
            }
        }
        Ok(varieties.into_iter().map(|(variety, element)| (variety.to_owned(), element.to_owned())).collect())
    }
}
