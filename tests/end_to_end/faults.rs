//! Faults are set by steps, on every driver, and always undone.

use crate::support::{Project, needs};

const DUMMIES: &str = "driver: {name: dummy, journal: journal}
transport: dummy
provisioner: {name: dummy, journal: journal}
verifier: {name: dummy, journal: journal}
platforms: [{name: host}]
suites: [{name: web1, roles: [web]}, {name: web2, roles: [web]}, {name: lb}]
multisuites:
- name: web
  steps:
  - converge lb
  - converge web1
  - converge web2
";

fn dummies(steps: &str) -> Project {
    Project::new().file("kitchen.yml", &format!("{DUMMIES}{steps}"))
}

/// What dummies' drivers were told of power and links, in order.
fn told(project: &Project) -> Vec<String> {
    let words = [
        "stop", "start", "kill", "reboot", "pause", "resume", "cut", "mend",
    ];
    let text = project.read("journal");
    let lines = text
        .lines()
        .filter(|line| words.iter().any(|word| line.starts_with(word)));
    lines.map(|line| line.replace("-host", "")).collect()
}

#[test]
fn a_killed_member_is_on_again_at_the_end_of_the_run() {
    let project = dummies("  - kill web1\n  - pause web2\n");
    let ran = project.kitchen("test --destroy=never");
    ran.succeeds()
        .prints("In force: kill web1")
        .prints("Healed: pause web2");
    assert_eq!(told(&project)[..2], ["kill web1", "pause web2"]);
    let mut undone = told(&project)[2..].to_vec();
    undone.sort();
    assert_eq!(undone, ["resume web2", "start web1"]);
    assert!(
        !project
            .read(".kitchen/clusters/web-host.yml")
            .contains("broken")
    );
}

#[test]
fn nothing_is_undone_where_all_is_destroyed() {
    let project = dummies("  - kill web1\n");
    project.kitchen("test").succeeds();
    assert_eq!(told(&project), ["kill web1"]);
}

#[test]
fn a_fault_with_a_duration_is_undone_after_it() {
    let project = dummies(
        "  - step: pause web1\n    for: 10ms\n  - stop lb\n  - start lb\n  - reboot web2\n",
    );
    project.kitchen("test --destroy=never").succeeds();
    assert_eq!(
        told(&project),
        [
            "pause web1",
            "resume web1",
            "stop lb",
            "start lb",
            "reboot web2"
        ]
    );
}

#[test]
fn roles_and_patterns_mean_members() {
    let project = dummies("  - step: stop web\n    for: 1ms\n  - step: pause web*\n    for: 1ms\n");
    project.kitchen("test --destroy=never").succeeds();
    let mut lines = told(&project);
    lines[..2].sort();
    lines[4..6].sort();
    assert_eq!(lines[..2], ["stop web1", "stop web2"]);
    assert_eq!(lines[4..6], ["pause web1", "pause web2"]);
}

#[test]
fn a_member_that_is_off_fails_its_steps_with_the_reason() {
    let project = dummies("  - kill web1\n  - verify web1\n");
    let ran = project.kitchen("test --destroy=never");
    assert_ne!(ran.code, Some(0), "{}", ran.transcript());
    assert!(
        ran.transcript()
            .contains("web1-host is off since `kill web1`"),
        "{}",
        ran.transcript()
    );
}

#[test]
fn an_interrupted_run_heals_on_its_way_out() {
    let project = dummies("  - kill web1\n  - sleep 600s\n");
    let ran = project
        .start("test --destroy=never")
        .until("sleep 600s")
        .signal("INT")
        .wait();
    assert_eq!(ran.code, Some(130), "{}", ran.transcript());
    assert_eq!(told(&project), ["kill web1", "start web1"]);
}

#[test]
fn after_a_kill_9_the_next_command_says_what_is_broken_and_heals_it() {
    for next in ["heal", "verify", "heal lb-host"] {
        let project =
            dummies("  - verify lb\n  - partition web1 | lb\n  - kill web2\n  - sleep 600s\n");
        project
            .start("test --destroy=never")
            .until("sleep 600s")
            .signal("KILL")
            .wait();
        assert!(
            project
                .read(".kitchen/clusters/web-host.yml")
                .contains("broken")
        );
        let ran = project.kitchen(next).succeeds();
        let said = ran.transcript();
        assert!(
            said.contains("left `kill web2` in force on web2-host"),
            "{said}"
        );
        assert!(
            said.contains("left `partition web1 | lb` in force"),
            "{said}"
        );
        let told = told(&project);
        assert!(told.contains(&"start web2".into()), "{told:?}");
        assert!(told.contains(&"mend web1".into()), "{told:?}");
        assert!(told.contains(&"mend lb".into()), "{told:?}");
        project
            .kitchen("heal")
            .succeeds()
            .prints("nothing is broken");
    }
}

