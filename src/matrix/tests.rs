//! Configurations to matrices, on data.

use std::path::Path;

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
fn settings_of_another_plugin_have_no_say() {
    let text = "
provisioner: {name: chef_zero, omnibus: 12}
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
        serde_json::json!({"script": "x", "arguments": ["a"]})
    );
}
