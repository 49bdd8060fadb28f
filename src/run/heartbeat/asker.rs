//! The process that asks over the network: this same program, started anew behind the words that
//! lead into the members' network, so that nothing that the run does delays a question.
//!
//! It reads a [`Task`] as a line of JSON, asks until it has asked all or its standard input ends,
//! and writes a [`Sample`] as a line of JSON whenever a question has ended.

use std::ffi::OsString;
use std::io::{BufRead, Read, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use banquet_sdk::wording;
use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::super::event::Sample;
use super::super::fault::now;
use super::super::http::{self, Question};
use super::super::wait::judged;

/// First argument of a process that asks and is not a kitchen.
pub const ASKER: &str = "__heartbeat";

/// What is to be asked, and how often.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Task {
    pub target: SocketAddr,
    /// None: a connection is answer enough.
    pub http: Option<Http>,
    pub every: Duration,
    pub count: Option<u64>,
    pub concurrency: usize,
    pub timeout: Duration,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Http {
    pub question: Question,
    pub status: Option<u16>,
    /// A regular expression, valid.
    pub body: Option<String>,
}

/// Asks, if the arguments (without the program's name) say so. The program calls it before
/// anything else, and ends with the code.
pub fn asker_main(mut arguments: impl Iterator<Item = OsString>) -> Option<ExitCode> {
    if arguments.next()? != ASKER {
        return None;
    }
    Some(match ask() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("heartbeat: {error}");
            ExitCode::FAILURE
        }
    })
}

fn ask() -> std::io::Result<()> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    let task: Task = serde_json::from_str(&line)?;
    let body = match task.http.as_ref().and_then(|http| http.body.as_deref()) {
        Some(text) => Some(http::pattern(text).map_err(std::io::Error::other)?),
        None => None,
    };
    let task = Arc::new((task, body));
    let (stop, stopped) = mpsc::channel();
    std::thread::spawn(move || {
        // Whatever ends the input ends the questions.
        let _ = std::io::stdin().lock().read_to_end(&mut Vec::new());
        let _ = stop.send(());
    });
    let (beats, mut due) = tokio::sync::mpsc::unbounded_channel();
    let pace = task.clone();
    let pacer = std::thread::spawn(move || keep_pace(&pace.0, &stopped, &beats));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let slots = Arc::new(Semaphore::new(task.0.concurrency));
        let mut asked = JoinSet::new();
        loop {
            tokio::select! {
                biased;
                beat = due.recv() => match beat {
                    Some(beat) => drop(asked.spawn(one(task.clone(), slots.clone(), beat))),
                    None => break,
                },
                Some(sample) = asked.join_next() => tell(&sample?)?,
            }
        }
        while let Some(sample) = asked.join_next().await {
            tell(&sample?)?;
        }
        Ok::<(), std::io::Error>(())
    })?;
    pacer
        .join()
        .map_err(|_| std::io::Error::other("the pace was lost"))
}

/// A moment at which a question is to be asked.
struct Beat {
    number: u64,
    due: Instant,
    /// The same in microseconds since 1970.
    planned: u64,
}

/// Tells of each moment when it comes, by a thread of its own: the runtime's clock is too coarse.
fn keep_pace(
    task: &Task,
    stopped: &mpsc::Receiver<()>,
    beats: &tokio::sync::mpsc::UnboundedSender<Beat>,
) {
    let (started, at) = (Instant::now(), now());
    for number in 0..task.count.unwrap_or(u64::MAX) {
        let nanos = task.every.as_nanos().saturating_mul(number.into());
        let offset = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        let due = started + offset;
        match stopped.recv_timeout(due.saturating_duration_since(Instant::now())) {
            Err(RecvTimeoutError::Timeout) => {}
            _ => return,
        }
        let planned = at + u64::try_from(offset.as_micros()).unwrap_or(u64::MAX);
        let beat = Beat {
            number,
            due,
            planned,
        };
        if beats.send(beat).is_err() {
            return;
        }
    }
}

async fn one(task: Arc<(Task, Option<regex::Regex>)>, slots: Arc<Semaphore>, beat: Beat) -> Sample {
    let (task, body) = &*task;
    let _slot = slots.acquire().await;
    let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    let late = micros(beat.due.elapsed());
    let error = match tokio::time::timeout(task.timeout, put(task, body.as_ref())).await {
        Ok(answered) => answered.err(),
        Err(_) => Some(format!("no answer within {}", wording::time(task.timeout))),
    };
    Sample {
        number: beat.number,
        planned: beat.planned,
        late,
        took: micros(beat.due.elapsed()),
        error,
    }
}

/// One question.
async fn put(task: &Task, body: Option<&regex::Regex>) -> Result<(), String> {
    let stream = TcpStream::connect(task.target)
        .await
        .map_err(|error| format!("connect to {}: {error}", task.target))?;
    let Some(http) = &task.http else {
        return Ok(());
    };
    let _ = stream.set_nodelay(true);
    let answer = http::ask(Box::new(stream), &http.question)
        .await
        .map_err(|error| error.message)?;
    judged(&answer, http.status, body).map_or(Ok(()), Err)
}

fn tell(sample: &Sample) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(sample)?;
    line.push(b'\n');
    std::io::stdout().lock().write_all(&line)
}
