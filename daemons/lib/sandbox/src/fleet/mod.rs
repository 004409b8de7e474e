//! A fleet of simulated volunteers: a discrete-event simulation on the sandbox's clock, with real outputs.
//!
//! What happens on a machine has its own time (boot, trickles, end of the VM). What the server stores has the
//! time of the step in which the fleet talks to it, as a real server stamps what arrives. So a slow
//! step only looks like a slow network, and no honest claim ever exceeds the wall clock between
//! `sent_time` and `create_time`.
//!
//! The fleet knows what it did: [`Books`] are the truth to audit the daemons' books against.

mod books;
mod host;
mod message;
mod options;
mod output;
mod plan;
mod queue;

use std::collections::{BTreeMap, BTreeSet};

use crate::error::Result;
use crate::project::Project;
use crate::rng::Rng;
use crate::scheduler::{Message, Report, Scheduler, Sent, WorkRequest};
use crate::science::Job;

pub use books::{Behaviour, Books, Fate, Run};
use host::Host;
pub use options::{FleetOptions, HostShares, ResultShares, TrickleShares};
use plan::{End, Plan, Point};
use queue::Queue;

/// Things that happen on machines.
#[derive(Debug, Clone)]
enum Event {
    /// A host asks for work.
    Ask { host: usize },
    /// The next point of a task's plan.
    Next { task: usize },
    /// A host sends what it kept back.
    Flush { host: usize },
}

/// A task on a machine; `books.runs` has the entry of the same index.
#[derive(Debug)]
struct Task {
    host: usize,
    sent: Sent,
    plan: Plan,
    at: usize,
    /// Largest claim that the server has.
    delivered: f64,
    /// Bits of the claims that the server has.
    claims: BTreeSet<u64>,
}

/// A message on its way.
#[derive(Debug, Clone)]
struct Outgoing {
    text: Vec<u8>,
    /// Task and claim, when it is a proper claim.
    claim: Option<(usize, f64, bool)>,
    /// Task and jobs done, when it is a guest report.
    report: Option<(usize, u64)>,
    fate: Option<Fate>,
}

#[derive(Debug, Default)]
struct State {
    busy: usize,
    /// An [`Event::Ask`] is in the queue.
    will_ask: bool,
    outbox: Vec<Outgoing>,
}

/// What one step did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FleetStep {
    /// Results sent to hosts.
    pub sent: usize,
    /// Results reported.
    pub reported: usize,
    /// Messages stored.
    pub trickles: usize,
}

/// The volunteers of a project.
#[derive(Debug)]
pub struct Fleet {
    options: FleetOptions,
    project: Project,
    scheduler: Scheduler,
    hosts: Vec<Host>,
    states: Vec<State>,
    tasks: Vec<Task>,
    queue: Queue<Event>,
    books: Books,
    jobs: BTreeMap<String, Job>,
    rng: Rng,
}

/// What a step collects before it talks to the server.
#[derive(Debug, Default)]
struct Batch {
    reports: Vec<(usize, Report)>,
    requests: Vec<(usize, WorkRequest)>,
    /// Of requests without a report.
    messages: Vec<(usize, Outgoing)>,
    /// Of requests with a report: the server stores the report first.
    with_report: Vec<(usize, Outgoing)>,
    called: BTreeSet<i32>,
}

impl Fleet {
    /// Draws the volunteers and inserts users, teams and hosts. They ask for work within the first
    /// simulated half hour (`ask_every`).
    ///
    /// # Errors
    /// A statement failed, or the application has no version.
    pub async fn new(project: &Project, options: FleetOptions) -> Result<Self> {
        let mut connection = project.connect().await?;
        let hosts = host::populate(project, &mut connection, &options).await?;
        let mut rng = Rng::named(options.seed, "fleet");
        let mut queue = Queue::default();
        let now = project.now();
        for host in 0..hosts.len() {
            queue.push(now + rng.between(0.0, options.ask_every), Event::Ask { host });
        }
        Ok(Self {
            states: hosts.iter().map(|_| State { will_ask: true, ..State::default() }).collect(),
            scheduler: Scheduler::new(project).await?,
            project: project.clone(),
            hosts,
            options,
            tasks: Vec::new(),
            queue,
            books: Books::default(),
            jobs: BTreeMap::new(),
            rng,
        })
    }

