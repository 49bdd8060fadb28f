//! Test tools that run on the machine: the keys that their verifiers share, the way of tests there
//! and of reports back.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use schemars::JsonSchema;
use serde::Deserialize;
use shell_words::quote;

use crate::process::Collect;
use crate::{
    Connection, Context, Error, ErrorKind, Exec, ExitStatus, Fault, Line, Output, Result, Stream,
    Sudo, async_trait, cases, environment, files,
};

/// Keys of every verifier whose tool runs on the machine (lib/kitchen/verifier/base.rb).
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default)]
pub struct OnMachine {
    /// Directory of the machine that the tests are put in.
    pub root_path: String,
    /// Whether the tests run as root where the connection's user is not.
    pub sudo: Option<bool>,
    /// How code becomes root; default: `sudo -E`, except for root.
    pub sudo_command: Option<String>,
    /// Words before everything that runs on the machine.
    pub command_prefix: Option<String>,
    /// Proxy for the tests.
    pub http_proxy: Option<String>,
    /// Proxy for the tests.
    pub https_proxy: Option<String>,
    /// Proxy for the tests.
    pub ftp_proxy: Option<String>,
    /// Files of the machine that are fetched after the tests, and where to.
    pub downloads: BTreeMap<String, String>,
    /// Without effect: where Test Kitchen finds Chef's Ruby.
    pub chef_omnibus_root: Option<String>,
}

impl Default for OnMachine {
    fn default() -> Self {
        Self {
            root_path: "/tmp/verifier".into(),
            sudo: None,
            sudo_command: None,
            command_prefix: None,
            http_proxy: None,
            https_proxy: None,
            ftp_proxy: None,
            downloads: BTreeMap::new(),
            chef_omnibus_root: None,
        }
    }
}

/// A test tool's way to a machine.
#[derive(Clone, Copy)]
pub struct Bench<'a> {
    /// The call.
    pub cx: &'a Context,
    /// The way to the machine.
    pub connection: &'a dyn Connection,
    /// The shared keys.
    pub settings: &'a OnMachine,
}

