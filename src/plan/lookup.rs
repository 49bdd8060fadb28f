//! Where the tests of a verify are looked for: the names of directories, whether there must be a
//! test, and what is there before anything runs.

use std::path::{Component, Path};
use std::sync::Arc;

use banquet_sdk::Tests;
use banquet_sdk::lookup::{Lookup, is_visible, look_up, shown};

use super::{Item, Planner, Subject, Task, context};
use crate::matrix::{Action, Instance, Step, each};

/// Where the tests of a verify are looked for, and whether there must be any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sought {
    /// Names of directories below `test_base_path`, the one that is preferred first.
    pub names: Vec<String>,
    /// Whether a verify that ran no test has failed, where neither the verifier's settings nor the
    /// command line say so.
    pub required: bool,
    /// Whether the step says that no test is as good as one.
    pub allow_empty: bool,
}

impl Sought {
    /// For an action on `instance`: that of `step`, or of the instance by itself, whose tests are
    /// where the steps look that verify it.
    pub fn of(task: &Task, instance: &Instance, step: Option<&Step>) -> Self {
        let own = |step: &&Step| step.action == Action::Verify;
        let steps: Vec<&Step> = match (step.filter(own), &task.cluster) {
            (Some(step), _) => vec![step],
            (None, Some(cluster)) => {
                let steps = cluster.verifies(&instance.suite).iter();
                steps.map(AsRef::as_ref).collect()
            }
            (None, None) => Vec::new(),
        };
        let in_cluster = !steps.is_empty() || matches!(task.subject, Subject::Cluster(_));
        let cluster = task.cluster.as_ref().filter(|_| in_cluster);
        let named = steps.iter().flat_map(|step| {
            let options = &step.options;
            options.tests_dir.iter().chain(&options.name)
        });
        let mut names: Vec<String> = Vec::new();
        for name in named
            .chain(cluster.map(|cluster| &cluster.multisuite))
            .chain([&instance.suite])
        {
            if is_below(name) && !names.contains(name) {
                names.push(name.clone());
            }
        }
        Self {
            names,
            required: !steps.is_empty(),
            allow_empty: !steps.is_empty() && steps.iter().all(|step| step.options.allow_empty),
        }
    }
}

/// Whether `name` can name a directory of tests: a label may be any text.
fn is_below(name: &str) -> bool {
    let mut parts = Path::new(name).components();
    let normal = |part| matches!(part, Component::Normal(_));
    let from_here = name.starts_with('.');
    !name.is_empty() && !from_here && !is_hidden(name) && parts.all(normal)
}

/// Whether the name of a directory in `path` begins with a dot: those hold no tests.
fn is_hidden(path: &str) -> bool {
    let mut parts = Path::new(path).components();
    parts.any(|part| matches!(part, Component::Normal(name) if !is_visible(name)))
}

/// What is wrong with the `tests_dir` of a step: it must be a directory below `test_dir`.
pub(super) fn wrong_tests_dir(
    step: &Step,
    test_dir: &Path,
    root: &Path,
) -> Option<(String, String)> {
    let name = step.options.tests_dir.as_ref()?;
    let directory = test_dir.join(name);
    if is_below(name) && directory.is_dir() {
        return None;
    }
    let base = shown(test_dir, root);
    let what = match (is_hidden(name), is_below(name)) {
        (true, _) => format!("`{name}` begins with a dot, and what does so holds no tests"),
        (_, true) => format!("there is no directory {}", shown(&directory, root)),
        (_, false) => format!("`{name}` is no directory below {base}"),
    };
    let hint = match is_hidden(name) {
        true => "Rename it without the dot, or leave `tests_dir` out.".to_owned(),
        false => format!("Name a directory below {base}, or leave `tests_dir` out."),
    };
    let at = step.origin.as_ref().map(|at| format!(" ({at})"));
    let at = at.unwrap_or_default();
    Some((format!("`tests_dir` of `{}`{at}: {what}", step.text), hint))
}

/// What there is to run for one verify, before anything runs.
#[derive(Clone, Debug)]
pub struct FoundTests {
    /// Name of the directory whose tests are run.
    pub name: String,
    /// Each directory with what is in it, for people.
    pub lines: Vec<String>,
}

