//! What the user's values and commands know: expressions among the braces of other tools, facts of
//! members in every place that tells them, and the kitchen that commands of the workstation find.

use crate::support::{Project, needs};

/// A cluster of `a` and `b` that is machines in name only, and `alone` beside it.
const DUMMIES: &str = "driver: {name: dummy, journal: journal}
transport: dummy
provisioner: {name: dummy, journal: journal}
verifier: {name: shell, command: 'true'}
platforms: [{name: host}]
";

/// A cluster whose members are the workstation itself, where commands can look around.
const WORKSTATION: &str = "driver: exec
provisioner: {name: shell, command: 'true'}
verifier: {name: shell, command: 'true'}
platforms: [{name: host}]
suites: [{name: a, roles: [web]}, {name: b, roles: [web]}]
multisuites:
- name: pair
  steps:
";

fn pair(steps: &str) -> Project {
    let text = format!(
        "{DUMMIES}suites: [{{name: a, roles: [web]}}, {{name: b}}]\nmultisuites:\n- name: pair\n  steps:\n{steps}"
    );
    Project::new().file("kitchen.yml", &text)
}

fn workstation(steps: &str) -> Project {
    Project::new().file("kitchen.yml", &format!("{WORKSTATION}{steps}"))
}

#[test]
fn braces_of_other_tools_reach_them_as_they_are() {
    let command = "printf '%s|' \"{{ ansible_facts['distribution'] }}\" '{{.State.Status}}' '{{ platform }}' '{{ grains[1] }}' '\\{{ x }}'";
    let text = format!(
        "{DUMMIES}suites:\n- name: a\n  verifier:\n    command: |\n      {{ {command} '{{{{peers.b.instance}}}}' '\\{{{{peers.b.instance}}}}'; }} > $KITCHEN_SUITE_NAME\n\
         - name: b\n- name: alone\n  verifier:\n    command: |\n      {{ {command} '{{{{suite.name}}}}'; }} > $KITCHEN_SUITE_NAME\n\
         multisuites:\n- name: pair\n  steps:\n  - verify a\n  - converge b\n  - step: run\n    command: |\n      {{ {command} '{{{{cluster.name}}}}'; }} > workstation\n",
    );
    let project = Project::new().file("kitchen.yml", &text);
    project.kitchen("validate").succeeds();
    project.kitchen("test").succeeds();
    project.kitchen("test alone").succeeds();
    let others = "{{ ansible_facts['distribution'] }}|{{.State.Status}}|{{ platform }}|{{ grains[1] }}|\\{{ x }}|";
    assert_eq!(
        project.read("a"),
        format!("{others}b-host|{{{{peers.b.instance}}}}|")
    );
    assert_eq!(project.read("alone"), format!("{others}alone|"));
    assert_eq!(project.read("workstation"), format!("{others}pair-host|"));
}

/// Where a value may stand in which expressions count, `EXPRESSION` in it.
const PLACES: [&str; 13] = [
    "  - step: run\n    command: ping EXPRESSION\n",
    "  - step: run\n    command: 'true'\n    environment: {A: \"x EXPRESSION\"}\n",
    "  - step: exec b\n    command: ping EXPRESSION\n",
    "  - step: exec b\n    command: 'true'\n    expect: {contains: \"EXPRESSION\"}\n",
    "  - step: exec b\n    command: 'true'\n    expect: {matches: \"EXPRESSION\"}\n",
    "  - step: wait b\n    command: ping EXPRESSION\n",
    "  - step: wait b\n    http: \"http://EXPRESSION/\"\n",
    "  - step: wait b\n    http: {url: /, body: \"EXPRESSION\"}\n",
    "  - step: wait b\n    log: {file: /x, matches: \"EXPRESSION\"}\n",
    "  - during:\n      heartbeat: {http: \"http://EXPRESSION/\", every: 1s}\n    steps:\n    - converge b\n",
    "  - heartbeat: {exec: \"ping EXPRESSION\", count: 1}\n",
    "  - step: verify b\n    command: ping EXPRESSION\n",
    "  - rolling: {step: verify b, wait: {command: \"ping EXPRESSION\"}}\n",
];

