//! One instance's connection: made when needed, kept for every command, made again when lost.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use banquet_sdk::{
    Connection, Context, Dialed, Exec, ExitStatus, Output, Result, Stdin, aftermath, async_trait,
};
use russh::Channel;
use russh::client::Msg;
use tokio::sync::{Mutex, OwnedSemaphorePermit, oneshot};
use tokio::time::Instant;

use crate::exec::{Input, Lines, Sink, run};
use crate::failure::{Failure, Hope};
use crate::files::Text;
use crate::route::plain;
use crate::script::Script;
use crate::session::Session;
use crate::target::Target;

/// The server must have been told within this that nobody uses a channel.
const CLOSE_WITHIN: Duration = Duration::from_secs(10);

/// The one connection to an instance.
#[derive(Default)]
pub(crate) struct Slot {
    open: Mutex<Option<(Target, Arc<Session>)>>,
    /// Held by an upload.
    pub uploads: Mutex<()>,
}

pub(crate) struct SshConnection {
    target: Target,
    pub slot: Arc<Slot>,
    pub work_dir: PathBuf,
    /// Hears of links that a download leaves out.
    pub output: Arc<dyn Output>,
}

impl SshConnection {
    /// A connection that answers; waits for a machine that boots.
    pub async fn ready(cx: &Context, target: Target, slot: Arc<Slot>) -> Result<Self> {
        let connection = Self {
            target,
            slot,
            work_dir: cx.work_dir(),
            output: cx.output.clone(),
        };
        cx.bounded("waiting for ssh", connection.wait(cx)).await?;
        Ok(connection)
    }

    async fn wait(&self, cx: &Context) -> Result<()> {
        let mut open = self.slot.open.lock().await;
        if let Some((target, session)) = open.as_ref()
            && *target == self.target
            && session.answers().await
        {
            return Ok(());
        }
        *open = None;
        let started = Instant::now();
        let mut refused: Option<Instant> = None;
        let mut told = String::new();
        loop {
            let failure = match self.attempt().await {
                Ok(session) => {
                    *open = Some((self.target.clone(), session));
                    return Ok(());
                }
                Err(failure) => failure,
            };
            let (since, limit, key) = match failure.hope {
                Hope::Never => return Err(failure.error),
                Hope::Booting => (started, self.target.ready_within, "max_wait_until_ready"),
                Hope::Refused => (
                    *refused.get_or_insert_with(Instant::now),
                    self.target.authenticated_within,
                    "max_wait_until_authenticated",
                ),
            };
            if since.elapsed() + self.target.retry_sleep > limit {
                let waited = format!("Waited {} (`{key}`).", seconds(since.elapsed()));
                return Err(failure.error.hint(waited));
            }
            if failure.error.message != told {
                told = failure.error.message;
                cx.note(format!("{told}; trying again for {}", seconds(limit)))
                    .await;
            }
            tokio::time::sleep(self.target.retry_sleep).await;
        }
    }

    /// Connects, logs in, and sees that commands run.
    async fn attempt(&self) -> std::result::Result<Arc<Session>, Failure> {
        let session = Arc::new(Session::open(&self.target).await?);
        let trying = async {
            let Some(channel) = session.command_channel().await? else {
                return Err(session.lost("open a session"));
            };
            let script = Script::new(&Exec::new("exit 0"), &session.login());
            let mut said = Text::default();
            let status = run(
                &session,
                channel,
                None,
                script,
                Input::Bytes(&[]),
                &mut said,
            )
            .await?;
            let said = [said.out, said.err].concat();
            let said = String::from_utf8_lossy(&said).trim().to_owned();
            status
                .into_result(&format!("run a command on {}", session.name))
                .map_err(|error| banquet_sdk::Error::machine(format!("{error}: {said}")))
        };
        match tokio::time::timeout(self.target.timeout, trying).await {
            Ok(Ok(())) => Ok(session),
            Ok(Err(error)) => Err(Failure::again(error)),
            Err(_) => Err(Failure::again(banquet_sdk::Error::timeout(
                format!("running a command on {}", session.name),
                self.target.timeout,
            ))),
        }
    }

