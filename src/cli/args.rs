//! The command line, as clap takes it. Options are Test Kitchen's (lib/kitchen/cli.rb) and ours.

mod examples;

use std::path::PathBuf;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use clap_complete::engine::ArgValueCompleter;

use super::complete;
use super::partition::Split;
use super::streams::Ci;
use crate::plan::{self, DestroyPolicy};
use crate::report::Level;

/// What `-c` without a number means: no limit. Test Kitchen's MAX_CONCURRENCY.
pub const ALL: usize = 9999;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default());

const COMMANDS: &str = "\
{about}

{usage-heading} {usage}

Run tests:
  test       Destroy, create, run all steps, destroy again
  create     Make the machines
  converge   Configure them
  setup      Prepare them for their tests
  verify     Run their tests
  destroy    Remove them and all that was made for them
  gc         What killed or lost runs left behind, and how it is removed

Look:
  list       What there is, and how far it has come
  plan       What a command would do, step by step; changes nothing
  diagnose   The configuration as it was understood
  doctor     Whether everything is there that the plugins need
  logs       What instances said, now or in earlier runs
  runs       Which runs were recorded
  report     One of them, told again: for people, as HTML, JUnit, JSON or TAP

On a machine:
  login      Open a shell
  exec       Run a command
  package    Save as an image
  heal       Undo what an interrupted run broke
  console    A prompt, to go through the steps one by one

Configuration:
  init       Start a project here
  validate   Everything that is wrong with it
  migrate    What could be better in one that was written for Test Kitchen
  schema     What files may hold, as JSON Schema, for editors
  plugin     The plugins that there are; checks one

For shells:
  completions, man

  version, help [COMMAND|PLUGIN|steps|exit-codes]

Options:
{options}{after-help}";

/// Tests whole clusters as easily as one machine; takes Test Kitchen's files and commands.
#[derive(Debug, Parser)]
#[command(
    name = "kitchen",
    styles = STYLES,
    help_template = COMMANDS,
    after_help = examples::ALL,
    max_term_width = 100,
    infer_subcommands = true,
    disable_version_flag = true,
    disable_help_subcommand = true
)]
pub struct Arguments {
    /// Work as if started in DIR
    #[arg(short = 'C', long, global = true, value_name = "DIR")]
    pub directory: Option<PathBuf>,
    /// Build server that reads the output: auto, none, github, gitlab
    #[arg(
        long,
        global = true,
        value_enum,
        hide_possible_values = true,
        hide_default_value = true,
        default_value = "auto",
        value_name = "SERVER"
    )]
    pub ci: Ci,
    /// Print the version
    #[arg(short = 'v', long)]
    pub version: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// A command.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// What there is, and how far it has come
    ///
    /// With multisuites the clusters, else the instances.
    #[command(visible_alias = "status", after_long_help = examples::LIST)]
    List(super::list::List),
    /// The configuration as it was understood, as YAML
    #[command(after_long_help = examples::DIAGNOSE)]
    Diagnose(super::diagnose::Diagnose),
    /// Make the machines
    ///
    /// A cluster: gossip, create, late gossip on all members. An instance: as in Test Kitchen.
    #[command(after_long_help = examples::ACT)]
    Create(Act),
    /// Configure the machines; makes them first where needed
    ///
    /// A cluster: all converge steps in order, and the wait steps before them.
    #[command(after_long_help = examples::ACT)]
    Converge(Act),
    /// Prepare the machines for their tests
    #[command(after_long_help = examples::ACT)]
    Setup(Act),
    /// Run the tests
    ///
    /// A cluster: all verify steps in order; never converges. An instance: converges first where
    /// needed, as in Test Kitchen.
    #[command(after_long_help = examples::ACT)]
    Verify(Verify),
    /// Remove the machines and all that was made for them
    #[command(after_long_help = examples::ACT)]
    Destroy(Act),
    /// Destroy, create, run all steps, destroy again
    ///
    /// Stops at the first step that fails. `--destroy` says what happens then.
    #[command(after_long_help = examples::TEST)]
    Test(Test),
    /// What earlier runs of this project left behind, by the labels in every driver; `--yes` removes it
    ///
    /// That is: what a killed run made, what no state knows, and what the configuration does not
    /// have any more. Never what bears no label of this project, nor what another process works on.
    #[command(after_long_help = examples::GC)]
    Gc(super::gc::Gc),
    /// Undo what an interrupted run broke: machines off or frozen, networks cut
    Heal(Act),
    /// What a command would do, step by step; changes nothing
    #[command(after_long_help = examples::PLAN)]
    Plan(super::plan::Plan),
    /// The plugins that there are, and whether one does what it must
    Plugin(super::plugin::Plugin),
    /// Open a shell on one instance
    #[command(after_long_help = examples::LOGIN)]
    Login(Named),
    /// Run a command on instances, or on every living member of a cluster
    #[command(after_long_help = examples::EXEC)]
    Exec(super::exec::Exec),
    /// Save an instance as an image
    Package(Named),
    /// Whether everything is there that the plugins need
    #[command(after_long_help = examples::DOCTOR)]
    Doctor(super::doctor::Doctor),
    /// Print the version
    Version,
    /// Help on a command, on a plugin, on `steps`, or on `exit-codes`
    Help(super::help::Help),
    /// Start a project here: kitchen.yml and what belongs to it; overwrites nothing
    #[command(after_long_help = examples::INIT)]
    Init(super::init::Init),
    /// Everything that is wrong with the configuration
    ///
    /// With `--strict`, warnings are errors as well.
    #[command(after_long_help = examples::VALIDATE)]
    Validate(super::validate::Validate),
    /// What instances said, from their structured logs
    #[command(after_long_help = examples::LOGS)]
    Logs(super::logs::Logs),
    /// What could be better in a project that was written for Test Kitchen; changes nothing
    ///
    /// Prints what this program warns about, and multisuites in place of suites that are run in
    /// order by hand.
    #[command(after_long_help = examples::MIGRATE)]
    Migrate(super::migrate::Migrate),
    /// A prompt over clusters and instances, to go through them step by step
    #[command(after_long_help = examples::CONSOLE)]
    Console(super::console::Console),
    /// A run that was recorded, told again
    ///
    /// For people, or as JUnit, JSON, TAP or HTML. Needs no configuration: the record is enough.
    #[command(after_long_help = examples::REPORT)]
    Report(super::report::Report),
    /// Which runs were recorded
    Runs(super::report::List),
    /// What a shell must know to complete commands, options and names
    ///
    /// bash: `source <(kitchen completions bash)` in ~/.bashrc; zsh: the same in ~/.zshrc; fish:
    /// `kitchen completions fish > ~/.config/fish/completions/kitchen.fish`; PowerShell:
    /// `kitchen completions powershell | Out-String | Invoke-Expression` in $PROFILE.
    Completions(super::complete::Completions),
    /// Pages for `man`
    Man(super::man::Man),
    /// What files may hold, as JSON Schema
    Schema(super::schema::Print),
    /// Test Kitchen's joke.
    #[command(hide = true)]
    Sink,
}

