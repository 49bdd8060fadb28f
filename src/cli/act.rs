//! `kitchen create`, `converge`, `setup`, `verify`, `destroy` and `test`: a plan, run and shown.

use tokio::sync::mpsc;

use super::args::{Act, Common, Names, Pace, Test};
use super::exit::Exit;
use super::fault::Fault;
use super::init::init_where_missing;
use super::loaded::Loaded;
use super::plan::make;
use super::show::{options, show};
use super::signals::Signals;
use crate::plan::{self, Command, Plan};
use crate::report::Level;
use crate::run::{Cause, Kitchen, Options, Stop, run};

/// Events that may wait to be told; then the run waits.
const WAITING: usize = 1024;

/// One of the five actions.
pub fn act(command: Command, act: &Act) -> Result<Exit, Fault> {
    perform(
        command,
        &act.names,
        &act.pace,
        &act.common,
        &plan::Options::default(),
    )
}

/// `test`.
pub fn test(test: &Test) -> Result<Exit, Fault> {
    if test.auto_init {
        init_where_missing()?;
    }
    let options = test.part.options(test.destroy);
    perform(
        Command::Test,
        &test.names,
        &test.pace,
        &test.common,
        &options,
    )
}

fn perform(
    command: Command,
    names: &Names,
    pace: &Pace,
    common: &Common,
    how: &plan::Options,
) -> Result<Exit, Fault> {
    let loaded = Loaded::read(common)?;
    let selection = loaded.choose(names)?;
    let plan = make(&loaded, &selection, command, how)?;
    refuse(&plan)?;
    let kitchen = Kitchen {
        expressions: !loaded.matrix.clusters.is_empty(),
        registry: loaded.registry,
        project: loaded.project,
    };
    let concurrency = pace.at_once().min(plan.tasks.len()).max(1);
    let goes = Options {
        concurrency,
        fail_fast: pace.fail_fast,
        wait: pace.wait,
        ..Options::default()
    };
    let logs = kitchen.project.kitchen().join("logs");
    let mut shown = options(common, concurrency, logs);
    if pace.debug {
        shown.level = Level::Debug;
    }
    let runtime = super::runtime()?;
    let (events, told) = mpsc::channel(WAITING);
    let teller = show(shown, runtime.handle().clone(), told);
    let stop = Stop::default();
    let signals = {
        let _entered = runtime.enter();
        Signals::take()
    };
    runtime.block_on(async {
        tokio::select! {
            _ = run(&plan, &kitchen, &goes, &stop, events) => {}
            () = obey(signals, &stop) => {}
        }
    });
    let cause = teller.join().unwrap_or(Some(Cause::Internal));
    Ok(cause.map_or(Exit::Success, Exit::from))
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
fn refuse(plan: &Plan) -> Result<(), Fault> {
    let mut messages = Vec::new();
    let mut hints = Vec::new();
    for obstacle in plan.tasks.iter().flat_map(|task| &task.obstacles) {
        if !messages.contains(&obstacle.message) {
            messages.push(obstacle.message.clone());
        }
        for hint in &obstacle.hints {
            if !hints.contains(hint) {
                hints.push(hint.clone());
            }
        }
    }
    match messages.is_empty() {
        true => Ok(()),
        false => Err(Fault::new(Exit::Config, messages.join("\n"), hints)),
    }
}
