//! Plugins in other processes: one that works, and every way in which one does not.
#![cfg(unix)]

use std::path::Path;
use std::time::{Duration, Instant};

use crate::support::{self, Project, Ran};

const CONFIG: &str = "driver: exec
transport: exec
provisioner: dummy
verifier: {name: port, port: 80, password: hunter2secret}
platforms: [{name: here}]
suites: [{name: web}]
";

/// What a plugin in `sh` says first.
const HELLO: &str = r#"#!/bin/sh
echo $$ >> starts
read -r line
echo '{"jsonrpc": "2.0", "id": 0, "result": {"protocol": "1.0", "name": "port", "version": "1.2.3", "summary": "wants a port open", "schema": {"properties": {"port": {"description": "The port."}, "password": {"description": "A password."}}}}}'
"#;

/// Verifies: runs a command on the instance, shows a line, and tells two cases.
const WORKS: &str = r#"
read -r line
case $line in *'"method":"verifier/verify"'*) ;; *) exit 9 ;; esac
echo '{"jsonrpc": "2.0", "method": "output", "params": {"call": 1, "stream": "out", "text": "with hunter2secret"}}'
echo '{"jsonrpc": "2.0", "method": "to/come", "params": {}}'
echo '{"jsonrpc": "2.0", "id": 0, "method": "connection/exec", "params": {"call": 1, "connection": "machine", "command": "echo from the machine; exit 3", "output": "both"}}'
read -r line
case $line in *'"exit_code":3'*'from the machine'*) ;; *) exit 9 ;; esac
echo '{"jsonrpc": "2.0", "id": 1, "result": {"cases": [{"name": "port 80 is open", "status": "passed"}, {"name": "port 81 is", "status": "skipped"}]}}'
read -r line
echo '{"jsonrpc": "2.0", "id": 2, "result": {}}'
"#;

/// A project whose verifier says hello and then does this.
fn project(then: &str) -> Project {
    Project::new().file("kitchen.yml", CONFIG).script(
        "kitchen-plugins/kitchen-verifier-port",
        &format!("{HELLO}{then}"),
    )
}

/// A project whose verifier is this script.
fn with_script(script: &str) -> Project {
    let project = Project::new().file("kitchen.yml", CONFIG);
    project.script("kitchen-plugins/kitchen-verifier-port", script)
}

