//! Hosts that claim more than is possible: how often, and when they are flagged.
//!
//! Invariant: counted in the transaction that decides about the messages, while the host is locked.

use std::collections::{BTreeMap, BTreeSet};

use boinc::id::HostId;
use store::Tx;
use store::host_accounts::Flag;

use crate::batch::Context;
use crate::settle::Writes;

/// The over-claims of hosts, with those of this batch.
pub async fn flags(tx: &mut Tx, context: &Context<'_>, writes: &Writes) -> store::Result<Vec<Flag>> {
    if writes.over_claims.is_empty() {
        return Ok(Vec::new());
    }
    let hosts: BTreeSet<HostId> = writes.over_claims.keys().map(|(host, _)| *host).collect();
    let before = tx.flags(&hosts.into_iter().collect::<Vec<_>>()).await?;
    let before: BTreeMap<_, _> = before.into_iter().map(|flag| ((flag.host, flag.app), flag)).collect();
    let mut flags = Vec::new();
    for (&(host, app), &more) in &writes.over_claims {
        let old = before.get(&(host, app));
        let over_claims = old.map_or(0, |flag| flag.over_claims).saturating_add(more);
        let mut flagged = old.map_or(0.0, |flag| flag.flagged);
        // As if all came at once: a lower `flag_after` also finds hosts that are beyond it.
        let reached = u32::try_from(over_claims).is_ok_and(|all| context.policies.flags(app, all));
        if flagged <= 0.0 && reached {
            flagged = context.now;
            tracing::warn!(
                host = host.0,
                app = app.0,
                over_claims,
                "host flagged: it keeps claiming too much"
            );
        }
        flags.push(Flag { host, app, over_claims, flagged, time: context.now });
    }
    Ok(flags)
}
