//! Faults and heartbeats: how soon a fault is in force and healed, how exactly questions are asked.

use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::measure::{Pair, Table, median, pair, time};
use crate::project::Project;

/// Members, one of which answers HTTP on port 8080.
const MEMBERS: &str = "
platforms: [{name: host}]
provisioner: {name: shell, command: 'true'}
suites: [{name: a}, {name: b}]
multisuites:
- name: bench
  steps:
  - converge a
  - converge b
";

/// Every fault that needs no time by itself, and its end.
const FAULTS: &str = "  - partition a | b\n  - heal\n  - pause a\n  - resume a\n  - kill a\n";

const HEARTBEAT: &str = "  - step: exec a
    command: |
      nohup perl -MIO::Socket::INET -e 'my $s = IO::Socket::INET->new(LocalPort => 8080, Listen => 999, ReuseAddr => 1) or die; while (my $c = $s->accept) { while (<$c>) { last if /^\\r?$/ } print $c qq(HTTP/1.1 200 OK\\r\\nContent-Length: 3\\r\\nConnection: close\\r\\n\\r\\nok\\n) }' >/dev/null 2>&1 &
  - step: wait a
    http: :8080/
  - heartbeat: {http: 'http://{{peers.a.address}}:8080/', every: 1ms, count: 5000, allow_failures: 5000}
";

/// What `pause`, its end and `kill` are compared to: the bare tool, once.
pub struct Bare {
    /// How it is called.
    pub name: &'static str,
    /// Times of the three.
    pub times: fn() -> [Duration; 3],
}

/// Signals to a process, which is all that a sandbox needs.
pub const SIGNALS: Bare = Bare {
    name: "`kill` of a process",
    times: || {
        let mut sleep = Command::new("sleep")
            .arg("600")
            .spawn()
            .expect("sleep runs");
        let id = sleep.id().to_string();
        let times =
            ["STOP", "CONT", "KILL"].map(|it| time(Command::new("kill").args(["-s", it, &id])));
        sleep.wait().expect("it was killed");
        times
    },
};

/// Docker's own command.
pub const DOCKER: Bare = Bare {
    name: "`docker`",
    times: || {
        // The one before may not be removed yet.
        let name = format!("banquet-bench-{:016x}", rand::random::<u64>());
        let run = [
            "run",
            "-d",
            "--rm",
            "--name",
            &name,
            crate::docker::IMAGE,
            "sleep",
            "600",
        ];
        time(Command::new("docker").args(run));
        ["pause", "unpause", "kill"].map(|it| time(Command::new("docker").args([it, &name])))
    },
};

/// Faults of a driver. Beside a cut is one `nft` in a network namespace, which none can do without.
pub fn measure(table: &mut Table, driver: &str, name: &str, bare: &Bare, runs: usize) {
    let project = Project::new(&format!("driver: {driver}\n{MEMBERS}{FAULTS}"));
    let mut took: [Vec<Duration>; 5] = Default::default();
    let mut theirs: [Vec<Duration>; 4] = Default::default();
    for _ in 0..runs {
        time(&mut project.kitchen(&["test", "--destroy=always"]));
        let events = events(&project);
        for (took, (kind, what)) in took.iter_mut().zip([
            ("fault_set", "partition"),
            ("fault_healed", "partition"),
            ("fault_set", "pause"),
            ("fault_healed", "pause"),
            ("fault_set", "kill"),
        ]) {
            took.push(one(&events, kind, what));
        }
        let nft = time(Command::new("unshare").args(["-n", "nft", "add", "table", "inet", "x"]));
        let [pause, resume, kill] = (bare.times)();
        for (theirs, time) in theirs.iter_mut().zip([nft, pause, resume, kill]) {
            theirs.push(time);
        }
    }
    let [set, healed, paused, resumed, killed] = took.map(median);
    let [nft, pause, resume, kill] = theirs.map(median);
    let nft_is = "`nft` in a network namespace";
    for (what, ours, theirs, other) in [
        ("partition of 2 members in force", set, nft, nft_is),
        ("partition healed", healed, nft, nft_is),
        ("pause in force", paused, pause, bare.name),
        ("pause healed", resumed, resume, bare.name),
        ("kill in force", killed, kill, bare.name),
    ] {
        let ratio = ours.as_secs_f64() / theirs.as_secs_f64();
        table.compared(
            &format!("{what}, {name}"),
            &Pair {
                ours,
                theirs,
                ratio,
            },
            other,
        );
    }
}

