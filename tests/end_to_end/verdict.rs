//! What counts as a verdict: a test that ran, a failure that was expected, a check that can fail.

use crate::support::Project;

const DUMMIES: &str = "driver: dummy
transport: dummy
provisioner: dummy
verifier: dummy
platforms: [{name: host}]
suites: [{name: a}, {name: b}]
multisuites:
- name: pair
  steps:
";

fn dummies(steps: &str) -> Project {
    Project::new().file("kitchen.yml", &format!("{DUMMIES}{steps}"))
}

/// Machines that are the workstation, on which commands really run.
fn workstation(verifier: &str, steps: &str) -> Project {
    let file = DUMMIES
        .replace(
            "driver: dummy\ntransport: dummy",
            "driver: exec\ntransport: exec",
        )
        .replace("verifier: dummy", verifier);
    Project::new().file("kitchen.yml", &format!("{file}{steps}"))
}

#[test]
fn a_run_without_a_test_says_so_and_fails_where_one_is_required() {
    let project = dummies("  - converge a\n  - sleep 1ms\n");
    let ran = project.kitchen("test --quiet").succeeds();
    ran.prints("pair-host: no test was run");
    let ran = project.kitchen("test --require-tests").exits(10);
    let ran = ran.complains("pair-host: no test was run: nothing that it does verifies");
    // It is known before a machine is made.
    ran.prints_no("create");
    for steps in [
        "  - {step: exec a, command: 'true'}\n",
        "  - {step: run, command: 'true'}\n",
        "  - {step: converge a, idempotent: true, changed: false}\n",
        "  - verify b\n",
    ] {
        dummies(steps).kitchen("test --require-tests").succeeds();
    }
    let parts = dummies("  - verify a\n  - name: rest\n    step: converge a\n");
    parts.kitchen("test --require-tests --from rest").exits(10);
    let skipped = dummies("  - {step: verify a, verifier: shell, allow_empty: true}\n");
    skipped.kitchen("test --require-tests --until 1").exits(10);
}

#[test]
fn no_test_is_never_a_passed_case() {
    let project = dummies("  - converge a\n");
    project.kitchen("create").succeeds();
    project.kitchen("verify --junit junit.xml").succeeds();
    let junit = project.read("junit.xml");
    assert!(
        junit.contains("name=\"no test\"") && junit.contains("<skipped"),
        "{junit}"
    );
    assert!(!junit.contains("name=\"verify\""), "{junit}");
    let tap = project.kitchen("report --format tap").succeeds();
    tap.prints("no test # SKIP");
    project
        .kitchen("verify --junit junit.xml --require-tests")
        .exits(10);
    let junit = project.read("junit.xml");
    assert!(junit.contains("failures=\"1\""), "{junit}");
}

#[test]
fn only_the_steps_own_no_is_the_failure_that_it_expects() {
    let meant = [
        "step: run, command: 'false'",
        "step: run, command: 'exit 3'",
        "step: exec a, command: 'exit 1'",
        "step: exec a, command: 'echo x', expect: {contains: y}",
        "step: exec a, command: nonesuch-tool, expect: {exit_code: 1}, retries: 0",
        "step: wait a, command: 'false', timeout: 50ms",
        "step: wait a, file: /nonesuch, timeout: 50ms",
        "step: verify a, verifier: {name: shell, command: 'false'}",
    ];
    for (index, step) in meant.into_iter().enumerate() {
        let steps = format!("  - {{{step}, expect_failure: true}}\n");
        let ran = workstation("verifier: dummy", &steps).kitchen("test");
        match index {
            // A command that is not there says nothing, whatever was expected of it.
            4 => ran.exits(10).complains("this is another failure"),
            _ => ran.succeeds(),
        };
    }
    let others = [
        ("step: run, command: nonesuch-tool", 10),
        ("step: exec a, command: nonesuch-tool", 10),
        ("step: run, command: 'exec sleep 600', timeout: 50ms", 21),
        ("step: exec a, command: 'exec sleep 600', timeout: 50ms", 21),
        ("step: wait a, command: nonesuch-tool, timeout: 50ms", 10),
        (
            "step: verify a, verifier: {name: shell, command: nonesuch-tool}",
            10,
        ),
        (
            "step: verify a, verifier: {name: shell, command: 'exec sleep 600'}, timeout: 50ms",
            21,
        ),
        ("step: verify a, verifier: bats", 10),
    ];
    for (step, code) in others {
        let steps = format!("  - {{{step}, expect_failure: true}}\n");
        let ran = workstation("verifier: dummy", &steps).kitchen("test");
        let ran = ran.exits(code);
        if !step.contains("verify") {
            ran.complains("`expect_failure` expects");
        }
    }
    // The exit code of a command that is not there can be what is asked for.
    let steps = "  - {step: exec a, command: nonesuch-tool, expect: 127}\n";
    workstation("verifier: dummy", steps)
        .kitchen("test")
        .succeeds();
}

