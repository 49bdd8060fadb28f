//! A project, and the commands that are run in it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::{Ran, Running, is_root};

/// User and group id of nobody that any machine knows.
const ORDINARY: &str = "54321";

/// A temporary directory with a project in it.
pub struct Project {
    dir: TempDir,
    environment: Vec<(String, String)>,
    /// Whether commands see no other variables.
    only_these: bool,
    /// Where the command is, if a user without rights runs a copy of it.
    copy: Option<PathBuf>,
}

impl Project {
    /// An empty project.
    pub fn new() -> Self {
        let dir = TempDir::with_prefix("kitchen-test-").expect("a temporary directory");
        std::fs::create_dir(dir.path().join("home")).expect("a home directory");
        Self {
            dir,
            environment: Vec::new(),
            only_these: false,
            copy: None,
        }
    }

    /// A copy of a directory of the repository (`fixtures/hello-db`).
    pub fn copy_of(path: &str) -> Self {
        let project = Self::new();
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        copy(&from, project.path());
        project
    }

    /// With a file; its directories are made.
    #[must_use]
    pub fn file(self, path: &str, text: &str) -> Self {
        self.write(path, text);
        self
    }

    /// With a file that can be executed.
    #[must_use]
    pub fn script(self, path: &str, text: &str) -> Self {
        self.write(path, text);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::Permissions::from_mode(0o755);
            std::fs::set_permissions(self.path().join(path), mode).expect("mode of a script");
        }
        self
    }

    /// With a variable in the environment of every command.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Commands see no variables but those that [`Project::env`] gives them.
    #[must_use]
    pub fn no_other_env(mut self) -> Self {
        self.only_these = true;
        self
    }

    /// Every command is run by a user without rights: whoever runs the tests, or, where that is
    /// root, a user of its own that needs no account.
    #[must_use]
    pub fn as_ordinary_user(mut self) -> Self {
        if is_root() {
            let copy = self.path().join("home/kitchen");
            // By another process: a file that this one has open for writing cannot be run while a
            // command that another test starts has inherited it.
            let copied = Command::new("cp")
                .arg(env!("CARGO_BIN_EXE_kitchen"))
                .arg(&copy)
                .status();
            assert!(copied.expect("cp runs").success());
            let owner = format!("{ORDINARY}:{ORDINARY}");
            let owned = Command::new("chown")
                .args(["-R", &owner])
                .arg(self.path())
                .status();
            assert!(owned.expect("chown runs").success());
            self.copy = Some(copy);
        }
        self
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Writes a file in the midst of a test.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
        std::fs::write(&path, text).expect("a file of the project");
    }

    /// The text of a file.
    pub fn read(&self, path: &str) -> String {
        let path = self.path().join(path);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// Whether a file is there.
    pub fn has(&self, path: &str) -> bool {
        self.path().join(path).exists()
    }

    /// What `validate` says but for files of the project that are not there: its messages.
    pub fn faults_but_for_files(&self) -> Vec<String> {
        let ran = self.kitchen("validate --json");
        let told: serde_json::Value = serde_json::from_str(&ran.out)
            .unwrap_or_else(|error| panic!("{error}: {}", ran.transcript()));
        let problems = told["problems"].as_array().expect("problems").iter();
        let messages = problems.map(|it| it["message"].as_str().expect("a message").to_owned());
        let of_files = [
            "no such file",
            "no such manifest",
            "no directory",
            "no playbook is set",
        ];
        messages
            .filter(|message| !of_files.iter().any(|it| message.contains(it)))
            .collect()
    }

    /// Runs `kitchen` with these arguments, split as a shell would, until it ends.
    #[track_caller]
    pub fn kitchen(&self, arguments: &str) -> Ran {
        self.start(arguments).wait()
    }

    /// Starts `kitchen` and goes on.
    #[track_caller]
    pub fn start(&self, arguments: &str) -> Running {
        let mut command = self.command(arguments);
        command.stdin(Stdio::null());
        Running::new(format!("kitchen {arguments}"), command)
    }

    /// Starts `kitchen` on a terminal of its own (100 columns, 30 lines), to which
    /// [`Running::types`] types; needs `script` of util-linux.
    #[track_caller]
    pub fn terminal(&self, arguments: &str) -> Running {
        self.terminal_of(100, arguments)
    }

    /// As [`Project::terminal`], with so many columns.
    #[track_caller]
    pub fn terminal_of(&self, columns: u16, arguments: &str) -> Running {
        let inner = self.command(arguments);
        let words = std::iter::once(inner.get_program()).chain(inner.get_args());
        let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
        let line = format!(
            "stty cols {columns} rows 30; exec {}",
            shell_words::join(words.iter())
        );
        let mut command = Command::new("script");
        command
            .args(["--quiet", "--return", "--command", &line, "/dev/null"])
            .current_dir(self.path())
            .env("TERM", "xterm")
            .env("SHELL", "/bin/sh")
            .env("PS1", "shell> ")
            .stdin(Stdio::piped());
        for (name, value) in inner.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        Running::new(format!("kitchen {arguments}, on a terminal"), command)
    }

    /// The command, for what the rest does not offer.
    pub fn command(&self, arguments: &str) -> Command {
        let mut command = match &self.copy {
            None => Command::new(env!("CARGO_BIN_EXE_kitchen")),
            Some(copy) => {
                let mut command = Command::new("setpriv");
                command
                    .args(["--reuid", ORDINARY, "--regid", ORDINARY, "--clear-groups"])
                    .arg(copy);
                command
            }
        };
        for (name, _) in std::env::vars_os() {
            if self.only_these || name.to_string_lossy().starts_with("KITCHEN_") {
                command.env_remove(name);
            }
        }
        command
            .args(shell_words::split(arguments).expect("arguments"))
            .current_dir(self.path())
            .env("HOME", self.path().join("home"))
            .env_remove("CI")
            .env_remove("GITHUB_ACTIONS")
            .env_remove("GITHUB_STEP_SUMMARY")
            .env_remove("GITHUB_WORKSPACE")
            .env_remove("GITLAB_CI")
            .env_remove("TF_BUILD")
            .env_remove("TEAMCITY_VERSION")
            .envs(self.environment.iter().map(|(k, v)| (k, v)));
        command
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        if self.has(".kitchen") {
            // What is left of a failed test; of a passed one nothing is.
            let _ = self
                .command("destroy all")
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
        }
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).expect("a directory to copy") {
        let entry = entry.expect("an entry");
        let (source, target): (PathBuf, PathBuf) = (entry.path(), to.join(entry.file_name()));
        if entry.file_name() == ".kitchen" {
            continue;
        }
        if source.is_dir() {
            std::fs::create_dir_all(&target).expect("a directory");
            copy(&source, &target);
        } else {
            std::fs::copy(&source, &target).expect("a copy");
        }
    }
}
