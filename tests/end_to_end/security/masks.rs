//! Secrets on every way out of the program.

use std::path::Path;

use crate::support::{Project, is_junit, needs};

/// Values that must appear nowhere, by where the kitchen learns of them.
const SECRETS: [&str; 11] = [
    "pass-of-a-key",
    "471147471",
    "nested-in-secrets",
    "815815815",
    "in/an;address",
    "declared-key",
    "declared-variable",
    "db-pass-variable",
    "github-pat",
    "in-a-command",
    "noted'by\"the<driver>",
];

const CONFIG: &str = r"
driver: {name: exec, db_password: pass-of-a-key}
secrets: [LICENCE, HOUSE_NUMBER]
platforms:
  - name: here
suites:
  - name: web
    provisioner:
      name: shell
      command: sh leak.sh
      password: 471147471
      secrets: {deep: [{it: nested-in-secrets}, 815815815]}
      database: 'mysql://app:in%2Fan%3Baddress@db/x'
      LICENCE: declared-key
    lifecycle:
      post_create: 'API_TOKEN=in-a-command true'
    verifier: {name: shell, command: 'sh leak.sh; exit 3'}
multisuites: []
";

/// Prints each secret as it is, in colours, encoded and quoted.
fn leak() -> String {
    let mut script = String::from("say() { printf '%s\\n' \"$1\"; }\n");
    for secret in SECRETS {
        let quoted = shell_words::quote(secret).into_owned();
        let (first, last) = secret.split_at(4);
        script.push_str(&format!(
            "say {quoted}\nsay {quoted} >&2\nprintf '%s\\033[31m%s\\033[0m\\n' {} {}\n\
             printf 'user:%s' {quoted} | base64\necho \"{{\\\"v\\\":\\\"$(say {quoted} | sed 's/[\"\\\\]/\\\\&/g')\\\"}}\"\n",
            shell_words::quote(first),
            shell_words::quote(last),
        ));
    }
    script
}

fn project() -> Project {
    let project = Project::new()
        .file("kitchen.yml", CONFIG)
        .env("HOUSE_NUMBER", "declared-variable")
        .env("DB_PASS", "db-pass-variable")
        .env("GH_PAT", "github-pat");
    project.write("leak.sh", &leak());
    project
}

/// No secret, in none of the forms that the script prints.
#[track_caller]
fn tells_nothing(what: &str, text: &str) {
    use base64::Engine;
    for secret in SECRETS {
        let encoded = base64::engine::general_purpose::STANDARD.encode(format!("user:{secret}"));
        let (first, last) = secret.split_at(4);
        let coloured = format!("{first}\u{1b}[31m{last}");
        let json = secret.replace('"', "\\\"");
        let html = secret
            .replace('<', "&lt;")
            .replace('>', "&gt;")
            .replace('"', "&quot;");
        for form in [
            secret,
            &encoded,
            &coloured,
            &json,
            &html,
            &html.replace('\'', "&#39;"),
        ] {
            if let Some(at) = text.find(form) {
                let near: String = text[..at + form.len()].chars().rev().take(200).collect();
                let near: String = near.chars().rev().collect();
                panic!("{form:?} in {what}:\n{near}");
            }
        }
    }
}

fn files(directory: &Path, into: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => files(&path, into),
            false => into.push(path),
        }
    }
}

/// The driver `exec` notes what its section says; a driver that notes a password does the same.
fn note_in_the_state(project: &Project) {
    let path = ".kitchen/web-here.yml";
    let state = project.read(path);
    project.write(
        path,
        &format!("{state}admin_password: \"noted'by\\\"the<driver>\"\n"),
    );
}

#[test]
fn no_secret_leaves_a_run_by_any_way() {
    let project = project();
    let created = project.kitchen("create").succeeds();
    tells_nothing("create", &created.transcript());
    note_in_the_state(&project);
    let ran = project.kitchen("verify --junit out/junit.xml --html out/run.html");
    assert_ne!(ran.code, Some(0), "{}", ran.transcript());
    assert!(ran.out.contains("******"), "{}", ran.transcript());
    tells_nothing("the terminal", &ran.transcript());
    for format in ["terminal", "junit", "json", "tap", "html"] {
        let told = project
            .kitchen(&format!("report --format {format}"))
            .succeeds();
        tells_nothing(format, &told.transcript());
    }
    let mut written = Vec::new();
    files(&project.path().join("out"), &mut written);
    files(&project.path().join(".kitchen"), &mut written);
    // The state is where the driver finds it again.
    written.retain(|path| !path.ends_with("web-here.yml"));
    assert!(written.iter().any(|path| path.ends_with("events.ndjson")));
    assert!(written.iter().any(|path| path.ends_with("web-here.ndjson")));
    for path in &written {
        let text = String::from_utf8_lossy(&std::fs::read(path).expect("a file")).into_owned();
        tells_nothing(&path.display().to_string(), &text);
    }
    if needs("xmllint") {
        is_junit(&project.read("out/junit.xml"));
    }
}

