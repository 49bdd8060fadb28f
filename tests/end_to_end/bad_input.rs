//! Every mistake is told with its place and what to do, and never with exit code 0.

use crate::support::{self, Project, Ran};

const BASE: &str = "driver: dummy
provisioner: dummy
verifier: dummy
transport: dummy
platforms:
- name: host
suites:
- name: web1
- name: web2
";

fn list(text: &str) -> Ran {
    let ran = Project::new().file("kitchen.yml", text).kitchen("list");
    assert_ne!(ran.code, Some(0), "{}", ran.transcript());
    ran
}

fn with_steps(steps: &str) -> String {
    format!("{BASE}multisuites:\n- name: web\n  steps:{steps}\n")
}

#[test]
fn no_file() {
    let ran = Project::new().kitchen("list");
    assert_eq!(ran.code, Some(3), "{}", ran.transcript());
    ran.complains("kitchen.yml");
}

#[test]
fn an_empty_file() {
    list("").complains("kitchen.yml");
}

#[test]
fn not_yaml() {
    list("driver: [dummy\nplatforms: }\n").complains("kitchen.yml:2");
}

#[test]
fn a_step_that_is_a_number() {
    list(&with_steps("\n  - 5"))
        .complains("kitchen.yml:13")
        .complains("5");
}

#[test]
fn a_step_of_an_unknown_action() {
    list(&with_steps("\n  - convrege web1"))
        .complains("kitchen.yml:13")
        .complains("converge");
}

#[test]
fn a_step_of_an_unknown_suite() {
    list(&with_steps("\n  - converge wbe1"))
        .complains("kitchen.yml:13")
        .complains("web1");
}

#[test]
fn wrong_shapes_and_wrong_steps_are_told_at_once() {
    let text = with_steps("\n  - converge wbe1").replace("driver: dummy", "driver: [dummy]");
    let project = Project::new().file("kitchen.yml", &text);
    project
        .kitchen("validate")
        .exits(3)
        .prints("`driver` must be a map or a name")
        .prints("[kitchen.yml:13")
        .prints("2 errors,");
}

#[test]
fn no_steps() {
    list(&with_steps(" []"))
        .complains("kitchen.yml:12")
        .complains("steps");
}

#[test]
fn a_suite_that_is_excluded_where_its_cluster_needs_it() {
    let text = with_steps("\n  - converge web1")
        .replace("- name: web1\n", "- name: web1\n  excludes: [host]\n");
    list(&text).complains("web1").complains("host");
}

/// Duplicates can be listed, as in Test Kitchen; what acts refuses them.
fn create(text: &str) -> Ran {
    let project = Project::new().file("kitchen.yml", text);
    project.kitchen("list").succeeds();
    project.kitchen("create").exits(3)
}

#[test]
fn duplicate_names() {
    create(&BASE.replace("- name: web2", "- name: web1"))
        .complains("kitchen.yml:8")
        .complains("web1");
    create(&BASE.replace("- name: host\n", "- name: host\n- name: host\n"))
        .complains("kitchen.yml:6");
}

#[test]
fn names_that_collide_after_the_name_rules() {
    create(&BASE.replace("- name: web2", "- name: web.1"))
        .complains("web.1")
        .complains("web1-host");
}

#[test]
fn an_unknown_key_warns_with_the_nearest_spelling() {
    let text = format!("{BASE}plaforms:\n- name: other\n");
    let project = Project::new().file("kitchen.yml", &text);
    project
        .kitchen("list")
        .succeeds()
        .complains("plaforms")
        .complains("platforms")
        .complains(":10:1");
}

#[test]
fn an_unknown_key_of_a_plugin_warns() {
    let text = BASE.replace("driver: dummy", "driver: {name: dummy, sleeep: 1}");
    let project = Project::new().file("kitchen.yml", &text);
    project
        .kitchen("plan --for create")
        .succeeds()
        .complains("sleeep")
        .complains("sleep");
}

#[test]
fn an_unknown_driver_lists_but_does_not_run() {
    let project = Project::new().file(
        "kitchen.yml",
        &BASE.replace("driver: dummy", "driver: dokcer"),
    );
    project.kitchen("list").succeeds().prints("Dokcer");
    let ran = project.kitchen("create");
    assert_ne!(ran.code, Some(0));
    assert!(ran.transcript().contains("docker"), "{}", ran.transcript());
}

