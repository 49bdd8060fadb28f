//! Templates of files that are loaded: sources in, sources and problems out.

use std::sync::Arc;

use banquet_erb::{Environment, ErbError, render};
use banquet_sdk::{Gather, Secrets};

use super::problem::Problem;
use super::source::{Source, Span};

/// `file` with its templates carried out. What they print goes to standard error, so that whoever
/// reads the output of a command is not disturbed.
pub fn load(file: &Arc<Source>) -> Result<Arc<Source>, Problem> {
    if !file.text.contains("<%") {
        return Ok(file.clone());
    }
    let rendered = render(&file.text, &file.path, Environment::current)
        .map_err(|error| problem(file, error))?;
    if !rendered.printed.is_empty() {
        let mut gather = Gather::default();
        gather.environment();
        eprint!("{}", Secrets::of(gather).mask(&rendered.printed));
    }
    Ok(Arc::new(Source {
        path: file.path.clone(),
        shown: file.shown.clone(),
        text: rendered.text,
        lines: rendered.lines,
    }))
}

fn problem(file: &Arc<Source>, error: ErbError) -> Problem {
    let span = Span::at_byte(&file.text, error.place.start, error.place.len());
    let mut problem = Problem::error(error.message);
    problem.help = error.help;
    problem.in_source(file.clone(), span, "this template")
}
