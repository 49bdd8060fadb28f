//! Where the instance is, as InSpec's options say it.

use banquet_sdk::tool::Base;
use banquet_sdk::{Context, Error, Result, SshTarget, Target};
use serde_json::{Map, Value, json};

use crate::Config;

/// Options of `inspec exec` (as its configuration file has them) and variables for it.
pub(crate) type Way = (Map<String, Value>, Vec<(String, String)>);

/// How InSpec reaches the instance (kitchen-inspec, `runner_options_for_*`).
pub(crate) fn way(cx: &Context, config: &Config, base: &Base) -> Result<Way> {
    match cx.target() {
        Target::Ssh(ssh) => Ok((over_ssh(&ssh, config, base), Vec::new())),
        Target::Container(container) => {
            let options = object(json!({"backend": "docker", "host": container.id}));
            let mut variables = vec![("DOCKER_HOST".to_owned(), container.engine)];
            if let Some(path) = container.certificates {
                variables.push(("DOCKER_TLS_VERIFY".into(), "1".into()));
                variables.push(("DOCKER_CERT_PATH".into(), path.display().to_string()));
            }
            Ok((options, variables))
        }
        Target::Local => Ok((object(json!({"backend": "local"})), Vec::new())),
        Target::Other => Err(Error::unsupported(
            "InSpec cannot reach the instance by itself: its transport is neither ssh, docker nor exec",
        )
        .hint("Reach it by the transport ssh.")),
    }
}

fn over_ssh(ssh: &SshTarget, config: &Config, base: &Base) -> Map<String, Value> {
    let keys: Vec<String> = ssh
        .keys
        .iter()
        .filter(|key| key.exists())
        .map(|key| key.display().to_string())
        .collect();
    let sudo = base.sudo && ssh.username != "root";
    let proxy = config.proxy_command.clone().or_else(|| proxy_command(ssh));
    let options = json!({
        "backend": "ssh",
        "host": config.host.as_ref().unwrap_or(&ssh.hostname),
        "port": config.port.unwrap_or(ssh.port),
        "user": ssh.username,
        "key_files": (!keys.is_empty()).then_some(keys),
        "password": ssh.password,
        "sudo": sudo.then_some(true),
        "sudo_password": ssh.sudo_password.as_ref().filter(|_| sudo),
        "sudo_command": base.sudo_command.as_ref().filter(|_| sudo),
        "sudo_options": config.sudo_options.as_ref().filter(|_| sudo),
        "proxy_command": proxy,
        "forward_agent": config.forward_agent,
    });
    let mut options = object(options);
    options.retain(|_, value| !value.is_null());
    options
}

/// The transport's way through other hosts, without ssh's doubled percent signs: InSpec knows `%h`
/// and `%p` only.
fn proxy_command(ssh: &SshTarget) -> Option<String> {
    let options = ssh.options.iter();
    let mut command = options.filter_map(|option| option.strip_prefix("ProxyCommand="));
    command
        .next_back()
        .map(|command| command.replace("%%", "%"))
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ssh(user: &str) -> SshTarget {
        SshTarget {
            hostname: "10.0.0.2".into(),
            port: 22,
            username: user.into(),
            keys: vec!["/no/such/key".into()],
            password: Some("secret".into()),
            options: ["-o", "ProxyCommand=ssh -W %%h:%%p gate"]
                .map(String::from)
                .into(),
            ..SshTarget::default()
        }
    }

    #[test]
    fn a_user_becomes_root_by_sudo_and_root_needs_none() {
        let (config, base) = (
            Config::default(),
            Base {
                sudo: true,
                ..Base::default()
            },
        );
        assert_eq!(
            Value::Object(over_ssh(&ssh("kitchen"), &config, &base)),
            json!({"backend": "ssh", "host": "10.0.0.2", "port": 22, "user": "kitchen",
                   "password": "secret", "sudo": true, "proxy_command": "ssh -W %h:%p gate"})
        );
        assert_eq!(over_ssh(&ssh("root"), &config, &base).get("sudo"), None);
    }

    #[test]
    fn the_settings_may_name_another_place() {
        let config = Config {
            host: Some("192.0.2.1".into()),
            port: Some(2222),
            proxy_command: Some("nc %h %p".into()),
            ..Config::default()
        };
        let options = over_ssh(&ssh("root"), &config, &Base::default());
        assert_eq!(options["host"], "192.0.2.1");
        assert_eq!(options["port"], 2222);
        assert_eq!(options["proxy_command"], "nc %h %p");
    }
}