    /// What the fleet did so far.
    #[must_use]
    pub fn books(&self) -> &Books {
        &self.books
    }

    /// Tasks that run or wait to be reported.
    #[must_use]
    pub fn running(&self) -> usize {
        self.states.iter().map(|state| state.busy).sum()
    }

    /// Number of hosts.
    #[must_use]
    pub fn hosts(&self) -> usize {
        self.hosts.len()
    }

    /// Lets everything happen that is due at `now` and tells the server.
    ///
    /// # Errors
    /// A statement failed or a file can't be written. What was due is lost then, as with a broken network.
    pub async fn step(&mut self, now: f64) -> Result<FleetStep> {
        let mut batch = Batch::default();
        while let Some((time, event)) = self.queue.pop_until(now) {
            match event {
                Event::Ask { host } => {
                    if let Some(state) = self.states.get_mut(host) {
                        state.will_ask = false;
                    }
                    self.ask(host, now, &mut batch);
                }
                Event::Flush { host } => self.flush(host, &mut batch.messages, &mut batch.called),
                Event::Next { task } => self.advance(task, time, now, &mut batch),
            }
        }
        let mut step = FleetStep::default();
        let messages = self.judge(&batch.messages);
        step.trickles = messages.len();
        self.scheduler.trickles(now, &messages).await?;
        let reports: Vec<Report> = batch.reports.iter().map(|(_, report)| report.clone()).collect();
        step.reported = self.scheduler.report(now, &reports).await?;
        for (task, _) in &batch.reports {
            if let Some(run) = self.books.runs.get_mut(*task) {
                run.reported = Some(now);
            }
        }
        let requests: Vec<WorkRequest> = batch.requests.iter().map(|(_, request)| request.clone()).collect();
        let sent = self.scheduler.send(now, &requests).await?;
        step.sent = sent.len();
        self.receive(now, &batch.requests, sent);
        let messages = self.judge(&batch.with_report);
        step.trickles += messages.len();
        self.scheduler.trickles(now, &messages).await?;
        self.scheduler.called(now, &batch.called).await?;
        Ok(step)
    }

    fn ask(&mut self, index: usize, now: f64, batch: &mut Batch) {
        let (Some(host), Some(state)) = (self.hosts.get(index), self.states.get(index)) else { return };
        let count = host.slots.saturating_sub(state.busy);
        if count == 0 {
            return;
        }
        batch.called.insert(host.id);
        match batch.requests.iter_mut().find(|(asker, _)| *asker == index) {
            Some((_, request)) => request.count = count,
            None => batch.requests.push((
                index,
                WorkRequest {
                    hostid: host.id,
                    userid: host.userid,
                    count,
                    flops_estimate: host.flops_estimate,
                    app_version_id: host.app_version_id,
                },
            )),
        }
        // Until it is full, it keeps asking.
        self.ask_later(index, now);
    }

    fn ask_later(&mut self, index: usize, now: f64) {
        let time = now + self.rng.between(0.5, 1.5) * self.options.ask_every;
        if let Some(state) = self.states.get_mut(index).filter(|state| !state.will_ask) {
            state.will_ask = true;
            self.queue.push(time, Event::Ask { host: index });
        }
    }

