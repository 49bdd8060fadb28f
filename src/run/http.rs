//! One question, over whatever stream reaches the machine.

use banquet_sdk::{Dialed, Error, Peer, Result};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};

/// Longest body that is looked at, in bytes.
const LONGEST: usize = 1 << 20;

/// What a server answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub status: u16,
    pub body: String,
}

/// What is asked.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Question {
    /// GET, HEAD, …
    pub method: String,
    /// For the header.
    pub host: String,
    pub path: String,
}

impl Question {
    pub fn get(host: &str, path: &str) -> Self {
        Self {
            method: "GET".into(),
            host: host.into(),
            path: path.into(),
        }
    }
}

/// A regular expression over a body, whose lines have beginnings and ends.
pub(super) fn pattern(text: &str) -> Result<regex::Regex, regex::Error> {
    regex::RegexBuilder::new(text).multi_line(true).build()
}

/// Where an URL leads: the member itself, or another host.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// None: the member that the step names.
    pub host: Option<String>,
    pub port: u16,
    pub path: String,
}

impl Target {
    /// The same, where `member` is the one that the step names.
    pub fn seen_by(mut self, member: &Peer) -> Self {
        self.host = self.host.filter(|host| {
            member.address.as_ref() != Some(host) && !member.names().contains(&host.as_str())
        });
        self
    }
}

/// Reads `http://HOST[:PORT][/PATH]`, `:PORT[/PATH]` or `/PATH`.
pub(super) fn target(url: &str) -> Result<Target> {
    let wrong = |why: &str| {
        Error::config("/http", format!("{url:?} is no URL to wait for: {why}"))
            .hint("Write `http://HOST:PORT/PATH`, or the member's own part of it: `:PORT/PATH`.")
    };
    if url.starts_with("https://") {
        return Err(wrong("https is not spoken"));
    }
    let rest = url.strip_prefix("http://").unwrap_or(url);
    let (authority, path) = match rest.find('/') {
        Some(slash) => rest.split_at(slash),
        None => (rest, "/"),
    };
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) => (
            host,
            port.parse().map_err(|_| wrong("its port is no number"))?,
        ),
        None => (authority, 80),
    };
    let absolute = url.starts_with("http://");
    if absolute == host.is_empty() {
        return Err(wrong("its host is missing, or `http://` is"));
    }
    Ok(Target {
        host: absolute.then(|| host.into()),
        port,
        path: path.into(),
    })
}

/// Asks.
pub(super) async fn ask(stream: Box<dyn Dialed>, question: &Question) -> Result<Answer> {
    let spoken = |error: hyper::Error| Error::machine(format!("no HTTP: {error}"));
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(spoken)?;
    let path = &question.path;
    let request = hyper::Request::builder()
        .method(question.method.as_str())
        .uri(path)
        .header("Host", &question.host)
        .header("Connection", "close")
        .body(Empty::<Bytes>::new())
        .map_err(|error| Error::config("/http", format!("{path:?}: {error}")))?;
    let answer = async {
        let answer = sender.send_request(request).await.map_err(spoken)?;
        let status = answer.status().as_u16();
        let body = Limited::new(answer.into_body(), LONGEST).collect().await;
        let body = body.map_err(|error| Error::machine(format!("the body: {error}")))?;
        Ok(Answer {
            status,
            body: String::from_utf8_lossy(&body.to_bytes()).into_owned(),
        })
    };
    tokio::pin!(connection, answer);
    tokio::select! {
        answered = &mut answer => answered,
        ended = &mut connection => {
            ended.map_err(spoken)?;
            answer.await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_lead_to_the_member_or_elsewhere() {
        let of = |host: Option<&str>, port, path: &str| Target {
            host: host.map(str::to_owned),
            port,
            path: path.into(),
        };
        assert_eq!(target(":8080/health").unwrap(), of(None, 8080, "/health"));
        assert_eq!(target("/health?x=1").unwrap(), of(None, 80, "/health?x=1"));
        assert_eq!(
            target("http://10.0.0.2").unwrap(),
            of(Some("10.0.0.2"), 80, "/")
        );
        assert_eq!(target("http://lb:81/a").unwrap(), of(Some("lb"), 81, "/a"));
        let member = Peer {
            suite: "lb".into(),
            address: Some("10.0.0.2".into()),
            ..Peer::default()
        };
        for own in ["http://lb:81/a", "http://10.0.0.2:81/a"] {
            let target = target(own).unwrap().seen_by(&member);
            assert_eq!(target, of(None, 81, "/a"));
        }
        for wrong in ["https://lb/", "lb/", ":x/", "http:///"] {
            assert!(target(wrong).is_err(), "{wrong}");
        }
    }
}