/// Prints how late, in microseconds, 99 of 100 of 5,000 moments a millisecond apart are met by a
/// process that does nothing else.
const SLEEPER: &str =
    "use Time::HiRes qw(clock_gettime clock_nanosleep CLOCK_MONOTONIC TIMER_ABSTIME);
    my $start = clock_gettime(CLOCK_MONOTONIC); my @late;
    for my $n (1 .. 5000) {
        my $due = $start + $n / 1000;
        clock_nanosleep(CLOCK_MONOTONIC, $due * 1e9, TIMER_ABSTIME);
        push @late, clock_gettime(CLOCK_MONOTONIC) - $due;
    }
    @late = sort { $a <=> $b } @late; printf '%d', $late[4949] * 1e6;";

/// How late a process on the heartbeat's processor is that only sleeps.
fn sleeper() -> Duration {
    let ran = Command::new("taskset")
        .args(["-c", "0", "perl", "-e", SLEEPER])
        .output();
    let out = ran.expect("perl runs").stdout;
    let micros = String::from_utf8_lossy(&out).parse();
    Duration::from_micros(micros.expect("a number"))
}

/// A thousand requests a second, all of it (members, too) on one processor.
pub fn heartbeat(table: &mut Table, runs: usize) {
    let project = Project::new(&format!("driver: sandbox\n{MEMBERS}{HEARTBEAT}"));
    let mut lost = 0;
    let late = pair(
        runs,
        || {
            let mut command = Command::new("taskset");
            let kitchen = project.kitchen(&["test", "--destroy=always"]);
            command
                .args(["-c", "0"])
                .arg(kitchen.get_program())
                .args(kitchen.get_args());
            time(&mut command);
            let events = events(&project);
            let ended = events
                .iter()
                .find(|event| event["event"] == "heartbeat_finished");
            let summary = &ended.expect("the heartbeat ended")["summary"];
            lost = lost.max(summary["lost"].as_u64().expect("a number"));
            Duration::from_secs_f64(summary["late_p99"].as_f64().expect("seconds"))
        },
        sleeper,
    );
    table.compared(
        &format!(
            "1,000 requests a second on one processor, at most {lost} of 5,000 lost: 99% asked within"
        ),
        &late,
        "a process there that only sleeps",
    );
}

/// How long the first event of this kind about a step that begins with `what` took.
fn one(events: &[Value], kind: &str, what: &str) -> Duration {
    let found = events.iter().find(|event| {
        event["event"] == kind
            && event["what"]
                .as_str()
                .is_some_and(|it| it.starts_with(what))
    });
    let found = found.unwrap_or_else(|| panic!("no {kind} of {what}"));
    Duration::from_secs_f64(found["took"].as_f64().expect("seconds"))
}

/// The events of the newest run.
fn events(project: &Project) -> Vec<Value> {
    let runs = std::fs::read_dir(project.path().join(".kitchen/runs")).expect("runs");
    let newest = runs.flatten().map(|run| run.path().join("events.ndjson"));
    let newest = newest.max_by_key(|path| path.metadata().and_then(|it| it.modified()).ok());
    let text = std::fs::read_to_string(newest.expect("a run")).expect("a record");
    let lines = text.lines().map(serde_json::from_str);
    lines.collect::<Result<_, _>>().expect("lines of JSON")
}
