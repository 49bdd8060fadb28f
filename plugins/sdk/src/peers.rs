//! What every member of a cluster may know of the others.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// Longest list of peers that goes into a variable, in bytes: Linux refuses to start a process
/// with one of 128 KiB.
const LONGEST_VARIABLE: usize = 100 * 1024;

/// One member of a cluster. All of it is known after creation; during `gossip` the address is
/// known only where the driver chose it beforehand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peer {
    /// Name of the suite (`web1`).
    pub suite: String,
    /// Name of the instance (`web1-centos-7`).
    pub instance: String,
    /// Name of the platform (`centos-7`).
    pub platform: String,
    /// Name of the driver.
    pub driver: String,
    /// Address under which the other members reach it.
    pub address: Option<String>,
    /// Host name, as the member itself reports or was given.
    pub hostname: Option<String>,
    /// Roles of the suite.
    #[serde(default)]
    pub roles: Vec<String>,
}

impl Peer {
    /// Every name by which others may call this member, without repetition. `localhost` is
    /// everybody's own name.
    pub fn names(&self) -> Vec<&str> {
        let mut names = vec![self.suite.as_str()];
        for name in [Some(self.instance.as_str()), self.hostname.as_deref()]
            .into_iter()
            .flatten()
        {
            if !names.contains(&name) && name != "localhost" && !name.starts_with("localhost.") {
                names.push(name);
            }
        }
        names
    }
}

/// The living members of a cluster, by suite, in the order of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Peers(pub Vec<Peer>);

impl Peers {
    /// The member of suite `suite`.
    pub fn suite(&self, suite: &str) -> Option<&Peer> {
        self.0.iter().find(|peer| peer.suite == suite)
    }

    /// All that is known of each, by suite: the form in which tools of configuration are told.
    pub fn by_suite(&self) -> Map<String, Value> {
        let peers = self.0.iter();
        peers
            .map(|peer| (peer.suite.clone(), json!(peer)))
            .collect()
    }

    /// Variables for the user's processes: `KITCHEN_PEERS` (JSON list, left out where it is
    /// too long for a variable) and `KITCHEN_<SUITE>_ADDRESS`, every character that is no letter or digit as `_`.
    pub fn environment(&self) -> BTreeMap<String, String> {
        let mut environment = BTreeMap::new();
        if self.0.is_empty() {
            return environment;
        }
        let list = serde_json::json!(self.0).to_string();
        if list.len() <= LONGEST_VARIABLE {
            environment.insert("KITCHEN_PEERS".into(), list);
        }
        for peer in &self.0 {
            if let Some(address) = &peer.address {
                let suite: String = peer
                    .suite
                    .chars()
                    .map(|c| {
                        if c.is_ascii_alphanumeric() {
                            c.to_ascii_uppercase()
                        } else {
                            '_'
                        }
                    })
                    .collect();
                environment.insert(format!("KITCHEN_{suite}_ADDRESS"), address.clone());
            }
        }
        environment
    }
}
