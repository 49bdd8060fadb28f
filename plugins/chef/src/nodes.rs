//! The members of a cluster as node objects, so that a recipe's `search` finds them: a file for
//! each below the cluster's directory, at first what is known before a converge, then what the
//! member's own run reported.

use std::path::{Path, PathBuf};

use banquet_sdk::{Connection, Context, Error, Peer, Result, State};
use serde_json::{Map, Value, json};

use crate::config_rb::node_name;
use crate::cookbooks::Source;
use crate::flavour::{Flavour, Kind};
use crate::sandbox::policy_name;
use crate::settings::Settings;

/// State key: the run id under which the member's node was reported.
const REPORTED: &str = "chef_node_reported";

/// A node object.
pub struct Node {
    /// Its name.
    pub name: String,
    /// The whole of it.
    pub json: Value,
}

/// The file of a member's node; none outside of a cluster.
fn place(cx: &Context, instance: &str) -> Option<PathBuf> {
    let directory = cx.cluster_dir()?.join("chef-nodes");
    Some(directory.join(format!("{instance}.json")))
}

/// Writes what is known of the member before it converges, unless it has reported already.
pub fn introduce(cx: &Context, flavour: &Flavour, state: &State) -> Result<()> {
    let Some(path) = place(cx, &cx.identity.instance) else {
        return Ok(());
    };
    if flavour.kind == Kind::Apply || state.get(REPORTED).is_some() && path.is_file() {
        return Ok(());
    }
    let settings = Settings::of(cx)?;
    let own = flavour.config_file(&settings).map(|(_, own)| own.clone());
    let own = own.unwrap_or_default();
    let name = node_name(&own, &cx.identity.instance);
    let mut node = Map::new();
    node.insert("name".into(), json!(name));
    let environment = own.get("environment").and_then(Value::as_str);
    node.insert(
        "chef_environment".into(),
        json!(environment.unwrap_or("_default")),
    );
    // Before the first resolution there may be no lock; the run reports the policy. What is wrong with
    // the Policyfile is the converge's to say.
    let policy = Source::of(cx, &settings, flavour).and_then(|source| policy_name(&source));
    if let Ok(Some(policy)) = policy {
        let group = settings.policy_group.as_ref();
        node.insert("policy_name".into(), json!(policy));
        node.insert(
            "policy_group".into(),
            json!(group.map_or("local", |it| &it.0)),
        );
    }
    node.insert("normal".into(), Value::Object(settings.attributes.clone()));
    let peer = cx.peers.suite(&cx.identity.suite).cloned();
    node.insert("automatic".into(), automatic(&peer.unwrap_or_default()));
    node.insert("run_list".into(), json!(settings.run_list()));
    write(&path, &Value::Object(node))
}

/// What Ohai would say, as far as it is known from outside.
fn automatic(peer: &Peer) -> Value {
    let mut all = Map::new();
    let mut set = |key: &str, value: Value| drop(all.insert(key.into(), value));
    let host = peer.hostname.as_deref().unwrap_or(&peer.instance);
    set("fqdn", json!(host));
    set("hostname", json!(host.split('.').next().unwrap_or(host)));
    if let Some(address) = &peer.address {
        set("ipaddress", json!(address));
    }
    let (platform, version) = platform(&peer.platform);
    set("platform", json!(platform));
    if let Some(version) = version {
        set("platform_version", json!(version));
    }
    set("roles", json!(peer.roles));
    Value::Object(all)
}

/// `ubuntu-22.04` is platform `ubuntu`, version `22.04`.
fn platform(name: &str) -> (&str, Option<&str>) {
    match name.rsplit_once('-') {
        Some((platform, version)) if version.starts_with(|c: char| c.is_ascii_digit()) => {
            (platform, Some(version))
        }
        _ => (name, None),
    }
}