/// Waits until the process is gone whose id is the last line of a file.
#[track_caller]
fn is_gone(project: &Project, file: &str) {
    let text = project.read(file);
    let id = text.lines().last().expect("an id");
    let started = Instant::now();
    let proc = format!("/proc/{id}/stat");
    while std::fs::read_to_string(&proc).is_ok_and(|stat| !stat.contains(") Z ")) {
        assert!(started.elapsed() < Duration::from_secs(20), "{id} lives on");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_plugin_beside_the_project_works_and_its_output_is_masked() {
    let project = project(WORKS);
    project
        .kitchen("verify")
        .succeeds()
        .prints_in_order(&[
            "with ******",
            "from the machine",
            "ok: port 80 is open",
            "skipped: port 81 is",
        ])
        .prints_no("hunter2secret");
    is_gone(&project, "starts");
}

/// The text of the block of code in this language in the page about the protocol.
fn of_the_page(language: &str) -> String {
    let page = include_str!("../../docs/plugin-protocol.md");
    let (_, rest) = page
        .split_once(&format!("```{language}\n"))
        .expect("a block");
    let (block, _) = rest.split_once("```").expect("its end");
    block.into()
}

#[test]
fn the_smallest_plugin_of_the_page_works() {
    if !support::needs("python3") {
        return;
    }
    let project = with_script(&of_the_page("python"));
    project.write("kitchen.yml", &CONFIG.replace("port: 80", "port: 1"));
    project.kitchen("verify").exits(10).prints("port 1 is open");
}

#[test]
fn what_only_reads_the_configuration_starts_it_once_and_never_again() {
    let project = project("read -r line").file(".kitchen/keep", "");
    project.kitchen("validate").succeeds();
    let starts = || project.read("starts").lines().count();
    assert_eq!(starts(), 1);
    project.kitchen("list").succeeds().prints("Port");
    project.kitchen("validate").succeeds();
    project.kitchen("diagnose").succeeds();
    assert_eq!(starts(), 1);
    let changed = format!("{HELLO}# changed\nread -r line");
    project.write("kitchen-plugins/kitchen-verifier-port", &changed);
    project.kitchen("validate").succeeds();
    assert_eq!(starts(), 2);
}

#[test]
fn its_keys_are_known() {
    let project = project("read -r line");
    let text = CONFIG.replace("port: 80", "prot: 80");
    project.write("kitchen.yml", &text);
    project
        .kitchen("validate")
        .succeeds()
        .prints("verifier port does not know the key `prot`")
        .prints("kitchen.yml:4")
        .prints("Did you mean `port`?");
    project
        .kitchen("help port")
        .succeeds()
        .prints("port, a verifier: wants a port open")
        .prints("The port.");
    project
        .kitchen("schema")
        .succeeds()
        .prints("\"verifier-port\"");
}

#[test]
fn an_unknown_name_says_which_executables_were_looked_for_and_where() {
    let project = Project::new().file(
        "kitchen.yml",
        &CONFIG.replace("name: port", "name: nonesuch"),
    );
    project
        .kitchen("verify")
        .exits(3)
        .complains("there is no verifier \"nonesuch\"")
        .complains("kitchen-verifier-nonesuch")
        .complains(&format!("{}/kitchen-plugins", project.path().display()))
        .complains("or in a directory of the PATH");
}

#[test]
fn one_that_is_not_executable_is_told_how_to_be() {
    Project::new()
        .file("kitchen.yml", CONFIG)
        .file("kitchen-plugins/kitchen-verifier-port", HELLO)
        .kitchen("verify")
        .exits(3)
        .complains("start verifier plugin port")
        .complains("chmod +x");
}

#[test]
fn one_of_another_version_is_told_both() {
    let script = HELLO.replace("\"protocol\": \"1.0\"", "\"protocol\": \"2.1\"");
    with_script(&script)
        .kitchen("verify")
        .exits(3)
        .complains("speaks version \"2.1\" of the protocol, and this kitchen 1.0");
}

#[test]
fn rubbish_is_quoted() {
    with_script("#!/bin/sh\nread -r line\necho Loading modules...\nread -r line\n")
        .kitchen("verify")
        .exits(3)
        .complains("no message of the protocol: \"Loading modules...\"");
    let project = project("read -r line; echo 'checking with hunter2secret'; read -r line");
    let ran = project.kitchen("verify").exits(70);
    let all = format!("{}{}", ran.out, ran.err);
    assert!(
        all.contains("no message of the protocol: \"checking with ******\""),
        "{all}"
    );
}

#[test]
fn an_answer_of_another_form_fails_its_own_request_alone() {
    let answer = r#"
read -r line
echo '{"jsonrpc": "2.0", "id": 1, "result": {"cases": "none"}}'
read -r line
echo '{"jsonrpc": "2.0", "id": 2, "result": {}}'
"#;
    let ran = project(answer).kitchen("verify").exits(70);
    told(&ran, "the answer is not as the protocol has it");
}

/// Either stream has it.
#[track_caller]
fn told(ran: &Ran, text: &str) {
    let told = ran.out.contains(text) || ran.err.contains(text);
    assert!(told, "{text:?} in {}", ran.transcript());
}

#[test]
fn a_handshake_that_never_comes_has_a_limit() {
    let project =
        with_script("#!/bin/sh\necho $$ > starts\necho 'no licence' >&2\nexec sleep 600\n");
    let ran = project
        .env("KITCHEN_PLUGIN_TIMEOUT", "0.5")
        .kitchen("verify");
    let ran = ran.exits(3);
    told(&ran, "the handshake with verifier plugin port");
    told(&ran, "took longer than 500ms");
    told(&ran, "no licence");
    told(&ran, "KITCHEN_PLUGIN_TIMEOUT");
}

#[test]
fn a_handshake_that_comes_late_is_waited_for() {
    let slow = HELLO.replace("read -r line", "read -r line; sleep 0.3");
    with_script(&format!("{slow}{WORKS}"))
        .kitchen("verify")
        .succeeds()
        .prints("ok: port 80 is open");
}

#[test]
fn an_answer_that_never_comes_ends_with_the_limit_of_the_tests() {
    let project = project("read -r line\nsleep 600 & echo $! > child\nwait");
    let text = CONFIG.replace("port: 80", "port: 80, timeout: 1");
    project.write("kitchen.yml", &text);
    let ran = project.kitchen("verify").exits(21);
    assert!(ran.took < Duration::from_secs(60), "{:?}", ran.took);
    is_gone(&project, "starts");
    is_gone(&project, "child");
}

#[test]
fn a_question_that_is_not_answered_has_a_limit() {
    let hello = HELLO.replace(
        "\"schema\"",
        "\"capabilities\": {\"methods\": [\"verifier/check\"]}, \"schema\"",
    );
    let project = with_script(&format!("{hello}read -r line\nexec sleep 600\n"));
    let ran = project
        .env("KITCHEN_PLUGIN_TIMEOUT", "2")
        .kitchen("verify")
        .exits(3);
    told(&ran, "the answer of verifier plugin port");
    told(&ran, "to verifier/check took longer than 2s");
}

/// Two instances, verified at the same time.
const TWO: &str = "suites: [{name: web}, {name: db}]";

#[test]
fn one_that_takes_one_request_at_a_time_has_a_process_for_each() {
    let meets = r#"
read -r line
: > here.$$
until [ "$(ls here.* | wc -l)" = 2 ]; do sleep 0.05; done
echo '{"jsonrpc": "2.0", "id": 1, "result": {"cases": [{"name": "they met", "status": "passed"}]}}'
read -r line
"#;
    let project = project(meets);
    let text = CONFIG.replace("suites: [{name: web}]", TWO);
    project.write("kitchen.yml", &text);
    project.kitchen("verify -c").succeeds().prints("they met");
    assert_eq!(project.read("starts").lines().count(), 2);
}

#[test]
fn one_that_takes_many_requests_is_one_process() {
    let collects = r#"
read -r one
read -r two
for line in "$two" "$one"; do
    id=${line#*\"id\":} id=${id%%,*}
    echo '{"jsonrpc": "2.0", "id": '$id', "result": {"cases": [{"name": "both were there", "status": "passed"}]}}'
done
read -r line
"#;
    let project = concurrent(collects);
    let text = CONFIG.replace("suites: [{name: web}]", TWO);
    project.write("kitchen.yml", &text);
    project
        .kitchen("verify -c")
        .succeeds()
        .prints("both were there");
    assert_eq!(project.read("starts").lines().count(), 1);
}

/// A verifier that takes several requests at once, and then does this.
fn concurrent(then: &str) -> Project {
    let hello = HELLO.replace(
        "\"schema\"",
        "\"capabilities\": {\"concurrent\": true}, \"schema\"",
    );
    let project = with_script(&format!("{hello}{then}"));
    let text = CONFIG.replace("port: 80", "port: 80, timeout: 1");
    project.write("kitchen.yml", &text);
    project
}

#[test]
fn one_that_obeys_cancellation_lives_on_to_be_told_to_go() {
    let obeys = r#"
read -r line
read -r line
case $line in *'"$/cancelRequest"'*'"id":1'*) : > obeyed ;; esac
echo '{"jsonrpc": "2.0", "id": 1, "error": {"code": -32800, "message": "cancelled"}}'
read -r line
case $line in *'"shutdown"'*) : > told ;; esac
echo '{"jsonrpc": "2.0", "id": 2, "result": {}}'
"#;
    let project = concurrent(obeys);
    project.kitchen("verify").exits(21);
    assert!(project.has("obeyed") && project.has("told"));
}

#[test]
fn one_that_ignores_cancellation_is_killed_after_the_grace() {
    let ignores = "read -r line\nsleep 600 & echo $! > child\nwait";
    let project = concurrent(ignores).env("KITCHEN_PLUGIN_GRACE", "0.5");
    let ran = project.kitchen("verify").exits(21);
    assert!(ran.took < Duration::from_secs(60), "{:?}", ran.took);
    is_gone(&project, "starts");
    is_gone(&project, "child");
}

#[test]
fn a_death_is_told_with_its_cause_and_its_last_words() {
    let dies = "read -r line\necho 'Traceback: no host hunter2secret' >&2\nexit 7\n";
    let ran = project(dies).kitchen("verify").exits(70);
    told(&ran, "ended with exit code 7");
    told(&ran, "Traceback: no host ******");
    told(&ran, "verifier/verify");
    let ran = project("read -r line; kill -9 $$")
        .kitchen("verify")
        .exits(70);
    told(&ran, "was killed by signal 9");
}

#[test]
fn a_death_in_the_handshake_is_told_too() {
    let ran = with_script("#!/bin/sh\necho 'no module json' >&2\nexit 1\n").kitchen("verify");
    told(&ran.exits(3), "no module json");
}

#[test]
fn after_a_death_the_next_call_has_a_new_process() {
    let project = project(&format!(
        "if [ ! -e died ]; then : > died; read -r line; exit 1; fi\n{WORKS}"
    ));
    project.kitchen("verify").exits(70);
    project
        .kitchen("verify")
        .succeeds()
        .prints("ok: port 80 is open");
}

#[test]
fn ctrl_c_ends_it_and_what_it_started() {
    let waits = r#"
read -r line
sleep 600 & echo $! > child
echo '{"jsonrpc": "2.0", "method": "output", "params": {"call": 1, "stream": "out", "text": "it waits"}}'
wait
"#;
    let project = project(waits);
    let running = project.start("verify").until("it waits").signal("INT");
    running.wait().exits(130);
    is_gone(&project, "starts");
    is_gone(&project, "child");
}

#[test]
fn what_a_driver_noted_before_it_died_is_found_by_destroy() {
    let driver = r#"#!/bin/sh
read -r line
echo '{"jsonrpc": "2.0", "id": 0, "result": {"protocol": "1.0", "name": "lab", "capabilities": {"transport": "exec"}}}'
while read -r line; do
    id=${line#*\"id\":} id=${id%%,*}
    case $line in
    *'"method":"driver/create"'*)
        echo '{"jsonrpc": "2.0", "id": 0, "method": "state/checkpoint", "params": {"call": '$id', "state": {"lab_id": "m-17"}}}'
        read -r line
        grep -l m-17 .kitchen/web-here.yml > noted
        kill -9 $$ ;;
    *'"method":"driver/destroy"'*)
        case $line in *'"lab_id":"m-17"'*) echo m-17 > destroyed ;; esac
        echo '{"jsonrpc": "2.0", "id": '$id', "result": {"state": {}}}' ;;
    *) echo '{"jsonrpc": "2.0", "id": '$id', "result": {}}' ;;
    esac
