//! Connections to nowhere.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use banquet_sdk::lenient::{List, Seconds};
use banquet_sdk::{
    Connection, Context, Dialed, Error, Exec, ExitStatus, Line, LoginCommand, Output, PluginInfo,
    Result, State, Stream, Transport, async_trait,
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::act::Entry;

/// What an open port says to whoever dials it.
const GREETING: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// Settings of the transport; the first two are Test Kitchen's (transport/dummy.rb), which sleeps
/// a second by default.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Config {
    /// Seconds that a command, an upload or a download takes.
    pub sleep: Seconds,
    /// Exit code that half of all commands end with; 0: none does.
    pub random_exit_code: i32,
    /// What commands answer: the first answer whose `match` is in the command; none: exit code 0.
    pub exec: List<Answer>,
    /// Ports that are open. They greet with an empty answer of HTTP.
    pub ports: List<u16>,
    /// File to which every command and transfer appends its lines.
    pub journal: Option<PathBuf>,
}

/// What a command answers.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Answer {
    /// Words of the commands that this is the answer to; empty: all.
    #[serde(rename = "match")]
    pub words: String,
    /// The exit code.
    pub exit_code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// Reaches nothing, and says that it went well.
#[derive(Clone, Copy, Debug, Default)]
pub struct Dummy;

#[async_trait]
impl Transport for Dummy {
    fn info(&self) -> PluginInfo {
        PluginInfo::of::<Config>("dummy", "connections to nowhere")
    }

    async fn connect(&self, cx: &Context, _state: &State) -> Result<Box<dyn Connection>> {
        Ok(Box::new(Nowhere {
            config: Arc::new(cx.config()?),
            cx: cx.clone(),
        }))
    }

    async fn login(&self, _cx: &Context, _state: &State) -> Result<LoginCommand> {
        Err(Error::unsupported(
            "transport dummy has no machine to log in to",
        ))
    }
}

struct Nowhere {
    cx: Context,
    config: Arc<Config>,
}

impl Nowhere {
    async fn act(&self, action: &str, what: &str) -> Result<()> {
        let words = format!("{action} {} {what}", self.cx.identity.instance);
        let mut entry = Entry::begin(&self.cx, self.config.journal.as_deref(), words)?;
        if !self.config.sleep.0.is_zero() {
            tokio::time::sleep(self.config.sleep.0).await;
        }
        entry.end("ended")
    }
}

async fn print(text: &str, stream: Stream, output: &dyn Output) {
    for text in text.lines().map(String::from) {
        output.line(Line { stream, text }).await;
    }
}

#[async_trait]
impl Connection for Nowhere {
    async fn exec(&self, exec: &Exec, output: &dyn Output) -> Result<ExitStatus> {
        self.act("exec", &exec.command).await?;
        let mut answers = self.config.exec.0.iter();
        if let Some(answer) = answers.find(|answer| exec.command.contains(&answer.words)) {
            print(&answer.stdout, Stream::Out, output).await;
            print(&answer.stderr, Stream::Err, output).await;
            return Ok(ExitStatus(answer.exit_code));
        }
        let random = self.config.random_exit_code;
        Ok(ExitStatus(if rand::random() { random } else { 0 }))
    }

    async fn upload(&self, locals: &[&Path], remote: &str) -> Result<()> {
        let names: Vec<_> = locals.iter().map(|path| path.to_string_lossy()).collect();
        let what = format!("{} => {remote}", names.join(" "));
        self.act("upload", &what).await
    }

    async fn download(&self, remotes: &[&str], local: &Path) -> Result<()> {
        let what = format!("{} => {}", remotes.join(" "), local.display());
        self.act("download", &what).await
    }

    async fn dial(&self, port: u16) -> Result<Box<dyn Dialed>> {
        if !self.config.ports.0.contains(&port) {
            return Err(Error::machine(format!("port {port} is closed"))
                .hint("The dummy's open ports are those of its key `ports`."));
        }
        Ok(Box::new(tokio::io::join(GREETING, tokio::io::sink())))
    }
}