/// The nodes of the living members, this one left out, each at the address at which its peers reach
/// it.
pub fn of_peers(cx: &Context) -> Result<Vec<Node>> {
    let mut nodes = Vec::new();
    for peer in cx
        .peers
        .0
        .iter()
        .filter(|peer| peer.instance != cx.identity.instance)
    {
        let Some(mut json) = place(cx, &peer.instance)
            .map(|path| read(&path))
            .transpose()?
            .flatten()
        else {
            continue;
        };
        if let (Some(address), Some(automatic)) = (&peer.address, object(&mut json, "automatic")) {
            automatic.insert("ipaddress".into(), json!(address));
        }
        let name = json.get("name").and_then(Value::as_str);
        let name = name.unwrap_or(&peer.instance).to_owned();
        nodes.push(Node { name, json });
    }
    Ok(nodes)
}

/// Names of nodes of members that live no more.
pub fn of_the_dead(cx: &Context) -> Result<Vec<String>> {
    // Without peers it is no cluster that works, but the member alone.
    if cx.peers.0.is_empty() {
        return Ok(Vec::new());
    }
    let Some(directory) = place(cx, "").and_then(|path| Some(path.parent()?.to_path_buf())) else {
        return Ok(Vec::new());
    };
    let mut names = Vec::new();
    let Ok(entries) = std::fs::read_dir(&directory) else {
        return Ok(names);
    };
    for entry in entries {
        let path = entry?.path();
        let instance = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let lives = cx.peers.0.iter().any(|peer| peer.instance == instance);
        if !lives
            && path
                .extension()
                .is_some_and(|extension| extension == "json")
        {
            let node = read(&path)?.unwrap_or_default();
            let name = node
                .get("name")
                .and_then(Value::as_str)
                .unwrap_or(&instance);
            names.push(name.to_owned());
        }
    }
    Ok(names)
}

fn object<'a>(json: &'a mut Value, key: &str) -> Option<&'a mut Map<String, Value>> {
    let map = json.as_object_mut()?;
    map.entry(key).or_insert_with(|| json!({})).as_object_mut()
}

/// Fetches the node that the run wrote to `remote` on the instance.
pub async fn report(
    cx: &Context,
    connection: &dyn Connection,
    state: &mut State,
    remote: &str,
) -> Result<()> {
    let Some(path) = place(cx, &cx.identity.instance) else {
        return Ok(());
    };
    let arrival = cx.scratch()?;
    connection.download(&[remote], arrival.path()).await?;
    let name = Path::new(remote).file_name().unwrap_or_default();
    let json = read(&arrival.path().join(name))?
        .ok_or_else(|| Error::machine(format!("fetch {remote}: it did not arrive")))?;
    write(&path, &json)?;
    state.set(REPORTED, cx.identity.run.as_str());
    state.checkpoint()
}

fn read(path: &Path) -> Result<Option<Value>> {
    let failed = |error: String| Error::machine(format!("read {}: {error}", path.display()));
    match std::fs::read(path) {
        Ok(text) => serde_json::from_slice(&text)
            .map(Some)
            .map_err(|error| failed(error.to_string())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(error.to_string())),
    }
}

