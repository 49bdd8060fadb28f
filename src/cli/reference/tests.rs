//! Whether pages have all that there is, and those under docs/ are what the program makes.

use std::path::Path;

use super::*;
use crate::matrix::Plugins;

#[test]
fn a_plugin_has_a_page_with_all_its_keys_and_what_they_mean() {
    let registry = Registry::builtin();
    for name in names(&registry) {
        let page = page(&registry, &name).expect("a page");
        for kind in KINDS {
            for key in registry.keys(kind, &name).unwrap_or_default() {
                assert!(page.contains(&format!("\n  {key}: ")), "{key}: {page}");
            }
        }
        let wide = page.lines().find(|line| line.chars().count() > 160);
        assert_eq!(wide, None, "{name}");
    }
    assert_eq!(page(&registry, "no such plugin"), None);
}

#[test]
fn a_page_says_what_a_key_defaults_to() {
    let page = page(&Registry::builtin(), "dummy").expect("a page");
    for part in [
        "dummy, a driver:",
        "dummy, a verifier:",
        "\n  sleep: seconds [default: 0]",
        "\n  fail_create: true or false [default: false]",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
}

#[test]
fn every_plugin_has_a_home_an_example_and_a_meaning_of_every_key() {
    let registry = Registry::builtin();
    for name in names(&registry) {
        for section in sections(&registry, &name) {
            let what = format!("{} {name}", section.kind.key());
            assert!(example::technology(section.kind, &name).is_some(), "{what}");
            let example = section.example.unwrap_or_default();
            assert!(
                example.contains(&format!("name: {name}")),
                "plugins/*/README.md has no example of {what}: {example}"
            );
            for key in section.keys {
                assert!(!key.meaning.is_empty(), "{what}: {}", key.name);
            }
        }
    }
}

#[test]
fn the_pages_under_docs_are_those_that_the_program_makes() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let made = markdown::pages(&Registry::builtin());
    let mut old: Vec<String> = made
        .iter()
        .filter(|(name, text)| {
            std::fs::read_to_string(docs.join(name)).unwrap_or_default() != *text
        })
        .map(|(name, _)| name.clone())
        .collect();
    for entry in std::fs::read_dir(docs.join("plugins"))
        .into_iter()
        .flatten()
    {
        let name = entry.expect("an entry").file_name();
        let name = format!("plugins/{}", name.to_string_lossy());
        if !made.iter().any(|(known, _)| *known == name) {
            old.push(name);
        }
    }
    assert!(
        old.is_empty(),
        "not what the program makes: {old:?}; run `cargo run -- help --markdown docs`"
    );
}

#[test]
fn the_reference_of_steps_has_every_action_and_every_key() {
    let text = steps();
    for form in crate::matrix::reference::ACTIONS {
        assert!(
            text.contains(&format!("\n{}\n", form.usage)),
            "{}",
            form.usage
        );
    }
    for key in [
        "  for: ",
        "  http.status: ",
        "  max_outage: ",
        "  min_in_service: ",
        "  retries: ",
    ] {
        assert!(text.contains(key), "{key}: {text}");
    }
}
