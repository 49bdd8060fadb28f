//! Errors of plugins as messages, and back.

use serde_json::{Map, Value};

use super::message::{ErrorData, ErrorKind as Kind, ErrorObject, Residue as Left};
use crate::{Error, ErrorKind, Residue};

/// JSON-RPC: no such method.
const UNKNOWN: i64 = -32601;
/// JSON-RPC: the params are not as the method wants them.
const INVALID: i64 = -32602;
/// JSON-RPC: a fault of the program.
const INTERNAL: i64 = -32603;
/// As in the Language Server Protocol.
const CANCELLED: i64 = -32800;
/// Any error of a plugin.
const FAILED: i64 = -32000;

impl ErrorObject {
    /// The request was cancelled.
    pub(crate) fn cancelled() -> Self {
        Error::cancelled().into()
    }

    /// There is no such thing.
    pub(crate) fn unknown(what: &str) -> Self {
        Self {
            code: UNKNOWN,
            message: format!("no {what}"),
            data: None,
        }
    }

    /// The params are wrong.
    pub(crate) fn invalid(what: &str) -> Self {
        Self {
            code: INVALID,
            message: what.into(),
            data: None,
        }
    }

    /// With the state from now on.
    pub(crate) fn with_state(mut self, state: Map<String, Value>) -> Self {
        self.data.get_or_insert_default().state = Some(state);
        self
    }
}

impl From<Error> for ErrorObject {
    fn from(error: Error) -> Self {
        let (kind, code) = match error.kind {
            ErrorKind::Config => (Kind::Config, FAILED),
            ErrorKind::Machine => (Kind::Machine, FAILED),
            ErrorKind::Action => (Kind::Action, FAILED),
            ErrorKind::Timeout => (Kind::Timeout, FAILED),
            ErrorKind::Cancelled => (Kind::Cancelled, CANCELLED),
            ErrorKind::Unsupported => (Kind::Unsupported, FAILED),
            ErrorKind::Internal => (Kind::Internal, INTERNAL),
        };
        Self {
            code,
            message: error.message,
            data: Some(Box::new(ErrorData {
                kind: Some(kind),
                advice: error.hints,
                key: error.key,
                residue: Left(match error.residue {
                    Residue::Nothing => Some(Vec::new()),
                    Residue::Resources(resources) => Some(resources),
                    Residue::Unknown => None,
                }),
                exit_code: error.exit_code,
                lost: error.lost,
                missing: error.missing,
                state: None,
            })),
        }
    }
}

impl From<ErrorObject> for Error {
    fn from(error: ErrorObject) -> Self {
        let data = error.data.map(|data| *data).unwrap_or_default();
        let kind = match data.kind {
            Some(Kind::Config) => ErrorKind::Config,
            Some(Kind::Machine) => ErrorKind::Machine,
            Some(Kind::Action) => ErrorKind::Action,
            Some(Kind::Timeout) => ErrorKind::Timeout,
            Some(Kind::Cancelled) => ErrorKind::Cancelled,
            Some(Kind::Unsupported) => ErrorKind::Unsupported,
            Some(Kind::Internal) => ErrorKind::Internal,
            None => match error.code {
                CANCELLED => ErrorKind::Cancelled,
                UNKNOWN => ErrorKind::Unsupported,
                INVALID | INTERNAL => ErrorKind::Internal,
                _ => ErrorKind::Machine,
            },
        };
        Self {
            kind,
            message: error.message,
            hints: data.advice,
            key: data.key,
            residue: match data.residue.0 {
                None => Residue::Unknown,
                Some(resources) if resources.is_empty() => Residue::Nothing,
                Some(resources) => Residue::Resources(resources),
            },
            exit_code: data.exit_code,
            lost: data.lost,
            missing: data.missing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_arrives_as_it_was() {
        let mut error = Error::config("/image", "no such image").hint("Look.");
        error.exit_code = Some(3);
        error.lost = true;
        error.missing = true;
        error.residue = Residue::Resources(vec!["volume 1".into()]);
        let object = ErrorObject::from(error.clone());
        let text = serde_json::to_string(&object).unwrap();
        let back = Error::from(serde_json::from_str::<ErrorObject>(&text).unwrap());
        assert_eq!(format!("{back:?}"), format!("{error:?}"));
    }

    #[test]
    fn an_error_without_data_is_told_by_its_code() {
        let of = |code: i64| {
            let text = format!("{{\"code\": {code}, \"message\": \"no\"}}");
            let object: ErrorObject = serde_json::from_str(&text).unwrap();
            let error = Error::from(object);
            assert_eq!(error.residue, Residue::Nothing);
            error.kind
        };
        assert_eq!(of(-32601), ErrorKind::Unsupported);
        assert_eq!(of(-32800), ErrorKind::Cancelled);
        assert_eq!(of(-32602), ErrorKind::Internal);
        assert_eq!(of(1), ErrorKind::Machine);
    }

    #[test]
    fn what_cannot_be_told_is_null() {
        let error = Error::machine("gone").residue(Residue::Unknown);
        let value = serde_json::to_value(ErrorObject::from(error)).unwrap();
        assert_eq!(value["data"]["residue"], Value::Null);
        let back = Error::from(serde_json::from_value::<ErrorObject>(value).unwrap());
        assert_eq!(back.residue, Residue::Unknown);
    }
}
