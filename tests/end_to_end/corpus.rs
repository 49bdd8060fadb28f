//! Kitchen files with what Test Kitchen 4.1.0 makes of each: those of this project, and those that
//! people wrote, where that folder is beside the project.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::support::{Project, Ran};
use serde_json::{Map, Value};

/// Names a folder with `files/*.yml` and `expected/*.json`, in place of the usual one.
const VARIABLE: &str = "BANQUET_CORPUS";

/// Hardest template that needs no Ruby (`erb_tier`).
const WITHOUT_RUBY: u64 = 4;

const PLUGINS: [&str; 4] = ["driver", "provisioner", "verifier", "transport"];

/// A kitchen file and its expectation.
struct Case {
    name: String,
    file: PathBuf,
    expected: Value,
}

/// How far a file agrees.
struct Outcome {
    name: String,
    tier: u64,
    /// Refused or listed as in Test Kitchen.
    agrees: bool,
    /// Instances whose settings are those of Test Kitchen, and all.
    settings: (usize, usize),
    notes: Vec<String>,
}

fn cases(files: &Path, expected: &Path) -> Vec<Case> {
    let mut cases = Vec::new();
    for entry in std::fs::read_dir(files).expect("a folder of kitchen files") {
        let file = entry.expect("an entry").path();
        if file.extension().is_none_or(|extension| extension != "yml") {
            continue;
        }
        let name = file
            .file_stem()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        let path = expected.join(format!("{name}.json"));
        let text = std::fs::read_to_string(&path);
        let text = text.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let expected = serde_json::from_str(&text).expect("JSON");
        cases.push(Case {
            name,
            file,
            expected,
        });
    }
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(!cases.is_empty(), "no kitchen files in {}", files.display());
    cases
}

/// A directory with the programs that templates may ask for: `ruby`, and a `vagrant` that `which`
/// finds, as it was where the expectations come from.
fn programs() -> Project {
    let project = Project::new().script("bin/vagrant", "#!/bin/sh\n");
    let path = std::env::var_os("PATH").unwrap_or_default();
    for name in ["ruby", "which", "sh", "git"] {
        let mut places = std::env::split_paths(&path).map(|dir| dir.join(name));
        #[cfg(unix)]
        if let Some(found) = places.find(|place| place.is_file()) {
            let link = project.path().join("bin").join(name);
            std::os::unix::fs::symlink(found, link).expect("a link");
        }
    }
    project
}

fn check(case: &Case, programs: &Project) -> Outcome {
    let mut project = Project::new().no_other_env();
    let home = project.path().join("home").display().to_string();
    let path = programs.path().join("bin").display().to_string();
    for (name, value) in [
        ("PATH", path.as_str()),
        ("HOME", home.as_str()),
        ("USER", "kitchen"),
        ("LANG", "C.UTF-8"),
        ("TZ", "UTC"),
    ] {
        project = project.env(name, value);
    }
    std::fs::copy(&case.file, project.path().join("kitchen.yml")).expect("a copy of the file");
    let expected = &case.expected;
    let mut outcome = Outcome {
        name: case.name.clone(),
        tier: expected["erb_tier"].as_u64().unwrap_or(0),
        agrees: false,
        settings: (0, 0),
        notes: Vec::new(),
    };
    let listed = project.kitchen("list --json");
    match expected["list"]
        .as_array()
        .filter(|_| expected["list_exit"] == 0)
    {
        None => outcome.agrees = fails_alike(expected, &listed, &mut outcome.notes),
        Some(list) => outcome.agrees = lists_alike(list, &listed, &mut outcome.notes),
    }
    let diagnose = expected["diagnose"].as_object();
    if let Some(wanted) = diagnose.filter(|_| expected["list_exit"] == 0) {
        let diagnosed = project.kitchen("diagnose --all");
        let tree = instances(&diagnosed, &project.path().display().to_string(), &home);
        let same = |(name, wanted): &(&String, &Value)| {
            let Some(wanted) = wanted.as_object() else {
                return true;
            };
            let got = tree.get(*name).cloned().unwrap_or_default();
            let mut found = Vec::new();
            differences(&wanted.clone().into(), &got, name, 0, &mut found);
            outcome.notes.extend(found.iter().take(5).cloned());
            found.is_empty()
        };
        outcome.settings = (wanted.iter().filter(same).count(), wanted.len());
    }
    outcome
}

/// Where Test Kitchen fails: a plugin that is missing can be listed here, what is refused shows the
/// place.
fn fails_alike(expected: &Value, listed: &Ran, notes: &mut Vec<String>) -> bool {
    let message = expected["message"].as_str().unwrap_or_default();
    if message.starts_with("Could not load the ") {
        return listed.code == Some(0);
    }
    let refused = expected["list_exit"] == 20;
    let fails = listed.code != Some(0) && (!refused || listed.err.contains("[kitchen.yml:"));
    if !fails {
        notes.push(format!(
            "Test Kitchen fails ({message}): {}",
            listed.transcript()
        ));
    }
    fails
}

fn lists_alike(wanted: &[Value], listed: &Ran, notes: &mut Vec<String>) -> bool {
    let Ok(Value::Array(got)) = serde_json::from_str(&listed.out) else {
        notes.push(listed.transcript());
        return false;
    };
    let row = |row: &Value| {
        let keys = ["instance"].iter().chain(&PLUGINS);
        keys.map(|key| row[*key].as_str().unwrap_or_default().to_owned())
            .collect::<Vec<_>>()
    };
    let (got, wanted): (Vec<_>, Vec<_>) = (
        got.iter().map(row).collect(),
        wanted.iter().map(row).collect(),
    );
    if got != wanted {
        notes.push(format!("listed {got:?}, expected {wanted:?}"));
    }
    got == wanted
}