#[test]
fn a_check_that_holds_always_is_refused() {
    for step in [
        "{step: wait a, command: ''}",
        "{step: wait a, command: '# later'}",
        "{step: wait a, file: ' '}",
        "{step: wait a, http: ''}",
        "{step: wait a, log: {file: /x, matches: ''}}",
        "{step: exec a, command: 'true', expect: {contains: ''}}",
        "{step: exec a, command: 'true', expect: {matches: ''}}",
        "{step: run, command: \"# later\\n\"}",
        "{during: {heartbeat: {exec: ''}}, steps: [sleep 1ms]}",
        "{during: {heartbeat: {http: ''}}, steps: [sleep 1ms]}",
    ] {
        let ran = dummies(&format!("  - {step}\n")).kitchen("validate");
        ran.exits(3).prints("must be");
    }
}

#[test]
fn a_shell_verifier_without_a_command_tests_nothing() {
    for verifier in [
        "verifier: shell",
        "verifier: {name: shell, comand: 'false'}",
        "verifier: {name: shell, command: '# later'}",
    ] {
        let project = workstation(verifier, "  - verify a\n");
        let ran = project.kitchen("test").exits(10);
        ran.complains("no test was run");
    }
    let plain = Project::new().file(
        "kitchen.yml",
        "driver: exec\ntransport: exec\nprovisioner: dummy\nverifier: shell\nplatforms: [{name: host}]\nsuites: [{name: a}]\n",
    );
    plain.kitchen("test").succeeds().prints("no test was run");
    plain.kitchen("test --require-tests").exits(10);
}

/// An inserted step renames no other, attempts are one case, and a name is all of an identity.
#[test]
fn a_case_is_called_after_what_its_step_does() {
    let cases = |steps: &str| -> Vec<String> {
        let project = workstation("verifier: {name: shell, command: 'true'}", steps);
        project.kitchen("test --junit junit.xml");
        let junit = project.read("junit.xml");
        let case = regex::Regex::new("<testcase name=\"([^\"]*)\"").expect("a pattern");
        let found = case.captures_iter(&junit);
        found.map(|found| found[1].to_owned()).collect()
    };
    let steps = [
        "  - {step: run, command: make check}\n",
        "  - {step: exec a, command: 'true'}\n",
        "  - {step: verify a, name: it answers}\n",
        "  - {step: wait b, command: 'true'}\n",
    ];
    let before = cases(&steps[1..].concat());
    for name in ["exec a true", "it answers", "wait b true"] {
        assert!(before.iter().any(|case| case == name), "{name}: {before:?}");
    }
    let inserted = format!("  - {{step: run, command: ':'}}\n{}", steps[1..].concat());
    let after = cases(&inserted);
    for case in &before {
        assert!(after.contains(case), "{case}: {after:?}");
    }
    let tried = cases("  - {name: b, retries: 2, steps: [{step: exec a, command: 'false'}]}\n");
    let own: Vec<_> = tried
        .iter()
        .filter(|case| case.starts_with("exec"))
        .collect();
    assert_eq!(own, ["exec a false"], "{tried:?}");
}
