//! Templates in configuration files.

use std::sync::Arc;

use super::problem::Problem;
use super::source::{Source, Span};

/// The text of `file` with its templates carried out.
pub fn render(file: &Arc<Source>) -> Result<Arc<Source>, Problem> {
    let Some(start) = file.text.find("<%") else {
        return Ok(file.clone());
    };
    let len = file.text[start..].find("%>").map_or(2, |end| end + 2);
    let span = Span::at_byte(&file.text, start, len);
    Err(
        Problem::error(format!("{} holds ERB templates", file.shown))
            .in_source(file.clone(), span, "a template")
            .help("This version does not evaluate ERB yet: write the value out."),
    )
}
