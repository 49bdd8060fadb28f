//! A forged label leads nowhere: what `gc` removes, opens or locks is what the kitchen itself made.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use banquet_sdk::outside::{Claim, names::is_harmful};
use proptest::prelude::*;

use crate::support::{Project, needs};

const KITCHEN: &str = "
driver: sandbox
provisioner: dummy
verifier: dummy
platforms: [{name: host}]
suites: [{name: a}]
";

/// A process that looks like one of the sandbox's, with labels of the attacker's choice. It ends
/// with the test.
struct Forged(Child);

impl Forged {
    fn new(project: &Project, labels: &[(&str, &str)]) -> Self {
        let id = kitchen::state::project_id(project.path());
        // The shell's script is called what helpers are called: their second argument is read.
        project.write("forge/__sandbox", "read -r line\n");
        let mut command = Command::new("sh");
        command.args(["__sandbox", "keep", &format!("--project={id}")]);
        for (name, value) in labels {
            command.arg(format!("--{name}={value}"));
        }
        command
            .current_dir(project.path().join("forge"))
            .stdin(Stdio::piped());
        Self(command.spawn().expect("a shell"))
    }
}

impl Drop for Forged {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn forge(project: &Project, label: &str, value: &str) -> Forged {
    let mut labels = vec![("run", "r1"), ("id", "forged"), ("instance", "a-host")];
    labels.retain(|(name, _)| *name != label);
    labels.push((label, value));
    Forged::new(project, &labels)
}

fn victim(project: &Project) -> String {
    project.write("victim/precious", "precious");
    project.write("victim.yml", "precious");
    project.write("victim.lock", "precious");
    project.path().join("victim").display().to_string()
}

fn is_unharmed(project: &Project) {
    for file in ["victim/precious", "victim.yml", "victim.lock"] {
        assert_eq!(project.read(file), "precious", "{file}");
    }
}

#[test]
fn a_forged_label_removes_no_directory_and_makes_no_lock() {
    if !needs("sandbox") {
        return;
    }
    let project = Project::new().file("kitchen.yml", KITCHEN);
    let absolute = victim(&project);
    for label in ["cluster", "instance"] {
        for value in ["../../victim", "../../../victim", absolute.as_str()] {
            let _forged = forge(&project, label, value);
            project.kitchen("gc --yes").succeeds();
            is_unharmed(&project);
            let locks = std::fs::read_dir(project.path().join(".kitchen/locks"));
            let locks = locks.map_or(0, Iterator::count);
            assert_eq!(locks, 0, "locks after {label}={value}");
        }
    }
}

#[test]
fn a_forged_name_that_is_a_name_makes_no_lock_and_no_directory() {
    if !needs("sandbox") {
        return;
    }
    let project = Project::new().file("kitchen.yml", KITCHEN);
    let _forged = forge(&project, "cluster", "never-configured");
    project.kitchen("gc --yes").prints("never-configured");
    assert!(!project.has(".kitchen/locks/never-configured.lock"));
    assert!(!project.has(".kitchen/clusters/never-configured"));
}

#[test]
fn labels_reach_no_terminal_as_they_are() {
    if !needs("sandbox") {
        return;
    }
    let project = Project::new().file("kitchen.yml", KITCHEN);
    for value in ["\u{1b}[2Jx", "x\ny", "x\u{202e}y"] {
        let _forged = forge(&project, "cluster", value);
        let ran = project.kitchen("gc");
        let odd = |c: char| is_harmful(c) && c != '\n';
        assert!(
            !ran.out.contains(odd) && !ran.err.contains(odd),
            "{}",
            ran.transcript()
        );
        assert!(!ran.out.contains("\ny"), "{}", ran.transcript());
    }
}

#[test]
fn a_lock_that_is_a_link_is_not_written_through() {
    let project = Project::new().file("kitchen.yml", &KITCHEN.replace("sandbox", "dummy"));
    project.write("victim", "precious");
    std::fs::create_dir_all(project.path().join(".kitchen/locks")).expect("a directory");
    let lock = project.path().join(".kitchen/locks/a-host.lock");
    std::os::unix::fs::symlink(project.path().join("victim"), &lock).expect("a link");
    let ran = project.kitchen("create");
    assert_ne!(ran.code, Some(0), "{}", ran.transcript());
    assert_eq!(project.read("victim"), "precious");
}

fn wicked() -> impl Strategy<Value = String> {
    prop_oneof![
        ".*",
        "[a-z./\\\\]{0,12}",
        "(\\.\\./){1,4}[a-z]{0,4}",
        "/[a-z/]{0,8}",
        "[a-z]{0,3}[\u{0}-\u{1f}\u{202a}-\u{202e}][a-z]{0,3}",
    ]
}

proptest! {
    #[test]
    fn whatever_labels_say_names_stay_below_the_directory(
        project in wicked(), cluster in proptest::option::of(wicked()), instance in wicked(),
        suite in wicked(), platform in wicked(), run in wicked(),
    ) {
        let claim = Claim { project, cluster, instance, suite, platform, run };
        if let Ok(it) = claim.identity() {
            let names = [Some(&it.project), it.cluster.as_ref(), Some(&it.instance), Some(&it.run)];
            for name in names.into_iter().flatten().filter(|name| !name.is_empty()) {
                let joined = Path::new("/base").join(name);
                prop_assert_eq!(joined.parent(), Some(Path::new("/base")), "{:?}", name);
                prop_assert!(joined.file_name().is_some_and(|it| it == name.as_str()));
                prop_assert!(!name.chars().any(is_harmful));
            }
            for name in [&it.suite, &it.platform] {
                prop_assert!(Path::new("/base").join(name).starts_with("/base"));
                prop_assert!(!name.split('/').any(|part| part == ".."));
            }
        }
    }
}
