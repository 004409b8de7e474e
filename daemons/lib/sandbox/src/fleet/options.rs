//! How many volunteers there are and how they behave.

/// Shares are probabilities, 0 to 1. The defaults are a fleet as a real project sees it, with every trouble in it.
#[derive(Debug, Clone, PartialEq)]
pub struct FleetOptions {
    /// The same seed makes the same fleet making the same choices. What depends on when the daemons
    /// answer (which host gets which result) may still differ between runs.
    pub seed: u64,
    #[allow(missing_docs)]
    pub hosts: usize,
    /// Some users have several hosts when this is smaller.
    pub users: usize,
    /// A third of the users has no team.
    pub teams: usize,
    /// Uptime after which a VM is done, simulated seconds.
    pub vm_seconds: f64,
    /// Seconds of uptime between two trickles, from and to.
    pub trickle_every: (f64, f64),
    /// Variety of the guest reports that come with trickles; none if guests send none.
    pub reports: Option<&'static str>,
    /// Simulated seconds until a host without work asks again.
    pub ask_every: f64,
    /// Most tasks at a time on one host.
    pub max_tasks: usize,
    /// Share of hosts of each kind.
    pub hosts_of_kind: HostShares,
    /// How often a thing happens to a result of any host.
    pub results: ResultShares,
    /// How often a thing happens to a trickle.
    pub trickles: TrickleShares,
}

/// Shares of hosts that misbehave with most of their results; the rest is good.
#[derive(Debug, Clone, PartialEq)]
pub struct HostShares {
    /// Overclocked or tampered with: wrong output.
    pub wrong: f64,
    /// Their tasks crash.
    pub crashing: f64,
    /// Claim more uptime than the wall clock allows.
    pub overclaiming: f64,
    /// Benchmarks never ran: p_fpops is 1e9.
    pub unmeasured: f64,
    /// Their own build of the application: app_version_id −2.
    pub anonymous: f64,
    /// Their clock is hours off.
    pub skewed: f64,
}

/// What may happen to a result of a good host.
#[derive(Debug, Clone, PartialEq)]
pub struct ResultShares {
    /// The task fails.
    pub crash: f64,
    /// Never heard of again (one in four comes back after its deadline).
    pub vanish: f64,
    /// Starts again from a checkpoint once: the claims step back.
    pub restart: f64,
    /// The host sleeps for some hours, once or more.
    pub pause: f64,
}

/// What may happen to a trickle.
#[derive(Debug, Clone, PartialEq)]
pub struct TrickleShares {
    /// Kept back and sent together with later ones, in the order of the directory.
    pub out_of_order: f64,
    /// The acknowledgement is lost: sent again.
    pub repeated: f64,
    /// A result's last ones come after its report.
    pub after_report: f64,
    /// Something that is no proper claim comes with it.
    pub malformed: f64,
}

impl Default for FleetOptions {
    fn default() -> Self {
        Self {
            seed: 1,
            hosts: 120,
            users: 80,
            teams: 6,
            vm_seconds: 86_400.0,
            trickle_every: (1_800.0, 3_600.0),
            reports: None,
            ask_every: 1_800.0,
            max_tasks: 3,
            hosts_of_kind: HostShares {
                wrong: 0.06,
                crashing: 0.04,
                overclaiming: 0.05,
                unmeasured: 0.08,
                anonymous: 0.03,
                skewed: 0.05,
            },
            results: ResultShares { crash: 0.01, vanish: 0.02, restart: 0.15, pause: 0.2 },
            trickles: TrickleShares {
                out_of_order: 0.05,
                repeated: 0.03,
                after_report: 0.05,
                malformed: 0.02,
            },
        }
    }
}

impl FleetOptions {
    /// Nobody misbehaves and nothing goes wrong: for tests that want a simple truth.
    #[must_use]
    pub fn honest() -> Self {
        Self {
            hosts_of_kind: HostShares {
                wrong: 0.0,
                crashing: 0.0,
                overclaiming: 0.0,
                unmeasured: 0.0,
                anonymous: 0.0,
                skewed: 0.0,
            },
            results: ResultShares { crash: 0.0, vanish: 0.0, restart: 0.0, pause: 0.0 },
            trickles: TrickleShares { out_of_order: 0.0, repeated: 0.0, after_report: 0.0, malformed: 0.0 },
            ..Self::default()
        }
    }
}
