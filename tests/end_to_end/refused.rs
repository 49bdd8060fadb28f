//! Configurations that would test less than they say: refused before a machine is made, with the
//! place and what to write.

use crate::support::{Project, Ran};

const HEAD: &str = "driver: {name: dummy, journal: journal}
transport: dummy
provisioner: dummy
verifier: dummy
platforms: [{name: host}, {name: other}]
suites: [{name: a}, {name: b}]
multisuites:
- name: pair
  includes: [host]
";

fn with(steps: &str) -> Project {
    Project::new().file("kitchen.yml", &format!("{HEAD}  steps:\n{steps}"))
}

/// The step is refused by `validate` and by `test`, which makes no machine.
fn refuses(steps: &str) -> Ran {
    let project = with(steps);
    project.kitchen("test").exits(3);
    assert!(!project.has("journal"), "nothing is made for {steps}");
    project.kitchen("validate").exits(3)
}

/// What follows `Known are: `, word by word.
fn known(ran: &Ran) -> Vec<String> {
    let line = ran
        .out
        .lines()
        .find_map(|line| line.split_once("Known are: "));
    let (_, list) = line.unwrap_or_else(|| panic!("no list: {}", ran.transcript()));
    let words = list.trim_end_matches('.').split(", ");
    words.map(str::to_owned).collect()
}

#[test]
fn verifier_and_provisioner_in_a_step_mean_what_they_mean_in_the_file() {
    for (key, action) in [("verifier", "verify"), ("provisioner", "converge")] {
        for value in ["{fail: true}", "{name: dummy, fail: true}"] {
            let steps = format!("  - converge a\n  - step: {action} a\n    {key}: {value}\n");
            let code = if action == "verify" { 10 } else { 11 };
            with(&steps).kitchen("test").exits(code);
            let steps = steps.replace(&format!("{key}:"), &format!("{key}_config:"));
            with(&steps).kitchen("test").exits(code);
        }
    }
    // A name alone is another plugin, with nothing of the settings of the first.
    let steps = "  - converge a\n  - step: verify a\n    verifier: shell\n";
    let project = with(steps);
    let text = project.read("kitchen.yml");
    let text = text.replace("verifier: dummy\n", "verifier: {name: dummy, fail: true}\n");
    project.write("kitchen.yml", &text);
    // Another plugin, which has no command.
    let ran = project.kitchen("test").exits(10);
    ran.complains("no test was run: shell told of none");
}

#[test]
fn the_transport_of_a_step_is_used_for_that_step() {
    let steps =
        "  - create a\n  - step: exec a\n    command: 'true'\n    transport: {fail: true}\n";
    let project = with(steps);
    let ran = project.kitchen("test");
    assert_ne!(ran.code, Some(0), "{}", ran.transcript());
    project.write(
        "kitchen.yml",
        &project
            .read("kitchen.yml")
            .replace("fail: true", "sleep: 0"),
    );
    project.kitchen("test").succeeds();
}

#[test]
fn a_step_with_both_spellings_of_its_plugin_is_refused() {
    refuses("  - step: verify a\n    verifier: {fail: true}\n    verifier_config: {fail: true}\n")
        .prints("both `verifier` and `verifier_config` in a step")
        .prints("kitchen.yml:12:5");
}

