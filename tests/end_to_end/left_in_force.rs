//! What a run could not undo: it says so, lists tell of it, and the next command undoes it first.
#![cfg(unix)]

use crate::support::Project;

const STEPS: &str = "platforms: [{name: host}]
suites: [{name: web1}, {name: web2}, {name: lb}]
multisuites:
- name: web
  steps:
  - verify lb
  - verify web1
  - partition web2 | lb
  - kill web1
";

/// Dummies, whose journal has what their drivers were told.
fn dummies() -> Project {
    let head = "driver: {name: dummy, journal: journal}\ntransport: dummy\nverifier: dummy\n";
    Project::new().file("kitchen.yml", &format!("{head}{STEPS}  - sleep 600s\n"))
}

/// The same, killed in the middle of its faults.
fn killed() -> Project {
    let project = dummies();
    project
        .start("test --destroy=never")
        .until("sleep 600s")
        .signal("KILL")
        .wait();
    project
}

fn journal(project: &Project, line: &str) -> bool {
    project.read("journal").lines().any(|it| it == line)
}

#[test]
fn commands_that_change_nothing_tell_what_is_in_force() {
    let project = killed();
    let told = "`partition web2 | lb` on web2-host, lb-host since ";
    let list = project.kitchen("list").succeeds();
    assert!(list.err.contains("web-host is not whole: in force: "));
    assert!(list.err.contains(told), "{}", list.transcript());
    assert!(list.err.contains("`kitchen heal web-host`"));
    project.kitchen("list lb-host").complains(told);
    let json = project.kitchen("list --json").is_quiet().out;
    let rows: serde_json::Value = serde_json::from_str(&json).unwrap();
    let in_force = &rows[0]["in_force"];
    assert_eq!(in_force[1]["step"], "kill web1", "{json}");
    assert_eq!(in_force[1]["members"][0], "web1-host");
    project.kitchen("doctor").exits(1).prints(told);
    project
        .kitchen("plan --for verify")
        .prints("heal: `kill web1` on web1-host, left by an earlier run");
    project.kitchen("plan").prints_no("left by an earlier run");
    assert!(!journal(&project, "start web1-host"));
    project.kitchen("heal").succeeds();
    project.kitchen("list").succeeds().is_quiet();
}

#[test]
fn commands_that_reach_members_undo_it_first() {
    // Dummies have no shell to log in to and make no images: what was broken is undone all the same.
    for (command, code) in [
        ("exec -c true", 0),
        ("exec lb-host -c true", 0),
        ("login lb-host", 3),
        ("package lb-host", 3),
        ("destroy lb-host", 0),
    ] {
        let project = killed();
        let ran = project.kitchen(command).exits(code);
        let said = ran.transcript();
        assert!(
            said.contains("left `kill web1` in force on web1-host"),
            "{said}"
        );
        // What programs read of `exec` is the command's output alone.
        let told = ran.out.contains("Healed: kill web1");
        assert_eq!(told, command.starts_with("destroy"), "{said}");
        assert!(journal(&project, "start web1-host"), "{}", ran.transcript());
        project.kitchen("list").succeeds().is_quiet();
    }
}

#[test]
fn what_a_run_that_goes_on_has_broken_is_left_alone() {
    let project = dummies();
    let running = project.start("test --destroy=never").until("sleep 600s");
    project
        .kitchen("exec lb-host -c true")
        .succeeds()
        .complains("web-host is in use by process")
        .complains("in force: `partition web2 | lb`");
    assert!(!journal(&project, "start web1-host"));
    running.signal("INT").wait().exits(130);
    assert!(journal(&project, "start web1-host"));
}

/// Hosts that commands switch: on with `start`, which may fail or last.
fn hosts(start: &str, more: &str) -> Project {
    let head = format!(
        "driver:\n  name: proxy\n  hosts: [h1, h2, h3]\n  lease_directory: leases\n  power:\n    \
         kill: echo kill >> switched\n    start: if [ -e works ]; then echo start >> switched; else {start}; fi\n\
         transport: dummy\nverifier: dummy\n"
    );
    let steps = STEPS.replace("  - partition web2 | lb\n", "");
    Project::new().file("kitchen.yml", &format!("{head}{steps}{more}"))
}

/// Afterwards its start works.
fn heals_later(project: &Project) {
    assert!(
        project
            .read(".kitchen/clusters/web-host.yml")
            .contains("kill web1")
    );
    project.write("works", "");
    project
        .kitchen("heal")
        .succeeds()
        .prints("left `kill web1` in force on web1-host")
        .prints("Healed: kill web1");
    assert_eq!(project.read("switched"), "kill\nstart\n");
    project
        .kitchen("heal")
        .succeeds()
        .prints("nothing is broken");
}

#[test]
fn a_fault_that_cannot_be_undone_fails_the_run_and_is_named() {
    let project = hosts("echo no power >&2; exit 3", "");
    project
        .kitchen("test --destroy=never")
        .exits(20)
        .complains("undo `kill web1`: start web1-host: `power.start`: exit code 3")
        .complains("Still in force: `kill web1` on web1-host.")
        .complains("`kitchen heal web-host` tries again");
    // The next command fails, too, before it does anything.
    project
        .kitchen("verify")
        .exits(20)
        .complains("Still in force: `kill web1` on web1-host.");
    project
        .kitchen("exec lb-host -c true")
        .exits(20)
        .complains("what an earlier run broke could not be undone")
        .prints_no("Execute command");
    heals_later(&project);
}

#[test]
fn a_failure_does_not_hide_what_is_still_in_force() {
    let project = hosts("exit 3", "  - step: run\n    command: exit 9\n");
    project
        .kitchen("test")
        .exits(10)
        .complains("exit code 9")
        .prints("Still in force: `kill web1` on web1-host.");
    heals_later(&project);
}

#[test]
fn a_second_ctrl_c_ends_the_healing_too_and_says_what_stays_broken() {
    let project = hosts("echo starting it; sleep 30", "  - sleep 600s\n");
    project
        .start("test --destroy=never")
        .until("sleep 600s")
        .signal("INT")
        .until("starting it")
        .signal("INT")
        .wait()
        .exits(130)
        .prints("Still in force: `kill web1` on web1-host.")
        .prints("`kitchen heal web-host` undoes it");
    heals_later(&project);
}

#[test]
fn a_host_of_a_pool_is_on_again_when_it_is_given_back() {
    let project = hosts("exit 3", "");
    project.write("works", "");
    project.kitchen("test").succeeds();
    assert_eq!(project.read("switched"), "kill\nstart\n");
    assert!(
        std::fs::read_dir(project.path().join("leases"))
            .unwrap()
            .next()
            .is_none()
    );
}
