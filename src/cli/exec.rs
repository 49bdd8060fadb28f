//! `kitchen exec -c COMMAND`: a command on instances, or on every living member of clusters.

use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use banquet_sdk::{Error, ExitStatus, Line, Output, Peers, Seams, Stream, async_trait, first_line};
use clap::Args;
use tokio_util::sync::CancellationToken;

use super::args::{Common, Names};
use super::exit::Exit;
use super::fault::Fault;
use super::heal;
use super::loaded::Loaded;
use super::machine::Machine;
use super::mask;
use super::signals::Signals;
use super::streams;
use crate::matrix::{Instance, Kind};
use crate::report::safe;

/// `exec`.
#[derive(Args, Clone, Debug)]
pub struct Exec {
    /// Which.
    #[command(flatten)]
    pub names: Names,
    /// The command line, for the instance's shell
    #[arg(short, long, value_name = "COMMAND", required = true)]
    pub command: String,
    /// Output.
    #[command(flatten)]
    pub common: Common,
}

/// Where the command runs: on the living members of one cluster, or on one instance by itself.
struct Group<'a> {
    machines: Vec<Machine<'a>>,
    cluster: bool,
}

/// Runs the command on one instance after the other; one that fails does not keep it from the
/// others.
pub fn exec(exec: &Exec) -> Result<Exit, Fault> {
    let loaded = Loaded::read(&exec.common)?;
    let selection = loaded.choose(&exec.names)?;
    heal::first(&loaded, &exec.common, &selection)?;
    let mut groups = Vec::new();
    for cluster in &selection.clusters {
        let machines = cluster
            .members
            .iter()
            .map(|member| Machine::read(&loaded, member));
        let mut machines = machines.collect::<Result<Vec<_>, Fault>>()?;
        machines.retain(Machine::lives);
        if machines.is_empty() {
            return Err(Fault::usage(
                format!("no member of {} has been created", cluster.name),
                [format!("Run `kitchen create {}`.", cluster.name)],
            ));
        }
        groups.push(Group {
            machines,
            cluster: true,
        });
    }
    for instance in &selection.instances {
        groups.push(Group {
            machines: vec![Machine::living(&loaded, instance)?],
            cluster: false,
        });
    }
    let runtime = super::runtime()?;
    let mut failed = Vec::new();
    for group in &groups {
        for machine in &group.machines {
            let name = &machine.instance.name;
            writeln!(mask::out(), "-----> Execute command on {name}.")?;
            let (code, why) = runtime.block_on(group.run(machine, &exec.command))?;
            if code != 0 {
                failed.push(format!("{name}: exit code {code}"));
                failed.extend(why);
            }
        }
    }
    match failed.is_empty() {
        true => Ok(Exit::Success),
        false => Err(Fault::new(Exit::Verify, "the command failed", failed)),
    }
}

impl Group<'_> {
    /// Runs the command on one instance; gives its exit code, and sentences about a script that
    /// did not start.
    async fn run(&self, machine: &Machine<'_>, command: &str) -> Result<(i32, Vec<String>), Fault> {
        let connection = machine.connect().await?;
        let context = machine.context(Kind::Transport);
        let mut output = Printed::new(machine.instance, self.cluster);
        let mut exec = banquet_sdk::Exec::new(command).env(&context.environment);
        if self.cluster {
            let peer = |machine: &Machine<'_>| machine.instance.peer(&machine.state);
            let peers = Peers(self.machines.iter().map(peer).collect());
            exec = exec.env(&peers.environment());
        }
        let mut signals = Signals::take()?;
        // Dropping the work ends the command on the machine.
        let ended = tokio::select! {
            ended = connection.exec(&exec, &output) => ended,
            () = output.unheard.cancelled() => Ok(ExitStatus(0)),
            () = signals.next() => Err(Error::cancelled()),
        };
        output.result()?;
        output.end()?;
        let status = ended.map_err(|error| machine.failed(&error))?;
        let why = first_line::on_machine(command, &*connection, status).await;
        Ok((status.0, why))
    }
}

/// Prints lines as they come, in Test Kitchen's form.
struct Printed {
    prefix: String,
    seams: Seams,
    failed: Mutex<Option<io::Error>>,
    /// Cancelled when nobody reads any more: then the command is ended.
    unheard: CancellationToken,
}

impl Printed {
    fn new(instance: &Instance, named: bool) -> Self {
        let prefix = match named {
            true => format!("       [{}] ", instance.name),
            false => "       ".into(),
        };
        Self {
            prefix,
            seams: Seams::default(),
            failed: Mutex::new(None),
            unheard: CancellationToken::new(),
        }
    }

    fn write(&self, line: &Line) -> io::Result<()> {
        let text = mask::secrets().mask(&line.text);
        let text = format!("{}{}\n", self.prefix, safe(&text, false));
        match line.stream {
            Stream::Out | Stream::Note => streams::stdout().write_all(text.as_bytes()),
            Stream::Err => streams::stderr().write_all(text.as_bytes()),
        }
    }

    /// Writes what was held back of the last line.
    fn end(&mut self) -> io::Result<()> {
        let rest = self.seams.rest();
        rest.iter().try_for_each(|line| self.write(line))
    }

    /// Whether all could be written.
    fn result(&self) -> io::Result<()> {
        match self
            .failed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
        {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }
}

#[async_trait]
impl Output for Printed {
    async fn line(&self, line: Line) {
        let line = self.seams.line(mask::secrets(), line);
        if let Err(error) = self.write(&line) {
            *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            self.unheard.cancel();
            std::future::pending().await
        }
        // A command that prints without end must leave signals their turn.
        tokio::task::coop::consume_budget().await;
    }
}