    fn receive(&mut self, now: f64, requests: &[(usize, WorkRequest)], sent: Vec<Sent>) {
        for sent in sent {
            let Some((index, request)) = requests.iter().find(|(_, request)| request.hostid == sent.hostid)
            else {
                continue;
            };
            let (Some(host), Some(state)) = (self.hosts.get_mut(*index), self.states.get_mut(*index)) else {
                continue;
            };
            let plan =
                plan::plan(&self.options, host.kind, now, f64::from(sent.report_deadline), &mut host.rng);
            self.books.runs.push(Run {
                result: sent.id,
                name: sent.name.clone(),
                workunitid: sent.workunitid,
                hostid: host.id,
                userid: host.userid,
                teamid: host.teamid,
                behaviour: plan.behaviour,
                sent: now,
                ran_seconds: plan.ran,
                highest_claim: 0.0,
                jobs: None,
                reported: None,
                flops_estimate: request.flops_estimate,
            });
            state.busy += 1;
            let task = self.tasks.len();
            if let Some((time, _)) = plan.points.first() {
                self.queue.push(*time, Event::Next { task });
            }
            self.tasks.push(Task {
                host: *index,
                sent,
                plan,
                at: 0,
                delivered: 0.0,
                claims: BTreeSet::new(),
            });
        }
    }

    fn advance(&mut self, index: usize, time: f64, now: f64, batch: &mut Batch) {
        let Some(task) = self.tasks.get_mut(index) else { return };
        let Some((_, point)) = task.plan.points.get(task.at).copied() else { return };
        task.at += 1;
        if let Some((next, _)) = task.plan.points.get(task.at) {
            self.queue.push(*next, Event::Next { task: index });
        }
        let host = task.host;
        match point {
            Point::Trickle { claim, stepped_back } => self.trickle(index, claim, stepped_back, time, batch),
            Point::End(end) => self.end(index, host, end, now, batch),
        }
    }

    fn trickle(&mut self, index: usize, claim: f64, stepped_back: bool, time: f64, batch: &mut Batch) {
        let shares = &self.options.trickles;
        let Some(task) = self.tasks.get(index) else { return };
        let (Some(host), Some(state)) = (self.hosts.get_mut(task.host), self.states.get_mut(task.host))
        else {
            return;
        };
        let text = message::claim(&task.sent.name, time + host.skew, claim);
        let outgoing = Outgoing { text, claim: Some((index, claim, stepped_back)), report: None, fate: None };
        state.outbox.push(outgoing.clone());
        if self.options.reports.is_some() {
            // What the machine claims too much, its guest did not do.
            let done = message::jobs_done(claim.min(time - f64::from(task.sent.sent_time)));
            let text = message::report(&task.sent.name, time + host.skew, done);
            let fate = Some(Fate::GuestReport);
            state.outbox.push(Outgoing { text, claim: None, report: Some((index, done)), fate });
        }
        if host.rng.chance(shares.malformed) {
            let foreign = self
                .books
                .runs
                .iter()
                .rev()
                .find(|run| run.userid != host.userid)
                .map(|run| run.name.as_str());
            let (fate, text) = message::hostile(&task.sent.name, foreign, time + host.skew, &mut host.rng);
            state.outbox.push(Outgoing { text, claim: None, report: None, fate: Some(fate) });
        }
        if host.rng.chance(shares.out_of_order) {
            return;
        }
        let repeat = host.rng.chance(shares.repeated);
        let index = task.host;
        self.flush(index, &mut batch.messages, &mut batch.called);
        if let (true, Some(state)) = (repeat, self.states.get_mut(index)) {
            state.outbox.push(outgoing);
        }
    }

    /// Sends all messages of a host, in the order of the client's directory: any.
    fn flush(&mut self, index: usize, messages: &mut Vec<(usize, Outgoing)>, called: &mut BTreeSet<i32>) {
        let (Some(host), Some(state)) = (self.hosts.get_mut(index), self.states.get_mut(index)) else {
            return;
        };
        let mut outbox = std::mem::take(&mut state.outbox);
        host.rng.shuffle(&mut outbox);
        if !outbox.is_empty() {
            called.insert(host.id);
        }
        messages.extend(outbox.into_iter().map(|outgoing| (index, outgoing)));
    }

