//! The text of a Dockerfile: what the section adds to it, and the labels of every stage.

use std::collections::VecDeque;

use banquet_sdk::{Context, Error, Result};
use regex::Regex;

use crate::settings::Settings;

/// The Dockerfile's text with the lines that the section adds. `base` is the image where the
/// section names no Dockerfile.
pub fn text(cx: &Context, settings: &Settings, base: &str) -> Result<String> {
    let mut text = match &settings.dockerfile {
        Some(path) => std::fs::read_to_string(cx.root.join(path)).map_err(|error| {
            Error::config("/dockerfile", format!("read {path}: {error}"))
                .hint("The path is relative to the directory of the configuration.")
        })?,
        None => format!("FROM {base}\n"),
    };
    if !text.ends_with('\n') {
        text.push('\n');
    }
    for line in &settings.intermediate_instructions.0 {
        text.push_str(&format!("{line}\n"));
    }
    for command in &settings.provision_command.0 {
        text.push_str(&format!("RUN {command}\n"));
    }
    Ok(text)
}

/// `text` with `line` after each `FROM`: what a build leaves behind when it is killed bears the
/// labels of the stage that it was in.
pub fn with_each_stage(text: &str, line: &str) -> String {
    let escape = escape(text);
    let mut reader = Reader::default();
    let mut out = String::with_capacity(text.len() + line.len() + 1);
    for raw in text.split_inclusive('\n') {
        out.push_str(raw);
        if reader.ends_instruction(raw, escape) == Some("FROM".into()) {
            out.push_str(&format!("{line}\n"));
        }
    }
    out
}

/// The character that continues a line: that of the directive `# escape=`, which stands above all
/// else, or the backslash.
fn escape(text: &str) -> char {
    let directives = text.lines().map_while(|line| {
        let (name, value) = line.trim().strip_prefix('#')?.split_once('=')?;
        Some((name.trim().to_lowercase(), value.trim()))
    });
    let mut escapes = directives.filter(|(name, _)| name == "escape");
    let value = escapes.next().and_then(|(_, value)| value.chars().next());
    value.unwrap_or('\\')
}

/// Puts continued lines together and knows here-documents from instructions.
#[derive(Default)]
struct Reader {
    instruction: String,
    /// The words that end the here-documents, and whether tabs may stand before them.
    heredocs: VecDeque<(String, bool)>,
}

impl Reader {
    /// The instruction that `raw` ends, in capitals.
    fn ends_instruction(&mut self, raw: &str, escape: char) -> Option<String> {
        let line = raw.trim_end_matches(['\n', '\r']);
        if let Some((end, tabs)) = self.heredocs.front() {
            let line = if *tabs {
                line.trim_start_matches('\t')
            } else {
                line
            };
            if line == end {
                self.heredocs.pop_front();
            }
            return None;
        }
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            return None;
        }
        let continued = trimmed
            .strip_suffix(escape)
            .filter(|it| !it.ends_with(escape));
        self.instruction.push_str(continued.unwrap_or(trimmed));
        if continued.is_some() {
            return None;
        }
        let instruction = std::mem::take(&mut self.instruction);
        let word = instruction.split_whitespace().next()?.to_ascii_uppercase();
        if ["RUN", "COPY", "ADD"].contains(&word.as_str()) {
            self.heredocs = heredocs(&instruction);
        }
        Some(word)
    }
}

fn heredocs(instruction: &str) -> VecDeque<(String, bool)> {
    let Ok(pattern) = Regex::new(r#"(?:^|[^<])<<(-?)["']?([A-Za-z_][A-Za-z0-9_]*)["']?"#) else {
        return VecDeque::new();
    };
    let found = pattern.captures_iter(instruction);
    found
        .map(|found| (found[2].to_owned(), &found[1] == "-"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stage_is_labelled_and_nothing_else() {
        for (text, labelled) in [
            ("FROM a\nRUN x\n", "FROM a\n+\nRUN x\n"),
            (
                "ARG V=1\nfrom a:$V AS one\nFROM b\n",
                "ARG V=1\nfrom a:$V AS one\n+\nFROM b\n+\n",
            ),
            (
                "FROM \\\n  # why\n\n  a\nRUN psql 'SELECT * \\\nFROM t'\n",
                "FROM \\\n  # why\n\n  a\n+\nRUN psql 'SELECT * \\\nFROM t'\n",
            ),
            (
                "FROM a\nRUN x <<-'END' && y <<<z\nFROM t\n\tEND\nFROM b\n",
                "FROM a\n+\nRUN x <<-'END' && y <<<z\nFROM t\n\tEND\nFROM b\n+\n",
            ),
            (
                "# escape=`\nFROM a\nRUN dir c:\\\nFROM b\n",
                "# escape=`\nFROM a\n+\nRUN dir c:\\\nFROM b\n+\n",
            ),
        ] {
            assert_eq!(with_each_stage(text, "+"), labelled);
        }
    }
}
