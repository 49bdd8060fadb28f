//! Commands that Test Kitchen has and that need no machine, and those for projects written for it.

mod support;

use support::Project;

const FAULTY: &str = "\
driver:
  name: docker
  imag: x
verifier: {name: inspec}
platforms:
- name: a
suites:
- name: default
  atributes: {}
kitchn: {}
";

#[test]
fn a_new_project_is_valid_and_stays_as_it_is() {
    let project = Project::new();
    project
        .kitchen("init --driver docker --create-gemfile")
        .succeeds()
        .prints("      create  kitchen.yml\n")
        .prints("You must run `bundle install' to fetch any new gems.\n");
    let before = project.read("kitchen.yml");
    project
        .kitchen("validate --strict")
        .succeeds()
        .prints("The configuration is valid: 2 instances.\n")
        .is_quiet();
    project
        .kitchen("list --bare")
        .succeeds()
        .prints("default-ubuntu-2404\ndefault-almalinux-10\n");
    project
        .kitchen("init -D ec2")
        .succeeds()
        .prints("        skip  kitchen.yml\n");
    assert_eq!(project.read("kitchen.yml"), before);
    assert!(project.has("test/integration/default"));
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let project = Project::new().file("kitchen.yml", FAULTY);
    let told = project
        .kitchen("validate")
        .succeeds()
        .prints("there is no verifier \"inspec\"")
        .prints("driver docker does not know the key `imag`")
        .prints("Did you mean `image`?")
        .prints("[kitchen.yml:3:9]")
        .prints("unknown key `atributes` of a suite")
        .prints("unknown key `kitchn` at the top level")
        .prints("0 errors, 4 warnings.\n")
        .is_quiet();
    assert!(told.out.contains("imag: x"), "an excerpt in {}", told.out);
    project.kitchen("validate --strict").exits(3);
    let told = project.kitchen("validate --json").succeeds();
    let told: serde_json::Value = serde_json::from_str(&told.out).expect("JSON");
    assert_eq!(told["warnings"], 4);
    assert_eq!(told["problems"][0]["line"], 3);
    assert_eq!(told["problems"][0]["file"], "kitchen.yml");
}

#[test]
fn errors_have_the_exit_code_of_the_configuration() {
    for text in [
        "platforms: {}\n",
        "a: [\n",
        "platforms:\n- name: a\n- name: a\nsuites:\n- name: b\n",
    ] {
        let project = Project::new().file("kitchen.yml", text);
        project
            .kitchen("validate")
            .exits(3)
            .prints("1 error,")
            .is_quiet();
    }
}

#[test]
fn what_is_run_in_order_by_hand_becomes_a_multisuite() {
    let config = "platforms: [{name: a}]\nsuites: [{name: web}, {name: db}]\n";
    let project = Project::new().file("kitchen.yml", config).file(
        "Makefile",
        "test:\n\tkitchen converge db && kitchen converge web && kitchen verify web\n",
    );
    let told = project
        .kitchen("migrate")
        .succeeds()
        .prints("# Line 2 of Makefile runs these suites in order.\n")
        .is_quiet();
    project.write("kitchen.yml", &format!("{config}{}", told.out));
    project
        .kitchen("list --bare")
        .succeeds()
        .prints("cluster-a\n");
    project.kitchen("validate --strict").succeeds();
}

#[test]
fn structured_logs_are_read() {
    let log = r#"{"instance":"web-a","instance_session_id":"1","level":"info","message":"old"}
{"instance":"web-a","instance_session_id":"2","level":"info","message":"new"}
{"instance":"web-a","instance_session_id":"2","level":"error","message":"bad"}
"#;
    let project = Project::new()
        .file(
            "kitchen.yml",
            "platforms: [{name: a}]\nsuites: [{name: web}, {name: db}]\n",
        )
        .file(".kitchen/logs/web-a.ndjson", log)
        .file(
            ".kitchen/logs/gone-a.ndjson",
            "{\"message\":\"of another\"}\n",
        )
        .file(".kitchen/logs/kitchen.ndjson", "{\"message\":\"of all\"}\n");
    let out = |arguments: &str| project.kitchen(arguments).succeeds().is_quiet().out;
    assert_eq!(out("logs web"), "new\nbad\n");
    assert_eq!(out("logs web --level error"), "bad\n");
    assert_eq!(out("logs web --session-id 1"), "old\n");
    assert_eq!(out("logs --all-sessions"), "of another\nold\nnew\nbad\n");
    assert_eq!(out("logs --all-sessions web"), "old\nnew\nbad\n");
    let last = log.lines().last().expect("a line");
    assert_eq!(
        out("logs web --format ndjson --level warn"),
        format!("{last}\n")
    );
    project.write(".kitchen/web-a.yml", "---\ninstance_session_id: '1'\n");
    assert_eq!(out("logs web"), "old\n");
    project
        .kitchen("logs")
        .exits(2)
        .complains("returned multiple results");
    project
        .kitchen("logs db")
        .exits(2)
        .complains("has no current session id");
    project
        .kitchen("logs db --session-id 1")
        .exits(2)
        .complains("No structured log file found");
    project
        .kitchen("logs --level loud")
        .exits(2)
        .complains("Invalid log level `loud'");
}

#[test]
fn a_log_is_followed() {
    use std::io::Write;
    let project = Project::new()
        .file(
            "kitchen.yml",
            "platforms: [{name: a}]\nsuites: [{name: web}]\n",
        )
        .file(
            ".kitchen/logs/web-a.ndjson",
            "{\"instance_session_id\":\"1\",\"message\":\"first\"}\n",
        );
    let running = project.start("logs web --follow").until("first\n");
    let log = project.path().join(".kitchen/logs/web-a.ndjson");
    let mut file = std::fs::OpenOptions::new()
        .append(true)
        .open(log)
        .expect("the log");
    file.write_all(b"{\"instance_session_id\":\"1\",\"message\":\"second\"}\n")
        .expect("a line");
    let ended = running.until("second\n").signal("TERM").wait();
    assert_eq!(ended.out, "first\nsecond\n");
}