#[test]
fn a_destroyed_member_cannot_be_killed_and_a_running_one_not_resumed() {
    let cases = [
        (
            "  - destroy web1\n  - kill web1\n",
            "web1-host does not exist",
        ),
        ("  - resume web1\n", "web1-host is not paused"),
    ];
    for (steps, message) in cases {
        let ran = dummies(steps).kitchen("test --destroy=always");
        assert_ne!(ran.code, Some(0), "{}", ran.transcript());
        assert!(ran.transcript().contains(message), "{}", ran.transcript());
    }
}

#[test]
fn heal_with_nothing_to_heal_is_fine() {
    let project = dummies("  - heal\n  - heal web1\n");
    project
        .kitchen("test --destroy=never")
        .succeeds()
        .prints_no("Healed");
    project
        .kitchen("heal")
        .succeeds()
        .prints("nothing is broken");
}

#[test]
fn what_no_driver_can_do_is_refused_before_anything_runs() {
    let text = "driver: {name: proxy, host: 192.0.2.1}\nplatforms: [{name: host}]\n\
        suites: [{name: a}, {name: b}]\nmultisuites:\n- name: pair\n  steps:\n  - converge b\n  - kill a\n";
    let project = Project::new().file("kitchen.yml", text);
    let ran = project.kitchen("test").exits(3);
    let ran = ran
        .complains("driver proxy cannot kill: its setting `power` has no command `kill`")
        .complains("Write `power: {kill: COMMAND, start: COMMAND}`");
    assert!(!project.has(".kitchen/a-host.yml"), "{}", ran.transcript());

    let text = text.replace("proxy, host: 192.0.2.1", "exec");
    Project::new()
        .file("kitchen.yml", &text)
        .kitchen("test")
        .exits(3)
        .complains("driver exec cannot kill: a-host is the workstation itself");

    dummies("  - step: delay web1\n    by: 10ms\n")
        .kitchen("test")
        .exits(3)
        .complains("driver dummy cannot delay packets");
}

#[test]
fn a_delay_is_in_force_or_refused_before_anything_runs() {
    if !needs("sandbox") {
        return;
    }
    let step = "  - step: delay a\n    by: 20ms\n    for: 1ms\n";
    let project = Project::new().file("kitchen.yml", &format!("{SANDBOX}{step}"));
    let ran = project.kitchen("test --destroy=always");
    match ran.code {
        Some(0) => drop(ran.prints("In force: delay a")),
        _ => {
            let ran = ran.exits(3).complains("has no netem");
            assert!(!project.has(".kitchen/a-host.yml"), "{}", ran.transcript());
        }
    }
}

#[test]
fn wrong_faults_are_told_with_their_line() {
    for (step, message) in [
        ("  - partition web1 | web1\n", "has `web1` on both sides"),
        ("  - partition web1\n", "has one side"),
        (
            "  - partition web1 |\n",
            "a side of `partition web1 |` is empty",
        ),
        ("  - partition web | web1\n", "has `web1` on both sides"),
        ("  - kill\n", "names no suite"),
        ("  - kill web3\n", "Did you mean `web1`"),
        ("  - stop db*\n", "`db*` matches no member"),
        ("  - delay web1\n", "says not by how much"),
        ("  - step: drop web1\n    percent: 0\n", "a number above 0"),
        (
            "  - step: start web1\n    for: 5s\n",
            "`for` has no effect on a `start` step",
        ),
        (
            "  - step: sleep 1s\n    repeat: 0\n",
            "`repeat` must be 1 or more",
        ),
        ("  - step: sleep 1s\n    until: failure\n", "may never end"),
        ("  - during: sleep 1s\n", "`during` without `steps`"),
    ] {
        let ran = dummies(step).kitchen("list").exits(3);
        assert!(
            ran.err.contains(message),
            "{message} in {}",
            ran.transcript()
        );
        assert!(ran.err.contains("kitchen.yml:1"), "{}", ran.transcript());
    }
}

/// What dummies' provisioners and verifiers did, in order.
fn done(project: &Project) -> Vec<String> {
    let text = project.read("journal");
    let words = ["converge", "verify"];
    let lines = text
        .lines()
        .filter(|line| words.iter().any(|word| line.starts_with(word)));
    let lines = lines.map(|line| line.replace("-host", ""));
    lines.skip(3).collect()
}

