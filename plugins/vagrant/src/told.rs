//! What `vagrant --machine-readable` prints: lines of `time,machine,kind,data…`.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use banquet_sdk::{Line, Output, Stream, async_trait};

/// How far a machine came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Came {
    /// Vagrant began with it.
    Begun,
    /// Vagrant ended with it.
    Ended,
}

/// Hands on what people are to read and keeps what the driver must know.
pub struct Reader<'a> {
    output: Option<&'a dyn Output>,
    found: Mutex<Found>,
}

/// What a command of Vagrant said.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// How far each machine came.
    pub machines: BTreeMap<String, Came>,
    /// The class and the text of the error that ended it.
    pub error: Option<(String, String)>,
    /// The state of each machine (`vagrant status`).
    pub states: BTreeMap<String, String>,
    /// Directories of environments, one a machine (`vagrant global-status`).
    pub homes: Vec<String>,
    /// All that was no line of this form: plain text (`vagrant ssh-config`).
    pub plain: String,
    /// The last words of text that people were to read as an error.
    pub last_words: Vec<String>,
}

impl<'a> Reader<'a> {
    /// Hands the text for people to `output`, where there is one.
    pub fn new(output: Option<&'a dyn Output>) -> Self {
        Self {
            output,
            found: Mutex::default(),
        }
    }

    fn found(&self) -> MutexGuard<'_, Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was found.
    pub fn into_found(self) -> Found {
        self.found
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Output for Reader<'_> {
    async fn line(&self, line: Line) {
        let shown = self.found().take(&line);
        let Some(output) = self.output else { return };
        for text in shown {
            output
                .line(Line {
                    stream: line.stream,
                    text,
                })
                .await;
        }
    }
}

/// Most lines that an error repeats.
const LAST_WORDS: usize = 8;

impl Found {
    /// Takes a line; gives what people are to read of it.
    fn take(&mut self, line: &Line) -> Vec<String> {
        let mut fields = line.text.splitn(4, ',');
        let (time, machine, kind, data) =
            (fields.next(), fields.next(), fields.next(), fields.next());
        let (Some(time), Some(machine), Some(kind)) = (time, machine, kind) else {
            return self.plainly(line);
        };
        if time.is_empty() || !time.bytes().all(|byte| byte.is_ascii_digit()) {
            return self.plainly(line);
        }
        let data: Vec<String> = data.unwrap_or_default().split(',').map(unescaped).collect();
        let data: Vec<&str> = data.iter().map(String::as_str).collect();
        match (kind, data.as_slice()) {
            ("ui", [level, text]) => {
                let lines: Vec<String> =
                    text.lines().map(str::trim_end).map(str::to_owned).collect();
                if *level == "error" {
                    self.remember(&lines);
                }
                return lines.into_iter().filter(|line| !line.is_empty()).collect();
            }
            ("error-exit", [class, text]) => {
                self.error = Some(((*class).to_owned(), text.trim().to_owned()));
            }
            ("action", [_, "start"]) => {
                self.machines.insert(machine.to_owned(), Came::Begun);
            }
            ("action", [_, "end"]) => {
                self.machines.insert(machine.to_owned(), Came::Ended);
            }
            ("state", [state]) => {
                self.states.insert(machine.to_owned(), (*state).to_owned());
            }
            ("machine-home", [home]) => self.homes.push((*home).to_owned()),
            _ => {}
        }
        Vec::new()
    }

    fn plainly(&mut self, line: &Line) -> Vec<String> {
        match line.stream {
            Stream::Out => {
                self.plain.push_str(&line.text);
                self.plain.push('\n');
            }
            _ => self.remember(std::slice::from_ref(&line.text)),
        }
        vec![line.text.clone()]
    }

    fn remember(&mut self, lines: &[String]) {
        let said = lines.iter().filter(|line| !line.trim().is_empty());
        self.last_words.extend(said.cloned());
        let surplus = self.last_words.len().saturating_sub(LAST_WORDS);
        self.last_words.drain(..surplus);
    }
}

fn unescaped(field: &str) -> String {
    field
        .replace("%!(VAGRANT_COMMA)", ",")
        .replace("\\r", "")
        .replace("\\n", "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> (Found, Vec<String>) {
        let mut found = Found::default();
        let shown = text.lines().flat_map(|text| {
            let (stream, text) = (Stream::Out, text.to_owned());
            found.take(&Line { stream, text })
        });
        let shown = shown.collect();
        (found, shown)
    }

    #[test]
    fn people_read_the_text_and_the_driver_the_rest() {
        let (found, shown) = told(
            "1795256954,a,metadata,provider,docker\n1795256954,,ui,info,Bringing machine 'a' up%!(VAGRANT_COMMA) now\n\
             1795256954,a,action,up,start\n1795256956,a,ui,detail,    a:  \\n    a: Container created: acee\n\
             1795256961,a,action,up,end\n1795256954,b,action,up,start\n\
             1795256961,b,ui,error,It went\\nwrong\n\
             1795256961,,error-exit,Vagrant::Errors::VMBootTimeout,Timed out%!(VAGRANT_COMMA)\\nyes\n",
        );
        assert_eq!(
            shown,
            [
                "Bringing machine 'a' up, now",
                "    a:",
                "    a: Container created: acee",
                "It went",
                "wrong"
            ]
        );
        assert_eq!(
            (found.machines["a"], found.machines["b"]),
            (Came::Ended, Came::Begun)
        );
        let error = (
            "Vagrant::Errors::VMBootTimeout".into(),
            "Timed out,\nyes".into(),
        );
        assert_eq!(found.error, Some(error));
        assert_eq!(found.last_words, ["It went", "wrong"]);
    }

    #[test]
    fn states_and_homes() {
        let (found, _) = told(
            "1,a,state,running\n1,,machine-id,b7\n1,,provider-name,virtualbox\n1,,machine-home,/p/.kitchen/x\n",
        );
        assert_eq!(found.states["a"], "running");
        assert_eq!(found.homes, ["/p/.kitchen/x"]);
    }

    #[test]
    fn other_text_is_kept_as_it_is() {
        let (found, shown) = told("Host a\n  HostName h, i, j, k\n");
        assert_eq!(found.plain, "Host a\n  HostName h, i, j, k\n");
        assert_eq!(shown.len(), 2);
    }
}