    fn end(&mut self, index: usize, host_index: usize, end: End, now: f64, batch: &mut Batch) {
        let Some(task) = self.tasks.get(index) else { return };
        let (Some(host), Some(state)) = (self.hosts.get_mut(host_index), self.states.get_mut(host_index))
        else {
            return;
        };
        state.busy = state.busy.saturating_sub(1);
        if end == End::Vanish {
            // The client forgot everything: detached, or a new disk.
            state.outbox.clear();
            self.ask_later(host_index, now);
            return;
        }
        let exit_status = if end == End::Crash { output::exit_status(&mut host.rng) } else { 0 };
        let mut files = Vec::new();
        if end == End::Finish {
            let job = job_of(&self.project, &mut self.jobs, &task.sent);
            for name in task.sent.output_files() {
                let mut rng = Rng::named(host.rng.bits(), &name);
                if let Some(content) = output::output(job, host, task.plan.behaviour, &mut rng) {
                    files.push((name, content));
                }
            }
        }
        let elapsed = task.plan.uptime;
        let report = Report {
            id: task.sent.id,
            hostid: host.id,
            teamid: host.teamid,
            ncpus: host.ncpus,
            exit_status,
            elapsed_time: elapsed,
            cpu_time: elapsed * host.rng.between(0.8, 0.99),
            stderr: output::stderr(exit_status, elapsed, &mut host.rng),
            files,
        };
        batch.called.insert(host.id);
        batch.reports.push((index, report));
        let after_report = host.rng.chance(self.options.trickles.after_report);
        let later = now + host.rng.between(60.0, 7200.0);
        if after_report {
            self.queue.push(later, Event::Flush { host: host_index });
        } else {
            self.flush(host_index, &mut batch.with_report, &mut batch.called);
        }
        if end == End::Crash {
            // Clients wait after a failure.
            self.ask_later(host_index, now);
        } else {
            self.ask(host_index, now, batch);
        }
    }

    /// What each message is, now that its place in the order is known; keeps the books.
    fn judge(&mut self, outgoing: &[(usize, Outgoing)]) -> Vec<Message> {
        let mut messages = Vec::new();
        for (host_index, outgoing) in outgoing {
            let Some(hostid) = self.hosts.get(*host_index).map(|host| host.id) else { continue };
            let fate = match (outgoing.fate, outgoing.claim) {
                (Some(fate), _) => fate,
                (None, Some((index, claim, stepped_back))) => self.fate_of_claim(index, claim, stepped_back),
                (None, None) => Fate::Empty,
            };
            self.books.count(fate);
            let mut variety = "cpu_time";
            if let Some((index, done)) = outgoing.report
                && let Some(run) = self.books.runs.get_mut(index)
            {
                variety = self.options.reports.unwrap_or(variety);
                run.jobs = run.jobs.max(Some(done));
            }
            messages.push(Message { hostid, variety: variety.to_owned(), text: outgoing.text.clone() });
        }
        messages
    }

    fn fate_of_claim(&mut self, index: usize, claim: f64, stepped_back: bool) -> Fate {
        let (Some(task), Some(run)) = (self.tasks.get_mut(index), self.books.runs.get_mut(index)) else {
            return Fate::UnknownResult;
        };
        let fate = if !task.claims.insert(claim.to_bits()) {
            Fate::Repeated
        } else if run.reported.is_some() {
            Fate::AfterReport
        } else if stepped_back {
            Fate::StepBack
        } else if claim <= task.delivered {
            Fate::Overtaken
        } else if run.behaviour == Behaviour::OverClaimed {
            Fate::OverClaim
        } else {
            Fate::NewUptime
        };
        task.delivered = task.delivered.max(claim);
        run.highest_claim = run.highest_claim.max(claim);
        fate
    }
}

/// The job in a workunit's first input file; worked out of its name when there is no such file.
fn job_of(project: &Project, jobs: &mut BTreeMap<String, Job>, sent: &Sent) -> Job {
    *jobs.entry(sent.workunit.clone()).or_insert_with(|| {
        let input = sent
            .input_files()
            .first()
            .and_then(|name| project.download_path(name).ok())
            .and_then(|path| std::fs::read(path).ok())
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default();
        Job::parse(&input, &sent.workunit)
    })
}
