//! Line by line: makes rows, fills batches, inserts them, and says what stands.

use std::collections::HashSet;
use std::io::BufRead;

use anyhow::{Context as _, Result, anyhow};

use super::batch::{self, Blamed, key};
use super::create::{Work, tell};
use super::lines::{Line, Lines};
use super::maker::Fault;
use super::standing::Next;
use crate::screen::print;

/// Names that are looked up at once.
const LOOKED_UP: usize = 1000;

/// The line at which everything ends.
pub(super) struct Stop {
    line: u64,
    /// A workunit of its name exists; names of the lines after it that are known.
    taken: Option<Vec<String>>,
}

impl Work<'_> {
    /// Makes the jobs of all lines. False: not every one has its workunit.
    ///
    /// # Errors
    /// See [`super::run`].
    pub(super) async fn many(&mut self, mut lines: Lines<impl BufRead>) -> Result<bool> {
        if let Some(name) = self.standing.name.as_ref().filter(|_| !self.order.how.dry_run) {
            tell(&format!(
                "cobblestone: workunits without a --wu_name of their own are named {name}_0, {name}_1 …"
            ));
        }
        let unread = loop {
            let (number, line) = match lines.next() {
                Ok(Some(line)) => line,
                Ok(None) => break None,
                Err(error) => break Some(error),
            };
            if number < self.standing.first {
                continue;
            }
            if let Err(fault) = self.line(number, line) {
                self.refuse(number, &fault);
            } else if self.batch.is_full() {
                self.flush().await?;
            }
            if self.stop.is_some() {
                break None;
            }
        };
        // A line that can't be made ends everything; those before it are made.
        let later = self.stop.take();
        self.flush().await?;
        if self.stop.is_none() {
            self.stop = later;
        }
        if let Some(error) = unread {
            let next = Next::Mend(lines.read().saturating_add(1));
            tell(&format!("cobblestone: {}", self.standing.words(next)));
            return Err(anyhow!(error).context("can't read standard input"));
        }
        self.end(&mut lines).await
    }

    /// Says what stands.
    async fn end(&mut self, lines: &mut Lines<impl BufRead>) -> Result<bool> {
        let next = match self.stop.take() {
            None => Next::Nothing,
            Some(Stop { line, taken: None }) => Next::Mend(line),
            Some(Stop { line, taken: Some(names) }) => match self.made_before(names, lines).await {
                Ok((count, is_last)) => {
                    Next::MadeBefore(line, line.saturating_add(count).saturating_sub(1), is_last)
                }
                Err(error) => {
                    tell(&format!("cobblestone: {error:#}"));
                    Next::Mend(line)
                }
            },
        };
        let words = self.standing.words(next);
        if self.standing.first > lines.read().saturating_add(1) {
            tell(&format!("cobblestone: standard input ends with line {}; {words}", lines.read()));
            return Ok(false);
        }
        if next == Next::Nothing && self.standing.failures == 0 {
            print(&format!("{words}\n"));
            return Ok(true);
        }
        tell(&format!("cobblestone: {words}"));
        Ok(false)
    }

    /// Makes a line's row and puts it into the batch.
    fn line(&mut self, number: u64, line: Line) -> Result<(), Fault> {
        let Line::Whole(text) = line else {
            let longest = super::lines::LONGEST;
            return Err(Fault::Database(format!("it is longer than {longest} bytes; shorten it")));
        };
        let draft = self.order.line(number, &text)?;
        let made = self.maker.make(number, &draft)?;
        let ready = self.noted(made);
        self.batch.add(ready)
    }

    /// A line has no workunit.
    fn refuse(&mut self, line: u64, fault: &Fault) {
        tell(&format!("cobblestone: line {line}: {fault}"));
        if self.order.how.continue_on_error {
            self.standing.fail(line);
        } else if self.stop.is_none() {
            self.stop = Some(Stop { line, taken: None });
        }
    }

    /// Inserts the batch, without those that can't be.
    async fn flush(&mut self) -> Result<()> {
        while !self.batch.jobs.is_empty() {
            let store = &self.project.store;
            let look = self.order.how.dry_run || !batch::distinct_targets(&self.batch.jobs).is_empty();
            let mut blamed = match batch::blame(store, if look { &self.batch.jobs } else { &[] }).await {
                Ok(blamed) => blamed,
                Err(error) => return self.failed(error).await,
            };
            if blamed.is_empty() && self.order.how.dry_run {
                self.standing.made += self.batch.jobs.len() as u64;
                self.batch.clear();
                return Ok(());
            }
            if blamed.is_empty() {
                match batch::insert(store, &self.batch.jobs, self.clock.now_i32()).await {
                    Ok(ids) => {
                        for (ready, id) in self.batch.jobs.iter().zip(ids) {
                            self.told(ready, Some(id));
                        }
                        self.standing.made += self.batch.jobs.len() as u64;
                        self.batch.clear();
                        return Ok(());
                    }
                    Err(store::Error::Duplicate(what)) => {
                        let found = batch::blame(store, &self.batch.jobs).await;
                        match found {
                            Ok(found) if !found.is_empty() => blamed = found,
                            _ => return self.failed(store::Error::Duplicate(what)).await,
                        }
                    }
                    Err(error) => return self.failed(error).await,
                }
            }
            self.leave_out(blamed);
        }
        Ok(())
    }

    /// Takes jobs out of the batch: these, or all from the first of them.
    fn leave_out(&mut self, blamed: Vec<Blamed>) {
        if self.order.how.continue_on_error {
            let mut blamed = blamed.into_iter().peekable();
            let jobs = std::mem::take(&mut self.batch.jobs);
            for (index, ready) in jobs.into_iter().enumerate() {
                match blamed.next_if(|blamed| blamed.index == index) {
                    Some(Blamed { why, .. }) => self.refuse(ready.line, &why),
                    None => self.batch.jobs.push(ready),
                }
            }
            return;
        }
        let Some(Blamed { index, why, is_taken }) = blamed.into_iter().next() else { return };
        let rest = self.batch.jobs.split_off(index);
        if let Some(first) = rest.first() {
            tell(&format!("cobblestone: line {}: {why}", first.line));
            let names = is_taken.then(|| rest.iter().map(|ready| ready.row.name.clone()).collect());
            self.stop = Some(Stop { line: first.line, taken: names });
        }
    }

    /// The database failed: says what stands, unless the batch stands.
    async fn failed(&mut self, error: store::Error) -> Result<()> {
        let (from, to) = self.batch.lines().unwrap_or((self.standing.first, self.standing.first));
        let first = self.batch.jobs.first().map(|ready| ready.row.name.clone()).unwrap_or_default();
        let next = match self.stands(&error, &first).await {
            // The connection was lost when it was done.
            Some(true) => {
                self.standing.made += self.batch.jobs.len() as u64;
                self.batch.clear();
                return Ok(());
            }
            Some(false) => Next::Failed(from, to),
            None => Next::Unknown(from, to),
        };
        tell(&format!("cobblestone: {}", self.standing.words(next)));
        Err(anyhow!(error).context("inserting workunits"))
    }

    /// How many of these names, and of the lines after them, have workunits one after the other; and whether that is the end.
    async fn made_before(
        &mut self,
        names: Vec<String>,
        lines: &mut Lines<impl BufRead>,
    ) -> Result<(u64, bool)> {
        let mut names = names.into_iter();
        let mut count = 0;
        loop {
            let mut some: Vec<String> = names.by_ref().take(LOOKED_UP).collect();
            while some.len() < LOOKED_UP {
                let Some((number, line)) = lines.next().context("can't read standard input")? else { break };
                // What can't be read can't have been made.
                let Line::Whole(text) = line else { break };
                let Ok(draft) = self.order.line(number, &text) else { break };
                some.push(draft.job.name);
            }
            if some.is_empty() {
                return Ok((count, true));
            }
            let found = self
                .project
                .store
                .read("names of workunits", async |conn| conn.workunit_names(&some).await)
                .await?;
            let found: HashSet<String> = found.iter().map(|name| key(name)).collect();
            match some.iter().position(|name| !found.contains(&key(name))) {
                Some(made) => return Ok((count + made as u64, false)),
                None => count += some.len() as u64,
            }
        }
    }
}
