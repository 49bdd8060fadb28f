//! Requests flow while members die, are cut off and are upgraded: the fixtures that show it, and
//! what heartbeats and chaos can be told.

use std::path::Path;

use crate::support::{Project, needs};

/// A fixture that uses files of another one.
fn fixture(name: &str) -> Project {
    let project = Project::copy_of(&format!("fixtures/{name}"));
    let other = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/heartbeat");
    let text = project.read("kitchen.yml");
    let text = text.replace("../heartbeat", &other.to_string_lossy());
    project.write("kitchen.yml", &text);
    project
}

#[test]
fn no_request_is_lost_when_a_member_dies_behind_a_careful_balancer() {
    if !needs("sandbox") {
        return;
    }
    fixture("heartbeat")
        .kitchen("test careful --destroy=always")
        .succeeds()
        .prints("In force: kill web1")
        .prints("Heartbeat: 200 sent, 200 answered, 0 lost");
}

#[test]
fn a_careless_balancer_fails_the_test_with_the_outage_and_its_fault() {
    if !needs("sandbox") {
        return;
    }
    let ran = fixture("heartbeat").kitchen("test careless --destroy=always");
    ran.exits(10)
        .prints("Heartbeat: 200 sent")
        .complains("of 200 were lost, 0 may be; longest outage")
        .complains("after `kill web1-careless`");
}

#[test]
fn haproxy_loses_nothing_with_health_checks_and_something_without() {
    if !needs("docker-haproxy") {
        return;
    }
    let project = fixture("heartbeat-haproxy");
    project
        .kitchen("test careful --destroy=always")
        .succeeds()
        .prints("Heartbeat: 200 sent, 200 answered, 0 lost");
    project
        .kitchen("test careless --destroy=always")
        .exits(10)
        .complains("after `kill web1-careless`");
}

#[test]
fn etcd_keeps_its_quorum_when_its_leader_is_cut_off() {
    if !needs("docker-etcd") {
        return;
    }
    fixture("quorum")
        .kitchen("test --destroy=always")
        .succeeds()
        .prints("Healed: partition etcd1 | etcd2 etcd3");
}

#[test]
fn an_upgrade_and_a_downgrade_lose_nothing_and_are_idempotent() {
    if !needs("sandbox") {
        return;
    }
    let ran = fixture("upgrade")
        .kitchen("test --destroy=always")
        .succeeds();
    let beats: Vec<&str> = ran
        .out
        .lines()
        .filter(|it| it.contains("Heartbeat: "))
        .collect();
    assert_eq!(beats.len(), 2, "{}", ran.transcript());
    assert!(beats.iter().all(|it| it.contains(" 0 lost")), "{beats:?}");
}

const SANDBOX: &str = "driver: sandbox
provisioner: {name: shell, command: 'true'}
verifier: {name: shell, command: 'true'}
platforms: [{name: host}]
suites: [{name: a}, {name: b}]
multisuites:
- name: pair
  steps:
  - step: exec a
    command: |
      nohup perl -MIO::Socket::INET -e 'my $s = IO::Socket::INET->new(LocalPort => 7, Listen => 99, ReuseAddr => 1) or die; while (my $c = $s->accept) { close $c }' >/dev/null 2>&1 &
  - step: wait a
    port: 7
  - converge b
";

fn sandboxes(steps: &str) -> Project {
    Project::new().file("kitchen.yml", &format!("{SANDBOX}{steps}"))
}

#[test]
fn a_cut_between_two_members_is_an_outage_that_may_last_as_long_as_is_said() {
    if !needs("sandbox") {
        return;
    }
    let steps = |most: &str| {
        format!(
            "  - during:\n      heartbeat: {{from: b, tcp: 'a:7', every: 10ms, timeout: 100ms, max_outage: {most}}}\n    steps:\n    - sleep 200ms\n    - step: partition a | b\n      for: 300ms\n    - sleep 200ms\n"
        )
    };
    sandboxes(&steps("5s"))
        .kitchen("test --destroy=always")
        .succeeds();
    sandboxes(&steps("50ms"))
        .kitchen("test --destroy=always")
        .exits(10)
        .complains("an outage may last 50ms; longest outage")
        .complains("after `partition a | b`");
}

#[test]
fn commands_are_asked_at_fixed_moments_too() {
    if !needs("sandbox") {
        return;
    }
    let beat =
        |what: &str| format!("  - heartbeat: {{{what}, every: 20ms, count: 10, timeout: 10s}}\n");
    let steps = [
        beat("exec: 'true'"),
        beat("exec: test \"$(hostname)\" = b-host, from: b"),
        beat("exec: sleep 0.2, max_latency: 9s"),
    ];
    let ran = sandboxes(&steps.concat())
        .kitchen("test --destroy=always")
        .succeeds();
    let all = ran.out.matches("10 sent, 10 answered, 0 lost").count();
    assert_eq!(all, 3, "{}", ran.transcript());
    sandboxes(&beat("exec: 'echo broken; exit 3', allow_failures: 9"))
        .kitchen("test --destroy=always")
        .exits(10)
        .complains("10 of 10 were lost, 9 may be")
        .complains("exit code 3: broken");
}