#[track_caller]
fn refused(project: &Project, line: usize, reason: &str, help: &str) {
    let place = format!("kitchen.yml:{line}:");
    for command in ["validate", "test --destroy=always", "plan"] {
        let ran = project.kitchen(command);
        let said = ran.transcript();
        if command == "plan" {
            assert!(said.contains(reason), "{said}");
            continue;
        }
        assert_eq!(ran.code, Some(3), "{said}");
        for part in [&place, reason, help] {
            assert!(said.contains(part), "{part} in {said}");
        }
    }
    assert!(!project.has("journal"), "a machine was made");
    assert!(!project.has(".kitchen/b-host.yml"), "a machine was made");
}

#[test]
fn a_member_that_is_not_there_is_refused_before_a_machine_is_made() {
    for place in PLACES {
        let steps = format!(
            "  - converge a\n  - converge b\n{}",
            place.replace("EXPRESSION", "{{peers.bb.address}}")
        );
        let line = 10
            + steps
                .lines()
                .position(|it| it.contains("{{"))
                .expect("it is there");
        refused(
            &pair(&steps),
            line,
            "`{{peers.bb.address}}`: the cluster has no member `bb`",
            "Did you mean `b`?",
        );
    }
}

#[test]
fn an_expression_of_a_suite_is_refused_before_a_machine_is_made() {
    for (value, reason, help) in [
        (
            "verifier: {command: \"echo {{peers.b.adress}}\"}",
            "a member has no fact `adress`",
            "`address`",
        ),
        (
            "provisioner: {note: [\"{{peers.role.wbe}}\"]}",
            "no member has the role `wbe`",
            "`web`",
        ),
        (
            "verifier: {command: \"{{#if peers.a}}{{else}}{{peers.c.suite}}{{/if}}\"}",
            "the cluster has no member `c`",
            "The members are a, b.",
        ),
        (
            "verifier: {command: \"echo {{peers.b.address\"}",
            "the expression never ends",
            "End it with `}}`.",
        ),
        (
            "verifier: {command: \"echo {{instance.hostnam}}\"}",
            "has no fact `hostnam`",
            "`hostname`",
        ),
    ] {
        let text = format!(
            "{DUMMIES}suites:\n- name: a\n  roles: [web]\n  {value}\n- name: b\nmultisuites:\n- name: pair\n  steps: [converge a, converge b]\n"
        );
        let project = Project::new().file("kitchen.yml", &text);
        refused(&project, 9, reason, help);
    }
}

#[test]
fn an_instance_of_no_cluster_is_refused_where_its_values_ask_for_peers() {
    let text = format!(
        "{}suites: [{{name: a}}, {{name: alone}}]\nmultisuites:\n- name: one\n  steps: [verify a]\n",
        DUMMIES.replace("'true'", "'echo {{peers.a.hostname}} > told'")
    );
    let project = Project::new().file("kitchen.yml", &text);
    project.kitchen("validate --strict").succeeds();
    project
        .kitchen("test alone")
        .exits(3)
        .complains("`{{peers.a.hostname}}`: the instance belongs to no cluster");
    assert!(!project.has("journal"), "a machine was made");
    project.kitchen("test").succeeds();
    assert_eq!(project.read("told"), "a-host\n");
}

#[test]
fn a_template_without_end_is_an_error_and_no_crash() {
    let deep = "{{#if peers.a}}".repeat(20_000);
    let project = pair(&format!(
        "  - step: run\n    command: \"{deep}\"\n  - converge b\n  - converge a\n"
    ));
    let ran = project.kitchen("validate");
    assert_eq!(ran.code, Some(3));
    assert!(ran.transcript().contains("deep"));
}