/// The instances of `kitchen diagnose`, with the directories' names left out.
fn instances(diagnosed: &Ran, root: &str, home: &str) -> Map<String, Value> {
    let unbounded = serde_saphyr::options! { budget: None };
    let mut tree: Value = serde_saphyr::from_str_with_options(&diagnosed.out, unbounded)
        .unwrap_or_else(|error| panic!("{error}: {}", diagnosed.transcript()));
    let mut tree = tree["instances"].take();
    shorten(&mut tree, &|text| {
        text.replace(home, "@HOME@").replace(root, "@ROOT@")
    });
    tree.as_object().cloned().unwrap_or_default()
}

fn shorten(value: &mut Value, short: &impl Fn(&str) -> String) {
    match value {
        Value::String(text) => *text = short(text),
        Value::Array(list) => list.iter_mut().for_each(|value| shorten(value, short)),
        Value::Object(map) => map.values_mut().for_each(|value| shorten(value, short)),
        _ => {}
    }
}

/// Keys of `wanted` that `got` lacks or has otherwise. Plugins of this program may have further
/// keys; below them nothing may be added.
fn differences(wanted: &Value, got: &Value, at: &str, depth: usize, found: &mut Vec<String>) {
    match (wanted, got) {
        (Value::String(object), _) if object == "<object>" => {}
        (Value::Object(wanted), Value::Object(got)) => {
            for (key, value) in wanted {
                let at = format!("{at}/{key}");
                match got.get(key) {
                    Some(inner) => differences(value, inner, &at, depth + 1, found),
                    None if value.is_null() => {}
                    None => found.push(format!("{at} is missing, expected {value}")),
                }
            }
            let more = got
                .keys()
                .filter(|key| depth > 1 && !wanted.contains_key(*key));
            found.extend(more.map(|key| format!("{at}/{key} is not expected")));
        }
        (Value::Array(wanted), Value::Array(got)) if wanted.len() == got.len() => {
            for (index, (wanted, got)) in wanted.iter().zip(got).enumerate() {
                differences(wanted, got, &format!("{at}/{index}"), depth + 1, found);
            }
        }
        (Value::Number(a), Value::Number(b)) if a.as_f64() == b.as_f64() => {}
        _ if wanted == got => {}
        _ => found.push(format!("{at}: expected {wanted}, got {got}")),
    }
}

/// Checks all, several at once.
fn outcomes(cases: &[Case]) -> Vec<Outcome> {
    let programs = programs();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let size = cases.len().div_ceil(threads);
    std::thread::scope(|scope| {
        let check_all = |part: &[Case]| {
            part.iter()
                .map(|it| check(it, &programs))
                .collect::<Vec<_>>()
        };
        let running: Vec<_> = cases
            .chunks(size)
            .map(|part| scope.spawn(move || check_all(part)))
            .collect();
        running
            .into_iter()
            .flat_map(|part| part.join().expect("a part"))
            .collect()
    })
}

fn notes(outcomes: &[&Outcome]) -> String {
    let lines = outcomes
        .iter()
        .map(|it| format!("{}: {}\n", it.name, it.notes.join("\n    ")));
    lines.collect()
}

#[test]
fn files_of_the_project_are_read_as_test_kitchen_reads_them() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/kitchen-files");
    let outcomes = outcomes(&cases(&folder, &folder));
    let wrong: Vec<_> = outcomes
        .iter()
        .filter(|it| !it.agrees || it.settings.0 < it.settings.1)
        .collect();
    assert!(wrong.is_empty(), "{}", notes(&wrong));
}

#[test]
fn files_that_people_wrote_are_read_as_test_kitchen_reads_them() {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    let folder = std::env::var_os(VARIABLE).map_or(beside, PathBuf::from);
    if !folder.join("files").is_dir() {
        // No requirement: the folder is not part of the project.
        eprintln!(
            "skipped: there is no {}, and {VARIABLE} names none",
            folder.display()
        );
        return;
    }
    let outcomes = outcomes(&cases(&folder.join("files"), &folder.join("expected")));
    let ruby = std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join("ruby").is_file()));
    let counts = |it: &&Outcome| ruby || it.tier <= WITHOUT_RUBY;
    let wrong: Vec<_> = outcomes
        .iter()
        .filter(counts)
        .filter(|it| !it.agrees)
        .collect();
    assert!(
        wrong.is_empty(),
        "{} files:\n{}",
        wrong.len(),
        notes(&wrong)
    );
    let (same, all) = outcomes
        .iter()
        .filter(counts)
        .fold((0, 0), |(same, all), it| {
            (same + it.settings.0, all + it.settings.1)
        });
    let differ: Vec<_> = outcomes
        .iter()
        .filter(|it| it.settings.0 < it.settings.1)
        .collect();
    assert!(
        same * 100 >= all * 99,
        "{same} of {all}:\n{}",
        notes(&differ)
    );
    let mut tiers = BTreeMap::new();
    for outcome in &outcomes {
        *tiers.entry(outcome.tier).or_insert(0) += usize::from(outcome.agrees);
    }
    eprintln!("settings {same} of {all}; files by tier: {tiers:?}");
}
