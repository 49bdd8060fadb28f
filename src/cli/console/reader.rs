//! Lines of a person or of a pipe. On a terminal they can be edited, are completed with the tab
//! key, and are remembered from one call to the next.

use std::io::{self, IsTerminal, StdinLock};
use std::path::PathBuf;

use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::Validator;
use rustyline::{Config, Context, Editor, Helper};

/// Lines that are remembered.
const REMEMBERED: usize = 1000;

/// Where lines come from.
pub enum Reader {
    /// A person.
    Terminal(Box<Terminal>),
    /// A file or another program: no prompt, nothing to edit.
    Pipe(StdinLock<'static>),
}

/// An editor of lines.
pub struct Terminal {
    editor: Editor<Words, FileHistory>,
    /// Where lines are remembered.
    history: PathBuf,
}

impl Reader {
    /// Standard input; lines of a terminal are remembered in `history`, if that can be written.
    pub fn new(history: PathBuf) -> io::Result<Self> {
        if !io::stdin().is_terminal() {
            return Ok(Self::Pipe(io::stdin().lock()));
        }
        let config = Config::builder()
            .max_history_size(REMEMBERED)
            .and_then(|config| config.history_ignore_dups(true))
            .map_err(io::Error::other)?
            .history_ignore_space(true)
            .build();
        let mut editor = Editor::with_config(config).map_err(io::Error::other)?;
        // The first time there is none.
        let _ = editor.load_history(&history);
        Ok(Self::Terminal(Box::new(Terminal { editor, history })))
    }

    /// Whether a person types.
    pub fn is_terminal(&self) -> bool {
        matches!(self, Self::Terminal(_))
    }

    /// The next line, none at the end of the input; `words` gives what the tab key completes.
    /// Ctrl-C gives an empty line.
    pub fn line(
        &mut self,
        prompt: &str,
        words: impl FnOnce() -> Vec<String>,
    ) -> io::Result<Option<String>> {
        let terminal = match self {
            Self::Terminal(terminal) => terminal,
            Self::Pipe(input) => {
                let mut line = String::new();
                let read = io::BufRead::read_line(input, &mut line)?;
                return Ok((read > 0).then_some(line));
            }
        };
        terminal.editor.set_helper(Some(Words(words())));
        match terminal.editor.readline(&format!("{prompt}> ")) {
            Ok(line) => {
                terminal.remember(&line);
                Ok(Some(line))
            }
            Err(ReadlineError::Interrupted) => Ok(Some(String::new())),
            Err(ReadlineError::Eof) => Ok(None),
            Err(error) => Err(io::Error::other(error)),
        }
    }
}

impl Terminal {
    /// Keeps a line, at once: a console may end in other ways than by `quit`. One that cannot be
    /// kept is only missed by the arrow key.
    fn remember(&mut self, line: &str) {
        if self.editor.add_history_entry(line).unwrap_or(false) {
            // Its own mode is private; one of an earlier version need not be.
            if let Ok(file) = std::fs::File::open(&self.history) {
                banquet_sdk::private::close(&self.history, &file);
            }
            let _ = self.editor.append_history(&self.history);
        }
    }
}

/// What can be typed.
struct Words(Vec<String>);

impl Words {
    /// Where the word begins that ends at `position`, and all that it may become.
    fn completed(&self, line: &str, position: usize) -> (usize, Vec<String>) {
        let typed = &line[..position];
        let start = typed.rfind(char::is_whitespace).map_or(0, |at| at + 1);
        let word = &typed[start..];
        let fitting = self.0.iter().filter(|known| known.starts_with(word));
        (start, fitting.cloned().collect())
    }
}

impl Completer for Words {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        Ok(self.completed(line, position))
    }
}

impl Hinter for Words {
    type Hint = String;
}

impl Highlighter for Words {}
impl Validator for Words {}
impl Helper for Words {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_before_the_cursor_is_completed() {
        let words = Words(
            ["converge", "continue", "web-a", "web-b"]
                .map(Into::into)
                .into(),
        );
        for (line, position, start, found) in [
            ("co", 2, 0, &["converge", "continue"][..]),
            ("conv web", 4, 0, &["converge"]),
            ("converge we", 11, 9, &["web-a", "web-b"]),
            (
                "converge ",
                9,
                9,
                &["converge", "continue", "web-a", "web-b"],
            ),
            ("nothing", 7, 0, &[]),
        ] {
            let (at, all) = words.completed(line, position);
            assert_eq!(at, start, "{line}");
            assert_eq!(all, found, "{line}");
        }
    }
}
