//! The work on one subject: item after item, then the cleanup.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use banquet_sdk::{Peer, Peers, Target};
use futures::StreamExt;

use super::action::Work;
use super::fault::Begun;
use super::member::Member;
use super::scope::Scope;
use super::{Cause, Failure, Outcome, Run, StepSummary};
use crate::matrix::{Action, Instance};
use crate::plan::{self, Command, DestroyPolicy, Item, Subject, Task, made_otherwise, title};
use crate::state::{Broken, ClusterRecord, Ended};

/// Where each member finds its peers.
pub(super) const PEERS_FILE: &str = "/etc/kitchen/peers.json";

/// Work on one subject.
pub(super) struct Job<'a> {
    pub run: &'a Run<'a>,
    pub task: &'a Task,
    /// Whether the last command on the subject was killed.
    pub after_crash: bool,
    /// Machines of the subject's cluster, else the instance alone.
    pub members: Vec<Member>,
    /// Their indices by name, and by suite.
    by_name: HashMap<String, usize>,
    by_suite: HashMap<String, usize>,
    /// Those whose machines were not made as the configuration has them now, as they were made.
    pub made_otherwise: Vec<Arc<Instance>>,
    record: Mutex<ClusterRecord>,
    /// The living members as the last change left them.
    known: Mutex<Arc<Known>>,
    steps: Mutex<Vec<StepSummary>>,
    /// The faults of this run, in the order in which they were set.
    begun: Mutex<Vec<Begun>>,
    /// Numbers of those that are being undone.
    mending: Mutex<Vec<u64>>,
    /// Whether anything has judged.
    tested: AtomicBool,
}

/// Faults that are being undone, until it is dropped.
pub(super) struct Mending<'a> {
    all: &'a Mutex<Vec<u64>>,
    these: Vec<u64>,
}

impl Drop for Mending<'_> {
    fn drop(&mut self) {
        locked(self.all).retain(|id| !self.these.contains(id));
    }
}

/// What all know of the living members.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub peers: Arc<Peers>,
    /// Indices of the peers by suite.
    by_suite: HashMap<String, usize>,
    pub environment: Arc<BTreeMap<String, String>>,
    pub targets: Arc<BTreeMap<String, Target>>,
}

