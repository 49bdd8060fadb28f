//! Plan to events. [`run`] dispatches: it owns the run's state and the channel, starts one [`job`]
//! a task and hears how each ends; a job works through its items. Called by the command line;
//! nothing here knows who reads the events.

mod action;
mod block;
mod command;
mod converge;
mod create;
mod described;
mod event;
mod expression;
mod fault;
mod gossip;
mod heartbeat;
mod hooks;
mod http;
mod job;
mod judge;
mod member;
mod own;
mod scope;
mod seconds;
mod sink;
mod step;
mod wait;
mod workstation;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::Duration;

use banquet_sdk::Secrets;
use futures::StreamExt;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub use event::{
    Cause, Event, EventKind, Failure, HeartbeatSummary, Outage, Outcome, Place, Planned,
    RunVerdict, Sample,
};
pub use heartbeat::asker_main;
pub(crate) use hooks::check as check_hook;
use job::Job;
pub use judge::NO_TEST;
use sink::Sink;

use crate::matrix::TimeLimit;
use crate::plan::{Plan, Task};
use crate::registry::Registry;
use crate::state::{ClusterRecord, Lock, Project, unique_id};

/// What a run works with.
#[derive(Clone, Debug)]
pub struct Kitchen {
    /// Where.
    pub project: Project,
    /// The plugins.
    pub registry: Registry,
    /// Whether `{{…}}` in values of suites, provisioners and verifiers are expressions: in a
    /// configuration that has multisuites.
    pub expressions: bool,
}

/// How a run goes.
#[derive(Clone, Debug)]
pub struct Options {
    /// Subjects at once.
    pub concurrency: usize,
    /// Members of one cluster at once.
    pub members: usize,
    /// After a failure start no other subject.
    pub fail_fast: bool,
    /// Wait for what another process works on.
    pub wait: bool,
    /// How long a driver may take to destroy a machine, where that is configured.
    pub destroy_limit: Option<TimeLimit>,
    /// A verify that ran no test has failed.
    pub require_tests: bool,
    /// Plugins tell all that they can.
    pub debug: bool,
    /// What must not be shown; the run adds what the plan's settings hold and what drivers note.
    pub secrets: Secrets,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            concurrency: 1,
            members: 16,
            fail_fast: false,
            wait: false,
            destroy_limit: None,
            require_tests: false,
            debug: false,
            secrets: Secrets::default(),
        }
    }
}

/// How a run is told to stop.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    /// In order: running actions are cancelled, then comes the cleanup by the `--destroy` rule.
    pub soon: CancellationToken,
    /// At once: what runs is dropped.
    pub now: CancellationToken,
}

/// How a run ended.
#[derive(Clone, Debug)]
pub struct Summary {
    /// Its id.
    pub run: String,
    /// Every subject, in the order of the plan.
    pub subjects: Vec<SubjectSummary>,
    /// How long it took.
    pub duration: Duration,
}

/// How the work on a subject ended.
#[derive(Clone, Debug)]
pub struct SubjectSummary {
    /// Its name.
    pub name: String,
    /// How.
    pub outcome: Outcome,
    /// How long it took.
    pub duration: Duration,
    /// Its numbered steps that ended, in order.
    pub steps: Vec<StepSummary>,
    /// The log files of its members.
    pub logs: Vec<PathBuf>,
}

/// How a step ended.
#[derive(Clone, Debug)]
pub struct StepSummary {
    /// Counts from 1.
    pub number: usize,
    /// Its text or name.
    pub title: String,
    /// How.
    pub outcome: Outcome,
    /// How long it took.
    pub duration: Duration,
}

