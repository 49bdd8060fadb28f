//! A headless Chromium that is told what to do over its pipe: one JSON message after another, each
//! ended by a zero byte, on the descriptors 3 and 4.
#![allow(dead_code, reason = "tests and benchmarks use other parts")]

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

/// No answer takes longer.
const DEADLINE: Duration = Duration::from_secs(60);

/// Whether there is one, else why not.
pub fn is_there() -> Result<(), String> {
    let found = Command::new("chromium").arg("--version").output();
    found
        .map(drop)
        .map_err(|error| format!("chromium: {error}"))
}

/// Whether there is one; where not the test is skipped, or fails if it is required.
pub fn needed() -> bool {
    banquet_sdk::conformance::requires("chromium", is_there())
}

/// A browser with one page.
pub struct Chromium {
    child: Child,
    commands: File,
    answers: Receiver<Value>,
    session: Option<String>,
    number: u64,
    /// What the page complained of: exceptions, errors, requests that were refused.
    pub complaints: Vec<String>,
    _dir: TempDir,
}

impl Chromium {
    /// Opens the file at `path`; with `scripts` off, as a reader without them sees it.
    pub fn open(path: &Path, scripts: bool) -> Self {
        let dir = TempDir::with_prefix("kitchen-chromium-").expect("a directory");
        let pipes = ["commands", "answers"].map(|name| dir.path().join(name));
        let made = Command::new("mkfifo").args(&pipes).status();
        assert!(made.expect("mkfifo runs").success());
        let child = Command::new("sh")
            .args([
                "-c",
                r#"exec "$@" 3<"$COMMANDS" 4>"$ANSWERS""#,
                "sh",
                "chromium",
            ])
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--remote-debugging-pipe",
            ])
            .args(["--no-first-run", "--window-size=1400,900"])
            .arg(format!(
                "--user-data-dir={}",
                dir.path().join("home").display()
            ))
            .env("COMMANDS", &pipes[0])
            .env("ANSWERS", &pipes[1])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromium starts");
        // Each end waits for the other, in the order in which the shell opens them.
        let commands = OpenOptions::new().write(true).open(&pipes[0]);
        let answers = File::open(&pipes[1]).expect("a pipe");
        let mut page = Self {
            child,
            commands: commands.expect("a pipe"),
            answers: messages(answers),
            session: None,
            number: 0,
            complaints: Vec::new(),
            _dir: dir,
        };
        let target = page.call("Target.createTarget", json!({"url": "about:blank"}));
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let session = page.call("Target.attachToTarget", attach);
        page.session = session["sessionId"].as_str().map(ToOwned::to_owned);
        for domain in ["Page", "Runtime", "Log", "Network"] {
            page.call(&format!("{domain}.enable"), json!({}));
        }
        let off = json!({"value": !scripts});
        page.call("Emulation.setScriptExecutionDisabled", off);
        let url = format!("file://{}", path.display());
        page.call("Page.navigate", json!({"url": url}));
        page.wait("Page.loadEventFired");
        page
    }

    /// The value of an expression of JavaScript in the page.
    #[track_caller]
    pub fn eval(&mut self, expression: &str) -> Value {
        let asked = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let mut answer = self.call("Runtime.evaluate", asked);
        let failed = &answer["exceptionDetails"];
        assert!(failed.is_null(), "{expression}: {failed}");
        answer["result"]["value"].take()
    }

    /// Presses and releases a key.
    pub fn press(&mut self, key: &str) {
        let (text, code) = match key {
            "Tab" => ("", 9),
            "Enter" => ("\r", 13),
            key if key.len() == 1 => (key, 0),
            _ => ("", 0),
        };
        for kind in ["keyDown", "keyUp"] {
            let event =
                json!({"type": kind, "key": key, "text": text, "windowsVirtualKeyCode": code});
            self.call("Input.dispatchKeyEvent", event);
        }
    }

    #[track_caller]
    fn call(&mut self, method: &str, params: Value) -> Value {
        self.number += 1;
        let mut message = json!({"id": self.number, "method": method, "params": params});
        if let Some(session) = &self.session {
            message["sessionId"] = session.as_str().into();
        }
        let sent = self.commands.write_all(format!("{message}\0").as_bytes());
        sent.expect("chromium listens");
        let number = self.number;
        let mut answer = self.until(|message| message["id"] == number);
        assert!(answer["error"].is_null(), "{method}: {}", answer["error"]);
        answer["result"].take()
    }

    #[track_caller]
    fn wait(&mut self, event: &str) {
        self.until(|message| message["method"] == event);
    }

    #[track_caller]
    fn until(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        let end = Instant::now() + DEADLINE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let message = self.answers.recv_timeout(left).expect("chromium answers");
            let params = &message["params"];
            match message["method"].as_str() {
                Some("Runtime.exceptionThrown") => self.complaints.push(params.to_string()),
                Some("Log.entryAdded") => self.complaints.push(params["entry"].to_string()),
                Some("Network.requestWillBeSent") => {
                    let url = params["request"]["url"].as_str().unwrap_or_default();
                    if !url.starts_with("file://") {
                        self.complaints.push(format!("it asked for {url}"));
                    }
                }
                _ => {}
            }
            if wanted(&message) {
                return message;
            }
        }
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn messages(answers: File) -> Receiver<Value> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for message in BufReader::new(answers).split(0) {
            let message = message.ok().and_then(|it| serde_json::from_slice(&it).ok());
            let Some(message) = message else { break };
            if sender.send(message).is_err() {
                break;
            }
        }
    });
    receiver
}
