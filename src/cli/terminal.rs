//! A terminal of its own for the shell of `kitchen login`.
//!
//! A machine that held the user's terminal could put keys into it (TIOCSTI), which the user's own
//! shell then reads. So the kitchen keeps that terminal and hands on what is typed and printed; the
//! shell has a pseudo-terminal that ends with it, in a session without the user's terminal.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Write, stderr, stdin, stdout};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::process::{Pid, Signal, ioctl_tiocsctty, kill_process, setsid};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{
    OptionalActions, Termios, isatty, tcgetattr, tcgetwinsize, tcsetattr, tcsetwinsize,
};
use tokio::signal::unix::{SignalKind, signal};

/// First argument of a process that only makes a session and becomes another program.
const SESSION: &str = "__session";
/// How long the shell may take to end once its terminal is gone.
const PATIENCE: Duration = Duration::from_secs(2);
/// What the signals' thread says when the window has another size.
const RESIZED: u8 = 0;

/// Becomes a program in a session of its own, if the arguments (without the program's name) say so.
/// The first of the standard streams that is a terminal is that of the session.
pub fn session_main(mut arguments: impl Iterator<Item = OsString>) -> Option<ExitCode> {
    if arguments.next()? != SESSION {
        return None;
    }
    let program = arguments.next()?;
    let become_it = || -> io::Result<()> {
        setsid()?;
        let (input, output, errors) = (stdin(), stdout(), stderr());
        let streams = [input.as_fd(), output.as_fd(), errors.as_fd()];
        if let Some(terminal) = streams.into_iter().find(|stream| isatty(stream)) {
            ioctl_tiocsctty(terminal)?;
        }
        Err(Command::new(&program).args(arguments).exec())
    };
    let Err(error) = become_it() else {
        return Some(ExitCode::SUCCESS);
    };
    eprintln!("start {}: {error}", program.display());
    Some(ExitCode::from(127))
}

/// Runs `command` on a terminal of its own in the place of the user's, as far as the standard
/// streams are that. Gives its exit code, signals as 128 plus their number.
pub fn run(command: &Command) -> io::Result<i32> {
    let mut child = in_session(command)?;
    let own = Own::make(&mut child)?;
    let mut child = child.spawn()?;
    // Only the shell holds the other end.
    let master = own.map(|own| own.master);
    let events = watch(child.id())?;
    let raw = stdin_terminal().map(Raw::set).transpose()?;
    let ended = relay(&events, master.as_ref());
    // Whatever comes next is said on the terminal as it was.
    drop(raw);
    drop(master);
    match ended? {
        Some(number) => {
            hang_up(&mut child, &events)?;
            Ok(128 + i32::from(number))
        }
        None => {
            let status = child.wait()?;
            let signalled = status.signal().map(|number| 128 + number);
            Ok(status.code().or(signalled).unwrap_or(1))
        }
    }
}

/// This program as a command that makes a session and becomes `command`.
fn in_session(command: &Command) -> io::Result<Command> {
    let mut session = Command::new(std::env::current_exe()?);
    session
        .arg(SESSION)
        .arg(command.get_program())
        .args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => session.env(name, value),
            None => session.env_remove(name),
        };
    }
    if let Some(directory) = command.get_current_dir() {
        session.current_dir(directory);
    }
    Ok(session)
}

/// A pseudo-terminal, as its owner holds it.
struct Own {
    master: OwnedFd,
}

impl Own {
    /// Makes one with the size and the settings of the user's, and gives it to `child` for each of
    /// its streams that would be the user's; none where none would be.
    fn make(child: &mut Command) -> io::Result<Option<Self>> {
        let (input, output, errors) = (stdin(), stdout(), stderr());
        let streams = [input.as_fd(), output.as_fd(), errors.as_fd()];
        let Some(users) = streams.into_iter().find(|stream| isatty(stream)) else {
            return Ok(None);
        };
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let mode = rustix::fs::Mode::empty();
        let slave = rustix::fs::open(ptsname(&master, Vec::new())?, flags, mode)?;
        tcsetattr(&slave, OptionalActions::Now, &tcgetattr(users)?)?;
        tcsetwinsize(&slave, tcgetwinsize(users)?)?;
        let end = || slave.try_clone().map(Stdio::from);
        for (index, stream) in streams.iter().enumerate() {
            if isatty(stream) {
                match index {
                    0 => child.stdin(end()?),
                    1 => child.stdout(end()?),
                    _ => child.stderr(end()?),
                };
            }
        }
        // What is typed must never wait for a shell that does not read: its output would wait too.
        fcntl_setfl(&master, fcntl_getfl(&master)? | OFlags::NONBLOCK)?;
        Ok(Some(Self { master }))
    }
}

/// The user's terminal, where keys come from.
fn stdin_terminal() -> Option<OwnedFd> {
    let input = stdin();
    isatty(&input)
        .then(|| input.as_fd().try_clone_to_owned().ok())
        .flatten()
}

/// The user's terminal while it hands on each key as it is; dropped, it is what it was.
struct Raw {
    terminal: OwnedFd,
    before: Termios,
}

impl Raw {
    fn set(terminal: OwnedFd) -> io::Result<Self> {
        let before = tcgetattr(&terminal)?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(&terminal, OptionalActions::Now, &raw)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // A terminal that is gone needs no settings.
        let _ = tcsetattr(&self.terminal, OptionalActions::Drain, &self.before);
    }
}