#[test]
fn events_for_programs_are_masked_and_are_json() {
    let project = project();
    project.kitchen("create").succeeds();
    note_in_the_state(&project);
    let ran = project.kitchen("converge --format json");
    tells_nothing("the events", &ran.transcript());
    for line in ran.out.lines() {
        serde_json::from_str::<serde_json::Value>(line).expect("an event");
    }
}

#[test]
fn exec_and_the_console_mask_what_a_command_prints() {
    let project = project();
    project.kitchen("create").succeeds();
    note_in_the_state(&project);
    let root = project.path().display();
    let ran = project
        .kitchen(&format!("exec web-here -c 'sh {root}/leak.sh'"))
        .succeeds();
    assert!(
        ran.out.matches("******").count() >= 30,
        "{}",
        ran.transcript()
    );
    tells_nothing("exec", &ran.transcript());
    let mut console = project.command("console web-here");
    console
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    let mut console = console.spawn().expect("a console");
    let mut input = console.stdin.take().expect("a pipe");
    use std::io::Write;
    writeln!(input, "exec sh {root}/leak.sh").expect("a command");
    drop(input);
    let said = console.wait_with_output().expect("an end");
    let (out, err) = (&said.stdout, &said.stderr);
    let [out, err] = [out, err].map(|text| String::from_utf8_lossy(text).into_owned());
    assert!(out.contains("******"), "{out}");
    tells_nothing("console", &out);
    tells_nothing("console's errors", &err);
}

#[test]
fn what_only_reads_the_configuration_masks_it() {
    let project = project();
    project.kitchen("create").succeeds();
    note_in_the_state(&project);
    for command in [
        "list",
        "list --json",
        "plan",
        "validate",
        "doctor",
        "migrate",
        "logs",
        "runs",
    ] {
        tells_nothing(command, &project.kitchen(command).transcript());
    }
}

/// What the project's own file says is shown, as in Test Kitchen; all else is not.
#[test]
fn diagnose_masks_what_the_environment_and_the_state_say() {
    let project = project();
    let text = CONFIG
        .replace("pass-of-a-key", "<%= ENV['DB_PASS'] %>")
        .replace("declared-key", "<%= ENV['HOUSE_NUMBER'] %>");
    project.write("kitchen.yml", &text);
    project.kitchen("create").succeeds();
    note_in_the_state(&project);
    let told = project.kitchen("diagnose --all").succeeds();
    assert!(told.out.contains("******") && told.out.contains("nested-in-secrets"));
    for secret in ["db-pass-variable", "declared-variable", "noted'by"] {
        assert!(
            !told.out.contains(secret),
            "{secret}: {}",
            told.transcript()
        );
    }
}

#[test]
fn errors_about_a_configuration_mask_what_they_quote() {
    let project = project();
    for (wrong, code) in [
        ("driver:\n  db_password: pass-of-a-key\n  name: [exec\n", 3),
        (
            "driver: {name: exec}\nplatforms: pass-of-a-key\nsuites: '<%= ENV[\"DB_PASS\"] %>'\ntoken: pass-of-a-key\n",
            3,
        ),
        (
            "driver: {name: exec}\npassword: pass-of-a-key\nplatforms: [{name: here}]\nsuites: [{name: '<%= ENV[\"GH_PAT\"] %>', tokn: 1}, 5]\n",
            3,
        ),
    ] {
        project.write("kitchen.yml", wrong);
        let ran = project.kitchen("list").exits(code);
        tells_nothing("an error", &ran.transcript());
        assert!(!ran.err.is_empty());
        tells_nothing("validate", &project.kitchen("validate").transcript());
    }
    let ran = project.kitchen("list --db-pass-variable").exits(2);
    tells_nothing("usage", &format!("{}{}", ran.out, ran.err));
}

/// A long line comes in pieces, and a secret may lie across two of them.
#[test]
fn a_secret_across_the_pieces_of_a_long_line_is_masked() {
    let project = project();
    project.write(
        "leak.sh",
        "head -c 65530 /dev/zero | tr '\\0' x; echo db-pass-variable behind\n",
    );
    project.kitchen("create").succeeds();
    let ran = project.kitchen("converge").succeeds();
    assert!(ran.out.contains("******") && ran.out.contains("behind"));
    assert!(!ran.out.contains("pass-variable") && !ran.out.contains("db-pas"));
    let root = project.path().display();
    let ran = project
        .kitchen(&format!("exec web-here -c 'sh {root}/leak.sh'"))
        .succeeds();
    assert!(ran.out.contains("******") && !ran.out.contains("pass-variable"));
}

/// A password that is a word of the language is no reason to blot out logs.
#[test]
fn common_words_stay_readable() {
    let project = Project::new()
        .file(
            "kitchen.yml",
            "driver: {name: exec, username: admin}\ntransport: {password: vagrant}\n\
             platforms: [{name: here}]\nsuites:\n  - name: web\n    provisioner:\n      name: shell\n      \
             command: 'echo the latest vagrant box of admin, port 8080'\n      password: test\n      \
             host_key: host\n      token_type: box\n      max_tokens: 8080\n",
        )
        .env("AUTH", "basic");
    let text = "the latest vagrant box of admin, port 8080";
    project.kitchen("converge").succeeds().prints(text);
}
