//! Commands that Test Kitchen has and that need no machine, and those for projects written for it.

use crate::support::{Project, needs};

const FAULTY: &str = "\
driver:
  name: docker
  imag: x
verifier: {name: nonesuch}
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
        .exits(3)
        .prints("there is no verifier \"nonesuch\"")
        .prints("driver docker does not know the key `imag`")
        .prints("Did you mean `image`?")
        .prints("[kitchen.yml:3:9]")
        .prints("unknown key `atributes` of a suite")
        .prints("unknown key `kitchn` at the top level")
        .prints("1 error, 3 warnings.\n")
        .is_quiet();
    assert!(told.out.contains("imag: x"), "an excerpt in {}", told.out);
    project.kitchen("validate --strict").exits(3);
    let told = project.kitchen("validate --json").exits(3);
    let told: serde_json::Value = serde_json::from_str(&told.out).expect("JSON");
    assert_eq!(told["warnings"], 3);
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

const SHOP: &str = "\
driver: dummy
transport: dummy
provisioner: {name: dummy, changes: [installed]}
verifier: dummy
platforms: [{name: a}]
suites: [{name: db}, {name: web}]
multisuites:
- name: shop
  steps:
  - converge db
  - converge web
  - verify web
";

/// Runs `kitchen console` on these commands; gives its exit code and what it printed.
fn console(project: &Project, arguments: &str, commands: &str) -> (Option<i32>, String) {
    use std::io::Write;
    use std::process::Stdio;
    let mut child = project
        .command(&format!("console {arguments}"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("kitchen starts");
    let mut input = child.stdin.take().expect("a pipe");
    input.write_all(commands.as_bytes()).expect("commands");
    drop(input);
    let ended = child.wait_with_output().expect("an end");
    let text = [ended.stdout, ended.stderr].concat();
    (
        ended.status.code(),
        String::from_utf8_lossy(&text).into_owned(),
    )
}

#[test]
fn a_cluster_is_gone_through_step_by_step() {
    let project = Project::new().file("kitchen.yml", SHOP);
    let (code, out) = console(
        &project,
        "",
        "steps\nnext\nsteps\nskip\nsteps\nnext\nnext\nfacts\n",
    );
    assert_eq!(code, Some(0), "{out}");
    for (text, count) in [
        (">   1  converge db", 1),
        (">   2  converge web", 1),
        ("Skipped step 2: converge web", 1),
        (">   3  verify web", 1),
        ("Creating <db-a>...", 1),
        ("Converging <db-a>...", 1),
        ("Converging <web-a>...", 0),
        ("Verifying <web-a>...", 1),
        ("All steps are done.", 1),
        ("web    web-a     dummy   verify", 1),
    ] {
        assert_eq!(out.matches(text).count(), count, "{text:?} in {out}");
    }
    let (code, out) = console(&project, "shop", "destroy all\nsteps\ncontinue\n");
    assert_eq!(code, Some(0), "{out}");
    assert!(out.contains(">   1  converge db"), "{out}");
    assert!(out.contains("Converging <web-a>..."), "{out}");
}

#[test]
fn a_console_runs_every_command_and_tells_what_it_cannot() {
    let project = Project::new().file("kitchen.yml", SHOP);
    let commands = "use db-a\nnext\nsteps\nskip\nexec uptime\nexec web-a uptime\nlist --bare\n\
                    nonsense\n'open\nuse .*-a|x\nquit\nlist --json\n";
    let (code, out) = console(&project, "", commands);
    assert_eq!(code, Some(2), "{out}");
    for text in [
        "Creating <db-a>...",
        ">   2  converge",
        "its actions need each other",
        "Execute command on db-a.",
        "web-a> has not yet been created",
        "shop-a\n",
        "unrecognized subcommand 'nonsense'",
        "'open",
    ] {
        assert!(out.contains(text), "{text:?} in {out}");
    }
    assert!(
        !out.contains("\"cluster\""),
        "nothing runs after quit: {out}"
    );
}

#[test]
fn a_run_writes_the_structured_logs_that_are_read() {
    let project = Project::new().file("kitchen.yml", SHOP);
    project.kitchen("converge db-a").succeeds();
    let text = project.kitchen("logs db-a").succeeds().is_quiet().out;
    assert!(text.starts_with("Creating <db-a>...\n"), "{text}");
    assert!(text.contains("\nConverging <db-a>...\n"), "{text}");
    let log = project.read(".kitchen/logs/db-a.ndjson");
    let events = log
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"));
    let events: Vec<serde_json::Value> = events.collect();
    let state = project.read(".kitchen/db-a.yml");
    for (number, event) in events.iter().enumerate() {
        let text = |key: &str| event[key].as_str().unwrap_or_default().to_owned();
        assert_eq!(event["sequence"], number + 1);
        assert_eq!((text("suite"), text("platform")), ("db".into(), "a".into()));
        for key in ["instance_session_id", "kitchen_run_id"] {
            assert!(state.contains(&text(key)), "{key} of {event} in {state}");
        }
    }
    let last = events.last().expect("an event");
    assert!(
        state.contains(last["action_id"].as_str().expect("an id")),
        "{state}"
    );
    let verified = project.kitchen("verify db-a").succeeds();
    assert!(verified.out.contains("Verifying <db-a>..."));
    let text = project.kitchen("logs db-a").succeeds().out;
    assert!(
        text.contains("Verifying <db-a>...") && !text.contains("Creating"),
        "{text}"
    );
}

#[test]
fn mistakes_in_files_do_not_hide_those_behind_them() {
    let project = Project::new()
        .file(
            "kitchen.yml",
            "driver: {name: docker, imag: x}\nverifier: nonsense\nplatforms:\n- name: a\n- nme: b\n\
             suites:\n- name: s\n  includes: ['/[/']\n- name: t\n  provisioner: [1]\n- name: u\n\
             multisuites:\n- name: m\n  steps: [converge nobody, fly s]\nplaforms: []\n\
             lifecycle: {pre_cretae: x, post_create: [{loca: x}, {local: x, includes: ['/(/']}]}\n",
        )
        .file("kitchen.local.yml", "a: [\n")
        .file(".kitchen.yml", "");
    let told = project.kitchen("validate").exits(3).is_quiet();
    for text in [
        "Both ",
        "kitchen.local.yml is not YAML",
        "[kitchen.yml:1:",
        "does not know the key `imag`",
        "there is no verifier \"nonsense\"",
        "[kitchen.yml:5:",
        "premature end of char-class: /[/",
        "[kitchen.yml:10:",
        "nobody",
        "fly",
        "unknown key `plaforms` at the top level",
        "Did you mean `platforms`?",
        "unknown key `pre_cretae` of `lifecycle`",
        "a hook of post_create cannot run: it has neither `local` nor `remote`",
        "end pattern with unmatched parenthesis: /(/",
    ] {
        assert!(told.out.contains(text), "{text:?} in {}", told.out);
    }
    assert!(told.out.ends_with("errors, 4 warnings.\n"), "{}", told.out);
    // A command that does something stops at the files.
    project.kitchen("converge").exits(3).complains("Both ");
}

#[test]
fn pipelines_that_go_through_suites_by_hand_are_found() {
    let project = Project::new()
        .file(
            "kitchen.yml",
            "platforms: [{name: a}]\nsuites: [{name: db}, {name: web}, {name: lb}, {name: cache}]\n",
        )
        .file(
            ".github/workflows/ci.yml",
            "jobs:\n  test:\n    steps:\n    - run: |\n        for s in db web; do\n          \
             bundle exec kitchen converge $s\n        done\n    - run: kitchen verify web-a\n",
        )
        .file(
            "Jenkinsfile",
            "stage('x') {\n  sh 'kitchen converge lb'\n  sh \"kitchen exec cache -c 'true'\"\n}\n",
        );
    let told = project
        .kitchen("migrate")
        .succeeds()
        .prints("# Lines 6 to 8 of .github/workflows/ci.yml run these suites in order.\n")
        .prints("# Lines 2 to 3 of Jenkinsfile run these suites in order.\n");
    let (_, steps) = told.out.split_once("multisuites:\n").expect("a proposal");
    let steps: Vec<&str> = steps
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("- "))
        .collect();
    for step in [
        "converge db",
        "converge web",
        "verify web",
        "converge lb",
        "step: exec cache",
    ] {
        assert!(steps.contains(&step), "{step} in {steps:?}");
    }
}

#[test]
fn rake_tasks_have_the_names_of_test_kitchens() {
    if !needs("rake") {
        return;
    }
    let project = Project::new()
        .file("kitchen.yml", SHOP)
        .file("Rakefile", "");
    project
        .kitchen("init")
        .succeeds()
        .prints("      append  Rakefile\n");
    // The Rakefile finds `kitchen` on the PATH.
    let binary = std::path::Path::new(env!("CARGO_BIN_EXE_kitchen"));
    let bin = binary.parent().expect("a directory").display();
    let path = format!("{bin}:{}", std::env::var("PATH").unwrap_or_default());
    for (task, said) in [
        ("kitchen:create:db-a", "Creating <db-a>..."),
        ("kitchen:shop-a", "Verifying <web-a>..."),
        ("kitchen:destroy", "Destroying <db-a>..."),
    ] {
        let ran = std::process::Command::new("rake")
            .arg(task)
            .current_dir(project.path())
            .env("PATH", &path)
            .output()
            .expect("rake runs");
        let out = String::from_utf8_lossy(&ran.stdout);
        assert!(
            ran.status.success() && out.contains(said),
            "{task}: {ran:?}"
        );
    }
}

#[test]
fn debug_reaches_plugins_and_the_environment_sets_levels_and_logs() {
    let project = Project::new().file("kitchen.yml", SHOP);
    project
        .kitchen("converge db-a")
        .succeeds()
        .prints("[Dummy] converge on db-a\n");
    project
        .kitchen("converge -D db-a")
        .succeeds()
        .prints("[Dummy] converge on db-a with debugging\n");
    let count = |project: &Project| {
        let log = project.read(".kitchen/logs/db-a.log");
        log.matches("-----> Converging <db-a>...").count()
    };
    assert_eq!(count(&project), 1, "the log begins anew");
    let project = project
        .env("KITCHEN_LOG", "ERROR")
        .env("KITCHEN_LOG_OVERWRITE", "no");
    let quiet = project.kitchen("converge db-a").succeeds();
    assert!(!quiet.out.contains("Converging"), "{}", quiet.out);
    let loud = project.kitchen("converge db-a -l info").succeeds();
    assert!(loud.out.contains("Converging"), "{}", loud.out);
    assert_eq!(count(&project), 2, "the log goes on");
    project
        .kitchen("converge db-a -l loud")
        .succeeds()
        .prints("Converging")
        .complains(
            "WARNING - invalid log level specified: \"loud\" - reverting to :info log level.",
        );
}
