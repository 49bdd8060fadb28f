//! Faults that machines feel: links of sandboxes and containers are cut, members freeze and go off.

use crate::support::{Project, needs};

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