done
"#;
    let project = Project::new()
        .file(
            "kitchen.yml",
            "driver: lab\nprovisioner: dummy\nverifier: dummy\nplatforms: [{name: here}]\nsuites: [{name: web}]\n",
        )
        .script("kitchen-plugins/kitchen-driver-lab", driver);
    project.kitchen("list").succeeds().prints("Lab");
    let ran = project.kitchen("create").exits(70);
    told(&ran, "was killed by signal 9");
    assert_eq!(project.read("noted").trim(), ".kitchen/web-here.yml");
    project.kitchen("destroy").succeeds();
    assert_eq!(project.read("destroyed"), "m-17\n");
}

#[test]
fn the_list_says_where_each_is_and_what_is_shadowed() {
    let elsewhere = tempfile::tempdir().expect("a directory");
    let path = std::env::var("PATH").expect("a PATH");
    let path = format!("{}:{path}", elsewhere.path().display());
    let project = project("read -r line")
        .script("kitchen-plugins/kitchen-driver-exec", HELLO)
        .script(
            "kitchen-plugins/kitchen-driver-old",
            &HELLO.replace("1.0", "7.0"),
        )
        .env("PATH", &path);
    let other = elsewhere.path().join("kitchen-verifier-port");
    std::fs::copy(
        project.path().join("kitchen-plugins/kitchen-verifier-port"),
        &other,
    )
    .expect("a copy");
    let text = project.kitchen("plugin list").succeeds();
    let line = |path: &Path| {
        let path = path.display().to_string();
        let line = text.out.lines().find(|line| line.contains(&path));
        line.unwrap_or_else(|| panic!("{path} in {}", text.transcript()))
            .to_owned()
    };
    let beside = |name: &str| project.path().join("kitchen-plugins").join(name);
    let used = line(&beside("kitchen-verifier-port"));
    assert!(
        used.contains("1.2.3") && !used.contains("shadowed"),
        "{used}"
    );
    assert!(line(&beside("kitchen-driver-exec")).contains("shadowed"));
    assert!(line(&other).contains("shadowed"));
    told(&text, "speaks version \"7.0\"");
    let json = project.kitchen("plugin list --json").succeeds();
    let rows: serde_json::Value = serde_json::from_str(&json.out).expect("JSON");
    let rows = rows.as_array().expect("a list");
    let of = |kind: &str, name: &str| {
        let found = rows
            .iter()
            .filter(|row| row["kind"] == kind && row["name"] == name);
        found.collect::<Vec<_>>()
    };
    assert_eq!(of("verifier", "port").len(), 2);
    assert_eq!(of("driver", "exec").len(), 2);
    assert!(of("driver", "old")[0]["error"].is_string());
    assert_eq!(of("driver", "docker").len(), 1);
}

