//! Files to configurations, on data.

mod psych;

use std::path::Path;

use serde_json::{Value as Json, json};

use super::{Config, Error, LoadOptions, load, node::Node};

fn project(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        std::fs::write(dir.path().join(name), bytes).unwrap();
    }
    dir
}

fn options(root: &Path) -> LoadOptions {
    LoadOptions {
        root: root.to_path_buf(),
        global: Some("global.yml".into()),
        ..LoadOptions::default()
    }
}

fn read(files: &[(&str, &str)]) -> Result<Config, Error> {
    let files: Vec<_> = files
        .iter()
        .map(|(name, text)| (*name, text.as_bytes()))
        .collect();
    let dir = project(&files);
    load(&options(dir.path()))
}

fn tree(text: &str) -> Json {
    json_of(&read(&[("kitchen.yml", text)]).unwrap())
}

fn json_of(config: &Config) -> Json {
    Node::map(config.tree.clone(), super::Span::default()).to_json()
}

/// What a person reads, with the directory's name left out.
fn rendered(error: &dyn miette::Diagnostic, dir: &Path) -> String {
    let mut out = String::new();
    miette::GraphicalReportHandler::new_themed(miette::GraphicalTheme::unicode_nocolor())
        .with_width(200)
        .with_links(false)
        .render_report(&mut out, error)
        .unwrap();
    let out = out.replace(&dir.display().to_string(), "DIR");
    out.lines()
        .map(|line| format!("{}\n", line.trim_end()))
        .collect()
}

fn told(files: &[(&str, &[u8])]) -> String {
    let dir = project(files);
    let error = load(&options(dir.path())).expect_err("a configuration with problems");
    rendered(&error, dir.path())
}

macro_rules! bad {
    ($($name:ident: $bytes:expr;)+) => {
        $(
            #[test]
            fn $name() {
                insta::assert_snapshot!(stringify!($name), told(&[("kitchen.yml", $bytes)]));
            }
        )+
    };
}

bad! {
    not_yaml: b"driver:\n  name: 'docker\nplatforms: []\n";
    an_open_bracket: b"platforms: [a, b\nsuites: []\n";
    indented_with_tabs: b"driver:\n\tname: docker\n";
    text_and_not_a_map: b"just a sentence\n";
    latin_1: b"driver: docker\n# caf\xE9\n";
    a_date: b"driver: {name: docker, image: 2024-01-31}\n";
    a_ruby_object: b"driver: !ruby/object:Object {}\n";
    an_unknown_alias: b"driver: *nothing\n";
    a_key_that_is_a_number: b"driver: {80: http}\n";
    an_alias_of_itself: b"driver: &a {x: *a}\n";
    wrong_shapes: b"driver: [docker]\nplatforms: {name: x}\nsuites:\n- web\n- {}\n- {name: 7.0}\n";
    a_template_without_end: b"driver: x\n<% if true %>\nplatforms: []\n";
    an_endless_template: b"driver:\n  name: x\n<% loop do %>\n<% end %>\n";
    a_template_that_raises: b"driver: <%= 'a' + ENV['KITCHEN_NOT_SET'] %>\n";
    yaml_behind_a_template: b"<% 2.times do |i| %>\n# <%= i %>\n<% end %>\ndriver:\n  name: 'docker\n";
    a_date_behind_a_template: b"<% 2.times do |i| %>\nx-<%= i %>: 2024-0<%= i + 1 %>-01\n<% end %>\n";
    a_template: b"driver:\n  name: <%= ENV.fetch('KITCHEN_NOT_SET') %>\n";
    a_map_and_a_word: b"provisioner: {attributes: {a: {b: 1}}}\nsuites:\n- name: x\n  provisioner: {attributes: {c: 1}}\n  attributes: text\n";
}

#[test]
fn what_is_wrong_is_told_as_far_as_the_files_can_be_read() {
    let dir = project(&[(
        "kitchen.yml",
        b"driver: [x]\nplatforms: [{name: a}]\nsuits: []\n",
    )]);
    let (config, problems) = super::survey(&options(dir.path()));
    let told: Vec<_> = problems.iter().map(|it| it.message.as_str()).collect();
    assert_eq!(
        told,
        [
            "`driver` must be a map or a name, and is a list",
            "unknown key `suits` at the top level"
        ]
    );
    assert!(config.unwrap().tree.contains_key("platforms"));
}

