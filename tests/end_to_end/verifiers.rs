//! Verifiers through the command, with the real tools.
#![cfg(target_os = "linux")]

use crate::support::{Project, needs};

/// Stand-ins for programs that no package registry has.
const GOSS: &str = include_str!("../../plugins/goss/tests/stand-in");
const INSPEC: &str = include_str!("../../plugins/inspec/tests/stand-in");

/// One cluster of two on the embedded driver, whose machines have the workstation's own tools.
const SANDBOX: &str = "\
driver: sandbox
provisioner: dummy
platforms: [{name: host}]
suites: [{name: db}, {name: web}]
multisuites:
- name: app
  steps: [verify db, verify web]
";

#[test]
fn a_step_that_ran_no_test_has_failed_and_says_where_it_looked() {
    if !needs("sandbox") {
        return;
    }
    let steps = "steps: [{step: verify db, name: db answers}, verify web]";
    let text = SANDBOX.replace("steps: [verify db, verify web]", steps);
    let project = Project::new().file("kitchen.yml", &text);
    project
        .kitchen("test --destroy=never")
        .exits(10)
        .complains("in test/integration/db answers, test/integration/app, test/integration/db");
    // Alone the member looks in the same places.
    project
        .kitchen("verify db-host")
        .exits(10)
        .complains("in test/integration/db answers, test/integration/app, test/integration/db");
    // What must fail has not failed by that.
    project.write(
        "kitchen.yml",
        &text.replace("db answers}", "x, expect_failure: true}"),
    );
    project.kitchen("verify").exits(10);
    let lets = "steps: [{step: verify db, allow_empty: true}, {step: verify web, verifier: {require_tests: false}}]";
    project.write("kitchen.yml", &text.replace(steps, lets));
    project
        .kitchen("verify")
        .succeeds()
        .prints("skipped: no test");
    project.kitchen("destroy").succeeds();
}

#[test]
fn a_label_does_not_lead_a_step_away_from_its_tests() {
    if !needs("sandbox") || !needs("bats") {
        return;
    }
    let text = SANDBOX.replace("verify web]", "{step: verify web, name: web answers}]");
    let fails = "@test \"no\" { false; }\n";
    let holds = "@test \"yes\" { true; }\n";
    let project = Project::new()
        .file("kitchen.yml", &text)
        .file("test/integration/db/bats/own.bats", holds)
        .file("test/integration/db/bats/.#own.bats", fails)
        .file("test/integration/web/bats/own.bats", fails);
    project
        .kitchen("plan")
        .succeeds()
        .prints("test/integration/web: 1 file");
    project
        .kitchen("test --destroy=never")
        .exits(10)
        .prints("[db-host] ok: yes")
        .prints("[web-host] FAILED: no");
    project.write("test/integration/app/bats/all.bats", holds);
    project
        .kitchen("verify")
        .succeeds()
        .prints("the tests in test/integration/web are not run");
    project.write(
        "kitchen.yml",
        &text.replace("name: web answers", "tests_dir: nowhere"),
    );
    project.kitchen("verify").exits(3);
    project.kitchen("validate").exits(3).prints("tests_dir");
    project.kitchen("destroy").succeeds();
}

#[test]
fn busser_runs_the_tests_of_the_multisuite_on_each_member() {
    if !needs("sandbox") || !needs("bats") {
        return;
    }
    let project = Project::new().file("kitchen.yml", SANDBOX).file(
        "test/integration/app/bats/names.bats",
        "@test \"I am $KITCHEN_SUITE_NAME\" { [ \"$(hostname)\" = \"$KITCHEN_SUITE_NAME-host\" ]; }\n\
         @test \"db resolves\" { getent hosts db; }\n",
    );
    project
        .kitchen("test --destroy=never")
        .succeeds()
        .prints_in_order(&[
            "[db-host] ok: I am db",
            "[db-host] ok: db resolves",
            "[web-host] ok: I am web",
        ]);
    project.kitchen("doctor").succeeds();
}

#[test]
fn a_cluster_is_judged_over_ssh_by_the_tools_that_people_use() {
    if !needs("docker-tests") || !needs("testinfra") {
        return;
    }
    let project = Project::copy_of("fixtures/verifiers");
    project
        .kitchen("test --destroy=never")
        .succeeds()
        .prints_in_order(&[
            "[db-debian-12] ok: name_test.sh",
            "[db-debian-12] ok: web answers by its name",
            "[db-debian-12] ok: File \"/srv/name\" is expected to be file",
            "[db-debian-12] ok: test_name: test_name[local]",
            "[web-debian-12] ok: test_members: test_tests_become_root[ssh://mail]",
            "[web-debian-12] ok: test_web: test_db_is_reached_from_web[ssh://web]",
            "[mail-debian-12] ok: Host \"db\" is expected to be resolvable",
        ]);
    project.kitchen("doctor").succeeds();
    // The machines no longer are what the tests say.
    project
        .kitchen("exec db-debian-12 -c 'echo other | sudo tee /srv/name'")
        .succeeds();
    project
        .kitchen("verify db-debian-12 --require-tests")
        .exits(10);
    project.kitchen("verify").exits(10).prints_in_order(&[
        "[db-debian-12] FAILED: name_test.sh",
        "[db-debian-12] ok: web answers by its name",
        "[db-debian-12] FAILED: File \"/srv/name\" content is expected to match /^db$/",
        "[db-debian-12] FAILED: test_name: test_name[local]",
        "3 of 7 tests failed",
    ]);
}

