//! What is known to fail before a machine is made: paths of the workstation that are missing, values
//! of wrong types, members that are gone, checks that are lost. Refused with the place.

use crate::support::{Project, Ran};

/// A cluster of `a` and `b` with these lines of settings and these steps, and all that is made noted.
fn cluster(settings: &str, steps: &str) -> Project {
    let usual = [
        "driver: {name: dummy, journal: journal}",
        "transport: dummy",
        "provisioner: dummy",
        "verifier: dummy",
    ];
    let given = |line: &&&str| {
        let (key, _) = line.split_once(':').expect("a key");
        !settings
            .lines()
            .any(|it| it.starts_with(&format!("{key}:")))
    };
    let head: Vec<&str> = usual.iter().filter(given).copied().collect();
    let head = head.join("\n");
    Project::new().file(
        "kitchen.yml",
        &format!(
            "{head}\n{settings}\nplatforms: [{{name: host}}]\nsuites: [{{name: a}}, {{name: b}}]\n\
             multisuites:\n- name: two\n  steps:\n  - {{concurrent: [create a, create b]}}\n{steps}"
        ),
    )
}

/// `validate` and `test` refuse it with the place, and nothing is made.
fn refused(project: &Project, told: &str) -> Ran {
    project.kitchen("test").exits(3).complains(told);
    assert!(!project.has("journal"), "something was made: {told}");
    let validate = project.kitchen("validate").exits(3);
    validate.prints(told).prints("kitchen.yml:")
}

/// As an instance of no cluster it is only doubted.
fn doubted_alone(project: &Project, told: &str) {
    let text = project.read("kitchen.yml");
    let (plain, _) = text.split_once("multisuites:").expect("a cluster");
    project.write("kitchen.yml", plain);
    let validate = project.kitchen("validate").succeeds();
    validate.prints(told).prints("0 errors");
}

#[test]
fn a_path_of_a_plugin_that_is_missing_is_refused_in_a_cluster_and_doubted_elsewhere() {
    for (settings, step, told) in [
        (
            "verifier: {name: shell, shellout_opts: {cwd: gone}}",
            "verify a",
            "gone: no such directory",
        ),
        (
            "verifier: {name: shell, command: ./gone.sh -v}",
            "verify a",
            "gone.sh: no such file",
        ),
        (
            "verifier: {name: inspec, inspec_tests: [gone/profile]}",
            "verify a",
            "gone/profile: no such file",
        ),
        (
            "verifier: {name: inspec, inspec_tests: 'https://localhost/x', waiver_files: [gone.yml]}",
            "verify a",
            "gone.yml: no such file",
        ),
        (
            "verifier: {name: testinfra, pytest: bin/gone}",
            "verify a",
            "bin/gone: no such file",
        ),
        (
            "verifier: {name: bats, uploads: {gone: /tmp}}",
            "verify a",
            "gone: no such file",
        ),
        (
            "verifier: {name: serverspec, gemfile: gone/Gemfile}",
            "verify a",
            "gone/Gemfile: no such file",
        ),
        (
            "provisioner: {name: external, command: ./gone --x}",
            "converge a",
            "gone: no such file",
        ),
        (
            "provisioner: {name: puppet_apply, manifests_path: ., hiera_config_path: gone.yaml}",
            "converge a",
            "gone.yaml: no such file",
        ),
        (
            "provisioner: {name: salt_solo, is_file_root: true, pillars_from_files: {top.sls: gone.sls}}",
            "converge a",
            "gone.sls: no such file",
        ),
    ] {
        let project = cluster(settings, &format!("  - {step}\n"));
        refused(&project, told);
        doubted_alone(&project, told);
    }
    let docker = "driver: {name: docker, dockerfile: gone/Dockerfile, build_context: none}";
    let project = cluster(docker, "");
    refused(&project, "gone/Dockerfile: no such file").prints("none: no such directory");
    let ssh = "transport: {name: ssh, ssh_key: keys/gone}";
    let project = cluster(ssh, "  - converge a\n");
    // The path of a key may be masked.
    refused(&project, ": no such file");
    // What runs on the machine, is an address, or is the user's own is not looked for.
    for settings in [
        "verifier: {name: shell, remote_exec: true, command: ./gone.sh}",
        "verifier: {name: shell, command: ./gone.sh || true}",
        "verifier: {name: shell, command: /opt/gone/x}",
        "transport: {name: ssh, ssh_key: ~/.ssh/gone}",
    ] {
        let project = cluster(settings, "  - converge a\n");
        project.kitchen("validate").succeeds();
    }
}

