//! Why a script does not start: its first line ends with a carriage return, or asks for an
//! interpreter that is not there. Shells tell neither: they say `not found`.

use std::io::Read;
use std::path::{Path, PathBuf};

use crate::process::Collect;
use crate::{Connection, Error, Exec, ExitStatus};

/// Bytes of a file that are looked at.
const LONGEST: u64 = 512;

/// Exit codes of shells that could not run a file, or not a line of it.
const NOT_RUN: [i32; 3] = [2, 126, 127];

/// What the beginning of a file shows.
#[derive(Debug, PartialEq, Eq)]
enum FirstLine {
    /// It ends with a carriage return.
    Return,
    /// It asks for this interpreter, or for a program that `env` finds.
    Asks(String),
    /// There is nothing to say of it.
    Ordinary,
}

impl FirstLine {
    fn of(head: &[u8]) -> Self {
        let head = String::from_utf8_lossy(head);
        let Some(line) = head.split_inclusive('\n').next() else {
            return Self::Ordinary;
        };
        if line.ends_with("\r\n") {
            return Self::Return;
        }
        let mut words = match line.strip_prefix("#!") {
            Some(rest) => rest.split_whitespace(),
            None => return Self::Ordinary,
        };
        let program = words.next().unwrap_or_default();
        let found = match program.ends_with("/env") {
            true => words.find(|word| !word.starts_with('-') && !word.contains('=')),
            false => Some(program),
        };
        found.map_or(Self::Ordinary, |it| Self::Asks(it.to_owned()))
    }
}

/// Sentences about a file of the workstation that `command` names, where its first line explains
/// how the command ended. Paths begin at `directory`.
pub fn of_command(command: &str, directory: &Path, status: ExitStatus) -> Vec<String> {
    if status.success() {
        return Vec::new();
    }
    let files = files(command);
    let mut told = files
        .iter()
        .filter_map(|file| of_file(&directory.join(file), file, status));
    told.next().unwrap_or_default()
}

/// As [`of_command`], of one file that people call `name`, which runs on the workstation.
fn of_file(path: &Path, name: &str, status: ExitStatus) -> Option<Vec<String>> {
    match FirstLine::of(&head(path)?) {
        FirstLine::Return => Some(carriage_return(name)),
        FirstLine::Asks(program) if NOT_RUN.contains(&status.0) && !is_here(&program) => {
            Some(missing(name, &program, "on this workstation"))
        }
        _ => None,
    }
}

/// Sentences about the file `path` of the workstation whose copy ran on a machine, called `name`.
pub fn of_copy(path: &Path, name: &str) -> Vec<String> {
    match head(path).map(|head| FirstLine::of(&head)) {
        Some(FirstLine::Return) => carriage_return(name),
        _ => Vec::new(),
    }
}

/// As [`of_command`], of a command on a machine, which is asked for the files' first lines.
pub async fn on_machine(
    command: &str,
    connection: &dyn Connection,
    status: ExitStatus,
) -> Vec<String> {
    if !NOT_RUN.contains(&status.0) {
        return Vec::new();
    }
    for file in files(command) {
        let quoted = shell_words::quote(&file);
        // A transport may take a carriage return for a part of the line's end: the machine tells.
        let look = format!(
            "test -f {quoted} || exit 1; \
             if head -n 1 {quoted} | grep -q \"$(printf '\\r')$\"; then echo return; else echo; fi; \
             head -n 1 {quoted} | head -c {LONGEST}"
        );
        let Some(told) = answer(connection, look).await else {
            continue;
        };
        let (ends, head) = told.split_once('\n').unwrap_or((&told, ""));
        match FirstLine::of(head.as_bytes()) {
            _ if ends.trim() == "return" => return carriage_return(&file),
            FirstLine::Asks(program) => {
                let look = format!("command -v {} || echo", shell_words::quote(&program));
                let found = answer(connection, look).await;
                if found.is_some_and(|path| path.trim().is_empty()) {
                    return missing(&file, &program, "on the machine");
                }
            }
            FirstLine::Return | FirstLine::Ordinary => {}
        }
    }
    Vec::new()
}