#[test]
fn steps_are_repeated_and_all_rounds_count() {
    let project = dummies("  - step: verify web1\n    repeat: 3\n");
    project
        .kitchen("test --destroy=never")
        .succeeds()
        .prints("(round 3 of 3)");
    assert_eq!(done(&project).len(), 3);

    let fails = "exit $(( $(wc -c < rounds; echo >> rounds) % 2 ))";
    let text = format!("  - step: run\n    command: 'touch rounds; {fails}'\n    repeat: 5\n");
    let ran = dummies(&text).kitchen("test --destroy=always").exits(10);
    let said = ran.transcript();
    assert!(
        said.contains("2 of 5 rounds failed, first round 2"),
        "{said}"
    );

    let ran = dummies(&format!("{text}    until: failure\n")).kitchen("test --destroy=always");
    let said = ran.exits(10).transcript();
    assert!(said.contains("round 2 of 2 failed"), "{said}");

    dummies("  - step: sleep 5ms\n    until: failure\n    timeout: 50ms\n")
        .kitchen("test")
        .succeeds()
        .prints("(round 2)");
}

#[test]
fn a_rolling_step_goes_member_by_member_and_stops_at_the_first_failure() {
    let rolling =
        "  - rolling: {step: converge web, wait: {command: 'true'}, max_unavailable: 1}\n";
    let project = dummies(rolling);
    project
        .kitchen("test --destroy=never")
        .succeeds()
        .prints_in_order(&["converge web1", "wait web1", "converge web2", "wait web2"]);
    assert_eq!(done(&project), ["converge web1", "converge web2"]);

    let project = dummies("  - rolling: {step: 'converge web*', fail: true}\n");
    let ran = project.kitchen("test").exits(11);
    assert_eq!(done(&project), ["converge web1"], "{}", ran.transcript());
    let said = ran.transcript();
    assert!(said.contains("not begun any more: web2"), "{said}");
}

#[test]
fn a_rolling_step_stops_at_the_first_member_that_does_not_come_back() {
    // A dummy has no open port.
    let wait = "wait: {port: 80, timeout: 100ms, interval: 10ms}";
    let project = dummies(&format!("  - rolling: {{step: 'converge web*', {wait}}}\n"));
    let ran = project.kitchen("test --destroy=never").exits(10);
    assert_eq!(done(&project), ["converge web1"], "{}", ran.transcript());
    ran.complains("last seen: port 80 is closed")
        .prints("not begun any more: web2");
}

#[test]
fn what_runs_beside_steps_ends_with_them_and_either_failure_counts() {
    let block = |beside: &str, step: &str| {
        format!(
            "  - during: {{step: run, command: {beside}}}\n    steps:\n    - step: run\n      command: {step}\n"
        )
    };
    let ran = dummies(&block("sleep 600", "'true'")).kitchen("test");
    ran.succeeds().prints("during run: run");
    dummies(&block("sleep 600", "'false'"))
        .kitchen("test")
        .exits(10);
    dummies(&block("'false'", "sleep 600"))
        .kitchen("test")
        .exits(10);
    dummies(&format!(
        "{}    timeout: 100ms\n",
        block("sleep 600", "sleep 600")
    ))
    .kitchen("test")
    .exits(21);
}

const SANDBOX: &str = "driver: sandbox
provisioner: {name: shell, command: 'true'}
verifier: {name: shell, command: 'true'}
platforms: [{name: host}]
suites: [{name: a}, {name: b}, {name: c}]
multisuites:
- name: trio
  steps:
  - converge a
  - converge b
  - converge c
";

/// A step that must (or must not) be able to connect from one member to another.
fn reach(from: &str, to: &str, can: bool) -> String {
    let connect = "perl -MIO::Socket::INET -e 'exit !IO::Socket::INET->new(PeerAddr => shift, PeerPort => 7, Timeout => 1)'";
    format!(
        "  - step: exec {from}\n    command: {connect} {{{{peers.{to}.address}}}}\n    expect: {}\n",
        u8::from(!can)
    )
}

/// A step that lets a member accept connections.
fn listen(member: &str) -> String {
    let listen = "perl -MIO::Socket::INET -e 'my $s = IO::Socket::INET->new(LocalPort => 7, Listen => 9, ReuseAddr => 1) or die; 1 while $s->accept'";
    format!(
        "  - step: exec {member}\n    command: nohup {listen} >/dev/null 2>&1 &\n  - step: wait {member}\n    port: 7\n"
    )
}