/// Runs `plan`; everything that happens goes to `events`, which may be slow: the run waits. A
/// receiver that is gone stops nothing. Returns when all work has ended.
pub async fn run(
    plan: &Plan,
    kitchen: &Kitchen,
    options: &Options,
    stop: &Stop,
    events: mpsc::Sender<Event>,
) -> Summary {
    let started = Instant::now();
    let run = Run {
        id: unique_id(),
        plan,
        kitchen,
        options,
        stop,
        sink: Sink::new(events, sink::secrets(plan, options)),
        locks: tokio::sync::Mutex::default(),
    };
    kitchen.project.keep();
    run.started().await;
    run.tidy().await;
    if let Err(error) = own::find_own(&kitchen.project.kitchen()) {
        let message = format!("commands may find another kitchen than this one: {error}");
        run.sink.warn("", &message).await;
    }
    let mut subjects: Vec<Option<SubjectSummary>> = plan.tasks.iter().map(|_| None).collect();
    tokio::select! {
        biased;
        () = stop.now.cancelled() => {}
        () = run.interruption() => {}
        () = run.work(&mut subjects) => {}
    }
    let mut ended = Vec::with_capacity(subjects.len());
    for (task, summary) in plan.tasks.iter().zip(subjects) {
        let summary = match summary {
            Some(summary) => summary,
            None => {
                run.left_in_force(task).await;
                let outcome = Outcome::Failed(Failure::interrupted());
                run.finished(task, outcome, started.elapsed(), Vec::new())
                    .await
            }
        };
        ended.push(summary);
    }
    let duration = started.elapsed();
    let verdict = RunVerdict::of(&ended);
    run.sink
        .send(EventKind::RunFinished { duration, verdict })
        .await;
    Summary {
        run: run.id,
        subjects: ended,
        duration,
    }
}

struct Run<'a> {
    id: String,
    plan: &'a Plan,
    kitchen: &'a Kitchen,
    options: &'a Options,
    stop: &'a Stop,
    sink: Sink,
    locks: tokio::sync::Mutex<HashMap<String, Weak<Lock>>>,
}