#[test]
fn a_key_that_neither_the_action_nor_its_plugin_reads_is_an_error() {
    for (step, told, help) in [
        (
            "verify a\n    fial: true",
            "verifier dummy does not know the key `fial`",
            "`fail`",
        ),
        (
            "verify a\n    retires: 3",
            "nor is it an option of a `verify` step",
            "`retries`",
        ),
        (
            "verify a\n    verifier: {fial: true}",
            "verifier dummy does not know the key `fial`",
            "`fail`",
        ),
        (
            "verify a\n    verifier: {name: shell, comand: 'false'}",
            "verifier shell does not know the key `comand`",
            "`command`",
        ),
        (
            "converge a\n    provisioner_config: {fial: true}",
            "provisioner dummy does not know the key `fial`",
            "`fail`",
        ),
        (
            "exec a\n    command: x\n    enviroment: {A: b}",
            "nor is it an option of a `exec` step",
            "`environment`",
        ),
        (
            "exec a\n    comand: x",
            "does not know the key `comand`",
            "`command`",
        ),
        (
            "run\n    command: x\n    cmd: x",
            "`cmd` has no effect on a `run` step",
            "`cwd`",
        ),
        (
            "wait a\n    port: 80\n    intervall: 1s",
            "nor is it an option of a `wait` step",
            "`interval`",
        ),
        (
            "kill a\n    fro: 5s",
            "`fro` has no effect on a `kill` step",
            "`for`",
        ),
        (
            "drop a\n    percnt: 30",
            "`percnt` has no effect on a `drop` step",
            "`percent`",
        ),
        (
            "delay a\n    by: 1s\n    jiter: 1s",
            "`jiter` has no effect on a `delay` step",
            "`jitter`",
        ),
    ] {
        refuses(&format!(
            "  - converge a\n  - converge b\n  - step: {step}\n"
        ))
        .prints(told)
        .prints(&format!("Did you mean {help}?"))
        .prints("kitchen.yml:1");
    }
    for (block, key) in [
        ("concurrent: [converge a]\n    timout: 1s", "`timeout`"),
        (
            "heartbeat: {exec: 'true', count: 1, max_outge: 1s}",
            "`max_outage`",
        ),
        (
            "heartbeat: {exec: 'true', count: 1}\n    timout: 1s",
            "`timeout`",
        ),
        ("chaos: {faults: [kill], for: 1s, evry: 1s}", "`every`"),
        (
            "rolling: {step: converge a, max_unavailble: 1}",
            "`max_unavailable`",
        ),
        ("rolling: {step: converge a}\n    retires: 1", "`retries`"),
    ] {
        refuses(&format!(
            "  - {{concurrent: [converge a, converge b]}}\n  - {block}\n"
        ))
        .prints(&format!("Did you mean {key}?"));
    }
}

#[test]
fn the_keys_that_are_told_are_those_of_the_action_and_its_plugin_each_once() {
    let known = |step: &str| {
        known(&refuses(&format!(
            "  - converge a\n  - converge b\n  - {step}\n"
        )))
    };
    let has = |list: &[String], key: &str| list.iter().any(|it| it == key);
    let verify = known("{step: verify a, qqqqqqqq: 1}");
    let mut once = verify.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), verify.len(), "{verify:?}");
    for key in [
        "verifier",
        "verifier_config",
        "retries",
        "name",
        "cases",
        "fail_times",
    ] {
        assert!(has(&verify, key), "{key}: {verify:?}");
    }
    for key in ["idempotent", "step", "command", "provisioner", "by"] {
        assert!(!has(&verify, key), "{key}: {verify:?}");
    }
    let kill = known("{step: kill a, qqqqqqqq: 1}");
    assert!(
        has(&kill, "for") && !has(&kill, "by") && !has(&kill, "idempotent"),
        "{kill:?}"
    );
    let delay = known("{step: delay a, by: 1s, qqqqqqqq: 1}");
    for key in ["by", "jitter", "for"] {
        assert!(has(&delay, key), "{key}: {delay:?}");
    }
    let partition = known("{step: 'partition a | b', qqqqqqqq: 1}");
    assert!(
        has(&partition, "for") && !has(&partition, "percent"),
        "{partition:?}"
    );
}

#[test]
fn an_unknown_key_of_a_multisuite_is_an_error() {
    let project = with("  - converge a\n");
    let text = project.read("kitchen.yml");
    for (key, told) in [
        ("include: [host]", "unknown key `include` of a multisuite"),
        ("create: {retires: 1}", "unknown key `retires` in `create`"),
    ] {
        let text = text.replace(
            "  includes: [host]",
            &format!("  includes: [host]\n  {key}"),
        );
        project.write("kitchen.yml", &text);
        project
            .kitchen("validate")
            .exits(3)
            .prints(told)
            .prints("kitchen.yml:10:");
        project.kitchen("test").exits(3);
    }
}

