//! Steps that are repeated, roll over members, or run beside others.

use super::faults::dummies;
use crate::support::Project;

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
    assert!(said.contains("round 2 of 5 failed"), "{said}");

    dummies("  - step: sleep 5ms\n    until: failure\n    timeout: 50ms\n")
        .kitchen("test")
        .succeeds()
        .prints("(round 2)");
}

#[test]
fn the_output_that_is_told_is_that_of_the_round_that_failed() {
    let command = "echo >> rounds; n=$(wc -l < rounds); echo output of round $n; [ $n != 2 ]";
    for steps in [
        format!("  - step: run\n    command: '{command}'\n    repeat: 3\n"),
        format!("  - repeat: 3\n    steps:\n    - step: run\n      command: '{command}'\n"),
    ] {
        let ran = dummies(&steps).kitchen("test --destroy=always").exits(10);
        assert!(
            ran.err.contains("output of round 2"),
            "{}",
            ran.transcript()
        );
        for round in ["output of round 1", "output of round 3"] {
            assert!(!ran.err.contains(round), "{}", ran.transcript());
        }
    }
    let once = "  - step: run\n    command: 'false'\n    repeat: 1\n";
    let ran = dummies(once).kitchen("test --destroy=always").exits(10);
    assert!(!ran.transcript().contains("round"), "{}", ran.transcript());
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
    ran.succeeds().prints("during run sleep 600: run true");
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

#[test]
fn what_a_verify_leaves_out_is_told_everywhere_however_brief() {
    let project = dummies(
        "  - name: one\n    during: {heartbeat: {exec: 'true', every: 10ms}}\n    steps: [kill web1, verify web2]\n  \
         - name: two\n    steps:\n    - {step: exec lb, name: looks, command: 'true'}\n    - verify lb\n  \
         - step: wait lb\n    command: 'true'\n",
    );
    project.kitchen("create").succeeds();
    for arguments in ["verify --quiet", "verify"] {
        project
            .kitchen(&format!("{arguments} --junit junit.xml"))
            .succeeds()
            .prints_in_order(&[
                "`verify` does not run these steps: heartbeat, kill web1, looks, wait lb",
                "one",
                "partly run",
                "left out: heartbeat, kill",
                "two",
                "partly run",
                "left out: looks",
            ]);
    }
    let (one, two) = (
        "one: left out: heartbeat, kill web1",
        "two: left out: looks",
    );
    let junit = project.read("junit.xml");
    assert!(
        junit.contains(&format!("message=\"{one}; {two}\"")),
        "{junit}"
    );
    project
        .kitchen("report -f tap")
        .succeeds()
        .prints(&format!("other steps # SKIP {one}; {two}"));
}
