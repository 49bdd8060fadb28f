//! The RFC, semantic by semantic; docs/rfc.md has the numbers.

use crate::support::Project;

/// Two suites in one cluster `web-centos-7`, every plugin a dummy that keeps a journal.
fn project(steps: &str) -> Project {
    Project::new().file("kitchen.yml", &configuration("multisuites", steps))
}

fn configuration(key: &str, steps: &str) -> String {
    format!(
        "driver: {{name: dummy, journal: journal}}\n\
         transport: dummy\n\
         provisioner: {{name: dummy, journal: journal}}\n\
         verifier: {{name: dummy, journal: journal}}\n\
         platforms:\n- name: centos-7\n\
         suites:\n- name: web1\n- name: web2\n\
         {key}:\n- name: web\n  steps:\n{steps}"
    )
}

/// Lines of the journal, of the given actions only.
fn journal(project: &Project, actions: &[&str]) -> Vec<String> {
    let text = if project.has("journal") {
        project.read("journal")
    } else {
        String::new()
    };
    let wanted = |line: &&str| {
        actions
            .iter()
            .any(|action| line.split(' ').next() == Some(action))
    };
    text.lines()
        .filter(wanted)
        .map(|line| line.replace("-centos-7", ""))
        .collect()
}

#[test]
fn r01_steps_run_in_the_order_listed() {
    let project =
        project("  - converge web2\n  - converge web1\n  - verify web1\n  - converge web2\n");
    project.kitchen("test web-centos-7").succeeds();
    assert_eq!(
        journal(&project, &["converge", "verify"]),
        [
            "converge web2",
            "converge web1",
            "verify web1",
            "converge web2"
        ]
    );
}

#[test]
fn r02_a_failed_step_aborts_the_run() {
    let project =
        project("  - step: converge web1\n    provisioner_config: {fail: true}\n  - verify web1\n");
    let ran = project.kitchen("test web-centos-7");
    assert_ne!(ran.code, Some(0), "{}", ran.transcript());
    assert!(journal(&project, &["verify"]).is_empty());
}

#[test]
fn r03_the_matrix_is_platforms_times_multisuites() {
    let text = configuration("multisuites", "  - converge web1\n").replace(
        "- name: centos-7\n",
        "- name: centos-7\n- name: debian-12\n",
    );
    let project = Project::new().file("kitchen.yml", &text);
    let ran = project.kitchen("list --bare").succeeds();
    assert_eq!(ran.out, "web-centos-7\nweb-debian-12\n");
}

#[test]
fn r04_a_suite_is_a_member_of_one_multisuite_only() {
    let text = configuration("multisuites", "  - converge web1\n")
        + "- name: other\n  steps:\n  - converge web1\n";
    let project = Project::new().file("kitchen.yml", &text);
    let ran = project.kitchen("list");
    assert_ne!(ran.code, Some(0));
    ran.complains("web1").complains("kitchen.yml:13");
}

#[test]
fn r05_a_suite_may_be_named_many_times() {
    let project = project("  - converge web1\n  - converge web1\n  - converge web1\n");
    project.kitchen("test").succeeds();
    assert_eq!(journal(&project, &["converge"]), ["converge web1"; 3]);
    assert_eq!(journal(&project, &["create"]), ["create web1"]);
}

#[test]
fn r06_all_members_are_created_together_before_the_first_step() {
    let project = project("  - converge web1\n  - converge web2\n");
    project.kitchen("test").succeeds();
    let mut lines = journal(&project, &["create", "converge"]);
    lines[..2].sort();
    assert_eq!(
        lines,
        [
            "create web1",
            "create web2",
            "converge web1",
            "converge web2"
        ]
    );
}

