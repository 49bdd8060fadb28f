//! Runs are recorded, and told again for people and for build servers.

use crate::support::Project;

/// A cluster whose second member fails its test at first, and whose last step fails.
const CLUSTER: &str = "\
driver: {name: dummy}
transport: {name: dummy, exec: {stdout: the token is hunter2-hunter2}}
provisioner: {name: dummy, changes: [a package], api_token: hunter2-hunter2}
verifier: {name: dummy}
platforms: [{name: x}]
suites: [{name: a}, {name: b}]
multisuites:
- name: pair
  steps:
  - converge a
  - step: verify b
    verifier_config: {fail_times: 1}
    retries: 1
  - step: exec a
    command: say hunter2-hunter2
  - step: verify a
    verifier_config: {cases: [{name: answers, status: failed, message: got 500}, {name: runs}]}
";

fn project() -> Project {
    Project::new().file("kitchen.yml", CLUSTER)
}

/// The only record of a project.
fn record(project: &Project) -> String {
    let runs = project.path().join(".kitchen/runs");
    let mut found = std::fs::read_dir(runs).expect("records");
    let run = found.next().expect("a record").expect("an entry");
    assert!(found.next().is_none(), "one record");
    std::fs::read_to_string(run.path().join("events.ndjson")).expect("text")
}

#[test]
fn a_run_is_recorded_and_told_again() {
    let project = project();
    project.kitchen("test").exits(10);
    project
        .kitchen("runs")
        .succeeds()
        .prints("failed: 4 verify a")
        .prints("pair-x");
    project
        .kitchen("report")
        .succeeds()
        .prints("2 verify b           passed")
        .prints("2 attempts: flaky")
        .prints("4 verify a")
        .prints("Verify failed on instance <a-x> in step 4 of pair-x:");
    project
        .kitchen("report -f junit")
        .succeeds()
        .prints("<testcase name=\"verify a: answers\" classname=\"pair.x.a\"")
        .prints("<failure message=\"got 500\" type=\"verify\"/>")
        .prints("<flakyFailure");
    project
        .kitchen("report -f tap")
        .succeeds()
        .prints("not ok")
        .prints("pair.x.a: verify a: answers");
    let json = project.kitchen("report -f json").succeeds().out;
    let verdict: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(verdict["result"], "failed");
    assert_eq!(verdict["cause"], "verify");
    let rows = project.kitchen("runs --json").succeeds().out;
    let rows: serde_json::Value = serde_json::from_str(&rows).expect("JSON");
    assert_eq!(rows[0]["run"], verdict["run"]);
    assert_eq!(rows[0]["flaky"], true);
}

#[test]
fn a_machine_that_came_up_when_made_anew_is_flaky_in_every_form() {
    let text = CLUSTER
        .replace(
            "driver: {name: dummy}",
            "driver: {name: dummy, fail_times: 1}",
        )
        .replace("- name: pair", "- name: pair\n  create: {retries: 1}");
    let project = Project::new().file("kitchen.yml", &text);
    project
        .kitchen("create --html page.html")
        .succeeds()
        .prints("$$$$$$ [a-x] made anew: create: the dummy is set to fail")
        .prints("2 attempts: flaky");
    project.kitchen("runs").succeeds().prints("passed, flaky");
    for (format, mark, times) in [
        ("terminal", "2 attempts: flaky", 2),
        ("tap", "flaky: true", 1),
        ("junit", "-x: create: the dummy is set to fail\" type=", 2),
        ("json", "\"retried\": [", 2),
        ("html", "<td class=\"result\">flaky</td>", 3),
    ] {
        let ran = project.kitchen(&format!("report -f {format}")).succeeds();
        let found = ran.out.matches(mark).count();
        assert_eq!(found, times, "{format}: {}", ran.transcript());
    }
}

