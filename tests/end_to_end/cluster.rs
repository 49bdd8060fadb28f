//! What the steps of a cluster can do, on the embedded driver and on dummies.

use crate::support::{Project, needs};

const DUMMIES: &str = "driver: {name: dummy, journal: journal}
transport: dummy
provisioner: {name: dummy, journal: journal}
verifier: {name: dummy, journal: journal}
platforms: [{name: host}]
suites: [{name: a}, {name: b}, {name: c}]
multisuites:
- name: trio
  steps:
";

fn dummies(steps: &str) -> Project {
    Project::new().file("kitchen.yml", &format!("{DUMMIES}{steps}"))
}

fn begun(project: &Project, actions: &[&str]) -> Vec<String> {
    let text = project.read("journal");
    let wanted = |line: &&str| actions.contains(&line.split(' ').next().unwrap_or_default());
    text.lines()
        .filter(wanted)
        .map(|line| line.replace("-host", ""))
        .collect()
}

const SANDBOX: &str = "driver: sandbox
provisioner: {name: shell, command: 'true'}
verifier: {name: shell, command: 'true'}
platforms: [{name: host}]
suites: [{name: a, roles: [first]}, {name: b}]
multisuites:
- name: pair
  steps:
";

fn sandboxes(steps: &str) -> Project {
    Project::new().file("kitchen.yml", &format!("{SANDBOX}{steps}"))
}

#[test]
fn a_suite_whose_first_step_is_create_comes_later() {
    let project = dummies("  - converge a\n  - create b\n  - converge b\n  - converge c\n");
    project.kitchen("test --destroy=never").succeeds();
    let mut lines = begun(&project, &["create", "converge"]);
    lines[..2].sort();
    assert_eq!(
        lines,
        [
            "create a",
            "create c",
            "converge a",
            "create b",
            "converge b",
            "converge c"
        ]
    );
}

#[test]
fn a_destroyed_member_has_no_steps_until_it_is_made_anew() {
    for option in ["allow_failure", "expect_failure"] {
        let step = format!("  - destroy a\n  - step: verify a\n    {option}: true\n");
        let ran = dummies(&step).kitchen("validate").exits(3);
        ran.prints("`verify a` acts on a, which was destroyed before");
    }
    let project = dummies("  - destroy a\n  - create a\n  - verify a\n");
    project.kitchen("test --destroy=never").succeeds();
    assert_eq!(begun(&project, &["verify"]), ["verify a"]);
}

#[test]
fn attempts_are_repeated_and_the_last_one_counts() {
    let step = "  - step: converge a\n    fail_times: 2\n    retries: ";
    let project = dummies(&format!("{step}2\n"));
    project.kitchen("test").succeeds();
    assert_eq!(begun(&project, &["converge"]).len(), 3);
    dummies(&format!("{step}1\n")).kitchen("test").exits(11);
}

#[test]
fn a_timeout_is_told_from_other_failures() {
    dummies("  - step: converge a\n    sleep: 600\n    timeout: 100ms\n")
        .kitchen("test")
        .exits(21);
}

#[test]
fn idempotence_is_what_the_provisioner_tells() {
    let step =
        |changed| format!("  - step: converge a\n    idempotent: true\n    changed: {changed}\n");
    dummies(&step("false")).kitchen("test").succeeds();
    dummies(&step("true")).kitchen("test").exits(11);
}

#[test]
fn a_step_that_must_fail_and_passes_is_a_failure() {
    dummies("  - step: converge a\n    expect_failure: true\n")
        .kitchen("test")
        .exits(10);
}

