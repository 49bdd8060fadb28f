//! The one place that uses the system's `ssh`: a person's shell (transport/ssh.rb,
//! `login_command`).

use std::process::Command;

use banquet_sdk::LoginCommand;

use crate::config::{Config, HostKeys};
use crate::script::quote;
use crate::target::{Proxy, Target, shown};

/// The command line for `target`.
pub(crate) fn command(target: &Target, config: &Config) -> LoginCommand {
    let mut command = Command::new("ssh");
    command.args(arguments(target, config, target.hops.len() - 1));
    LoginCommand(command)
}

/// Arguments for the hop at `index`.
fn arguments(target: &Target, config: &Config, index: usize) -> Vec<String> {
    let hop = &target.hops[index];
    let mut arguments = options(target, config, index);
    arguments.extend(["-p".into(), hop.port.to_string()]);
    arguments.push(format!("{}@{}", hop.user, hop.host));
    arguments
}

/// Options for the hop at `index`; the hops before it are a proxy command.
pub(crate) fn options(target: &Target, config: &Config, index: usize) -> Vec<String> {
    let hop = &target.hops[index];
    let mut options: Vec<String> = match (target.host_keys, &target.known_hosts) {
        (HostKeys::Any, _) | (_, None) => vec![
            "UserKnownHostsFile=/dev/null".into(),
            "StrictHostKeyChecking=no".into(),
        ],
        (checked, Some(file)) => vec![
            format!("UserKnownHostsFile=\"{}\"", shown(file)),
            match checked {
                HostKeys::AcceptNew => "StrictHostKeyChecking=accept-new".into(),
                _ => "StrictHostKeyChecking=yes".into(),
            },
        ],
    };
    if hop.credentials.named {
        options.push("IdentitiesOnly=yes".into());
    }
    options.push("LogLevel=ERROR".into());
    if let Some(forward) = config.forward_agent {
        let word = if forward { "yes" } else { "no" };
        options.push(format!("ForwardAgent={word}"));
    }
    if let Some(proxy) = proxy_command(target, config, index) {
        options.push(format!("ProxyCommand={proxy}"));
    }
    let mut arguments: Vec<String> = options
        .into_iter()
        .flat_map(|option| ["-o".into(), option])
        .collect();
    if hop.credentials.named {
        for key in &hop.credentials.keys {
            arguments.extend(["-i".into(), shown(key)]);
        }
    }
    arguments
}

fn proxy_command(target: &Target, config: &Config, index: usize) -> Option<String> {
    if index > 0 {
        let before = arguments(target, config, index - 1);
        let hop = &target.hops[index];
        let host = match hop.host.contains(':') {
            true => format!("[{}]", hop.host),
            false => hop.host.clone(),
        };
        let mut words = vec![
            "ssh".to_owned(),
            "-W".into(),
            format!("{host}:{}", hop.port),
        ];
        words.extend(before);
        let words: Vec<String> = words.iter().map(|word| quote(word)).collect();
        // ssh expands percent signs once for each command around it.
        return Some(words.join(" ").replace('%', "%%"));
    }
    match target.proxy.as_ref()? {
        Proxy::Command(command) => Some(command.replace('%', "%%")),
        // The tool that speaks HTTP; ssh itself does not.
        Proxy::Http { host, port, .. } => Some(format!("nc -X connect -x {host}:{port} %h %p")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::{Credentials, Hop};

    fn hop(host: &str, key: Option<&str>) -> Hop {
        Hop {
            host: host.into(),
            port: 2222,
            user: "me".into(),
            credentials: Credentials {
                keys: key.into_iter().map(Into::into).collect(),
                named: key.is_some(),
                passphrase: None,
                password: None,
                agent: None,
            },
        }
    }

    fn line(hops: Vec<Hop>, host_keys: HostKeys) -> String {
        let config = Config::default();
        let second = std::time::Duration::from_secs(1);
        let target = Target {
            hops,
            proxy: None,
            host_keys,
            known_hosts: Some("/home/me/known".into()),
            compression: false,
            keepalive: None,
            keepalive_max: 3,
            sessions: 9,
            timeout: second,
            retries: 1,
            retry_sleep: second,
            ready_within: second,
            authenticated_within: second,
            sudo_password: None,
        };
        arguments(&target, &config, target.hops.len() - 1).join(" ")
    }

    #[test]
    fn the_line_is_test_kitchens() {
        assert_eq!(
            line(vec![hop("web", Some("/key"))], HostKeys::Any),
            "-o UserKnownHostsFile=/dev/null -o StrictHostKeyChecking=no -o IdentitiesOnly=yes \
             -o LogLevel=ERROR -i /key -p 2222 me@web"
        );
    }

    #[test]
    fn strict_is_strict() {
        let line = line(vec![hop("web", None)], HostKeys::Known);
        assert!(line.contains("StrictHostKeyChecking=yes"), "{line}");
        assert!(!line.contains("IdentitiesOnly"), "{line}");
    }

    #[test]
    fn a_jump_is_a_proxy_command() {
        let line = line(vec![hop("gw", None), hop("web", None)], HostKeys::Any);
        assert!(
            line.contains("ProxyCommand='ssh' '-W' 'web:2222'"),
            "{line}"
        );
        assert!(line.ends_with("me@web"), "{line}");
    }
}
