//! A campaign whose jobs would be made of something else than those before is paused, before any file is staged.
//!
//! Invariant: jobs of one campaign are made of the same template, parameters and files, unless a person said in between that
//! it goes on (`cobblestone campaign resume`). Killed anywhere: what the first jobs were made of stands in the database, and
//! whoever starts next compares.

use anyhow::Result;
use campaign::fingerprint::difference;
use store::campaigns::State;

use crate::turn::Turn;

impl Turn<'_> {
    /// Whether its jobs would be made of the same as those before. If not, the campaign is paused.
    ///
    /// # Errors
    /// The database refuses.
    pub async fn is_as_before(&mut self) -> Result<bool> {
        if self.plan.is_as_before {
            return Ok(true);
        }
        let (app, id, now) = (self.app, self.row.id, self.pass.clock.now());
        let was = self.pass.store.read("what jobs are made of", async |conn| conn.made_of(id).await).await?;
        let is = self.plan.made_of.as_str();
        let Some(was) = was.filter(|was| was != is && self.row.made > 0) else {
            self.plan.is_as_before = true;
            return Ok(true);
        };
        let note = note(&was, is);
        if !self.dry_run {
            let name = self.name();
            self.pass
                .store
                .transaction("pause a campaign", async |tx| {
                    let row = tx.lock_campaign(app, name, now).await?;
                    let goes = matches!(row.state, State::Active | State::Complete);
                    if goes && tx.made_of(row.id).await?.as_ref() == Some(&was) {
                        tx.set_campaign_state(row.id, State::Paused, &note, now).await?;
                    }
                    Ok(())
                })
                .await?;
        }
        self.tell(&format!("it is paused: {note}"));
        Ok(false)
    }
}

/// Why a campaign is paused, for a person.
pub fn note(was: &str, is: &str) -> String {
    let what = difference(was, is);
    format!(
        "changed since its first jobs were made: {what}. Put it back, or leave it so; then: cobblestone campaign resume"
    )
}
