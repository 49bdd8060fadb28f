//! One round: chaos in a project of its own, then what must be true.

use std::fmt;
use std::io;
use std::time::{Duration, Instant};

use rand::Rng;
use rand::rngs::StdRng;

use crate::config::{self, Config};
use crate::foreign::Bystander;
use crate::kitchen::{Ended, Kitchen};
use crate::look::{Found, Noted};
use crate::place::Place;
use crate::plan::{Kind, Plan, Round};
use crate::worker::Worker;

/// How long something that is ending may still be seen.
const GRACE: Duration = Duration::from_secs(3);

/// What was not as it must be.
#[derive(Debug)]
pub enum Trouble {
    /// Something of the project is still there.
    Leaked(Vec<Found>),
    /// Something that the kitchen did not make is gone.
    Lost(Vec<String>),
    /// A command did not end, or failed where it must not.
    Stuck(String),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Leaked(found) => {
                let lines: Vec<String> = found.iter().map(ToString::to_string).collect();
                write!(f, "leaked: {}", lines.join("\n    "))
            }
            Self::Lost(lost) => write!(f, "lost: {}", lost.join("\n    ")),
            Self::Stuck(why) => write!(f, "stuck: {why}"),
        }
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Stuck(format!("the harness itself: {error}"))
    }
}

impl From<String> for Trouble {
    fn from(why: String) -> Self {
        Self::Stuck(why)
    }
}

/// A round while it is played.
pub struct Game<'a> {
    pub plan: &'a Plan,
    pub worker: &'a Worker,
    pub place: Place,
    pub config: Config,
    pub dice: StdRng,
    /// How often something was done to a command that was running.
    pub hits: u32,
    /// Whether all of `.kitchen` was lost.
    pub is_state_lost: bool,
    /// Files in `.kitchen` that the harness made.
    pub foreign_state_files: Vec<&'static str>,
    /// What was seen of the project's things before they were removed.
    noted: Noted,
    story: String,
    bystander: Bystander,
}

/// What came of a round.
pub struct Outcome {
    /// What happened, for people.
    pub story: String,
    pub hits: u32,
    pub trouble: Option<Trouble>,
    /// What was seen of its things.
    pub noted: Noted,
    /// Where it was.
    pub place: Place,
    /// The project's name in labels.
    pub project: Option<String>,
}

/// Plays `round` in `place`, which stays.
pub fn play(plan: &Plan, worker: &Worker, round: Round, place: Place) -> io::Result<Outcome> {
    let mut dice = plan.dice(round);
    let section = config::section(
        plan.driver,
        &mut dice,
        worker.cloud.as_ref().map(|it| &*it.endpoint),
    );
    let config = Config::new(plan.driver, section, &worker.token);
    let bystander = Bystander::plant(&place, &worker.token)?;
    let mut game = Game {
        plan,
        worker,
        place,
        config,
        dice,
        hits: 0,
        is_state_lost: false,
        foreign_state_files: Vec::new(),
        noted: Noted::default(),
        story: String::new(),
        bystander,
    };
    let trouble = game.play(round.kind).err();
    std::fs::write(game.place.root().join("story.txt"), &game.story)?;
    Ok(Outcome {
        project: game.place.project_id(),
        story: game.story,
        hits: game.hits,
        trouble,
        noted: game.noted,
        place: game.place,
    })
}

impl Game<'_> {
    fn play(&mut self, kind: Kind) -> Result<(), Trouble> {
        let usual = self.config.clone();
        // What a kill leaves running on the workstation would end by itself too soon to be seen.
        let long = kind == Kind::Kill && self.dice.random_bool(0.2);
        if long {
            self.config = usual.clone().with_long_verify();
        }
        self.place.configure(&self.config.text())?;
        match kind {
            Kind::Kill => self.kills()?,
            Kind::Signal => self.interrupt()?,
            Kind::Disk => self.fill_disk()?,
            Kind::Change => self.change()?,
            Kind::Engine => self.restart_engine()?,
        }
        self.clean()?;
        self.config = usual;
        self.place.configure(&self.config.text())?;
        self.run("test")?.succeeds()?;
        self.look()
    }

    /// Removes everything by `destroy`, or by `gc` where nothing is remembered, and looks.
    pub fn clean(&mut self) -> Result<(), Trouble> {
        if self.is_state_lost && self.dice.random_bool(0.5) {
            self.run("gc --yes")?.succeeds()?;
        } else {
            self.run("destroy")?.succeeds()?;
        }
        self.look()
    }

    /// Starts a command.
    pub fn start(&mut self, arguments: &str) -> io::Result<Kitchen> {
        let Worker { token, .. } = self.worker;
        let mut variables = self.worker.variables.clone();
        variables.push(("CHAOS_TOKEN".into(), token.clone()));
        Kitchen::start(&self.plan.kitchen, &self.place, &variables, arguments)
    }

    /// Runs a command undisturbed.
    pub fn run(&mut self, arguments: &str) -> io::Result<Ended> {
        let ended = self.start(arguments)?.end(self.worker.limit)?;
        self.say(&ended.call.clone());
        Ok(ended)
    }

    /// Keeps what the project has now, as far as its parts have names that do not tell whose they are.
    pub fn note(&mut self) -> Result<(), Trouble> {
        if let Some(docker) = &self.worker.docker {
            self.noted
                .add(docker, &self.worker.token, &self.worker.foreign)?;
        }
        Ok(())
    }

    /// Nothing of the project is there, and everything that is not of the project.
    fn look(&mut self) -> Result<(), Trouble> {
        let since = Instant::now();
        loop {
            let mut found = self.worker.look(&self.noted)?;
            found.extend(crate::look::files(&self.place, &self.foreign_state_files)?);
            if found.is_empty() {
                break;
            }
            if since.elapsed() > GRACE {
                return Err(Trouble::Leaked(found));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let mut lost = self.bystander.lost();
        lost.extend(self.worker.lost()?);
        match lost.is_empty() {
            true => Ok(()),
            false => Err(Trouble::Lost(lost)),
        }
    }

    /// Adds to the story.
    pub fn say(&mut self, text: &str) {
        self.story.push_str("  ");
        self.story.push_str(text);
        self.story.push('\n');
    }
}

impl Game<'_> {
    /// Makes machines, wholly or not, changes the configuration, and removes them in one of the ways
    /// there are.
    fn change(&mut self) -> Result<(), Trouble> {
        let create = self.worker.call("create");
        match self.dice.random_bool(0.4) {
            true => {
                self.kill_call(&create)?;
            }
            false => {
                self.run("create")?.succeeds()?;
                self.hits += 1;
                self.note()?;
            }
        }
        let (config, name) = self.config.changed(&mut self.dice);
        self.say(name);
        self.config = config;
        self.place.configure(&self.config.text())?;
        let before = match self.dice.random_range(0..4) {
            0 => "gc --yes",
            1 => "destroy all",
            2 if !name.starts_with("driver") => "test",
            _ => "list",
        };
        self.run(before)?.succeeds()?;
        Ok(())
    }
}
