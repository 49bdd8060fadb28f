//! In a process of its own the workstation as an instance holds to the contract as well.
#![cfg(unix)]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use banquet_sdk::conformance::{self, Subject};
use banquet_sdk::wire::Plugin;
use banquet_sdk::wire::message::{self, PluginKind};
use banquet_sdk::{Context, Identity, Section};
use serde_json::{Value, json};

use crate::support;

fn plugin(kind: PluginKind) -> Arc<Plugin> {
    let path = Path::new(env!("CARGO_BIN_EXE_kitchen-exec-plugin"));
    Plugin::new((kind, "exec"), path, Path::new("/"), None, |_| ())
}

fn subject() -> Subject {
    let driver = plugin(PluginKind::Driver).driver();
    support::exempt(Subject::of(
        driver,
        plugin(PluginKind::Transport).transport(),
    ))
}

#[tokio::test]
async fn driver_conforms() {
    conformance::driver(&subject()).await;
}

#[tokio::test]
async fn transport_conforms() {
    support::transport_conforms(subject()).await;
}

/// As after a kill -9 of the kitchen: nobody asks for anything any more.
#[cfg(target_os = "linux")]
#[test]
fn what_runs_ends_when_the_kitchen_is_gone() {
    let mut plugin = Command::new(env!("CARGO_BIN_EXE_kitchen-exec-plugin"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = plugin.stdin.take().unwrap();
    let mut output = BufReader::new(plugin.stdout.take().unwrap()).lines();
    let mut ask = |id: u64, method: &str, params: Value| -> Value {
        let request = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        writeln!(input, "{request}").unwrap();
        serde_json::from_str(&output.next().unwrap().unwrap()).unwrap()
    };
    let hello = json!({"protocol": "1.0", "kitchen": "0", "kind": "transport", "name": "exec"});
    let hello = ask(0, "initialize", hello);
    assert_eq!(hello["result"]["protocol"], message::PROTOCOL);
    let identity = Identity {
        project: "p".into(),
        cluster: None,
        instance: "i".into(),
        suite: "s".into(),
        platform: "p".into(),
        run: "r".into(),
    };
    let cx = Context::for_tests(identity, "/".into(), Section::default());
    let context = serde_json::to_value(message::Context::from(&cx)).unwrap();
    let connected = ask(
        1,
        "transport/connect",
        json!({"context": context, "state": {}}),
    );
    let connection = connected["result"]["connection"].as_str().unwrap();
    let command = json!({"connection": connection, "command": "sleep 600 & echo $!; wait"});
    let line = ask(2, "connection/exec", command);
    assert_eq!(line["params"]["call"], 2, "{line}");
    let child = line["params"]["text"].as_str().unwrap().to_owned();
    drop(input);
    let started = Instant::now();
    let proc = format!("/proc/{child}/stat");
    while std::fs::read_to_string(&proc).is_ok_and(|stat| !stat.contains(") Z ")) {
        assert!(
            started.elapsed() < Duration::from_secs(20),
            "{child} lives on"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(plugin.wait().unwrap().success());
}
