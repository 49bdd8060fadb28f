//! Lines of JSON-RPC 2.0, and what one is.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use tokio::io::{AsyncBufRead, AsyncBufReadExt};

use super::message::{ErrorObject, Notification};

/// Longest line, in bytes.
pub const LONGEST: usize = 32 << 20;
/// How much of a line that is none of the protocol is quoted, in characters.
const QUOTED: usize = 200;

/// A message that was received.
#[derive(Debug)]
pub enum Incoming {
    /// Wants an answer.
    Request(u64, String, Value),
    /// Wants none.
    Notification(Notification),
    /// A notification that this version does not know.
    Unknown,
    /// To a request of ours.
    Answer(u64, Result<Value, ErrorObject>),
}

/// The next line without its end; none at the end of the stream. Fails on a line that is too long.
pub async fn next(reader: &mut (impl AsyncBufRead + Unpin)) -> std::io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    loop {
        let chunk = reader.fill_buf().await?;
        if chunk.is_empty() {
            return Ok((!line.is_empty()).then_some(line));
        }
        let end = chunk.iter().position(|byte| *byte == b'\n');
        let taken = end.map_or(chunk.len(), |end| end + 1);
        line.extend_from_slice(&chunk[..end.unwrap_or(taken)]);
        reader.consume(taken);
        if line.len() > LONGEST {
            let message = format!("a line longer than {} MiB", LONGEST >> 20);
            return Err(std::io::Error::other(message));
        }
        if end.is_some() {
            return Ok(Some(line));
        }
    }
}

/// What a line says. The error says what is wrong with it.
pub fn read(line: &[u8]) -> Result<Incoming, String> {
    let mut message: Map<String, Value> =
        serde_json::from_slice(line).map_err(|error| format!("{error}"))?;
    if message.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
        return Err("no `jsonrpc: \"2.0\"`".into());
    }
    let id = message.remove("id");
    let number = |id: Option<Value>| {
        let id = id.unwrap_or_default();
        id.as_u64()
            .ok_or_else(|| format!("the id {id} is no number from 0 up"))
    };
    if let Some(Value::String(method)) = message.remove("method") {
        let params = match message.remove("params") {
            None | Some(Value::Null) => json!({}),
            Some(params) => params,
        };
        return match id {
            None => Ok(notified(&method, params)),
            id => Ok(Incoming::Request(number(id)?, method, params)),
        };
    }
    if let Some(error) = message.remove("error") {
        let error: ErrorObject = serde_json::from_value(error)
            .map_err(|wrong| format!("an error of another form: {wrong}"))?;
        return match id {
            None | Some(Value::Null) => Err(format!("an error to no request: {}", error.message)),
            id => Ok(Incoming::Answer(number(id)?, Err(error))),
        };
    }
    match message.remove("result") {
        Some(Value::Null) => Ok(Incoming::Answer(number(id)?, Ok(json!({})))),
        Some(result) => Ok(Incoming::Answer(number(id)?, Ok(result))),
        None => Err("neither `method` nor `result` nor `error`".into()),
    }
}

/// Later versions may say more than this one knows.
fn notified(method: &str, params: Value) -> Incoming {
    fn of<T: DeserializeOwned>(params: Value, to: fn(T) -> Notification) -> Incoming {
        match serde_json::from_value(params) {
            Ok(params) => Incoming::Notification(to(params)),
            Err(_) => Incoming::Unknown,
        }
    }
    match method {
        "output" => of(params, Notification::Output),
        "$/cancelRequest" => of(params, Notification::Cancel),
        "connection/lost" => of(params, Notification::Lost),
        _ => Incoming::Unknown,
    }
}

/// The beginning of a line, for an error.
pub fn quote(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    let mut quoted: String = text.chars().take(QUOTED).collect();
    if quoted.len() < text.len() {
        quoted.push('…');
    }
    quoted
}

/// A message with its version.
#[derive(Debug, Serialize)]
pub struct Outgoing<T> {
    jsonrpc: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<u64>,
    #[serde(flatten)]
    rest: T,
}

/// A request, as it is sent.
pub fn request<T>(id: u64, request: T) -> Outgoing<T> {
    Outgoing {
        jsonrpc: "2.0",
        id: Some(id),
        rest: request,
    }
}

/// A notification, as it is sent.
pub fn notification<T>(notification: T) -> Outgoing<T> {
    Outgoing {
        jsonrpc: "2.0",
        id: None,
        rest: notification,
    }
}

/// An answer, as it is sent.
pub fn answer(id: u64, answer: Result<Value, ErrorObject>) -> Value {
    match answer {
        Ok(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}),
        Err(error) => json!({"jsonrpc": "2.0", "id": id, "error": error}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_come_one_by_one_and_the_last_needs_no_end() {
        let mut text: &[u8] = b"{}\n\xff\n\nlast";
        let mut lines = Vec::new();
        while let Some(line) = next(&mut text).await.unwrap() {
            lines.push(line);
        }
        assert_eq!(lines, [b"{}".as_slice(), b"\xff", b"", b"last"]);
    }

    #[tokio::test]
    async fn a_line_without_end_is_refused_before_it_fills_the_memory() {
        use tokio::io::AsyncReadExt;
        let endless = tokio::io::repeat(b'x').take(1 << 30);
        let mut reader = tokio::io::BufReader::new(endless);
        let error = next(&mut reader).await.unwrap_err();
        assert!(error.to_string().contains("32 MiB"), "{error}");
    }

    #[test]
    fn what_is_no_message_is_told_why() {
        for (line, why) in [
            ("hello", "expected"),
            ("[]", "expected a map"),
            ("{\"id\": 1}", "jsonrpc"),
            ("{\"jsonrpc\": \"2.0\", \"id\": 1}", "neither"),
            (
                "{\"jsonrpc\": \"2.0\", \"id\": \"a\", \"result\": {}}",
                "the id \"a\"",
            ),
            (
                "{\"jsonrpc\": \"2.0\", \"id\": 1, \"error\": 7}",
                "another form",
            ),
            (
                "{\"jsonrpc\": \"2.0\", \"id\": null, \"error\": {\"code\": -32700, \"message\": \"what?\"}}",
                "to no request: what?",
            ),
        ] {
            let error = read(line.as_bytes()).unwrap_err();
            assert!(error.contains(why), "{line}: {error}");
        }
    }

    #[test]
    fn messages_are_told_apart() {
        let of = |line: &str| read(line.as_bytes()).unwrap();
        assert!(matches!(
            of("{\"jsonrpc\": \"2.0\", \"method\": \"to/come\"}"),
            Incoming::Unknown
        ));
        assert!(matches!(
            of("{\"jsonrpc\": \"2.0\", \"id\": 4, \"method\": \"shutdown\"}"),
            Incoming::Request(4, _, params) if params == json!({})
        ));
        assert!(matches!(
            of("{\"jsonrpc\": \"2.0\", \"id\": 4, \"result\": null}"),
            Incoming::Answer(4, Ok(_))
        ));
    }
}