#[test]
fn the_variables_of_exec_reach_its_command() {
    let text = "driver: exec
transport: exec
platforms: [{name: host}]
suites: [{name: a}]
multisuites:
- name: one
  steps:
  - create a
  - step: exec a
    command: test \"$WHO $SUITE\" = \"me 'quoted' a\"
    environment: {WHO: \"me 'quoted'\", SUITE: '{{suite.name}}'}
";
    let text = text.replace("{{suite.name}}", "{{peers.a.suite}}");
    let project = Project::new().file("kitchen.yml", &text);
    project.kitchen("test").succeeds();
    project.write("kitchen.yml", &text.replace("WHO: ", "OTHER: "));
    project.kitchen("test").exits(10);
}

#[test]
fn includes_and_excludes_that_name_no_platform_are_refused() {
    for (key, value, help) in [
        ("includes", "[hst]", "Did you mean `host`?"),
        ("excludes", "hst", "Did you mean `host`?"),
        ("includes", "/^zz/", "Known are: host, other."),
    ] {
        let project = with("  - converge a\n");
        let text = project.read("kitchen.yml");
        let text = text.replace("includes: [host]", &format!("{key}: {value}"));
        project.write("kitchen.yml", &text);
        project
            .kitchen("validate")
            .exits(3)
            .prints("names no platform")
            .prints(&format!("in `{key}`"))
            .prints(help)
            .prints("kitchen.yml:9:");
        project
            .kitchen("test")
            .exits(3)
            .complains("names no platform");
        assert!(!project.has("journal"));
        project.kitchen("list").succeeds();
        project.kitchen("destroy").succeeds();
    }
    let steps = "  - converge a\n  - {step: verify a, includes: [hots]}\n";
    refuses(steps).prints("`hots` in `includes` names no platform");
}

#[test]
fn a_multisuite_that_comes_to_nothing_on_every_platform_is_refused() {
    refuses("  - {step: converge a, includes: [other]}\n")
        .prints("the multisuite `pair` comes to nothing on every platform")
        .prints("kitchen.yml:8:9");
}

const SLOW: &str = "driver: exec
transport: exec
provisioner: dummy
verifier: dummy
platforms: [{name: host}]
suites: [{name: a}]
kitchen: {step_timeout: 300ms}
multisuites:
- name: one
  steps:
  - create a
";

#[test]
fn the_limit_of_all_steps_ends_a_step_and_says_where_it_is_set() {
    for step in [
        "{step: converge a, sleep: 60}",
        "{step: run, command: sleep 60}",
        "{step: exec a, command: sleep 60}",
        "{step: wait a, file: /nonesuch}",
        "{steps: [sleep 60s]}",
    ] {
        let project = Project::new().file("kitchen.yml", &format!("{SLOW}  - {step}\n"));
        project
            .kitchen("test")
            .exits(21)
            .complains("300ms (`kitchen: {step_timeout}`, kitchen.yml:7:25)");
    }
    // Its own limit beats it, and is told where that one strikes.
    let step = "{step: run, command: sleep 0.5, timeout: 60s}";
    let project = Project::new().file("kitchen.yml", &format!("{SLOW}  - {step}\n"));
    project.kitchen("test").succeeds();
    let step = "{step: run, command: sleep 60, timeout: 100ms}";
    let project = Project::new().file("kitchen.yml", &format!("{SLOW}  - {step}\n"));
    project
        .kitchen("test")
        .exits(21)
        .complains("100ms (`timeout`, kitchen.yml:12:45)");
    // A block may take longer than one of its steps.
    let step = "{steps: [sleep 200ms, sleep 200ms]}";
    let project = Project::new().file("kitchen.yml", &format!("{SLOW}  - {step}\n"));
    project.kitchen("test").succeeds();
}

#[test]
fn a_limit_of_all_steps_that_is_none_is_refused() {
    for value in ["soon", "0", "[1]"] {
        let text = SLOW.replace("300ms", value);
        let project = Project::new().file("kitchen.yml", &text);
        project
            .kitchen("validate")
            .exits(3)
            .prints("`step_timeout` must be a length of time above 0")
            .prints("kitchen.yml:7:25");
    }
    let text = SLOW.replace("step_timeout", "step_timeot");
    let project = Project::new().file("kitchen.yml", &text);
    let validate = project.kitchen("validate").succeeds();
    validate.prints("Did you mean `step_timeout`?");
}

/// A cluster of `a` with this line of settings, these steps, and all that is made noted.
fn cluster(settings: &str, steps: &str) -> Project {
    let head = "driver: {name: dummy, journal: journal}\ntransport: dummy\nverifier: dummy\n";
    let rest =
        "platforms: [{name: host}]\nsuites: [{name: a}]\nmultisuites:\n- name: one\n  steps:\n";
    Project::new().file("kitchen.yml", &format!("{head}{settings}\n{rest}{steps}"))
}

#[test]
fn a_plugin_that_is_not_there_is_refused_before_anything_is_made() {
    for (settings, told) in [
        (
            "driver: dumy",
            "there is no driver \"dumy\": did you mean \"dummy\"?",
        ),
        (
            "provisioner: shel",
            "there is no provisioner \"shel\": did you mean \"shell\"?",
        ),
        (
            "verifier: shel",
            "there is no verifier \"shel\": did you mean \"shell\"?",
        ),
        (
            "transport: dumy",
            "there is no transport \"dumy\": did you mean \"dummy\"?",
        ),
    ] {
        let (key, _) = settings.split_once(':').expect("a key");
        let steps = "  - converge a\n  - verify a\n";
        let project = cluster("provisioner: dummy", steps);
        let text = project.read("kitchen.yml");
        let line = text
            .lines()
            .find(|line| line.starts_with(key))
            .expect("a line");
        project.write("kitchen.yml", &text.replace(line, settings));
        project
            .kitchen("validate")
            .exits(3)
            .prints(told)
            .prints("kitchen.yml:");
        for command in ["test", "create", "converge"] {
            project.kitchen(command).exits(3).complains(told);
        }
        assert!(!project.has("journal"), "{settings}");
        project.kitchen("list").succeeds();
        // For an instance of no cluster as well.
        let text = project.read("kitchen.yml");
        let (plain, _) = text.split_once("multisuites:").expect("a cluster");
        project.write("kitchen.yml", plain);
        project
            .kitchen("validate")
            .exits(3)
            .prints(told)
            .prints("kitchen.yml:");
    }
    let project = cluster(
        "provisioner: dummy",
        "  - converge a\n  - {step: verify a, verifier: shel}\n",
    );
    let told = "there is no verifier \"shel\": did you mean \"shell\"?";
    project
        .kitchen("validate")
        .exits(3)
        .prints(told)
        .prints("kitchen.yml:11:");
    project.kitchen("test").exits(3).complains(told);
    assert!(!project.has("journal"));
}

#[test]
fn the_path_is_not_printed_for_a_plugin_that_is_missing() {
    let steps = "  - converge a\n  - verify a\n";
    let project =
        cluster("provisioner: nonesuch", steps).env("PATH", "/usr/bin:/bin:/opt/of-the-path");
    for command in ["validate", "test"] {
        let ran = project.kitchen(command).exits(3);
        let transcript = ran.transcript();
        assert!(transcript.contains("of the PATH"), "{transcript}");
        assert!(!transcript.contains("/opt/of-the-path"), "{transcript}");
    }
}

#[test]
fn a_script_that_is_missing_is_refused_in_a_cluster_and_doubted_elsewhere() {
    let missing = "scripts/setup.sh: no such file";
    let shell = "provisioner: {name: shell, script: scripts/setup.sh}";
    let project = cluster(shell, "  - converge a\n");
    let validate = project.kitchen("validate").exits(3);
    validate.prints(missing).prints("kitchen.yml:4:36");
    for command in ["test", "create", "converge", "plan"] {
        project.kitchen(command).exits(3).complains(missing);
    }
    assert!(!project.has("journal"), "nothing was made");
    project.kitchen("list").succeeds();
    project.kitchen("diagnose").succeeds();
    project.kitchen("destroy").succeeds();
    // What runs before may make it.
    for (more, steps) in [
        (
            "",
            "  - {step: run, command: make scripts}\n  - converge a\n",
        ),
        (
            "",
            "  - concurrent: [converge a, {step: run, command: make scripts}]\n",
        ),
        (
            "\nlifecycle: {pre_converge: make scripts}",
            "  - converge a\n",
        ),
        (
            "\nlifecycle: {post_create: [{local: make scripts}]}",
            "  - converge a\n",
        ),
    ] {
        let project = cluster(&format!("{shell}{more}"), steps);
        let validate = project.kitchen("validate").succeeds();
        validate.prints(missing).prints("0 errors, 1 warning");
    }
    // What runs later or elsewhere cannot.
    for (more, steps) in [
        (
            "",
            "  - converge a\n  - {step: run, command: make scripts}\n",
        ),
        (
            "\nlifecycle: {post_verify: make scripts}",
            "  - converge a\n  - verify a\n",
        ),
        (
            "\nlifecycle: {pre_converge: {remote: make scripts}}",
            "  - converge a\n",
        ),
    ] {
        let project = cluster(&format!("{shell}{more}"), steps);
        project.kitchen("validate").exits(3).prints(missing);
    }
    let text = project.read("kitchen.yml");
    let (plain, _) = text.split_once("multisuites:").expect("a cluster");
    project.write("kitchen.yml", plain);
    project
        .kitchen("validate")
        .succeeds()
        .prints(missing)
        .prints("1 warning");
    project.kitchen("create").succeeds();
    project.kitchen("converge").exits(3);
}

#[test]
fn what_plugins_need_of_the_project_is_looked_for_before_a_machine_is_made() {
    for (settings, step, key) in [
        (
            "provisioner: {name: shell, command: x, uploads: {gone: /tmp}}",
            "converge a",
            "gone",
        ),
        (
            "provisioner: {name: shell, data_path: gone}",
            "converge a",
            "gone",
        ),
        (
            "provisioner: {name: ansible_playbook, playbook: gone.yml}",
            "converge a",
            "gone.yml",
        ),
        (
            "provisioner: ansible_push",
            "converge a",
            "no playbook is set",
        ),
        (
            "provisioner: {name: puppet_apply, manifests_path: gone}",
            "converge a",
            "gone",
        ),
        (
            "provisioner: {name: salt_solo, formula: gone}",
            "converge a",
            "formula gone",
        ),
        (
            "provisioner: {name: chef_infra, policyfile_path: gone.rb}",
            "converge a",
            "gone.rb",
        ),
        (
            "provisioner: {name: chef_infra, data_bags_path: gone}",
            "converge a",
            "gone",
        ),
        (
            "provisioner: dummy",
            "{step: verify a, verifier: {name: bats, tests: [gone]}}",
            "gone",
        ),
        (
            "provisioner: dummy",
            "{step: verify a, verifier: {name: testinfra, tests: [gone]}}",
            "gone",
        ),
        (
            "provisioner: dummy",
            "{step: verify a, verifier: {name: inspec, inspec_tests: [{path: gone}]}}",
            "gone",
        ),
    ] {
        let project = cluster(settings, &format!("  - create a\n  - {step}\n"));
        let validate = project.kitchen("validate").exits(3);
        validate.prints(key).prints("kitchen.yml:");
        project.kitchen("test").exits(3).complains(key);
        assert!(!project.has("journal"), "{settings} {step}");
    }
}

#[test]
fn a_step_that_is_done_on_no_platform_is_refused() {
    let project = Project::new().file(
        "kitchen.yml",
        "driver: dummy\nprovisioner: dummy\nverifier: dummy\nplatforms: [{name: x}, {name: y}]\n\
         suites: [{name: a}]\nmultisuites:\n- name: app\n  includes: [x]\n  steps:\n  - converge a\n  \
         - {step: verify a, includes: [y]}\n",
    );
    let validate = project.kitchen("validate").exits(3);
    validate.prints("this step is done on no platform");
    project.kitchen("test").exits(3);
}