/// What is verified: an instance, by a step or by itself. Steps may be written alike: each is told by
/// its address, which stays as long as its cluster does.
pub(super) type Verified = (String, Option<usize>);

fn verified(instance: &str, step: Option<&Step>) -> Verified {
    let address = step.map(|step| std::ptr::from_ref(step).addr());
    (instance.to_owned(), address)
}

impl Task {
    /// What there is to run for `step` of `instance`.
    pub fn found_tests(&self, instance: &str, step: Option<&Step>) -> Option<&FoundTests> {
        self.tests.get(&verified(instance, step))
    }
}

impl Planner<'_> {
    /// Looks for the tests of all that verifies in `task`, and warns where there must be some and
    /// are none.
    pub(super) fn look_for_tests(&self, task: &mut Task) {
        let mut wanted: Vec<(Arc<Instance>, Option<Arc<Step>>)> = Vec::new();
        for item in &task.items {
            match item {
                Item::All {
                    action: Action::Verify,
                    members,
                } => wanted.extend(members.iter().map(|it| (it.clone(), None))),
                Item::Step { node, .. } => each(node, &mut |step| {
                    let suite = step.suite.as_deref().unwrap_or_default();
                    let cluster = task.cluster.as_ref();
                    if step.action == Action::Verify
                        && let Some(member) = cluster.and_then(|it| it.member(suite))
                    {
                        let member = Arc::new(member.for_step(step));
                        wanted.push((member, Some(step.clone())));
                    }
                }),
                _ => {}
            }
        }
        for (instance, step) in wanted {
            let sought = Sought::of(task, &instance, step.as_deref());
            let Some((name, lookup)) = self.looked_up(&instance, &sought) else {
                continue;
            };
            let missing = lookup.is_vain() && sought.required && !sought.allow_empty;
            let requires = instance.verifier.section.values.get("require_tests");
            if missing && requires.and_then(|it| it.as_bool()) != Some(false) {
                let what = match &step {
                    Some(step) => format!("`{}`", step.text),
                    None => format!("`verify` of {}", instance.name),
                };
                let places = lookup.places(&self.project.root);
                task.warnings
                    .push(format!("{what} finds no test yet; it looks for {places}"));
            }
            let found = FoundTests {
                lines: lines(&lookup, &self.project.root),
                name,
            };
            let key = verified(&instance.name, step.as_deref());
            task.tests.entry(key).or_insert(found);
        }
    }

    /// What the verifier of `instance` finds; none where it cannot be told yet, which is an obstacle
    /// or not known before the run.
    fn looked_up(&self, instance: &Instance, sought: &Sought) -> Option<(String, Lookup)> {
        let used = &instance.verifier;
        let verifier = self.registry.verifier(&used.name).ok()?;
        let mut cx = context(self.project, instance, used.section.clone(), "");
        cx.tests_names.clone_from(&sought.names);
        let lookup = look_up(&*verifier, &mut cx).ok()?;
        Some((cx.tests_name, lookup))
    }
}

/// `test/integration/web/bats: 2 files (*.bats)`, one a directory.
fn lines(lookup: &Lookup, root: &Path) -> Vec<String> {
    let line = |(index, tests): (usize, &Tests)| {
        let Tests::Directory {
            directory,
            pattern,
            files,
        } = tests
        else {
            return None;
        };
        let place = shown(directory, root);
        let count = match files.len() {
            0 => "no file".to_owned(),
            1 => "1 file".to_owned(),
            many => format!("{many} files"),
        };
        let not_run = match lookup.chosen {
            Some(chosen) if index > chosen && !files.is_empty() => ", not run",
            _ => "",
        };
        Some(format!("{place}: {count} ({pattern}){not_run}"))
    };
    lookup.found.iter().enumerate().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_that_can_be_no_directory_is_only_a_label() {
        for (name, is) in [
            ("smoke", true),
            ("lb answers", true),
            ("a/b", true),
            ("", false),
            (".", false),
            (".hidden", false),
            ("a/.hidden", false),
            ("../x", false),
            ("a/../../x", false),
            ("/etc", false),
        ] {
            assert_eq!(is_below(name), is, "{name:?}");
        }
    }
}
