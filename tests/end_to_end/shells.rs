//! What shells, editors and build servers ask of the command.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::{Project, needs};

const CLUSTERS: &str = "\
driver: {name: dummy}
transport: {name: dummy}
provisioner: {name: dummy}
verifier: {name: dummy}
platforms: [{name: x}]
suites: [{name: db}, {name: web}, {name: other}, {name: alone}]
multisuites:
- name: app
  steps: [converge db, {step: converge web, name: the-web}]
- name: pair
  steps: [converge other]
- name: solo
  steps: [verify alone]
";

fn project() -> Project {
    Project::new().file("kitchen.yml", CLUSTERS)
}

/// What bash offers for the last of these words, by the script that the command prints.
fn offered(project: &Project, words: &str) -> Vec<String> {
    let script = project.kitchen("completions bash").succeeds().out;
    project.write("completions.bash", &script);
    let bin = std::path::Path::new(env!("CARGO_BIN_EXE_kitchen"));
    let path = std::env::var("PATH").unwrap_or_default();
    let ask = r#"source completions.bash; eval "COMP_WORDS=($WORDS)"; COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMP_TYPE=9
        _clap_complete_kitchen kitchen "${COMP_WORDS[$COMP_CWORD]}"; printf '%s\n' "${COMPREPLY[@]}""#;
    let output = Command::new("bash")
        .args(["-c", ask])
        .env("WORDS", words)
        .env(
            "PATH",
            format!("{}:{path}", bin.parent().expect("a directory").display()),
        )
        .current_dir(project.path())
        .output()
        .expect("bash runs");
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().map(|line| line.trim().to_owned()).collect()
}

#[test]
fn bash_completes_commands_names_steps_options_and_runs() {
    let project = project();
    let has = |words: &str, wanted: &[&str]| {
        let found = offered(&project, words);
        for word in wanted {
            assert!(found.iter().any(|it| it == word), "{words}: {found:?}");
        }
        found
    };
    has("kitchen conv", &["converge"]);
    has("kitchen test --dest", &["--destroy"]);
    let names = has("kitchen verify ''", &["app-x", "pair-x", "db-x", "web-x"]);
    assert!(!names.contains(&"all-x".to_owned()), "{names:?}");
    assert_eq!(has("kitchen login we", &["web-x"]).len(), 1);
    has("kitchen test --from ''", &["1", "2", "the-web"]);
    project.kitchen("create db-x").succeeds();
    assert_eq!(
        has("kitchen report ''", &[])
            .iter()
            .filter(|it| it.len() == 36)
            .count(),
        1
    );
    let elsewhere = format!("kitchen -C {} test ap", project.path().display());
    has(&elsewhere, &["app-x"]);
}

#[test]
fn a_name_is_completed_before_anybody_notices() {
    let project = project();
    let ask = || {
        let began = Instant::now();
        let output = project
            .command("-- kitchen test ap")
            .env("KITCHEN_COMPLETE", "bash")
            .env("_CLAP_COMPLETE_INDEX", "2")
            .output()
            .expect("kitchen runs");
        assert!(String::from_utf8_lossy(&output.stdout).contains("app-x"));
        began.elapsed()
    };
    let fastest = (0..20).map(|_| ask()).min().expect("a time");
    println!("{fastest:?}");
    // The debug build is several times slower than the one that people use.
    let limit = if cfg!(debug_assertions) { 100 } else { 20 };
    assert!(fastest < Duration::from_millis(limit), "{fastest:?}");
}

#[test]
fn every_shell_has_a_script() {
    let project = Project::new();
    for (shell, word) in [
        ("bash", "complete -o"),
        ("zsh", "#compdef kitchen"),
        ("fish", "complete --keep-order"),
        ("powershell", "Register-ArgumentCompleter"),
    ] {
        project
            .kitchen(&format!("completions {shell}"))
            .succeeds()
            .prints(word)
            .prints("KITCHEN_COMPLETE");
    }
}

#[test]
fn every_command_has_a_page_for_man() {
    let project = Project::new();
    project.kitchen("man pages").succeeds();
    for page in [
        "kitchen",
        "kitchen-test",
        "kitchen-report",
        "kitchen-converge",
    ] {
        let text = project.read(&format!("pages/{page}.1"));
        assert!(
            text.contains(".TH") && text.contains(".SH SYNOPSIS"),
            "{page}: {text}"
        );
    }
    let page = project.read("pages/kitchen-test.1");
    assert!(
        page.contains("resume") && !page.contains(".SH EXTRA"),
        "{page}"
    );
    let (_, examples) = page.split_once(".SH EXAMPLES\n.nf\n").expect("examples");
    assert!(examples.contains("\n  kitchen test \\-c 4"), "{examples}");
    assert!(project.read("pages/kitchen.1").contains(".SH FILES"));
}

#[test]
fn parts_cover_everything_once_and_an_empty_one_is_no_failure() {
    let project = project();
    let names = |arguments: &str| -> Vec<String> {
        let listed = project
            .kitchen(&format!("list --bare {arguments}"))
            .succeeds();
        listed.out.lines().map(ToOwned::to_owned).collect()
    };
    let mut all = [names("--partition 1/2"), names("--partition 2/2")].concat();
    let half = names("--partition 1/2").len();
    assert!((1..=2).contains(&half), "{half} of 3");
    all.sort();
    assert_eq!(all, ["app-x", "pair-x", "solo-x"]);
    let empty = (1..=4).find(|part| names(&format!("--partition {part}/4")).is_empty());
    let empty = empty.expect("three clusters leave one of four parts empty");
    project
        .kitchen(&format!("test --partition {empty}/4 --junit junit.xml"))
        .succeeds();
    assert!(project.read("junit.xml").contains("tests=\"0\""));
    project
        .kitchen("test --partition 5/4")
        .exits(2)
        .complains("5/4");
    project.kitchen("test").succeeds();
    let report = project.kitchen("report -f json").succeeds().out;
    project.write("report.json", &report);
    let timed = |part| {
        names(&format!(
            "--partition {part}/2 --partition-times report.json"
        ))
    };
    assert_eq!(timed(1).len() + timed(2).len(), 3);
    project
        .kitchen("test --partition 1/2 --partition-times kitchen.yml")
        .exits(2)
        .complains("read times from kitchen.yml");
}

#[test]
fn a_program_reads_a_run_as_lines_of_json() {
    let project = project();
    let told = project
        .kitchen("test app-x --format json")
        .succeeds()
        .is_quiet();
    for line in told.out.lines() {
        let event: serde_json::Value = serde_json::from_str(line).expect("JSON");
        assert!(
            event["event"].is_string() && event["at"].is_string(),
            "{line}"
        );
    }
    let quiet = project.kitchen("test app-x --quiet").succeeds().is_quiet();
    assert!(
        quiet.out.contains("-----> Summary") && !quiet.out.contains("Creating"),
        "{}",
        quiet.out
    );
    let verbose = project.kitchen("test app-x --verbose").succeeds();
    verbose.prints("D      late_gossip of");
}

#[test]
fn an_editor_is_told_of_the_keys_of_plugins() {
    if !needs("sandbox") {
        return;
    }
    let schema = Project::new().kitchen("schema").succeeds().out;
    let schema: serde_json::Value = serde_json::from_str(&schema).expect("JSON");
    assert!(
        schema
            .pointer("/$defs/driver-sandbox/properties/rootfs/description")
            .is_some()
    );
    assert!(
        schema
            .pointer("/$defs/Step/properties/expect_failure")
            .is_some()
    );
}
