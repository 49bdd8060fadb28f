//! ERB in configuration files, without Ruby: a template becomes a program ([`template`]), a tree
//! ([`parse`]), and text ([`eval`]). What is beyond this is handed to Ruby as a whole, where there
//! is one ([`ruby`]). Called when a file is loaded.

mod ast;
mod environment;
mod eval;
mod load;
mod methods;
mod output;
mod parse;
mod ruby;
mod stop;
mod template;
#[cfg(test)]
mod tests;
mod value;

use std::ops::Range;
use std::path::Path;

pub use environment::Environment;
use eval::Machine;
pub use load::load;
use ruby::Answer;
use stop::Stop;
use template::Program;

/// A rendered template.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rendered {
    /// The text.
    pub text: String,
    /// For each line of the text, the line of the template that it comes from, both counted from 1;
    /// empty where they are not known to differ.
    pub lines: Vec<usize>,
    /// What the template printed beside it (`puts`).
    pub printed: String,
}

/// Why a template could not be rendered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ErbError {
    /// What happened, a fragment.
    pub message: String,
    /// What to do about it, a sentence.
    pub help: Option<String>,
    /// Bytes of the template that it is about: a tag, or a line.
    pub place: Range<usize>,
}

/// Why this program does not render a template itself.
enum Refused {
    /// An error in the template.
    Error(ErbError),
    /// Only Ruby can tell; what is beyond, or what seems wrong.
    Beyond(String, Range<usize>),
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
    let (what, place) = match evaluate(text, file, &environment) {
        Ok(rendered) => return Ok(rendered),
        Err(Refused::Error(error)) => return Err(error),
        Err(Refused::Beyond(what, place)) => (what, place),
    };
    let Some(program) = ruby::find(&environment) else {
        return Err(ErbError {
            message: what,
            help: Some("What this program does not evaluate itself, it hands to Ruby, and there is no `ruby` on the PATH: install Ruby, or write it more simply.".into()),
            place,
        });
    };
    match ruby::render(&program, text, file, &environment) {
        Answer::Rendered(text, printed) => Ok(Rendered {
            text,
            lines: Vec::new(),
            printed,
        }),
        Answer::Raised(line, class, message) => Err(ErbError {
            message: raised(&class, &message),
            help: None,
            place: line.and_then(|line| line_of(text, line)).unwrap_or(place),
        }),
        Answer::Failed(why) => Err(ErbError {
            message: format!("{what}, and ruby did not render the template: {why}"),
            help: None,
            place,
        }),
    }
}

/// Renders a template without Ruby.
fn evaluate(text: &str, file: &Path, environment: &Environment) -> Result<Rendered, Refused> {
    let program = Program::new(text);
    let span = |at: usize| match program.tag_at(at) {
        Some(tag) => tag.start..tag.end,
        None => 0..text.len().min(2),
    };
    let tree = parse::parse(&program.source).map_err(|error| {
        let message = match error.beyond {
            true => format!("this template needs Ruby for {}", error.message),
            false => format!(
                "this template is no Ruby that can be read: {}",
                error.message
            ),
        };
        Refused::Beyond(message, span(error.at))
    })?;
    let mut machine = Machine::new(&program, text, &file.to_string_lossy(), environment);
    let stop = match machine.eval(&tree) {
        Ok(_) | Err(Stop::Next(_)) => {
            return Ok(Rendered {
                text: std::mem::take(&mut machine.output.text),
                lines: std::mem::take(&mut machine.output.lines),
                printed: std::mem::take(&mut machine.printed),
            });
        }
        Err(stop) => stop,
    };
    let place = span(machine.at);
    let error = |message: String, help: Option<&str>, place| {
        Refused::Error(ErbError {
            message,
            help: help.map(String::from),
            place,
        })
    };
    Err(match stop {
        Stop::Raise(exception) => {
            let help = (&*exception.class == "KeyError")
                .then_some("Set the variable, or give a default: `ENV.fetch('NAME', 'default')`.");
            error(raised(&exception.class, &exception.message), help, place)
        }
        Stop::Limit(what) => error(format!("this template {what}"), None, place),
        Stop::Beyond(what) => {
            Refused::Beyond(format!("this template needs Ruby for {what}"), place)
        }
        Stop::Break(_) | Stop::Next(_) => {
            Refused::Beyond("this template needs Ruby for such a `break`".into(), place)
        }
    })
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
