//! `kitchen create`, `converge`, `setup`, `verify`, `destroy` and `test`: a plan, run and shown.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::mpsc;

use super::args::{self, Act, Pace, Test, Verify};
use super::exit::Exit;
use super::fault::Fault;
use super::foreseen::placed;
use super::init::init_where_missing;
use super::loaded::Loaded;
use super::mask;
use super::places;
use super::plan::make;
use super::show::{options, show};
use super::signals::Signals;
use crate::config::{self, Config, Problem, Report as Settings};
use crate::plan::{self, Command, Plan};
use crate::report::record::{Keep, Runs};
use crate::report::{self, Format, Level, Style, prepare};
use crate::run::{Cause, Kitchen, Options, Stop, run};

/// Events that may wait to be told; then the run waits.
const WAITING: usize = 1024;

/// One of the five actions.
pub fn act(command: Command, act: &Act) -> Result<Exit, Fault> {
    perform(command, act, &plan::Options::default(), false)
}

/// `verify`.
pub fn verify(verify: &Verify) -> Result<Exit, Fault> {
    let how = plan::Options::default();
    perform(Command::Verify, &verify.act, &how, verify.require_tests)
}

/// `test`.
pub fn test(test: &Test) -> Result<Exit, Fault> {
    if test.auto_init {
        init_where_missing()?;
    }
    let options = test.part.options(test.destroy);
    let act = Act {
        names: test.names.clone(),
        pace: test.pace.clone(),
        common: test.common.clone(),
    };
    perform(Command::Test, &act, &options, test.require_tests)
}

fn perform(
    command: Command,
    act: &Act,
    how: &plan::Options,
    require_tests: bool,
) -> Result<Exit, Fault> {
    let Act {
        names,
        pace,
        common,
    } = act;
    let loaded = Loaded::read(common)?;
    let selection = pace.split.of(loaded.choose_for(command, names)?)?;
    loaded.refuse(command, &selection)?;
    let plan = make(&loaded, &selection, command, how)?;
    refuse(&plan, &loaded.config)?;
    let kitchen = loaded.kitchen();
    let concurrency = pace.at_once().min(plan.tasks.len()).max(1);
    let goes = Options {
        concurrency,
        fail_fast: pace.fail_fast,
        wait: pace.wait,
        destroy_limit: loaded.matrix.destroy_limit.clone(),
        require_tests,
        debug: pace.debug,
        secrets: mask::secrets().clone(),
        ..Options::default()
    };
    let mut shown = options(common, concurrency, &kitchen.project.kitchen());
    let settings = &loaded.config.report;
    shown.files = files(pace, settings, &kitchen.project.root)?;
    let runs = || (Runs::new(&kitchen.project.kitchen()), keep(settings));
    shown.runs = settings.record.then(runs);
    shown.log_bytes = settings.log_bytes();
    if pace.debug || pace.telling.verbose {
        shown.level = Level::Debug;
    }
    match (pace.telling.quiet, pace.telling.format) {
        (true, _) => shown.style = Style::Quiet,
        (_, Some(args::Shown::Json)) => shown.style = Style::Json,
        _ => {}
    }
    shown.ci.places = places::of(&plan, &places::root(&kitchen.project.root));
    let shown = Shown {
        report: shown,
        out: Box::new(io::stdout()),
    };
    carry_out(&plan, &kitchen, &goes, shown)
}

/// How a run is shown, and where; errors go to standard error.
pub struct Shown {
    pub report: report::Options,
    pub out: Box<dyn Write + Send>,
}

/// Runs a plan until it ends or signals end it.
pub fn carry_out(
    plan: &Plan,
    kitchen: &Kitchen,
    goes: &Options,
    shown: Shown,
) -> Result<Exit, Fault> {
    let runtime = super::runtime()?;
    let (events, told) = mpsc::channel(WAITING);
    let teller = show(shown.report, shown.out, runtime.handle().clone(), told);
    let stop = Stop::default();
    let signals = {
        let _entered = runtime.enter();
        Signals::take()
    };
    runtime.block_on(async {
        tokio::select! {
            _ = run(plan, kitchen, goes, &stop, events) => {}
            () = obey(signals, &stop) => {}
        }
    });
    let cause = teller.join().unwrap_or(Some(Cause::Internal));
    Ok(cause.map_or(Exit::Success, Exit::from))
}

/// The reports that are written afterwards. One that cannot be is told now, not after an hour.
fn files(pace: &Pace, report: &Settings, root: &Path) -> Result<Vec<(Format, PathBuf)>, Fault> {
    let configured = |path: &Option<PathBuf>| path.as_ref().map(|path| root.join(path));
    let junit = pace
        .telling
        .junit
        .clone()
        .or_else(|| configured(&report.junit));
    let html = pace
        .telling
        .html
        .clone()
        .or_else(|| configured(&report.html));
    let files: Vec<_> = [(Format::Junit, junit), (Format::Html, html)]
        .into_iter()
        .filter_map(|(format, path)| Some((format, path?)))
        .collect();
    for (_, path) in &files {
        prepare(path).map_err(|error| {
            let message = format!("write a report to {}: {error}", path.display());
            Fault::usage(
                message,
                ["Nothing was run: name a file that can be written."],
            )
        })?;
    }
    Ok(files)
}

fn keep(report: &Settings) -> Keep {
    Keep {
        runs: report.keep_runs,
        age: Duration::from_secs(u64::from(report.keep_days) * 24 * 60 * 60),
        bytes: report.record_bytes(),
    }
}

/// The first signal stops the run in order, the second at once. Without signals nothing does.
async fn obey(signals: std::io::Result<Signals>, stop: &Stop) {
    if let Ok(mut signals) = signals {
        signals.next().await;
        stop.soon.cancel();
        signals.next().await;
        stop.now.cancel();
    }
    std::future::pending().await
}

/// A plan that cannot run is told as a whole, before anything runs.
fn refuse(plan: &Plan, config: &Config) -> Result<(), Fault> {
    let mut problems: Vec<Problem> = Vec::new();
    for obstacle in plan.tasks.iter().flat_map(|task| &task.obstacles) {
        let problem = placed(Problem::error(&obstacle.message), obstacle, config);
        let known =
            |other: &Problem| other.message == problem.message && other.help == problem.help;
        if !problems.iter().any(known) {
            problems.push(problem);
        }
    }
    match problems.is_empty() {
        true => Ok(()),
        false => Err(Fault::from(config::Error { problems })),
    }
}