impl Known {
    /// What is known of the living member of suite `suite`.
    pub fn peer(&self, suite: &str) -> Option<&Peer> {
        let index = self.by_suite.get(suite);
        index.and_then(|index| self.peers.0.get(*index))
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The machines of a task's cluster, else its instance alone; and with them those that it destroys
/// and the configuration does not have any more, which are given apart as well.
fn everybody(task: &Task) -> (Vec<&Arc<Instance>>, Vec<Arc<Instance>>) {
    let configured = match &task.cluster {
        Some(cluster) => &cluster.members,
        None => task.subject.members(),
    };
    let mut all: Vec<&Arc<Instance>> = configured.iter().collect();
    let mut known: HashSet<&str> = all.iter().map(|it| it.name.as_str()).collect();
    let mut strays = Vec::new();
    for item in &task.items {
        let Item::All { members, .. } = item else {
            continue;
        };
        for member in members {
            if known.insert(&member.name) {
                all.push(member);
                strays.push(member.clone());
            }
        }
    }
    (all, strays)
}

impl<'a> Job<'a> {
    /// Reads the states. One that cannot be read is moved aside where the work begins with
    /// destroying, which finds the machine by its labels.
    pub async fn new(run: &'a Run<'a>, task: &'a Task, after_crash: bool) -> Result<Self, Failure> {
        let project = &run.kitchen.project;
        let destroys = matches!(
            task.items.first(),
            Some(Item::All {
                action: Action::Destroy,
                ..
            })
        );
        let (all, strays) = everybody(task);
        let worked_on = task.subject.members().iter().chain(&strays);
        let worked_on: HashSet<&str> = worked_on.map(|it| it.name.as_str()).collect();
        let mut members = Vec::with_capacity(all.len());
        let mut otherwise = Vec::new();
        for instance in all {
            let file = project.state_file(&instance.name);
            let ours = worked_on.contains(instance.name.as_str());
            let values = match file.read() {
                Ok(values) => values,
                Err(_) if !ours => Default::default(),
                Err(error @ crate::state::Error::Broken { .. }) if destroys => {
                    let aside = file.set_aside()?;
                    let message = format!("{error}; moved to {}", aside.display());
                    run.sink.warn(task.subject.name(), &message).await;
                    Default::default()
                }
                Err(error) => return Err(error.into()),
            };
            let configuration = project.file.as_deref();
            let member = Member::new(instance, file, values, &run.sink.secrets, configuration);
            if let Some(made) = member.as_made(&run.kitchen.registry) {
                if ours && !destroys {
                    let (message, hints) = made_otherwise(instance, &made);
                    let failure = Failure::new(Cause::Config, message);
                    return Err(hints.into_iter().fold(failure, Failure::hint));
                }
                otherwise.push(made);
            }
            members.push(member);
        }
        let index = |name: fn(&Instance) -> &String| {
            let mut found = HashMap::new();
            for (index, member) in members.iter().enumerate() {
                found.entry(name(&member.instance).clone()).or_insert(index);
            }
            found
        };
        let job = Self {
            run,
            task,
            after_crash,
            by_name: index(|it| &it.name),
            by_suite: index(|it| &it.suite),
            members,
            made_otherwise: otherwise,
            record: Mutex::default(),
            known: Mutex::default(),
            steps: Mutex::default(),
            begun: Mutex::default(),
            mending: Mutex::default(),
            tested: AtomicBool::new(false),
        };
        match job.read_record() {
            Err(crate::state::Error::Broken { .. }) if destroys => {}
            record => *locked(&job.record) = record?,
        }
        job.look_around();
        Ok(job)
    }

    fn read_record(&self) -> Result<ClusterRecord, crate::state::Error> {
        match &self.task.cluster {
            Some(cluster) => {
                ClusterRecord::read(&self.run.kitchen.project.kitchen(), &cluster.name)
            }
            None => Ok(ClusterRecord::default()),
        }
    }

    /// Changes the cluster's record, and puts it on disk.
    pub fn record(&self, change: impl FnOnce(&mut ClusterRecord)) -> Result<(), Failure> {
        let Some(cluster) = &self.task.cluster else {
            return Ok(());
        };
        let mut record = locked(&self.record);
        change(&mut record);
        record.run = self.run.id.clone();
        Ok(record.write(&self.run.kitchen.project.kitchen(), &cluster.name)?)
    }

    /// What is broken, as the record has it.
    pub fn broken(&self) -> Vec<Broken> {
        locked(&self.record).broken.clone()
    }

    /// Notes that these faults are being undone: they stay on the record until they are, and are
    /// to be in force no more.
    pub fn mending(&self, ids: &[u64]) -> Mending<'_> {
        locked(&self.mending).extend(ids);
        Mending {
            all: &self.mending,
            these: ids.into(),
        }
    }

    /// What is broken and is to be so.
    pub fn in_force(&self) -> Vec<Broken> {
        let mending = locked(&self.mending).clone();
        let mut broken = self.broken();
        broken.retain(|it| !mending.contains(&it.id));
        broken
    }

    /// Whether every living member has heard of all others.
    pub fn all_heard(&self) -> bool {
        locked(&self.record).gossiped
    }

    /// The faults of this run.
    pub fn begun(&self) -> MutexGuard<'_, Vec<Begun>> {
        locked(&self.begun)
    }