#[test]
fn from_until_and_resume_take_a_part_of_the_steps() {
    let steps = "  - converge a\n  - step: converge b\n    name: middle\n  - converge c\n";
    let project = dummies(steps);
    project
        .kitchen("test --until middle --destroy=never")
        .succeeds();
    assert_eq!(begun(&project, &["converge"]), ["converge a", "converge b"]);
    project.kitchen("test --from 3 --destroy=never").succeeds();
    assert_eq!(
        begun(&project, &["converge"]),
        ["converge a", "converge b", "converge c"]
    );

    let broken = steps.replace(
        "name: middle",
        "name: middle\n    provisioner_config: {fail: true}",
    );
    let project = dummies(&broken);
    project.kitchen("test").exits(11);
    project.write("kitchen.yml", &format!("{DUMMIES}{steps}"));
    project.kitchen("test --resume --destroy=never").succeeds();
    assert_eq!(
        begun(&project, &["converge"]),
        ["converge a", "converge b", "converge b", "converge c"]
    );
    assert_eq!(begun(&project, &["create"]).len(), 3);
}

#[test]
fn a_member_that_does_not_come_up_is_made_anew() {
    let text = DUMMIES
        .replace(
            "journal: journal}\ntransport",
            "journal: journal, fail_times: 1}\ntransport",
        )
        .replace("  steps:", "  create: {retries: 1}\n  steps:");
    let project = Project::new().file("kitchen.yml", &format!("{text}  - converge a\n"));
    project.kitchen("create").succeeds();
    assert_eq!(begun(&project, &["create"]).len(), 2);
}

#[test]
fn clusters_run_at_the_same_time_when_asked() {
    // Each run step ends only once the other has begun.
    let meet = |mine: &str, other: &str| {
        format!(
            "touch {mine}; for _ in $(seq 600); do [ -e {other} ] && exit 0; sleep 0.1; done; exit 1"
        )
    };
    let text = format!(
        "driver: dummy\nprovisioner: dummy\nverifier: dummy\nplatforms: [{{name: host}}]\n\
         suites: [{{name: a}}, {{name: b}}]\nmultisuites:\n\
         - name: one\n  steps:\n  - converge a\n  - step: run\n    command: {}\n\
         - name: two\n  steps:\n  - converge b\n  - step: run\n    command: {}\n",
        meet("first", "second"),
        meet("second", "first"),
    );
    Project::new()
        .file("kitchen.yml", &text)
        .kitchen("test --concurrency 2")
        .succeeds();
}

#[test]
fn all_conditions_are_waited_for() {
    if !needs("sandbox") {
        return;
    }
    let serve = "perl -MIO::Socket::INET -e 'my $s = IO::Socket::INET->new(LocalPort => 80, Listen => 9, ReuseAddr => 1) or die; while (my $c = $s->accept) { while (<$c>) { last if /^\\r?$/ } print $c qq(HTTP/1.0 200 OK\\r\\n\\r\\nready\\n) }'";
    let steps = format!(
        "  - step: exec a\n    command: |\n      (sleep 0.3; echo line one > /tmp/log; sleep 0.1; echo now ready >> /tmp/log; touch /tmp/file) >/dev/null 2>&1 &\n      nohup {serve} > /dev/null 2>&1 &\n\
         \x20 - step: wait a\n    file: /tmp/file\n\
         \x20 - step: wait a\n    log: {{file: /tmp/log, matches: '^now'}}\n\
         \x20 - step: wait a\n    command: test -s /tmp/log\n\
         \x20 - step: wait a\n    port: 80\n\
         \x20 - step: wait a\n    http: {{url: '/x', status: 200, body: '^ready'}}\n\
         \x20 - step: wait b\n    port: 81\n    timeout: 300ms\n    expect_failure: true\n"
    );
    sandboxes(&steps)
        .kitchen("test --destroy=always")
        .succeeds();
}

