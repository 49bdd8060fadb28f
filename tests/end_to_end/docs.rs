//! What the documentation shows is true: its YAML is valid, its links lead somewhere, and no page
//! is out of reach.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::support::Project;
use regex::Regex;
use serde_json::Value;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every page of the project, relative to it.
fn pages() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![PathBuf::new()];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(root().join(&directory)).expect("a directory") {
            let entry = entry.expect("an entry");
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = directory.join(&name);
            if entry.file_type().expect("a type").is_dir() {
                if !name.starts_with('.') && !["target", "src", "data"].contains(&&*name) {
                    open.push(path);
                }
            } else if name.ends_with(".md") {
                found.push(path);
            }
        }
    }
    found.sort();
    assert!(found.len() > 40, "{found:?}");
    found
}

fn text(page: &Path) -> String {
    std::fs::read_to_string(root().join(page)).expect("a page")
}

/// A fenced block: its language with what is said about it, its text, and its line.
struct Block {
    info: String,
    text: String,
    line: usize,
}

/// The blocks of a page, and the page without them.
fn split(text: &str) -> (Vec<Block>, String) {
    let (mut blocks, mut prose) = (Vec::<Block>::new(), String::new());
    let mut inside = false;
    for (line, number) in text.lines().zip(1..) {
        match (inside, line.strip_prefix("```")) {
            (false, Some(info)) => blocks.push(Block {
                info: info.to_owned(),
                text: String::new(),
                line: number,
            }),
            (true, Some(_)) => {}
            (true, None) => {
                let block = blocks.last_mut().expect("a block");
                block.text.push_str(line);
                block.text.push('\n');
            }
            (false, None) => {
                prose.push_str(line);
                prose.push('\n');
            }
        }
        inside ^= line.starts_with("```");
    }
    assert!(!inside, "a block without an end: {text}");
    (blocks, prose)
}

/// Keys that stand at the top of a kitchen.yml.
const TOP: [&str; 12] = [
    "driver",
    "transport",
    "provisioner",
    "verifier",
    "lifecycle",
    "platforms",
    "suites",
    "multisuites",
    "supersuites",
    "report",
    "kitchen",
    "busser",
];

/// Members that pieces of configurations may name.
const SUITES: &str =
    "suites:\n- {name: web1, roles: [web]}\n- {name: web2, roles: [web]}\n- {name: db}\n";

/// The kitchen.yml of which `block` is a part; none where it is of another kind.
fn whole(block: &Block) -> Result<String, String> {
    // The steps of a multisuite may stand under their key.
    let text = block.text.strip_prefix("steps:\n").unwrap_or(&block.text);
    let value: Value = serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
    let platforms = "platforms: [{name: debian-12}]\n";
    if value.is_array() {
        let steps: String = text.lines().map(|line| format!("  {line}\n")).collect();
        let members = "  - {concurrent: [setup web1, setup web2, setup db]}\n";
        return Ok(format!(
            "driver: docker\n{platforms}{SUITES}multisuites:\n- name: piece\n  steps:\n{members}{steps}"
        ));
    }
    let Some(map) = value.as_object() else {
        return Err("neither a configuration nor steps".into());
    };
    let unknown: Vec<_> = map.keys().filter(|key| !TOP.contains(&&***key)).collect();
    if !unknown.is_empty() {
        return Err(format!("{unknown:?} are no keys of a kitchen.yml"));
    }
    let mut text = block.text.clone();
    if !map.contains_key("platforms") {
        text.push_str(platforms);
    }
    if !map.contains_key("suites") {
        text.push_str(match map.contains_key("multisuites") {
            true => SUITES,
            false => "suites: [{name: default}]\n",
        });
    }
    Ok(text)
}

