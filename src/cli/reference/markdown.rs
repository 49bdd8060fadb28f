//! Pages under docs/.

use std::fmt::Write;
use std::io;
use std::path::Path;

use super::example::technology;
use super::key::Key;
use super::steps::{self, Part};
use super::{Section, names, sections};
use crate::registry::Registry;

const MADE: &str = "<!-- Made by `kitchen help --markdown docs` from the documentation comments of the settings. -->";

/// Writes all pages below `directory`, and removes those of plugins that are no more.
pub fn write(registry: &Registry, directory: &Path) -> io::Result<()> {
    let plugins = directory.join("plugins");
    std::fs::create_dir_all(&plugins)?;
    let pages = pages(registry);
    for entry in std::fs::read_dir(&plugins)? {
        let path = entry?.path();
        let known = pages.iter().any(|(name, _)| directory.join(name) == path);
        if !known && std::fs::read_to_string(&path)?.starts_with(MADE) {
            std::fs::remove_file(&path)?;
        }
    }
    for (name, text) in pages {
        std::fs::write(directory.join(name), text)?;
    }
    Ok(())
}

/// Every page: its path below docs/, and its text.
pub(super) fn pages(registry: &Registry) -> Vec<(String, String)> {
    let groups = groups(registry);
    let mut pages = vec![
        ("steps.md".to_owned(), steps()),
        ("plugins/README.md".to_owned(), index(&groups)),
    ];
    for (names, sections) in &groups {
        pages.push((format!("plugins/{}", file(names)), plugin(names, sections)));
    }
    pages
}

/// Plugins that differ by name only share a page.
fn groups(registry: &Registry) -> Vec<(Vec<String>, Vec<Section>)> {
    let mut groups: Vec<(Vec<String>, Vec<Section>)> = Vec::new();
    let alike = |a: &[Section], b: &[Section]| {
        let bare = |section: &Section| Section {
            example: None,
            ..section.clone()
        };
        a.iter().map(bare).eq(b.iter().map(bare))
    };
    let mut names = names(registry);
    names.sort_by_key(|name| (name.len(), name.clone()));
    for name in names {
        let sections = sections(registry, &name);
        match groups.iter_mut().find(|(_, of)| alike(of, &sections)) {
            Some((names, _)) => names.push(name),
            None => groups.push((vec![name], sections)),
        }
    }
    groups.sort_by(|(a, _), (b, _)| a[0].cmp(&b[0]));
    groups
}

fn file(names: &[String]) -> String {
    format!("{}.md", names[0])
}

fn index(groups: &[(Vec<String>, Vec<Section>)]) -> String {
    let mut text = format!(
        "{MADE}\n# Plugins\n\nEvery key of every plugin, as `kitchen help NAME` tells it too. What a plugin \
         is about is in the README of its directory.\n\n| name | kind | what | about |\n| --- | --- | --- | --- |\n"
    );
    for (names, sections) in groups {
        for section in sections {
            let links: Vec<String> = names
                .iter()
                .map(|name| format!("[`{name}`]({})", file(names)))
                .collect();
            let about = technology(section.kind, &names[0]).map_or_else(String::new, |home| {
                format!("[plugins/{home}](../../plugins/{home}/README.md)")
            });
            let kind = section.kind.key();
            let _ = writeln!(
                text,
                "| {} | {kind} | {} | {about} |",
                links.join(", "),
                section.summary
            );
        }
    }
    text
}

fn plugin(names: &[String], sections: &[Section]) -> String {
    let title: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    let mut text = format!("{MADE}\n# {}\n", title.join(", "));
    for section in sections {
        let kind = section.kind.key();
        let heading = format!("{}{}", kind[..1].to_uppercase(), &kind[1..]);
        let _ = writeln!(
            text,
            "\n## {heading}\n\n{}{}.",
            section.summary[..1].to_uppercase(),
            &section.summary[1..]
        );
        if let Some(home) = technology(section.kind, &names[0]) {
            let _ = writeln!(
                text,
                "How it works: [plugins/{home}](../../plugins/{home}/README.md)."
            );
        }
        if let Some(example) = &section.example {
            let _ = write!(text, "\n```yaml\n{example}```\n");
        }
        match section.keys.is_empty() {
            true => text.push_str("\nIt has no keys.\n"),
            false => table(&mut text, &section.keys),
        }
    }
    text
}

fn steps() -> String {
    let mut text = format!(
        "{MADE}\n# Steps\n\nEvery action, block and option of a multisuite's `steps`, as `kitchen help steps` tells \
         them too. [Clusters](multisuites.md) says how they work together.\n"
    );
    for part in steps::parts() {
        match part {
            Part::Chapter(title) => {
                let _ = writeln!(text, "\n## {title}");
            }
            Part::Words(words) => {
                let _ = writeln!(text, "\n{words}");
            }
            Part::Form(form) => {
                let _ = writeln!(
                    text,
                    "\n### {}\n\n`{}`: {}",
                    form.word, form.usage, form.meaning
                );
                let _ = writeln!(text, "\n```yaml\n{}\n```", form.example);
            }
            Part::Keys(keys) => table(&mut text, &keys),
        }
    }
    text
}

fn table(text: &mut String, keys: &[Key]) {
    text.push_str(
        "\n| key | what may be written | default | meaning |\n| --- | --- | --- | --- |\n",
    );
    for key in keys {
        let default = key.default.clone().unwrap_or_default();
        let cells = [
            &format!("`{}`", key.name),
            &key.form,
            &default,
            &key.meaning,
        ];
        let cells = cells.map(|cell| cell.replace('|', "\\|"));
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
}
