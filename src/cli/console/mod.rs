//! `kitchen console`: a prompt over clusters and instances. Every command of `kitchen` works at it,
//! and a few that go through a cluster step by step. [`reader`] takes lines from a terminal or a pipe.

mod reader;

use std::io::{self, Write};
use std::sync::Arc;

use clap::{Args, CommandFactory};

use super::args::{Arguments, Common, Names};
use super::exit::Exit;
use super::fault::Fault;
use super::loaded::Loaded;
use super::mask;
use super::table::{self, Cell};
use crate::matrix::{Cluster, Instance, Selection};
use crate::plan::title;
use crate::state::ClusterRecord;
use reader::Reader;

/// `console`.
#[derive(Args, Clone, Debug)]
pub struct Console {
    /// What to work on; another one with `use NAME`
    #[arg(value_name = "NAME|REGEXP")]
    pub name: Option<String>,
    /// Output.
    #[command(flatten)]
    pub common: Common,
}

const HELP: &str = "\
At this prompt:
  use NAME         work on this cluster or instance
  steps            its steps, and which one is next
  next             run the next step; create what is missing before it
  skip             leave the next step of a cluster out
  continue         run all steps that are left
  facts            what is known of its machines
  exec [NAME] COMMAND
                   run a command on a machine (a suite's name is enough), or on all
  quit             leave; the machines stay

Every other command of kitchen works as well: `list`, `verify web`, `destroy all`, `help COMMAND`.
";

/// Commands of the prompt itself.
const COMMANDS: [&str; 8] = [
    "use", "steps", "next", "skip", "continue", "facts", "exec", "quit",
];

/// Where the lines of a terminal are remembered.
const HISTORY: &str = ".kitchen/console_history";

/// Actions of an instance, in order.
const ACTIONS: [&str; 4] = ["create", "converge", "setup", "verify"];

/// Reads and runs commands until `quit` or the end of the input. From a pipe, the exit code is that
/// of the last command that failed.
pub fn console(console: &Console) -> Result<Exit, Fault> {
    let mut prompt = Prompt {
        common: console.common.clone(),
        subject: None,
        skipped: 0,
    };
    let mut last = prompt.begin(console.name.as_deref())?;
    let unreadable = |error: io::Error| {
        let message = format!("read a command: {error}");
        Fault::new(Exit::Usage, message, None::<String>)
    };
    let mut reader = Reader::new(HISTORY.into()).map_err(unreadable)?;
    loop {
        let name = prompt.subject.clone();
        let line = reader.line(name.as_deref().unwrap_or("kitchen"), || prompt.words());
        let Some(line) = line.map_err(unreadable)? else {
            break;
        };
        let words = match shell_words::split(&line) {
            Ok(words) => words,
            Err(error) => {
                Fault::usage(format!("{}: {error}", line.trim()), None::<String>).tell(None);
                last = Exit::Usage;
                continue;
            }
        };
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        if matches!(words.as_slice(), ["quit" | "exit" | "q"]) {
            break;
        }
        let exit = prompt.command(&words).unwrap_or_else(|fault| {
            fault.tell(prompt.common.color);
            fault.exit
        });
        if exit != Exit::Success {
            last = exit;
        }
    }
    Ok(match reader.is_terminal() {
        true => Exit::Success,
        false => last,
    })
}

/// What is remembered between commands.
struct Prompt {
    common: Common,
    /// Name of the cluster or instance.
    subject: Option<String>,
    /// Steps up to this number are left out.
    skipped: usize,
}

/// What is worked on, read anew for every command: the files may have changed.
enum Subject {
    Cluster(Arc<Cluster>),
    Instance(Arc<Instance>),
}

impl Prompt {
    /// Chooses what was asked for, else the only one there is.
    fn begin(&mut self, name: Option<&str>) -> Result<Exit, Fault> {
        if let Some(name) = name {
            return self.choose(name);
        }
        let names = names(&Loaded::read(&self.common)?.look(&Names::default())?);
        if let [name] = names.as_slice() {
            self.subject = Some(name.clone());
        }
        Ok(Exit::Success)
    }

    /// All that can be typed: commands, and names as they are now.
    fn words(&self) -> Vec<String> {
        let mut words: Vec<String> = COMMANDS.map(Into::into).into();
        let all = Arguments::command();
        let commands = all.get_subcommands().filter(|it| !it.is_hide_set());
        words.extend(commands.map(|command| command.get_name().to_owned()));
        // A configuration that cannot be read is told of by the command that needs it.
        if let Ok(loaded) = Loaded::quietly(&self.common) {
            let matrix = &loaded.matrix;
            words.extend(matrix.clusters.iter().map(|cluster| cluster.name.clone()));
            words.extend(
                matrix
                    .instances
                    .iter()
                    .map(|instance| instance.name.clone()),
            );
        }
        words.sort();
        words.dedup();
        words
    }

    fn command(&mut self, words: &[&str]) -> Result<Exit, Fault> {
        match words {
            [] => Ok(Exit::Success),
            ["help" | "?"] => {
                mask::out().write_all(HELP.as_bytes())?;
                Ok(Exit::Success)
            }
            ["use", name] => self.choose(name),
            ["steps"] => self.steps(),
            ["next" | "n"] => self.next(),
            ["skip"] => self.skip(),
            ["continue" | "c"] => self.go_on(),
            ["facts"] => self.facts(),
            ["exec", rest @ ..] if !rest.iter().any(|word| word.starts_with('-')) => {
                self.exec(rest)
            }
            // It takes this process's place, so it is given one of its own.
            ["login"] => login(self.subject.as_deref().as_slice()),
            ["login", rest @ ..] => login(rest),
            ["console", ..] => Err(Fault::usage("this is the console", None::<String>)),
            [first, ..] if first.starts_with('-') => Err(Fault::usage(
                format!("there is no command `{first}`"),
                ["`help` shows what there is."],
            )),
            words => {
                if let ["destroy" | "test", ..] = words {
                    self.skipped = 0;
                }
                Ok(call(words))
            }
        }
    }

    fn choose(&mut self, name: &str) -> Result<Exit, Fault> {
        let loaded = Loaded::read(&self.common)?;
        let found = names(&loaded.look(&Names {
            names: vec![name.into()],
        })?);
        match found.as_slice() {
            [only] => {
                self.subject = Some(only.clone());
                self.skipped = 0;
                Ok(Exit::Success)
            }
            many => Err(Fault::usage(
                format!("`{name}` is not one: {}", many.join(", ")),
                ["Name one of them."],
            )),
        }
    }

    fn subject(&self) -> Result<(Subject, Loaded), Fault> {
        let Some(name) = &self.subject else {
            return Err(Fault::usage(
                "nothing is chosen",
                ["Choose with `use NAME`; `list` shows the names."],
            ));
        };
        let loaded = Loaded::read(&self.common)?;
        let found = loaded.look(&Names {
            names: vec![name.clone()],
        })?;
        let subject = match (found.clusters.first(), found.instances.first()) {
            (Some(cluster), _) => Subject::Cluster(cluster.clone()),
            (None, Some(instance)) => Subject::Instance(instance.clone()),
            (None, None) => return Err(Fault::usage(format!("{name} is gone"), None::<String>)),
        };
        Ok((subject, loaded))
    }

    /// Titles of all steps, and how many of them are done or left out.
    fn progress(&self) -> Result<(Vec<String>, usize), Fault> {
        let (subject, loaded) = self.subject()?;
        Ok(match subject {
            Subject::Cluster(cluster) => {
                let record = ClusterRecord::read(&loaded.project.kitchen(), &cluster.name);
                let record = record.map_err(|error| broken(&error))?;
                let passed = record.steps.iter().filter(|step| step.passed);
                let passed = passed.map(|step| step.number).max().unwrap_or(0);
                let titles: Vec<String> = cluster.steps.iter().map(title).collect();
                let done = passed.max(self.skipped).min(titles.len());
                (titles, done)
            }
            Subject::Instance(instance) => {
                let state = loaded.project.state_file(&instance.name).read();
                let state = state.map_err(|error| broken(&error))?;
                let last = state.get("last_action").and_then(|last| last.as_str());
                let done = ACTIONS.iter().position(|action| Some(*action) == last);
                (
                    ACTIONS.map(Into::into).into(),
                    done.map_or(0, |index| index + 1),
                )
            }
        })
    }

    fn steps(&self) -> Result<Exit, Fault> {
        let (titles, done) = self.progress()?;
        for (index, title) in titles.iter().enumerate() {
            let mark = if index == done { ">" } else { " " };
            writeln!(mask::out(), "{mark} {:>3}  {title}", index + 1)?;
        }
        Ok(Exit::Success)
    }

    fn next(&self) -> Result<Exit, Fault> {
        let (titles, done) = self.progress()?;
        let Some(title) = titles.get(done) else {
            return ended();
        };
        let (subject, _) = self.subject()?;
        let number = (done + 1).to_string();
        Ok(match &subject {
            Subject::Cluster(cluster) => call(&[
                "test",
                &cluster.name,
                "--from",
                &number,
                "--until",
                &number,
                "--no-recreate",
                "--destroy=never",
            ]),
            Subject::Instance(instance) => call(&[title, &instance.name]),
        })
    }

    fn skip(&mut self) -> Result<Exit, Fault> {
        let (titles, done) = self.progress()?;
        if let (Subject::Instance(instance), _) = self.subject()? {
            return Err(Fault::usage(
                format!(
                    "{} is an instance: its actions need each other",
                    instance.name
                ),
                None::<String>,
            ));
        }
        let Some(title) = titles.get(done) else {
            return ended();
        };
        writeln!(mask::out(), "       Skipped step {}: {title}", done + 1)?;
        self.skipped = done + 1;
        Ok(Exit::Success)
    }

    fn go_on(&self) -> Result<Exit, Fault> {
        let (titles, done) = self.progress()?;
        if done == titles.len() {
            return ended();
        }
        let (subject, _) = self.subject()?;
        let number = (done + 1).to_string();
        Ok(match &subject {
            Subject::Cluster(cluster) => call(&[
                "test",
                &cluster.name,
                "--from",
                &number,
                "--no-recreate",
                "--destroy=never",
            ]),
            Subject::Instance(instance) => call(&["verify", &instance.name]),
        })
    }

    fn facts(&self) -> Result<Exit, Fault> {
        let (subject, loaded) = self.subject()?;
        let members = match subject {
            Subject::Cluster(cluster) => cluster.members.clone(),
            Subject::Instance(instance) => vec![instance],
        };
        let head = [
            "Suite",
            "Instance",
            "Driver",
            "Last Action",
            "Address",
            "Host Name",
        ];
        let cell = |text: &str| -> Cell { (text.into(), table::WHITE) };
        let mut rows = vec![head.map(cell).to_vec()];
        for member in &members {
            let state = loaded.project.state_file(&member.name).read();
            let state = state.map_err(|error| broken(&error))?;
            let text = |keys: [&str; 2]| {
                let found = keys.iter().find_map(|key| state.get(*key)?.as_str());
                cell(found.unwrap_or("-"))
            };
            rows.push(vec![
                cell(&member.suite),
                cell(&member.name),
                cell(&member.driver.name),
                text(["last_action"; 2]),
                text(["address", "hostname"]),
                text(["host_name"; 2]),
            ]);
        }
        table::print(&rows, false, &mut mask::out())?;
        Ok(Exit::Success)
    }

    /// `exec web1 uptime`, or on all where the first word names no machine.
    fn exec(&self, words: &[&str]) -> Result<Exit, Fault> {
        let loaded = Loaded::read(&self.common)?;
        let known = |word: &str| {
            let all = &loaded.matrix.instances;
            let own = self.subject.as_ref().and_then(|name| {
                let clusters = &loaded.matrix.clusters;
                let cluster = clusters.iter().find(|cluster| cluster.name == *name)?;
                cluster.member(word)
            });
            let instance = own.or_else(|| all.iter().find(|it| it.name == word));
            instance.map(|instance| instance.name.clone())
        };
        let target = words.first().and_then(|word| known(word));
        let (target, command) = match (target, &self.subject) {
            (Some(target), _) => (target, words[1..].join(" ")),
            (None, Some(subject)) => (subject.clone(), words.join(" ")),
            (None, None) => return Err(Fault::usage("nothing is chosen", ["Name an instance."])),
        };
        if command.is_empty() {
            return Err(Fault::usage("there is no command to run", None::<String>));
        }
        Ok(call(&["exec", &target, "-c", &command]))
    }
}

/// Runs a command of `kitchen` in this process.
fn call(words: &[&str]) -> Exit {
    super::call(
        std::iter::once("kitchen")
            .chain(words.iter().copied())
            .map(Into::into),
    )
}

/// `login` in a process of its own, to come back to the prompt.
fn login(names: &[&str]) -> Result<Exit, Fault> {
    let failed = |error: io::Error| {
        Fault::new(
            Exit::Infrastructure,
            format!("log in: {error}"),
            None::<String>,
        )
    };
    let own = std::env::current_exe().map_err(failed)?;
    let ended = std::process::Command::new(own)
        .arg("login")
        .args(names)
        .status();
    Ok(match ended.map_err(failed)?.success() {
        true => Exit::Success,
        false => Exit::Verify,
    })
}

fn names(selection: &Selection) -> Vec<String> {
    let clusters = selection.clusters.iter().map(|cluster| &cluster.name);
    let instances = selection.instances.iter().map(|instance| &instance.name);
    clusters.chain(instances).cloned().collect()
}

fn ended() -> Result<Exit, Fault> {
    writeln!(
        mask::out(),
        "       All steps are done. `steps` shows them."
    )?;
    Ok(Exit::Success)
}

fn broken(error: &crate::state::Error) -> Fault {
    Fault::new(Exit::Infrastructure, error.to_string(), error.hints())
}
