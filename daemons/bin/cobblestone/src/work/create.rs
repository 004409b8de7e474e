//! One job, or line by line: makes rows, fills batches, inserts them, and says what stands.

use std::io::{BufRead, Write as _};

use anyhow::{Context as _, Result, anyhow};
use boinc::id::WorkunitId;
use boinc::input_template::{Assignment, ParsedFlags};
use boinc::printable::printable;
use daemon::Clock;
use store::work::Filled;

use super::batch::{self, Batch, Blamed, key};
use super::lines::{Line, Lines};
use super::maker::{Fault, Made, Maker, Ready};
use super::order::Order;
use super::standing::{Next, Standing};
use crate::cli::ProjectArgs;
use crate::project::Project;
use crate::screen::print;

/// Names that are looked up at once.
const LOOKED_UP: usize = 1000;

/// Makes what the flags ask for. False: not every job has its workunit.
///
/// # Errors
/// See [`super::run`].
pub async fn run(flags: ParsedFlags) -> Result<bool> {
    let project_dir = flags.how.project_dir.clone().map(Into::into);
    let project = Project::open(&ProjectArgs { project_dir }).await?;
    let clock = Clock::for_project(&project.dir.config, &project.store).await?;
    let name = flags.appname.clone().unwrap_or_default();
    let made_up = format!("{name}_{}_{:.6}", std::process::id(), clock.now());
    let order = Order::new(flags, &made_up).context("nothing was made")?;
    let app = project.store.read("application", async |conn| conn.app(&name).await).await?;
    let app = app.ok_or_else(|| {
        let name = printable(&name, 60);
        anyhow!("there is no application {name}; name another one with --appname, or run bin/xadd. Nothing was made")
    })?;
    let maker = Maker::new(&project.dir, &clock, app.id, order.how.dry_run);
    let standing = Standing::new(&order);
    let mut work = Work {
        order,
        project: &project,
        clock: &clock,
        maker,
        batch: Batch::default(),
        standing,
        stop: None,
    };
    if work.order.how.stdin { work.many(Lines::new(std::io::stdin().lock())).await } else { work.one().await }
}

/// A line to tell, on stderr. Nobody is left to tell when that can't be written.
fn tell(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{}", printable(text, 4000));
}

struct Work<'a> {
    order: Order,
    project: &'a Project,
    clock: &'a Clock,
    maker: Maker<'a>,
    batch: Batch,
    standing: Standing,
    stop: Option<Stop>,
}

/// The line at which everything ends.
struct Stop {
    line: u64,
    /// A workunit of its name exists; names of the lines after it that are known.
    taken: Option<Vec<String>>,
}

