use super::*;
use crate::config::{self, LoadOptions};
use crate::matrix::{Matrix, NoPlugins};

const SUITES: &str = "\
driver: vagrant
platforms:
- name: ubuntu-24.04
- name: centos-7
suites:
- name: server
- name: client
  excludes: [centos-7]
- name: other
";

/// What is printed for a project with this configuration and one script.
fn told(config: &str, script: &str) -> String {
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::write(dir.path().join("kitchen.yml"), config).expect("a file");
    std::fs::write(dir.path().join("Rakefile"), script).expect("a file");
    let options = LoadOptions {
        root: dir.path().into(),
        global: Some("none".into()),
        ..LoadOptions::default()
    };
    let config = config::load(&options).expect("a configuration");
    let matrix = Matrix::build(&config, &NoPlugins).expect("a matrix");
    let findings = Findings {
        problems: config.warnings.clone(),
        config: Some(config),
        matrix: Some(matrix),
    };
    document(&findings, &scripts::read(dir.path()))
}

/// The multisuites that are proposed, with the reasons.
fn proposed(config: &str, script: &str) -> String {
    let told = told(config, script);
    let (_, proposed) = told.split_once("multisuites:\n").unwrap_or_default();
    // What is proposed is taken as it stands.
    let mut whole = format!("{config}multisuites:\n{proposed}");
    if proposed.is_empty() {
        whole = config.into();
    }
    let again = self::told(&whole, script);
    assert!(!again.contains("multisuites:\n"), "{again}");
    proposed.into()
}

#[test]
fn calls_in_order_become_steps() {
    let script = "
task :test do
  # kitchen converge other
  sh 'kitchen destroy server'
  sh 'bundle exec kitchen converge server-ubuntu && kitchen converge client -l debug'
  sh \"kitchen exec server -c 'systemctl restart it'\"
  sh 'kitchen verify client'
  sh \"kitchen converge #{ENV['X']}\"
  sh 'kitchen destroy all'
end
";
    insta::assert_snapshot!(proposed(SUITES, script));
}

#[test]
fn a_suite_that_is_verified_first_is_converged_and_one_that_went_is_made_anew() {
    let script = "kitchen converge -c 4 other; kitchen verify server
kitchen destroy other
kitchen converge other
kitchen destroy
";
    insta::assert_snapshot!(proposed(SUITES, script));
}

#[test]
fn platforms_with_other_steps_are_clusters_of_their_own() {
    let script = "kitchen converge server-ubuntu\nkitchen converge client-ubuntu
kitchen converge server-centos\nkitchen converge other-centos\n";
    insta::assert_snapshot!(proposed(SUITES, script));
}

#[test]
fn what_is_independent_stays_so() {
    for script in [
        "kitchen test server\nkitchen test client\n",
        "kitchen converge server\nkitchen verify server\n",
        "kitchen converge all\nkitchen verify all\n",
        "",
    ] {
        assert_eq!(proposed(SUITES, script), "", "{script}");
    }
}

#[test]
fn numbered_suites_are_steps_and_versions_are_not() {
    let suites = |names: [&str; 3]| {
        let names = names.map(|name| format!("- name: \"{name}\"\n")).concat();
        format!("platforms:\n- name: a\nsuites:\n{names}")
    };
    insta::assert_snapshot!(proposed(&suites(["02_client", "01_server", "cluster"]), ""));
    assert_eq!(proposed(&suites(["12-default", "14-default", "x"]), ""), "");
    assert_eq!(proposed(&suites(["1-default", "2-default", "x"]), ""), "");
}

#[test]
fn fixed_addresses_show_who_belongs_together() {
    let config = "\
platforms: [{name: a}]
suites:
- name: db
  driver: {network: [[private_network, {ip: 192.168.33.10}]]}
- name: web
  driver: {network: [[private_network, {ip: 192.168.33.11}]]}
- name: alone
";
    insta::assert_snapshot!(proposed(config, ""));
}

#[test]
fn warnings_come_first() {
    let config = format!("{SUITES}plaforms: []\n");
    insta::assert_snapshot!(told(&config, ""));
}

#[test]
fn names_that_are_no_text_are_quoted() {
    for (text, expected) in [
        ("converge web1", "converge web1"),
        ("yes", "\"yes\""),
        ("1-a", "\"1-a\""),
        ("a: b", "\"a: b\""),
    ] {
        assert_eq!(scalar(text), expected);
    }
}
