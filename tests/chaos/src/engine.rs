//! A Docker engine of the harness' own, which can be killed without harm to anybody.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rand::Rng;
use rustix::process::{Pid, Signal, kill_process};

use crate::aim::Aim;
use crate::config::IMAGE;
use crate::look::Docker;
use crate::round::{Game, Trouble};

/// Longest time that the engine may take to start.
const START: Duration = Duration::from_secs(60);

/// An engine with its own data and its own socket.
pub struct Engine {
    directory: PathBuf,
    /// How layers are kept: as the usual engine does, which is known to work here.
    storage: String,
    /// Outlives the engine, as where both are services.
    containerd: Option<Child>,
    process: Option<Child>,
}

impl Engine {
    /// Starts it in `directory`, and gives it the image that the usual engine has.
    pub fn start(directory: &Path) -> Result<Self, String> {
        fs::create_dir_all(directory).map_err(|error| error.to_string())?;
        let storage = Docker::default().run(&["info", "--format", "{{.Driver}}"])?;
        let mut engine = Self {
            directory: directory.to_owned(),
            storage: storage.trim().to_owned(),
            containerd: None,
            process: None,
        };
        let option =
            |name: &str, path: &str| format!("--{name}={}", directory.join(path).display());
        // The usual engine's settings are not this one's.
        fs::write(directory.join("daemon.json"), "{}").map_err(|error| error.to_string())?;
        fs::write(directory.join("containerd.toml"), "version = 2\n")
            .map_err(|error| error.to_string())?;
        let containerd = engine.spawn(
            Command::new("containerd")
                .arg(option("config", "containerd.toml"))
                .arg(option("root", "containerd"))
                .arg(option("state", "containerd-state"))
                .arg(option("address", "containerd.sock")),
        )?;
        engine.containerd = Some(containerd);
        engine.up()?;
        let archive = directory.join("image.tar");
        let archive = archive.to_string_lossy();
        Docker::default().run(&["save", "--output", &archive, IMAGE])?;
        engine.docker().run(&["load", "--input", &archive])?;
        Ok(engine)
    }

    /// The command that speaks to it.
    pub fn docker(&self) -> Docker {
        let socket = self.directory.join("socket");
        Docker {
            host: Some(format!("unix://{}", socket.display())),
        }
    }

    /// Starts it again, and waits until it answers.
    pub fn up(&mut self) -> Result<(), String> {
        let option =
            |name: &str, path: &str| format!("--{name}={}", self.directory.join(path).display());
        let host = self.docker().host.unwrap_or_default();
        // What an earlier one noted is not there any more.
        let _ = fs::remove_file(self.directory.join("pid"));
        // In a network of its own: without a bridge it would remove that of the workstation's engine.
        let child = self.spawn(
            Command::new("unshare")
                .args(["--net", "dockerd"])
                .arg(option("config-file", "daemon.json"))
                .arg(option("data-root", "data"))
                .arg(option("exec-root", "exec"))
                .arg(option("pidfile", "pid"))
                .arg(option("containerd", "containerd.sock"))
                .arg(format!("--storage-driver={}", self.storage))
                .args([
                    "--host",
                    &host,
                    "--bridge=none",
                    "--iptables=false",
                    "--ip6tables=false",
                ]),
        )?;
        self.process = Some(child);
        let since = Instant::now();
        while let Err(error) = self.docker().run(&["version"]) {
            let ended = self.process.as_mut().and_then(|it| it.try_wait().ok()?);
            if let Some(status) = ended {
                self.process = None;
                return Err(format!("an engine of our own: dockerd ended: {status}"));
            }
            if since.elapsed() > START {
                return Err(format!("an engine of our own does not answer: {error}"));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    fn spawn(&self, command: &mut Command) -> Result<Child, String> {
        let text = |error: io::Error| format!("{}: {error}", command.get_program().display());
        let log = self.directory.join("log");
        let log = File::options()
            .create(true)
            .append(true)
            .open(log)
            .map_err(text)?;
        let copy = log.try_clone().map_err(text)?;
        let spawned = command
            .stdin(Stdio::null())
            .stdout(copy)
            .stderr(log)
            .spawn();
        spawned.map_err(|error| format!("{}: {error}", command.get_program().display()))
    }

    /// Ends it by a signal.
    pub fn down(&mut self, signal: Signal) -> io::Result<()> {
        self.process
            .take()
            .map_or(Ok(()), |process| end(process, signal))
    }
}

fn end(mut process: Child, signal: Signal) -> io::Result<()> {
    // One that has ended is still ours until it is waited for.
    if process.try_wait()?.is_none()
        && let Some(pid) = Pid::from_raw(process.id().cast_signed())
    {
        kill_process(pid, signal)?;
    }
    process.wait().map(|_| ())
}

impl Drop for Engine {
    fn drop(&mut self) {
        let containerd = self.containerd.take();
        let ended = self
            .down(Signal::TERM)
            .and_then(|()| containerd.map_or(Ok(()), |it| end(it, Signal::TERM)));
        // An engine that was killed forgets what it had mounted.
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let points = mounts.lines().filter_map(|line| line.split(' ').nth(4));
        for point in points.filter(|it| Path::new(it).starts_with(&self.directory)) {
            let _ = Command::new("umount").args(["--lazy", point]).status();
        }
        if let Err(error) = ended.and_then(|()| fs::remove_dir_all(&self.directory)) {
            eprintln!("an engine of our own: {error}");
        }
    }
}

impl Game<'_> {
    /// Ends the engine while a command runs, which may be killed as well, and starts it again.
    pub fn restart_engine(&mut self) -> Result<(), Trouble> {
        let worker = self.worker;
        let engine = worker
            .engine
            .as_ref()
            .ok_or_else(|| "no engine of our own".to_owned())?;
        let mut engine = engine.borrow_mut();
        let call = self.draw_call()?;
        let aim = Aim::draw(&mut self.dice, self.plan.driver, &self.config, &call);
        let signal = match self.dice.random_bool(0.7) {
            true => Signal::KILL,
            false => Signal::TERM,
        };
        let kill = self.dice.random_bool(0.5);
        let mut kitchen = self.start(call.arguments)?;
        let hit = aim.comes(&mut kitchen, &self.place)?;
        self.hits += u32::from(hit);
        self.say(&format!(
            "engine got {signal:?} in {} {aim}: {hit}",
            kitchen.call
        ));
        engine.down(signal)?;
        if kill {
            let hit = kitchen.signal(Signal::KILL, false)?;
            self.say(&format!("then the kitchen was killed: {hit}"));
        }
        let ended = kitchen.end(worker.limit)?;
        engine.up()?;
        drop(engine);
        ended.is_over()?;
        self.note()
    }
}
