//! A temporary project and the `kitchen` command in it:
//! `Project::new().file("kitchen.yml", …).kitchen("test web").succeeds().prints("…")`.
//! Every project is a directory of its own; what a failed test leaves running is destroyed with it.
#![allow(clippy::wrong_self_convention, reason = "sentences are chains")]

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// No command of a test takes longer.
const DEADLINE: Duration = Duration::from_secs(180);

/// User and group id of nobody that any machine knows.
const ORDINARY: &str = "54321";

/// Whether this machine has what a test needs; where not it is skipped, saying why, or fails if
/// `BANQUET_REQUIRE` names the need.
pub fn needs(need: &str) -> bool {
    let found = match need {
        "sandbox" if is_root() => Ok(()),
        "sandbox" => succeeds("unshare", &["-Urnm", "true"]),
        // Only root mounts what all processes see.
        "root" if is_root() => Ok(()),
        "root" => Err("the tests are not run by root".into()),
        "xmllint" => succeeds("xmllint", &["--version"]),
        "terminal" => succeeds("script", &["--version"]),
        "rake" => succeeds("rake", &["--version"]),
        "ruby" => succeeds("ruby", &["--version"]),
        "ordinary-user" => {
            succeeds("setpriv", &["--version"]).and_then(|()| succeeds("perl", &["-e", "1"]))
        }
        "bats" => succeeds("bats", &["--version"]),
        "testinfra" => succeeds("pytest", &["--ssh-identity-file=/", "--version"]),
        "python3" => succeeds("python3", &["--version"]),
        "make" => succeeds("make", &["--version"]),
        "docker" => images(&["busybox", "debian-redis"]),
        "ansible" => succeeds("ansible-playbook", &["--version"]),
        "vagrant" => succeeds("vagrant", &["--version"]).and_then(|()| images(&["debian-vagrant"])),
        // An image on top of Debian, with what the need is named after: `docker-ssh`.
        image if image.starts_with("docker-") => images(&[&image.replace("docker", "debian")]),
        other => Err(format!("{other} is no requirement that tests know")),
    };
    banquet_sdk::conformance::requires(need, found)
}

/// Whether Docker has these images of `fixtures/images`.
fn images(names: &[&str]) -> Result<(), String> {
    names.iter().try_for_each(|name| {
        let image = format!("banquet/{name}:1");
        succeeds("docker", &["image", "inspect", &image])
    })
}

fn succeeds(program: &str, arguments: &[&str]) -> Result<(), String> {
    let line = format!("{program} {}", arguments.join(" "));
    match Command::new(program).args(arguments).output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!(
            "`{line}`: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        )),
        Err(error) => Err(format!("`{line}`: {error}")),
    }
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().expect("id runs");
    id.stdout == b"0\n"
}

/// The largest resident size of a process that is running, in KiB, once it has ended.
pub fn peak_kib(process: u32) -> std::thread::JoinHandle<u64> {
    std::thread::spawn(move || {
        let mut largest = 0;
        while let Ok(status) = std::fs::read_to_string(format!("/proc/{process}/status")) {
            let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let Some(kib) = line.and_then(|rest| rest.split_whitespace().next()?.parse().ok())
            else {
                break;
            };
            largest = largest.max(kib);
            std::thread::sleep(Duration::from_millis(10));
        }
        largest
    })
}

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

