//! Converges an instance by a script or a command of the user's.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use banquet_sdk::lenient::Text;
use banquet_sdk::tool::{self, Sudo};
use banquet_sdk::{
    Connection, Context, Converged, Error, Exec, ExitStatus, PluginInfo, Provisioner, Result,
    State, async_trait, first_line,
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::changes::Sieve;
use crate::code::{self, Places};
use crate::paths;

/// Settings of the provisioner, Test Kitchen's (provisioner/shell.rb, provisioner/base.rb) but for
/// `environment` and `no_proxy`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Config {
    /// Script to upload and run; default: `bootstrap.sh` of the suite's tests, of all tests or
    /// beside the configuration. It need not be executable; its first line names the interpreter.
    pub script: Option<String>,
    /// Code to run on the instance instead of a script; it gets no sudo.
    pub command: Option<String>,
    /// Arguments of the script: a list of words, or a text that the instance's shell splits.
    pub arguments: Arguments,
    /// Directory whose content arrives as `data` below `root_path`; default: `data` of the suite's
    /// tests, of all tests or beside the configuration. Names that begin with a dot stay.
    pub data_path: Option<String>,
    /// Directory of the instance for all of it.
    pub root_path: String,
    /// Whether the script runs as root.
    pub sudo: bool,
    /// What makes it root; default: `sudo -E`, and nothing for a user who is root.
    pub sudo_command: Option<String>,
    /// Words before every command line.
    pub command_prefix: Option<String>,
    /// Variables of the script.
    pub environment: BTreeMap<String, Text>,
    /// Proxy for HTTP; default: the workstation's; empty: none.
    pub http_proxy: Option<String>,
    /// Proxy for HTTPS; default: the workstation's; empty: none.
    pub https_proxy: Option<String>,
    /// Proxy for FTP; default: the workstation's; empty: none.
    pub ftp_proxy: Option<String>,
    /// Hosts without a proxy; default: the workstation's; empty: none.
    pub no_proxy: Option<String>,
    /// Files and directories of the instance to fetch afterwards, each with where to put it on the
    /// workstation: into that directory if it is one or ends with `/`, else under that name.
    pub downloads: BTreeMap<String, String>,
    /// Files and directories of the workstation to copy to the instance beforehand, each with
    /// where to: into that directory if it is one, else under that name.
    pub uploads: BTreeMap<String, String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            script: None,
            command: None,
            arguments: Arguments::default(),
            data_path: None,
            root_path: "/tmp/kitchen".into(),
            sudo: true,
            sudo_command: None,
            command_prefix: None,
            environment: BTreeMap::new(),
            http_proxy: None,
            https_proxy: None,
            ftp_proxy: None,
            no_proxy: None,
            downloads: BTreeMap::new(),
            uploads: BTreeMap::new(),
        }
    }
}

/// Arguments of a script.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected a text or a list of texts")]
pub enum Arguments {
    /// Words, each as it is.
    Words(Vec<Text>),
    /// A text for the instance's shell.
    Line(Text),
}

impl Default for Arguments {
    fn default() -> Self {
        Self::Words(Vec::new())
    }
}

impl Arguments {
    fn line(&self) -> String {
        match self {
            Self::Words(words) => shell_words::join(words.iter().map(|word| &word.0)),
            Self::Line(line) => line.0.clone(),
        }
    }
}

/// Runs the user's script on the instance.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shell;

#[async_trait]
impl Provisioner for Shell {
    fn info(&self) -> PluginInfo {
        PluginInfo::of::<Config>("shell", "a script or command of your own")
            .paths(tool::Base::paths())
    }

    fn check(&self, cx: &Context) -> Result<()> {
        let config: Config = cx.config()?;
        if config.command.is_some() {
            return Ok(());
        }
        paths::script(cx, config.script.as_deref())?;
        match &config.data_path {
            Some(configured) => tool::required(cx, "data_path", configured).map(drop),
            None => Ok(()),
        }
    }

    /// A script may declare its changes; whether it does is known only once it has run.
    fn tells_changes(&self, _cx: &Context) -> Result<()> {
        Ok(())
    }

    async fn converge(
        &self,
        cx: &Context,
        connection: &dyn Connection,
        _state: &mut State,
    ) -> Result<Converged> {
        let config: Config = cx.config()?;
        let root = config.root_path.trim_end_matches('/').to_string();
        let run = Run {
            changes: format!("{root}/changes-{}", cx.identity.instance),
            sudo: Sudo::of(config.sudo, config.sudo_command.as_deref()),
            environment: variables(cx, &config),
            root,
            cx,
            config,
            connection,
        };
        let ended = match run.prepare().await? {
            Some(work) => run.run(&work).await,
            None => {
                cx.note("no script and no command: nothing is run").await;
                Ok(Converged::default())
            }
        };
        run.download().await;
        ended
    }
}

fn variables(cx: &Context, config: &Config) -> BTreeMap<String, String> {
    let mut all = tool::variables(
        cx,
        [
            ("http_proxy", &config.http_proxy),
            ("https_proxy", &config.https_proxy),
            ("ftp_proxy", &config.ftp_proxy),
            ("no_proxy", &config.no_proxy),
        ],
    );
    let configured = config.environment.iter();
    all.extend(configured.map(|(name, value)| (name.clone(), value.0.clone())));
    all
}

/// One converge.
struct Run<'a> {
    cx: &'a Context,
    config: Config,
    connection: &'a dyn Connection,
    sudo: Sudo,
    environment: BTreeMap<String, String>,
    root: String,
    changes: String,
}