    /// What an earlier run broke is mended, then all items are done, then what they broke is
    /// mended, or all is destroyed.
    pub async fn run(self) -> (Outcome, Vec<StepSummary>) {
        let scope = Scope::new(&self.run.stop.soon);
        let mended = match self.task.begins_anew() {
            true => Ok(false),
            false => self.mend_first().await,
        };
        let heals = mended.is_ok();
        let mut ended = match mended {
            Ok(_) if self.needs_test() && !self.task.judges() => Err(self.no_test()),
            Ok(mended) => self.items(&scope, mended).await,
            Err(failure) => Err(failure),
        };
        if ended.is_ok() && self.judges_nothing() {
            ended = self.without_test().await;
        }
        let destroy = match self.task.cleanup {
            Some(DestroyPolicy::Always) => true,
            Some(DestroyPolicy::Passing) => ended.is_ok(),
            Some(DestroyPolicy::Never) | None => false,
        };
        if destroy {
            let scope = Scope::new(&self.run.stop.now);
            let members = self.task.subject.members();
            let cleaned = self.all(&Action::Destroy, members, &scope).await;
            ended = ended.and(cleaned);
        } else if heals {
            let mended = self.mend_all().await;
            if let (Err(_), Err(failure)) = (&ended, &mended) {
                let message = format!("{}. {}", failure.message, failure.hints.join(" "));
                self.run.sink.warn(self.task.subject.name(), &message).await;
            }
            ended = ended.and(mended);
        }
        let outcome = match ended {
            Ok(()) => Outcome::Passed,
            Err(failure) => Outcome::Failed(failure),
        };
        (
            outcome,
            self.steps
                .into_inner()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }

    /// Something has judged.
    pub fn tested(&self) {
        self.tested.store(true, Ordering::Relaxed);
    }

    /// Whether the command asks for a verdict and nothing has given one.
    fn judges_nothing(&self) -> bool {
        let asks = matches!(self.run.plan.command, Command::Test | Command::Verify);
        asks && !self.tested.load(Ordering::Relaxed)
    }

    /// Whether a run without a test fails.
    fn needs_test(&self) -> bool {
        self.judges_nothing() && self.run.options.require_tests
    }

    /// A run that tested nothing: a failure where a test is required, else something to be told,
    /// which each verify that ran no test has done by itself.
    async fn without_test(&self) -> Result<(), Failure> {
        if self.needs_test() {
            return Err(self.no_test());
        }
        // A plan of `verify` warns of it beforehand.
        if !self.task.judges() && self.run.plan.command == Command::Test {
            let message = self.no_test().message;
            self.run.sink.warn(self.task.subject.name(), &message).await;
        }
        Ok(())
    }

    fn no_test(&self) -> Failure {
        let why = match self.task.judges() {
            true => "every one was skipped",
            false => "nothing that it does verifies, runs a command, waits or asks a heartbeat",
        };
        let name = self.task.subject.name();
        Failure::new(Cause::Verify, format!("{name}: no test was run: {why}"))
            .hint("`kitchen plan` shows its steps; a test is required by `--require-tests`.")
    }

    /// All items; `mended`: something was broken, and is not any more.
    async fn items(&self, scope: &Scope, mended: bool) -> Result<(), Failure> {
        let cluster = matches!(self.task.subject, Subject::Cluster(_));
        if cluster && self.run.plan.command == Command::Test {
            let first = self.task.items.iter().find_map(|item| match item {
                Item::Step { number, .. } => Some(*number),
                _ => None,
            });
            self.record(|record| {
                record
                    .steps
                    .retain(|it| first.is_none_or(|first| it.number < first))
            })?;
        }
        for item in &self.task.items {
            if scope.cancel.is_cancelled() {
                return Err(Failure::interrupted());
            }
            match item {
                Item::Gossip(members) => self.gossip(members, scope).await?,
                Item::All { action, members } => self.all(action, members, scope).await?,
                Item::LateGossip => self.late_gossip(scope).await?,
                Item::Heal if mended => {}
                Item::Heal => self.nothing_to_heal().await,
                Item::Step { number, node } => {
                    let started = tokio::time::Instant::now();
                    let outcome = self.node(node, &scope.at(*number)).await;
                    locked(&self.steps).push(StepSummary {
                        number: *number,
                        title: title(node),
                        outcome: outcome.clone(),
                        duration: started.elapsed(),
                    });
                    self.ended(*number, title(node), &outcome)?;
                    if let Outcome::Failed(failure) = outcome {
                        return Err(failure);
                    }
                }
            }
        }
        Ok(())
    }

    /// Notes how a step ended, for `--resume`. A step that ran in part has not passed by that, and
    /// what was known of it before still holds.
    fn ended(&self, number: usize, title: String, outcome: &Outcome) -> Result<(), Failure> {
        let error = match outcome {
            Outcome::Partly(_) => return Ok(()),
            Outcome::Failed(failure) => Some(failure.message.clone()),
            _ => None,
        };
        let ended = Ended {
            number,
            title,
            passed: error.is_none(),
            error: error.map(|text| self.run.sink.secrets.mask(&text).into_owned()),
        };
        if let Some(cluster) = &self.task.cluster {
            let mut record = locked(&self.record);
            let last = record.last().is_none_or(|last| last.number < number);
            // What is on disk is what this run wrote: numbers grow with every step.
            let kitchen = self.run.kitchen.project.kitchen();
            if last
                && record.run == self.run.id
                && record.add(&ended, &kitchen, &cluster.name).is_ok()
            {
                return Ok(());
            }
        }
        self.record(|record| {
            record.steps.retain(|it| it.number != number);
            record.steps.push(ended);
        })
    }

    /// One action on several members at once, up to the limit; all get their turn.
    async fn all(
        &self,
        action: &Action,
        members: &[Arc<Instance>],
        scope: &Scope,
    ) -> Result<(), Failure> {
        if matches!(action, Action::Create | Action::Destroy) {
            let noted = self.record(|record| record.gossiped = false);
            // What is removed needs no note; a full disk must not keep it.
            if *action == Action::Create {
                noted?;
            }
        }
        let work = members
            .iter()
            .enumerate()
            .map(|(index, instance)| async move {
                let ended = match self.member(instance) {
                    Ok(member) => {
                        // A machine goes as it came.
                        let made = member.as_made(&self.run.kitchen.registry);
                        let made = made.filter(|_| *action == Action::Destroy);
                        let instance = made.as_ref().unwrap_or(instance);
                        let work = Work::of(action.clone(), instance, self.task);
                        self.action(member, &work, scope).await
                    }
                    Err(failure) => Err(failure),
                };
                (index, ended)
            });
        let mut failures = Vec::new();
        let mut running =
            futures::stream::iter(work).buffer_unordered(self.run.options.members.max(1));
        while let Some((index, ended)) = running.next().await {
            if let Err(failure) = ended {
                failures.push((index, failure));
            }
        }
        drop(running);
        failures.sort_by_key(|(index, _)| *index);
        self.look_around();
        match failures.into_iter().next() {
            Some((_, failure)) => Err(failure),
            None if *action == Action::Destroy => self.dissolve(scope).await,
            None => Ok(()),
        }
    }

    /// The machine of `instance`.
    pub fn member(&self, instance: &Instance) -> Result<&Member, Failure> {
        self.named(&instance.name).ok_or_else(|| {
            Failure::new(
                Cause::Internal,
                format!("{} is no member of this work", instance.name),
            )
        })
    }

    /// The machine of the instance called `name`.
    pub fn named(&self, name: &str) -> Option<&Member> {
        let index = self.by_name.get(name);
        index.and_then(|index| self.members.get(*index))
    }

    /// The member of suite `suite`.
    pub fn of_suite(&self, suite: &str) -> Option<&Member> {
        let index = self.by_suite.get(suite);
        index.and_then(|index| self.members.get(*index))
    }

    /// What all know of the living members.
    pub fn known(&self) -> Arc<Known> {
        locked(&self.known).clone()
    }

    /// Learns who lives. An instance without a cluster has no peers.
    pub fn look_around(&self) {
        let mut known = Known::default();
        if self.task.cluster.is_some() {
            let living = self.members.iter().filter(|member| member.lives());
            let peers = Peers(living.map(Member::peer).collect());
            known.environment = Arc::new(peers.environment());
            let suites = peers.0.iter().map(|peer| peer.suite.clone());
            known.by_suite = suites.zip(0..).collect();
            known.peers = Arc::new(peers);
        }
        let living = self.members.iter().filter(|member| member.lives());
        let target = |member: &Member| Some((member.instance.suite.clone(), self.target(member)?));
        known.targets = Arc::new(living.filter_map(target).collect());
        *locked(&self.known) = Arc::new(known);
    }

    /// Where a member is, for tools of their own ways; none where the transport cannot tell.
    fn target(&self, member: &Member) -> Option<Target> {
        let (kitchen, used) = (self.run.kitchen, &member.instance.transport);
        let transport = kitchen.registry.transport(&used.name).ok()?;
        let section = used.section.clone();
        let cx = plan::context(&kitchen.project, &member.instance, section, &self.run.id);
        transport.target(&cx, &member.state()).ok()
    }

    /// Nothing is left of the cluster: neither is its record.
    pub fn forget_record(&self, empty: ClusterRecord) -> Result<(), Failure> {
        let Some(cluster) = &self.task.cluster else {
            return Ok(());
        };
        *locked(&self.record) = empty;
        Ok(ClusterRecord::remove(
            &self.run.kitchen.project.kitchen(),
            &cluster.name,
        )?)
    }
}
