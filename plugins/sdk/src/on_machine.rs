//! Test tools that run on the machine: the way of tests there and of reports back.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use shell_words::quote;

use crate::lenient::Text;
use crate::tool::{Base, Guest, Watch};
use crate::{Connection, Context, Error, ErrorKind, ExitStatus, Fault, Result, cases};

/// The keys that verifiers share whose tool runs on the machine (verifier/base.rb): those of
/// provisioners, but that the tests go to `/tmp/verifier`.
pub fn base(cx: &Context) -> Result<Base> {
    let mut base: Base = cx.config()?;
    if !cx.section.values.contains_key("root_path") {
        base.root_path = "/tmp/verifier".into();
    }
    Ok(base)
}

/// A test tool's way to a machine.
pub struct Bench<'a>(Guest<'a>);

impl<'a> Bench<'a> {
    /// The machine at the other end of `connection`; `variables` are those of the tests.
    pub fn new(
        cx: &'a Context,
        connection: &'a dyn Connection,
        base: &'a Base,
        variables: &BTreeMap<String, Text>,
    ) -> Self {
        let mut guest = Guest::new(cx, connection, base);
        let variables = variables.iter();
        guest
            .environment
            .extend(variables.map(|(name, value)| (name.clone(), value.0.clone())));
        Self(guest)
    }

    /// Directory of the machine that tests are put in.
    pub fn suites(&self) -> String {
        format!("{}/suites", self.0.root())
    }

    /// A file of the machine beside the tests, for a report.
    pub fn report_path(&self, name: &str) -> String {
        format!("{}/{name}", self.0.root())
    }

    /// One variable more for the tests.
    pub fn set(&mut self, name: &str, value: String) {
        self.0.environment.insert(name.into(), value);
    }

    /// Puts `paths`, each under its own name, into [`Bench::suites`], where nothing else is left,
    /// what `helpers/TOOL` beside the suites' tests has into the tool's directory there, and what
    /// `uploads` names where that says.
    pub async fn send(&self, tool: &str, paths: &[PathBuf]) -> Result<()> {
        let suites = self.suites();
        let clean = format!("as_root rm -rf {0} && mkdir -p {0}", quote(&suites));
        self.0.must(&format!("prepare {suites}"), &clean).await?;
        let helpers = self.0.cx.test_dir.join("helpers").join(tool);
        if helpers.is_dir() {
            self.0.connection.upload(&[&helpers], &suites).await?;
        }
        let paths: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
        self.0.connection.upload(&paths, &suites).await?;
        self.0.uploads().await
    }

    /// Runs the tests by shell code, in which `as_root` makes its arguments root's; then fetches
    /// what `downloads` names.
    pub async fn run(&self, code: &str) -> Result<ExitStatus> {
        let ended = self.0.run(code, &*self.0.cx.output).await;
        self.0.downloads().await;
        ended
    }

    /// As [`Bench::run`]; gives what was printed as well. Fails where that is more than 64 MiB.
    pub async fn run_and_keep(&self, code: &str) -> Result<(ExitStatus, String)> {
        let watch: Watch<'_, String> = Watch::new(&*self.0.cx.output, cases::keep);
        let ended = self.0.run(code, &watch).await;
        self.0.downloads().await;
        Ok((ended?, cases::kept(watch.seen())?))
    }

    /// Runs the user's command that installs the tool, as root.
    pub async fn install(&self, command: &str) -> Result<()> {
        let first = command.trim().lines().next().unwrap_or_default();
        let what = format!("install the test tool: {first}");
        let code = format!("as_root sh -c {}", quote(command));
        self.0.must(&what, &code).await
    }

    /// Fails unless the machine's shell finds `program`, as the user who runs the tests. `install`
    /// says how it is installed.
    pub async fn needs(&self, program: &str, install: &str) -> Result<()> {
        let look = r#"command -v "$0" >/dev/null && echo found || echo "its PATH $PATH""#;
        let code = format!("as_root sh -c {} {}", quote(look), quote(program));
        self.has(program, &code, install).await
    }

    /// As [`Bench::needs`], where shell code prints `found`, or where it was sought.
    pub async fn has(&self, program: &str, code: &str, install: &str) -> Result<()> {
        let place = match self.0.ask(code).await?.trim() {
            "found" => return Ok(()),
            // Not even the question could be asked.
            "" => "no command can be run as root there (see `sudo`)".to_owned(),
            place => format!("it is not in {place}"),
        };
        let message = format!("find {program} on the instance: {place}");
        Err(Error::machine(message).hint(install))
    }

    /// Runs code that must succeed; `what` is for the error.
    pub async fn must(&self, what: &str, code: &str) -> Result<()> {
        self.0.must(what, code).await
    }

    /// [`Bench::needs`] as `kitchen doctor` tells it.
    pub async fn doctor(&self, program: &str, install: &str) -> Result<Vec<Fault>> {
        fault(self.needs(program, install).await)
    }

    /// The text of report `remote`, which lies on the machine.
    pub async fn report(&self, remote: &str) -> Result<String> {
        let directory = tempfile::tempdir()?;
        let connection = self.0.connection;
        connection
            .download(&[remote], directory.path())
            .await
            .map_err(|error| error.while_doing(format!("fetch the report {remote}")))?;
        let name = Path::new(remote).file_name().unwrap_or_default();
        cases::read(&directory.path().join(name))
    }
}

/// What [`Bench::needs`] or [`Bench::has`] found, as `kitchen doctor` tells it.
pub fn fault(found: Result<()>) -> Result<Vec<Fault>> {
    match found {
        Err(error) if error.kind == ErrorKind::Machine => Ok(vec![Fault {
            message: error.message,
            advice: error.hints.join("\n"),
        }]),
        found => found.map(|()| Vec::new()),
    }
}
