//! The generated inventory: every member of the cluster, in groups by suite and by role.

use std::collections::{BTreeMap, BTreeSet};

use banquet_sdk::{Context, Peer, Target};
use serde_json::{Map, Value, json};

/// A host of the inventory.
#[derive(Debug, Default)]
pub struct Host {
    /// What it is called.
    pub name: String,
    /// Its variables.
    pub variables: Map<String, Value>,
    /// The groups that it is in.
    pub groups: Vec<String>,
}

/// What every play may know of the cluster: `kitchen_peers`, a map by suite.
pub fn peers_variable(cx: &Context) -> Value {
    Value::Object(cx.peers.by_suite())
}

/// The instance, then its peers. The instance is called `own`, each peer by its instance's name;
/// variables of connections come from `connection`.
pub fn hosts(
    cx: &Context,
    own: &str,
    groups: &[String],
    connection: &dyn Fn(&Context, &str) -> Map<String, Value>,
) -> Vec<Host> {
    let suite = cx.identity.suite.as_str();
    let alone = Peer {
        suite: suite.into(),
        instance: cx.identity.instance.clone(),
        platform: cx.identity.platform.clone(),
        driver: cx.plugins.driver.clone(),
        ..Peer::default()
    };
    let me = cx.peers.suite(suite).unwrap_or(&alone);
    let others = cx.peers.0.iter().filter(|peer| peer.suite != suite);
    let mut hosts: Vec<Host> = std::iter::once(me)
        .chain(others)
        .map(|peer| host(peer, connection(cx, &peer.suite)))
        .collect();
    hosts[0].name = own.into();
    hosts[0].groups.extend(groups.iter().cloned());
    hosts
}

fn host(peer: &Peer, connection: Map<String, Value>) -> Host {
    let mut variables = Map::new();
    if let Some(address) = &peer.address {
        variables.insert("ansible_host".into(), json!(address));
        variables.insert("kitchen_address".into(), json!(address));
    }
    if let Some(hostname) = &peer.hostname {
        variables.insert("kitchen_hostname".into(), json!(hostname));
    }
    variables.insert("kitchen_instance".into(), json!(peer.instance));
    variables.insert("kitchen_suite".into(), json!(peer.suite));
    variables.insert("kitchen_platform".into(), json!(peer.platform));
    variables.insert("kitchen_driver".into(), json!(peer.driver));
    variables.insert("kitchen_roles".into(), json!(peer.roles));
    variables.extend(connection);
    let roles = peer.roles.iter().cloned();
    Host {
        name: peer.instance.clone(),
        variables,
        groups: std::iter::once(peer.suite.clone()).chain(roles).collect(),
    }
}

/// Variables with which Ansible reaches the member of suite `suite` from the workstation.
pub fn connection(cx: &Context, suite: &str) -> Map<String, Value> {
    let variables = match cx.targets.get(suite) {
        Some(Target::Ssh(ssh)) => {
            let mut variables = json!({
                "ansible_connection": "ssh",
                "ansible_host": ssh.hostname,
                "ansible_port": ssh.port,
                "ansible_user": ssh.username,
                "ansible_ssh_common_args": shell_words::join(&ssh.options),
            });
            // With a password Ansible wants sshpass, even where a key would do.
            let keyed = ssh.options.iter().any(|word| word == "-i");
            if let Some(password) = ssh.password.as_ref().filter(|_| !keyed) {
                variables["ansible_password"] = json!(password);
            }
            if let Some(password) = ssh.sudo_password.as_ref().or(ssh.password.as_ref()) {
                variables["ansible_become_password"] = json!(password);
            }
            variables
        }
        Some(Target::Container(container)) => {
            let mut variables = json!({
                "ansible_connection": "community.docker.docker",
                "ansible_host": container.id,
                "ansible_docker_docker_host": container.engine,
            });
            if let Some(user) = &container.user {
                variables["ansible_user"] = json!(user);
            }
            variables
        }
        Some(Target::Local) => json!({"ansible_connection": "local"}),
        Some(Target::Other) | None => json!({}),
    };
    match variables {
        Value::Object(variables) => variables,
        _ => Map::new(),
    }
}

