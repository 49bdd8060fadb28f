//! What people and build servers read: nothing that machines print is a command, what is used is
//! named, and a message says what is wrong in words of this field.
#![cfg(unix)]

use crate::support::{Project, needs};

/// Lines that build servers obey.
const HOSTILE: &str = r###"echo '::error file=x::boo'
echo '   ::add-mask::e'
printf 'half\r::set-output name=a::b\n'
printf '\033[31m::warning::x\033[0m\n'
echo 'text ##[error]boo'
echo '##vso[task.complete result=Succeeded]'
echo "##teamcity[buildStatus status='SUCCESS']"
printf '\033[0Ksection_start:1:x\r\033[0Ktitle\n'
echo '::error::on standard error' >&2
exit 3
"###;

/// A project whose machine prints hostile lines while it converges.
fn hostile() -> Project {
    let project = Project::new();
    let root = project.path().join("root");
    let text = serde_json::json!({
        "driver": "exec",
        "provisioner": {"name": "shell", "script": "bad.sh", "root_path": root, "sudo": false},
        "verifier": {"name": "shell", "command": "true"},
        "platforms": [{"name": "debian-12"}],
        "suites": [{"name": "web"}],
    });
    project
        .file("kitchen.yml", &format!("{text:#}"))
        .script("bad.sh", &format!("#!/bin/sh\n{HOSTILE}"))
}

/// Lines of `text`, as a runner reads them, that one of its own or of another server's would obey.
fn commands(text: &str) -> Vec<&str> {
    let lines = text.split(['\n', '\r']);
    let obeyed = |line: &&str| {
        let anywhere = [
            "##[",
            "##vso[",
            "##teamcity[",
            "section_start:",
            "section_end:",
        ];
        line.trim_start().starts_with("::") || anywhere.iter().any(|word| line.contains(word))
    };
    lines.filter(obeyed).collect()
}

#[test]
fn machines_do_not_command_a_build_server_in_any_command() {
    let project = hostile().env("TF_BUILD", "True");
    for (arguments, code) in [
        ("converge --color", 11),
        ("converge --format json", 11),
        ("converge --quiet", 11),
        ("list", 0),
        ("list --json", 0),
        ("logs web", 0),
        ("logs web --format ndjson", 0),
        ("report", 0),
        ("report -f json", 0),
        ("diagnose", 0),
        ("runs", 0),
    ] {
        let ran = project.kitchen(arguments).exits(code);
        assert_eq!(commands(&ran.out), Vec::<&str>::new(), "{arguments}");
        assert_eq!(commands(&ran.err), Vec::<&str>::new(), "{arguments}");
    }
    let ran = project.kitchen("exec -c 'sh ./bad.sh'").exits(10);
    assert!(ran.out.contains("boo"), "{}", ran.out);
    assert_eq!(commands(&(ran.out + &ran.err)), Vec::<&str>::new());
    // The log has what was printed.
    let log = project.read(".kitchen/logs/web-debian-12.log");
    assert!(log.contains("text ##[error]boo"), "{log}");
    project.kitchen("destroy").exits(0);
}

#[test]
fn github_folds_annotates_and_gets_a_summary() {
    let project = hostile();
    let summary = project.path().join("summary.md");
    let project = project
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_STEP_SUMMARY", &summary.display().to_string());
    let ran = project.kitchen("test").exits(11);
    let own: Vec<&str> = commands(&ran.out);
    assert!(own.contains(&"::group::web-debian-12: converge"), "{own:?}");
    let line = 1 + project
        .read("kitchen.yml")
        .lines()
        .position(|line| line.contains("\"name\": \"web\""))
        .expect("the suite");
    let annotation = own.iter().find(|line| line.starts_with("::error "));
    let annotation = annotation.expect("an annotation");
    let place = format!("::error file=kitchen.yml,line={line},");
    assert!(annotation.starts_with(&place), "{annotation}");
    let strange = own.iter().filter(|line| {
        !["::group::", "::endgroup::", "::error file="]
            .iter()
            .any(|it| line.starts_with(it))
    });
    assert_eq!(strange.collect::<Vec<_>>(), Vec::<&&str>::new());
    let written = project.read("summary.md");
    assert!(written.contains("| web&#45;debian&#45;12 |") || written.contains("| web-debian-12 |"));
    assert!(written.contains("❌ failed"), "{written}");

    // Said to be none, it is none.
    let ran = project.kitchen("converge --ci none").exits(11);
    assert!(ran.out.contains("::error file=x::boo"), "{}", ran.out);
    assert!(!ran.out.contains("::group::"), "{}", ran.out);
    // And another where it is named.
    let ran = project.kitchen("converge --ci gitlab").exits(11);
    assert!(ran.out.contains("\u{1b}[0Ksection_start:"), "{}", ran.out);
    assert_eq!(project.read("summary.md"), written);
    project.kitchen("destroy").exits(0);
}

