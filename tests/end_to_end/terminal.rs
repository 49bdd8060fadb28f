//! Commands on a real terminal: the prompt of the console, logging in, ctrl-C under the live view.
#![cfg(unix)]

use crate::support::{Project, needs};

const TWO: &str = "\
driver: exec
provisioner: {name: shell, command: \"true\"}
verifier: {name: shell, command: \"true\"}
platforms: [{name: a}]
suites: [{name: db}, {name: web}]
";

#[test]
fn the_console_edits_completes_and_remembers_lines() {
    if !needs("terminal") {
        return;
    }
    let project = Project::new().file("kitchen.yml", TWO);
    let ended = project
        .terminal("console")
        .until("kitchen> ")
        // The tab key completes the name; ctrl-C throws a line away.
        .types("use we\t\r")
        .until("web-a> ")
        .types("destroy all\u{3}")
        .until("web-a> ")
        .types("create\u{1}\u{b}next\r")
        .until("Finished creating <web-a>")
        .until("web-a> ")
        .types("login\r")
        .until("shell> ")
        .types("echo it-is-$((40+2)); exit\r")
        .until("it-is-42")
        .until("web-a> ")
        .types("\u{4}")
        .wait();
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    assert!(!ended.out.contains("Destroying"), "{}", ended.transcript());

    let again = project
        .terminal("console db-a")
        .until("db-a> ")
        // The arrow key brings the last line of the last console back.
        .types("\u{1b}[A\u{1b}[A\r")
        .until("Finished creating <db-a>")
        .until("db-a> ")
        .types("quit\r")
        .wait();
    assert_eq!(again.code, Some(0), "{}", again.transcript());
}

#[test]
fn login_gives_the_terminal_to_the_shell_and_its_exit_code_back() {
    if !needs("terminal") {
        return;
    }
    let project = Project::new().file("kitchen.yml", TWO);
    project
        .kitchen("login web-a")
        .exits(2)
        .complains("Instance <web-a> has not yet been created");
    project
        .kitchen("login")
        .exits(2)
        .complains("Argument `' returned multiple results:\n  │   * db-a\n  │   * web-a");
    project.kitchen("create web-a").succeeds();
    let ended = project
        .terminal("login web-a")
        .until("shell> ")
        .types("tty; stty size; exit 7\r")
        .wait();
    assert!(ended.out.contains("/dev/pts/"), "{}", ended.transcript());
    assert!(ended.out.contains("30 100"), "{}", ended.transcript());
    assert_eq!(ended.code, Some(7), "{}", ended.transcript());
}

#[test]
fn ctrl_c_leaves_no_line_of_the_live_view_behind() {
    if !needs("terminal") {
        return;
    }
    let project = Project::new().file(
        "kitchen.yml",
        "driver: dummy\ntransport: dummy\nverifier: dummy\n\
         provisioner: {name: dummy, sleep: 600}\nplatforms: [{name: a}]\nsuites: [{name: db}, {name: web}]\n",
    );
    let ended = project
        .terminal("converge -c")
        .until("Converging <db-a>")
        .until("Converging <web-a>")
        .until("converging  ")
        .types("\u{3}")
        .wait();
    assert_eq!(ended.code, Some(130), "{}", ended.transcript());
    let mut screen = vt100::Parser::new(30, 100, 1000);
    screen.process(ended.out.as_bytes());
    let shown = screen.screen().contents();
    assert!(shown.contains("Interrupted"), "{shown}");
    let left: Vec<&str> = shown
        .lines()
        .filter(|line| line.starts_with("db-a ") || line.starts_with("web-a "))
        .collect();
    assert!(left.is_empty(), "{left:?} in\n{shown}");
    assert!(!shown.contains("^C"), "{shown}");
}

/// A member that is frozen while a heartbeat asks and a converge goes on without end.
const FIRE: &str = "\
driver: dummy\ntransport: dummy\nverifier: dummy\nprovisioner: dummy
platforms: [{name: a-platform}]\nsuites: [{name: database}, {name: web}]
multisuites:
- name: app
  steps:
  - during: {heartbeat: {exec: 'true', every: 20ms, allow_failures: 100000}}
    steps:
    - pause web
    - step: converge database
      sleep: 600
";

/// The rows of a terminal at a moment at which each of `texts` begins one of them.
fn moment(out: &str, columns: u16, texts: &[&str]) -> Option<Vec<String>> {
    let mut screen = vt100::Parser::new(30, columns, 0);
    // Between two sequences something is drawn, and stands until the next.
    out.split_inclusive('\u{1b}').find_map(|piece| {
        screen.process(piece.as_bytes());
        let rows: Vec<String> = screen.screen().rows(0, columns).collect();
        let begins = |text: &&str| rows.iter().any(|row| row.starts_with(*text));
        texts.iter().all(begins).then_some(rows)
    })
}

#[test]
fn the_live_view_shows_faults_and_heartbeats_on_wide_and_narrow_terminals() {
    if !needs("terminal") {
        return;
    }
    for (columns, figures, member) in [
        (100, " sent, 0 lost, ", "  database  converging  "),
        (40, "  0/", "  database  converging  "),
    ] {
        let project = Project::new().file("kitchen.yml", FIRE);
        let ended = project
            .terminal_of(columns, "test")
            .until("in force: pause web")
            .until(figures)
            .types("\u{3}")
            .wait();
        assert_eq!(ended.code, Some(130), "{}", ended.transcript());
        let texts = [
            "app  step 1/1: ",
            "  in force: pause web  ",
            "  heartbeat  ",
            member,
        ];
        let Some(rows) = moment(&ended.out, columns, &texts) else {
            panic!("{texts:?} in {}", ended.transcript());
        };
        let beats = rows.iter().find(|row| row.starts_with("  heartbeat  "));
        let beats = beats.expect("a row");
        assert!(
            beats.contains(figures) && beats.trim_end().ends_with("ms"),
            "{rows:#?}"
        );
    }
}

#[test]
fn terminals_that_can_only_print_and_pipes_get_no_sequences() {
    if !needs("terminal") {
        return;
    }
    let project = || Project::new().file("kitchen.yml", TWO);
    let dumb = project().env("TERM", "dumb");
    let shown = dumb.terminal("converge -c").wait().succeeds().out;
    assert!(
        shown.contains("Converging <web-a>") && !shown.contains('\u{1b}'),
        "{shown:?}"
    );
    let shown = project().kitchen("converge -c").succeeds().out;
    assert!(
        shown.contains("Converging <web-a>") && !shown.contains('\u{1b}'),
        "{shown:?}"
    );
    let plain = project().env("NO_COLOR", "1");
    let shown = plain.terminal("converge -c").wait().succeeds().out;
    let colours = shown.split("\u{1b}[").skip(1).filter(|rest| {
        let end = rest.find(|c: char| c.is_ascii_alphabetic());
        end.is_some_and(|end| rest[end..].starts_with('m') && !rest.starts_with("0m"))
    });
    assert_eq!(colours.count(), 0, "{shown:?}");
}

/// A shell on the machine: it has a terminal of the same size, and its exit code is the command's.
fn log_in(driver: &str) {
    let project = Project::new().file(
        "kitchen.yml",
        &format!("driver: {driver}\nprovisioner: dummy\nverifier: dummy\nplatforms: [{{name: a}}]\nsuites: [{{name: s}}]\n"),
    );
    project.kitchen("create").succeeds();
    let ended = project
        .terminal("login s-a")
        .until("# ")
        .types("[ -t 0 ] && echo size $(stty size) on $(hostname); exit 7\r")
        .wait();
    assert!(
        ended.out.contains("size 30 100 on "),
        "{}",
        ended.transcript()
    );
    assert_eq!(ended.code, Some(7), "{}", ended.transcript());
    project.kitchen("destroy").succeeds();
}

#[test]
fn login_opens_a_shell_on_a_container() {
    if needs("terminal") && needs("docker") {
        log_in("{name: docker, image: 'banquet/busybox:1', pull: never}");
    }
}

#[test]
fn login_opens_a_shell_on_a_sandbox() {
    if needs("terminal") && needs("sandbox") {
        log_in("sandbox");
    }
}