#[test]
fn the_directory_and_the_program_of_run_are_looked_for() {
    for (step, told) in [
        ("command: 'true', cwd: gone", "`cwd` of `run`:"),
        ("command: ./gone.sh x", "`command` of `run`:"),
        (
            "command: A=b tests/gone && true",
            "tests/gone: no such file",
        ),
    ] {
        let project = cluster("", &format!("  - {{step: run, {step}}}\n"));
        refused(&project, told).prints("kitchen.yml:12:");
    }
    let project = cluster("", "  - {step: run, command: ./here.sh, cwd: sub}\n");
    let project = project.script("sub/here.sh", "#!/bin/sh\n");
    project.kitchen("validate").succeeds();
    project.kitchen("test").succeeds();
    // An earlier step may make it; one whose own program is missing makes nothing.
    let made = "  - {step: run, command: 'mkdir -p sub && touch sub/made'}\n";
    let uses = "  - {step: run, command: test -f made, cwd: sub}\n";
    let project = cluster("", &format!("{made}{uses}"));
    let validate = project.kitchen("validate").succeeds();
    validate
        .prints("sub: no such directory")
        .prints("0 errors, 1 warning");
    project.kitchen("test").succeeds();
    let project = cluster(
        "",
        &format!("  - {{step: run, command: ./gone.sh}}\n{uses}"),
    );
    refused(&project, "gone.sh: no such file").prints("sub: no such directory");
}

#[test]
fn the_program_of_a_hook_is_looked_for() {
    for (hook, told) in [
        ("pre_converge: ./gone.sh", "hook pre_converge"),
        (
            "post_create: [{local: bin/gone.sh a}]",
            "bin/gone.sh: no such file",
        ),
        (
            "pre_create: {local: make, cwd: gone}",
            "gone: no such directory",
        ),
    ] {
        let project = cluster(&format!("lifecycle: {{{hook}}}"), "  - converge a\n");
        refused(&project, told).prints("kitchen.yml:5:");
        doubted_alone(&project, told);
    }
    for hook in [
        "pre_converge: {remote: ./gone.sh}",
        "pre_converge: {local: ./gone.sh, excludes: [host]}",
        "pre_verify: ./gone.sh",
    ] {
        let project = cluster(&format!("lifecycle: {{{hook}}}"), "  - converge a\n");
        project.kitchen("validate").succeeds().prints("is valid");
    }
    // What an earlier one may make is doubted.
    let hooks = "lifecycle: {pre_create: touch made.sh, pre_converge: ./made.sh}";
    let validate = cluster(hooks, "  - converge a\n").kitchen("validate");
    validate
        .succeeds()
        .prints("made.sh: no such file")
        .prints("0 errors, 1 warning");
}

