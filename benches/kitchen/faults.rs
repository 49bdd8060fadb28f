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

/// Faults of a driver; `floor` is one `nft` in a network namespace, which no cut can do without.
pub fn measure(table: &mut Table, driver: &str, name: &str, runs: usize) {
    let project = Project::new(&format!("driver: {driver}\n{MEMBERS}{FAULTS}"));
    let mut took: [Vec<Duration>; 4] = Default::default();
    let floor = pair(
        runs,
        || {
            time(&mut project.kitchen(&["test", "--destroy=always"]));
            let events = events(&project);
            let set = |what: &str| one(&events, "fault_set", what);
            took[0].push(one(&events, "fault_healed", "partition"));
            took[1].push(set("pause"));
            took[2].push(one(&events, "fault_healed", "pause"));
            took[3].push(set("kill"));
            set("partition")
        },
        || time(Command::new("unshare").args(["-n", "nft", "add", "table", "inet", "x"])),
    );
    let [healed, paused, resumed, killed] = took.map(median);
    table.compared(
        &format!("partition of 2 {name} members in force"),
        &floor,
        "`nft` in a network namespace",
    );
    for (what, took) in [
        ("partition healed", healed),
        ("pause in force", paused),
        ("pause healed", resumed),
        ("kill in force", killed),
    ] {
        let pair = Pair {
            ours: took,
            theirs: floor.theirs,
            ratio: took.as_secs_f64() / floor.theirs.as_secs_f64(),
        };
        table.compared(&format!("{what}, {name}"), &pair, "the same");
    }
}

/// A thousand requests a second, all of it (members, too) on one processor.
pub fn heartbeat(table: &mut Table, runs: usize) {
    let project = Project::new(&format!("driver: sandbox\n{MEMBERS}{HEARTBEAT}"));
    let (mut late, mut lost) = (Vec::new(), 0);
    for _ in 0..runs {
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
        let micros = summary["late_p99"].as_u64().expect("a number");
        late.push(Duration::from_micros(micros));
        lost = lost.max(summary["lost"].as_u64().expect("a number"));
    }
    let late = median(late);
    table.plain(
        "heartbeat of 1,000 requests a second on one processor",
        &format!("99% asked within {late:.2?} of their moment, at most {lost} of 5,000 lost"),
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
    serde_json::from_value(found["took"].clone()).expect("a duration")
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
