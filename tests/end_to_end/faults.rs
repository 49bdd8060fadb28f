//! Faults are set by steps, on every driver, and always undone.

use crate::support::Project;

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

/// A cluster that is machines in name only, with these steps behind a converge of each.
pub fn dummies(steps: &str) -> Project {
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
