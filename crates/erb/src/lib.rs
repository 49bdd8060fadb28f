//! ERB templates, without Ruby: a template becomes a program (`template.rs`), a tree (`parse/`), and
//! text (`eval/`, `methods/`). What is beyond this is handed to Ruby as a whole, where there is one
//! (`ruby.rs`). [`render`] is the only way in.

mod ast;
mod environment;
mod eval;
mod machine;
mod marks;
mod methods;
mod output;
mod parse;
mod rendered;
mod ruby;
mod stop;
mod template;
#[cfg(test)]
mod tests;
mod value;

use std::ops::Range;
use std::path::{Path, PathBuf};

pub use environment::Environment;
pub use rendered::{ErbError, Rendered};
use ruby::Answer;
use stop::Stop;
use template::Program;

const NO_RUBY: &str = "What this program does not evaluate itself, it hands to Ruby, and there is no \
    `ruby` on the PATH: install Ruby, or write it more simply.";
const NO_TRIM: &str = "There is no trim mode: end the tag with `%>` instead of `-%>`.";
const CLOSE_ALL: &str =
    "Look for an `if`, `do`, bracket or quote that is not closed, here or in a tag before.";
const END_LOOPS: &str = "End the loop, or let it make less.";
const NOT_SET: &str =
    "A variable that is not set is nil: give a default, as in `ENV['NAME'] || 'default'`.";
const GIVE_A_DEFAULT: &str = "Set it, or give a default: `fetch('NAME', 'default')`.";

/// Why this program does not render a template itself.
enum Refused {
    /// An error in the template.
    Error(ErbError),
    /// Only Ruby can tell; what is beyond.
    Beyond(ErbError),
    /// This seems to be no Ruby; Ruby has the last word.
    Wrong(ErbError),
}

/// The program `ruby` on the search path of this process.
#[must_use]
pub fn ruby() -> Option<PathBuf> {
    ruby::find(&Environment::current())
}

/// Renders `text`, the template at `file`. A text without tags costs nothing.
///
/// # Errors
///
/// What Ruby's ERB would fail on, with Ruby's message; what needs Ruby where there is none; a
/// template that takes too many steps or too much memory.
pub fn render(
    text: &str,
    file: &Path,
    environment: impl FnOnce() -> Environment,
) -> Result<Rendered, ErbError> {
    if !text.contains("<%") {
        return Ok(Rendered {
            text: text.into(),
            ..Rendered::default()
        });
    }
    let environment = environment();
    let (refusal, wrong) = match evaluate(text, file, &environment) {
        Ok(rendered) => return Ok(rendered),
        Err(Refused::Error(error)) => return Err(error),
        Err(Refused::Beyond(error)) => (error, false),
        Err(Refused::Wrong(error)) => (error, true),
    };
    let Some(program) = ruby::find(&environment) else {
        let help = refusal.help.or_else(|| Some(NO_RUBY.into()));
        return Err(ErbError { help, ..refusal });
    };
    let marked = marks::marked(text);
    match ruby::render(&program, &marked, file, &environment) {
        Answer::Rendered(rendered, printed) => {
            let (text, lines) = marks::unmarked(&rendered);
            Ok(Rendered {
                text,
                lines,
                printed,
            })
        }
        Answer::Raised(_, class, _) if wrong && class == "SyntaxError" => Err(refusal),
        Answer::Raised(line, class, message) => Err(ErbError {
            message: raised(&class, &message),
            help: None,
            place: line
                .and_then(|line| line_of(text, line))
                .unwrap_or(refusal.place),
        }),
        Answer::Failed(why) => Err(ErbError {
            message: format!("{}, and ruby did not render it: {why}", refusal.message),
            ..refusal
        }),
    }
}

/// Renders a template without Ruby.
fn evaluate(text: &str, file: &Path, environment: &Environment) -> Result<Rendered, Refused> {
    let program = Program::new(text);
    let error = |message: String, help: Option<&str>, at: usize| {
        let tag = program.tag_at(at);
        ErbError {
            message,
            help: help.map(String::from),
            place: tag.map_or(0..2, |tag| tag.start..tag.end),
        }
    };
    let tree = parse::parse(&program.source).map_err(|wrong| {
        let ends = program.tag_at(wrong.at).map_or(0, |tag| tag.end);
        let help = match text[..ends].ends_with("-%>") {
            true => NO_TRIM,
            false => CLOSE_ALL,
        };
        match wrong.beyond {
            true => Refused::Beyond(error(needs(&wrong.message), None, wrong.at)),
            false => {
                // What closes a tag in the program is not in the template.
                let closed =
                    wrong.message.starts_with("unexpected") && program.place(wrong.at) + 2 >= ends;
                let what = if closed {
                    "unexpected end of the tag"
                } else {
                    &wrong.message
                };
                let message = format!("this template cannot be read: {what}");
                Refused::Wrong(error(message, Some(help), wrong.at))
            }
        }
    })?;
    let mut machine = eval::machine(&program, text, &file.to_string_lossy(), environment);
    let stop = match machine.eval(&tree) {
        Ok(_) => return Ok(machine.rendered()),
        Err(stop) => stop,
    };
    let at = machine.at;
    Err(match stop {
        Stop::Raise(exception) => {
            let help = match (&*exception.class, &*exception.message) {
                ("KeyError", _) => Some(GIVE_A_DEFAULT),
                ("TypeError" | "NoMethodError", message) if message.contains("nil") => {
                    Some(NOT_SET)
                }
                _ => None,
            };
            Refused::Error(error(
                raised(&exception.class, &exception.message),
                help,
                at,
            ))
        }
        Stop::Limit(what) => {
            let message = format!("this template {what}");
            Refused::Error(error(message, Some(END_LOOPS), at))
        }
        Stop::Beyond(what) => Refused::Beyond(error(needs(&what), None, at)),
        Stop::Break(_) | Stop::Next(_) => {
            let message = "this template leaves a loop where there is none".into();
            Refused::Wrong(error(message, None, at))
        }
    })
}

fn needs(what: &str) -> String {
    format!("this template needs Ruby for {what}")
}

fn raised(class: &str, message: &str) -> String {
    format!("this template raised {class}: {message}")
}

/// The bytes of a line, counted from 1.
fn line_of(text: &str, line: usize) -> Option<Range<usize>> {
    let start: usize = text
        .split_inclusive('\n')
        .take(line - 1)
        .map(str::len)
        .sum();
    let len = text[start..].lines().next()?.len();
    Some(start..start + len)
}
