//! What a heartbeat asks, how often, and what it demands of the answers.

use std::time::Duration;

/// A question that is asked over and over, by the suite of its step or by the workstation.
#[derive(Clone, Debug, PartialEq)]
pub struct Heartbeat {
    /// What is asked.
    pub probe: Probe,
    /// From one question to the next, however late answers are.
    pub every: Duration,
    /// So many questions; none: until the steps beside it end.
    pub count: Option<u64>,
    /// At most so many unanswered questions at once; further ones wait, and count as late.
    pub concurrency: usize,
    /// An answer that takes longer is lost.
    pub timeout: Duration,
    /// So many may be lost; none: nothing, or anything where `max_outage` limits it.
    pub allow_failures: Option<u64>,
    /// Longest time without an answer.
    pub max_outage: Option<Duration>,
    /// 99 of 100 answers take no longer.
    pub max_latency: Option<Duration>,
}

/// A question. Texts may hold expressions.
#[derive(Clone, Debug, PartialEq)]
pub enum Probe {
    /// A request that must be answered with a status below 400, or with `status` and `body` where
    /// given.
    Http {
        /// `http://HOST[:PORT]/PATH`.
        url: String,
        /// GET, HEAD, POST, …
        method: String,
        /// The status asked for.
        status: Option<u16>,
        /// The body matches this regular expression.
        body: Option<String>,
    },
    /// A connection to `HOST:PORT`.
    Tcp(String),
    /// A command that must exit with 0.
    Exec(String),
}
