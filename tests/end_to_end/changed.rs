//! The configuration changes while machines exist: they are removed as they were made, and found
//! when the configuration does not have them any more.
#![cfg(target_os = "linux")]

use crate::support::{Project, labelled, needs, processes};

const REST: &str = "
provisioner: dummy
verifier: dummy
platforms: [{name: host}]
suites: [{name: a}, {name: b}]
";

const PAIR: &str = "
multisuites:
- name: pair
  steps: [verify a, verify b]
";

const BUSYBOX: &str = "driver: {name: docker, image: 'banquet/busybox:1', pull: never}";

fn project(driver: &str, rest: &str) -> Project {
    Project::new().file("kitchen.yml", &format!("{driver}\n{rest}"))
}

fn configure(project: &Project, driver: &str, rest: &str) {
    project.write("kitchen.yml", &format!("{driver}\n{rest}"));
}

#[test]
fn a_machine_goes_as_it_came_when_its_driver_is_another_one() {
    if !needs("sandbox") {
        return;
    }
    for (command, rest) in [
        ("destroy", REST.to_owned()),
        ("test", REST.to_owned()),
        ("destroy", format!("{REST}{PAIR}")),
        ("test", format!("{REST}{PAIR}")),
        ("destroy a-host", format!("{REST}{PAIR}")),
    ] {
        let project = project("driver: sandbox", &rest);
        project.kitchen("create").succeeds();
        assert!(processes(&project) > 0);
        configure(&project, "driver: dummy", &rest);
        let before = processes(&project);
        project.kitchen(command).succeeds();
        match command {
            "destroy a-host" => assert!(processes(&project) < before),
            _ => assert_eq!(processes(&project), 0, "{command} of {rest}"),
        }
        configure(&project, "driver: sandbox", &rest);
        project.kitchen("destroy").succeeds();
        assert_eq!(processes(&project), 0);
    }
}

#[test]
fn containers_and_their_network_go_when_the_driver_is_another_one() {
    if !needs("docker") {
        return;
    }
    let rest = format!("{REST}{PAIR}");
    let project = project(BUSYBOX, &rest);
    project.kitchen("create").succeeds();
    assert!(!labelled(&project).is_empty());
    configure(&project, "driver: dummy", &rest);
    project.kitchen("test").succeeds();
    assert_eq!(labelled(&project), [""; 0]);
}

#[test]
fn other_commands_leave_a_machine_of_another_driver_alone() {
    let project = project("driver: dummy", REST);
    project.kitchen("create a-host").succeeds();
    configure(&project, "driver: exec", REST);
    for command in [
        "create a-host",
        "converge a-host",
        "verify a-host",
        "test a-host --no-recreate",
        "exec a-host -c true",
        "login a-host",
    ] {
        let ran = project.kitchen(command).exits(3);
        let told = ran.transcript();
        for part in [
            "a-host was made by driver dummy, and the configuration has driver exec now",
            "kitchen destroy a-host",
        ] {
            assert!(told.contains(part), "{command}: {told}");
        }
    }
    project.kitchen("destroy a-host").succeeds();
    project.kitchen("create a-host").succeeds();
    assert!(project.read(".kitchen/a-host.yml").contains("exec"));
}

#[test]
fn an_instance_that_was_renamed_is_named_and_removed() {
    if !needs("sandbox") {
        return;
    }
    for remove in ["destroy", "destroy all", "destroy a-host", "gc --yes"] {
        let project = project("driver: sandbox", REST);
        project.kitchen("create").succeeds();
        configure(
            &project,
            "driver: dummy",
            &REST.replace("name: host", "name: other"),
        );
        let listed = project.kitchen("list").succeeds().transcript();
        for part in ["a-host (sandbox)", "b-host (sandbox)", "kitchen gc --yes"] {
            assert!(listed.contains(part), "{listed}");
        }
        let left = project.kitchen("gc").succeeds();
        left.prints("not in the configuration any more");
        project.kitchen(remove).succeeds();
        if remove == "destroy a-host" {
            assert!(!project.has(".kitchen/a-host.yml"));
            assert!(project.has(".kitchen/b-host.yml"));
            project.kitchen("destroy b-host").succeeds();
        }
        assert_eq!(processes(&project), 0, "{remove}");
        assert!(!project.has(".kitchen/a-host.yml"), "{remove}");
        assert!(!project.has(".kitchen/b-host.yml"), "{remove}");
        project
            .kitchen("gc")
            .succeeds()
            .prints("Nothing was left behind");
    }
}