/// What a command prints; none where it fails.
async fn answer(connection: &dyn Connection, command: String) -> Option<String> {
    let output = Collect::default();
    let ended = connection.exec(&Exec::new(command), &output).await;
    let (out, _) = output.into_parts();
    ended.is_ok_and(ExitStatus::success).then_some(out)
}

/// The words of a command that may be files of its own: those with a slash, and scripts by name.
fn files(command: &str) -> Vec<String> {
    let words = shell_words::split(command);
    let words = words.unwrap_or_else(|_| command.split_whitespace().map(str::to_owned).collect());
    let words = words
        .into_iter()
        .map(|word| word.trim_end_matches([';', '&', '|']).to_owned());
    let is_file = |word: &String| {
        let extension = Path::new(word).extension();
        !word.starts_with('-') && (word.contains('/') || extension.is_some())
    };
    words.filter(is_file).take(5).collect()
}

fn head(path: &Path) -> Option<Vec<u8>> {
    let mut head = Vec::new();
    // What is no file (a device, a pipe) is not read.
    if !path.is_file() {
        return None;
    }
    let file = std::fs::File::open(path).ok()?;
    file.take(LONGEST).read_to_end(&mut head).ok()?;
    Some(head)
}

fn is_here(program: &str) -> bool {
    if program.contains('/') {
        return Path::new(program).is_file();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places = std::env::split_paths(&path).map(|place: PathBuf| place.join(program));
    places.any(|path| path.is_file())
}

fn carriage_return(name: &str) -> Vec<String> {
    vec![
        format!(
            "The first line of {name} ends with a carriage return (line ends of Windows, CRLF), \
             which a shell takes for a part of the interpreter's name or of the command."
        ),
        format!(
            "Give it line ends of Unix: `sed -i 's/\\r$//' {name}`; a line `*.sh text eol=lf` in \
             .gitattributes keeps them."
        ),
    ]
}

fn missing(name: &str, program: &str, place: &str) -> Vec<String> {
    vec![
        format!(
            "The first line of {name} asks for the interpreter `{program}`, which is not {place}."
        ),
        format!("Install `{program}`, or name another interpreter in the first line."),
    ]
}

impl Error {
    /// With these sentences behind what it says to do.
    #[must_use]
    pub fn advised(mut self, hints: Vec<String>) -> Self {
        self.hints.extend(hints);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_lines_are_read_as_kernels_and_env_read_them() {
        let asks = |program: &str| FirstLine::Asks(program.into());
        for (head, line) in [
            ("#!/bin/sh\r\necho\r\n", FirstLine::Return),
            ("set -e\r\n", FirstLine::Return),
            ("#!/bin/sh\necho\r\n", asks("/bin/sh")),
            ("#! /usr/bin/env python3\n", asks("python3")),
            ("#!/usr/bin/env -S A=1 ruby -w\n", asks("ruby")),
            ("echo\n", FirstLine::Ordinary),
            ("", FirstLine::Ordinary),
            ("\u{7f}ELF", FirstLine::Ordinary),
        ] {
            assert_eq!(FirstLine::of(head.as_bytes()), line, "{head:?}");
        }
    }

    #[test]
    fn a_script_of_the_workstation_that_cannot_start_is_named() {
        let directory = tempfile::tempdir().expect("a directory");
        let write = |name: &str, text: &str| {
            std::fs::write(directory.path().join(name), text).expect("a file");
        };
        write("crlf.sh", "#!/bin/sh\r\n");
        write("gone.sh", "#!/opt/nonesuch/bin/ruby\n");
        write("good.sh", "#!/bin/sh\nexit 127\n");
        let of =
            |command: &str, code| of_command(command, directory.path(), ExitStatus(code)).join(" ");
        assert!(of("./crlf.sh a", 127).contains("first line of ./crlf.sh ends with a carriage"));
        assert!(of("sh crlf.sh", 2).contains("sed -i"));
        assert!(of("./gone.sh", 127).contains("`/opt/nonesuch/bin/ruby`, which is not on this"));
        for (command, code) in [
            ("./good.sh", 127),
            ("./gone.sh", 1),
            ("./crlf.sh", 0),
            ("no.sh", 127),
        ] {
            assert_eq!(of(command, code), "", "{command}");
        }
    }
}