#[test]
fn r07_gossip_comes_before_create_and_late_gossip_between_create_and_converge() {
    let project = project("  - converge web1\n  - converge web2\n");
    project.kitchen("test").succeeds();
    let actions: Vec<String> = journal(&project, &["gossip", "create", "late_gossip", "converge"])
        .into_iter()
        .map(|line| line.split(' ').next().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(
        actions,
        [
            "gossip",
            "gossip",
            "create",
            "create",
            "late_gossip",
            "late_gossip",
            "converge",
            "converge"
        ]
    );
}

#[test]
fn r08_names_of_suites_and_multisuites_do_not_overlap() {
    let text = configuration("multisuites", "  - converge web1\n")
        .replace("- name: web\n", "- name: web2\n");
    let ran = Project::new().file("kitchen.yml", &text).kitchen("list");
    assert_ne!(ran.code, Some(0));
    ran.complains("web2").complains("kitchen.yml:9");
}

#[test]
fn r09_options_of_a_converge_step_hold_for_that_action_only() {
    let project = project(
        "  - step: converge web1\n    fail: true\n    expect_failure: true\n  - converge web1\n",
    );
    project.kitchen("test").succeeds();
    assert_eq!(journal(&project, &["converge"]).len(), 2);
}

#[test]
fn r10_provisioner_config_replaces_the_provisioner_for_one_converge() {
    Project::copy_of("fixtures/rfc/overrides")
        .kitchen("test web-centos-7")
        .succeeds()
        .prints_in_order(&["Converging <web1-centos-7>", "Converging <web1-centos-7>"]);
}

#[test]
fn r11_driver_settings_in_a_step_are_an_error() {
    let ran = project("  - step: converge web1\n    driver_config: {sleep: 1}\n").kitchen("list");
    assert_ne!(ran.code, Some(0));
    ran.complains("kitchen.yml:14").complains("driver");
}

#[test]
fn r12_verify_never_converges_and_sets_up_what_is_not_set_up() {
    let project = project("  - verify web1\n  - verify web1\n");
    project.kitchen("test").succeeds();
    assert!(journal(&project, &["converge"]).is_empty());
    assert_eq!(
        journal(&project, &["setup", "verify"]),
        ["setup web1", "verify web1", "verify web1"]
    );
}

#[test]
fn r13_tests_are_looked_up_under_the_name_of_the_multisuite_or_of_the_step() {
    let text = configuration(
        "multisuites",
        "  - converge web1\n  - verify web1\n  - step: verify web1\n    name: other\n",
    )
    .replace(
        "verifier: {name: dummy, journal: journal}",
        "verifier: {name: shell, command: 'echo tests of $KITCHEN_TESTS_NAME'}",
    );
    Project::new()
        .file("kitchen.yml", &text)
        .kitchen("test")
        .succeeds()
        .prints_in_order(&["tests of web", "tests of other"]);
}

#[test]
fn r14_a_destroy_step_removes_one_member() {
    let project = project("  - converge web1\n  - destroy web1\n  - converge web2\n");
    project.kitchen("create").succeeds();
    project
        .kitchen("test --no-recreate --destroy=never")
        .succeeds();
    assert_eq!(
        journal(&project, &["converge", "destroy"]),
        ["converge web1", "destroy web1", "converge web2"]
    );
    assert!(!project.has(".kitchen/web1-centos-7.yml"));
    assert!(project.has(".kitchen/web2-centos-7.yml"));
}

#[test]
fn r15_create_on_a_cluster_gossips_and_creates() {
    let project = project("  - converge web1\n  - converge web2\n");
    project.kitchen("create web-centos-7").succeeds();
    assert_eq!(journal(&project, &["gossip"]).len(), 2);
    assert_eq!(journal(&project, &["create"]).len(), 2);
    assert_eq!(journal(&project, &["late_gossip"]).len(), 2);
    assert!(journal(&project, &["converge"]).is_empty());
}

#[test]
fn r16_a_name_that_no_cluster_has_is_sought_among_the_instances_without_gossip() {
    let project = project("  - converge web1\n  - converge web2\n");
    project.kitchen("create web1-centos-7").succeeds();
    assert_eq!(
        journal(&project, &["gossip", "create", "late_gossip"]),
        ["create web1"]
    );
}

#[test]
fn r17_no_name_is_all_clusters_in_the_order_of_the_configuration() {
    let text = configuration("multisuites", "  - converge web1\n")
        + "- name: alone\n  steps:\n  - converge web2\n";
    let project = Project::new().file("kitchen.yml", &text);
    project.kitchen("test").succeeds();
    assert_eq!(
        journal(&project, &["converge"]),
        ["converge web1", "converge web2"]
    );
}

#[test]
fn r18_converge_runs_all_converge_steps_and_no_other() {
    let project =
        project("  - converge web1\n  - verify web1\n  - converge web2\n  - destroy web2\n");
    project.kitchen("converge").succeeds();
    assert_eq!(
        journal(&project, &["converge", "verify", "destroy"]),
        ["converge web1", "converge web2"]
    );
}

#[test]
fn r19_verify_runs_all_verify_steps_and_says_that_destroy_steps_are_left_out() {
    let project = project("  - converge web1\n  - destroy web2\n  - verify web1\n");
    project.kitchen("create").succeeds();
    let ran = project.kitchen("verify").succeeds();
    assert!(
        ran.transcript().contains("destroy web2"),
        "{}",
        ran.transcript()
    );
    assert_eq!(
        journal(&project, &["converge", "verify", "destroy"]),
        ["verify web1"]
    );
}

#[test]
fn r20_verify_of_a_member_that_was_never_created_is_an_error() {
    let ran = project("  - converge web1\n  - verify web1\n").kitchen("verify");
    assert_ne!(ran.code, Some(0));
    assert!(
        ran.transcript().contains("web1-centos-7"),
        "{}",
        ran.transcript()
    );
}

#[test]
fn r21_destroy_at_the_end_of_test_is_all_members_or_none() {
    let failing = "  - converge web1\n  - step: verify web2\n    verifier_config: {fail: true}\n";
    for (policy, left) in [("passing", true), ("always", false), ("never", true)] {
        let project = project(failing);
        assert_ne!(
            project.kitchen(&format!("test --destroy={policy}")).code,
            Some(0)
        );
        assert_eq!(project.has(".kitchen/web1-centos-7.yml"), left, "{policy}");
        assert_eq!(project.has(".kitchen/web2-centos-7.yml"), left, "{policy}");
    }
    let project = project("  - converge web1\n  - converge web2\n");
    project.kitchen("test").succeeds();
    assert!(!project.has(".kitchen/web1-centos-7.yml"));
}

#[test]
fn r22_no_recreate_keeps_what_is_there() {
    let project = project("  - converge web1\n  - converge web2\n");
    project.kitchen("create").succeeds();
    project
        .kitchen("test --no-recreate --destroy=never")
        .succeeds();
    assert!(journal(&project, &["destroy"]).is_empty());
    assert_eq!(journal(&project, &["create"]).len(), 2);
    project.kitchen("test --destroy=never").succeeds();
    assert_eq!(journal(&project, &["destroy"]).len(), 2);
    assert_eq!(journal(&project, &["create"]).len(), 4);
}

#[test]
fn r23_login_on_a_cluster_names_its_members() {
    let ran = project("  - converge web1\n  - converge web2\n").kitchen("login web-centos-7");
    assert_ne!(ran.code, Some(0));
    ran.complains("web1-centos-7").complains("web2-centos-7");
}

#[test]
fn r24_list_shows_clusters_and_instances_on_request() {
    let project = project("  - converge web1\n  - converge web2\n");
    project
        .kitchen("list")
        .succeeds()
        .prints("web-centos-7")
        .prints("Dummy");
    let instances = project.kitchen("list --instances --bare").succeeds();
    assert_eq!(instances.out, "web1-centos-7\nweb2-centos-7\n");
    let named = project.kitchen("list --bare web2").succeeds();
    assert_eq!(named.out, "web2-centos-7\n");
}

#[test]
fn r25_package_is_not_defined_for_a_cluster() {
    let ran = project("  - converge web1\n").kitchen("package web-centos-7");
    assert_ne!(ran.code, Some(0));
    ran.complains("web1-centos-7");
}

#[test]
fn r26_without_multisuites_nothing_changes() {
    let project = Project::new().file(
        "kitchen.yml",
        "driver: dummy\nprovisioner: dummy\nverifier: dummy\ntransport: dummy\n\
         platforms:\n- name: centos-7\nsuites:\n- name: web1\n",
    );
    assert_eq!(
        project.kitchen("list --bare").succeeds().out,
        "web1-centos-7\n"
    );
    project.kitchen("test").succeeds().prints_in_order(&[
        "-----> Testing <web1-centos-7>",
        "-----> Creating <web1-centos-7>...",
        "-----> Converging <web1-centos-7>...",
        "-----> Setting up <web1-centos-7>...",
        "-----> Verifying <web1-centos-7>...",
        "-----> Destroying <web1-centos-7>...",
    ]);
}

#[test]
fn r27_concurrent_steps_run_at_the_same_time() {
    // Each converge ends only once the other has begun.
    let meet = |mine: &str, other: &str| {
        format!(
            "touch {mine}; for _ in $(seq 600); do [ -e {other} ] && exit 0; sleep 0.1; done; exit 1"
        )
    };
    let steps = format!(
        "  - concurrent:\n    - step: converge web1\n      command: {}\n    - step: converge web2\n      command: {}\n",
        meet("$KITCHEN_ROOT/one", "$KITCHEN_ROOT/two"),
        meet("$KITCHEN_ROOT/two", "$KITCHEN_ROOT/one"),
    );
    let text = configuration("multisuites", &steps)
        .replace("driver: {name: dummy, journal: journal}", "driver: exec")
        .replace("transport: dummy\n", "")
        .replace(
            "provisioner: {name: dummy, journal: journal}",
            "provisioner: shell",
        );
    let project = Project::new().file("kitchen.yml", &text);
    let root = project.path().to_string_lossy().into_owned();
    project
        .env("KITCHEN_ROOT", &root)
        .kitchen("test")
        .succeeds();
}

#[test]
fn r28_a_failure_that_is_allowed_does_not_abort() {
    let project = project(
        "  - step: converge web1\n    fail: true\n    allow_failure: true\n  - verify web1\n",
    );
    project.kitchen("test").succeeds();
    assert_eq!(journal(&project, &["verify"]), ["verify web1"]);
}

#[test]
fn r29_supersuites_is_the_same_key_and_both_at_once_are_an_error() {
    let text = configuration("supersuites", "  - converge web1\n");
    let project = Project::new().file("kitchen.yml", &text);
    assert_eq!(
        project.kitchen("list --bare").succeeds().out,
        "web-centos-7\n"
    );
    project.write(
        "kitchen.yml",
        &(text + "multisuites:\n- name: x\n  steps:\n  - converge web2\n"),
    );
    let ran = project.kitchen("list");
    assert_ne!(ran.code, Some(0));
    ran.complains("supersuites").complains("multisuites");
}

#[test]
fn r30_the_first_example_runs_to_the_letter() {
    let project = Project::copy_of("fixtures/rfc/first");
    project
        .kitchen("test web-centos-7")
        .succeeds()
        .prints_in_order(&[
            "Converging <web1-centos-7>",
            "Converging <web2-centos-7>",
            "Verifying <web1-centos-7>",
        ]);
}