#[test]
fn no_file() {
    insta::assert_snapshot!(told(&[]));
}

#[test]
fn two_files() {
    insta::assert_snapshot!(told(&[("kitchen.yml", b""), (".kitchen.yml", b"")]));
    let local: &[(&str, &[u8])] = &[
        ("kitchen.yml", b""),
        ("kitchen.local.yml", b""),
        (".kitchen.local.yml", b""),
    ];
    insta::assert_snapshot!("two_local_files", told(local));
}

#[test]
fn aliases_that_multiply_are_bounded() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let below = format!("*a{}, ", level - 1).repeat(10);
        text += &format!("a{level}: &a{level} [{below}]\n");
    }
    insta::assert_snapshot!(told(&[("kitchen.yml", text.as_bytes())]));
}

#[test]
fn depth_and_size_are_bounded() {
    let deep = format!("a: {}{}\n", "[".repeat(5000), "]".repeat(5000));
    assert!(read(&[("kitchen.yml", &deep)]).is_err());
    let large = format!("a: {}\n", "x".repeat(17 << 20));
    let error = read(&[("kitchen.yml", &large)]).unwrap_err();
    assert_eq!(error.to_string(), "kitchen.yml is larger than 16 MiB");
    let dir = project(&[("kitchen.yml", b"")]);
    let file = std::fs::File::create(dir.path().join("kitchen.yml")).unwrap();
    file.set_len(50 << 20).unwrap();
    let error = load(&options(dir.path())).unwrap_err();
    insta::assert_snapshot!("a_file_of_50_mb", rendered(&error, dir.path()));
}

#[test]
fn an_empty_file_is_told_of() {
    for text in ["", "---\n", "# nothing\n", "~"] {
        let config = read(&[("kitchen.yml", text)]).unwrap();
        assert!(config.tree.is_empty());
        assert!(
            config.warnings[0].message.ends_with("kitchen.yml is empty"),
            "{text:?}"
        );
    }
}

#[test]
fn a_byte_order_mark_and_carriage_returns_change_nothing() {
    assert_eq!(
        tree("\u{feff}driver:\r\n  name: docker\r\n  note: |\r\n    a\r\n"),
        json!({"driver": {"name": "docker", "note": "a\n"}})
    );
}

#[test]
fn yaml_is_read_as_psych_does() {
    let text = "
driver:
  <<: &base {a: 1, b: 2}
  b: 3
  quoted: 'yes'
  bare: yes
  mode: 0777
  text: !!str 12
  int: !!int 12
  symbol: :enabled
  :key: value
  folded: >
    a
    b
x-list: [{<<: [{a: 1}, {a: 2, c: 3}], d: 4}, {a: 0, <<: {a: 9}}]
---
other: document
";
    assert_eq!(
        tree(text),
        json!({
            "driver": {
                "a": 1, "b": 3, "quoted": "yes", "bare": true, "mode": 511, "text": "12",
                "int": 12, "symbol": ":enabled", "key": "value", "folded": "a b\n",
            },
            "x-list": [{"a": 1, "c": 3, "d": 4}, {"a": 9}],
        })
    );
}

#[test]
fn a_key_given_twice_is_told_of_and_the_last_one_counts() {
    let dir = project(&[("kitchen.yml", b"driver: a\nsuites: []\ndriver: b\n")]);
    let config = load(&options(dir.path())).unwrap();
    assert_eq!(json_of(&config)["driver"]["name"], "b");
    insta::assert_snapshot!(rendered(&config.warnings[0], dir.path()));
}

#[test]
fn unknown_keys_are_told_of() {
    let text = "plaforms: []\nx-anchors: 1\nsuites:\n- name: a\n  exclude: [x]\n  zzzzzzz: 1\n";
    let dir = project(&[("kitchen.yml", text.as_bytes())]);
    let config = load(&options(dir.path())).unwrap();
    let told: String = config
        .warnings
        .iter()
        .map(|it| rendered(it, dir.path()))
        .collect();
    insta::assert_snapshot!(told);
    let strict = LoadOptions {
        strict: true,
        ..options(dir.path())
    };
    assert_eq!(load(&strict).unwrap_err().problems.len(), 3);
}