#[test]
fn from_a_step_that_is_not_there() {
    let project = Project::new().file("kitchen.yml", &with_steps("\n  - converge web1"));
    let ran = project.kitchen("test --from reboot");
    assert_ne!(ran.code, Some(0));
    assert!(
        ran.transcript().contains("converge web1"),
        "{}",
        ran.transcript()
    );
}

#[test]
fn a_state_file_that_is_no_yaml_is_named_kept_and_destroyed_around() {
    let project = Project::new().file("kitchen.yml", BASE);
    project.kitchen("create web1-host").succeeds();
    project.write(".kitchen/web1-host.yml", "---\nhostname: [cut\n");
    let ran = project.kitchen("converge web1-host");
    assert_ne!(ran.code, Some(0));
    assert!(
        ran.transcript().contains(".kitchen/web1-host.yml"),
        "{}",
        ran.transcript()
    );
    assert!(project.read(".kitchen/web1-host.yml").contains("[cut"));
    project.kitchen("destroy web1-host").succeeds();
    project.kitchen("create web1-host").succeeds();
}

#[test]
fn a_provisioner_script_that_is_missing() {
    let text = BASE.replace(
        "provisioner: dummy",
        "provisioner: {name: shell, script: no-such.sh}",
    );
    let project = Project::new().file(
        "kitchen.yml",
        &text
            .replace("dummy", "exec")
            .replace("verifier: exec", "verifier: dummy"),
    );
    let ran = project.kitchen("converge web1-host");
    assert_ne!(ran.code, Some(0));
    assert!(
        ran.transcript().contains("no-such.sh"),
        "{}",
        ran.transcript()
    );
}

#[test]
fn two_runs_at_once_on_one_cluster() {
    let text = with_steps("\n  - step: converge web1\n    sleep: 600");
    let project = Project::new().file("kitchen.yml", &text);
    let first = project.start("test").until("Converging <web1-host>");
    let second = project.kitchen("test");
    assert_ne!(second.code, Some(0));
    assert!(
        second.transcript().contains(&first.id().to_string()),
        "{}",
        second.transcript()
    );
    first.signal("KILL").wait();
    project.kitchen("destroy").succeeds();
}

#[cfg(unix)]
#[test]
fn output_that_is_not_utf8_and_output_without_end() {
    let text = "driver: exec\nverifier: dummy\nplatforms: [{name: host}]\nsuites: [{name: a}]\n\
        provisioner:\n  name: shell\n  command: |\n    printf 'half \\377 a word\\n'\n    \
        head -c 200000000 /dev/zero | tr '\\0' 'x' | fold -w 1000\n    echo the end\n";
    let project = Project::new().file("kitchen.yml", text);
    let running = project.start("converge");
    let peak = support::peak_kib(running.id());
    running
        .wait()
        .succeeds()
        .prints("half \u{fffd} a word")
        .prints("the end");
    let kib = peak.join().expect("the watcher ends");
    assert!(kib < 100 * 1024, "{kib} KiB");
}

#[cfg(unix)]
#[test]
fn a_kitchen_directory_that_cannot_be_written() {
    if !support::needs("ordinary-user") {
        return;
    }
    use std::os::unix::fs::PermissionsExt;
    let project = Project::new()
        .file("kitchen.yml", BASE)
        .file(".kitchen/keep", "")
        .as_ordinary_user();
    let directory = project.path().join(".kitchen");
    std::fs::set_permissions(&directory, std::fs::Permissions::from_mode(0o555)).expect("mode");
    let ran = project.kitchen("create web1-host");
    std::fs::set_permissions(&directory, std::fs::Permissions::from_mode(0o755)).expect("mode");
    assert_ne!(ran.code, Some(0));
    assert!(
        ran.transcript().contains(".kitchen"),
        "{}",
        ran.transcript()
    );
    assert!(
        ran.transcript()
            .to_lowercase()
            .contains("permission denied"),
        "{}",
        ran.transcript()
    );
}
