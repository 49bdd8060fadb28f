//! Whether the schemas say what is true.

use serde_json::Value;

use super::*;
use crate::config::{Keys, LoadOptions};

fn validator(schema: Value) -> (boon::Schemas, boon::SchemaIndex) {
    let mut schemas = boon::Schemas::new();
    let mut compiler = boon::Compiler::new();
    compiler
        .add_resource("memory:/schema.json", schema)
        .expect("a resource");
    let index = compiler.compile("memory:/schema.json", &mut schemas);
    (schemas, index.expect("a schema"))
}

fn checked(text: &str) -> Result<(), String> {
    checked_value(&serde_saphyr::from_str(text).expect("YAML"))
}

fn checked_value(value: &Value) -> Result<(), String> {
    static CONFIG: std::sync::LazyLock<(boon::Schemas, boon::SchemaIndex)> =
        std::sync::LazyLock::new(|| validator(of(What::Config).to_value()));
    let (schemas, index) = &*CONFIG;
    schemas
        .validate(value, *index)
        .map_err(|error| format!("{error:#}"))
}

#[test]
fn the_schemas_in_the_documentation_are_those_of_the_program() {
    for (what, name) in [
        (What::Record, "record"),
        (What::Report, "report"),
        (What::PluginProtocol, "plugin-protocol"),
    ] {
        let path = format!("{}/docs/schema/{name}.json", env!("CARGO_MANIFEST_DIR"));
        let told = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            told.trim_end() == format!("{:#}", of(what).to_value()),
            "docs/schema/{name}.json is old: `kitchen schema {name} > docs/schema/{name}.json`"
        );
    }
}

/// What the page about the protocol shows is as its schema says.
#[test]
fn the_messages_of_the_page_about_plugins_are_as_the_schema_says() {
    let page = include_str!("../../../docs/plugin-protocol.md");
    let valid = |place: &str, value: &Value| {
        let mut schemas = boon::Schemas::new();
        let mut compiler = boon::Compiler::new();
        let schema = of(What::PluginProtocol).to_value();
        let added = compiler.add_resource("memory:/schema.json", schema);
        added.expect("a resource");
        let index = compiler.compile(&format!("memory:/schema.json{place}"), &mut schemas);
        let checked = schemas.validate(value, index.expect("a schema"));
        assert!(checked.is_ok(), "{value}: {:#}", checked.unwrap_err());
    };
    let mut methods: Vec<String> = Vec::new();
    let blocks = page.split("```json\n").skip(1);
    let blocks = blocks.filter_map(|rest| rest.split("```").next());
    let talk = page.lines().filter_map(|line| {
        let line = line.strip_prefix(['→', '←'])?;
        (!line.contains('…')).then_some(line)
    });
    for text in blocks.chain(talk) {
        let value: Value = serde_json::from_str(text).expect(text);
        if value.get("jsonrpc").is_none() {
            valid("#/$defs/Context", &value);
            continue;
        }
        valid("", &value);
        if let Some(method) = value.get("method").and_then(Value::as_str) {
            methods.push(method.into());
        }
        if value["result"].get("protocol").is_some() {
            valid("#/results/initialize", &value["result"]);
        }
        if value["result"].get("cases").is_some() {
            valid("#/results/verifier~1verify", &value["result"]);
        }
    }
    for method in [
        "initialize",
        "state/checkpoint",
        "connection/exec",
        "shutdown",
    ] {
        assert!(
            methods.iter().any(|it| it == method),
            "{method}: {methods:?}"
        );
    }
    let schema = of(What::PluginProtocol).to_value();
    for method in schema["results"].as_object().expect("methods").keys() {
        let named = page.contains(&format!("`{method}`")) || method.ends_with("/doctor");
        assert!(named, "{method} is not on the page");
    }
}

#[test]
fn every_event_of_a_run_is_as_the_schema_of_the_record_says() {
    let (schemas, index) = validator(of(What::Record).to_value());
    for event in crate::report::story::cluster().events {
        let value = serde_json::to_value(&event).expect("JSON");
        let checked = schemas.validate(&value, index);
        assert!(checked.is_ok(), "{value}: {:#}", checked.unwrap_err());
    }
}

#[test]
fn the_example_and_the_fixtures_are_as_the_schema_says() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = vec![root.join("kitchen.example.yml")];
    let mut directories = vec![root.join("fixtures")];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            match path.file_name().and_then(|name| name.to_str()) {
                Some("kitchen.yml") => files.push(path),
                Some(".kitchen") => {}
                _ if path.is_dir() => directories.push(path),
                _ => {}
            }
        }
    }
    assert!(files.len() > 4);
    for file in files {
        let text = std::fs::read_to_string(&file).expect("text");
        if !text.contains("<%") {
            assert_eq!(checked(&text), Ok(()), "{}", file.display());
        }
    }
}

