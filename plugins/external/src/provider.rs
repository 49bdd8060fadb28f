//! Runs the provider's program: one process a question.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use banquet_sdk::process::{self, Collect, MAX_LINE};
use banquet_sdk::{
    Context, Error, ExitStatus, Line, Output, Result, Secrets, State, Stdin, Stream, async_trait,
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::process::Command;

use crate::answer::{Capabilities, Ended, Event, Level, Message, Status, Validation, What};
use crate::config::Config;
use crate::environment::Environment;
use crate::request::{VERSION, request, transport_type};

/// Longest event that is read, in bytes.
const LONGEST_EVENT: usize = 4 << 20;

/// The program, and what it is told of the instance.
pub struct Provider<'a> {
    cx: &'a Context,
    config: Config,
    name: String,
    words: Vec<String>,
    environment: Environment,
    secrets: Secrets,
    state: State,
}

impl<'a> Provider<'a> {
    /// As the section says.
    pub fn new(cx: &'a Context, state: &State) -> Result<Self> {
        let config = Config::of(cx)?;
        let mut words = config.words()?;
        words[0] = program(cx, &words[0])?.display().to_string();
        let environment = Environment::new(cx, &config, |name| std::env::var(name).ok());
        Ok(Self {
            cx,
            name: config.name()?,
            words,
            secrets: environment.secrets(),
            environment,
            config,
            state: state.clone(),
        })
    }

    /// Under which its state is kept.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Asks whether it can do what is needed here.
    pub async fn capabilities(&self) -> Result<()> {
        let can: Capabilities = self.document("capabilities", &Stdin::Empty).await?;
        self.version("capabilities", Some(&can.protocol_version))?;
        let needed = ["validate", "run"];
        let missing = needed
            .iter()
            .filter(|it| !can.commands.iter().any(|has| has == *it));
        let missing: Vec<&str> = missing.copied().collect();
        if !missing.is_empty() {
            return Err(self.wrong(format!("it has no command {}", missing.join(", "))));
        }
        let transport = transport_type(self.cx);
        if can.supported_transports.iter().any(|it| it == transport) {
            return Ok(());
        }
        Err(Error::unsupported(format!(
            "the external provider {} does not go over the transport {transport}; it has {}",
            self.name,
            can.supported_transports.join(", ")
        )))
    }

    /// Asks whether its settings are right.
    pub async fn validate(&self) -> Result<()> {
        let answer: Validation = self.document("validate", &self.request("validate")).await?;
        self.version("the validation", Some(&answer.protocol_version))?;
        for warning in &answer.warnings {
            self.cx
                .note(self.mask(&format!("warning: {warning}")))
                .await;
        }
        match answer.status.as_str() {
            "ok" => Ok(()),
            "error" => {
                let errors: Vec<String> = answer.errors.iter().map(Message::to_string).collect();
                let said = match errors.is_empty() {
                    true => "it did not say why".to_owned(),
                    false => errors.join("; "),
                };
                Err(Error::config(
                    "",
                    self.mask(&format!(
                        "the external provider {} refuses its settings: {said}",
                        self.name
                    )),
                ))
            }
            other => Err(self.wrong(format!("validate ended with status {other:?}"))),
        }
    }

    /// Does the work; what it wants to keep.
    pub async fn run(&self) -> Result<Option<Value>> {
        let events = Events {
            provider: self,
            reading: Mutex::default(),
        };
        let status = self.start("run", &self.request("run"), &events).await?;
        let read = events
            .reading
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(wrong) = read.wrong {
            return Err(wrong);
        }
        if !read.rest.is_empty() {
            return Err(self.wrong(format!("its last event is cut off: {:?}", head(&read.rest))));
        }
        self.exit("run", status, &read.last_words)?;
        let ended = read
            .ended
            .ok_or_else(|| self.wrong("it ended without a result".into()))?;
        match ended.status {
            Status::Passed | Status::Skipped => Ok(ended.state.provider),
            Status::Failed => {
                let why = ended.message.unwrap_or_else(|| "it did not say why".into());
                let name = &self.name;
                let mut error = Error::action(
                    self.mask(&format!("the external provider {name} failed: {why}")),
                );
                error.exit_code = ended.exit_code;
                Err(error)
            }
        }
    }

    fn request(&self, operation: &str) -> Stdin {
        let (cx, environment) = (self.cx, &self.environment);
        let request = request(
            operation,
            cx,
            &self.state,
            &self.config,
            &self.name,
            environment,
        );
        Stdin::Bytes(request.to_string().into_bytes())
    }

    /// One question with one document as its answer.
    async fn document<T: DeserializeOwned>(&self, operation: &str, stdin: &Stdin) -> Result<T> {
        let printed = Collect::default();
        let status = self.start(operation, stdin, &printed).await?;
        let (out, err) = printed.into_parts();
        self.exit(operation, status, err.trim())?;
        serde_json::from_str(&out)
            .map_err(|error| self.wrong(format!("{operation} answered {:?}: {error}", head(&out))))
    }

