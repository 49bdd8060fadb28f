//! Pages for a terminal.

use std::fmt::Write;

use super::key::Key;
use super::steps::{self, Part};
use crate::registry::Registry;

/// Columns of a terminal that any has.
const WIDTH: usize = 78;

/// What every plugin of this name takes; none where there is none.
pub fn plugin(registry: &Registry, name: &str) -> Option<String> {
    let mut text = String::new();
    for section in super::sections(registry, name) {
        if !text.is_empty() {
            text.push('\n');
        }
        // Writing to memory cannot fail.
        let _ = writeln!(
            text,
            "{name}, a {}: {}",
            section.kind.key(),
            section.summary
        );
        if let Some(example) = &section.example {
            let _ = writeln!(text, "\nExample:\n");
            indented(&mut text, example);
        }
        keys(&mut text, &section.keys);
    }
    (!text.is_empty()).then_some(text)
}

/// What a step can be.
pub fn steps() -> String {
    let mut text = String::new();
    for part in steps::parts() {
        match part {
            Part::Chapter(title) => {
                let _ = writeln!(text, "\n{}\n", title.to_uppercase());
            }
            Part::Words(words) => {
                wrapped(&mut text, "", words);
                text.push('\n');
            }
            Part::Form(form) => {
                let _ = writeln!(text, "{}", form.usage);
                wrapped(&mut text, "   ", form.meaning);
                text.push('\n');
                indented(&mut text, form.example);
                text.push('\n');
            }
            Part::Keys(list) => {
                keys(&mut text, &list);
                text.push('\n');
            }
        }
    }
    // Parts end with an empty line and some begin with one.
    text.trim_start().replace("\n\n\n", "\n\n")
}

fn keys(text: &mut String, keys: &[Key]) {
    for key in keys {
        let default = match key.default.as_deref() {
            Some("required") => " [required]".to_owned(),
            Some(default) => format!(" [default: {}]", default.replace('`', "")),
            None => String::new(),
        };
        let form = key.form.replace('`', "");
        let _ = writeln!(text, "\n  {}: {form}{default}", key.name);
        wrapped(text, "     ", &key.meaning);
    }
}

fn indented(text: &mut String, block: &str) {
    for line in block.lines() {
        let _ = writeln!(text, "    {line}");
    }
}

/// The words no wider than a terminal, each line behind `indent`.
fn wrapped(text: &mut String, indent: &str, words: &str) {
    let mut line = String::new();
    for word in words.split_whitespace() {
        if !line.is_empty() && indent.len() + line.len() + 1 + word.len() > WIDTH {
            let _ = writeln!(text, "{indent}{line}");
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() {
        let _ = writeln!(text, "{indent}{line}");
    }
}