#[test]
fn local_beats_project_beats_global() {
    let config = read(&[
        (
            "global.yml",
            "driver: {name: a, x: 1, list: [1, 2]}\nverifier: inspec\n",
        ),
        (
            "kitchen.yml",
            "driver: {y: 2, list: [3]}\nprovisioner: shell\n",
        ),
        (
            ".kitchen.local.yml",
            "driver: b\nprovisioner: {sudo: false}\n",
        ),
    ])
    .unwrap();
    assert_eq!(
        json_of(&config),
        json!({
            "driver": {"name": "b", "x": 1, "list": [3], "y": 2},
            "verifier": "inspec",
            "provisioner": {"name": "shell", "sudo": false},
        })
    );
    let driver = super::section(
        config.tree["driver"].node.as_map().unwrap(),
        &config.sources,
    );
    let shown: Vec<_> = driver
        .origins
        .iter()
        .map(|(pointer, origin)| {
            let file = origin
                .file
                .file_name()
                .unwrap()
                .to_string_lossy()
                .into_owned();
            format!("{pointer} {file}:{}:{}", origin.line, origin.column)
        })
        .collect();
    assert_eq!(
        shown,
        [
            "/list kitchen.yml:1:22",
            "/list/0 kitchen.yml:1:23",
            "/name .kitchen.local.yml:1:9",
            "/x global.yml:1:22",
            "/y kitchen.yml:1:13"
        ]
    );
}

#[test]
fn the_environment_names_files() {
    let variables = |name: &str| match name {
        "KITCHEN_YAML" => Some("a.yml".into()),
        "KITCHEN_LOCAL_YML" => Some("b.yml".into()),
        "KITCHEN_GLOBAL_YAML" => Some("".into()),
        _ => None,
    };
    let options = LoadOptions::from_variables("/p", variables);
    assert_eq!(options.project, Some("a.yml".into()));
    assert_eq!(options.local, Some("b.yml".into()));
    assert_eq!(options.global, None);
}

#[test]
fn the_local_file_goes_by_the_name_of_the_projects_own() {
    let dir = project(&[
        ("ci.yml", b"driver: a\n"),
        ("ci.local.yml", b"driver: b\n"),
        ("kitchen.local.yml", b"driver: c\n"),
    ]);
    let options = LoadOptions {
        project: Some("ci.yml".into()),
        ..options(dir.path())
    };
    assert_eq!(json_of(&load(&options).unwrap())["driver"]["name"], "b");
}

#[test]
fn old_forms_move_to_where_they_belong() {
    let text = "
driver_plugin: vagrant
driver_config: {require_chef_omnibus: 12, http_proxy: 'http://p', box: x}
busser: '1.0'
platforms:
- name: p
  driver_plugin: docker
  busser: {version: 2}
  verifier: {version: 3}
  run_list: [a]
  attributes:
suites:
- name: s
  provisioner: chef_solo
  attributes: {a: 1}
  data_bags_path: bags
  driver: {pre_create_command: make}
";
    assert_eq!(
        tree(text),
        json!({
            "driver": {"name": "vagrant", "http_proxy": "http://p", "box": "x"},
            "provisioner": {"http_proxy": "http://p", "require_chef_omnibus": 12},
            "verifier": {"http_proxy": "http://p", "version": "1.0", "name": "busser"},
            "platforms": [{
                "name": "p",
                "attributes": null,
                "driver": {"name": "docker"},
                "verifier": {"version": 3, "name": "busser"},
                "provisioner": {"run_list": ["a"]},
            }],
            "suites": [{
                "name": "s",
                "driver": {},
                "provisioner": {"name": "chef_solo", "data_bags_path": "bags", "attributes": {"a": 1}},
                "lifecycle": {"pre_create": [{"local": "make"}]},
            }],
        })
    );
}