/// A stream of what happens: a byte for a new size ([`RESIZED`]) or the number of a signal that ends
/// this process; its end when process `child` has ended.
fn watch(child: u32) -> io::Result<UnixStream> {
    let (ours, theirs) = UnixStream::pair()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let _inside = runtime.enter();
    let mut resized = signal(SignalKind::window_change())?;
    let mut ended = signal(SignalKind::child())?;
    let [mut hang_up, mut interrupt, mut quit, mut terminate] = [
        signal(SignalKind::hangup())?,
        signal(SignalKind::interrupt())?,
        signal(SignalKind::quit())?,
        signal(SignalKind::terminate())?,
    ];
    drop(_inside);
    std::thread::spawn(move || {
        runtime.block_on(async move {
            // The child may have ended before its signal was watched.
            while !is_over(child) {
                let number = tokio::select! {
                    _ = resized.recv() => RESIZED,
                    _ = ended.recv() => continue,
                    _ = hang_up.recv() => SignalKind::hangup().as_raw_value() as u8,
                    _ = interrupt.recv() => SignalKind::interrupt().as_raw_value() as u8,
                    _ = quit.recv() => SignalKind::quit().as_raw_value() as u8,
                    _ = terminate.recv() => SignalKind::terminate().as_raw_value() as u8,
                };
                if (&theirs).write_all(&[number]).is_err() {
                    return;
                }
            }
        });
    });
    Ok(ours)
}

/// Whether the child has ended; it is waited for elsewhere.
fn is_over(child: u32) -> bool {
    use rustix::process::{WaitId, WaitIdOptions, waitid};
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    let child = Pid::from_raw(child.cast_signed());
    child.is_none_or(|child| !matches!(waitid(WaitId::Pid(child), options), Ok(None)))
}

/// Hands on keys and output until the shell has ended (none) or a signal came (its number).
fn relay(mut events: &UnixStream, master: Option<&OwnedFd>) -> io::Result<Option<u8>> {
    let (input, output, errors) = (stdin(), stdout(), stderr());
    let typing = isatty(&input);
    let screen = if isatty(&output) {
        output.as_fd()
    } else {
        errors.as_fd()
    };
    let mut keys = Vec::new();
    let mut master = master;
    loop {
        let mut watched = vec![PollFd::new(events, PollFlags::IN)];
        if let Some(master) = master {
            let mut flags = PollFlags::IN;
            flags.set(PollFlags::OUT, !keys.is_empty());
            watched.push(PollFd::new(master, flags));
            if typing && keys.is_empty() {
                watched.push(PollFd::new(&input, PollFlags::IN));
            }
        }
        wait(&mut watched)?;
        let happened = |index: usize| {
            watched
                .get(index)
                .map_or(PollFlags::empty(), PollFd::revents)
        };
        if let Some(open) = master.filter(|_| !happened(1).is_empty()) {
            if happened(1).contains(PollFlags::OUT) {
                type_some(open, &mut keys)?;
            }
            if happened(1).intersects(PollFlags::IN | PollFlags::HUP) && !show(open, screen)? {
                master = None;
            }
        }
        if !happened(2).is_empty() {
            keys.resize(4096, 0);
            let read = retry(|| Ok(rustix::io::read(&input, &mut keys[..])?))?;
            keys.truncate(read);
            if read == 0 {
                return Ok(Some(SignalKind::hangup().as_raw_value() as u8));
            }
        }
        if !happened(0).is_empty() {
            let mut event = [RESIZED];
            match (retry(|| events.read(&mut event))?, event[0]) {
                (0, _) => {
                    // What the shell had printed before it ended.
                    while master.is_some_and(|open| show(open, screen).unwrap_or(false)) {}
                    return Ok(None);
                }
                (_, RESIZED) => {
                    if let Some(open) = master {
                        tcsetwinsize(open, tcgetwinsize(screen)?)?;
                    }
                }
                (_, number) => return Ok(Some(number)),
            }
        }
    }
}

/// Shows what the shell printed; false where there is nothing, now or for good.
fn show(master: &OwnedFd, screen: BorrowedFd<'_>) -> io::Result<bool> {
    let mut text = [0; 16 * 1024];
    match rustix::io::read(master, &mut text) {
        // Nobody holds the other end any more.
        Ok(0) | Err(rustix::io::Errno::IO) => Ok(false),
        Ok(read) => {
            File::from(screen.try_clone_to_owned()?).write_all(&text[..read])?;
            Ok(true)
        }
        Err(rustix::io::Errno::INTR) => Ok(true),
        Err(rustix::io::Errno::AGAIN) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn type_some(master: &OwnedFd, keys: &mut Vec<u8>) -> io::Result<()> {
    match rustix::io::write(master, keys) {
        Ok(written) => drop(keys.drain(..written)),
        Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => {}
        // The shell is gone: its end is seen elsewhere.
        Err(rustix::io::Errno::IO) => keys.clear(),
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

fn wait(watched: &mut [PollFd<'_>]) -> io::Result<()> {
    retry(|| Ok(poll(watched, None::<&Timespec>)?)).map(drop)
}

fn retry<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

/// Ends a shell whose terminal is gone.
fn hang_up(child: &mut Child, mut events: &UnixStream) -> io::Result<()> {
    if let Some(process) = Pid::from_raw(child.id().cast_signed()) {
        let _ = kill_process(process, Signal::HUP);
    }
    events.set_read_timeout(Some(PATIENCE))?;
    let deadline = Instant::now() + PATIENCE;
    // Other signals may come meanwhile; the end of the stream is that of the shell.
    while Instant::now() < deadline {
        match retry(|| events.read(&mut [0])) {
            Ok(0) => return child.wait().map(drop),
            Ok(_) => {}
            Err(_) => break,
        }
    }
    child.kill()?;
    child.wait().map(drop)
}
