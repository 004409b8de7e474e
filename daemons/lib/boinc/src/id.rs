//! Row ids as types, so that a host id can't be passed where a user id is meant.
//!
//! The columns are `int(11)`; an id is what stands in the column, zero ("none") included.

use serde::{Deserialize, Serialize};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i32);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

ids! {
    /// `app.id`
    AppId;
    /// `app_version.id`, or −1…−4 on a result of an anonymous platform (−2 = its CPU).
    AppVersionId;
    /// `host_app_version.app_version_id`: an [`AppVersionId`], or a coded anonymous platform
    /// (see [`HostAppVersionId::of_result`]).
    HostAppVersionId;
    /// `host.id`
    HostId;
    /// `user.id`
    UserId;
    /// `team.id`; 0 = no team.
    TeamId;
    /// `workunit.id`
    WorkunitId;
    /// `result.id`; 0 = none (in `workunit.canonical_resultid`).
    ResultId;
    /// `msg_from_host.id`
    MessageId;
    /// `platform.id`
    PlatformId;
}

impl AppVersionId {
    /// True for results that an anonymous platform ran (the volunteer's own build).
    #[must_use]
    pub fn is_anonymous(self) -> bool {
        self.0 < 0
    }
}

impl HostAppVersionId {
    /// The row of `host_app_version` that a result of `app` with `version` counts in.
    ///
    /// Anonymous platforms are stored as `appid · 1 000 000 − app_version_id`:
    /// a result with −2 of app 1 counts in 1 000 002. An id that would leave the column's range is cut to it.
    #[must_use]
    pub fn of_result(app: AppId, version: AppVersionId) -> Self {
        if version.is_anonymous() {
            Self(app.0.saturating_mul(1_000_000).saturating_sub(version.0))
        } else {
            Self(version.0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anonymous_platforms_are_coded_by_app() {
        assert_eq!(HostAppVersionId::of_result(AppId(1), AppVersionId(-2)), HostAppVersionId(1_000_002));
        assert_eq!(HostAppVersionId::of_result(AppId(1), AppVersionId(7)), HostAppVersionId(7));
        assert_eq!(HostAppVersionId::of_result(AppId(i32::MAX), AppVersionId(i32::MIN)).0, i32::MAX);
    }
}