#[test]
fn waits_and_heartbeats_know_what_exec_and_run_know() {
    let of_member = "[ \"$KITCHEN_INSTANCE_NAME\" = b-host ] && [ \"$KITCHEN_SUITE_NAME\" = b ] && [ -n \"$KITCHEN_PEERS\" ] && [ -n \"$KITCHEN_A_ADDRESS\" ]";
    let of_all = "[ \"$KITCHEN_CLUSTER\" = pair-host ] && [ -n \"$KITCHEN_PEERS\" ] && [ -n \"$KITCHEN_A_ADDRESS\" ]";
    let steps = format!(
        "  - converge a\n  - step: exec b\n    command: '{of_member}'\n  - step: run\n    command: '{of_all}'\n  \
         - step: wait b\n    timeout: 5s\n    command: '{of_member}'\n  \
         - heartbeat: {{exec: '{of_member}', from: b, count: 2, every: 10ms}}\n  \
         - heartbeat: {{exec: '{of_all}', count: 2, every: 10ms}}\n  \
         - rolling: {{step: converge b, wait: {{timeout: 5s, command: '{of_member}'}}}}\n"
    );
    workstation(&steps).kitchen("test").succeeds();
}

#[test]
fn commands_of_the_workstation_find_this_kitchen_first() {
    let look = |to: &str| {
        format!("readlink -f \"$(command -v kitchen)\" > {to}; kitchen --version > {to}.version")
    };
    let text = format!(
        "{DUMMIES}lifecycle:\n  pre_create: {}\nsuites: [{{name: a, verifier: {{command: '{}'}}}}]\nmultisuites:\n- name: one\n  steps:\n  \
         - converge a\n  - step: run\n    command: {}\n  - heartbeat: {{exec: '{}', count: 1}}\n  - verify a\n",
        look("hook"),
        look("verifier"),
        look("run"),
        look("beat"),
    );
    let path = std::env::var("PATH").expect("a PATH");
    let project = Project::new()
        .file("kitchen.yml", &text)
        .script("other/kitchen", "#!/bin/sh\necho another kitchen\n");
    let path = format!("{}:{path}", project.path().join("other").display());
    let project = project.env("PATH", &path);
    project.kitchen("test").succeeds();
    let own = std::fs::canonicalize(env!("CARGO_BIN_EXE_kitchen")).expect("it runs");
    for place in ["hook", "verifier", "run", "beat"] {
        assert_eq!(project.read(place).trim(), own.to_string_lossy(), "{place}");
        let version = project.read(&format!("{place}.version"));
        assert!(!version.contains("another"), "{place}: {version}");
    }
}

#[test]
fn a_kitchen_that_is_first_on_the_path_stays_what_it_is() {
    let project =
        pair("  - converge a\n  - converge b\n  - step: run\n    command: echo \"$PATH\" > path\n");
    let own = std::path::Path::new(env!("CARGO_BIN_EXE_kitchen"));
    let directory = own.parent().expect("a directory");
    let path = format!(
        "{}:{}",
        directory.display(),
        std::env::var("PATH").expect("a PATH")
    );
    let project = project.env("PATH", &path);
    project.kitchen("test").succeeds();
    assert_eq!(project.read("path").trim(), path);
}

#[test]
fn a_host_name_is_told_of_machines_in_name_only_and_of_the_workstation() {
    let project = pair(
        "  - converge a\n  - step: run\n    command: echo {{peers.a.hostname}} > name; echo \"$KITCHEN_PEERS\" > peers\n  - converge b\n",
    );
    project.kitchen("test").succeeds();
    assert_eq!(project.read("name"), "a-host\n");
    assert!(
        project.read("peers").contains("\"hostname\":\"a-host\""),
        "{}",
        project.read("peers")
    );
    let steps = "  - step: exec a\n    command: '[ \"{{peers.b.hostname}}\" = \"$(uname -n)\" ]'\n  - converge b\n";
    workstation(steps).kitchen("test").succeeds();
}