    /// The open connection, made again where it is gone.
    async fn session(&self) -> Result<Arc<Session>> {
        let mut open = self.slot.open.lock().await;
        if let Some((target, session)) = open.as_ref()
            && *target == self.target
            && !session.is_closed()
        {
            return Ok(session.clone());
        }
        *open = None;
        let mut left = self.target.retries;
        loop {
            match Session::open(&self.target).await {
                Ok(session) => {
                    let session = Arc::new(session);
                    *open = Some((self.target.clone(), session.clone()));
                    return Ok(session);
                }
                Err(failure) if failure.hope == Hope::Never || left <= 1 => {
                    return plain(Err(failure));
                }
                Err(_) => {
                    left -= 1;
                    tokio::time::sleep(self.target.retry_sleep).await;
                }
            }
        }
    }

    /// Does not hand out `session` any more.
    async fn forget(&self, session: &Arc<Session>) {
        let mut open = self.slot.open.lock().await;
        if open
            .as_ref()
            .is_some_and(|(_, kept)| Arc::ptr_eq(kept, session))
        {
            *open = None;
        }
    }

    /// A channel for a command, on a new connection where the kept one turns out dead.
    async fn channel(&self) -> Result<(Arc<Session>, OwnedSemaphorePermit, Channel<Msg>)> {
        for _ in 0..2 {
            let session = self.session().await?;
            let permit = session.commands.clone().acquire_owned().await;
            let Ok(permit) = permit else { continue };
            match opened(&session, permit).await? {
                Some((permit, channel)) => return Ok((session, permit, channel)),
                None => self.forget(&session).await,
            }
        }
        Err(self.session().await?.lost("open a session"))
    }

    pub(crate) async fn run(
        &self,
        exec: &Exec,
        input: Input<'_>,
        sink: &mut impl Sink,
    ) -> Result<ExitStatus> {
        let (session, permit, channel) = self.channel().await?;
        let script = Script::new(exec, &session.login());
        run(&session, channel, Some(permit), script, input, sink).await
    }
}

/// `1.5 s`
/// A channel with its permit. Where the future is dropped while the server opens it, it is closed.
async fn opened(
    session: &Arc<Session>,
    permit: OwnedSemaphorePermit,
) -> Result<Option<(OwnedSemaphorePermit, Channel<Msg>)>> {
    let (sender, receiver) = oneshot::channel();
    let opening = session.clone();
    aftermath::leave(async move {
        let opened = opening.command_channel().await;
        let opened = opened.map(|channel| channel.map(|channel| (permit, channel)));
        if let Err(Ok(Some((_permit, channel)))) = sender.send(opened) {
            let _ = tokio::time::timeout(CLOSE_WITHIN, channel.close()).await;
        }
    });
    receiver.await.unwrap_or(Ok(None))
}

fn seconds(duration: Duration) -> String {
    format!("{} s", (duration.as_secs_f64() * 10.0).round() / 10.0)
}

#[async_trait]
impl Connection for SshConnection {
    fn is_open(&self) -> bool {
        match self.slot.open.try_lock() {
            Ok(open) => open
                .as_ref()
                .is_some_and(|(_, session)| !session.is_closed()),
            // Somebody is connecting.
            Err(_) => true,
        }
    }

    async fn exec(&self, exec: &Exec, output: &dyn Output) -> Result<ExitStatus> {
        let input = match &exec.stdin {
            Stdin::Empty => Input::Bytes(&[]),
            Stdin::Bytes(bytes) => Input::Bytes(bytes),
        };
        let mut lines = Lines::new(output);
        let status = self.run(exec, input, &mut lines).await;
        // What came before the connection was cut is worth reading, too.
        lines.finish().await;
        status
    }

    async fn upload(&self, locals: &[&Path], remote: &str) -> Result<()> {
        self.send(locals, remote).await
    }

    async fn download(&self, remotes: &[&str], local: &Path) -> Result<()> {
        for remote in remotes {
            self.fetch(remote, local).await?;
        }
        Ok(())
    }

    async fn dial(&self, port: u16) -> Result<Box<dyn Dialed>> {
        let session = self.session().await?;
        // What listens on one address only is most likely local.
        match session.dial("127.0.0.1", port).await {
            Ok(stream) => Ok(stream),
            Err(error) => session
                .dial(&self.target.last().host, port)
                .await
                .map_err(|_| error),
        }
    }
}