#[test]
fn the_step_that_failed_is_annotated_with_its_line() {
    let project = Project::new().env("GITHUB_ACTIONS", "true").file(
        "kitchen.yml",
        "driver: dummy
provisioner: dummy
verifier: dummy
platforms:
- name: debian-12
suites:
- name: db
- name: web
multisuites:
- name: shop
  steps:
  - converge db
  - concurrent:
    - converge web
    - step: run
      command: exit 1
      name: it answers
",
    );
    let ran = project.kitchen("test shop").exits(10);
    let line = "::error file=kitchen.yml,line=15,";
    assert!(ran.out.contains(line), "{}", ran.out);
}

const DOCKER: &str = "
driver: {name: docker, api_token: secret123, cap_add: [NET_ADMIN]}
provisioner: {name: salt_solo}
verifier: shell
platforms: [{name: debian-12}]
suites: [{name: web}]
";

#[test]
fn list_shows_the_transport_that_reaches_the_machine() {
    let project = Project::new().file("kitchen.yml", DOCKER);
    let row = project.kitchen("list").exits(0).out;
    let row = row
        .lines()
        .find(|line| line.starts_with("web-"))
        .expect("a row");
    let cells: Vec<&str> = row.split_whitespace().collect();
    assert_eq!(
        cells[..5],
        ["web-debian-12", "Docker", "SaltSolo", "Shell", "Docker"]
    );
    let json: serde_json::Value =
        serde_json::from_str(&project.kitchen("list --json").exits(0).out).expect("JSON");
    assert_eq!(
        (&json[0]["transport"], &json[0]["transport_used"]),
        (&"Ssh".into(), &"Docker".into())
    );
}

#[test]
fn diagnose_tells_every_setting_with_its_default_for_every_plugin() {
    let project = Project::new().env("KITCHEN_TOKEN", "secret123").file(
        "kitchen.yml",
        &DOCKER.replace("secret123", "<%= ENV['KITCHEN_TOKEN'] %>"),
    );
    let text = project.kitchen("diagnose").exits(0).out;
    assert!(!text.contains("secret123"), "{text}");
    let tree: serde_json::Value = serde_saphyr::from_str(&text).expect("YAML");
    let instance = &tree["instances"]["web-debian-12"];
    assert_eq!(instance["transport"]["name"], "ssh");
    assert_eq!(instance["transport_used"], "docker");
    let effective = &instance["effective"];
    assert_eq!(effective["transport"]["name"], "docker");
    let driver = &effective["driver"];
    assert_eq!(driver["cap_add"], serde_json::json!(["NET_ADMIN"]));
    assert_eq!(driver["api_token"], "******");
    assert_eq!(driver["pull"], "missing");
    assert_eq!(driver["remove_images"], false);
    assert!(
        driver["image"]["default"]
            .as_str()
            .expect("words")
            .contains("platform")
    );

    // Every plugin of the build has some.
    for (kind, names) in [
        (
            "driver",
            &["docker", "vagrant", "sandbox", "proxy", "exec", "dummy"][..],
        ),
        (
            "provisioner",
            &[
                "chef_infra",
                "chef_solo",
                "salt_solo",
                "puppet_apply",
                "ansible_playbook",
                "shell",
            ],
        ),
        (
            "verifier",
            &["shell", "inspec", "goss", "testinfra", "bats"],
        ),
        ("transport", &["ssh", "docker"]),
    ] {
        for name in names {
            let file = format!(
                "{kind}: {{name: {name}}}\nplatforms: [{{name: debian-12}}]\nsuites: [{{name: a}}]\n"
            );
            let project = Project::new().file("kitchen.yml", &file);
            let text = project.kitchen("diagnose").exits(0).out;
            let tree: serde_json::Value = serde_saphyr::from_str(&text).expect("YAML");
            let all = tree["instances"]["a-debian-12"]["effective"][kind]
                .as_object()
                .expect("settings");
            let keys = project.kitchen(&format!("help {name}")).exits(0).out;
            assert!(
                all.len() > 1 || *name == "exec",
                "{kind} {name}: {all:?}\n{keys}"
            );
        }
    }
}

