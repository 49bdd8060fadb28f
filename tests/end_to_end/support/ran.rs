//! A command that has ended: what it must have printed, as sentences.

use std::time::Duration;

/// A command that has ended.
pub struct Ran {
    /// The command line.
    pub call: String,
    /// The exit code; none after a signal.
    pub code: Option<i32>,
    /// What it printed.
    pub out: String,
    /// What it printed on standard error.
    pub err: String,
    /// How long it took.
    pub took: Duration,
}

impl Ran {
    /// It exited with 0.
    #[track_caller]
    pub fn succeeds(self) -> Self {
        self.exits(0)
    }

    /// It exited with this code.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "exit code of {}", self.transcript());
        self
    }

    /// Standard output contains this.
    #[track_caller]
    pub fn prints(self, text: &str) -> Self {
        assert!(self.out.contains(text), "{text:?} in {}", self.transcript());
        self
    }

    /// Standard output does not contain this.
    #[track_caller]
    pub fn prints_no(self, text: &str) -> Self {
        assert!(
            !self.out.contains(text),
            "no {text:?} in {}",
            self.transcript()
        );
        self
    }

    /// Standard output contains these, in this order.
    #[track_caller]
    pub fn prints_in_order(self, texts: &[&str]) -> Self {
        let mut at = 0;
        for text in texts {
            match self.out[at..].find(text) {
                Some(found) => at += found + text.len(),
                None => panic!("{text:?}, after the others, in {}", self.transcript()),
            }
        }
        self
    }

    /// Standard error contains this.
    #[track_caller]
    pub fn complains(self, text: &str) -> Self {
        assert!(self.err.contains(text), "{text:?} in {}", self.transcript());
        self
    }

    /// Standard error is empty.
    #[track_caller]
    pub fn is_quiet(self) -> Self {
        assert!(self.err.is_empty(), "no complaint in {}", self.transcript());
        self
    }

    /// All of it, for a failed test's message.
    pub fn transcript(&self) -> String {
        format!(
            "{}\n--- code {:?}, standard output\n{}--- standard error\n{}---",
            self.call, self.code, self.out, self.err
        )
    }
}