/// The inventory as Ansible's YAML plugin reads it; JSON is YAML.
pub fn render(hosts: &[Host], more: &BTreeMap<String, Vec<String>>) -> String {
    let names: BTreeSet<&str> = hosts.iter().map(|host| host.name.as_str()).collect();
    let mut groups: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    let members = hosts
        .iter()
        .flat_map(|host| host.groups.iter().map(|group| (group, host.name.as_str())));
    let more = more
        .iter()
        .flat_map(|(group, hosts)| hosts.iter().map(move |host| (group, host.as_str())));
    for (group, host) in members.chain(more) {
        let group = group_name(group);
        // Ansible confuses a group with a host of its name, and has these two itself.
        if !names.contains(group.as_str()) && !["all", "ungrouped"].contains(&group.as_str()) {
            groups
                .entry(group)
                .or_default()
                .insert(host.into(), json!({}));
        }
    }
    let all: Map<String, Value> = hosts
        .iter()
        .map(|host| (host.name.clone(), json!(host.variables)))
        .collect();
    let children: Map<String, Value> = groups
        .into_iter()
        .map(|(group, hosts)| (group, json!({"hosts": hosts})))
        .collect();
    let inventory = json!({"all": {"hosts": all, "children": children}});
    format!("{inventory:#}\n")
}

/// A name that Ansible takes without a warning: letters, digits and `_`, no digit first.
fn group_name(name: &str) -> String {
    let name: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect();
    match name.starts_with(|c: char| c.is_ascii_digit()) {
        true => format!("_{name}"),
        false => name,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use banquet_sdk::{Identity, Peers, Section, SshTarget};

    use super::*;

    fn cluster() -> Context {
        let identity = Identity {
            project: "p".into(),
            cluster: Some("app-debian-12".into()),
            instance: "web-1-debian-12".into(),
            suite: "web-1".into(),
            platform: "debian-12".into(),
            run: "r".into(),
        };
        let mut cx = Context::for_tests(identity, "/".into(), Section::default());
        let peer = |suite: &str, address: &str, roles: &[&str]| Peer {
            suite: suite.into(),
            instance: format!("{suite}-debian-12"),
            platform: "debian-12".into(),
            address: Some(address.into()),
            roles: roles.iter().map(|role| role.to_string()).collect(),
            ..Peer::default()
        };
        cx.peers = Arc::new(Peers(vec![
            peer("db", "10.0.0.2", &["store"]),
            peer("web-1", "10.0.0.3", &["front"]),
        ]));
        let target = |host: &str, key: bool| {
            let mut options: Vec<String> = vec!["-o".into(), "ProxyCommand=ssh -W %h:%p gw".into()];
            if key {
                options.extend(["-i".into(), "/key".into()]);
            }
            Target::Ssh(Box::new(SshTarget {
                hostname: host.into(),
                port: 2222,
                username: "kitchen".into(),
                password: Some("hush".into()),
                options,
                ..SshTarget::default()
            }))
        };
        let targets = [
            ("db".to_string(), target("10.0.0.2", true)),
            ("web-1".to_string(), target("10.0.0.3", false)),
        ];
        cx.targets = Arc::new(targets.into());
        cx
    }

    #[test]
    fn members_are_in_groups_by_suite_and_role() {
        let cx = cluster();
        let extra = vec!["servers".to_string(), "localhost".to_string()];
        let hosts = hosts(&cx, "localhost", &extra, &|_, _| Map::new());
        let inventory: Value = serde_json::from_str(&render(&hosts, &BTreeMap::new())).unwrap();
        let all = &inventory["all"];
        assert_eq!(all["hosts"]["localhost"]["kitchen_suite"], "web-1");
        assert_eq!(all["hosts"]["db-debian-12"]["ansible_host"], "10.0.0.2");
        let groups = all["children"].as_object().unwrap();
        let names: Vec<&String> = groups.keys().collect();
        assert_eq!(names, ["db", "front", "servers", "store", "web_1"]);
        assert_eq!(groups["store"]["hosts"], json!({"db-debian-12": {}}));
        assert_eq!(groups["web_1"]["hosts"], json!({"localhost": {}}));
        assert_eq!(peers_variable(&cx)["db"]["address"], "10.0.0.2");
    }

    #[test]
    fn the_workstation_goes_the_transports_way() {
        let cx = cluster();
        let own = connection(&cx, "web-1");
        assert_eq!(own["ansible_port"], 2222);
        assert_eq!(own["ansible_password"], "hush");
        let want = "-o 'ProxyCommand=ssh -W %h:%p gw'";
        assert_eq!(own["ansible_ssh_common_args"], want);
        let peer = connection(&cx, "db");
        assert!(!peer.contains_key("ansible_password"), "it has a key");
        assert_eq!(peer["ansible_become_password"], "hush");
        assert!(connection(&cx, "elsewhere").is_empty());
    }

    #[test]
    fn a_machine_without_a_cluster_is_alone() {
        let mut cx = cluster();
        cx.peers = Arc::default();
        let hosts = hosts(&cx, "localhost", &[], &|_, _| Map::new());
        assert_eq!(hosts.len(), 1);
        assert_eq!(hosts[0].groups, ["web-1"]);
        assert_eq!(peers_variable(&cx), json!({}));
    }
}