#[test]
fn a_container_asks_and_sees_an_outage() {
    if !needs("docker") {
        return;
    }
    let driver = "driver: {name: docker, image: 'banquet/busybox:1', pull: never}";
    let (head, _) = SANDBOX.split_once("  - step: exec a").expect("steps");
    let listen = "  - step: exec a\n    command: httpd -p 7 -h /etc\n  - step: wait a\n    port: 7\n  - converge b\n";
    let head = head.replace("driver: sandbox", driver) + listen;
    let beat = |probe: &str, most: &str| {
        format!(
            "  - during:\n      heartbeat: {{from: b, {probe}, every: 20ms, timeout: 200ms, max_outage: {most}}}\n    steps:\n    - sleep 200ms\n    - step: partition a | b\n      for: 400ms\n    - sleep 300ms\n"
        )
    };
    let http = "http: {url: 'http://a:7/hosts', body: localhost}";
    let exec = "exec: 'nc -w 1 a 7 </dev/null'";
    let steps = [
        beat(http, "60s"),
        beat(exec, "60s"),
        beat("tcp: 'a:7'", "50ms"),
    ];
    let ran = Project::new()
        .file("kitchen.yml", &format!("{head}{}", steps.concat()))
        .kitchen("test --destroy=always")
        .exits(10)
        .complains("an outage may last 50ms; longest outage")
        .complains("after `partition a | b`");
    let outages = ran.out.matches("Outage of").count();
    assert!(outages >= 3, "{}", ran.transcript());
}

#[test]
fn a_heartbeat_to_a_name_that_does_not_resolve_says_so() {
    if !needs("sandbox") {
        return;
    }
    sandboxes("  - during:\n      heartbeat: {http: 'http://no-such-name.invalid/'}\n    steps: [sleep 600s]\n")
        .kitchen("test --destroy=always")
        .exits(3)
        .complains("the name `no-such-name.invalid` does not resolve")
        .complains("a, b");
}

#[test]
fn a_heartbeat_whose_steps_never_end_ends_with_the_blocks_time_limit() {
    if !needs("sandbox") {
        return;
    }
    sandboxes("  - during:\n      heartbeat: {tcp: 'a:7', every: 10ms}\n    steps: [sleep 600s]\n    timeout: 500ms\n")
        .kitchen("test --destroy=always")
        .exits(21)
        .prints("0 lost");
}

#[test]
fn chaos_follows_its_schedule_and_mends_all() {
    let text = "driver: {name: dummy, journal: journal}\nprovisioner: dummy\nverifier: dummy\n\
        platforms: [{name: host}]\nsuites: [{name: a}, {name: b}, {name: c}]\nmultisuites:\n\
        - name: trio\n  steps:\n  - verify a\n  - verify b\n  - verify c\n  \
        - chaos: {faults: [kill, pause, partition], every: 20ms, for: 400ms, seed: 7, min_in_service: 2}\n";
    let project = Project::new().file("kitchen.yml", text);
    let plan = project.kitchen("plan").succeeds().out;
    let planned = plan
        .lines()
        .filter(|it| it.trim().starts_with("after "))
        .count();
    assert!(planned > 3, "{plan}");
    assert_eq!(
        project.kitchen("plan").out,
        plan,
        "the same seed, the same schedule"
    );
    let ran = project.kitchen("test --destroy=never").succeeds();
    let set = ran.out.matches("In force: ").count();
    assert_eq!(
        (set, ran.out.matches("Healed: ").count()),
        (planned, planned)
    );
    assert!(
        !project
            .read(".kitchen/clusters/trio-host.yml")
            .contains("broken")
    );

    // Never is more than one of three out of service.
    let mut down = 0;
    for line in project.read("journal").lines() {
        match line.split(' ').next() {
            Some("kill" | "pause") => down += 1,
            Some("start" | "resume") => down -= 1,
            _ => {}
        }
        assert!((0..=1).contains(&down), "{}", project.read("journal"));
    }
}

#[test]
fn wrong_heartbeats_and_chaos_are_told() {
    for (step, message) in [
        ("  - heartbeat: {http: 'http://a/'}\n", "that never ends"),
        ("  - heartbeat: {count: 3}\n", "asks one question"),
        (
            "  - heartbeat: {tcp: 'a:1', exec: x, count: 3}\n",
            "asks one question",
        ),
        (
            "  - heartbeat: {tcp: 'a:1', count: 0}\n",
            "`count` of a heartbeat",
        ),
        (
            "  - heartbeat: {tcp: 'a:1', count: 3, from: x}\n",
            "names no known suite",
        ),
        (
            "  - heartbeat: {tcp: 'a:1', count: 3, evry: 1s}\n",
            "unknown key `evry`",
        ),
        ("  - chaos: {faults: [kil], for: 2m}\n", "`kil` is no fault"),
        ("  - chaos: {faults: [kill]}\n", "says not for how long"),
        ("  - chaos: {for: 2m}\n", "says not which faults"),
        (
            "  - chaos: {faults: [kill], for: 2m, members: [a], min_in_service: 1}\n",
            "nothing could ever be broken",
        ),
        (
            "  - chaos: {faults: [partition], for: 2m, members: [a], min_in_service: 0}\n",
            "nobody to cut",
        ),
    ] {
        let ran = sandboxes(step).kitchen("list").exits(3);
        assert!(
            ran.err.contains(message),
            "{message} in {}",
            ran.transcript()
        );
    }
}
