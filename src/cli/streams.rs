//! Standard output and standard error of commands. Where a build server reads along, nothing that
//! is printed can be a command for it: everything but a run, whose report sees to it, is written
//! through here.

use std::fmt::Display;
use std::io::{self, Write};
use std::sync::OnceLock;

use clap::ValueEnum;

use crate::report::ci::{Content, Guard, Server};

/// The server that `--ci` names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Ci {
    /// The one that the variables of the environment name.
    #[default]
    Auto,
    /// None.
    None,
    /// GitHub Actions.
    Github,
    /// GitLab.
    Gitlab,
}

static SERVER: OnceLock<Server> = OnceLock::new();

/// Says once, before anything is printed, which build server reads along.
pub fn choose(ci: Ci) {
    let server = match ci {
        Ci::Auto => Server::of_environment(),
        Ci::None => Server::None,
        Ci::Github => Server::Github,
        Ci::Gitlab => Server::Gitlab,
    };
    // The commands that a console runs are of the same process.
    let _ = SERVER.set(server);
}

/// The build server that reads along.
pub fn server() -> Server {
    *SERVER.get_or_init(Server::of_environment)
}

/// Standard output, for text.
pub fn stdout() -> Box<dyn Write> {
    guarded(io::stdout(), Content::Text)
}

/// Standard output, for JSON.
pub fn json() -> Box<dyn Write> {
    guarded(io::stdout(), Content::Json)
}

/// Standard error.
pub fn stderr() -> Box<dyn Write> {
    guarded(io::stderr(), Content::Text)
}

/// Writes a line to standard error. Where nobody reads it, nothing happens.
pub fn say(line: impl Display) {
    let _ = writeln!(stderr(), "{line}");
}

fn guarded(to: impl Write + 'static, content: Content) -> Box<dyn Write> {
    match server() {
        Server::None => Box::new(to),
        _ => Box::new(Guard::new(to, content)),
    }
}
