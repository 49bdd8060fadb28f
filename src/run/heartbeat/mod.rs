//! Heartbeats: questions at fixed moments, whatever becomes of the answers. `asker` asks over the
//! network, `command` by commands, `tally` counts.

mod asker;
mod command;
mod tally;

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use banquet_sdk::{Peers, process, wording};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};

pub use asker::asker_main;
use asker::{ASKER, Http, Task};
use tally::Tally;

use super::action::Work;
use super::event::Sample;
use super::http::{self, Question, Target};
use super::job::Job;
use super::member::Member;
use super::scope::Scope;
use super::{Cause, EventKind, Failure, Place};
use crate::matrix::{Heartbeat, Kind, Probe, Step};

/// Samples are told in lots of at most so many, at least so often.
const LOT: usize = 500;
const OFTEN: Duration = Duration::from_secs(1);
/// How long a name may take to resolve.
const NAME: Duration = Duration::from_secs(5);

/// What is counted, and where it is told.
struct Record<'a> {
    job: &'a Job<'a>,
    place: Place,
    tally: Tally,
    lot: Vec<Sample>,
}

impl Record<'_> {
    async fn add(&mut self, sample: Sample) {
        self.tally.add(&sample);
        self.lot.push(sample);
        if self.lot.len() >= LOT {
            self.tell().await;
        }
    }

    async fn tell(&mut self) {
        if self.lot.is_empty() {
            return;
        }
        let (place, samples) = (self.place.clone(), std::mem::take(&mut self.lot));
        self.job
            .send(EventKind::HeartbeatSampled { place, samples })
            .await;
    }
}

impl Job<'_> {
    /// Asks until all is asked, or the steps beside it have ended; then judges.
    pub(super) async fn heartbeat(
        &self,
        step: &Step,
        beat: &Heartbeat,
        scope: &Scope,
    ) -> Result<(), Failure> {
        let from = step.suite.as_ref().map(|_| self.living(step)).transpose()?;
        let mut record = Record {
            job: self,
            place: Place {
                subject: self.task.subject.name().into(),
                instance: from.map(|member| member.instance.name.clone()),
                step: scope.step.clone(),
            },
            tally: Tally::new(u64::try_from(beat.every.as_micros()).unwrap_or(u64::MAX)),
            lot: Vec::new(),
        };
        let asking = self.asked(step, beat, from, &mut record, scope);
        let asked = scope.limit(&step.text, asking).await;
        record.tell().await;
        let summary = record.tally.summary(&self.begun());
        if summary.sent > 0 {
            let place = record.place.clone();
            self.send(EventKind::HeartbeatFinished { place, summary })
                .await;
        }
        asked.and_then(|()| self.demands(beat, &record.tally))
    }

    async fn asked(
        &self,
        step: &Step,
        beat: &Heartbeat,
        from: Option<&Member>,
        record: &mut Record<'_>,
        scope: &Scope,
    ) -> Result<(), Failure> {
        let known = self.known();
        let instance = from.map(|member| &*member.instance);
        let told = self.expressions(instance, step.rolling);
        let text = |text: &str| told.text(text, step.origin.as_ref());
        let (target, http) = match &beat.probe {
            Probe::Exec(line) => {
                let line = text(line)?;
                return self
                    .ask_by_command(step, beat, from, &line, record, scope)
                    .await;
            }
            Probe::Tcp(target) => (
                http::target(&format!("http://{}", text(target)?))
                    .map_err(|error| Failure::of(Cause::Config, error))?,
                None,
            ),
            Probe::Http {
                url,
                method,
                status,
                body,
            } => {
                let target =
                    http::target(&text(url)?).map_err(|error| Failure::of(Cause::Config, error))?;
                let question = Question {
                    method: method.clone(),
                    host: target.host.clone().unwrap_or_else(|| "localhost".into()),
                    path: target.path.clone(),
                };
                let body = body.as_deref().map(text).transpose()?;
                if let Some(body) = &body {
                    http::pattern(body).map_err(|error| {
                        let message = format!("{}: {body:?}: {error}", step.text);
                        Failure::new(Cause::Config, message)
                    })?;
                }
                let http = Http {
                    question,
                    status: *status,
                    body,
                };
                (target, Some(http))
            }
        };
        let prefix = match from {
            None => Some(self.local_prefix(scope).await?),
            Some(member) => self.network_of(member, scope).await?,
        };
        match prefix {
            Some(prefix) => {
                let task = Task {
                    target: resolved(&target, from, &known.peers).await?,
                    http,
                    every: beat.every,
                    count: beat.count,
                    concurrency: beat.concurrency,
                    timeout: beat.timeout,
                };
                self.ask_over_network(&prefix, &task, record, scope).await
            }
            None => {
                let line = command::asking(&target, http.as_ref(), beat.timeout);
                self.ask_by_command(step, beat, from, &line, record, scope)
                    .await
            }
        }
    }

    /// Words that lead into the network of a member itself; none where no words do.
    pub(in crate::run) async fn network_of(
        &self,
        member: &Member,
        scope: &Scope,
    ) -> Result<Option<Vec<String>>, Failure> {
        let driver = self.driver_of(member)?;
        if driver.capabilities().workstation {
            return Ok(Some(Vec::new()));
        }
        let work = Work::of(crate::matrix::Action::Create, &member.instance, self.task);
        let state = member.state();
        let cx = self.context(&work, Kind::Driver, &state, scope).await?;
        let found = driver.network(&cx, &state).await;
        found.map_err(|error| Failure::plugin(Cause::Infrastructure, error, &cx, Kind::Driver))
    }

    async fn ask_over_network(
        &self,
        prefix: &[String],
        task: &Task,
        record: &mut Record<'_>,
        scope: &Scope,
    ) -> Result<(), Failure> {
        let failed = |what: &str, error: &dyn std::fmt::Display| {
            Failure::new(Cause::Infrastructure, format!("heartbeat: {what}: {error}"))
        };
        let (mut child, _note) =
            started(prefix).map_err(|error| failed("start a process", &error))?;
        let (Some(mut input), Some(output), Some(mut errors)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(failed("start a process", &"it has no pipes"));
        };
        let mut line = serde_json::to_vec(task).map_err(|error| failed("begin", &error))?;
        line.push(b'\n');
        // One that has ended already says why.
        let _ = input.write_all(&line).await;
        let mut input = Some(input);
        let mut lines = BufReader::new(output).lines();
        let mut often = tokio::time::interval(OFTEN);
        let enough = scope.enough.clone().unwrap_or_default();
        loop {
            let going = input.is_some();
            tokio::select! {
                biased;
                () = enough.failed.cancelled(), if going => input = None,
                () = enough.over.cancelled(), if going && task.count.is_none() => input = None,
                line = lines.next_line() => {
                    let Some(line) = line.map_err(|error| failed("read", &error))? else {
                        break;
                    };
                    let sample = serde_json::from_str(&line);
                    record.add(sample.map_err(|error| failed("read", &error))?).await;
                }
                _ = often.tick() => record.tell().await,
            }
        }
        drop(input);
        let mut said = String::new();
        let (_, status) = tokio::join!(errors.read_to_string(&mut said), child.wait());
        match status.map_err(|error| failed("wait", &error))? {
            status if status.success() => Ok(()),
            status => Err(failed(&status.to_string(), &said.trim())),
        }
    }

    /// Whether the answers were what the heartbeat demands.
    fn demands(&self, beat: &Heartbeat, tally: &Tally) -> Result<(), Failure> {
        let faults = self.begun().clone();
        let summary = tally.summary(&faults);
        let longest = tally.longest(&faults);
        let outage = longest.as_ref().map(|outage| {
            let lasted = wording::time(Duration::from_micros(outage.lasted));
            let cause = outage.cause();
            format!("longest outage {lasted}{cause}: {}", outage.error)
        });
        let failure = |message: String| {
            let outage = outage.as_ref().map(|it| format!("; {it}"));
            let outage = outage.unwrap_or_default();
            Err(Failure::verdict(
                Cause::Verify,
                format!("{message}{outage}"),
            ))
        };
        if summary.sent == 0 {
            let message = "the steps ended before anything was asked";
            return Err(Failure::new(Cause::Verify, message));
        }
        // Where only the length of outages is limited, losses are as many as they are.
        let allowed = match (beat.allow_failures, beat.max_outage) {
            (Some(allowed), _) => allowed,
            (None, Some(_)) => u64::MAX,
            (None, None) => 0,
        };
        if summary.lost > allowed {
            let (lost, sent) = (summary.lost, summary.sent);
            return failure(format!("{lost} of {sent} were lost, {allowed} may be"));
        }
        if summary.answered == 0 {
            return failure(format!("none of {} was answered", summary.sent));
        }
        if let (Some(most), Some(longest)) = (beat.max_outage, &longest)
            && Duration::from_micros(longest.lasted) > most
        {
            return failure(format!("an outage may last {}", wording::time(most)));
        }
        let p99 = Duration::from_micros(summary.p99);
        match beat.max_latency {
            Some(most) if p99 > most => failure(format!(
                "1 of 100 answers took longer than {}, {} may be",
                wording::time(p99),
                wording::time(most)
            )),
            _ => Ok(()),
        }
    }
}

