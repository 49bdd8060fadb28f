//! Configurations to matrices, on data.

use std::path::Path;
use std::time::Duration;

use super::{Matrix, NoPlugins};
use crate::config::{self, Config, LoadOptions};

/// A project directory with these files.
pub fn project(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    dir
}

fn options(root: &Path) -> LoadOptions {
    LoadOptions {
        root: root.to_path_buf(),
        global: Some("no-global.yml".into()),
        ..LoadOptions::default()
    }
}

/// Loads `kitchen.yml` with this text.
pub fn load(text: &str) -> Result<Config, config::Error> {
    let dir = project(&[("kitchen.yml", text)]);
    config::load(&options(dir.path()))
}

fn build(text: &str) -> Result<Matrix, config::Error> {
    Matrix::build(&load(text)?, &NoPlugins)
}

fn names(text: &str) -> Vec<String> {
    let matrix = build(text).unwrap();
    matrix.instances.iter().map(|it| it.name.clone()).collect()
}

#[test]
fn suites_times_platforms_suite_by_suite() {
    let text = "
platforms: [{name: ubuntu-22.04}, {name: 'a_b,c/d'}]
suites:
- name: default
- name: other
  includes: [ubuntu-22.04]
  excludes: [ubuntu-22.04]
- name: third
  excludes: /^UBUNTU/i
";
    assert_eq!(
        names(text),
        [
            "default-ubuntu-2204",
            "default-a-b-c-d",
            "other-ubuntu-2204",
            "third-a-b-c-d"
        ]
    );
}

#[test]
fn settings_written_for_another_plugin_count_and_are_known_as_such() {
    let text = "
provisioner: {name: chef_zero, omnibus: 12, arguments: [z]}
platforms:
- name: p
  provisioner: {name: shell, script: x}
suites:
- name: s
  provisioner: {arguments: [a]}
";
    let matrix = build(text).unwrap();
    let provisioner = &matrix.instances[0].provisioner;
    assert_eq!(provisioner.name, "shell");
    let values = serde_json::Value::Object(provisioner.section.values.clone());
    assert_eq!(
        values,
        serde_json::json!({"omnibus": 12, "script": "x", "arguments": ["a"]})
    );
    let foreign: Vec<_> = provisioner.section.foreign().iter().collect();
    assert_eq!(foreign, ["omnibus"]);
}

/// What a person reads about the problems of this kitchen.yml.
fn told(text: &str) -> String {
    let error = build(text).expect_err("a configuration with problems");
    rendered(&error)
}

fn rendered(error: &dyn miette::Diagnostic) -> String {
    let theme = miette::GraphicalTheme::unicode_nocolor();
    let mut out = String::new();
    miette::GraphicalReportHandler::new_themed(theme)
        .with_width(100)
        .with_links(false)
        .render_report(&mut out, error)
        .unwrap();
    out.lines()
        .map(|line| format!("{}\n", line.trim_end()))
        .collect()
}

const BASE: &str = "\
platforms: [{name: centos-7}, {name: debian-12}]
suites: [{name: web1}, {name: web2}, {name: db}]
";

macro_rules! bad {
    ($($name:ident: $text:expr;)+) => {
        $(
            #[test]
            fn $name() {
                insta::assert_snapshot!(stringify!($name), told(&format!("{BASE}{}", $text)));
            }
        )+
    };
}

