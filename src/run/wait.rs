//! `wait`: a condition is looked at until it holds or its time is up.

use std::time::Duration;

use banquet_sdk::process::Collect;
use banquet_sdk::{Connection, Environment, ErrorKind, Exec, ExitStatus, Peer, Result};

use super::expression::Expressions;
use super::scope::Scope;
use super::{Cause, Failure, http};
use crate::matrix::{Condition, Step};

/// The longest time of a single look.
const LOOK: Duration = Duration::from_secs(10);
/// The first pause between two looks; each further one is twice as long, up to the interval.
const FIRST_PAUSE: Duration = Duration::from_millis(10);

/// A condition with its expressions replaced.
pub(super) enum Wanted {
    Port(u16),
    Http {
        url: http::Target,
        status: Option<u16>,
        body: Option<regex::Regex>,
    },
    Command {
        line: String,
        /// Its variables.
        environment: Environment,
    },
    File(String),
    Log {
        file: String,
        matches: regex::Regex,
    },
}

impl Wanted {
    /// The condition for `member`: its own address in an URL is the member itself.
    pub fn new(
        condition: &Condition,
        step: &Step,
        known: &Expressions,
        member: &Peer,
    ) -> Result<Self, Failure> {
        let text = |text: &str| known.text(text, step.origin.as_ref());
        let expression = |written: &str| {
            let text = &text(written)?;
            http::pattern(text).map_err(|error| {
                Failure::new(Cause::Config, format!("{}: {text:?}: {error}", step.text))
            })
        };
        Ok(match condition {
            Condition::Port(port) => Self::Port(*port),
            Condition::Http { url, status, body } => Self::Http {
                url: http::target(&text(url)?)
                    .map_err(|it| Failure::of(Cause::Config, it))?
                    .seen_by(member),
                status: *status,
                body: body.as_deref().map(expression).transpose()?,
            },
            Condition::Command(command) => Self::Command {
                line: text(command)?,
                environment: Environment::default(),
            },
            Condition::File(file) => Self::File(text(file)?),
            Condition::Log { file, matches } => Self::Log {
                file: text(file)?,
                matches: expression(matches)?,
            },
        })
    }

    /// Looks until it holds, soon again at first, then every `interval`. Fails with what was seen
    /// last.
    pub async fn poll(
        &self,
        connection: &dyn Connection,
        interval: Duration,
        what: &str,
        scope: &Scope,
    ) -> Result<(), Failure> {
        let mut seen = Seen {
            text: "there was no time to look".into(),
            answered: false,
        };
        let looking = async {
            let mut pause = FIRST_PAUSE.min(interval);
            loop {
                let look = tokio::time::timeout(LOOK, self.look(connection)).await;
                match look.unwrap_or_else(|_| Ok(Some(Seen::no("no answer in time")))) {
                    Ok(None) => return Ok(()),
                    Ok(Some(found)) => seen = found,
                    Err(error) if error.kind == ErrorKind::Machine => {
                        seen = Seen::no(error.message)
                    }
                    Err(error) => return Err(Failure::of(Cause::Verify, error)),
                }
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(interval);
            }
        };
        match scope.limit(what, looking).await {
            Err(mut failure) if failure.cause == Cause::Timeout => {
                failure.message = format!("{}; last seen: {}", failure.message, seen.text);
                // Its own limit is part of what it asks for; that of all steps is none.
                if !scope.limit.as_ref().is_some_and(|limit| limit.common) {
                    failure.cause = Cause::Verify;
                    failure.verdict = seen.answered;
                }
                Err(failure)
            }
            other => other,
        }
    }

    /// None where it holds, else what is in its place.
    async fn look(&self, connection: &dyn Connection) -> Result<Option<Seen>> {
        match self {
            Self::Port(port) => {
                let dialed = connection.dial(*port).await;
                Ok(dialed.err().map(|error| Seen::no(error.message)))
            }
            Self::Http { url, status, body } => {
                let answer = match &url.host {
                    None => match connection.dial(url.port).await {
                        Ok(stream) => {
                            let question = http::Question::get("localhost", &url.path);
                            http::ask(stream, &question).await
                        }
                        Err(error) => Err(error),
                    },
                    Some(host) => other(host, url).await,
                };
                Ok(match answer {
                    Err(error) => Some(Seen::no(error.message)),
                    Ok(answer) => judged(&answer, *status, body.as_ref()).map(Seen::no),
                })
            }
            Self::Command { line, environment } => {
                let exec = Exec::new(line.as_str()).env(environment);
                let (code, out, err) = asked(connection, exec).await?;
                Ok((code != 0).then(|| Seen {
                    text: format!("exit code {code}: {}", last_line(&out, &err)),
                    answered: !ExitStatus(code).not_started(),
                }))
            }
            Self::File(file) => {
                let (code, ..) =
                    asked(connection, Exec::new(format!("test -e {}", quoted(file)))).await?;
                Ok((code != 0).then(|| Seen::no(format!("{file} does not exist"))))
            }
            Self::Log { file, matches } => {
                let (code, out, err) =
                    asked(connection, Exec::new(format!("cat {}", quoted(file)))).await?;
                Ok(match code {
                    0 if matches.is_match(&out) => None,
                    0 => Some(Seen::no(format!(
                        "the last line is {:?}",
                        last_line(&out, "")
                    ))),
                    _ => Some(Seen::no(last_line("", &err))),
                })
            }
        }
    }
}

async fn other(host: &str, url: &http::Target) -> Result<http::Answer> {
    let stream = tokio::net::TcpStream::connect((host, url.port)).await?;
    http::ask(Box::new(stream), &http::Question::get(host, &url.path)).await
}

pub(super) fn judged(
    answer: &http::Answer,
    status: Option<u16>,
    body: Option<&regex::Regex>,
) -> Option<String> {
    let good = status.map_or(answer.status < 400, |status| status == answer.status);
    if !good {
        return Some(format!("status {}", answer.status));
    }
    let matched = body.is_none_or(|body| body.is_match(&answer.body));
    (!matched).then(|| {
        format!(
            "a body that begins {:?}",
            answer.body.chars().take(80).collect::<String>()
        )
    })
}

/// What was there in place of what is waited for.
struct Seen {
    text: String,
    /// Whether it answers the question: a command that could not be started does not.
    answered: bool,
}

impl Seen {
    fn no(text: impl Into<String>) -> Self {
        let text = text.into();
        Self {
            text,
            answered: true,
        }
    }
}

async fn asked(connection: &dyn Connection, exec: Exec) -> Result<(i32, String, String)> {
    let text = Collect::default();
    let status = connection.exec(&exec, &text).await?;
    let (out, err) = text.into_parts();
    Ok((status.0, out, err))
}

fn last_line(out: &str, err: &str) -> String {
    let lines = err.lines().rev().chain(out.lines().rev());
    lines
        .map(str::trim)
        .find(|line| !line.is_empty())
        .unwrap_or("no output")
        .into()
}

/// `text` as one word of a shell.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