#[test]
fn a_test_that_hangs_is_ended_on_the_machine_by_the_steps_limit() {
    if !needs("docker-tests") {
        return;
    }
    let step = "  - {step: verify db, name: hangs, timeout: 8s}\n";
    let kitchen = std::fs::read_to_string("fixtures/verifiers/kitchen.yml").expect("the fixture");
    let (head, _) = kitchen.split_once("  - concurrent:").expect("the steps");
    let project = Project::copy_of("fixtures/verifiers");
    project.write("kitchen.yml", &format!("{head}{step}"));
    for (path, test) in [
        ("bats/a.bats", "@test \"it hangs\" { sleep 4242; }\n"),
        (
            "serverspec/a_spec.rb",
            "describe('it') { it('hangs') { system('sleep 4242') } }\n",
        ),
        (
            "testinfra/test_a.py",
            "def test_hangs(host): host.run('sleep 4242')\n",
        ),
    ] {
        let file = format!("test/integration/hangs/{path}");
        project.write(&file, test);
        project
            .kitchen("test --destroy=never")
            .exits(21)
            .complains("verify took longer than");
        // What hung is no more: `pgrep` finds nothing but for itself.
        project
            .kitchen("exec db-debian-12 -c 'pgrep -f \"[s]leep 4242\"; test $? = 1'")
            .succeeds();
        std::fs::remove_dir_all(project.path().join("test/integration/hangs")).expect("removed");
    }
}

#[test]
fn a_test_that_hangs_is_ended_on_the_machine_by_the_verifiers_limit() {
    let docker = "driver: {name: docker, image: \"banquet/debian-tests:1\", pull: never}\n";
    for (need, driver) in [("docker-tests", docker), ("sandbox", "driver: sandbox\n")] {
        if !needs(need) || !needs("bats") {
            continue;
        }
        let kitchen = format!(
            "{driver}provisioner: dummy\nverifier: {{name: busser, timeout: 4}}\n\
             platforms: [{{name: host}}]\nsuites: [{{name: db}}]\n"
        );
        let project = Project::new().file("kitchen.yml", &kitchen).file(
            "test/integration/db/bats/a.bats",
            "@test \"it hangs\" { sleep 4242; }\n",
        );
        project
            .kitchen("test --destroy=never")
            .exits(21)
            .complains("the tests took longer than");
        project
            .kitchen("exec db -c 'pgrep -f \"[s]leep 4242\"; test $? = 1'")
            .succeeds();
    }
}

#[test]
fn testinfra_reaches_containers_by_their_engine() {
    if !needs("docker-tests") || !needs("testinfra") {
        return;
    }
    let project = Project::new()
        .file(
            "kitchen.yml",
            "driver: {name: docker, image: \"banquet/debian-tests:1\", pull: never}\n\
             provisioner: dummy\nverifier: testinfra\nplatforms: [{name: host}]\n\
             suites: [{name: db}, {name: web}]\n\
             multisuites: [{name: app, steps: [setup db, verify web]}]\n",
        )
        .file(
            "test/integration/app/testinfra/test_names.py",
            "testinfra_hosts = ['all']\n\
             def test_sshd(host, peers):\n    assert host.file('/usr/sbin/sshd').exists\n    \
             assert peers['db'].run('true').rc == 0\n",
        );
    let ran = project.kitchen("test").succeeds();
    let cases = ran
        .out
        .matches("[web-host] ok: test_names: test_sshd[docker://");
    assert_eq!(cases.count(), 2, "{}", ran.transcript());
}

#[test]
fn inspec_and_goss_are_run_as_they_would_be_with_stand_ins_in_their_places() {
    if !needs("docker-tests") || !needs("python3") {
        return;
    }
    let kitchen = std::fs::read_to_string("fixtures/verifiers/kitchen.yml").expect("the fixture");
    let (head, _) = kitchen.split_once("suites:").expect("the suites");
    let project = Project::new()
        .env("STAND_IN_CONNECTS", "1")
        .script("bin/inspec", INSPEC)
        .script("data/goss", GOSS)
        .file("converge.sh", "#!/bin/sh\ninstall \"$(dirname \"$0\")/data/goss\" /usr/local/bin/goss\n")
        .file("test/integration/app/inspec/controls/a.rb", "")
        .file("test/integration/app/goss/a.yml", "file:\n  /srv:\n    exists: true\n")
        .file(
            "kitchen.yml",
            &format!(
                "{head}suites:\n- name: db\n  verifier: goss\n- name: web\n  verifier:\n    \
                 name: cinc_auditor\n    inspec: bin/inspec\n    inputs: {{peer: \"{{{{peers.db.address}}}}\"}}\n\
                 multisuites:\n- name: app\n  steps: [converge db, verify db, converge web, verify web]\n"
            ),
        );
    project
        .kitchen("test --destroy=never")
        .succeeds()
        .prints_in_order(&[
            "[db-debian-12] ok: File: /srv: exists",
            "[web-debian-12] ok: only: inspec",
        ]);
    let seen: serde_json::Value =
        serde_json::from_str(&project.read("bin/seen.json")).expect("JSON");
    let options = &seen["config"]["cli_options"];
    assert_eq!(options["user"], "kitchen");
    assert_eq!(options["sudo"], true);
    let peer = seen["inputs"][0]["peer"].as_str().expect("an address");
    assert!(peer.parse::<std::net::IpAddr>().is_ok(), "{peer}");
}