#[test]
fn every_block_of_yaml_is_valid() {
    let mut checked = 0;
    let mut wrong = Vec::new();
    for page in pages() {
        for block in split(&text(&page)).0 {
            let place = format!("{}:{}", page.display(), block.line);
            let comment = block.text.lines().all(|line| line.starts_with('#'));
            match block.info.as_str() {
                "yaml" if comment => {}
                "yaml" => match whole(&block) {
                    Err(why) => wrong.push(format!("{place}: {why}")),
                    Ok(text) => {
                        // Executables, which are not in the default build.
                        let outside = ["ec2", "make", "process", "pyunit"];
                        let of = |name: &&str| page.starts_with(Path::new("plugins").join(name));
                        let missing = outside.iter().any(of);
                        let project = Project::new().file("kitchen.yml", &text);
                        let mut faults = project.faults_but_for_files();
                        faults.retain(|fault| !(missing && fault.starts_with("there is no ")));
                        wrong.extend(faults.iter().map(|fault| format!("{place}: {fault}")));
                        checked += 1;
                    }
                },
                // Of other programs.
                "yaml github" | "yaml gitlab" | "yaml ansible" => {
                    let read: Result<Value, _> = serde_saphyr::from_str(&block.text);
                    if let Err(error) = read {
                        wrong.push(format!("{place}: {error}"));
                    }
                    checked += 1;
                }
                other if other.starts_with("yaml") => wrong.push(format!("{place}: `{other}`")),
                _ => {}
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert!(checked > 80, "{checked}");
}

/// The anchor that a heading has where pages are shown.
fn anchor(heading: &str) -> String {
    let link = Regex::new(r"\[([^\]]*)\]\([^)]*\)").expect("a pattern");
    let plain = link.replace_all(heading.trim(), "$1").to_lowercase();
    let kept = plain
        .chars()
        .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn anchors_are_made_of_headings() {
    assert_eq!(anchor(" `wait` SUITE"), "wait-suite");
    assert_eq!(anchor("[A page](b.md), and more"), "a-page-and-more");
}

fn anchors(page: &Path) -> BTreeSet<String> {
    let (_, prose) = split(&text(page));
    let headings = prose.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| anchor(line.trim_start_matches('#')))
        .collect()
}

/// Links of a page to others of the project: the page or file, and the anchor.
fn links(page: &Path) -> Vec<(PathBuf, Option<String>)> {
    let (_, prose) = split(&text(page));
    let code = Regex::new(r"`[^`]*`").expect("a pattern");
    let prose = code.replace_all(&prose, "code");
    let link = Regex::new(r"\]\(([^)\s]+)\)").expect("a pattern");
    let targets = link.captures_iter(&prose).map(|found| found[1].to_owned());
    targets
        .filter(|target| !target.contains("://") && !target.starts_with("mailto:"))
        .map(|target| {
            let (path, anchor) = match target.split_once('#') {
                Some((path, anchor)) => (path, Some(anchor.to_owned())),
                None => (target.as_str(), None),
            };
            match path {
                "" => (page.to_path_buf(), anchor),
                path => (
                    normal(&page.parent().expect("a directory").join(path)),
                    anchor,
                ),
            }
        })
        .collect()
}

fn normal(path: &Path) -> PathBuf {
    let mut found = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::ParentDir => assert!(found.pop(), "{}", path.display()),
            part => found.push(part),
        }
    }
    found
}

#[test]
fn every_link_leads_somewhere() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for page in pages() {
        for (target, anchor) in links(&page) {
            count += 1;
            if !root().join(&target).exists() {
                wrong.push(format!("{}: no {}", page.display(), target.display()));
            } else if let Some(anchor) = anchor.filter(|it| !anchors(&target).contains(it)) {
                wrong.push(format!(
                    "{}: no #{anchor} in {}",
                    page.display(),
                    target.display()
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 100, "{count}");
}

#[test]
fn every_page_of_the_documentation_is_in_its_index() {
    let linked: BTreeSet<PathBuf> = ["README.md", "docs/README.md", "docs/plugins/README.md"]
        .iter()
        .flat_map(|page| links(Path::new(page)))
        .map(|(path, _)| path)
        .collect();
    let index = Path::new("docs/README.md");
    assert!(
        linked.contains(index),
        "README.md does not lead to docs/README.md"
    );
    let of_docs = |page: &PathBuf| page.starts_with("docs") || page.starts_with("plugins");
    let lost: Vec<_> = pages()
        .into_iter()
        .filter(|page| of_docs(page) && !linked.contains(page))
        .collect();
    assert!(lost.is_empty(), "no index leads to {lost:?}");
}

/// What merging of notes leaves behind.
#[test]
fn no_line_of_prose_stands_twice_on_a_page() {
    let mut twice = Vec::new();
    for page in pages() {
        let (_, prose) = split(&text(&page));
        let lines: Vec<&str> = prose.lines().collect();
        let mut seen = BTreeSet::new();
        for (number, line) in lines.iter().enumerate() {
            let rule = |line: &str| line.starts_with("| ---");
            let head = lines.get(number + 1).is_some_and(|next| rule(next));
            let long = line.len() > 30 && !rule(line) && !head;
            // Kinds of one plugin have keys in common, and a home.
            let made = page.starts_with("docs/plugins") && line.starts_with(['|', 'H']);
            let made = made || page.ends_with("steps.md") && line.starts_with('|');
            if long && !seen.insert(*line) && !made {
                twice.push(format!("{}: {line}", page.display()));
            }
        }
    }
    assert!(twice.is_empty(), "{}", twice.join("\n"));
}

/// Blocks in languages that nothing checks would go stale: commands are `sh`, which CI runs
/// (`.ci/readme-commands`); code that is not run says what it is.
#[test]
fn every_block_says_what_it_is() {
    const KNOWN: [&str; 15] = [
        "sh",
        "yaml",
        "yaml github",
        "yaml gitlab",
        "yaml ansible",
        "json",
        "groovy",
        "puppet",
        "jinja",
        "python",
        "ruby",
        "rust",
        "rust,ignore",
        "bash",
        "text",
    ];
    let mut wrong = Vec::new();
    for page in pages() {
        for block in split(&text(&page)).0 {
            let place = format!("{}:{}", page.display(), block.line);
            if !KNOWN.contains(&block.info.as_str()) {
                wrong.push(format!("{place}: a block of `{}`", block.info));
            }
            let brackets = [('{', '}'), ('(', ')'), ('[', ']')];
            for (open, close) in brackets.iter().filter(|_| block.info == "groovy") {
                let count = |bracket| block.text.matches(bracket).count();
                assert_eq!(count(*open), count(*close), "{place}: {open}{close}");
            }
            let command = |line: &str| line.starts_with("kitchen ") || line.starts_with("$ ");
            if ["bash", "text"].contains(&block.info.as_str()) && block.text.lines().any(command) {
                wrong.push(format!("{place}: commands that CI does not run"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// All text of the program, with literals that go over several lines joined.
fn sources() -> String {
    let mut found = String::new();
    let mut open = ["src", "crates", "plugins"]
        .map(|room| root().join(room))
        .to_vec();
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|it| it == "rs") {
                found.push_str(&std::fs::read_to_string(path).expect("a source"));
            }
        }
    }
    let continued = Regex::new(r"\\\n\s*").expect("a pattern");
    continued.replace_all(&found, "").into_owned()
}

#[test]
fn every_message_under_troubleshooting_is_one_of_the_program() {
    let sources = sources();
    let page = text(Path::new("docs/troubleshooting.md"));
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    let messages: Vec<&str> = rows.filter_map(|row| row.split('`').next()).collect();
    assert!(messages.len() >= 25, "{messages:?}");
    let mut unknown = Vec::new();
    for message in messages {
        let fixed: Vec<&str> = message
            .split('…')
            .map(|part| part.trim_matches(['"', ' ', ':']))
            .filter(|part| !part.is_empty())
            .collect();
        assert!(
            fixed.iter().map(|part| part.len()).sum::<usize>() >= 8,
            "too little of {message}"
        );
        if !fixed.iter().all(|part| sources.contains(part)) {
            unknown.push(message);
        }
    }
    assert!(unknown.is_empty(), "nothing says {unknown:#?}");
}
