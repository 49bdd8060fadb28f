//! Whole processes, timed from outside, in turn with what they are compared to.

use std::fmt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Medians of two commands that ran in turn, and of their ratios pair by pair.
pub struct Pair {
    /// The kitchen.
    pub ours: Duration,
    /// The floor or the peer.
    pub theirs: Duration,
    /// Ours by theirs.
    pub ratio: f64,
}

/// Runs `ours` and `theirs` in turn, `runs` times.
pub fn pair(
    runs: usize,
    mut ours: impl FnMut() -> Duration,
    mut theirs: impl FnMut() -> Duration,
) -> Pair {
    let pairs: Vec<(Duration, Duration)> = (0..runs).map(|_| (ours(), theirs())).collect();
    let ratios = pairs.iter().map(|(a, b)| a.as_secs_f64() / b.as_secs_f64());
    Pair {
        ours: median(pairs.iter().map(|pair| pair.0).collect()),
        theirs: median(pairs.iter().map(|pair| pair.1).collect()),
        ratio: median_f64(ratios.collect()),
    }
}

/// The time that `command` takes; what it prints is thrown away. It must succeed.
pub fn time(command: &mut Command) -> Duration {
    peak(command).0
}

/// The time that `command` takes and its largest resident size in KiB (0 where the system does
/// not tell). It must succeed.
pub fn peak(command: &mut Command) -> (Duration, u64) {
    let started = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let status_file = format!("/proc/{}/status", child.id());
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let watcher = std::thread::spawn(move || {
        let mut largest = 0;
        while stopped.recv_timeout(Duration::from_millis(5)).is_err() {
            let status = std::fs::read_to_string(&status_file).unwrap_or_default();
            let high_water = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let kib = high_water.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
            largest = largest.max(kib.unwrap_or(0));
        }
        largest
    });
    let status = child.wait().expect("the command was started");
    let took = started.elapsed();
    stop.send(()).expect("the watcher waits for this");
    let largest = watcher.join().expect("the watcher does not panic");
    assert!(status.success(), "{command:?} ended with {status}");
    (took, largest)
}

/// The processor time that `command` takes in its own code, and that of what it waits for. It must
/// succeed.
pub fn user(command: &mut Command) -> Duration {
    let before = of_children();
    peak(command);
    of_children() - before
}

/// The processor time of all that this process started and that has ended: `cutime` of proc(5), in
/// hundredths of a second.
fn of_children() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    // The name of the program may have blanks in it; 13 fields lie between its end and this one.
    let (_, behind) = stat.rsplit_once(')').expect("a name");
    let ticks = behind.split_whitespace().nth(13).expect("a field");
    Duration::from_millis(ticks.parse::<u64>().expect("a number") * 10)
}

/// The middle of `values`.
pub fn median(mut values: Vec<Duration>) -> Duration {
    values.sort();
    values[values.len() / 2]
}

fn median_f64(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Rows of Markdown.
#[derive(Default)]
pub struct Table(Vec<[String; 4]>);

impl Table {
    /// A figure with what it is compared to.
    pub fn compared(&mut self, what: &str, pair: &Pair, other: &str) {
        let theirs = format!("{} ({other})", millis(pair.theirs));
        self.push(
            what,
            &millis(pair.ours),
            &theirs,
            &format!("{:.2}", pair.ratio),
        );
    }

    /// A figure by itself.
    pub fn plain(&mut self, what: &str, figure: &str) {
        self.push(what, figure, "", "");
    }

    fn push(&mut self, what: &str, ours: &str, theirs: &str, ratio: &str) {
        println!("{what}: {ours} {theirs} {ratio}");
        self.0.push([what, ours, theirs, ratio].map(str::to_owned));
    }
}

/// Milliseconds, for people.
pub fn millis(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1000.0)
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "\n| what | Banquet | beside it | ratio |\n| --- | --- | --- | --- |"
        )?;
        for [what, ours, theirs, ratio] in &self.0 {
            writeln!(f, "| {what} | {ours} | {theirs} | {ratio} |")?;
        }
        Ok(())
    }
}
