//! Why a request failed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Why a request failed.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ErrorObject {
    /// A code of JSON-RPC, -32800 for cancelled, or any other number.
    pub code: i64,
    /// A lower-case fragment without a full stop that fits behind "failed to …".
    pub message: String,
    /// More of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Box<ErrorData>>,
}

/// More of an error.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ErrorData {
    /// Who can mend it; by default told by the code, else `machine`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<ErrorKind>,
    /// What the user can do, each a sentence.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub advice: Vec<String>,
    /// The key of the settings that is at fault, as a JSON pointer (`/image`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What may be left behind: a list of resources; null: it cannot be told.
    #[serde(skip_serializing_if = "Residue::is_nothing")]
    pub residue: Residue,
    /// Exit code of the user's command, where one ran and failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// A connection broke while something was done, which may have been done or not.
    pub lost: bool,
    /// A path of the workstation is missing, which something that runs before may make: where that
    /// is so, the kitchen only warns.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub missing: bool,
    /// As in answers: the whole state from now on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<Map<String, Value>>,
}

/// What a failed call may have left behind.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Residue(pub Option<Vec<String>>);

impl Default for Residue {
    fn default() -> Self {
        Self(Some(Vec::new()))
    }
}

impl Residue {
    fn is_nothing(&self) -> bool {
        self.0.as_ref().is_some_and(Vec::is_empty)
    }
}

/// Who can mend an error; the exit code of the kitchen follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ErrorKind {
    /// A value in the configuration is wrong or missing.
    Config,
    /// A machine, an engine, a network or a tool of the infrastructure failed.
    Machine,
    /// The user's own code ran and failed.
    Action,
    /// A limit passed.
    Timeout,
    /// The request was cancelled.
    Cancelled,
    /// The plugin cannot do it.
    Unsupported,
    /// A fault of the plugin.
    Internal,
}