/// Which clusters and instances.
#[derive(Args, Clone, Debug, Default)]
pub struct Names {
    /// Clusters first, then instances: exact name, else regular expression; `all`; none: all
    #[arg(value_name = "NAME|REGEXP|all", add = ArgValueCompleter::new(complete::names))]
    pub names: Vec<String>,
}

/// Options of every command that reads a configuration.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Output")]
pub struct Common {
    /// Least important messages to show: debug, info, warn, error, fatal
    #[arg(
        short,
        long,
        env = "KITCHEN_LOG",
        hide_env = true,
        value_name = "LEVEL"
    )]
    pub log_level: Option<String>,
    /// Start log files anew: true or false [default: true]
    #[arg(
        long,
        env = "KITCHEN_LOG_OVERWRITE",
        hide_env = true,
        value_name = "BOOL",
        value_parser = lenient_bool,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true"
    )]
    pub log_overwrite: Option<bool>,
    /// Colours, also where output is no terminal (`--no-color`: none)
    #[arg(
        long,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        hide_possible_values = true
    )]
    pub color: Option<bool>,
    /// Where the tests are [default: test/integration]
    #[arg(short, long, value_name = "DIR")]
    pub test_base_path: Option<PathBuf>,
    /// Make warnings about the configuration errors
    #[arg(long)]
    pub strict: bool,
}

impl Common {
    /// The level, and a warning where it is none: then it is `info`, as in Test Kitchen.
    pub fn level(&self) -> (Level, Option<String>) {
        let Some(text) = self.log_level.as_deref().filter(|text| !text.is_empty()) else {
            return (Level::Info, None);
        };
        match Level::from_str(text, true) {
            Ok(level) => (level, None),
            Err(_) => (
                Level::Info,
                Some(format!(
                    "WARNING - invalid log level specified: \"{text}\" - reverting to :info log level."
                )),
            ),
        }
    }
}

/// Options of commands that change machines.
#[derive(Args, Clone, Debug)]
pub struct Act {
    /// Which.
    #[command(flatten)]
    pub names: Names,
    /// How.
    #[command(flatten)]
    pub pace: Pace,
    /// Output.
    #[command(flatten)]
    pub common: Common,
}

/// `verify`.
#[derive(Args, Clone, Debug)]
pub struct Verify {
    // Before the options of `act`, which have headings.
    /// Fail where there are no tests, instead of warning
    #[arg(long)]
    pub require_tests: bool,
    /// As other commands that change machines.
    #[command(flatten)]
    pub act: Act,
}

