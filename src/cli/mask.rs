//! The way out of every command: what must not be shown is masked. A run masks its events itself,
//! with the same secrets; this is for all that commands print besides, and for their errors.

use std::io::{self, Write};
use std::sync::OnceLock;

use banquet_sdk::{Gather, Secrets};
use serde_json::Value;

use super::streams;
use crate::config::{Config, Problem};

/// What this process knows of secrets; a command of `console` learns to those before it.
pub fn secrets() -> &'static Secrets {
    static SECRETS: OnceLock<Secrets> = OnceLock::new();
    SECRETS.get_or_init(|| {
        let mut gather = Gather::default();
        gather.environment();
        Secrets::of(gather)
    })
}

/// Learns all that a configuration and the keys and variables that it declares hold.
pub fn learn(config: &Config) {
    secrets().learn(config.secrets());
}

/// Learns what the files of a configuration that cannot be used seem to hold.
pub fn learn_broken(problems: &[Problem]) {
    let mut gather = Gather::default();
    for source in problems.iter().filter_map(Problem::place) {
        gather.lines(&source.source.text);
    }
    secrets().learn(gather);
}

/// Learns what a driver noted in the state of an instance.
pub fn learn_state(state: &serde_json::Map<String, Value>) {
    let mut gather = Gather::default();
    gather.tree(&Value::Object(state.clone()));
    secrets().learn(gather);
}

/// JSON with its texts masked; a number that is a secret becomes text.
pub fn json(mut value: Value) -> Value {
    secrets().mask_value(&mut value);
    value
}

/// Standard output, masked.
pub fn out() -> Masked<Box<dyn Write>> {
    Masked::new(streams::stdout())
}

/// Standard output for JSON, masked.
pub fn json_out() -> Masked<Box<dyn Write>> {
    Masked::new(streams::json())
}

/// A message of the program itself on standard error, masked, with the end of the line.
pub fn note(text: &str) {
    // Nobody is left to be told that standard error is closed.
    let _ = writeln!(streams::stderr(), "{}", secrets().mask(text));
}

/// Masks lines on their way to `W`; what has no end yet waits for [`Write::flush`].
pub struct Masked<W: Write> {
    waiting: Vec<u8>,
    to: W,
}

impl<W: Write> Masked<W> {
    fn new(to: W) -> Self {
        Self {
            waiting: Vec::new(),
            to,
        }
    }

    fn pass(&mut self, length: usize) -> io::Result<()> {
        if length == 0 {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&self.waiting[..length]);
        let passed = self.to.write_all(secrets().mask(&text).as_bytes());
        self.waiting.drain(..length);
        passed
    }
}

impl<W: Write> Write for Masked<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.waiting.extend_from_slice(bytes);
        let ends = self.waiting.iter().rposition(|byte| *byte == b'\n');
        self.pass(ends.map_or(0, |at| at + 1))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.pass(self.waiting.len())?;
        self.to.flush()
    }
}

impl<W: Write> Drop for Masked<W> {
    fn drop(&mut self) {
        // Who asks whether it could be written flushes.
        let _ = self.flush();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_is_written_in_parts_is_masked() {
        let mut gather = Gather::default();
        gather.value("in-two-halves");
        secrets().learn(gather);
        let mut written = Vec::new();
        let mut out = Masked::new(&mut written);
        write!(out, "it is in-tw").expect("memory");
        writeln!(out, "o-halves").expect("memory");
        write!(out, "again in-two-halves").expect("memory");
        drop(out);
        assert_eq!(written, b"it is ******\nagain ******");
    }
}
