//! How a plugin's output reaches the kitchen: line by line, in order, with back-pressure.

use std::sync::Arc;

use crate::async_trait;

/// Which stream of a command a line came from.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
    /// A word of the plugin itself about what it is doing ("building the image").
    Note,
}

/// One line of output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Where it came from.
    pub stream: Stream,
    /// The line without its end; bytes that are not UTF-8 are replaced. At most
    /// [`process::MAX_LINE`](crate::process::MAX_LINE) bytes: a longer line comes in pieces.
    pub text: String,
}

/// Takes the lines of one action. An implementation may wait: memory stays flat however much a
/// command prints.
#[async_trait]
pub trait Output: Send + Sync {
    /// Takes one line.
    async fn line(&self, line: Line);
}

/// Throws everything away.
#[derive(Clone, Copy, Debug, Default)]
pub struct Discard;

#[async_trait]
impl Output for Discard {
    async fn line(&self, _line: Line) {}
}

impl dyn Output {
    /// Takes a word of the plugin itself.
    pub async fn note(&self, text: impl Into<String> + Send) {
        self.line(Line {
            stream: Stream::Note,
            text: text.into(),
        })
        .await;
    }
}

/// A shared output that throws everything away.
pub(crate) fn discard() -> Arc<dyn Output> {
    Arc::new(Discard)
}
