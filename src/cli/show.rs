//! Shows a run while it happens: a report on a thread of its own, so that a slow terminal slows
//! the run down only through the channel between them.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::Duration;

use clap::Parser;
use tokio::runtime::Handle;
use tokio::sync::mpsc::Receiver;
use tokio::time::MissedTickBehavior;

use super::args::Common;
use super::fault::{dumb, no_colour};
use super::streams;
use crate::config;
use crate::report::ci::{self, Server};
use crate::report::{Options, Report, SETTLE, Style, quoted};
use crate::run::{Cause, Event};

/// How often the live view is drawn.
const REDRAW: Duration = Duration::from_millis(100);

/// Events that are told before what was written is shown.
const BATCH: usize = 256;

/// How a run of up to `at_once` subjects is shown; log files go to `logs` in `kitchen`.
pub fn options(common: &Common, at_once: usize, kitchen: &Path) -> Options {
    let terminal = io::stdout().is_terminal();
    let server = streams::server();
    let ci = server != Server::None;
    let groups = matches!(server, Server::Github | Server::Gitlab);
    let style = match (terminal && !dumb() && !groups, ci && at_once > 1) {
        (true, _) => Style::Live,
        (false, true) => Style::Blocks,
        (false, false) => Style::Lines,
    };
    Options {
        style,
        level: common.level().0,
        colours: common.color.unwrap_or(terminal && !no_colour()),
        concurrent: at_once > 1,
        logs: Some(kitchen.join("logs")),
        log_bytes: config::Report::default().log_bytes(),
        overwrite: common.log_overwrite.unwrap_or(true),
        runs: None,
        files: Vec::new(),
        columns: terminal.then(|| usize::from(console::Term::stdout().size().1)),
        program: program(),
        ci: ci::Options {
            server,
            summary: summary(server),
            ..ci::Options::default()
        },
    }
}

/// How the kitchen was called, with the directory that it works in (`kitchen -C web`): commands
/// that are recommended work where this one was given.
pub fn program() -> String {
    let directory = super::args::Arguments::try_parse().ok();
    let directory = directory.and_then(|arguments| arguments.directory);
    match directory {
        Some(directory) => format!("kitchen -C {}", quoted(&directory.to_string_lossy())),
        None => "kitchen".into(),
    }
}

/// The file of the job's summary.
fn summary(server: Server) -> Option<PathBuf> {
    let file = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|file| !file.is_empty());
    file.filter(|_| server == Server::Github).map(PathBuf::from)
}

/// Tells events on `out` until their sender is gone; gives the most important cause of what failed.
pub fn show(
    options: Options,
    out: Box<dyn Write + Send>,
    runtime: Handle,
    mut events: Receiver<Event>,
) -> JoinHandle<Option<Cause>> {
    std::thread::spawn(move || {
        let live = options.style == Style::Live;
        let _quiet = live.then(super::echo::Quiet::new);
        let mut report = Report::new(&options, out, Box::new(io::stderr()));
        runtime.block_on(async {
            let mut redraw = tokio::time::interval(REDRAW);
            let mut settle = tokio::time::interval(SETTLE);
            settle.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                tokio::select! {
                    event = events.recv() => match event {
                        Some(event) => report.event(&event),
                        None => break,
                    },
                    _ = redraw.tick(), if live => {}
                    _ = settle.tick() => report.settle(),
                }
                for _ in 1..BATCH {
                    match events.try_recv() {
                        Ok(event) => report.event(&event),
                        Err(_) => break,
                    }
                }
                report.flush();
            }
        });
        report.flush();
        report.settle();
        report.cause()
    })
}