impl Run<'_> {
    async fn started(&self) {
        let subjects = self.plan.tasks.iter().map(|task| task.subject.name());
        let mut platforms: Vec<String> = Vec::new();
        for task in &self.plan.tasks {
            let platform = described::platform(&task.subject);
            if !platforms.iter().any(|known| known == platform) {
                platforms.push(platform.into());
            }
        }
        self.sink
            .send(EventKind::RunStarted {
                run: self.id.clone(),
                version: env!("CARGO_PKG_VERSION").into(),
                subjects: subjects.map(str::to_owned).collect(),
                platforms,
            })
            .await;
    }

    /// Ends and removes what killed kitchens left in the project's directory, and says so.
    async fn tidy(&self) {
        let kitchen = self.kitchen.project.kitchen();
        banquet_sdk::scratch::note_below(&kitchen);
        let swept = tokio::task::spawn_blocking(move || crate::state::tidy(&kitchen)).await;
        for told in swept.unwrap_or_default() {
            self.sink.warn("", &told).await;
        }
    }

    /// Tells once that the run was told to stop; never ends.
    async fn interruption(&self) {
        self.stop.soon.cancelled().await;
        self.sink.send(EventKind::Interrupted).await;
        std::future::pending().await
    }

    async fn work(&self, subjects: &mut [Option<SubjectSummary>]) {
        let refused = self.plan.tasks.iter().any(|it| !it.obstacles.is_empty());
        let failed = std::cell::Cell::new(false);
        let tasks = self.plan.tasks.iter().enumerate().map(|(index, task)| {
            let failed = &failed;
            async move {
                let skip = if self.stop.soon.is_cancelled() {
                    Some("the run was interrupted")
                } else if refused && task.obstacles.is_empty() {
                    Some("another part of the plan cannot run")
                } else if failed.get() && self.options.fail_fast {
                    Some("something else failed before")
                } else {
                    None
                };
                let summary = match skip {
                    Some(reason) => {
                        let outcome = Outcome::Skipped(reason.into());
                        self.finished(task, outcome, Duration::ZERO, Vec::new())
                            .await
                    }
                    None => self.task(task).await,
                };
                if matches!(summary.outcome, Outcome::Failed(_)) {
                    failed.set(true);
                }
                (index, summary)
            }
        });
        let mut running = futures::stream::iter(tasks).buffer_unordered(self.options.concurrency);
        while let Some((index, summary)) = running.next().await {
            subjects[index] = Some(summary);
        }
    }

    /// Tells what a task that was dropped in the midst of its work has left broken.
    async fn left_in_force(&self, task: &Task) {
        let Some(cluster) = &task.cluster else { return };
        let record = ClusterRecord::read(&self.kitchen.project.kitchen(), &cluster.name);
        if let Ok(record) = record
            && let Some(left) = fault::left(&record.broken)
        {
            let message = format!("{left} `kitchen heal {}` undoes it.", cluster.name);
            self.sink.warn(task.subject.name(), &message).await;
        }
    }

    async fn task(&self, task: &Task) -> SubjectSummary {
        let started = Instant::now();
        let began = described::subject(task, self.plan.command.word());
        self.sink.send(began).await;
        let (outcome, steps) = self.job(task).await;
        self.finished(task, outcome, started.elapsed(), steps).await
    }

    async fn job(&self, task: &Task) -> (Outcome, Vec<StepSummary>) {
        if let Some(obstacle) = task.obstacles.first() {
            let mut failure = Failure::new(Cause::Config, &obstacle.message);
            failure.hints = obstacle.hints.clone();
            for other in &task.obstacles[1..] {
                failure.message = format!("{}\n{}", failure.message, other.message);
                failure.hints.extend(other.hints.iter().cloned());
            }
            return (Outcome::Failed(failure), Vec::new());
        }
        for warning in &task.warnings {
            self.sink.warn(task.subject.name(), warning).await;
        }
        let locked = tokio::select! {
            biased;
            () = self.stop.soon.cancelled() => Err(Failure::interrupted()),
            locked = self.lock(task) => locked,
        };
        let lock = match locked {
            Ok(lock) => lock,
            Err(failure) => return (Outcome::Failed(failure), Vec::new()),
        };
        let job = Job::new(self, task, lock.killed.is_some()).await;
        match job {
            Ok(job) => job.run().await,
            Err(failure) => (Outcome::Failed(failure), Vec::new()),
        }
    }

    /// The lock of the task's subject; tasks of one run share it.
    async fn lock(&self, task: &Task) -> Result<Arc<Lock>, Failure> {
        let (kitchen, name) = (self.kitchen.project.kitchen(), task.subject.lock());
        let mut locks = self.locks.lock().await;
        if let Some(lock) = locks.get(name).and_then(Weak::upgrade) {
            return Ok(lock);
        }
        let command = self.plan.command.word();
        let taken = match self.options.wait {
            false => Lock::take(&kitchen, name, command, Some(&self.id)),
            true => {
                let told = async |held: &crate::state::Error| {
                    self.sink
                        .warn(task.subject.name(), &format!("waiting: {held}"))
                        .await;
                };
                Lock::wait(&kitchen, name, command, Some(&self.id), told).await
            }
        };
        let lock = Arc::new(taken.map_err(Failure::from)?);
        locks.insert(name.into(), Arc::downgrade(&lock));
        Ok(lock)
    }

    async fn finished(
        &self,
        task: &Task,
        outcome: Outcome,
        duration: Duration,
        steps: Vec<StepSummary>,
    ) -> SubjectSummary {
        let name = task.subject.name().to_owned();
        self.sink
            .send(EventKind::SubjectFinished {
                subject: name.clone(),
                outcome: outcome.clone(),
                duration,
            })
            .await;
        let members = task.subject.members().iter();
        SubjectSummary {
            name,
            outcome,
            duration,
            steps,
            logs: members
                .map(|member| self.kitchen.project.log_file(&member.name))
                .collect(),
        }
    }
}
