//! Runs a command in an instance: streams straight through pipes, ends it with the kitchen, and
//! keeps the pipes open for what it left behind.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::Stdio;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions, kill_process, pidfd_open, waitpid};
use rustix::thread::ThreadNameSpaceType;

use super::sys::{self, Fork, Member};
use super::{Doing, Result, answer, shell};
use crate::labels::stat_of;
use crate::wire::{self, Answer, Run};

/// Runs the command until it ends, or until the kitchen is gone.
pub fn run(socket: &OwnedFd, run: &Run) -> Result<()> {
    let member = Member::open(run.target)?;
    sys::join_target(run.target, ThreadNameSpaceType::PROCESS_ID)?;
    let pipe = || pipe_with(PipeFlags::CLOEXEC).doing("make a pipe");
    let (input, out, err) = (pipe()?, pipe()?, pipe()?);
    let child = match sys::fork().doing("fork")? {
        Fork::Child => {
            let stdin = run.stdin.then_some(input.0);
            drop(input.1);
            command(run, &member, stdin, out.1, err.1)
        }
        Fork::Parent(child) => child,
    };
    drop((input.0, out.1, err.1));
    wire::send(socket, &Answer::Started, &[out.0.as_fd(), err.0.as_fd()])
        .doing("answer the kitchen")?;
    let ended = pidfd_open(child, PidfdFlags::empty()).doing("watch the command")?;
    let alive = relay(socket, &ended, run.stdin.then_some(input.1)).doing("watch the command")?;
    if alive {
        kill_tree(child);
    }
    let status = waitpid(Some(child), WaitOptions::empty()).doing("wait for the command")?;
    if !alive {
        let code = status.map_or(1, |(_, status)| shell::code(status));
        answer(socket, &Answer::Exited(code))?;
        wait_for(socket.as_fd(), PollFlags::empty()).doing("wait for the kitchen")?;
    }
    discard(out.0, err.0).doing("keep the pipes open")
}

/// The child: becomes the command. Returns only where that fails.
fn command(run: &Run, member: &Member, stdin: Option<OwnedFd>, out: OwnedFd, err: OwnedFd) -> ! {
    let _ = rustix::process::setsid();
    let mut command = match shell::command(member, run.target.own_users, &run.user) {
        Ok(command) => command,
        Err(failure) => fail(&failure.message, err),
    };
    let errors = match err.try_clone() {
        Ok(copy) => Stdio::from(copy),
        Err(_) => Stdio::null(),
    };
    command
        .args(["-c", &run.command])
        .envs(&run.environment)
        .stdin(stdin.map_or_else(Stdio::null, Stdio::from))
        .stdout(out)
        .stderr(errors);
    let error = std::os::unix::process::CommandExt::exec(&mut command);
    fail(&format!("start /bin/sh: {error}"), err)
}

/// Ends the child with a word where the command's user looks, and a shell's code for it.
fn fail(message: &str, err: OwnedFd) -> ! {
    let _ = writeln!(File::from(err), "{message}");
    std::process::exit(127)
}

/// Passes input on until the command ends (false) or the kitchen is gone (true).
fn relay(socket: &OwnedFd, ended: &OwnedFd, input: Option<OwnedFd>) -> io::Result<bool> {
    let mut source = File::from(socket.try_clone()?);
    let mut input = input.map(File::from);
    if let Some(pipe) = &input {
        fcntl_setfl(pipe, fcntl_getfl(pipe)? | OFlags::NONBLOCK)?;
    }
    let mut pending: Vec<u8> = Vec::new();
    loop {
        let reads = input.is_some() && pending.is_empty();
        let wanted = if reads {
            PollFlags::IN
        } else {
            PollFlags::empty()
        };
        let mut watched = vec![
            PollFd::new(ended, PollFlags::IN),
            PollFd::new(socket, wanted),
        ];
        if let (Some(pipe), false) = (&input, pending.is_empty()) {
            watched.push(PollFd::new(pipe, PollFlags::OUT));
        }
        wait(&mut watched)?;
        let events: Vec<PollFlags> = watched.iter().map(PollFd::revents).collect();
        if events[0].contains(PollFlags::IN) {
            return Ok(false);
        }
        if events[1].intersects(PollFlags::HUP | PollFlags::ERR) {
            return Ok(true);
        }
        if events[1].contains(PollFlags::IN) {
            pending.resize(64 * 1024, 0);
            let read = source.read(&mut pending)?;
            pending.truncate(read);
            if read == 0 {
                input = None;
            }
        }
        if events.get(2).is_some_and(|events| !events.is_empty()) {
            write_some(&mut input, &mut pending)?;
        }
    }
}

fn write_some(input: &mut Option<File>, pending: &mut Vec<u8>) -> io::Result<()> {
    let Some(pipe) = input else { return Ok(()) };
    match pipe.write(pending) {
        Ok(written) => drop(pending.drain(..written)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
        // The command does not read on: that is its right.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
            *input = None;
            pending.clear();
        }
        Err(error) => return Err(error),
    }
    Ok(())
}

/// Kills a command and everything that comes from it. What made itself a daemon (a session of its
/// own and no parent left) is none of it.
fn kill_tree(root: Pid) {
    let root = root.as_raw_nonzero().get().cast_unsigned();
    let mut dead = std::collections::BTreeSet::new();
    loop {
        let all: Vec<_> = std::fs::read_dir("/proc")
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
            .filter_map(|pid| Some((pid, stat_of(pid)?)))
            .collect();
        let mut tree = std::collections::BTreeSet::from([root]);
        loop {
            let before = tree.len();
            tree.extend(
                all.iter()
                    .filter_map(|(pid, stat)| {
                        (tree.contains(&stat.parent) || tree.contains(&stat.session))
                            .then_some(*pid)
                    })
                    .collect::<Vec<_>>(),
            );
            if tree.len() == before {
                break;
            }
        }
        let fresh: Vec<u32> = tree.difference(&dead).copied().collect();
        if fresh.is_empty() {
            return;
        }
        for pid in fresh {
            if let Some(handle) = Pid::from_raw(pid.cast_signed()) {
                let _ = kill_process(handle, Signal::KILL);
            }
            dead.insert(pid);
        }
    }
}

/// Reads and forgets what processes print that outlive their command, until the last is gone:
/// a closed pipe would kill them.
fn discard(out: OwnedFd, err: OwnedFd) -> io::Result<()> {
    let mut pipes = vec![File::from(out), File::from(err)];
    let mut waste = vec![0; 16 * 1024];
    while !pipes.is_empty() {
        let mut watched: Vec<_> = pipes
            .iter()
            .map(|pipe| PollFd::new(pipe, PollFlags::IN))
            .collect();
        wait(&mut watched)?;
        let ready: Vec<bool> = watched.iter().map(|fd| !fd.revents().is_empty()).collect();
        let mut index = 0;
        pipes.retain_mut(|pipe| {
            index += 1;
            // The kitchen made its ends, and with them these, non-blocking.
            !ready[index - 1]
                || match pipe.read(&mut waste) {
                    Ok(read) => read > 0,
                    Err(error) => error.kind() == io::ErrorKind::WouldBlock,
                }
        });
    }
    Ok(())
}

fn wait_for(fd: BorrowedFd<'_>, flags: PollFlags) -> io::Result<()> {
    wait(&mut [PollFd::from_borrowed_fd(fd, flags)])
}

fn wait(watched: &mut [PollFd<'_>]) -> io::Result<()> {
    loop {
        match poll(watched, None) {
            Err(rustix::io::Errno::INTR) => {}
            other => return Ok(other.map(drop)?),
        }
    }
}
