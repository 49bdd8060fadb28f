//! Lifecycle hooks of single instances, as Test Kitchen runs them (lib/kitchen/lifecycle_hooks.rb).
//! The order that is expected here is what Test Kitchen 4.1.0 writes for the same files.

use crate::support::Project;

const EXEC: &str = "driver: exec\nprovisioner: {name: shell, command: \"true\"}\nverifier: {name: shell, command: \"true\"}\n";

/// A project with suite `s` on these platforms and these hooks.
fn project(platforms: &str, hooks: &str) -> Project {
    Project::new().file(
        "kitchen.yml",
        &format!("{EXEC}platforms: [{platforms}]\nsuites: [{{name: s}}]\nlifecycle:\n{hooks}"),
    )
}

#[test]
fn every_phase_has_hooks_before_after_and_finally() {
    let phases = ["create", "converge", "setup", "verify", "destroy"];
    let mut hooks = String::new();
    let mut expected = String::new();
    for phase in ["destroy"].iter().chain(&phases) {
        for timing in ["pre", "post", "finally"] {
            let line = format!("  {timing}_{phase}: [echo {timing}_{phase} >> order]\n");
            if !hooks.contains(&line) {
                hooks.push_str(&line);
            }
            expected.push_str(&format!("{timing}_{phase}\n"));
        }
    }
    let project = project("{name: p}", &hooks);
    project.kitchen("test").succeeds();
    assert_eq!(project.read("order"), expected);
}

#[test]
fn hooks_of_the_file_the_platform_and_the_suite_run_in_this_order() {
    let hook = |what: &str| format!("lifecycle: {{post_create: \"echo {what} >> order\"}}");
    let config = format!(
        "{EXEC}platforms: [{{name: p, {}}}]\nsuites: [{{name: s, {}}}]\n{}\n",
        hook("platform"),
        hook("suite"),
        hook("file")
    );
    let project = Project::new().file("kitchen.yml", &config);
    project.kitchen("create").succeeds();
    assert_eq!(project.read("order"), "file\nplatform\nsuite\n");
}

#[test]
fn a_failure_leaves_out_what_follows_but_not_finally() {
    let hooks = "  pre_converge: [\"false\", echo never >> order]\n  \
                 post_converge: [echo never >> order]\n  finally_converge: [echo at-last >> order]\n";
    let failing = project("{name: p}", hooks);
    failing
        .kitchen("converge")
        .exits(11)
        .complains("hook `false`");
    assert_eq!(failing.read("order"), "at-last\n");
    assert!(
        failing
            .read(".kitchen/s-p.yml")
            .contains("last_action: create\n")
    );

    // What was done before a hook failed stays done, as in Test Kitchen.
    let failing = project(
        "{name: p}",
        "  post_create: exit 4\n  finally_create: touch at-last\n",
    );
    failing.kitchen("converge").exits(20);
    assert!(failing.has("at-last"));
    failing.kitchen("list").succeeds().prints("Created");
}

#[test]
fn local_hooks_know_the_instance_and_have_their_own_variables_and_directory() {
    let hooks = "  post_create:\n  \
                 - local: env | grep -E '^(KITCHEN_(INSTANCE|SUITE|PLATFORM)_|MINE|NONE|FLAG)' | sort > told\n    \
                 environment: {MINE: 5, NONE: ~, FLAG: true}\n    cwd: deep/er\n  \
                 - local: pwd > where\n";
    let project = project("{name: p-1.2}", hooks).file("deep/er/file", "");
    project.kitchen("create").succeeds();
    assert_eq!(
        project.read("deep/er/told"),
        "FLAG=true\nKITCHEN_INSTANCE_HOSTNAME=localhost\nKITCHEN_INSTANCE_NAME=s-p-12\nKITCHEN_PLATFORM_NAME=p-1.2\n\
         KITCHEN_SUITE_NAME=s\nMINE=5\nNONE=\n"
    );
    let root = project.path().canonicalize().expect("the project");
    assert_eq!(project.read("where"), format!("{}\n", root.display()));
}

#[test]
fn hooks_are_for_the_platforms_that_they_name() {
    let hooks = "  post_create:\n  \
                 - {local: echo included $KITCHEN_PLATFORM_NAME >> order, includes: [/^UBU/i], excludes: [ubuntu-1]}\n  \
                 - {local: echo not-excluded $KITCHEN_PLATFORM_NAME >> order, excludes: ubuntu-1}\n";
    let platforms = "{name: ubuntu-1}, {name: debian-1}";
    let told = project(platforms, hooks);
    told.kitchen("create").succeeds();
    assert_eq!(
        told.read("order"),
        "included ubuntu-1\nnot-excluded debian-1\n"
    );
    project(
        "{name: p}",
        "  pre_create: [{local: x, includes: ['/[/']}]\n",
    )
    .kitchen("create")
    .exits(3)
    .complains("premature end of char-class: /[/");
}

#[test]
fn remote_hooks_need_the_machine_unless_they_can_be_skipped() {
    let skippable = "  pre_create: [{remote: touch too-early, skippable: true}]\n  \
                     post_create: [{remote: exit 3, skippable: true}, {remote: touch made}]\n  \
                     post_destroy: [{remote: touch too-late, skippable: true}]\n";
    let skipped = project("{name: p}", skippable);
    skipped.kitchen("create").succeeds();
    assert!(skipped.has("made"));
    skipped.kitchen("destroy").succeeds();
    assert!(!skipped.has("too-early") && !skipped.has("too-late"));

    project("{name: p}", "  pre_create: [{remote: touch made}]\n")
        .kitchen("create")
        .exits(3)
        .complains("the remote hook `touch made` cannot run: the instance does not exist then");
    project("{name: p}", "  post_converge: [{remote: exit 3}]\n")
        .kitchen("converge")
        .exits(11)
        .complains("exit 3");
    project("{name: p}", "  post_create: [{loca: x}]\n")
        .kitchen("create")
        .exits(3)
        .complains("neither `local` nor `remote`");
}