#[test]
fn no_report_tells_a_secret() {
    let project = project();
    project.kitchen("test --junit out/junit.xml").exits(10);
    let record = record(&project);
    assert!(record.contains("the token is ******"), "{record}");
    for text in [
        record,
        project.read("out/junit.xml"),
        project.kitchen("report").out,
        project.kitchen("report -f json").out,
        project.kitchen("report -f tap").out,
    ] {
        assert!(text.contains("exec a"), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[test]
fn a_report_is_written_where_the_option_or_the_configuration_says() {
    let project = project().file(
        "kitchen.local.yml",
        "report: {junit: reports/junit.xml, keep_runs: 2}\n",
    );
    project.kitchen("create a-x").succeeds();
    let old = project.read("reports/junit.xml");
    assert!(
        old.contains("<testcase name=\"create\" classname=\"a.x\""),
        "{old}"
    );
    project.kitchen("test --junit here.xml").exits(10);
    assert!(project.read("here.xml").contains("failures=\"2\""));
    assert_eq!(project.read("reports/junit.xml"), old);
    project.kitchen("destroy").succeeds();
    let runs = project.path().join(".kitchen/runs");
    assert_eq!(std::fs::read_dir(runs).expect("records").count(), 2);
}

/// Ids of all records of a project.
fn ids(project: &Project) -> Vec<String> {
    let json = project.kitchen("runs --json").succeeds().out;
    let rows: Vec<serde_json::Value> = serde_json::from_str(&json).expect("JSON");
    let ids = rows.iter().map(|row| row["run"].as_str());
    ids.map(|id| id.expect("an id").into()).collect()
}

#[test]
fn old_records_go_by_count_and_by_age_and_that_of_a_run_that_goes_on_stays() {
    let text = "driver: dummy\ntransport: dummy\nverifier: dummy\nprovisioner: dummy\n\
        platforms: [{name: x}]\nsuites: [{name: a, provisioner: {sleep: 600}}, {name: b}]\n";
    let keep = |runs: u32| format!("report: {{keep_runs: {runs}, keep_days: 2}}\n");
    let project = Project::new()
        .file("kitchen.yml", text)
        .file("kitchen.local.yml", &keep(1));
    let going_on = project.start("converge a-x").until("Converging <a-x>");
    let long = ids(&project).remove(0);
    project.kitchen("create b-x").succeeds();
    project.kitchen("create b-x").succeeds();
    let left = ids(&project);
    assert_eq!(left.len(), 2, "{left:?}");
    assert_eq!(left[1], long, "it is being written");
    project.kitchen("runs").succeeds().prints("running");
    going_on.signal("KILL").wait();

    project.write("kitchen.local.yml", &keep(9));
    let old = project
        .path()
        .join(".kitchen/runs")
        .join(&long)
        .join("events.ndjson");
    let days = std::time::Duration::from_secs(3 * 24 * 60 * 60);
    let then = std::time::SystemTime::now() - days;
    let file = std::fs::File::options()
        .write(true)
        .open(old)
        .expect("a record");
    file.set_modified(then).expect("a time");
    project.kitchen("create b-x").succeeds();
    let left = ids(&project);
    assert!(left.len() == 2 && !left.contains(&long), "{left:?}");
}

/// Two clusters on two platforms, one of which fails at once.
const FOUR: &str = "\
driver: exec
verifier: {name: shell, command: 'true'}
platforms: [{name: x}, {name: y}]
suites:
- {name: a, provisioner: {name: shell, command: 'for i in 1 2 3; do echo a says $i; done; exit 4'}}
- {name: b, provisioner: {name: shell, command: 'for i in 1 2 3; do echo b says $i; done'}}
multisuites:
- {name: bad, steps: [converge a]}
- {name: good, steps: [converge b, verify b]}
";

#[test]
fn on_a_build_server_clusters_are_told_as_blocks_and_failures_last() {
    let project = Project::new().file("kitchen.yml", FOUR).env("CI", "true");
    let ran = project.kitchen("test -c 4").exits(11);
    // Each cluster's lines stand together.
    let names = ["a-x", "a-y", "b-x", "b-y"];
    let whose = |line: &str| names.into_iter().find(|name| line.contains(name));
    let body = ran.out.split("-----> Summary").next().unwrap_or_default();
    let mut order: Vec<&str> = body.lines().filter_map(whose).collect();
    order.dedup();
    assert_eq!(order.len(), 4, "{order:?} in {}", ran.transcript());
    assert!(
        order[2..].iter().all(|name| name.starts_with('a')),
        "{order:?}"
    );
    let err = ran.err.as_str();
    for name in ["a-x", "a-y"] {
        assert!(
            err.contains(&format!("Converge failed on instance <{name}>")),
            "{err}"
        );
        assert!(
            err.contains(&format!("Please see .kitchen/logs/{name}.log")),
            "{err}"
        );
    }
    assert_eq!(err.matches("    a says 3\n").count(), 2, "{err}");

    let quiet = project.kitchen("test -c 4 --quiet").exits(11);
    let quiet = quiet
        .prints_no("says")
        .prints_no("verify b")
        .prints("good-y");
    assert!(
        quiet.out.starts_with("-----> Summary"),
        "{}",
        quiet.transcript()
    );
    assert_eq!(quiet.err.matches("    a says 3\n").count(), 2);

    let json = project
        .kitchen("test -c 4 --format json")
        .exits(11)
        .is_quiet();
    let kinds: Vec<serde_json::Value> = json
        .out
        .lines()
        .map(|line| {
            let event: serde_json::Value = serde_json::from_str(line).expect("JSON");
            event["event"].clone()
        })
        .collect();
    assert_eq!(kinds.first(), Some(&"run_started".into()));
    assert_eq!(kinds.last(), Some(&"run_finished".into()));
    project
        .kitchen("test good-x --verbose")
        .succeeds()
        .prints("D      ");
}

#[test]
fn without_a_record_there_are_still_verdict_and_reports() {
    let project = project().file("kitchen.local.yml", "report: {record: false}\n");
    project.kitchen("test --junit out.xml").exits(10);
    assert!(project.read("out.xml").contains("verify a: answers"));
    assert!(!project.has(".kitchen/runs"));
    project
        .kitchen("report")
        .exits(2)
        .complains("no run has been recorded");
}

#[test]
fn a_report_that_cannot_be_written_is_told_before_anything_runs() {
    let project = project().file("taken", "");
    for path in ["taken/junit.xml", "."] {
        project
            .kitchen(&format!("test --junit {path}"))
            .exits(2)
            .complains("write a report to")
            .complains("Nothing was run");
    }
    assert!(!project.has(".kitchen"));
    project
        .kitchen("report")
        .exits(2)
        .complains("no run has been recorded");
}

#[test]
fn settings_of_reports_are_checked() {
    for (text, key) in [
        ("report: {keep_runs: many}\n", "keep_runs"),
        ("report: {jnuit: x}\n", "jnuit"),
        ("report: [x]\n", "must be a map"),
    ] {
        Project::new()
            .file("kitchen.yml", &format!("{text}{CLUSTER}"))
            .kitchen("list")
            .exits(3)
            .complains(key)
            .complains("kitchen.yml:1");
    }
}

#[test]
fn a_run_that_was_killed_is_told_as_far_as_it_went() {
    let slow = CLUSTER.replace("- converge a", "- step: converge a\n    sleep: 600");
    let project = Project::new().file("kitchen.yml", &slow);
    let running = project.start("test").until("Converging <a-x>");
    project.kitchen("runs").succeeds().prints("running");
    running.signal("KILL").wait();
    project.kitchen("runs").succeeds().prints("unfinished");
    project
        .kitchen("report")
        .succeeds()
        .prints("unfinished")
        .complains("This record is unfinished");
    project
        .kitchen("report -f junit")
        .succeeds()
        .prints("<error message=\"unfinished");
}

/// A cluster of which a step that waits fails, and one that passes.
const WAITS: &str = "\
driver: exec
provisioner: {name: shell, command: 'true'}
verifier: {name: shell, command: 'true'}
platforms: [{name: x}]
suites: [{name: a}, {name: b}]
multisuites:
- name: waits
  steps:
  - {step: exec a, command: 'echo hello from exec'}
  - {step: wait a, command: 'test -e ready', timeout: 300ms}
  - verify a
- {name: passes, steps: [verify b]}
";

#[test]
fn runs_names_the_step_that_failed_and_the_end_what_to_run_again() {
    let project = Project::new().file("kitchen.yml", WAITS);
    let ran = project.kitchen("test").exits(10);
    let again = ran
        .out
        .lines()
        .find_map(|line| line.split("Run again: kitchen ").nth(1));
    assert_eq!(again, Some("test waits-x"), "{}", ran.transcript());
    assert!(!ran.err.contains("hello from exec"), "{}", ran.err);
    project
        .kitchen("runs")
        .succeeds()
        .prints("failed: 2 wait a test -e ready");
    let rows = project.kitchen("runs --json").succeeds().out;
    let rows: serde_json::Value = serde_json::from_str(&rows).expect("JSON");
    assert_eq!(rows[0]["failed"][0]["title"], "wait a test -e ready");
    let last = record(&project);
    let last = last.lines().last().expect("an event");
    let last: serde_json::Value = serde_json::from_str(last).expect("JSON");
    let verdict = serde_json::json!(
        {"passed": false, "cause": "verify", "failed": ["waits-x"], "skipped": []}
    );
    assert_eq!(last["verdict"], verdict);
    project.write("ready", "");
    let again = project.kitchen(again.expect("a command")).succeeds();
    again
        .prints("3 tests: 3 passed, 0 failed, 0 skipped")
        .prints_no("Run again");
}

#[test]
fn two_runs_have_the_same_cases_whatever_addresses_and_ids_there_are() {
    let text = WAITS.replace("test -e ready", "test {{peers.a.address}}").replace(
        "- {step: exec a,",
        "- {step: run, name: 'ask {{peers.a.address}}', command: 'true {{peers.a.address}}'}\n  - {step: exec a,",
    );
    let project = Project::new().file("kitchen.yml", &text);
    let cases = || {
        project.kitchen("test waits-x --junit out.xml").succeeds();
        let junit = project.read("out.xml");
        let cases = junit.lines().filter(|line| line.contains("<testcase "));
        let named = cases.map(|line| line.split(" time=").next().unwrap_or_default());
        named.map(str::to_owned).collect::<Vec<_>>()
    };
    let first = cases();
    let expected = [
        ("destroy", "cluster"),
        ("create", "cluster"),
        ("ask {{peers.a.address}}", "cluster"),
        ("exec a echo hello from exec", "a"),
        ("wait a test {{peers.a.address}}", "a"),
        ("setup", "cluster"),
        ("verify a", "a"),
    ];
    for (name, member) in expected {
        let case = format!("<testcase name=\"{name}\" classname=\"waits.x.{member}\"");
        let found = first.iter().filter(|it| it.trim() == case).count();
        let meant = usize::from(name != "setup");
        assert_eq!(found, meant, "{case} in {first:#?}");
    }
    assert_eq!(first, cases());
}

#[test]
fn what_is_ended_because_something_beside_it_failed_is_not_told_as_interrupted() {
    let text = "\
driver: exec
provisioner: {name: shell, command: 'sleep 60'}
platforms: [{name: x}]
suites: [{name: a}]
multisuites:
- name: beside
  steps:
  - during: {step: run, command: 'exit 7'}
    steps: [converge a]
";
    let project = Project::new().file("kitchen.yml", text);
    let ran = project.kitchen("test").exits(10);
    let told = [
        ran.transcript(),
        record(&project),
        project.kitchen("list --instances").out,
    ];
    for text in told {
        let text = text.to_lowercase();
        assert!(!text.contains("interrupted"), "{text}");
    }
    assert!(
        ran.out.contains("ended with what ran beside it"),
        "{}",
        ran.transcript()
    );
    let junit = project.kitchen("report -f junit").succeeds().out;
    assert_eq!(junit.matches("<failure").count(), 1, "{junit}");
}

#[test]
fn a_cure_is_not_the_fault_of_an_outage_and_the_longest_outage_comes_first() {
    // Every question leaves a line; a step goes on when so many more have been asked.
    let text = "\
driver: dummy
transport: dummy
platforms: [{name: x}]
suites: [{name: a}]
multisuites:
- name: cured
  steps:
  - during:
      heartbeat: {exec: 'echo >> asked; test ! -e down', every: 20ms, allow_failures: 100000}
    steps:
    - kill a
    - start a
    - {step: run, command: 'sh outage 2'}
    - {step: run, command: 'sh outage 9'}
";
    let outage = "\
touch down
more() { n=$(($(wc -l < asked) + $1)); until [ $(wc -l < asked) -gt $n ]; do sleep 0.01; done; }
more $1
rm down
more 2
";
    let project = Project::new()
        .file("kitchen.yml", text)
        .file("outage", outage)
        .file("asked", "");
    let ran = project.kitchen("test").succeeds();
    let outages = ran.out.lines().filter(|line| line.contains("Outage of"));
    let lost: Vec<u32> = outages
        .clone()
        .filter_map(|line| line.split(": ").nth(1)?.split(' ').next()?.parse().ok())
        .collect();
    assert!(
        lost.len() >= 2 && lost.is_sorted_by(|a, b| a >= b),
        "{}",
        ran.transcript()
    );
    for outage in outages {
        assert!(!outage.contains("start a"), "{outage}");
        assert!(outage.contains("after `kill a`"), "{outage}");
    }
}
