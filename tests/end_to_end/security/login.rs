//! A machine that is logged in to, and the terminal of the person who does it.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::support::{Project, needs};

const LOCAL: &str = "\
driver: exec
provisioner: {name: shell, command: \"true\"}
platforms: [{name: a}]
suites: [{name: web}]
";

/// What a terminal shows on which `kitchen login` runs, and then `after`, while `keys` are typed.
fn shown(project: &Project, keys: &str, after: &str) -> String {
    let inner = project.command("login web-a");
    let words = std::iter::once(inner.get_program()).chain(inner.get_args());
    let login = shell_words::join(words.map(|word| word.to_string_lossy()));
    let line = format!("stty cols 100 rows 30; {login}; echo code=$?; {after}");
    let mut terminal = Command::new("script");
    terminal
        .args(["--quiet", "--return", "--command", &line, "/dev/null"])
        .current_dir(project.path())
        .env("SHELL", "/bin/sh")
        .env("TERM", "xterm")
        .env("HOME", project.path().join("home"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut running = terminal.spawn().unwrap();
    let mut input = running.stdin.take().unwrap();
    input.write_all(keys.as_bytes()).unwrap();
    let ended = running.wait_with_output();
    drop(input);
    String::from_utf8_lossy(&ended.unwrap().stdout).into_owned()
}

fn project(config: &str) -> Option<Project> {
    if !needs("terminal") {
        return None;
    }
    let project = Project::new().file("kitchen.yml", config);
    project.kitchen("create").succeeds();
    Some(project)
}

/// Pushes keys into its terminal and ends: who reads them next?
const PUSH: &str = "stty -echo; perl -e 'for my $key (split //, \"push\".\"ed-keys\\n\") { ioctl(STDIN, \
                    0x5412, $key) }'; exit 0\n";
const NEXT: &str = "perl -e '$SIG{ALRM} = sub { print \"nothing came\\n\"; exit }; alarm 2; \
                    my $line = <STDIN>; print \"came: $line\"'";

#[test]
fn keys_cannot_be_pushed_into_the_terminal_of_whom_logs_in() {
    let Some(project) = project(LOCAL) else {
        return;
    };
    let said = shown(&project, PUSH, NEXT);
    assert!(said.contains("code=0"), "{said}");
    assert!(said.contains("nothing came"), "{said}");
}

#[test]
fn a_sandbox_cannot_push_keys_either() {
    if !needs("sandbox") {
        return;
    }
    let Some(project) = project(&LOCAL.replace("exec", "sandbox")) else {
        return;
    };
    let said = shown(&project, PUSH, NEXT);
    assert!(said.contains("nothing came"), "{said}");
    project.kitchen("destroy").succeeds();
}

#[test]
fn a_login_ended_by_a_signal_leaves_the_terminal_as_it_was() {
    let Some(project) = project(LOCAL) else {
        return;
    };
    for (signal, code) in [("TERM", 143), ("HUP", 129), ("INT", 130)] {
        let said = shown(&project, &format!("kill -s {signal} $PPID\n"), "stty -a");
        assert!(said.contains(&format!("code={code}")), "{said}");
        assert!(
            said.contains(" icanon") && said.contains(" echo "),
            "{said}"
        );
        assert!(!said.contains("-icanon"), "{said}");
    }
}

#[test]
fn a_new_size_of_the_window_is_passed_on() {
    let Some(project) = project(LOCAL) else {
        return;
    };
    // The shell's parent is the kitchen, whose input is the user's terminal.
    let keys = "stty -F $(readlink /proc/$PPID/fd/0) cols 77; \
                until stty size | grep -q 77; do :; done; stty size; exit 3\n";
    let said = shown(&project, keys, "true");
    assert!(said.contains("30 77"), "{said}");
    assert!(said.contains("code=3"), "{said}");
}