#[test]
fn settings_of_wrong_types_are_refused_before_a_machine_is_made() {
    for (settings, step, told) in [
        (
            "driver: {name: dummy, journal: [journal]}",
            "create a",
            "`journal`: expected a path",
        ),
        (
            "driver: {name: docker, privileged: maybe}",
            "create a",
            "`privileged`: expected true or",
        ),
        (
            "driver: {name: docker, ports: [many]}",
            "create a",
            "driver docker",
        ),
        (
            "transport: {name: ssh, port: many}",
            "converge a",
            "`many` is no port",
        ),
        (
            "transport: {name: dummy, sleep: soon}",
            "exec",
            "no number of seconds",
        ),
        (
            "provisioner: {name: shell, command: x, sudo: 5}",
            "converge a",
            "`sudo`: expected true",
        ),
        (
            "provisioner: {name: dummy, max_retries: no}",
            "converge a",
            "max_retries",
        ),
        (
            "verifier: {name: shell, sleep: [1], tap: 3}",
            "verify a",
            "`tap`: expected true or false",
        ),
        (
            "verifier: {name: dummy, timeout: soon}",
            "verify a",
            "timeout",
        ),
        (
            "provisioner: {name: dummy}",
            "wrong",
            "`sudo`: expected true or false",
        ),
    ] {
        let step = match step {
            "exec" => "{step: exec a, command: 'true'}",
            "wrong" => "{step: converge a, provisioner: {name: shell, command: x, sudo: 5}}",
            step => step,
        };
        let project = cluster(settings, &format!("  - {step}\n"));
        refused(&project, told);
    }
    // All of them at once, and also of an instance of no cluster.
    let both = "verifier: {name: shell, sleep: [1], tap: 3}";
    let project = cluster(both, "  - verify a\n");
    refused(&project, "`tap`: expected").prints("no number of seconds");
    let text = project.read("kitchen.yml");
    let (plain, _) = text.split_once("multisuites:").expect("a cluster");
    project.write("kitchen.yml", plain);
    project
        .kitchen("validate")
        .exits(3)
        .prints("`tap`: expected");
    project
        .kitchen("test a")
        .exits(3)
        .complains("`tap`: expected");
    assert!(!project.has("journal"));
    // An expression may become anything.
    let open = "provisioner: {name: shell, command: x, max_retries: '{{peers.a.suite}}'}";
    let project = cluster(open, "  - converge a\n");
    project.kitchen("validate").succeeds();
}

#[test]
fn a_member_that_is_gone_is_not_used() {
    for (steps, told) in [
        (
            "  - {step: exec b, command: 'true'}\n",
            "acts on b, which was destroyed before",
        ),
        ("  - verify b\n", "acts on b"),
        ("  - converge b\n", "acts on b"),
        ("  - {step: wait b, port: 80}\n", "acts on b"),
        (
            "  - {step: exec a, command: 'ping {{peers.b.address}}'}\n",
            "and b was destroyed before",
        ),
        (
            "  - {step: run, command: 'ping {{peers.[b].suite}}'}\n",
            "names `{{peers.[b].suite}}`",
        ),
        (
            "  - {step: verify a, verifier: {name: shell, command: 'x {{peers.b.suite}}'}}\n",
            "names",
        ),
        ("  - steps: [sleep 1ms, verify b]\n", "acts on b"),
        ("  - concurrent: [converge a, converge b]\n", "acts on b"),
    ] {
        let project = cluster("", &format!("  - destroy b\n{steps}"));
        refused(&project, told)
            .prints("Put `create b` before it")
            .prints("kitchen.yml:12:");
    }
    let shell = "provisioner: {name: shell, command: 'echo {{peers.b.suite}}'}";
    let project = cluster(shell, "  - destroy b\n  - converge a\n");
    refused(&project, "`converge a` names `{{peers.b.suite}}`");
    for steps in [
        "  - destroy b\n  - create b\n  - verify b\n",
        "  - destroy b\n  - {step: run, command: 'echo {{#if peers.b}}{{peers.b.suite}}{{/if}}'}\n",
        "  - verify b\n  - destroy b\n  - verify a\n",
        "  - concurrent: [destroy b, verify a]\n",
        "  - {step: destroy b, excludes: [host]}\n  - verify b\n",
    ] {
        let project = cluster("", steps);
        let validate = project.kitchen("validate");
        assert!(
            !validate.out.contains("was destroyed before"),
            "{}",
            validate.transcript()
        );
    }
}

#[test]
fn a_member_that_is_not_created_yet_is_not_named() {
    let text = cluster("", "").read("kitchen.yml");
    let (head, _) = text.split_once("  - {concurrent").expect("the first step");
    let steps = "  - {step: exec a, command: 'ping {{peers.b.suite}}'}\n  - create b\n";
    let project = cluster("", "");
    project.write("kitchen.yml", &format!("{head}{steps}"));
    refused(&project, "and b is not created before");
}