bad! {
    a_step_that_is_a_number: "multisuites:\n- name: web\n  steps:\n  - 5\n";
    a_step_that_names_no_known_suite: "multisuites:\n- name: web\n  steps:\n  - converge wbe1\n";
    a_step_that_names_no_known_action: "multisuites:\n- name: web\n  steps:\n  - convrege web1\n";
    a_multisuite_with_no_steps: "multisuites:\n- name: web\n- name: other\n  steps: []\n";
    a_suite_in_two_multisuites: "
multisuites:
- name: one
  steps: [converge web1, verify web1]
- name: two
  steps:
  - converge web1
";
    a_multisuite_with_a_suites_name: "multisuites:\n- name: db\n  steps: [converge db]\n";
    both_names_of_the_key: "multisuites: []\nsupersuites: []\n";
    driver_keys_in_a_step: "
driver: {name: docker, image: debian}
multisuites:
- name: web
  steps:
  - step: converge web1
    image: other
  - step: create web2
    driver: {image: other}
";
    an_action_of_a_later_version: "
multisuites:
- name: web
  steps:
  - snapshot before
  - step: restore before
";
    a_wait_without_a_condition: "
multisuites:
- name: web
  steps:
  - wait web1
  - step: wait web1
    port: 80
    file: /x
  - step: wait web1
    port: http
  - step: wait web1
    http: {status: 200}
";
    wrong_options: "
multisuites:
- name: web
  steps:
  - step: converge web1
    retries: many
    timeout: soon
    allow_failure: perhaps
  - step: sleep 2s
    timout: 3
  - sleep soon
  - run ls
  - step: exec web1
  - step: verify web1
    provisioner_config: {script: x}
";
    a_length_of_time_in_which_nothing_can_happen: "
multisuites:
- name: web
  steps:
  - step: converge web1
    timeout: 0
  - step: wait web1
    port: 80
    interval: 0s
  - step: kill web1
    for: 0ms
  - step: wait web1
    port: 80
    timeout: -1
  - during: {heartbeat: {http: \"http://lb/\", timeout: 0s, max_latency: 0}}
    steps: [verify web1]
  - chaos: {faults: [kill], for: 1m, fault_for: 0}
";
    a_block_that_is_empty: "multisuites:\n- name: web\n  steps:\n  - concurrent:\n  - concurent: [converge web1]\n";
    a_short_form_of_a_step: "multisuites:\n- name: web\n  steps:\n  - converge: web1\n";
    two_multisuites_of_one_name: "
multisuites:
- name: web
  steps: [converge web1]
- name: web
  steps: [converge web2]
";
}

#[test]
fn a_suite_excluded_where_a_cluster_needs_it() {
    let text = "
platforms: [{name: centos-7}, {name: debian-12}]
suites:
- name: web
- name: db
  excludes: [debian-12]
multisuites:
- name: all
  steps:
  - converge web
  - converge db
";
    insta::assert_snapshot!(told(text));
}

#[test]
fn names_that_collide_after_the_name_rules() {
    let text = "
platforms: [{name: c}, {name: b-c}]
suites: [{name: a-b}, {name: a}]
multisuites: [{name: all, steps: [converge a]}]
";
    insta::assert_snapshot!(told(text));
}

#[test]
fn duplicate_platforms_and_suites() {
    let text = "
platforms: [{name: p}, {name: p}]
suites: [{name: a}, {name: a}]
";
    let matrix = build(text).unwrap();
    assert_eq!(matrix.instances.len(), 4);
    let told: String = matrix.conflicts.iter().map(|it| rendered(it)).collect();
    insta::assert_snapshot!(told);
}

const RFC: &str = "
platforms:
- name: centos-7
suites:
- name: web1
  run_list: ['role[web]']
- name: web2
  run_list: ['role[web]']
supersuites:
- name: web
  steps:
  - converge web2
  - converge web1
  - concurrent:
    - step: wait web1
      port: 80
    - step: run
      command: echo {{peers.web1.address}}
      environment: {A: 1, B: x}
  - step: converge web1
    attributes: {version: 2}
    run_list: ['recipe[other]']
    idempotent: true
  - step: converge web1
    provisioner_config: {name: shell, script: init.sh}
  - step: verify web1
    name: other
    retries: 3
    timeout: 2m
    allow_failure: true
    excludes: [centos-7]
  - verify web1
";

#[test]
fn a_cluster_has_its_members_in_the_order_of_its_steps() {
    let matrix = build(RFC).unwrap();
    let [cluster] = matrix.clusters.as_slice() else {
        panic!("one cluster, not {}", matrix.clusters.len());
    };
    assert_eq!(cluster.name, "web-centos-7");
    let members: Vec<_> = cluster.members.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(members, ["web2-centos-7", "web1-centos-7"]);
    assert!(
        cluster
            .members
            .iter()
            .all(|it| it.cluster.as_deref() == Some("web-centos-7"))
    );
    assert!(matrix.instances.iter().all(|it| it.cluster.is_some()));
    assert_eq!(cluster.members[0].roles, ["web"]);
    assert_eq!(cluster.steps.len(), 6, "the excluded step is gone");
    let super::StepNode::Block(block) = &cluster.steps[2] else {
        panic!("a step");
    };
    let super::Shape::Concurrent(steps) = &block.shape else {
        panic!("not concurrent");
    };
    let [super::StepNode::Step(wait), super::StepNode::Step(run)] = steps.as_slice() else {
        panic!("not two steps");
    };
    let condition = super::Condition::Port(80);
    let interval = Duration::from_millis(500);
    assert_eq!(
        wait.action,
        super::Action::Wait {
            condition,
            interval
        }
    );
    assert_eq!(wait.options.timeout, Some(Duration::from_secs(60)));
    assert_eq!(
        (wait.suite.as_deref(), run.suite.as_deref()),
        (Some("web1"), None)
    );
    let environment = [("A", "1"), ("B", "x")].map(|(key, value)| (key.into(), value.into()));
    let run_action = super::Action::Run {
        command: "echo {{peers.web1.address}}".into(),
        cwd: None,
        environment: environment.into(),
    };
    assert_eq!(run.action, run_action);
    assert_eq!(
        run.origin.as_ref().map(|it| (it.line, it.column)),
        Some((17, 13))
    );
}

#[test]
fn settings_of_a_step_count_for_its_action_alone() {
    let text = RFC.replace(
        "suites:\n- name: web1",
        "provisioner: {name: chef_zero, a: 1}\nsuites:\n- name: web1",
    );
    let text = text.replacen("supersuites", "multisuites", 1);
    let matrix = build(&text).unwrap();
    let cluster = &matrix.clusters[0];
    let web1 = cluster.member("web1").unwrap();
    let step = |index: usize| match &cluster.steps[index] {
        super::StepNode::Step(step) => web1.for_step(step).provisioner,
        super::StepNode::Block(_) => panic!("a block"),
    };
    let values = |index| serde_json::Value::Object(step(index).section.values.clone());
    assert_eq!(
        values(1),
        serde_json::json!({"a": 1, "run_list": ["role[web]"]})
    );
    assert_eq!(
        values(3),
        serde_json::json!({"a": 1, "run_list": ["recipe[other]"], "attributes": {"version": 2}})
    );
    assert_eq!(step(4).name, "shell");
    assert_eq!(values(4), serde_json::json!({"script": "init.sh"}));
    let origin = step(4).section.origin("/script").cloned().unwrap();
    assert_eq!((origin.line, origin.column), (26, 47));
}

mod selecting {
    use super::super::{SelectError, Selection};
    use super::*;

    const CLUSTERS: &str = "
platforms: [{name: p1}, {name: p2}]
suites: [{name: web1}, {name: web2}, {name: alone}]
multisuites: [{name: web, steps: [converge web1, converge web2]}]
";

    fn names(selection: &Selection) -> Vec<&str> {
        let clusters = selection.clusters.iter().map(|it| it.name.as_str());
        clusters
            .chain(selection.instances.iter().map(|it| it.name.as_str()))
            .collect()
    }

    #[test]
    fn clusters_come_first_and_then_instances() {
        let matrix = build(CLUSTERS).unwrap();
        for (pattern, expected) in [
            (None, vec!["web-p1", "web-p2"]),
            (Some("all"), vec!["web-p1", "web-p2"]),
            (Some("web-p1"), vec!["web-p1"]),
            (Some("p2"), vec!["web-p2"]),
            (Some("web1-p1"), vec!["web1-p1"]),
            (
                Some("^web\\d"),
                vec!["web1-p1", "web1-p2", "web2-p1", "web2-p2"],
            ),
            (Some("(?!web)alone"), vec!["alone-p1", "alone-p2"]),
        ] {
            assert_eq!(
                names(&matrix.select(pattern).unwrap()),
                expected,
                "{pattern:?}"
            );
        }
        let several = matrix
            .select_many(&["alone-p2", "web-p2", "web-p2"])
            .unwrap();
        assert_eq!(names(&several), ["web-p2", "alone-p2"]);
    }

    #[test]
    fn without_multisuites_all_is_as_in_test_kitchen() {
        let matrix = build("platforms: [{name: p}]\nsuites: [{name: a}, {name: a-b}]").unwrap();
        assert_eq!(names(&matrix.select(None).unwrap()), ["a-p", "a-b-p"]);
        assert_eq!(names(&matrix.select(Some("a-p")).unwrap()), ["a-p"]);
        assert_eq!(names(&matrix.select(Some("b")).unwrap()), ["a-b-p"]);
    }

    #[test]
    fn messages_are_test_kitchens() {
        let matrix = build("platforms: [{name: p}]\nsuites: [{name: a}]").unwrap();
        assert_eq!(
            matrix.select(Some("x")).unwrap_err().to_string(),
            "No instances for regex `x', try running `kitchen list'"
        );
        let bad = matrix.select(Some("(")).unwrap_err();
        assert!(matches!(&bad, SelectError::BadPattern(_)));
        assert!(bad.to_string().starts_with(
            "Invalid Ruby regular expression, you may need to single quote the argument. "
        ));
        let empty = build("suites: []").unwrap();
        assert_eq!(
            empty.select(Some("all")).unwrap_err(),
            SelectError::NoneDefined
        );
        assert_eq!(
            empty.select(None).unwrap_err(),
            SelectError::NoMatch {
                pattern: String::new(),
                nearest: None,
            }
        );
    }
}
