//! Files of a project that hold what nobody means.

use std::process::Command;
use std::time::Duration;

use crate::support::{Project, Ran, needs};

const BASE: &str = "driver: dummy
provisioner: {name: shell, command: COMMAND}
verifier: dummy
platforms:
- name: host
suites:
- name: a
";

/// Ends at once, with the exit code of a configuration that is wrong.
fn refused(ran: Ran) -> Ran {
    let ran = ran.exits(3);
    assert!(
        ran.took < Duration::from_secs(60),
        "{:?}: {}",
        ran.took,
        ran.transcript()
    );
    ran
}

#[test]
fn a_kitchen_yml_that_is_no_regular_file_is_refused() {
    for what in ["fifo", "/dev/zero", "directory"] {
        let project = Project::new();
        let path = project.path().join("kitchen.yml");
        match what {
            "fifo" => {
                let made = Command::new("mkfifo").arg(&path).status();
                assert!(made.expect("mkfifo runs").success());
            }
            "directory" => std::fs::create_dir(&path).expect("a directory"),
            device => std::os::unix::fs::symlink(device, &path).expect("a link"),
        }
        refused(project.kitchen("list")).complains("no regular file");
        if needs("ordinary-user") {
            let project = project.as_ordinary_user();
            refused(project.kitchen("list")).complains("no regular file");
        }
    }
}

#[test]
fn control_characters_in_names_are_refused_with_the_place() {
    for (wicked, code) in [
        ("\\n", "U+000A"),
        ("\\0", "U+0000"),
        ("\\e[2J", "U+001B"),
        ("\\u202e", "U+202E"),
    ] {
        for (place, text) in [
            (
                "kitchen.yml:7:9",
                BASE.replace("- name: a", &format!("- name: \"a{wicked}b\"")),
            ),
            (
                "kitchen.yml:5:9",
                BASE.replace("- name: host", &format!("- name: \"a{wicked}b\"")),
            ),
            (
                "kitchen.yml:9:9",
                format!("{BASE}multisuites:\n- name: \"a{wicked}b\"\n  steps: [converge a]\n"),
            ),
        ] {
            let ran = Project::new().file("kitchen.yml", &text).kitchen("list");
            refused(ran).complains(code).complains(place);
        }
    }
}

#[test]
fn deep_yaml_is_refused() {
    for (open, close) in [("[", "]"), ("{a: ", "}")] {
        let deep = format!("{}1{}", open.repeat(20_000), close.repeat(20_000));
        let text = BASE.replace("COMMAND", &deep);
        refused(Project::new().file("kitchen.yml", &text).kitchen("list")).complains("kitchen.yml");
    }
    let blocks: String = (0..2_000)
        .map(|deep| format!("{}- \n", " ".repeat(2 * deep)))
        .collect();
    let text = format!("{BASE}x-deep:\n{blocks}");
    refused(Project::new().file("kitchen.yml", &text).kitchen("list"));
}

#[test]
fn deep_erb_is_refused() {
    for template in [
        format!("<%= {}1{} %>", "(".repeat(20_000), ")".repeat(20_000)),
        format!(
            "{}x{}",
            "<% if true %>".repeat(20_000),
            "<% end %>".repeat(20_000)
        ),
        format!(
            "{}x{}",
            "<% [1].each do |x| %>".repeat(20_000),
            "<% end %>".repeat(20_000)
        ),
        format!("<%= 1{} %>", " + 1".repeat(20_000)),
        format!("<%= 1{} %>", ".abs".repeat(20_000)),
        format!("<% 1{} %>", " if 1".repeat(20_000)),
        "<% f = ->(n) { f.call(n + 1) } %><%= f.call(0) %>".to_owned(),
        "<% def f(n) f(n + 1) end %><%= f(0) %>".to_owned(),
    ] {
        let text = format!("{BASE}x-deep: {template}\n");
        // Without Ruby: what needs it is told.
        let project = Project::new()
            .file("kitchen.yml", &text)
            .env("PATH", "/nowhere");
        refused(project.kitchen("list"));
    }
}

#[test]
fn deep_expressions_leave_no_machine_behind() {
    let nested =
        |open: &str, close: &str| format!("{}x{}", open.repeat(20_000), close.repeat(20_000));
    for (expression, code) in [
        (nested("{{#if peers.a}}", "{{/if}}"), 3),
        (nested("{{#with peers.a}}", "{{/with}}"), 3),
        (
            format!(
                "{{{{#if {}peers.a{}}}}}{{{{/if}}}}",
                "(not ".repeat(20_000),
                ")".repeat(20_000)
            ),
            3,
        ),
        // Partials are no expressions of the kitchen's: they go to the command as they are.
        (
            "{{#*inline \"a\"}}{{> b}}{{/inline}}{{#*inline \"b\"}}{{> a}}{{/inline}}{{> a}}"
                .to_owned(),
            0,
        ),
    ] {
        let command = format!("'{expression}'");
        let steps = "multisuites:\n- name: alone\n  steps: [converge a]\n";
        let text = format!("{}{steps}", BASE.replace("COMMAND", &command));
        let project = Project::new().file("kitchen.yml", &text);
        project.kitchen("converge").exits(code);
        project.kitchen("destroy").succeeds();
    }
}
