//! `kitchen plugin new`: a working skeleton.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use clap::{Args, ValueEnum};

use super::check::Which;
use crate::cli::exit::Exit;
use crate::cli::fault::Fault;
use crate::cli::streams;
use crate::matrix::Kind;
use crate::registry::Registry;

/// `plugin new`.
#[derive(Args, Clone, Debug)]
pub struct New {
    /// What it will be
    #[arg(value_enum)]
    pub kind: Which,
    /// Its name in the configuration: letters, digits, - and _
    pub name: String,
    /// What it is written in
    #[arg(short, long, value_enum, default_value = "python")]
    pub language: Language,
}

/// Languages of skeletons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Language {
    /// Python 3, with nothing but its standard library
    Python,
    /// POSIX shell, with awk and sed
    Sh,
}

/// Writes `kitchen-plugins/kitchen-KIND-NAME`, which passes `kitchen plugin check NAME`.
pub fn new(new: &New) -> Result<Exit, Fault> {
    let kind = Kind::from(new.kind);
    let (name, registry) = (&new.name, Registry::builtin());
    if name.is_empty() || !name.bytes().all(is_of_name) {
        let message = format!("{name:?} is no name of a plugin");
        return Err(Fault::usage(
            message,
            ["Letters, digits, - and _ make one."],
        ));
    }
    if registry.names(kind).contains(name) {
        let message = format!("the {} {name} is built in", kind.key());
        let hint = "An executable of that name would never be used: choose another.";
        return Err(Fault::usage(message, [hint]));
    }
    let Some(text) = skeleton(kind, new.language) else {
        let message = "a transport is concurrent, which a shell is not";
        return Err(Fault::usage(
            message,
            ["Leave `--language` out: Python can."],
        ));
    };
    let file = format!("kitchen-{}-{name}", kind.key());
    let path = Path::new("kitchen-plugins").join(file);
    write(&path, &text.replace("@NAME@", name))?;
    let mut out = streams::stdout();
    writeln!(out, "       Written: {}", path.display())?;
    writeln!(out, "       To use it:  {}: {{name: {name}}}", kind.key())?;
    writeln!(
        out,
        "       To check it:  kitchen plugin check {name} --kind {}",
        kind.key()
    )?;
    Ok(Exit::Success)
}

fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_".contains(&byte)
}

/// The text of a skeleton; none where the language cannot be that kind.
fn skeleton(kind: Kind, language: Language) -> Option<String> {
    macro_rules! text {
        ($name:literal) => {
            include_str!(concat!("../skeletons/", $name))
        };
    }
    let own = match (language, kind) {
        (Language::Python, Kind::Driver) => text!("driver.py"),
        // Whole: it answers many requests at a time.
        (Language::Python, Kind::Transport) => return Some(text!("transport.py").into()),
        (Language::Python, Kind::Provisioner) => text!("provisioner.py"),
        (Language::Python, Kind::Verifier) => text!("verifier.py"),
        (Language::Sh, Kind::Driver) => text!("driver.sh"),
        (Language::Sh, Kind::Transport) => return None,
        (Language::Sh, Kind::Provisioner) => text!("provisioner.sh"),
        (Language::Sh, Kind::Verifier) => text!("verifier.sh"),
    };
    Some(match language {
        Language::Python => format!("{own}{}", text!("protocol.py")),
        Language::Sh => {
            let kind = kind.key();
            let head = format!("#!/bin/sh\n# The {kind} @NAME@.\n");
            format!("{head}{}{own}", text!("protocol.sh"))
        }
    })
}

/// Writes a file that can be executed; one that is there stays as it is.
fn write(path: &Path, text: &str) -> Result<(), Fault> {
    let wrong = |error: io::Error| match error.kind() {
        io::ErrorKind::AlreadyExists => Fault::usage(
            format!("{} is there already", path.display()),
            ["Nothing was written: choose another name, or move it."],
        ),
        _ => Fault::usage(format!("write {}: {error}", path.display()), None::<String>),
    };
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory).map_err(wrong)?;
    }
    let mut file = options().open(path).map_err(wrong)?;
    file.write_all(text.as_bytes()).map_err(wrong)
}

#[cfg(unix)]
fn options() -> fs::OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = fs::File::options();
    options.write(true).create_new(true).mode(0o755);
    options
}

#[cfg(not(unix))]
fn options() -> fs::OpenOptions {
    let mut options = fs::File::options();
    options.write(true).create_new(true);
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shell_plugin_of_the_repository_speaks_as_the_skeletons_do() {
        let make = include_str!("../../../plugins/make/kitchen-provisioner-make");
        assert!(make.contains(include_str!("../skeletons/protocol.sh")));
    }

    #[test]
    fn every_kind_has_a_skeleton_and_a_transport_none_in_shell() {
        for kind in super::super::KINDS {
            assert!(skeleton(kind, Language::Python).is_some());
            let sh = skeleton(kind, Language::Sh).is_some();
            assert_eq!(sh, kind != Kind::Transport);
        }
    }
}
