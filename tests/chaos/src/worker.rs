//! Plays rounds one after the other; several do so beside each other.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::aim::Call;
use crate::cloud::Cloud;
use crate::config::{self, Config};
use crate::engine::Engine;
use crate::foreign::{self, Planted, Stranger};
use crate::kitchen::Kitchen;
use crate::look::{self, Docker, Found, Noted};
use crate::place::Place;
use crate::plan::{Driver, Kind, Plan, Round};
use crate::round::Trouble;

/// Commands that are disturbed; how long each takes is measured before.
const CALLS: [&str; 4] = ["create", "destroy", "test", "test --destroy=always"];

/// One of those who play.
pub struct Worker {
    /// In every name that its projects have, and in no other worker's.
    pub token: String,
    /// Variables of every command.
    pub variables: Vec<(String, String)>,
    /// No command may take longer.
    pub limit: Duration,
    /// The engine that machines are made in, where it is one.
    pub docker: Option<Docker>,
    /// An engine that is its own.
    pub engine: Option<RefCell<Engine>>,
    /// What was planted in the engine.
    pub foreign: Planted,
    /// The stand-in for EC2.
    pub cloud: Option<Arc<Cloud>>,
    stranger: Stranger,
    usual: BTreeMap<&'static str, Duration>,
    /// Leftovers that were told already.
    told: RefCell<Vec<Found>>,
}

impl Worker {
    /// Prepares one: plants what must stay, and measures what commands take.
    pub fn new(
        plan: &Plan,
        number: usize,
        engine: Option<Engine>,
        cloud: Option<Arc<Cloud>>,
    ) -> Result<Self, String> {
        // Several plans may be played by one process.
        static WORKERS: AtomicU32 = AtomicU32::new(0);
        let unique = WORKERS.fetch_add(1, Ordering::Relaxed);
        let token = format!("x{}w{unique}e", std::process::id());
        let section = config::section(
            plan.driver,
            &mut plan.dice(FIRST),
            cloud.as_ref().map(|it| &*it.endpoint),
        );
        let config = Config::new(plan.driver, section, &token);
        let docker = match (&engine, plan.driver) {
            (_, Driver::Sandbox | Driver::Ec2) => None,
            (Some(engine), _) => Some(engine.docker()),
            (None, _) => Some(Docker::default()),
        };
        let foreign = docker
            .as_ref()
            .map(|docker| foreign::plant_in_docker(docker, &config));
        let mut variables = Vec::new();
        if let Some(host) = docker.as_ref().and_then(|docker| docker.host.clone()) {
            variables.push(("DOCKER_HOST".to_owned(), host));
        }
        if cloud.is_some() {
            for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
                variables.push((name.into(), "test".into()));
            }
        }
        let directory = plan.directory.join(format!("stranger-{number}"));
        std::fs::create_dir_all(&directory).map_err(|error| error.to_string())?;
        let stranger = Stranger::plant(&directory, &config).map_err(|error| error.to_string())?;
        let mut worker = Self {
            variables,
            limit: match plan.driver {
                Driver::Sandbox => Duration::from_secs(60),
                Driver::Docker => Duration::from_secs(120),
                Driver::Vagrant | Driver::Ec2 => Duration::from_secs(600),
            },
            docker,
            engine: engine.map(RefCell::new),
            foreign: foreign.transpose()?.unwrap_or_default(),
            cloud,
            stranger,
            usual: BTreeMap::new(),
            told: RefCell::default(),
            token,
        };
        worker.measure(plan, &config)?;
        Ok(worker)
    }

    /// Runs every command undisturbed. `test` comes last: it leaves nothing.
    fn measure(&mut self, plan: &Plan, config: &Config) -> Result<(), String> {
        let text = |error: std::io::Error| error.to_string();
        let place = Place::new(
            plan.directory
                .join(format!("usual-{}", self.stranger.pid())),
        )
        .map_err(text)?;
        place.configure(&config.text()).map_err(text)?;
        for arguments in CALLS {
            let kitchen =
                Kitchen::start(&plan.kitchen, &place, &self.variables, arguments).map_err(text)?;
            let ended = kitchen.end(self.limit).map_err(text)?;
            ended.succeeds()?;
            self.usual.insert(arguments, ended.took);
        }
        std::fs::remove_dir_all(place.root()).map_err(text)
    }

    /// One of the commands that are measured.
    pub fn call(&self, arguments: &'static str) -> Call {
        Call {
            arguments,
            usual: self.usual.get(arguments).copied().unwrap_or_default(),
            makes: arguments != "destroy",
        }
    }

    /// What is there of this worker's projects and was not told before.
    pub fn look(&self, noted: &Noted) -> Result<Vec<Found>, Trouble> {
        let mut found = look::processes(&self.token, &[self.stranger.pid()])?;
        if let Some(docker) = &self.docker {
            found.extend(docker.named(&self.token, &self.foreign)?);
            found.extend(noted.left(docker)?);
        }
        if let Some(cloud) = &self.cloud {
            found.extend(cloud.named(&self.token)?);
        }
        let told = self.told.borrow();
        found.retain(|it| !told.contains(it));
        Ok(found)
    }

    /// What was planted and is gone.
    pub fn lost(&self) -> Result<Vec<String>, String> {
        let mut lost = match &self.docker {
            Some(docker) => foreign::lost_in_docker(docker, &self.foreign)?,
            None => Vec::new(),
        };
        if !self.stranger.runs() {
            lost.push("a process with the labels of another project".into());
        }
        Ok(lost)
    }

    /// Removes what a failed round left, by force: the next one begins with nothing. What stays is
    /// not told again.
    pub fn sweep(&self, noted: &Noted) -> Result<(), Trouble> {
        for _ in 0..5 {
            for found in self.look(noted)? {
                match (&found, &self.docker) {
                    (Found::Process(pid, _), _) => {
                        if let Some(pid) = Pid::from_raw(*pid) {
                            // It may have ended with another one.
                            let _ = kill_process(pid, Signal::KILL);
                        }
                    }
                    (Found::Docker(kind, id, _), Some(docker)) => {
                        let _ = docker.remove(kind, id);
                    }
                    _ => {}
                }
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        let left = self.look(noted)?;
        self.told.borrow_mut().extend(left);
        Ok(())
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        for (id, kind) in foreign::in_order(&self.foreign) {
            let removed = self.docker.as_ref().map(|docker| docker.remove(kind, id));
            if let Some(Err(error)) = removed {
                eprintln!("{error}");
            }
        }
    }
}

const FIRST: Round = Round {
    kind: Kind::Kill,
    index: 0,
};
