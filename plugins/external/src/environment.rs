//! The variables that a provider sees: a list of names, never all.

use std::collections::BTreeMap;

use banquet_sdk::{Context, Secrets, Target, process};
use serde_json::{Value, json};

use crate::config::Config;

/// What every program needs to run at all.
const ALWAYS: [&str; 12] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LC_ALL",
    "TZ",
    "TMPDIR",
    "TEMP",
    "SYSTEMROOT",
    "USERPROFILE",
];

/// Variables by name, and which of them are of which kind.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    variables: BTreeMap<String, String>,
    allowed: Vec<String>,
    reserved: Vec<String>,
    /// The transport's secrets: the name of the schema, and of the variable that has it.
    pub references: BTreeMap<&'static str, &'static str>,
    secrets: Vec<String>,
}

impl Environment {
    /// For a provider of this configuration; `variable` looks up the workstation's.
    pub fn new(cx: &Context, config: &Config, variable: impl Fn(&str) -> Option<String>) -> Self {
        let mut all = Self::default();
        for name in ALWAYS {
            if let Some(value) = variable(name) {
                all.variables.insert(name.into(), value);
            }
        }
        if let Some(path) = process::path().and_then(|path| path.into_string().ok()) {
            all.variables.insert("PATH".into(), path);
        }
        all.variables.extend(cx.environment.to_map());
        for name in &config.pass_env.0 {
            if let Some(value) = variable(name) {
                all.variables.insert(name.clone(), value.clone());
                all.secrets.push(value);
            }
            all.allowed.push(name.clone());
        }
        if let Target::Ssh(target) = cx.target() {
            let key = target.keys.first().map(|key| key.display().to_string());
            for (reference, name, value) in [
                ("private_key", "KITCHEN_TRANSPORT_SSH_KEY", key),
                ("password", "KITCHEN_TRANSPORT_PASSWORD", target.password),
                (
                    "passphrase",
                    "KITCHEN_TRANSPORT_PASSPHRASE",
                    target.passphrase,
                ),
                (
                    "sudo_password",
                    "KITCHEN_TRANSPORT_SUDO_PASSWORD",
                    target.sudo_password,
                ),
            ] {
                let Some(value) = value else { continue };
                if reference != "private_key" {
                    all.secrets.push(value.clone());
                }
                all.variables.insert(name.into(), value);
                all.reserved.push(name.into());
                all.references.insert(reference, name);
            }
        }
        all
    }

    /// All of them, for the process.
    pub fn variables(&self) -> &BTreeMap<String, String> {
        &self.variables
    }

    /// `EnvironmentDescriptor` of the protocol: names only.
    pub fn described(&self) -> Value {
        json!({
            "passed": self.variables.keys().collect::<Vec<_>>(),
            "user_allowed": self.allowed,
            "kitchen_reserved": self.reserved,
        })
    }

    /// The values that nobody may see.
    pub fn secrets(&self) -> Secrets {
        Secrets::new(self.secrets.iter().cloned())
    }
}