#[test]
fn a_member_that_was_renamed_goes_with_its_cluster() {
    if !needs("sandbox") {
        return;
    }
    for command in ["destroy", "test", "destroy pair-host"] {
        let project = project("driver: sandbox", &format!("{REST}{PAIR}"));
        project.kitchen("create").succeeds();
        let renamed = format!("{REST}{PAIR}")
            .replace("name: b}", "name: c}")
            .replace("verify b", "verify c");
        configure(&project, "driver: sandbox", &renamed);
        project.kitchen(command).succeeds();
        assert_eq!(processes(&project), 0, "{command}");
        assert!(!project.has(".kitchen/b-host.yml"), "{command}");
    }
}

#[test]
fn a_cluster_that_was_renamed_or_removed_is_removed_with_what_its_members_shared() {
    if !needs("sandbox") {
        return;
    }
    let pair = format!("{REST}{PAIR}");
    for remove in ["destroy", "test", "gc --yes"] {
        let project = project("driver: sandbox", &pair);
        project.kitchen("create").succeeds();
        configure(
            &project,
            "driver: sandbox",
            &pair.replace("name: pair", "name: couple"),
        );
        let refused = project.kitchen("create").exits(3).transcript();
        assert!(refused.contains("cluster pair-host"), "{refused}");
        let listed = project.kitchen("list").succeeds().transcript();
        assert!(listed.contains("cluster pair-host with a-host"), "{listed}");
        project.kitchen(remove).succeeds();
        assert_eq!(processes(&project), 0, "{remove}");
    }
    for remove in ["destroy", "gc --yes"] {
        let project = project("driver: sandbox", &pair);
        project.kitchen("create").succeeds();
        configure(&project, "driver: sandbox", REST);
        project.kitchen(remove).succeeds();
        assert_eq!(processes(&project), 0, "{remove}");
        assert!(!project.has(".kitchen/clusters/pair-host.yml"), "{remove}");
        let listed = project.kitchen("list").succeeds().transcript();
        assert!(!listed.contains("any more"), "{listed}");
    }
}

/// No driver lists these: the state alone tells of them.
#[test]
fn a_state_that_the_configuration_does_not_have_is_a_thing_of_gc() {
    let project = project("driver: dummy", REST);
    project.kitchen("create").succeeds();
    configure(
        &project,
        "driver: exec",
        &REST.replace("name: a}", "name: z}"),
    );
    project
        .kitchen("gc")
        .succeeds()
        .prints("state of a-host")
        .prints("Left behind: 1");
    project
        .kitchen("gc --yes")
        .succeeds()
        .prints("Removed state of a-host");
    assert!(!project.has(".kitchen/a-host.yml"));
    assert!(project.has(".kitchen/b-host.yml"), "it is configured");
}

#[test]
fn what_another_file_of_kitchen_yaml_describes_is_left_alone() {
    let project = project("driver: dummy", REST).file(
        "other.yml",
        &format!("driver: dummy\n{}", REST.replace("name: host", "name: far")),
    );
    let other = |arguments: &str| {
        let mut command = project.command(arguments);
        let ran = command.env("KITCHEN_YAML", "other.yml").output();
        let ran = ran.expect("kitchen runs");
        assert!(ran.status.success(), "{ran:?}");
    };
    other("create");
    project.kitchen("create").succeeds();
    let listed = project.kitchen("list").succeeds().transcript();
    assert!(!listed.contains("any more"), "{listed}");
    project.kitchen("destroy").succeeds();
    assert!(project.has(".kitchen/a-far.yml"));
    std::fs::remove_file(project.path().join("other.yml")).expect("it was there");
    project.kitchen("destroy").succeeds();
    assert!(
        !project.has(".kitchen/a-far.yml"),
        "nothing describes it any more"
    );
}