/// A cluster of one machine that is the workstation, with `steps`.
fn steps(steps: &str) -> Project {
    let project = Project::new();
    let root = project.path().join("root").display().to_string();
    let file = format!(
        "driver: exec
provisioner: {{name: shell, script: good.sh, sudo: false, root_path: {root}}}
verifier: {{name: shell, command: 'true'}}
platforms: [{{name: debian-12}}]
suites: [{{name: web}}]
multisuites:
- name: shop
  steps:
{steps}"
    );
    project
        .file("kitchen.yml", &file)
        .script("good.sh", "#!/bin/sh\ntrue\n")
        .script("crlf.sh", "#!/bin/sh\r\ntrue\r\n")
        .script("gone.sh", "#!/opt/nonesuch/bin/ruby\n")
}

#[test]
fn a_script_that_cannot_start_is_told_by_its_first_line() {
    let crlf = "ends with a carriage return";
    let gone = "`/opt/nonesuch/bin/ruby`";
    for (step, word) in [
        ("  - {step: run, command: ./crlf.sh}\n", crlf),
        ("  - {step: run, command: ./gone.sh}\n", gone),
        (
            "  - converge web\n  - {step: exec web, command: PROJECT/crlf.sh}\n",
            crlf,
        ),
        (
            "  - converge web\n  - {step: exec web, command: PROJECT/gone.sh}\n",
            gone,
        ),
        ("  - {step: converge web, script: crlf.sh}\n", crlf),
        ("  - {step: converge web, script: gone.sh}\n", gone),
        (
            "  - converge web\n  - {step: verify web, command: ./crlf.sh}\n",
            crlf,
        ),
        (
            "  - converge web\n  - {step: verify web, command: PROJECT/gone.sh, remote_exec: true}\n",
            gone,
        ),
    ] {
        let project = steps("  - converge web\n");
        let step = step.replace("PROJECT", &project.path().display().to_string());
        let project = {
            let fresh = steps(&step);
            // The step names files of the first project, which stays until here.
            let ran = fresh.kitchen("test --destroy=always");
            assert_ne!(ran.code, Some(0), "{step}");
            let told = format!("{}{}", ran.out, ran.err);
            assert!(told.contains(word), "{step}\n{told}");
            project
        };
        drop(project);
    }
    let project = steps("  - converge web\n");
    let hook = project.read("kitchen.yml") + "lifecycle: {pre_converge: ./crlf.sh}\n";
    project.write("kitchen.yml", &hook);
    let ran = project.kitchen("converge");
    assert!(ran.err.contains(crlf), "{}", ran.err);
    project.kitchen("destroy").exits(0);
}

#[test]
fn a_name_that_is_nearly_right_is_named() {
    let project = steps("  - converge web\n");
    for (wrong, right) in [
        ("shp", "shop"),
        ("wbe", "web"),
        ("shop-debain-12", "shop-debian-12"),
    ] {
        let ran = project.kitchen(&format!("test {wrong}")).exits(2);
        assert!(
            ran.err.contains(&format!("Did you mean `{right}`?")),
            "{}",
            ran.err
        );
    }
    let ran = project.kitchen("test entirely-else").exits(2);
    assert!(!ran.err.contains("Did you mean"), "{}", ran.err);
}

