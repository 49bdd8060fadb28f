//! `vagrant ssh-config` and `winrm-config`: where machines can be reached.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::record::Login;

/// What the text of `vagrant ssh-config` says, by name of machine, as keys of the state
/// (kitchen-vagrant, `update_state`).
pub fn parse(text: &str) -> BTreeMap<String, Login> {
    let mut all: BTreeMap<String, Login> = BTreeMap::new();
    let mut host = String::new();
    for line in text.lines() {
        let Some((key, value)) = line.trim().split_once(' ') else {
            continue;
        };
        let value = value.trim().trim_matches('"');
        if key == "Host" {
            value.clone_into(&mut host);
            all.entry(host.clone()).or_default();
        } else if let Some(login) = all.get_mut(&host) {
            add(login, key, value);
        }
    }
    all
}

fn add(login: &mut Login, key: &str, value: &str) {
    let number = || value.parse::<u64>().map_or(json!(value), Value::from);
    match key {
        // What is published on every address is reached on the workstation's own.
        "HostName" if value == "0.0.0.0" => login.insert("hostname".into(), json!("127.0.0.1")),
        "HostName" => login.insert("hostname".into(), json!(value)),
        "Port" => login.insert("port".into(), number()),
        "User" => login.insert("username".into(), json!(value)),
        "Password" => login.insert("password".into(), json!(value)),
        "ProxyCommand" => login.insert("proxy_command".into(), json!(value)),
        "RDPPort" => login.insert("rdp_port".into(), number()),
        "IdentityFile" => {
            // Newer Vagrants know more than one key of theirs.
            let key = match login.get("ssh_key") {
                None => json!(value),
                Some(Value::Array(keys)) => [keys.as_slice(), &[json!(value)]].concat().into(),
                Some(one) => json!([one, value]),
            };
            login.insert("ssh_key".into(), key)
        }
        _ => None,
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machines_and_their_keys() {
        let text = "Host db\n  HostName 127.0.0.1\n  User vagrant\n  Port 2222\n  \
            IdentityFile \"/home/a b/key\"\n  IdentitiesOnly yes\n\nHost web\n  HostName 0.0.0.0\n  \
            IdentityFile /one\n  IdentityFile /two\n  IdentityFile /three\n  ProxyCommand nc %h %p\n";
        let all = parse(text);
        let db = json!({"hostname": "127.0.0.1", "username": "vagrant", "port": 2222, "ssh_key": "/home/a b/key"});
        assert_eq!(json!(all["db"]), db);
        let web = json!({"hostname": "127.0.0.1", "ssh_key": ["/one", "/two", "/three"], "proxy_command": "nc %h %p"});
        assert_eq!(json!(all["web"]), web);
        assert!(parse("==> nothing of this is known").is_empty());
    }
}
