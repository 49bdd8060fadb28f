//! Deals the rounds of a plan out to workers, and counts what came of them.

use std::collections::BTreeMap;
use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use crate::cloud::Cloud;
use crate::config::IMAGE;
use crate::engine::Engine;
use crate::figures::{Failure, Figures};
use crate::look::{Docker, Found};
use crate::place::Place;
use crate::plan::{Driver, Kind, Plan, Round};
use crate::round::{self, Outcome, Trouble};
use crate::worker::Worker;

/// Plays all of it.
pub fn play(plan: &Plan) -> Result<Figures, String> {
    let started = Instant::now();
    if plan.driver == Driver::Docker {
        Docker::default().run(&["image", "inspect", IMAGE])?;
    }
    fs::create_dir_all(&plan.directory).map_err(|error| error.to_string())?;
    let cloud = match plan.driver {
        Driver::Ec2 => Some(Arc::new(Cloud::start()?)),
        _ => None,
    };
    let figures = Mutex::new(Figures::default());
    let (engine, usual): (Vec<Round>, Vec<Round>) = plan
        .rounds
        .iter()
        .partition(|round| round.kind == Kind::Engine);
    let usual = if rustix::process::geteuid().is_root() {
        usual
    } else {
        let (disk, others): (Vec<Round>, Vec<Round>) = usual
            .into_iter()
            .partition(|round| round.kind == Kind::Disk);
        skip(&figures, &disk, "only root mounts a small disk");
        others
    };
    let next = AtomicUsize::new(0);
    let jobs = plan.jobs.min(usual.len());
    let played = std::thread::scope(|scope| {
        let work = |number: usize| {
            let (usual, next, figures, cloud) = (&usual, &next, &figures, cloud.clone());
            scope.spawn(move || {
                let worker = Worker::new(plan, number, None, cloud)?;
                let rounds =
                    std::iter::from_fn(|| usual.get(next.fetch_add(1, Ordering::Relaxed)).copied());
                Table::new(plan, &worker, figures).play(rounds)
            })
        };
        let workers: Vec<_> = (0..jobs).map(work).collect();
        workers.into_iter().try_for_each(|worker| {
            let ended = worker.join();
            ended.map_err(|_| "a worker panicked".to_owned())?
        })
    });
    let played = played.and_then(|()| play_engine(plan, &engine, &figures));
    let mut figures = figures.into_inner().map_err(|error| error.to_string())?;
    figures.took = started.elapsed();
    if let Err(why) = played {
        // What was played until then counts.
        eprintln!("{figures}");
        return Err(why);
    }
    Ok(figures)
}

fn skip(figures: &Mutex<Figures>, rounds: &[Round], why: &str) {
    if let (Some(first), Ok(mut figures)) = (rounds.first(), figures.lock()) {
        let line = format!("{} rounds of {}: {why}", rounds.len(), first.kind);
        figures.skipped.push(line);
    }
}

/// These have an engine of their own, and nobody beside them.
fn play_engine(plan: &Plan, rounds: &[Round], figures: &Mutex<Figures>) -> Result<(), String> {
    if rounds.is_empty() {
        return Ok(());
    }
    if plan.driver != Driver::Docker {
        skip(figures, rounds, "only driver docker has an engine");
        return Ok(());
    }
    let engine = match Engine::start(&plan.directory.join("engine")) {
        Ok(engine) => engine,
        Err(why) => {
            skip(figures, rounds, &why);
            return Ok(());
        }
    };
    let worker = Worker::new(plan, plan.jobs, Some(engine), None)?;
    Table::new(plan, &worker, figures).play(rounds.iter().copied())
}

/// Where one worker plays.
struct Table<'a> {
    plan: &'a Plan,
    worker: &'a Worker,
    figures: &'a Mutex<Figures>,
    /// Projects of the rounds that were played, by their names in labels.
    projects: BTreeMap<String, Round>,
    /// The place of the round before, which may still turn out to have left something.
    before: Option<Place>,
}

impl<'a> Table<'a> {
    fn new(plan: &'a Plan, worker: &'a Worker, figures: &'a Mutex<Figures>) -> Self {
        Self {
            plan,
            worker,
            figures,
            projects: BTreeMap::new(),
            before: None,
        }
    }

    fn play(mut self, rounds: impl Iterator<Item = Round>) -> Result<(), String> {
        for round in rounds {
            let mut outcome = self.round(round)?;
            // What came to light late is an earlier round's: this one is played again.
            while let Some(earlier) = self.earlier(round, &outcome) {
                let trouble = outcome.trouble.take();
                self.count(earlier, outcome, trouble)?;
                outcome = self.round(round)?;
            }
            let trouble = outcome.trouble.take();
            self.count(round, outcome, trouble)?;
        }
        if let Some(place) = self.before.take() {
            fs::remove_dir_all(place.root()).map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    fn round(&mut self, round: Round) -> Result<Outcome, String> {
        let text = |error: std::io::Error| format!("{round}: {error}");
        let root = self
            .plan
            .directory
            .join(format!("{}-{}", round.kind, round.index));
        let place = Place::new(root).map_err(text)?;
        let outcome = round::play(self.plan, self.worker, round, place).map_err(text)?;
        if let Some(project) = &outcome.project {
            self.projects.insert(project.clone(), round);
        }
        Ok(outcome)
    }

    /// The round before `round` that all leftovers belong to, if so.
    fn earlier(&self, round: Round, outcome: &Outcome) -> Option<Round> {
        let Some(Trouble::Leaked(found)) = &outcome.trouble else {
            return None;
        };
        let whose = |found: &Found| {
            let text = found.to_string();
            let mut known = self.projects.iter().filter(|(_, it)| **it != round);
            known.find_map(|(project, round)| text.contains(project).then_some(*round))
        };
        let first = whose(found.first()?)?;
        found.iter().all(|it| whose(it).is_some()).then_some(first)
    }

    fn count(
        &mut self,
        round: Round,
        outcome: Outcome,
        trouble: Option<Trouble>,
    ) -> Result<(), String> {
        let mut figures = self.figures.lock().map_err(|error| error.to_string())?;
        figures.add(round, outcome.hits, trouble.as_ref());
        let played: u32 = figures.counts.values().map(|count| count.rounds).sum();
        if played.is_multiple_of(50) {
            let hits: u32 = figures.counts.values().map(|count| count.hits).sum();
            let failed = figures.failures.len();
            eprintln!("{played} rounds, {hits} hits, {failed} failed");
        }
        let root = outcome.place.root().to_owned();
        let Some(trouble) = trouble else {
            drop(figures);
            let before = self.before.replace(outcome.place);
            return before.map_or(Ok(()), |place| {
                fs::remove_dir_all(place.root()).map_err(|error| error.to_string())
            });
        };
        let failure = Failure {
            round,
            trouble,
            story: outcome.story,
            again: self.plan.again(round),
            place: root,
        };
        eprintln!("{failure}");
        figures.failures.push(failure);
        drop(figures);
        let swept = self.worker.sweep(&outcome.noted);
        swept.map_err(|trouble| trouble.to_string())
    }
}