#[test]
fn no_text_of_a_library_reaches_a_person() {
    let library = [
        "os error",
        "Some(",
        "strict mode",
        "legacy",
        "hyper",
        "invalid type",
        "untagged",
    ];
    let expression =
        steps("  - converge web\n  - {step: exec web, command: \"echo {{peers.web.nonesuch}}\"}\n");
    let value = steps("  - {step: converge web, sudo: [1]}\n");
    let hook = steps("  - converge web\n");
    let text = hook.read("kitchen.yml") + "lifecycle: {pre_converge: {local: [1]}}\n";
    hook.write("kitchen.yml", &text);
    let engine = Project::new().env("DOCKER_HOST", "tcp://127.0.0.1:9").file(
        "kitchen.yml",
        "driver: docker\nplatforms: [{name: debian-12}]\nsuites: [{name: a}]\n",
    );
    let file = Project::new().file("kitchen.yml", "driver: dummy\n");
    for (project, arguments) in [
        (&expression, "test --destroy=always"),
        (&value, "test --destroy=always"),
        (&hook, "test --destroy=always"),
        (&hook, "validate"),
        (&engine, "create"),
        (&engine, "doctor"),
        (&file, "-C nonesuch list"),
        (&file, "test --junit /proc/nonesuch/x.xml"),
    ] {
        let ran = project.kitchen(arguments);
        assert_ne!(ran.code, Some(0), "{arguments}: {}", ran.out);
        let told = format!("{}{}", ran.out, ran.err);
        let found: Vec<_> = library
            .iter()
            .filter(|word| told.contains(**word))
            .collect();
        assert!(found.is_empty(), "{arguments}: {found:?} in {told}");
    }
}

#[test]
fn a_plugin_that_is_missing_does_not_list_the_path() {
    let project = Project::new().env("PATH", "/usr/bin:/bin:/opt/first:/opt/second").file(
        "kitchen.yml",
        "driver: nonesuch\nprovisioner: nonesuch\nplatforms: [{name: a}]\nsuites: [{name: b}]\n",
    );
    for command in ["validate", "create"] {
        let ran = project.kitchen(command);
        let told = format!("{}{}", ran.out, ran.err);
        assert!(told.contains("nonesuch"), "{told}");
        assert!(!told.contains("/opt/second"), "{told}");
    }
}

#[test]
fn a_reader_that_goes_away_changes_no_exit_code_and_breaks_nothing() {
    let project = steps("  - converge web\n");
    for (arguments, code) in [
        ("list", 0),
        ("help steps", 0),
        ("diagnose", 0),
        ("test", 0),
        ("test --quiet", 0),
        ("test --format json", 0),
        ("runs", 0),
        ("report", 0),
        ("validate", 0),
        ("exec -c true", 2),
        ("test nonesuch", 2),
    ] {
        let gone = || {
            let (reader, writer) = std::io::pipe().expect("a pipe");
            drop(reader);
            writer
        };
        // First standard output alone, then both.
        let mut command = project.command(arguments);
        let ran = command.stdout(gone()).output().expect("it runs");
        let err = String::from_utf8_lossy(&ran.stderr);
        assert!(!err.contains("panicked"), "{arguments}: {err}");
        assert_eq!(ran.status.code(), Some(code), "{arguments}: {err}");
        let mut command = project.command(arguments);
        let ended = command.stdout(gone()).stderr(gone()).status();
        assert_eq!(ended.expect("it runs").code(), Some(code), "{arguments}");
    }
}

#[test]
fn what_is_not_unicode_is_shown_and_harms_nothing() {
    let project =
        steps("  - converge web\n  - {step: run, command: \"printf 'a\\\\377b\\\\n'; exit 1\"}\n");
    for arguments in [
        "test --destroy=always",
        "test --destroy=always -l error",
        "test --quiet --destroy=always",
    ] {
        let ran = project.kitchen(arguments).exits(10);
        assert!(ran.err.contains("exit code 1"), "{arguments}: {}", ran.err);
        let banner = ran.out.contains("----->") && !arguments.contains("--quiet");
        assert!(
            banner || arguments != "test --destroy=always",
            "{}",
            ran.out
        );
    }
    if needs("terminal") {
        let ran = project.kitchen("list --color").exits(0);
        assert!(ran.out.contains("\u{1b}["), "{}", ran.out);
    }
}
