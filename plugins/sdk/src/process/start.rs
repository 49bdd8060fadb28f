//! How a process of the workstation is started: noted, in a group of its own, and bound to the life
//! of this process. What a `kill -9` of this process leaves for a moment, the next command ends.

use std::io;

use process_wrap::tokio::{ChildWrapper, CommandWrap, KillOnDrop};
use tokio::process::{Child, Command};

use super::led;
#[cfg(unix)]
use crate::scratch::{MARK, Note};

/// A process that was started, and the note of it, which goes with this.
pub(crate) struct Started {
    pub child: Box<dyn ChildWrapper>,
    pub note: Noted,
}

/// Keeps the note of a process that was started.
#[derive(Debug, Default)]
pub struct Noted {
    #[cfg(unix)]
    _note: Option<Note>,
}

/// Starts `command` in a process group of its own. It is killed when the child is dropped.
pub(crate) fn start(mut command: Command) -> io::Result<Started> {
    led(&mut command);
    noted(command, |command| {
        let mut wrap = CommandWrap::from(command);
        wrap.wrap(KillOnDrop);
        #[cfg(unix)]
        wrap.wrap(process_wrap::tokio::ProcessGroup::leader());
        wrap.spawn()
    })
    .map(|(child, note)| Started { child, note })
}

/// As [`run`](super::run) starts one, for a process that is talked to while it runs: in a process
/// group of its own, killed with the child when that is dropped. Keep the note as long as the child.
pub fn spawn(mut command: Command) -> io::Result<(Child, Noted)> {
    led(&mut command);
    command.kill_on_drop(true);
    #[cfg(unix)]
    command.process_group(0);
    noted(command, |mut command| command.spawn())
}

#[cfg(unix)]
fn noted<C: Pid + Send + 'static>(
    mut command: Command,
    spawn: impl FnOnce(Command) -> io::Result<C> + Send + 'static,
) -> io::Result<(C, Noted)> {
    let program = super::name_of(&command);
    let mut note = Note::prepare();
    if let Some(note) = &note {
        command.env(MARK, note.mark());
    }
    #[cfg(target_os = "linux")]
    bind(&mut command);
    let child = lasting::call(move || spawn(command))?;
    if let (Some(note), Some(pid)) = (&mut note, child.pid()) {
        note.started(pid, &program);
    }
    Ok((child, Noted { _note: note }))
}

#[cfg(not(unix))]
fn noted<C>(
    command: Command,
    spawn: impl FnOnce(Command) -> io::Result<C>,
) -> io::Result<(C, Noted)> {
    Ok((spawn(command)?, Noted::default()))
}

#[cfg(unix)]
trait Pid {
    fn pid(&self) -> Option<u32>;
}

#[cfg(unix)]
impl Pid for Child {
    fn pid(&self) -> Option<u32> {
        self.id()
    }
}

#[cfg(unix)]
impl Pid for Box<dyn ChildWrapper> {
    fn pid(&self) -> Option<u32> {
        self.id()
    }
}

/// The kernel kills the process when the thread that started it ends.
#[cfg(target_os = "linux")]
#[allow(unsafe_code, reason = "what runs between fork and exec is marked so")]
fn bind(command: &mut Command) {
    use rustix::process::{Pid, Signal, getpid, getppid, set_parent_process_death_signal};
    let parent: Pid = getpid();
    // SAFETY: between fork and exec only system calls are made; nothing is allocated.
    unsafe {
        command.pre_exec(move || {
            set_parent_process_death_signal(Some(Signal::KILL))?;
            // It was killed before it could be told of.
            match getppid() == Some(parent) {
                true => Ok(()),
                false => Err(rustix::io::Errno::SRCH.into()),
            }
        });
    }
}

/// A thread that lives as long as the process: the kernel takes the end of the thread that started a
/// process for the end of its parent, and threads of the runtime come and go.
#[cfg(target_os = "linux")]
mod lasting {
    use std::io;
    use std::sync::OnceLock;
    use std::sync::mpsc::{Sender, channel};

    type Work = Box<dyn FnOnce() + Send>;

    static THREAD: OnceLock<Option<Sender<Work>>> = OnceLock::new();

    fn thread() -> Option<Sender<Work>> {
        let (sender, work) = channel::<Work>();
        std::thread::Builder::new()
            .name("processes".into())
            .spawn(move || work.into_iter().for_each(|work| work()))
            .ok()?;
        Some(sender)
    }

    /// What `work` gives, done by that thread, with the runtime of the caller.
    pub fn call<T: Send + 'static>(
        work: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let broken = || io::Error::other("the thread that starts processes is gone");
        let (told, answer) = channel();
        let runtime = tokio::runtime::Handle::try_current().map_err(io::Error::other)?;
        let work = Box::new(move || {
            let _entered = runtime.enter();
            // The caller waits below.
            let _ = told.send(work());
        });
        let thread = THREAD.get_or_init(thread).as_ref().ok_or_else(broken)?;
        thread.send(work).map_err(|_| broken())?;
        answer.recv().map_err(|_| broken())?
    }
}

#[cfg(all(unix, not(target_os = "linux")))]
mod lasting {
    pub fn call<T>(work: impl FnOnce() -> std::io::Result<T>) -> std::io::Result<T> {
        work()
    }
}