impl Run<'_> {
    fn places(&self) -> Places<'_> {
        Places {
            root: &self.root,
            changes: &self.changes,
        }
    }

    fn exec(&self, code: String) -> Exec {
        let prefix = self.config.command_prefix.as_deref();
        let mut exec = Exec::new(tool::prefixed(prefix, code)).env(&self.environment);
        let path = self.changes.clone();
        exec.environment.insert("KITCHEN_CHANGES".into(), path);
        exec
    }

    /// Puts everything on the instance; the code to run, if there is any.
    async fn prepare(&self) -> Result<Option<String>> {
        let way = format!("{}/upload-{}", self.root, self.cx.identity.instance);
        for (local, remote) in &self.config.uploads {
            tool::upload(self.cx, self.connection, (local, remote), &way).await?;
        }
        if let Some(command) = &self.config.command {
            return Ok(Some(code::command(&self.places(), command)));
        }
        let script = paths::script(self.cx, self.config.script.as_deref())?;
        let mut clean = code::clean(&self.places(), &self.sudo);
        if let Some(data) = self.data().await? {
            self.clean(std::mem::take(&mut clean)).await?;
            self.upload(&data, &format!("{}/data", self.root)).await?;
        }
        let Some(script) = script else {
            return Ok(None);
        };
        self.upload(std::slice::from_ref(&script), &self.root)
            .await?;
        let name = script.file_name().unwrap_or_default().to_string_lossy();
        let path = format!("{}/{name}", self.root);
        let run = code::script(&path, &self.config.arguments.line());
        Ok(Some(format!("{clean}\n{run}")))
    }

    /// Old data must be away before new data comes; else it goes with the script, which saves a
    /// round trip.
    async fn clean(&self, code: String) -> Result<()> {
        let output = &*self.cx.output;
        let cleaned = self.connection.exec(&self.exec(code), output).await?;
        if cleaned.success() {
            return Ok(());
        }
        Err(self.failed(cleaned, &format!("prepare {}", self.root)))
    }

    /// What is to arrive as data; a directory that is configured and not there is only told, as in
    /// Test Kitchen.
    async fn data(&self) -> Result<Option<Vec<PathBuf>>> {
        let Some(path) = paths::data(self.cx, self.config.data_path.as_deref()) else {
            return Ok(None);
        };
        if !path.is_dir() {
            let text = format!("data_path {} is no directory: no data", path.display());
            self.cx.note(text).await;
            return Ok(None);
        }
        paths::entries(&path).map(Some)
    }

    async fn upload(&self, files: &[PathBuf], remote: &str) -> Result<()> {
        let files: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
        self.connection.upload(&files, remote).await
    }

    /// Runs the code.
    async fn run(&self, work: &str) -> Result<Converged> {
        // No script prints this by chance.
        let mark = format!(
            "kitchen-changes-{}-{}",
            self.cx.identity.run, self.cx.identity.instance
        );
        let exec = self.exec(code::run(&self.places(), &self.sudo, work, &mark));
        let sieve = Sieve::new(&mark, &*self.cx.output);
        let status = self.connection.exec(&exec, &sieve).await?;
        if !status.success() {
            return Err(self.explained(status).await);
        }
        let changes = sieve.changes();
        Ok(Converged { changes })
    }

    /// What is run, for people.
    fn name(&self) -> &str {
        match (&self.config.command, &self.config.script) {
            (Some(command), _) => command.lines().next().unwrap_or_default(),
            (None, Some(script)) => script,
            (None, None) => "bootstrap.sh",
        }
    }

    /// Why the user's code failed, where the first line of a file tells.
    async fn explained(&self, status: ExitStatus) -> Error {
        let failed = |what| {
            let mut error = Error::action(format!("{what}: exit code {}", status.0));
            error.exit_code = Some(status.0);
            error
        };
        let (command, copy) = match &self.config.command {
            Some(command) => (command.clone(), None),
            None => {
                let script = paths::script(self.cx, self.config.script.as_deref());
                let Some(script) = script.ok().flatten() else {
                    return self.failed(status, self.name());
                };
                let name = script.file_name().unwrap_or_default().to_string_lossy();
                (format!("{}/{name}", self.root), Some(script))
            }
        };
        let why = match copy {
            Some(script) => first_line::of_copy(&script, &script.display().to_string()),
            None => Vec::new(),
        };
        let why = match why.is_empty() {
            true => first_line::on_machine(&command, self.connection, status).await,
            false => why,
        };
        match why.is_empty() {
            true => self.failed(status, self.name()),
            false => failed(self.name()).advised(why),
        }
    }

    fn failed(&self, status: ExitStatus, what: &str) -> Error {
        let mut error = Error::action(format!("{what}: exit code {}", status.0));
        error.exit_code = Some(status.0);
        let tried_sudo = !matches!(self.sudo, Sudo::No) && self.config.command.is_none();
        match status.0 {
            127 if tried_sudo => error
                .hint("Exit code 127: a command was not found. If it was sudo, set `sudo: false`."),
            126 => error.hint(format!(
                "Exit code 126: it cannot be executed; is {} mounted noexec?",
                self.root
            )),
            _ => error,
        }
    }

    /// Fetches what `downloads` names; what cannot be fetched is told and fails nothing, as in Test
    /// Kitchen (provisioner/base.rb).
    async fn download(&self) {
        for (remote, local) in &self.config.downloads {
            let fetched = tool::download(self.cx, self.connection, (remote, local)).await;
            if let Err(error) = fetched {
                self.cx.note(format!("download {remote}: {error}")).await;
            }
        }
    }
}