#[test]
fn what_is_wrong_is_against_the_schema() {
    for text in [
        "platforms: {}",
        "platforms: [{}]",
        "suites: [{name: a, includes: {a: b}}]",
        "multisuites: [{name: a}]",
        "multisuites: [{name: a, steps: [1]}]",
        "multisuites: [{name: a, steps: [{step: verify a, retries: often}]}]",
        "plaforms: []",
        "suites: [{name: a, atributes: {}}]",
        "platforms: [{name: a, drivr: docker}]",
        "multisuites: [{name: a, steps: [], step: []}]",
        "multisuites: [{name: a, steps: [{heartbeat: {evry: 1s}}]}]",
        "multisuites: [{name: a, steps: [{chaos: {faults: [kill], for: 1m, seeds: 4}}]}]",
        "multisuites: [{name: a, steps: [{step: wait a, http: {uri: /}}]}]",
        "multisuites: [{name: a, steps: [{step: exec a, command: a, expect: {code: 1}}]}]",
        "driver: [docker]",
        "driver: {name: dummy, sleep: [1]}",
        "report: {keep_runs: many}",
    ] {
        assert!(checked(text).is_err(), "{text}");
    }
    assert_eq!(checked("x-anchors: {}\n.more: 1\n_own: []"), Ok(()));
    assert_eq!(checked("driver: {name: somebodys, own: [1]}"), Ok(()));
    assert_eq!(checked("driver: {sleep: 1}"), Ok(()));
}

#[test]
fn every_known_key_is_in_the_schema_with_a_description() {
    let schema = of(What::Config).to_value();
    let properties = |place: &str| {
        let found = schema.pointer(place).and_then(Value::as_object);
        found.cloned().unwrap_or_default()
    };
    let mut places: Vec<String> = ["Step", "Heartbeat", "Chaos", "Rolling", "HookSettings"]
        .map(|name| format!("/$defs/{name}/properties"))
        .into();
    for (level, place) in [
        (Keys::Top, "/properties"),
        (Keys::Platform, "/$defs/Platform/properties"),
        (Keys::Suite, "/$defs/Suite/properties"),
        (Keys::Multisuite, "/$defs/Multisuite/properties"),
    ] {
        for key in level.known() {
            assert!(properties(place).contains_key(key), "{key} in {place}");
        }
        places.push(place.into());
    }
    let registry = Registry::builtin();
    for kind in [
        Kind::Driver,
        Kind::Transport,
        Kind::Provisioner,
        Kind::Verifier,
    ] {
        for name in registry.names(kind) {
            let place = format!("/$defs/{}-{name}/properties", kind.key());
            for key in registry.keys(kind, &name).unwrap_or_default() {
                assert!(properties(&place).contains_key(&key), "{key} in {place}");
            }
            places.push(place);
        }
    }
    for place in places {
        for (key, property) in properties(&place) {
            assert!(
                property["description"].is_string(),
                "{place}/{key}: {property}"
            );
        }
    }
}

/// Kitchen files, as they were written: those of this project, and those that people wrote where
/// that folder is (`tests/end_to_end/corpus.rs`).
fn written() -> Vec<std::path::PathBuf> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let named = std::env::var_os("BANQUET_CORPUS").map(std::path::PathBuf::from);
    let corpus = named.unwrap_or_else(|| root.join("../shared/corpus"));
    let mut found = Vec::new();
    for folder in [root.join("tests/data/kitchen-files"), corpus.join("files")] {
        let files = std::fs::read_dir(folder).into_iter().flatten();
        let files = files.map(|entry| entry.expect("an entry").path());
        found.extend(files.filter(|file| file.extension().is_some_and(|it| it == "yml")));
    }
    assert!(found.len() > 30, "{found:?}");
    found
}

#[test]
fn the_schema_refuses_of_what_people_wrote_the_keys_that_nothing_reads_and_no_others() {
    let (mut taken, mut refused, mut wrong) = (0, 0, Vec::new());
    for file in written() {
        let (config, problems) = crate::config::survey(&LoadOptions {
            root: file.parent().expect("a folder").to_path_buf(),
            project: Some(file.clone()),
            local: Some("none.yml".into()),
            global: Some("none.yml".into()),
            ..LoadOptions::default()
        });
        let Some(config) = config else { continue };
        let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
        let unknown = told.iter().any(|it| it.starts_with("unknown key"));
        // A file that is broken otherwise says nothing about keys.
        if !unknown && !told.is_empty() {
            continue;
        }
        let judged: Vec<_> = config
            .raw
            .iter()
            .map(|(_, tree)| checked_value(&tree.to_json()))
            .collect();
        let refusal = judged.into_iter().find_map(Result::err);
        match (&refusal, unknown) {
            (None, false) => taken += 1,
            (Some(_), true) => refused += 1,
            _ => wrong.push(format!("{}: {told:?}: {refusal:?}", file.display())),
        }
    }
    assert!(
        wrong.is_empty(),
        "{} files:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(taken > 20, "{taken} taken, {refused} refused");
}