/// A process that asks, behind `prefix`.
fn started(prefix: &[String]) -> std::io::Result<(Child, process::Noted)> {
    let program = std::env::current_exe()?;
    let mut words = prefix
        .iter()
        .map(Into::into)
        .chain([program.into_os_string()]);
    let mut command = Command::new(words.next().unwrap_or_default());
    command
        .args(words)
        .arg(ASKER)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    process::spawn(command)
}

/// Where questions go: a member by any of its names, else whatever the workstation's names say.
async fn resolved(
    target: &Target,
    from: Option<&Member>,
    peers: &Peers,
) -> Result<SocketAddr, Failure> {
    let Some(host) = target.host.clone().or_else(|| from?.peer().address) else {
        return Err(Failure::new(
            Cause::Config,
            format!("heartbeat: {} has no host", target.path),
        )
        .hint("Write `http://{{peers.SUITE.address}}/`."));
    };
    let named = peers
        .0
        .iter()
        .find(|peer| peer.names().contains(&host.as_str()));
    let address = named
        .and_then(|peer| peer.address.clone())
        .unwrap_or_else(|| host.clone());
    let found = tokio::time::timeout(
        NAME,
        tokio::net::lookup_host((address.trim_matches(['[', ']']), target.port)),
    );
    let error = match found.await {
        Ok(Ok(mut found)) => match found.next() {
            Some(found) => return Ok(found),
            None => "it has no address".into(),
        },
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no answer within {}", wording::time(NAME)),
    };
    let members: Vec<&str> = peers.0.iter().map(|peer| peer.suite.as_str()).collect();
    Err(Failure::new(
        Cause::Config,
        format!("heartbeat: the name `{host}` does not resolve: {error}"),
    )
    .hint(super::expression::living(&members)))
}