#[test]
fn a_check_runs_the_suite_and_says_what_held() {
    let examples = r#""examples": {"good": {"port": 1}, "failing": {"port": 2}, "wrong": {"settings": {"port": "x"}, "key": "/port"}}, "protocol""#;
    let hello = HELLO.replace("\"protocol\"", examples);
    let judges = r#"
while read -r line; do
    id=${line#*\"id\":} id=${id%%,*}
    case $line in
    *'"port":1'*) echo '{"jsonrpc": "2.0", "id": '$id', "result": {"cases": [{"name": "a", "status": "passed"}]}}' ;;
    *'"port":2'*) echo '{"jsonrpc": "2.0", "id": '$id', "result": {"cases": [{"name": "a", "status": "failed", "message": "it is closed"}]}}' ;;
    *'"port":"x"'*) echo '{"jsonrpc": "2.0", "id": '$id', "error": {"code": 1, "message": "no number", "data": {"kind": "config", "key": "/port"}}}' ;;
    *) echo '{"jsonrpc": "2.0", "id": '$id', "result": {}}' ;;
    esac
done
"#;
    with_script(&format!("{hello}{judges}"))
        .kitchen("plugin check port")
        .succeeds()
        .prints("ok      info describes every key")
        .prints("ok      a test that fails is a case")
        .prints("4 checks held, 0 failed");
    let wrong = judges.replace("\"kind\": \"config\", ", "");
    with_script(&format!("{hello}{wrong}"))
        .kitchen("plugin check port --kind verifier")
        .exits(1)
        .prints("FAILED  a wrong setting is named")
        .prints("3 checks held, 1 failed");
    Project::new()
        .kitchen("plugin check nonesuch")
        .exits(2)
        .complains("there is no plugin \"nonesuch\"");
}