/// How much at once, and when to stop.
#[derive(Args, Clone, Debug)]
pub struct Pace {
    /// Up to N clusters or instances at once; without N: all
    #[arg(
        short,
        long,
        value_name = "N",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "9999"
    )]
    pub concurrency: Option<usize>,
    /// All at once (old form of `-c`)
    #[arg(short, long, hide = true)]
    pub parallel: bool,
    /// Stop everything at the first failure
    #[arg(short, long)]
    pub fail_fast: bool,
    /// Tell everything, as `-l debug`, and let tools of provisioners and verifiers do so
    #[arg(short = 'D', long)]
    pub debug: bool,
    /// Wait where another process works on the same cluster or instance
    #[arg(long)]
    pub wait: bool,
    /// Which part.
    #[command(flatten)]
    pub split: Split,
    /// How it is told.
    #[command(flatten)]
    pub telling: Telling,
}

/// How a run is told, and which reports are written of it.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Reports")]
pub struct Telling {
    /// Say nothing but what failed, and the summary, at the end
    #[arg(long, conflicts_with_all = ["verbose", "format"])]
    pub quiet: bool,
    /// Tell everything, as `-l debug`
    #[arg(long)]
    pub verbose: bool,
    /// json: each event as a line of JSON, as in the record, for programs
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub format: Option<Shown>,
    /// Write a JUnit report to FILE
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub junit: Option<PathBuf>,
    /// Write an HTML report to FILE, which needs nothing else
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub html: Option<PathBuf>,
}

/// Forms in which a run is told while it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shown {
    /// For people.
    Text,
    /// For programs.
    Json,
}

impl Pace {
    /// How many subjects at once, at least 1.
    pub fn at_once(&self) -> usize {
        let parallel = if self.parallel { ALL } else { 1 };
        self.concurrency.unwrap_or(parallel).max(1)
    }
}

/// When `test` destroys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Destroy {
    /// Where all steps passed.
    Passing,
    /// In any case.
    Always,
    /// Not at all.
    Never,
}

impl From<Destroy> for DestroyPolicy {
    fn from(destroy: Destroy) -> Self {
        match destroy {
            Destroy::Passing => DestroyPolicy::Passing,
            Destroy::Always => DestroyPolicy::Always,
            Destroy::Never => DestroyPolicy::Never,
        }
    }
}

/// `test`.
#[derive(Args, Clone, Debug)]
pub struct Test {
    /// Which.
    #[command(flatten)]
    pub names: Names,
    /// When to destroy afterwards
    #[arg(short, long, value_name = "WHEN", default_value = "passing")]
    pub destroy: Destroy,
    /// Fail where a verify finds no tests, instead of warning
    #[arg(long)]
    pub require_tests: bool,
    /// How.
    #[command(flatten)]
    pub pace: Pace,
    /// Write a configuration where there is none
    #[arg(long, hide = true)]
    pub auto_init: bool,
    /// Which steps.
    #[command(flatten)]
    pub part: Part,
    /// Output.
    #[command(flatten)]
    pub common: Common,
}

/// Which part of a cluster's steps `test` runs.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Steps of a cluster")]
pub struct Part {
    /// Begin at STEP: a number or a name
    #[arg(long, value_name = "STEP", conflicts_with = "resume", add = ArgValueCompleter::new(complete::steps))]
    pub from: Option<String>,
    /// End after STEP
    #[arg(long, value_name = "STEP", add = ArgValueCompleter::new(complete::steps))]
    pub until: Option<String>,
    /// Begin at the step that failed last time
    #[arg(long)]
    pub resume: bool,
    /// Keep the machines that are there
    #[arg(long)]
    pub no_recreate: bool,
}

impl Part {
    /// What the plan is asked for.
    pub fn options(&self, destroy: Destroy) -> plan::Options {
        plan::Options {
            from: self.from.clone(),
            until: self.until.clone(),
            resume: self.resume,
            no_recreate: self.no_recreate,
            destroy: destroy.into(),
        }
    }
}

/// `login` and `package`.
#[derive(Args, Clone, Debug)]
pub struct Named {
    /// Which.
    #[command(flatten)]
    pub names: Names,
    /// Output.
    #[command(flatten)]
    pub common: Common,
}

/// As Test Kitchen reads KITCHEN_LOG_OVERWRITE: `false`, `f` and `no` are no, all else is yes.
fn lenient_bool(text: &str) -> Result<bool, std::convert::Infallible> {
    Ok(!matches!(
        text.to_lowercase().as_str(),
        "false" | "f" | "no"
    ))
}

#[cfg(test)]
mod documented;
#[cfg(test)]
mod tests;
