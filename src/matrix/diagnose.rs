//! What `kitchen diagnose` shows of an instance: the settings, those that the kitchen adds, and
//! the defaults of Test Kitchen's own plugins (driver, transport, provisioner, verifier/*.rb).

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::{Instance, Kind};
use crate::config::Config;

type Settings = Map<String, Value>;

impl Instance {
    /// The settings of the plugin of `kind`, with its name, in the order of their keys.
    pub fn diagnosed(&self, kind: Kind, config: &Config) -> Settings {
        let name = match kind {
            Kind::Transport => self.listed_transport(),
            _ => &self.plugin(kind).name,
        };
        // Test Kitchen's exec driver replaces whatever transport there was.
        if kind == Kind::Transport && self.driver.name == "exec" {
            return Settings::new();
        }
        let mut settings = self.plugin(kind).section.values.clone();
        settings.insert("name".into(), name.into());
        kitchen_settings(kind.kitchen_keys(), config, &mut settings);
        let scope = Scope {
            instance: self,
            config,
        };
        scope.defaults(kind, name, &mut settings);
        scope.finalize(kind, name, &mut settings);
        sorted(settings)
    }

    /// The lifecycle hooks, in the order of their keys.
    pub fn diagnosed_hooks(&self, config: &Config) -> Settings {
        let mut settings = self.lifecycle.values.clone();
        let keys = ["kitchen_root", "test_base_path", "log_level", "debug"];
        kitchen_settings(&keys, config, &mut settings);
        sorted(settings)
    }
}

fn sorted(settings: Settings) -> Settings {
    let mut entries: Vec<_> = settings.into_iter().collect();
    entries.sort_by(|a, b| a.0.cmp(&b.0));
    entries.into_iter().collect()
}

/// What the kitchen says to every plugin, whatever the plugin's section says: as the section
/// `kitchen` has it, else as it is.
fn kitchen_settings(keys: &[&str], config: &Config, settings: &mut Settings) {
    let kitchen = config.tree.get("kitchen");
    for key in keys {
        let written = kitchen.and_then(|entry| entry.node.get(key));
        let value = match *key {
            _ if let Some(node) = written => node.to_json(),
            "kitchen_root" => json!(config.root),
            "test_base_path" => json!(config.test_base_path),
            "log_level" => format!(":{}", config.log_level).into(),
            _ => Value::Null,
        };
        settings.insert((*key).to_owned(), value);
    }
}

struct Scope<'a> {
    instance: &'a Instance,
    config: &'a Config,
}

impl Scope<'_> {
    fn defaults(&self, kind: Kind, name: &str, settings: &mut Settings) {
        let windows = self.instance.platform_type.os == "windows";
        let base = match kind {
            Kind::Driver => json!({"pre_create_command": null}),
            Kind::Transport => json!({}),
            Kind::Provisioner => base_provisioner(windows),
            Kind::Verifier => self.base_verifier(windows),
        };
        fill(settings, &base);
        let own = match (kind, name) {
            (Kind::Driver | Kind::Provisioner | Kind::Verifier, "dummy") => {
                json!({"sleep": 0, "random_failure": false})
            }
            (Kind::Driver, "exec" | "proxy") => json!({"reset_command": null}),
            (Kind::Transport, "dummy") => json!({"sleep": 1, "random_exit_code": 0}),
            (Kind::Transport, "ssh") => ssh(),
            (Kind::Transport, "winrm") => winrm(settings),
            (Kind::Provisioner, "shell") => self.shell_provisioner(),
            (Kind::Provisioner, "external") => json!({"pass_env": []}),
            (Kind::Verifier, "shell") => json!({
                "sleep": 0,
                "command": "true",
                "shellout_opts": {},
                "live_stream": "$stdout",
                "remote_exec": false,
            }),
            (Kind::Verifier, "busser") => busser(settings, windows),
            _ => return,
        };
        fill(settings, &own);
    }

    fn base_verifier(&self, windows: bool) -> Value {
        json!({
            "http_proxy": null,
            "https_proxy": null,
            "ftp_proxy": null,
            "root_path": if windows { "$env:TEMP\\verifier" } else { "/tmp/verifier" },
            "sudo": (!windows).then_some(true),
            "chef_omnibus_root": "/opt/chef",
            "sudo_command": (!windows).then_some("sudo -E"),
            "command_prefix": null,
            "suite_name": self.instance.suite,
        })
    }

    fn shell_provisioner(&self) -> Value {
        let script = match self.instance.platform_type.shell.as_str() {
            "powershell" => "bootstrap.ps1",
            _ => "bootstrap.sh",
        };
        json!({
            "script": self.found(script, Path::is_file),
            "command": null,
            "arguments": [],
            "data_path": self.found("data", Path::is_dir),
        })
    }

    /// A file of the tests: the suite's own, that of all suites, or the project's.
    fn found(&self, name: &str, is: impl Fn(&Path) -> bool) -> Option<PathBuf> {
        let tests = &self.config.test_base_path;
        let candidates = [
            tests.join(&self.instance.suite).join(name),
            tests.join(name),
            self.config.root.join(name),
        ];
        candidates.into_iter().find(|path| is(path))
    }

    /// Paths made absolute, and old words replaced.
    fn finalize(&self, kind: Kind, name: &str, settings: &mut Settings) {
        let paths: &[&str] = match (kind, name) {
            (Kind::Transport, "ssh") => &["ssh_key"],
            (Kind::Provisioner, "shell") => &["script", "data_path", "test_base_path"],
            (Kind::Provisioner | Kind::Verifier, _) => &["test_base_path"],
            _ => &[],
        };
        for key in paths {
            if let Some(value) = settings.get_mut(*key) {
                expand(&self.config.root, value);
            }
        }
        match (kind, name) {
            (Kind::Transport, "ssh") => finalize_ssh(settings),
            (Kind::Transport, "winrm") => {
                if let Some(Value::String(text)) = settings.get_mut("winrm_transport")
                    && !text.starts_with(':')
                {
                    text.insert(0, ':');
                }
            }
            _ => {}
        }
    }
}

