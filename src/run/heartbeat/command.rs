//! Questions that are commands: on a member over its transport, or on the workstation.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use banquet_sdk::process::{self, Collect};
use banquet_sdk::{Connection, Environment, Exec, Stdin, wording};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::asker::Http;
use super::{OFTEN, Record};
use crate::matrix::{Heartbeat, Step};
use crate::run::Failure;
use crate::run::action::Work;
use crate::run::event::Sample;
use crate::run::fault::now;
use crate::run::http::Target;
use crate::run::job::Job;
use crate::run::member::Member;
use crate::run::scope::Scope;
use crate::run::wait::quoted;

/// Who runs the command.
enum Runner {
    Member {
        connection: Arc<dyn Connection>,
        environment: Environment,
    },
    Workstation {
        prefix: Vec<String>,
        directory: std::path::PathBuf,
        environment: Environment,
    },
}

impl Runner {
    async fn run(&self, line: &str, timeout: Duration) -> Result<(), String> {
        let said = Collect::default();
        let running = async {
            match self {
                Self::Member {
                    connection,
                    environment,
                } => {
                    let exec = Exec::new(line).env(environment);
                    connection.exec(&exec, &said).await
                }
                Self::Workstation {
                    prefix,
                    directory,
                    environment,
                } => {
                    let mut command = process::shell(prefix, line);
                    command.current_dir(directory).envs(environment);
                    process::run(command, &Stdin::Empty, &said).await
                }
            }
        };
        let status = match tokio::time::timeout(timeout, running).await {
            Ok(status) => status.map_err(|error| error.message)?,
            Err(_) => return Err(format!("no answer within {}", wording::time(timeout))),
        };
        if status.success() {
            return Ok(());
        }
        let (out, err) = said.into_parts();
        let last = err.lines().chain(out.lines()).last().unwrap_or_default();
        Err(format!("exit code {}: {}", status.0, last.trim()))
    }
}

impl Job<'_> {
    /// Runs `line` at fixed moments, however long each takes.
    pub(super) async fn ask_by_command(
        &self,
        step: &Step,
        beat: &Heartbeat,
        from: Option<&Member>,
        line: &str,
        record: &mut Record<'_>,
        scope: &Scope,
    ) -> Result<(), Failure> {
        let runner = &match from {
            Some(member) => {
                let work = Work::step(step, &member.instance, self.task);
                let state = member.state();
                let environment = self.on_member(&work, &state, scope).await?.environment;
                Runner::Member {
                    connection: self.connect(member, &work, &state, scope).await?,
                    environment,
                }
            }
            None => Runner::Workstation {
                prefix: self.local_prefix(scope).await?,
                directory: self.run.kitchen.project.root.clone(),
                environment: self.on_workstation(),
            },
        };
        let slots = &Semaphore::new(beat.concurrency);
        let (started, began) = (Instant::now(), now());
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let one = |number: u64, due: Instant| async move {
            let _slot = slots.acquire().await;
            let late = micros(due.elapsed());
            let error = runner.run(line, beat.timeout).await.err();
            Sample {
                number,
                planned: began + micros(due - started),
                late,
                took: micros(due.elapsed()),
                error,
            }
        };
        let enough = scope.enough.clone().unwrap_or_default();
        let mut over = pin!(async {
            tokio::select! {
                () = enough.failed.cancelled() => {}
                () = enough.over.cancelled(), if beat.count.is_none() => {}
            }
        });
        let mut running = FuturesUnordered::new();
        let mut often = tokio::time::interval(OFTEN);
        let (mut number, mut more) = (0, true);
        while more || !running.is_empty() {
            let offset = beat.every.as_secs_f64() * number as f64;
            let due = started + Duration::try_from_secs_f64(offset).unwrap_or(Duration::MAX / 4);
            tokio::select! {
                () = &mut over, if more => more = false,
                () = tokio::time::sleep_until(due), if more => {
                    running.push(one(number, due));
                    number += 1;
                    more = beat.count.is_none_or(|count| number < count);
                }
                Some(sample) = running.next() => record.add(sample).await,
                _ = often.tick() => record.tell().await,
            }
        }
        Ok(())
    }
}

/// The question as a command for a member whose network no words lead into: `curl` asks HTTP, `nc`
/// or bash connects.
pub(super) fn asking(target: &Target, http: Option<&Http>, timeout: Duration) -> String {
    let host = target.host.as_deref().unwrap_or("127.0.0.1");
    let (port, seconds) = (target.port, timeout.as_secs_f64());
    let Some(http) = http else {
        let whole = timeout.as_secs().max(1);
        return format!(
            "if command -v nc >/dev/null; then nc -z -w {whole} {0} {port}; \
             else timeout {seconds} bash -c {1}; fi",
            quoted(host),
            quoted(&format!("exec 3<>/dev/tcp/{host}/{port}"))
        );
    };
    let question = &http.question;
    let url = quoted(&format!("http://{host}:{port}{}", question.path));
    let method = match question.method.as_str() {
        "HEAD" => "--head".into(),
        method => format!("-X {}", quoted(method)),
    };
    let ask = format!("curl -sS -m {seconds} {method} -w '\\n%{{http_code}}' {url}");
    let status = match http.status {
        Some(status) => format!("[ \"$code\" = {status} ]"),
        None => "[ \"$code\" -ge 100 ] && [ \"$code\" -lt 400 ]".into(),
    };
    let body = match &http.body {
        Some(body) => format!(
            " && {{ printf '%s' \"$answer\" | sed '$d' | grep -qE {} || {{ echo another body >&2; exit 1; }}; }}",
            quoted(body)
        ),
        None => String::new(),
    };
    format!(
        "answer=$({ask}) || exit; code=${{answer##*[!0-9]}}; {{ {status} || {{ echo status $code >&2; exit 1; }}; }}{body}"
    )
}

#[cfg(test)]
mod tests {
    use super::super::super::http::{Question, target};
    use super::*;

    #[test]
    fn questions_become_commands_of_a_member() {
        let to = target("http://lb:8080/x").unwrap();
        let tcp = asking(&to, None, Duration::from_millis(500));
        assert!(tcp.contains("nc -z -w 1 'lb' 8080"), "{tcp}");
        let http = Http {
            question: Question {
                method: "HEAD".into(),
                host: "lb".into(),
                path: "/x".into(),
            },
            status: Some(204),
            body: Some("^it's".into()),
        };
        let line = asking(&to, Some(&http), Duration::from_secs(2));
        for part in [
            "-m 2 --head",
            "'http://lb:8080/x'",
            "= 204 ]",
            r"grep -qE '^it'\''s'",
        ] {
            assert!(line.contains(part), "{part} in {line}");
        }
    }
}