    async fn start(
        &self,
        operation: &str,
        stdin: &Stdin,
        output: &dyn Output,
    ) -> Result<ExitStatus> {
        let mut command = Command::new(&self.words[0]);
        command
            .args(&self.words[1..])
            .arg(operation)
            .current_dir(&self.cx.root)
            .env_clear()
            .envs(self.environment.variables());
        process::run(command, stdin, output).await
    }

    fn exit(&self, operation: &str, status: ExitStatus, said: &str) -> Result<()> {
        if status.success() {
            return Ok(());
        }
        let said = if said.is_empty() {
            "it said nothing"
        } else {
            said
        };
        let mut error = self.wrong(format!("{operation} exited with {}: {said}", status.0));
        error.exit_code = Some(status.0);
        Err(error)
    }

    fn version(&self, of: &str, version: Option<&str>) -> Result<()> {
        match version {
            Some(VERSION) => Ok(()),
            Some(other) => Err(self.wrong(format!(
                "{of} is of version {other:?} of the protocol, not {VERSION:?}"
            ))),
            None => Err(self.wrong(format!("{of} names no version of the protocol"))),
        }
    }

    /// The provider breaks the protocol.
    fn wrong(&self, what: String) -> Error {
        let text = format!(
            "the external provider {} breaks the protocol: {what}",
            self.name
        );
        Error::action(self.mask(&text))
            .hint("Run its command by hand with `capabilities` to see what it says.")
    }

    fn mask(&self, text: &str) -> String {
        self.secrets.mask(text).into_owned()
    }
}

/// Where the program is. A path counts from the configuration's directory.
pub fn program(cx: &Context, word: &str) -> Result<PathBuf> {
    let missing = |sought: String| {
        Error::config(
            "/command",
            format!("the provider's program {word} was not found {sought}"),
        )
        .hint("Install it, or set `command` to its path.")
    };
    if word.contains('/') {
        let path = cx.root.join(word);
        return match path.is_file() {
            true => Ok(path),
            false => Err(missing(format!("at {}", path.display()))),
        };
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .flat_map(|dir| [dir.join(word), dir.join(format!("{word}.exe"))])
        .find(|file| file.is_file());
    found.ok_or_else(|| missing("on the PATH".into()))
}

fn head(text: &str) -> String {
    text.chars().take(200).collect()
}

/// What has been read of a run.
#[derive(Default)]
struct Reading {
    /// A piece of an event whose rest is still to come.
    rest: String,
    lines: usize,
    ended: Option<Ended>,
    wrong: Option<Error>,
    /// The last line of the program's diagnostics.
    last_words: String,
}

/// Reads events as they come, and shows them.
struct Events<'a> {
    provider: &'a Provider<'a>,
    reading: Mutex<Reading>,
}

impl Events<'_> {
    /// The event that `text` ends, where it ends one.
    fn event(&self, text: &str) -> Option<Event> {
        let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        reading.rest.push_str(text);
        if reading.rest.trim().is_empty() {
            reading.rest.clear();
            return None;
        }
        match serde_json::from_str::<Event>(&reading.rest) {
            Ok(event) => {
                reading.rest.clear();
                reading.lines += 1;
                let of = format!("event {}", reading.lines);
                let version = event.protocol_version.as_deref();
                let late = reading.ended.is_some();
                let judged = self
                    .provider
                    .version(&of, version)
                    .and_then(|()| match late {
                        true => Err(self.provider.wrong(format!("{of} comes after the result"))),
                        false => Ok(()),
                    });
                if let Err(wrong) = judged {
                    reading.wrong.get_or_insert(wrong);
                    return None;
                }
                Some(event)
            }
            // A long line comes in pieces.
            Err(error)
                if error.is_eof()
                    && text.len() > MAX_LINE - 4
                    && reading.rest.len() < LONGEST_EVENT =>
            {
                None
            }
            Err(error) => {
                let line = std::mem::take(&mut reading.rest);
                let number = reading.lines + 1;
                let wrong = self
                    .provider
                    .wrong(format!("event {number} is {:?}: {error}", head(&line)));
                reading.wrong.get_or_insert(wrong);
                None
            }
        }
    }

    async fn show(&self, stream: Stream, text: String) {
        let text = self.provider.mask(&text);
        self.provider.cx.output.line(Line { stream, text }).await;
    }
}

#[async_trait]
impl Output for Events<'_> {
    async fn line(&self, line: Line) {
        if line.stream != Stream::Out {
            {
                let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
                reading.last_words.clone_from(&line.text);
            }
            return self.show(Stream::Err, line.text).await;
        }
        let Some(event) = self.event(&line.text) else {
            return;
        };
        match event.what {
            What::Log {
                level: Level::Debug,
                ..
            } => {}
            What::Log {
                level,
                message,
                fields,
            } => {
                let stream = match level {
                    Level::Warn | Level::Error => Stream::Err,
                    _ => Stream::Out,
                };
                let fields: String = fields
                    .iter()
                    .map(|(key, value)| format!(" {key}={value}"))
                    .collect();
                self.show(stream, message + &fields).await;
            }
            What::Progress { stage, message } => {
                self.show(Stream::Note, format!("[{stage}] {message}"))
                    .await;
            }
            What::Result(ended) => {
                let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
                reading.ended = Some(ended);
            }
        }
    }
}