#[test]
fn hooks_know_the_peers_from_the_beginning() {
    let hooks = ["pre_create", "post_create", "pre_converge", "post_destroy"];
    let lines = hooks.map(|hook| {
        format!("  {hook}: printf '%s' \"$KITCHEN_PEERS\" > {hook}.$KITCHEN_SUITE_NAME\n")
    });
    let text = format!(
        "{}lifecycle:\n{}suites: [{{name: a, roles: [web]}}, {{name: b}}]\nmultisuites:\n- name: pair\n  steps: [converge a, converge b]\n",
        DUMMIES,
        lines.concat()
    );
    let project = Project::new().file("kitchen.yml", &text);
    project.kitchen("test").succeeds();
    for hook in &hooks[..3] {
        for suite in ["a", "b"] {
            let told = project.read(&format!("{hook}.{suite}"));
            let peers: serde_json::Value = serde_json::from_str(&told).expect("peers");
            assert_eq!(peers[0]["instance"], "a-host", "{hook} of {suite}");
            assert_eq!(peers[0]["roles"][0], "web", "{hook} of {suite}");
            assert_eq!(peers[1]["suite"], "b", "{hook} of {suite}");
            assert_eq!(peers[1]["driver"], "dummy", "{hook} of {suite}");
        }
    }
}

#[test]
fn every_fact_has_its_value_in_every_place() {
    if !needs("sandbox") {
        return;
    }
    let text = "driver: sandbox
provisioner: {name: shell, command: 'true'}
verifier: {name: shell, command: 'true'}
platforms: [{name: host}]
suites: [{name: a, roles: [first, web]}, {name: b, driver: {hostname: other}}]
multisuites:
- name: pair
  steps:
  - converge a
  - step: exec b
    command: |
      set -e
      [ \"$(hostname)\" = '{{peers.b.hostname}}' ]
      [ '{{peers.b.hostname}}' = other ]
      grep -q '\"hostname\":\"other\"' /etc/kitchen/peers.json
      grep -q '\"hostname\":\"a-host\"' /etc/kitchen/peers.json
      [ '{{instance.suite}} {{instance.instance}} {{instance.platform}} {{instance.hostname}}' = 'b b-host host other' ]
      [ '{{instance.address}}' = '{{peers.b.address}}' ]
      [ '{{peers.a.roles}}' = first,web ]
      [ '{{#each peers.role.web}}{{this.hostname}} {{this.address}}{{/each}}' = 'a-host {{peers.a.address}}' ]
      ! grep -q null /etc/kitchen/peers.json
    expect: 0
  - step: run
    command: case $KITCHEN_PEERS in *null*) exit 1;; *'\"hostname\":\"a-host\"'*) ;; *) exit 2;; esac
  - rolling:
      step: exec *
      command: '[ \"$(hostname)\" = {{member.hostname}} ]'
";
    Project::new()
        .file("kitchen.yml", text)
        .kitchen("test --destroy=always")
        .succeeds();
}

#[test]
fn containers_tell_their_host_names() {
    if !needs("docker") {
        return;
    }
    let text = "driver: {name: docker, image: 'banquet/busybox:1', pull: never}
provisioner: {name: shell, command: 'true', sudo: false}
verifier: {name: shell, command: 'true'}
platforms: [{name: box}]
suites: [{name: a}, {name: b, driver: {hostname: other}}]
multisuites:
- name: pair
  steps:
  - step: exec a
    command: '[ \"$(hostname)\" = {{peers.a.hostname}} ] && nslookup {{peers.b.hostname}} >/dev/null'
  - step: exec b
    command: '[ \"$(hostname)\" = {{peers.b.hostname}} ] && [ {{instance.hostname}} = other ]'
";
    Project::new()
        .file("kitchen.yml", text)
        .kitchen("test --destroy=always")
        .succeeds();
}