/// Whether a report is what Jenkins' JUnit plugin takes; `xmllint` is needed.
#[track_caller]
pub fn is_junit(text: &str) {
    let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/schemas/junit-10.xsd");
    let mut check = Command::new("xmllint")
        .args(["--noout", "--nonet", "--huge", "--schema", schema, "-"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("xmllint runs");
    let mut input = check.stdin.take().expect("a pipe");
    input.write_all(text.as_bytes()).expect("xmllint reads");
    drop(input);
    let checked = check.wait_with_output().expect("xmllint ends");
    let said = String::from_utf8_lossy(&checked.stderr);
    assert!(checked.status.success(), "{said}\n{text}");
}

/// A command that has not ended yet.
pub struct Running {
    call: String,
    child: Child,
    input: Option<ChildStdin>,
    out: Stream,
    err: Stream,
    started: Instant,
}

impl Running {
    #[track_caller]
    fn new(call: String, mut command: Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{call}: {error}"));
        let out = pieces(child.stdout.take().expect("a pipe"));
        let err = pieces(child.stderr.take().expect("a pipe"));
        Self {
            call,
            input: child.stdin.take(),
            child,
            out: Stream::new(out),
            err: Stream::new(err),
            started: Instant::now(),
        }
    }

    /// Types on its terminal; [`Running::until`] then sees only what comes afterwards.
    #[track_caller]
    pub fn types(mut self, text: &str) -> Self {
        for stream in [&mut self.out, &mut self.err] {
            stream.from = stream.text.len();
        }
        let input = self.input.as_mut().expect("a terminal");
        input.write_all(text.as_bytes()).expect("a key");
        self
    }

    /// Waits until a line of either stream contains `text`.
    #[track_caller]
    pub fn until(mut self, text: &str) -> Self {
        while !self.out.seen(text) && !self.err.seen(text) {
            let ended = !self.out.more() & !self.err.more();
            if ended && !self.out.seen(text) && !self.err.seen(text) {
                panic!("{:?} never came of\n{}", text, self.wait().transcript());
            }
            self.check_deadline();
        }
        self
    }

    /// Process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by its name (`INT`, `TERM`, `KILL`).
    #[track_caller]
    pub fn signal(self, name: &str) -> Self {
        let status = Command::new("kill")
            .args(["-s", name, &self.child.id().to_string()])
            .status()
            .expect("kill runs");
        assert!(status.success(), "kill -s {name}");
        self
    }

    /// Waits until it has ended.
    #[track_caller]
    pub fn wait(mut self) -> Ran {
        while self.out.more() | self.err.more() {
            self.check_deadline();
        }
        let status = self.child.wait().expect("an exit status");
        Ran {
            call: self.call,
            code: status.code(),
            out: self.out.text,
            err: self.err.text,
            took: self.started.elapsed(),
        }
    }

    #[track_caller]
    fn check_deadline(&mut self) {
        if self.started.elapsed() > DEADLINE {
            let _ = self.child.kill();
            panic!(
                "{} did not end in {DEADLINE:?}\n{}\n{}",
                self.call, self.out.text, self.err.text
            );
        }
    }
}

/// A command that has ended.
pub struct Ran {
    /// The command line.
    pub call: String,
    /// The exit code; none after a signal.
    pub code: Option<i32>,
    /// What it printed.
    pub out: String,
    /// What it printed on standard error.
    pub err: String,
    /// How long it took.
    pub took: Duration,
}

impl Ran {
    /// It exited with 0.
    #[track_caller]
    pub fn succeeds(self) -> Self {
        self.exits(0)
    }

    /// It exited with this code.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "exit code of {}", self.transcript());
        self
    }

    /// Standard output contains this.
    #[track_caller]
    pub fn prints(self, text: &str) -> Self {
        assert!(self.out.contains(text), "{text:?} in {}", self.transcript());
        self
    }

    /// Standard output does not contain this.
    #[track_caller]
    pub fn prints_no(self, text: &str) -> Self {
        assert!(
            !self.out.contains(text),
            "no {text:?} in {}",
            self.transcript()
        );
        self
    }

    /// Standard output contains these, in this order.
    #[track_caller]
    pub fn prints_in_order(self, texts: &[&str]) -> Self {
        let mut at = 0;
        for text in texts {
            match self.out[at..].find(text) {
                Some(found) => at += found + text.len(),
                None => panic!("{text:?}, after the others, in {}", self.transcript()),
            }
        }
        self
    }

    /// Standard error contains this.
    #[track_caller]
    pub fn complains(self, text: &str) -> Self {
        assert!(self.err.contains(text), "{text:?} in {}", self.transcript());
        self
    }

    /// Standard error is empty.
    #[track_caller]
    pub fn is_quiet(self) -> Self {
        assert!(self.err.is_empty(), "no complaint in {}", self.transcript());
        self
    }

    /// All of it, for a failed test's message.
    pub fn transcript(&self) -> String {
        format!(
            "{}\n--- code {:?}, standard output\n{}--- standard error\n{}---",
            self.call, self.code, self.out, self.err
        )
    }
}

/// One stream of a command, read as it comes.
struct Stream {
    lines: Option<Receiver<String>>,
    text: String,
    /// What stands before was looked at already.
    from: usize,
}

impl Stream {
    fn new(lines: Receiver<String>) -> Self {
        Self {
            lines: Some(lines),
            text: String::new(),
            from: 0,
        }
    }

    /// Takes what comes within a moment; false once the stream has ended.
    fn more(&mut self) -> bool {
        let Some(lines) = &self.lines else {
            return false;
        };
        match lines.recv_timeout(Duration::from_millis(20)) {
            Ok(line) => {
                self.text.push_str(&line);
                lines.try_iter().for_each(|line| self.text.push_str(&line));
                true
            }
            Err(RecvTimeoutError::Timeout) => true,
            Err(RecvTimeoutError::Disconnected) => {
                self.lines = None;
                false
            }
        }
    }

    fn seen(&self, text: &str) -> bool {
        self.text[self.from..].contains(text)
    }
}

/// What comes, as it comes; a character is never cut in two.
fn pieces(mut stream: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let (mut pending, mut buffer) = (Vec::new(), [0; 4096]);
        while let Ok(read @ 1..) = stream.read(&mut buffer) {
            pending.extend_from_slice(&buffer[..read]);
            let whole = match std::str::from_utf8(&pending) {
                Err(error) if error.error_len().is_none() => error.valid_up_to(),
                _ => pending.len(),
            };
            let piece: Vec<u8> = pending.drain(..whole).collect();
            if sender
                .send(String::from_utf8_lossy(&piece).into_owned())
                .is_err()
            {
                break;
            }
        }
    });
    receiver
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
