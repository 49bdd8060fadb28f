//! Verifiers through the command, with the real tools.
#![cfg(target_os = "linux")]

mod support;

use support::{Project, needs};

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
fn a_suite_without_tests_passes_with_a_warning_unless_tests_are_required() {
    if !needs("sandbox") {
        return;
    }
    let project = Project::new().file("kitchen.yml", SANDBOX);
    project
        .kitchen("test")
        .succeeds()
        .prints("zero cases ran: there are no tests of app");
    project
        .kitchen("test --require-tests")
        .exits(10)
        .complains("zero cases ran: there are no tests of app");
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
        .exits(10)
        .prints("zero cases ran: there are no tests of db");
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
            .kitchen("exec db-debian-12 -c 'pgrep -x sleep; test $? = 1'")
            .succeeds();
        std::fs::remove_dir_all(project.path().join("test/integration/hangs")).expect("removed");
    }
}
