//! `kitchen.example.yml` is valid, and no key of a plugin is undocumented.

use std::path::Path;

use crate::support::Project;
use banquet_sdk::PluginInfo;
use kitchen::registry::Registry;

#[test]
fn the_example_is_valid_and_warns_of_nothing() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("kitchen.example.yml")).expect("the example");
    let project = Project::new().file("kitchen.yml", &text);
    // The files that it names are those of somebody's project.
    assert_eq!(project.faults_but_for_files(), Vec::<String>::new());
    project.kitchen("plan").succeeds().is_quiet();
}

#[test]
fn every_key_of_every_plugin_is_in_the_example_or_in_the_plugins_readme() {
    let registry = Registry::builtin();
    let mut infos: Vec<PluginInfo> = Vec::new();
    infos.extend(registry.drivers.values().map(|plugin| plugin.info()));
    infos.extend(registry.transports.values().map(|plugin| plugin.info()));
    infos.extend(registry.provisioners.values().map(|plugin| plugin.info()));
    infos.extend(registry.verifiers.values().map(|plugin| plugin.info()));
    assert!(infos.len() >= 10, "{infos:?}");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let example = std::fs::read_to_string(root.join("kitchen.example.yml")).expect("the example");
    let mut missing = Vec::new();
    for info in &infos {
        // `ansible_playbook` is one of `plugins/ansible`; others are named in the README's title.
        let technology = info.name.split('_').next().unwrap_or_default();
        let title = format!("`{}`", info.name);
        let readme = [&*info.name, technology]
            .map(|name| root.join("plugins").join(name).join("README.md"))
            .iter()
            .find_map(|path| std::fs::read_to_string(path).ok())
            .or_else(|| titled(root, &title))
            .expect("every plugin has a README");
        for key in info.keys() {
            if !example.contains(&format!("{key}:")) && !readme.contains(&format!("`{key}`")) {
                missing.push(format!("{}: {key}", info.name));
            }
        }
    }
    assert!(missing.is_empty(), "undocumented: {missing:?}");
}

/// The plugins' READMEs whose first paragraph has `title`.
fn titled(root: &Path, title: &str) -> Option<String> {
    let plugins = std::fs::read_dir(root.join("plugins")).expect("the plugins");
    let readmes = plugins
        .map(|entry| entry.expect("a plugin").path().join("README.md"))
        .filter_map(|path| std::fs::read_to_string(path).ok());
    let found: Vec<String> = readmes
        .filter(|text| {
            let first = text.split("\n\n").nth(1);
            first.is_some_and(|paragraph| paragraph.contains(title))
        })
        .collect();
    (!found.is_empty()).then(|| found.concat())
}
