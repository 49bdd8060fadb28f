//! `.kitchen` belongs to its user alone.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use crate::support::{Project, needs};

const CONFIG: &str = "
driver: exec
platforms: [{name: here}]
suites: [{name: web, provisioner: {name: shell, command: 'echo made > made; umask'}}]
";

/// What others may do below `directory`, itself included, that should be nothing.
fn open(directory: &Path) -> Vec<String> {
    let about = |path: &Path| std::fs::symlink_metadata(path).expect("metadata");
    let mut found = Vec::new();
    let mut left = vec![directory.to_path_buf()];
    while let Some(path) = left.pop() {
        let metadata = about(&path);
        if metadata.mode() & 0o077 != 0 && !metadata.is_symlink() {
            found.push(format!("{} {:o}", path.display(), metadata.mode() & 0o7777));
        }
        if metadata.is_dir() {
            let entries = std::fs::read_dir(&path).expect("a directory");
            left.extend(entries.map(|entry| entry.expect("an entry").path()));
        }
    }
    found
}

/// The command with a umask that forbids nobody anything.
fn generous(project: &Project, arguments: &str) -> std::process::Output {
    let inner = project.command(arguments);
    let words = std::iter::once(inner.get_program()).chain(inner.get_args());
    let line: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
    let mut command = std::process::Command::new("sh");
    command
        .args([
            "-c",
            &format!("umask 000; exec {}", shell_words::join(line)),
        ])
        .current_dir(project.path());
    for (name, value) in inner.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.output().expect("the command runs")
}

#[test]
fn nobody_else_reads_the_kitchens_files_whatever_the_umask() {
    if !needs("ordinary-user") {
        return;
    }
    let project = Project::new()
        .file("kitchen.yml", CONFIG)
        .as_ordinary_user();
    let ran = generous(
        &project,
        "test --destroy never --junit out/junit.xml --html out/run.html",
    );
    assert!(
        ran.status.success(),
        "{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    assert!(project.has(".kitchen/web-here.yml"));
    assert_eq!(open(&project.path().join(".kitchen")), [""; 0]);
    // What the user asked for, and what their own commands make, is as the umask says.
    let mode = |path: &str| {
        let metadata = std::fs::metadata(project.path().join(path)).expect(path);
        metadata.permissions().mode() & 0o777
    };
    assert_eq!(mode("out/junit.xml"), 0o666);
    assert_eq!(mode("out/run.html"), 0o666);
    assert!(String::from_utf8_lossy(&ran.stdout).contains("0000"));
}

#[test]
fn what_an_earlier_version_left_open_is_closed() {
    if !needs("ordinary-user") {
        return;
    }
    let project = Project::new()
        .file("kitchen.yml", CONFIG)
        .as_ordinary_user();
    assert!(generous(&project, "converge").status.success());
    let kitchen = project.path().join(".kitchen");
    let mut left = vec![kitchen.clone()];
    while let Some(path) = left.pop() {
        if path.is_symlink() {
            continue;
        }
        let mode = if path.is_dir() { 0o777 } else { 0o666 };
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("a mode");
        if path.is_dir() {
            let entries = std::fs::read_dir(&path).expect("a directory");
            left.extend(entries.map(|entry| entry.expect("an entry").path()));
        }
    }
    assert!(generous(&project, "converge").status.success());
    let mode = |path: &Path| std::fs::metadata(path).expect("metadata").mode() & 0o777;
    assert_eq!(mode(&kitchen), 0o700);
    for file in ["web-here.yml", "locks/web-here.lock", "logs/web-here.log"] {
        assert_eq!(mode(&kitchen.join(file)), 0o600, "{file}");
    }
    // Another user cannot reach the lock, so cannot hold it.
    if needs("root") {
        let lock = kitchen.join("locks/web-here.lock");
        let other = std::process::Command::new("setpriv")
            .args([
                "--reuid",
                "54322",
                "--regid",
                "54322",
                "--clear-groups",
                "flock",
                "--nonblock",
            ])
            .arg(&lock)
            .arg("true")
            .output()
            .expect("setpriv runs");
        assert!(!other.status.success());
        assert!(String::from_utf8_lossy(&other.stderr).contains("denied"));
    }
    assert!(generous(&project, "destroy").status.success());
}