#[test]
fn member_outside_of_rolling_is_refused() {
    let step = "  - {step: exec a, command: 'echo {{member.address}}'}\n";
    let project = cluster("", step);
    refused(&project, "`member` is known in `rolling` alone").prints("kitchen.yml:12:");
    for step in [
        "  - rolling: {step: exec a, command: 'echo {{member.suite}}'}\n",
        "  - {step: exec a, command: 'echo {{ member.id }} {{ member }}'}\n",
    ] {
        cluster("", step).kitchen("validate").succeeds();
    }
    // A setting that only turns of `rolling` read.
    let shell = "provisioner: {name: shell, command: 'echo {{member.suite}}'}";
    let project = cluster(shell, "  - rolling: {step: 'converge *'}\n");
    project.kitchen("validate").succeeds();
    project.write(
        "kitchen.yml",
        &format!("{}  - converge a\n", project.read("kitchen.yml")),
    );
    refused(&project, "`member` is known in `rolling` alone");
}

#[test]
fn a_key_that_is_given_twice_in_a_multisuite_is_an_error() {
    for steps in [
        "  - step: verify a\n    fail: true\n    fail: false\n",
        "  - step: exec a\n    command: x\n    expect: {exit_code: 1, exit_code: 0}\n",
        "  name: three\n",
    ] {
        let project = cluster("", steps);
        refused(&project, "is given twice").prints("first given here");
    }
    // Also where the step is written elsewhere.
    let anchor = "x-step: &check {step: verify a, fail: true, fail: false}";
    let project = cluster(anchor, "  - *check\n");
    refused(&project, "the key `fail` is given twice");
    let twice = "kitchen: {step_timeout: 1s, step_timeout: 2s}";
    let project = cluster(twice, "  - converge a\n");
    let validate = project.kitchen("validate").succeeds();
    validate.prints("the key `step_timeout` is given twice");
}

#[test]
fn a_hidden_directory_of_tests_is_told_as_such() {
    for name in [".hidden", "deep/.hidden"] {
        let steps = format!("  - {{step: verify a, tests_dir: {name}}}\n");
        let project = cluster("", &steps);
        let project = project.file(&format!("test/integration/{name}/x.bats"), "@test x {\n}\n");
        refused(
            &project,
            "begins with a dot, and what does so holds no tests",
        );
    }
}

#[test]
fn a_setting_that_is_the_kitchens_own_is_told_to_be_without_effect() {
    let text = "driver: dummy
verifier: {name: dummy, log_level: debug}
platforms: [{name: host, driver: {kitchen_root: /tmp}}]
suites: [{name: a, verifier: {test_base_path: tests}}]
";
    let project = Project::new().file("kitchen.yml", text);
    let validate = project.kitchen("validate").succeeds();
    validate
        .prints("`test_base_path` in `verifier` has no effect")
        .prints("kitchen.yml:4:")
        .prints("write `kitchen: {test_base_path: DIRECTORY}` at the top")
        .prints("`log_level` in `verifier` has no effect")
        .prints("`kitchen_root` in `driver` has no effect")
        .prints("0 errors, 3 warnings");
    project
        .kitchen("list")
        .succeeds()
        .complains("`test_base_path` in `verifier` has no effect");
    project.kitchen("validate --strict").exits(3);
}

/// What plugins in other processes say of their settings, by `paths` and by their schema.
#[cfg(target_os = "linux")]
#[test]
fn settings_of_plugins_in_other_processes_are_looked_at() {
    use crate::support::needs;

    if !needs("python3") {
        return;
    }
    for (written, wrong, told) in [
        (
            "name: make ",
            "directory: gone\n  name: make ",
            "gone: no such directory",
        ),
        (
            "name: make ",
            "target: [all]\n  name: make ",
            "`target`: expected a text, found a list",
        ),
        (
            "port: 8080",
            "port: many",
            "`port`: expected a whole number",
        ),
    ] {
        let project = Project::copy_of("fixtures/plugins");
        let text = project.read("kitchen.yml");
        assert!(text.contains(written), "{written}");
        project.write("kitchen.yml", &text.replacen(written, wrong, 1));
        project.kitchen("test").exits(3).complains(told);
        assert!(!project.has(".kitchen/site"), "something was made: {told}");
        let validate = project.kitchen("validate").exits(3);
        validate.prints(told).prints("kitchen.yml:");
    }
    Project::copy_of("fixtures/plugins")
        .kitchen("validate")
        .succeeds();
}
