//! `ProviderRequest` of the protocol.

use banquet_sdk::{Context, Secrets, SshTarget, State, Target};
use serde_json::{Map, Value, json};

use crate::PROVIDERS;
use crate::config::Config;
use crate::environment::Environment;

/// Version of the protocol.
pub const VERSION: &str = "1.0";

/// What `provider` is asked to do with the instance.
pub fn request(
    operation: &str,
    cx: &Context,
    state: &State,
    config: &Config,
    provider: &str,
    environment: &Environment,
) -> Value {
    let instance = &cx.identity.instance;
    let plugins = &cx.plugins;
    let noted = state.get(PROVIDERS).and_then(|all| all.get(provider));
    json!({
        "protocol_version": VERSION,
        "operation": operation,
        "kitchen": {
            "version": env!("CARGO_PKG_VERSION"),
            "root_path": cx.root,
            "log_path": cx.kitchen_dir.join("logs").join(format!("{instance}.log")),
            "state_path": cx.kitchen_dir.join(format!("{instance}.yml")),
        },
        "instance": {
            "name": instance,
            "last_action": state.str("last_action"),
            "last_attempted_action": state.str("last_attempted_action"),
        },
        "platform": {
            "name": cx.identity.platform,
            "os_type": cx.platform.os,
            "shell_type": cx.platform.shell,
        },
        "suite": {"name": cx.identity.suite},
        "components": {
            "driver": {"name": plugins.driver, "config": {}, "state": of_driver(state)},
            "transport": transport(cx, environment),
            "provisioner": {
                "name": "external",
                "provider": provider,
                "command": config.command,
                "config": without_secrets(Config::of_provider(&cx.section.values).into()),
            },
            "verifier": {"name": plugins.verifier, "config": {}, "state": {}},
        },
        "executor": {
            "model": "exec",
            "command": config.command,
            "input": "stdin",
            "request_file_argument": null,
            "event_stream": "ndjson",
        },
        "environment": environment.described(),
        "state": {"provider": noted.unwrap_or(&json!({}))},
    })
}

/// What the driver noted, without what the kitchen keeps.
fn of_driver(state: &State) -> Value {
    const OURS: [&str; 7] = [
        "last_action",
        "last_attempted_action",
        "last_error",
        "last_action_id",
        "instance_session_id",
        "last_kitchen_run_id",
        PROVIDERS,
    ];
    let mut noted = state.values().clone();
    noted.retain(|key, _| !OURS.contains(&key.as_str()));
    without_secrets(noted.into())
}

/// Secrets never go into a request: a provider gets them by `pass_env`.
fn without_secrets(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let open = map.into_iter().filter(
                |(key, value)| !matches!(value, Value::String(text) if Secrets::is_secret(key, text)),
            );
            open.map(|(key, value)| (key, without_secrets(value)))
                .collect::<Map<_, _>>()
                .into()
        }
        Value::Array(list) => list.into_iter().map(without_secrets).collect(),
        other => other,
    }
}

/// Type of the transport, as `supported_transports` has it.
pub fn transport_type(cx: &Context) -> &'static str {
    match cx.target() {
        Target::Ssh(_) => "ssh",
        Target::Container(_) => "docker_exec",
        Target::Local => "exec",
        Target::Other => "custom",
    }
}

fn transport(cx: &Context, environment: &Environment) -> Value {
    let platform = &cx.identity.platform;
    let kind = transport_type(cx);
    // The schema wants these two names; other names of the same transport are the user's.
    let name = match kind {
        "ssh" | "exec" => kind,
        _ => &cx.plugins.transport,
    };
    let mut described = match cx.target() {
        Target::Ssh(target) => json!({
            "target": {"kind": "machine", "hostname": target.hostname, "platform": platform},
            "config": ssh(cx, &target),
            "secrets": environment.references,
        }),
        Target::Container(target) => json!({
            "target": {"kind": "container", "container_id": target.id, "image": null, "platform": platform},
            "config": {"executable": "docker", "shell": "/bin/sh", "user": target.user},
        }),
        Target::Local => json!({
            "target": {"kind": "local", "platform": platform},
            "config": {"kitchen_root": cx.root, "host_os": std::env::consts::OS},
        }),
        Target::Other => json!({
            "target": {"kind": "custom", "platform": platform, "local_prefix": cx.local_prefix},
            "config": {},
        }),
    };
    described["name"] = name.into();
    described["type"] = kind.into();
    described
}

fn ssh(cx: &Context, target: &SshTarget) -> Value {
    let mut config = json!({"username": target.username, "port": target.port});
    let settings = cx.transport.as_ref().map(|(_, section)| &section.values);
    for (name, key) in [
        ("connection_timeout", "connection_timeout"),
        ("connection_retries", "connection_retries"),
        ("connection_retry_sleep", "connection_retry_sleep"),
        ("proxy_command", "ssh_proxy_command"),
        ("gateway", "ssh_gateway"),
        ("gateway_port", "ssh_gateway_port"),
        ("gateway_username", "ssh_gateway_username"),
    ] {
        if let Some(value) = settings.and_then(|values| values.get(key)) {
            config[name] = value.clone();
        }
    }
    config
}
