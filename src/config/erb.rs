//! Templates in configuration files.

use std::sync::Arc;

use super::problem::Problem;
use super::source::{Place, Source, Span};

/// The text of `file` with its templates carried out.
pub fn render(file: &Arc<Source>) -> Result<Arc<Source>, Problem> {
    let Some(start) = file.text.find("<%") else {
        return Ok(file.clone());
    };
    let before = &file.text[..start];
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let len = file.text[start..].find("%>").map_or(2, |end| end + 2);
    let small = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
    let span = Span {
        file: 0,
        start: small(start),
        len: small(len),
        line: small(before.matches('\n').count() + 1),
        column: small(before[line_start..].chars().count() + 1),
    };
    let mut problem = Problem::error(format!("{} holds ERB templates", file.shown))
        .help("This version does not evaluate ERB yet: write the value out.");
    let source = file.clone();
    problem
        .places
        .push((Place { source, span }, "a template".into()));
    Err(problem)
}
