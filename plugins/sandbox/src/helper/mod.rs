//! The helper's side: what must happen in a process with one thread.
//!
//! [`helper_main`] is the front door; `keep`, `boot`, `run` and `copy` each do one kind of request,
//! `gate` is a group's way out and `permit` says who may go where, `netlink` makes links and addresses. `rootfs` and `system` build root
//! directories from `mounts`, by paths that `inside` keeps within them; `spaces` makes the namespaces
//! of an instance's users, `confine` takes from their processes what they do not need, `sys` enters
//! namespaces.

mod boot;
mod confine;
mod copy;
mod gate;
mod inside;
mod keep;
mod mounts;
mod nat;
mod netlink;
mod permit;
mod rootfs;
mod run;
mod shell;
mod spaces;
mod sys;
mod system;

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::process::ExitCode;

use crate::HELPER;
use crate::wire::{self, Answer, Request};

/// Acts as a helper if the arguments (without the program's name) say so. A program that uses the
/// driver calls it first thing in `main`, before any thread exists, and ends with the code.
pub fn helper_main(mut arguments: impl Iterator<Item = OsString>) -> Option<ExitCode> {
    if arguments.next()? != HELPER {
        return None;
    }
    let verb = arguments.next().unwrap_or_default();
    let arguments = arguments.collect::<Vec<_>>();
    Some(match verb.to_str() {
        Some("enter") => shell::enter(&arguments),
        Some("net") => shell::net(&arguments, true),
        Some("inside") => shell::net(&arguments, false),
        _ => serve(),
    })
}

/// Why a request failed: what was being done, and what the system said.
#[derive(Debug)]
struct Failure {
    message: String,
    errno: Option<i32>,
}

type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            errno: None,
        }
    }

    /// Names the path that it is about.
    fn at(mut self, path: &str) -> Self {
        self.message = format!("{path}: {}", self.message);
        self
    }
}

/// Puts what was being done before an error of the system.
trait Doing<T> {
    fn doing(self, what: impl std::fmt::Display) -> Result<T>;
}

impl<T, E: Into<io::Error>> Doing<T> for std::result::Result<T, E> {
    fn doing(self, what: impl std::fmt::Display) -> Result<T> {
        self.map_err(|error| {
            let error: io::Error = error.into();
            Failure {
                message: format!("{what}: {error}"),
                errno: error.raw_os_error(),
            }
        })
    }
}

/// Reads a request from standard input, does it and answers.
fn serve() -> ExitCode {
    match prepare() {
        Ok((socket, request)) => {
            if let Err(failure) = dispatch(&socket, request) {
                refuse(&socket, failure);
                return ExitCode::FAILURE;
            }
            ExitCode::SUCCESS
        }
        // Nobody asked anything: the kitchen is gone, or a person called the helper by hand.
        Err(_) => ExitCode::FAILURE,
    }
}

/// Detaches from everything that the kitchen has open and reads the request.
fn prepare() -> io::Result<(OwnedFd, Request)> {
    sys::close_from(3)?;
    // It fails only where the process leads a group, and then no terminal's keys reach it either.
    let _ = rustix::process::setsid();
    // The kitchen's own mask would shape the instance's directories.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    let socket = io::stdin().as_fd().try_clone_to_owned()?;
    rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
    let mut stream = File::from(socket.try_clone()?);
    let request =
        wire::receive(&mut stream)?.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?;
    Ok((socket, request))
}

fn dispatch(socket: &OwnedFd, request: Request) -> Result<()> {
    match request {
        Request::Keep { gateway, prefix } => keep::keep(socket, gateway, prefix),
        Request::OpenGate {
            keeper,
            gateway,
            prefix,
            name_server,
            permits,
        } => gate::open(socket, keeper, (gateway, prefix), name_server, permits),
        Request::Boot(boot) => boot::boot(socket, &boot),
        Request::Run(run) => run::run(socket, &run),
        Request::Unpack { target, into } => copy::unpack(socket, target, &into),
        Request::Pack { target, paths } => copy::pack(socket, target, &paths),
        Request::Forget { keeper, layer } => copy::forget(socket, keeper, &layer),
        Request::Dial {
            target,
            address,
            port,
        } => copy::dial(socket, target, address, port),
    }
}

fn answer(socket: &OwnedFd, answer: &Answer) -> Result<()> {
    wire::send(socket, answer, &[]).doing("answer the kitchen")
}

fn refuse(socket: &OwnedFd, failure: Failure) {
    let failed = Answer::Failed {
        message: failure.message,
        errno: failure.errno,
    };
    // Nobody is left to hear it if this fails.
    let _ = wire::send(socket, &failed, &[]);
}