impl Work<'_> {
    async fn one(&mut self) -> Result<bool> {
        let made = self.order.single().map_err(Fault::from).and_then(|draft| self.maker.make(0, &draft));
        let ready = match made {
            Ok(made) => self.noted(made),
            Err(fault) => return Ok(self.nothing(&fault)),
        };
        if let Some(id) = self.order.how.wu_id {
            return self.fill(WorkunitId(id), &ready).await;
        }
        let blamed = if self.order.how.dry_run || ready.target != Assignment::None {
            (batch::blame(&self.project.store, std::slice::from_ref(&ready)).await)
                .context("no workunit was made")?
        } else {
            Vec::new()
        };
        if let Some(Blamed { why, .. }) = blamed.first() {
            return Ok(self.nothing(why));
        }
        if self.order.how.dry_run {
            print("1 workunit could be made; nothing was written\n");
            return Ok(true);
        }
        let jobs = std::slice::from_ref(&ready);
        match batch::insert(&self.project.store, jobs, ready.row.create_time).await {
            Ok(ids) => self.told(&ready, ids.first().copied()),
            Err(store::Error::Duplicate(what)) => {
                let blamed = batch::blame(&self.project.store, jobs).await?;
                let other = Fault::Database(format!("the name is taken: {what}; give another --wu_name"));
                return Ok(self.nothing(blamed.first().map_or(&other, |blamed| &blamed.why)));
            }
            Err(error) => {
                let name = &ready.row.name;
                match self.stands(&error, name).await {
                    // The connection was lost when it was done.
                    Some(true) => self.told(&ready, None),
                    Some(false) => return Err(anyhow!(error).context("no workunit was made")),
                    None => {
                        let unknown = format!("nobody knows whether workunit {name} was made; look for it");
                        return Err(anyhow!(error).context(unknown));
                    }
                }
            }
        }
        if self.order.is_named_by_us {
            print(&format!("workunit name: {}\n", ready.row.name));
        }
        Ok(true)
    }

    /// Makes a workunit of a placeholder.
    async fn fill(&self, id: WorkunitId, ready: &Ready) -> Result<bool> {
        if self.order.how.dry_run {
            return Ok(self.nothing(&Fault::Database(
                "--dry_run can't look at a placeholder; leave out --wu_id".to_owned(),
            )));
        }
        let now = ready.row.create_time;
        let filled = self
            .project
            .store
            .transaction("fill a placeholder", async |tx| {
                let filled = tx.fill_placeholder(id, &ready.row).await?;
                if filled == Filled::Done {
                    tx.insert_assignments(&[(id, ready.target)], now).await?;
                }
                Ok(filled)
            })
            .await;
        let refusal = match filled {
            Ok(Filled::Done) => {
                self.told(ready, Some(id));
                return Ok(true);
            }
            Ok(Filled::Absent) => {
                format!("there is no row {id} in workunit; leave out --wu_id to have one made")
            }
            Ok(Filled::IsAJob) => format!(
                "workunit {id} is a job of an application already, no placeholder: to overwrite it would lose what is known of it; \
                 leave out --wu_id"
            ),
            Err(store::Error::Duplicate(what)) => {
                format!("the name is taken: {what}; give another --wu_name")
            }
            Err(error) => return Err(error).context(format!("placeholder {id} was not filled")),
        };
        Ok(self.nothing(&Fault::Database(refusal)))
    }

    async fn many(&mut self, mut lines: Lines<impl BufRead>) -> Result<bool> {
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

    /// Tells what is worth telling of a row.
    fn noted(&mut self, made: Made) -> Ready {
        let Made { ready, mut notes, is_first_of_template } = made;
        if is_first_of_template {
            notes.extend(self.order.overruled(&ready.row));
        }
        let config = &self.project.dir.config;
        let off = match ready.target.row() {
            Some((_, _, false)) if !config.enable_assignment => Some("enable_assignment"),
            Some((_, _, true)) if !config.enable_assignment_multi => Some("enable_assignment_multi"),
            _ => None,
        };
        if let Some(name) = off {
            notes.push(format!("config.xml has no <{name}>1</{name}>: the scheduler will send such jobs to nobody until it has"));
        }
        for note in notes {
            if self.maker.is_news(&note) {
                tell(&note);
            }
        }
        ready
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

    /// The only job has no workunit.
    fn nothing(&self, fault: &Fault) -> bool {
        for line in fault.stock_lines() {
            tell(&line);
        }
        tell(&format!("cobblestone: {fault}"));
        tell("cobblestone: no workunit was made");
        false
    }

    /// A workunit is there.
    fn told(&self, ready: &Ready, id: Option<WorkunitId>) {
        if let Some(id) = id.filter(|_| self.order.how.verbose) {
            tell(&format!("created workunit; name {}, ID {id}", ready.row.name));
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

    /// Whether what was being inserted stands, by the name of its first workunit. None: nobody knows.
    async fn stands(&self, error: &store::Error, name: &str) -> Option<bool> {
        if !error.is_unavailable() {
            return Some(false);
        }
        let names = [name.to_owned()];
        let found = self
            .project
            .store
            .transaction("look for a workunit", async |tx| tx.lock_workunit_names(&names).await);
        found.await.ok().map(|found| !found.is_empty())
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
            let found: std::collections::HashSet<String> = found.iter().map(|name| key(name)).collect();
            match some.iter().position(|name| !found.contains(&key(name))) {
                Some(made) => return Ok((count + made as u64, false)),
                None => count += some.len() as u64,
            }
        }
    }
}
