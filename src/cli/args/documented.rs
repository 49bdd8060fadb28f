//! Whether every command in the documentation is one that this program takes.

use std::path::{Path, PathBuf};

use clap::{CommandFactory, Parser};
use regex::Regex;

use super::Arguments;

/// Every page, every pipeline in it, and every hint in the sources.
fn texts() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut open = vec![root.to_path_buf()];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            if path.is_dir() && !name.starts_with('.') && name != "target" {
                open.push(path);
            } else if path.extension().is_some_and(|it| it == "md") {
                let text = std::fs::read_to_string(&path).expect("text");
                // A command of the form `a \` goes on.
                found.push((path, text.replace("\\\\\n", " ").replace("\\\n", " ")));
            }
        }
    }
    assert!(found.len() > 40, "{} pages", found.len());
    found
}

/// The commands of a page: whole in backquotes, and in lines of blocks up to what a shell or a
/// pipeline puts behind them.
fn commands(text: &str) -> Vec<String> {
    let inline = Regex::new(r"`kitchen ([^`]*)`").expect("a pattern");
    let line =
        Regex::new(r##"(?m)(?:^|^\s*|[-|&("';{] ?|run: |sh |\d\) )kitchen ([^|;)&>"#\n]*)"##)
            .expect("a pattern");
    let mut found = Vec::new();
    for (number, part) in text.split("```").enumerate() {
        let pattern = if number % 2 == 1 { &line } else { &inline };
        let captures = pattern.captures_iter(part);
        found.extend(captures.map(|found| found[1].trim().replace('\n', " ")));
    }
    found
}

/// Words of a command: what is in brackets may be left out, and placeholders stand for words.
fn words(command: &str) -> Vec<String> {
    let optional = Regex::new(r"\[[^\]]*\]|…").expect("a pattern");
    let expressions = Regex::new(r"\$\{\{[^}]*\}\}|\$\{[^}]*\}").expect("a pattern");
    let partition = Regex::new(r"\$\w+/\$\w+").expect("a pattern");
    let variables = Regex::new(r"\$\w+").expect("a pattern");
    let command = optional.replace_all(command, "");
    let command = expressions.replace_all(&command, "1");
    let command = partition.replace_all(&command, "1/2");
    let command = variables
        .replace_all(&command, "1")
        .replace("KIND", "driver");
    shell_words::split(&command)
        .or_else(|_| shell_words::split(&command.replace(['\'', '"'], "")))
        .expect("words")
}

#[test]
fn every_command_in_the_documentation_is_taken() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for (page, text) in texts() {
        for command in commands(&text) {
            let words = words(&command);
            count += 1;
            // Named alone a command stands for all that it can be.
            let named = Arguments::command();
            let mut below = Some(&named);
            for word in &words {
                below = below.and_then(|command| command.find_subcommand(word));
            }
            let alone = below.is_some();
            let hidden = words.first().is_some_and(|word| word.starts_with("__"));
            let arguments = ["kitchen".into()].into_iter().chain(words);
            let rewritten = crate::cli::thor::rewrite(arguments.map(std::ffi::OsString::from));
            if !alone
                && !hidden
                && let Err(error) = Arguments::try_parse_from(rewritten)
                && error.use_stderr()
            {
                wrong.push(format!("{}: kitchen {command}: {error}", page.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 120, "{count}");
}

#[test]
fn commands_are_found_in_pipelines() {
    let page = "```groovy\nsh 'kitchen test --junit a || true'\n```\n`kitchen list`\n\
        ```yaml\n- run: kitchen test '${{ matrix.name }}' ||\n    case $? in 20|21) kitchen test x ;; esac\n```\n";
    assert_eq!(
        commands(page),
        [
            "test --junit a",
            "list",
            "test '${{ matrix.name }}'",
            "test x"
        ]
    );
}
