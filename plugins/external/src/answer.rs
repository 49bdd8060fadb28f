//! What a provider says: documents and events of the protocol.

use serde::Deserialize;
use serde_json::{Map, Value};

/// `Capabilities`, as far as they decide anything.
#[derive(Debug, Deserialize)]
pub struct Capabilities {
    pub protocol_version: String,
    #[serde(default)]
    pub commands: Vec<String>,
    #[serde(default)]
    pub supported_transports: Vec<String>,
}

/// `ValidationResult`.
#[derive(Debug, Deserialize)]
pub struct Validation {
    pub protocol_version: String,
    pub status: String,
    #[serde(default)]
    pub errors: Vec<Message>,
    #[serde(default)]
    pub warnings: Vec<Message>,
}

/// `ValidationMessage`.
#[derive(Debug, Deserialize)]
pub struct Message {
    pub message: String,
    pub code: Option<String>,
    pub path: Option<String>,
}

impl std::fmt::Display for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)?;
        match (&self.path, &self.code) {
            (Some(path), Some(code)) => write!(f, " ({code} at {path})"),
            (Some(one), None) | (None, Some(one)) => write!(f, " ({one})"),
            (None, None) => Ok(()),
        }
    }
}

/// `ProviderEvent`.
#[derive(Debug, Deserialize)]
pub struct Event {
    pub protocol_version: Option<String>,
    #[serde(flatten)]
    pub what: What,
}

/// What an event tells.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum What {
    /// A line of a log.
    Log {
        level: Level,
        #[serde(default)]
        message: String,
        #[serde(default)]
        fields: Map<String, Value>,
    },
    /// How far it is.
    Progress {
        #[serde(default = "provider")]
        stage: String,
        #[serde(default)]
        message: String,
    },
    /// The end.
    Result(Ended),
}

fn provider() -> String {
    "provider".into()
}

/// Level of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Debug,
    Info,
    Warn,
    Error,
}

/// `ResultEvent`.
#[derive(Clone, Debug, Deserialize)]
pub struct Ended {
    pub status: Status,
    pub message: Option<String>,
    pub exit_code: Option<i32>,
    #[serde(default)]
    pub state: Noted,
}

/// `ResultState`.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Noted {
    pub provider: Option<Value>,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Passed,
    Failed,
    Skipped,
}