#[test]
fn members_know_each_other_by_every_way() {
    if !needs("sandbox") {
        return;
    }
    let steps = "  - step: exec a
    command: |
      set -e
      grep -q ' b' /etc/hosts
      grep -q '\"suite\":\"b\"' /etc/kitchen/peers.json
      [ \"$KITCHEN_PEERS_FILE\" = /etc/kitchen/peers.json ]
      [ \"$KITCHEN_B_ADDRESS\" = {{peers.b.address}} ]
      echo \"$KITCHEN_PEERS\"
    expect: {contains: '\"roles\":[\"first\"]'}
  - step: run
    command: '[ \"$KITCHEN_A_ADDRESS\" = \"$WANTED\" ]'
    environment: {WANTED: '{{peers.a.address}}'}
  - destroy b
  - step: run
    command: '[ -z \"$KITCHEN_B_ADDRESS\" ]'
";
    sandboxes(steps).kitchen("test --destroy=always").succeeds();
}

#[test]
fn an_expression_that_names_nobody_tells_its_line() {
    let ran = dummies("  - converge a\n  - step: run\n    command: ping {{peers.x.address}}\n")
        .kitchen("test --destroy=always");
    assert_eq!(ran.code, Some(3), "{}", ran.transcript());
    assert!(
        ran.transcript().contains("kitchen.yml:12:19"),
        "{}",
        ran.transcript()
    );
}

#[test]
fn hooks_run_around_actions_in_order() {
    let text = "driver: dummy\nprovisioner: dummy\nverifier: dummy\nplatforms: [{name: host}]\n\
        suites: [{name: a}]\nlifecycle:\n  pre_create: echo before $KITCHEN_INSTANCE_NAME >> order\n  \
        post_create:\n  - local: echo after $NOTE >> order\n    environment: {NOTE: noted}\n  \
        - local: echo never >> order\n    excludes: [host]\n  \
        pre_converge: exit 3\n  finally_converge: echo finally >> order\n";
    let project = Project::new().file("kitchen.yml", text);
    project.kitchen("converge").exits(11);
    assert_eq!(
        project.read("order"),
        "before a-host\nafter noted\nfinally\n"
    );
}

/// A block that breaks something, and only then asks whether the rest still works.
const SURVIVES: &str = "  - converge a
  - name: b survives
    steps:
    - {step: run, name: break a, command: test -e broken}
    - concurrent: [converge c, verify b]
  - verify c
";

#[test]
fn a_block_that_verify_runs_in_part_is_not_told_as_passed() {
    let project = dummies(SURVIVES);
    project.kitchen("create").succeeds();
    let ran = project.kitchen("verify").succeeds();
    ran.prints("left out: break a, converge c")
        .prints("partly run");
    let json: serde_json::Value =
        serde_json::from_str(&project.kitchen("report -f json").succeeds().out).unwrap();
    let parts = json["subjects"][0]["parts"].as_array().unwrap();
    let told = |step: serde_json::Value| {
        let part = parts.iter().find(|part| part["step"] == step).unwrap();
        (part["result"].clone(), part["title"].clone())
    };
    assert_eq!(told([2].into()), ("partly".into(), "b survives".into()));
    // The numbers are those of `test`.
    let inner = told([2, 2].into());
    assert_eq!(inner.0, "partly");
    assert_eq!(told([2, 2, 2].into()), ("passed".into(), "verify b".into()));
    assert_eq!(told([3].into()), ("passed".into(), "verify c".into()));
    let why = parts
        .iter()
        .find(|part| part["step"] == serde_json::json!([2]));
    assert_eq!(why.unwrap()["reason"], "left out: break a, converge c");
    let junit = project.kitchen("report -f junit").succeeds().out;
    assert!(
        junit.contains("<skipped message=\"b survives: left out: break a, converge c; "),
        "{junit}"
    );
    let tap = project.kitchen("report -f tap").succeeds().out;
    assert!(
        tap.contains("cluster: other steps # SKIP b survives: left out: break a, converge c"),
        "{tap}"
    );
}

#[test]
fn a_block_that_converge_runs_in_part_is_not_told_as_passed() {
    let project = dummies(SURVIVES);
    project
        .kitchen("converge")
        .succeeds()
        .prints("left out: break a, verify b");
    project
        .kitchen("plan --for verify")
        .succeeds()
        .prints("run in part, left out: break a, converge c")
        .prints("2.2.2 verify b");
}

#[test]
fn resume_does_not_take_a_block_that_verify_ran_in_part_for_passed() {
    let project = dummies(SURVIVES);
    project.kitchen("test --destroy=never").exits(10);
    project.kitchen("verify").succeeds();
    project
        .kitchen("test --resume --destroy=never")
        .exits(10)
        .prints("break a");
    project
        .file("broken", "")
        .kitchen("test --resume")
        .succeeds();
}

#[test]
fn a_verify_beside_steps_that_are_left_out_runs_to_its_end() {
    let project = dummies(
        "  - during: [{step: verify a, cases: [{name: holds}]}]
    steps: [{step: run, command: 'true'}]
",
    );
    project.kitchen("create").succeeds();
    project
        .kitchen("verify")
        .succeeds()
        .prints("ok: holds")
        .prints("1 during verify a: run");
}

#[test]
fn a_verify_that_is_cut_off_before_it_judged_has_not_passed() {
    let project = dummies(
        "  - during: [{step: verify a, sleep: 60}]
    steps: [{step: run, command: 'true'}]
",
    );
    // What passed is the step `run`.
    let ran = project.kitchen("test").succeeds();
    ran.prints("2 tests: 1 passed, 0 failed, 1 skipped");
}

#[test]
fn verify_of_a_cluster_without_a_verify_step_says_that_nothing_is_tested() {
    let project = dummies("  - converge a\n");
    project.kitchen("create").succeeds();
    let ran = project.kitchen("verify").succeeds();
    ran.prints("nothing is tested")
        .prints("1 test: 0 passed, 0 failed, 1 skipped");
}

#[test]
fn what_is_cut_off_beside_other_steps_before_it_judged_has_not_passed() {
    let project = dummies(
        "  - during: [{step: run, command: sleep 60; false}]
    steps: [{step: run, command: 'true'}]
",
    );
    let ran = project.kitchen("test").succeeds();
    ran.prints("2 tests: 1 passed, 0 failed, 1 skipped");
}

#[test]
fn rounds_of_which_none_ended_have_not_passed() {
    let project = dummies("  - {step: run, command: sleep 60, until: failure, timeout: 100ms}\n");
    let ran = project.kitchen("test").exits(21);
    ran.complains("No round ended");
}

#[test]
fn a_command_that_is_empty_is_none() {
    for step in ["{step: run, command: ''}", "{step: exec a, command: ' '}"] {
        let ran = dummies(&format!("  - {step}\n"))
            .kitchen("validate")
            .exits(3);
        ran.prints("`command` must be text that is not empty");
    }
}

/// The exit code, the last line, JUnit and TAP say the same of a failure in a block that may fail,
/// must fail, or passes when it is tried again.
#[test]
fn a_failure_that_a_block_takes_for_well_fails_no_report() {
    let counting = "{step: run, command: 'echo >> rounds; test $(wc -l < rounds) = 2'}";
    for block in [
        "{name: b, allow_failure: true, steps: [{step: run, command: 'false'}]}".to_owned(),
        "{name: b, expect_failure: true, steps: [{step: run, command: 'false'}]}".to_owned(),
        format!("{{name: b, retries: 1, steps: [{counting}]}}"),
    ] {
        let project = dummies(&format!("  - {block}\n"));
        let ran = project.kitchen("test --junit junit.xml").succeeds();
        ran.prints(", 0 failed,");
        let junit = project.read("junit.xml");
        assert!(junit.contains("failures=\"0\""), "{block}\n{junit}");
        let tap = project.kitchen("report --format tap").succeeds();
        let mut failed = tap.out.lines().filter(|line| line.starts_with("not ok"));
        assert!(
            failed.all(|line| line.contains("# TODO")),
            "{}",
            tap.transcript()
        );
    }
}