fn base_provisioner(windows: bool) -> Value {
    json!({
        "http_proxy": null,
        "https_proxy": null,
        "ftp_proxy": null,
        "retry_on_exit_code": [],
        "max_retries": 1,
        "wait_for_retry": 30,
        "root_path": if windows { "$env:TEMP\\kitchen" } else { "/tmp/kitchen" },
        "sudo": (!windows).then_some(true),
        "sudo_command": (!windows).then_some("sudo -E"),
        "command_prefix": null,
        "uploads": {},
        "downloads": {},
    })
}

fn ssh() -> Value {
    json!({
        "port": 22,
        "username": "root",
        "keepalive": true,
        "keepalive_interval": 60,
        "keepalive_maxcount": 3,
        "max_ssh_sessions": 9,
        "connection_timeout": 15,
        "connection_retries": 5,
        "connection_retry_sleep": 1,
        "max_wait_until_ready": 600,
        "ssh_gateway": null,
        "ssh_gateway_port": 22,
        "ssh_gateway_username": null,
        "ssh_http_proxy": null,
        "ssh_http_proxy_port": null,
        "ssh_http_proxy_user": null,
        "ssh_http_proxy_password": null,
        "ssh_proxy_command": null,
        "ssh_key": null,
        "compression": false,
    })
}

fn finalize_ssh(settings: &mut Settings) {
    match settings.get("compression").and_then(Value::as_str) {
        Some("zlib") => settings.insert("compression".into(), "zlib@openssh.com".into()),
        Some("none") => settings.insert("compression".into(), false.into()),
        _ => None,
    };
    let off = settings.get("compression") == Some(&Value::Bool(false));
    let level = if off { 0 } else { 6 };
    fill(settings, &json!({"compression_level": level}));
}

fn winrm(settings: &Settings) -> Value {
    let transport = settings.get("winrm_transport").and_then(Value::as_str);
    let ssl = transport.is_some_and(|name| name.trim_start_matches(':') == "ssl");
    json!({
        "username": "administrator",
        "password": null,
        "elevated": false,
        "rdp_port": 3389,
        "connection_retries": 5,
        "connection_retry_sleep": 1,
        "operation_timeout": 60,
        "receive_timeout": 70,
        "max_wait_until_ready": 600,
        "winrm_transport": "negotiate",
        "scheme": if ssl { "https" } else { "http" },
        "port": if ssl { 5986 } else { 5985 },
    })
}

fn busser(settings: &Settings, windows: bool) -> Value {
    let text = |key: &str| {
        settings
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let joined = |dir: &str, rest: &str| {
        let path = format!("{}/{rest}", dir.trim_end_matches('/'));
        match windows {
            true => path.replace('/', "\\"),
            false => path.replace('\\', "/"),
        }
    };
    let suffix = if windows { ".bat" } else { "" };
    let ruby = match windows {
        true => "$env:systemdrive\\opscode\\chef\\embedded\\bin".to_owned(),
        false => joined(text("chef_omnibus_root"), "embedded/bin"),
    };
    json!({
        "busser_bin": joined(text("root_path"), "bin/busser") + suffix,
        "ruby_bindir": ruby,
        "version": "busser",
    })
}

/// Adds what is not there.
fn fill(settings: &mut Settings, defaults: &Value) {
    for (key, value) in defaults.as_object().into_iter().flatten() {
        if !settings.contains_key(key) {
            settings.insert(key.clone(), value.clone());
        }
    }
}

/// Makes the path in `value`, or each of a list, absolute below `root`; `~` is the home directory.
fn expand(root: &Path, value: &mut Value) {
    match value {
        Value::String(text) => *text = absolute(root, text),
        Value::Array(list) => list.iter_mut().for_each(|item| expand(root, item)),
        _ => {}
    }
}

fn absolute(root: &Path, text: &str) -> String {
    let path = match (text.strip_prefix('~'), std::env::home_dir()) {
        (Some(rest), Some(home)) if rest.is_empty() || rest.starts_with('/') => {
            home.join(rest.trim_start_matches('/'))
        }
        _ => root.join(text),
    };
    let mut result = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::ParentDir => {
                result.pop();
            }
            std::path::Component::CurDir => {}
            part => result.push(part),
        }
    }
    result.display().to_string()
}