#[test]
fn a_partition_of_sandboxes_cuts_both_ways_and_heals() {
    if !needs("sandbox") {
        return;
    }
    let steps = [
        listen("a"),
        listen("b"),
        reach("a", "b", true),
        "  - partition a | b\n".into(),
        reach("a", "b", false),
        reach("b", "a", false),
        reach("c", "a", true),
        "  - heal\n".into(),
        reach("a", "b", true),
        reach("b", "a", true),
        "  - step: drop a\n    percent: 100\n    for: 1ms\n".into(),
        reach("b", "a", true),
    ];
    Project::new()
        .file("kitchen.yml", &format!("{SANDBOX}{}", steps.concat()))
        .kitchen("test --destroy=always")
        .succeeds()
        .prints("In force: partition a | b");
}

/// Each change is computed from the record when its turn comes: of two that are undone at the same
/// moment neither puts back what the other has removed.
#[test]
fn cuts_that_are_set_and_healed_at_the_same_moment_do_not_undo_each_other() {
    if !needs("sandbox") {
        return;
    }
    let steps = [
        listen("b"),
        listen("c"),
        "  - concurrent: [partition a | b, partition a | c]\n".into(),
        reach("a", "b", false),
        reach("a", "c", false),
        "  - concurrent: [heal b, heal c]\n".into(),
        reach("a", "b", true),
        reach("a", "c", true),
    ];
    Project::new()
        .file("kitchen.yml", &format!("{SANDBOX}{}", steps.concat()))
        .kitchen("test --destroy=always")
        .succeeds();
}

/// The way of members that no words of the workstation lead into: the same script, on the member.
#[test]
fn rules_set_on_a_member_itself_cut_it_off_and_leave_nothing_when_they_are_healed() {
    if !needs("sandbox") {
        return;
    }
    let address = "{{peers.b.address}}";
    let cut = banquet_sdk::Links {
        cut: vec![std::net::Ipv4Addr::new(192, 0, 2, 77).into()],
        ..Default::default()
    };
    let step = |script: &str| {
        let script = script
            .replace("192.0.2.77", address)
            .replace('\n', "\n      ");
        format!("  - step: exec a\n    command: |\n      {script}\n")
    };
    let rules = |count: usize| {
        let count = format!(
            "[ $({{ nft list ruleset; iptables-save; }} 2>/dev/null | grep -ci banquet) -{} 0 ]",
            if count == 0 { "eq" } else { "gt" }
        );
        step(&count)
    };
    let steps = [
        listen("b"),
        reach("a", "b", true),
        rules(0),
        step(&cut.script()),
        rules(1),
        reach("a", "b", false),
        step(&banquet_sdk::Links::default().script()),
        rules(0),
        reach("a", "b", true),
    ];
    Project::new()
        .file("kitchen.yml", &format!("{SANDBOX}{}", steps.concat()))
        .kitchen("test --destroy=always")
        .succeeds();
}

#[test]
fn power_and_links_of_a_sandbox_survive_each_other() {
    if !needs("sandbox") {
        return;
    }
    let steps = [
        "  - partition a | b\n".into(),
        "  - kill a\n  - start a\n".into(),
        listen("a"),
        reach("b", "a", false),
        reach("c", "a", true),
        "  - pause a\n  - resume a\n  - reboot c\n  - heal a\n".into(),
        reach("b", "a", true),
    ];
    Project::new()
        .file("kitchen.yml", &format!("{SANDBOX}{}", steps.concat()))
        .kitchen("test --destroy=always")
        .succeeds();
}

#[test]
fn containers_are_cut_off_frozen_and_switched() {
    if !needs("docker") {
        return;
    }
    let driver = "driver: {name: docker, image: 'banquet/busybox:1', pull: never}";
    let listen =
        |member: &str| format!("  - step: exec {member}\n    command: httpd -p 7 -h /etc\n");
    let reach = |from: &str, to: &str, can: bool| {
        format!(
            "  - step: exec {from}\n    command: nc -w 2 {{{{peers.{to}.address}}}} 7 </dev/null\n    expect: {}\n",
            u8::from(!can)
        )
    };
    let steps = [
        listen("a"),
        "  - step: wait a\n    port: 7\n".into(),
        reach("b", "a", true),
        "  - partition a | b c\n".into(),
        reach("b", "a", false),
        "  - step: exec a\n    command: 'true'\n".into(),
        "  - heal\n".into(),
        reach("b", "a", true),
        "  - kill a\n  - start a\n  - pause b\n  - stop b\n  - start b\n".into(),
        listen("b"),
        reach("c", "b", true),
        "  - pause c\n".into(),
    ];
    let text = SANDBOX.replace("driver: sandbox", driver);
    Project::new()
        .file("kitchen.yml", &format!("{text}{}", steps.concat()))
        .kitchen("test --destroy=always")
        .succeeds();
}