impl Bench<'_> {
    /// Directory of the machine that tests are put in.
    pub fn suites(&self) -> String {
        format!("{}/suites", self.root())
    }

    /// A file of the machine beside the tests, for a report.
    pub fn report_path(&self, name: &str) -> String {
        format!("{}/{name}", self.root())
    }

    fn root(&self) -> &str {
        self.settings.root_path.trim_end_matches('/')
    }

    /// Puts `paths`, each under its own name, into [`Bench::suites`], where nothing else is left,
    /// and what `helpers/TOOL` beside the suites' tests has into the tool's directory there.
    pub async fn send(&self, tool: &str, paths: &[PathBuf]) -> Result<()> {
        let suites = self.suites();
        let clean = format!("as_root rm -rf {0} && mkdir -p {0}", quote(&suites));
        let cleaned = self.run(&clean, &BTreeMap::new()).await?;
        cleaned
            .into_result(&format!("prepare {suites}"))
            .map_err(|error| {
                error.hint("It must be possible to make `root_path` there, and to become root: see `sudo`.")
            })?;
        let helpers = self.cx.test_dir.join("helpers").join(tool);
        if helpers.is_dir() {
            self.connection.upload(&[&helpers], &suites).await?;
        }
        let paths: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
        self.connection.upload(&paths, &suites).await
    }

    /// Runs shell code on the machine; in it `as_root` is a command that runs others as root, as
    /// the settings have it. Its variables are the context's and `more`.
    pub async fn run(&self, code: &str, more: &BTreeMap<String, String>) -> Result<ExitStatus> {
        let exec = self.exec(code, more);
        self.connection.exec(&exec, &*self.cx.output).await
    }

    /// As [`Bench::run`]; gives what was printed on standard output as well. Fails where that is
    /// more than 64 MiB.
    pub async fn run_and_keep(
        &self,
        code: &str,
        more: &BTreeMap<String, String>,
    ) -> Result<(ExitStatus, String)> {
        let kept = Kept::new(&*self.cx.output);
        let exec = self.exec(code, more);
        let status = self.connection.exec(&exec, &kept).await?;
        Ok((status, kept.text()?))
    }

    /// As [`Bench::run`]; gives what was printed on standard output instead of showing it.
    pub async fn capture(&self, code: &str) -> Result<(ExitStatus, String)> {
        let text = Collect::default();
        let exec = self.exec(code, &BTreeMap::new());
        let status = self.connection.exec(&exec, &text).await?;
        Ok((status, text.into_parts().0))
    }

    fn exec(&self, code: &str, more: &BTreeMap<String, String>) -> Exec {
        let settings = self.settings;
        let sudo = Sudo::of(
            settings.sudo.unwrap_or(true),
            settings.sudo_command.as_deref(),
        );
        let code = format!("{}\n{code}", sudo.definition());
        let prefix = settings.command_prefix.as_deref().map(str::trim);
        let code = match prefix.filter(|prefix| !prefix.is_empty()) {
            Some(prefix) => format!("{prefix} sh -c {}", quote(&code)),
            None => code,
        };
        let mut variables = BTreeMap::from([("TEST_KITCHEN".to_string(), "1".to_string())]);
        for (name, value) in [
            ("http_proxy", &settings.http_proxy),
            ("https_proxy", &settings.https_proxy),
            ("ftp_proxy", &settings.ftp_proxy),
        ] {
            environment::set_proxy(&mut variables, name, value.as_deref());
        }
        Exec::new(code)
            .env(&variables)
            .env(&self.cx.environment)
            .env(more)
    }

    /// Runs the user's command that installs something.
    pub async fn install(&self, command: &str) -> Result<()> {
        let code = format!("as_root sh -c {}", quote(command));
        let installed = self.run(&code, &BTreeMap::new()).await?;
        let first = command.trim().lines().next().unwrap_or_default();
        installed.into_result(&format!("install the test tool: {first}"))
    }

    /// Fails unless the machine's shell finds `program`, as the user who runs the tests. `install`
    /// says how it is installed.
    pub async fn needs(&self, program: &str, install: &str) -> Result<()> {
        let look = r#"command -v "$0" >/dev/null || { echo "$PATH"; exit 1; }"#;
        let (status, path) = self
            .capture(&format!("as_root sh -c {} {}", quote(look), quote(program)))
            .await?;
        if status.success() {
            return Ok(());
        }
        let place = match path.trim() {
            // Not even the question could be asked.
            "" => "as root there (see `sudo`)".to_owned(),
            path => format!("in its {path}"),
        };
        Err(
            Error::machine(format!("find {program} on the instance: it is not {place}"))
                .hint(install),
        )
    }

    /// [`Bench::needs`] as `kitchen doctor` tells it.
    pub async fn doctor(&self, program: &str, install: &str) -> Result<Vec<Fault>> {
        match self.needs(program, install).await {
            Err(error) if error.kind == ErrorKind::Machine => Ok(vec![Fault {
                message: error.message,
                advice: error.hints.join("\n"),
            }]),
            found => found.map(|()| Vec::new()),
        }
    }

    /// The text of report `remote`, which lies on the machine.
    pub async fn report(&self, remote: &str) -> Result<String> {
        let directory = tempfile::tempdir()?;
        self.connection
            .download(&[remote], directory.path())
            .await
            .map_err(|error| error.while_doing(format!("fetch the report {remote}")))?;
        let name = Path::new(remote).file_name().unwrap_or_default();
        cases::read(&directory.path().join(name))
    }

    /// Fetches what `downloads` names; what cannot be fetched is told and fails nothing, as in Test
    /// Kitchen.
    pub async fn download(&self) {
        for (remote, local) in &self.settings.downloads {
            if let Err(error) = files::download(self.cx, self.connection, (remote, local)).await {
                self.cx.note(format!("download {remote}: {error}")).await;
            }
        }
    }
}

/// Hands on what is printed and keeps standard output, for tools that report there.
pub struct Kept<'a> {
    output: &'a dyn Output,
    text: Mutex<String>,
}

impl<'a> Kept<'a> {
    /// Hands on to `output`.
    pub fn new(output: &'a dyn Output) -> Self {
        Self {
            output,
            text: Mutex::default(),
        }
    }

    /// What was printed on standard output. Fails where that is more than 64 MiB.
    pub fn text(self) -> Result<String> {
        let text = self
            .text
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        if text.len() as u64 > cases::LARGEST {
            return Err(Error::action("read what the tests printed: it is too long"));
        }
        Ok(text)
    }
}

#[async_trait]
impl Output for Kept<'_> {
    async fn line(&self, line: Line) {
        if line.stream == Stream::Out {
            let mut text = self.text.lock().unwrap_or_else(PoisonError::into_inner);
            // One line more than is allowed tells that it was too much.
            if text.len() as u64 <= cases::LARGEST {
                text.push_str(&line.text);
                text.push('\n');
            }
        }
        self.output.line(line).await;
    }
}

/// Every file below `directory` whose path there `is` wanted, sorted; none where it is no directory.
pub fn tests_in(directory: &Path, is: impl Fn(&str) -> bool) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![directory.to_path_buf()];
    while let Some(next) = open.pop() {
        if !next.is_dir() {
            continue;
        }
        for entry in std::fs::read_dir(&next)? {
            let path = entry?.path();
            // Not through links, which may lead in circles.
            if path.is_dir() && !path.is_symlink() {
                open.push(path);
            } else if let Ok(inner) = path.strip_prefix(directory)
                && is(&inner.to_string_lossy())
            {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}
