//! Reaches machines.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use tokio::io::{AsyncRead, AsyncWrite};

use crate::{Context, Error, Output, PluginInfo, Result, State, Target, async_trait};

/// A command line for a person's terminal.
#[derive(Debug)]
pub struct LoginCommand(pub Command);

/// What a command reads.
#[derive(Clone, Debug, Default)]
pub enum Stdin {
    /// Nothing.
    #[default]
    Empty,
    /// These bytes, then the end.
    Bytes(Vec<u8>),
}

/// A command for an instance, run by its shell (`sh -c` where there is one).
#[derive(Clone, Debug, Default)]
pub struct Exec {
    /// The command line.
    pub command: String,
    /// Variables to set.
    pub environment: BTreeMap<String, String>,
    /// What it reads.
    pub stdin: Stdin,
    /// Run as this user; none: as the connection's own.
    pub user: Option<String>,
}

impl Exec {
    /// A command without more.
    pub fn new(command: impl Into<String>) -> Self {
        Self {
            command: command.into(),
            ..Self::default()
        }
    }

    /// With these variables.
    #[must_use]
    pub fn env<'a>(
        mut self,
        environment: impl IntoIterator<Item = (&'a String, &'a String)>,
    ) -> Self {
        let variables = environment.into_iter();
        self.environment
            .extend(variables.map(|(k, v)| (k.clone(), v.clone())));
        self
    }

    /// With this input.
    #[must_use]
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = Stdin::Bytes(bytes.into());
        self
    }
}

/// How a command ended. A signal counts as 128 plus its number, as shells have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExitStatus(pub i32);

impl ExitStatus {
    /// Whether it was 0.
    pub fn success(self) -> bool {
        self.0 == 0
    }

    /// Whether a shell says by it that it found no such command (127) or could not start it (126).
    pub fn not_started(self) -> bool {
        matches!(self.0, 126 | 127)
    }

    /// An error of the user's code unless it was 0. `what` names the command, for people.
    pub fn into_result(self, what: &str) -> Result<()> {
        if self.success() {
            return Ok(());
        }
        let mut error = Error::action(format!("{what}: exit code {}", self.0));
        error.exit_code = Some(self.0);
        Err(error)
    }
}

/// A stream of bytes to a port of an instance.
pub trait Dialed: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Dialed for T {}

/// Makes connections to machines.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Name and keys.
    fn info(&self) -> PluginInfo;

    /// What keeps machines from being reached, told before anything runs: settings that are wrong.
    /// What the plugin's type and [`PluginInfo::paths`] say has been looked at. Asks no machine.
    fn check(&self, _cx: &Context) -> Result<()> {
        Ok(())
    }

    /// A connection; waits, up to the transport's own configured limit, until the machine takes
    /// commands.
    async fn connect(&self, cx: &Context, state: &State) -> Result<Box<dyn Connection>>;

    /// The command line that gives a person a shell on the instance.
    async fn login(&self, cx: &Context, state: &State) -> Result<LoginCommand>;

    /// Where the instance is, for tools that reach it by themselves. Asks no machine.
    fn target(&self, _cx: &Context, _state: &State) -> Result<Target> {
        Ok(Target::Other)
    }

    /// Checks what it needs on the workstation.
    async fn doctor(&self, _cx: &Context) -> Result<Vec<crate::Fault>> {
        Ok(Vec::new())
    }
}

/// A way to one machine. Calls may run at the same time.
#[async_trait]
pub trait Connection: Send + Sync {
    /// False once it is known to be broken; then the kitchen connects anew before the next action,
    /// which waits for a machine that boots.
    fn is_open(&self) -> bool {
        true
    }

    /// Runs a command; its output goes to `output` as it comes, at flat memory. A non-zero exit is
    /// an answer, not an error. Dropping the future ends the command on the machine too.
    async fn exec(&self, exec: &Exec, output: &dyn Output) -> Result<ExitStatus>;

    /// Copies files and directories of the workstation into directory `remote`, which is made;
    /// modes are kept, a directory arrives under its own name. What the machine has already in
    /// the same form need not be sent.
    async fn upload(&self, locals: &[&Path], remote: &str) -> Result<()>;

    /// Copies a file or directory of the machine into directory `local` of the workstation, which
    /// is made.
    async fn download(&self, remotes: &[&str], local: &Path) -> Result<()>;

    /// Opens a TCP stream to `port` of the instance, by whatever way reaches it.
    async fn dial(&self, port: u16) -> Result<Box<dyn Dialed>>;
}
