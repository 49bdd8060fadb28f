//! What all dummies do in every action.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use banquet_sdk::lenient::Seconds;
use banquet_sdk::{Context, Error, ErrorKind, Result, State};

/// How an action is to go.
#[derive(Debug, Default)]
pub struct Behaviour<'a> {
    pub journal: Option<&'a Path>,
    pub sleep: Seconds,
    pub fail: bool,
    pub random_failure: bool,
}

/// Says that `action` takes place, sleeps, and fails if it should.
pub async fn act(
    cx: &Context,
    kind: ErrorKind,
    action: &str,
    behaviour: &Behaviour<'_>,
) -> Result<()> {
    let instance = &cx.identity.instance;
    let mut entry = Entry::begin(cx, behaviour.journal, format!("{action} {instance}"))?;
    let how = if cx.debug { " with debugging" } else { "" };
    cx.note(format!("[Dummy] {action} on {instance}{how}"))
        .await;
    if !behaviour.sleep.0.is_zero() {
        tokio::time::sleep(behaviour.sleep.0).await;
    }
    let failed = behaviour.fail || (behaviour.random_failure && rand::random());
    entry.end(if failed { "failed" } else { "ended" })?;
    if failed {
        return Err(Error::new(
            kind,
            format!("{action}: the dummy is set to fail"),
        ));
    }
    Ok(())
}

/// Whether `action` fails this time, having failed less than `times` times before; counted in the
/// state, because a plugin keeps nothing itself.
pub fn fails_again(state: &mut State, action: &str, times: u64) -> Result<bool> {
    let key = format!("failures_of_{action}");
    let failed = state.u64(&key).unwrap_or_default();
    if failed >= times {
        return Ok(false);
    }
    state.set(key, failed + 1);
    state.checkpoint()?;
    Ok(true)
}

/// One action's lines in the journal: `ACTION INSTANCE` when it begins; then `ended`, `failed` or,
/// where its future was dropped, `dropped`, and the same words again.
pub struct Entry {
    journal: Option<PathBuf>,
    words: String,
    open: bool,
}

impl Entry {
    pub fn begin(cx: &Context, journal: Option<&Path>, words: String) -> Result<Self> {
        let entry = Self {
            journal: journal.map(|path| cx.root.join(path)),
            words: words.replace('\n', "\\n"),
            open: true,
        };
        entry.append("")?;
        Ok(entry)
    }

    pub fn end(&mut self, how: &str) -> Result<()> {
        self.open = false;
        self.append(&format!("{how} "))
    }

    /// One write at the end of the file: lines of actions at the same time do not mix.
    fn append(&self, prefix: &str) -> Result<()> {
        let Some(journal) = &self.journal else {
            return Ok(());
        };
        let line = format!("{prefix}{}\n", self.words);
        OpenOptions::new()
            .create(true)
            .append(true)
            .open(journal)
            .and_then(|mut file| file.write_all(line.as_bytes()))
            .map_err(|error| Error::config("/journal", format!("{}: {error}", journal.display())))
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if self.open {
            // There is nobody left to tell.
            let _ = self.append("dropped ");
        }
    }
}