/// Whole or not at all: other members read it meanwhile.
fn write(path: &Path, json: &Value) -> Result<()> {
    let text = serde_json::to_vec_pretty(json).map_err(std::io::Error::from)?;
    Ok(banquet_sdk::private::replace(path, &text)?)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use banquet_sdk::conformance::settings;
    use banquet_sdk::{Identity, Peers};

    use super::*;
    use crate::flavour::ALL;

    fn cx(root: &Path, suite: &str, values: Value) -> Context {
        let identity = Identity {
            project: "p".into(),
            cluster: Some("app-debian-12".into()),
            instance: format!("{suite}-debian-12"),
            suite: suite.into(),
            platform: "debian-12".into(),
            run: "run".into(),
        };
        let mut cx = Context::for_tests(identity, root.into(), settings(values));
        let peer = |suite: &str, address: &str| Peer {
            suite: suite.into(),
            instance: format!("{suite}-debian-12"),
            platform: "debian-12".into(),
            address: Some(address.into()),
            hostname: Some(format!("{suite}.test")),
            roles: vec!["store".into()],
            ..Peer::default()
        };
        cx.peers = Arc::new(Peers(vec![peer("db", "10.0.0.2"), peer("web", "10.0.0.3")]));
        cx
    }

    #[test]
    fn a_member_is_known_to_its_peers_before_it_converges() {
        let root = tempfile::tempdir().unwrap();
        let db = cx(
            root.path(),
            "db",
            json!({"run_list": ["role[store]"], "attributes": {"port": 5432},
                   "client_rb": {"environment": "test"}}),
        );
        introduce(&db, &ALL[0], &State::in_memory()).unwrap();
        assert!(
            of_peers(&db).unwrap().is_empty(),
            "nobody else has been made"
        );
        let nodes = of_peers(&cx(root.path(), "web", json!({}))).unwrap();
        assert_eq!(nodes.len(), 1);
        assert_eq!(nodes[0].name, "db-debian-12");
        assert_eq!(
            nodes[0].json,
            json!({
                "name": "db-debian-12", "chef_environment": "test", "normal": {"port": 5432},
                "automatic": {
                    "fqdn": "db.test", "hostname": "db", "ipaddress": "10.0.0.2",
                    "platform": "debian", "platform_version": "12", "roles": ["store"]
                },
                "run_list": ["role[store]"],
            })
        );
    }

    #[test]
    fn a_policy_is_told_once_its_lock_says_its_name() {
        let root = tempfile::tempdir().unwrap();
        let web = cx(root.path(), "web", json!({}));
        let policy = |values: Value| {
            introduce(&cx(root.path(), "db", values), &ALL[0], &State::in_memory()).unwrap();
            let json = of_peers(&web).unwrap().remove(0).json;
            json.get("policy_name").cloned()
        };
        assert_eq!(policy(json!({"policyfile_path": "missing.rb"})), None);
        std::fs::write(root.path().join("Policyfile.rb"), "").unwrap();
        assert_eq!(policy(json!({})), None);
        std::fs::write(
            root.path().join("Policyfile.lock.json"),
            r#"{"name": "shop"}"#,
        )
        .unwrap();
        assert_eq!(policy(json!({})), Some(json!("shop")));
    }

    #[test]
    fn what_was_reported_stays_until_the_member_is_made_anew() {
        let root = tempfile::tempdir().unwrap();
        let db = cx(root.path(), "db", json!({}));
        let file = place(&db, "db-debian-12").unwrap();
        write(
            &file,
            &json!({"name": "db.own", "automatic": {"ipaddress": "10.0.2.15"}}),
        )
        .unwrap();
        let mut state = State::in_memory();
        state.set(REPORTED, "run");
        introduce(&db, &ALL[0], &state).unwrap();
        let web = cx(root.path(), "web", json!({}));
        let nodes = of_peers(&web).unwrap();
        assert_eq!(nodes[0].name, "db.own");
        assert_eq!(
            nodes[0].json["automatic"]["ipaddress"], "10.0.0.2",
            "the address at which peers reach it"
        );
        introduce(&db, &ALL[0], &State::in_memory()).unwrap();
        assert_eq!(of_peers(&web).unwrap()[0].name, "db-debian-12");
    }

    #[test]
    fn the_dead_are_told_apart() {
        let root = tempfile::tempdir().unwrap();
        let mut web = cx(root.path(), "web", json!({}));
        introduce(
            &cx(root.path(), "db", json!({})),
            &ALL[0],
            &State::in_memory(),
        )
        .unwrap();
        assert!(of_the_dead(&web).unwrap().is_empty());
        Arc::make_mut(&mut web.peers).0.remove(0);
        assert_eq!(of_the_dead(&web).unwrap(), ["db-debian-12"]);
        assert!(of_peers(&web).unwrap().is_empty());
    }

    #[test]
    fn platforms_are_cut_at_their_version() {
        assert_eq!(platform("ubuntu-22.04"), ("ubuntu", Some("22.04")));
        assert_eq!(platform("centos-stream-9"), ("centos-stream", Some("9")));
        assert_eq!(platform("host"), ("host", None));
    }
}
