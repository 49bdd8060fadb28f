//! Addresses of the members of a cluster, chosen before anything boots.

use std::collections::BTreeMap;
use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use banquet_sdk::{Context, Error, Identity, Peer, Peers, Result};
use serde::{Deserialize, Serialize};

use crate::labels;
use crate::settings::{ClusterNetwork, Settings};

/// The first member's number in the network; those below are routers' and the workstation's.
const FIRST: u8 = 10;
const LAST: u8 = 250;

/// 256 addresses: `10.1.2.0/24`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Subnet([u8; 3]);

impl Subnet {
    /// Address number `host`.
    pub fn address(self, host: u8) -> Ipv4Addr {
        let [a, b, c] = self.0;
        Ipv4Addr::new(a, b, c, host)
    }

    fn overlaps(self, network: u32, mask: u32) -> bool {
        let both = mask & 0xffff_ff00;
        u32::from(self.address(0)) & both == network & both
    }
}

impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/24", self.address(0))
    }
}

impl From<Subnet> for String {
    fn from(subnet: Subnet) -> Self {
        subnet.to_string()
    }
}

impl FromStr for Subnet {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let address = text.strip_suffix(".0/24").map(|three| format!("{three}.0"));
        let address = address.and_then(|it| it.parse::<Ipv4Addr>().ok());
        let [a, b, c, _] = address
            .ok_or_else(|| format!("{text:?} is no network of the form 10.1.2.0/24"))?
            .octets();
        Ok(Self([a, b, c]))
    }
}

impl TryFrom<String> for Subnet {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// What the members of a cluster share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// Its addresses.
    pub subnet: Subnet,
    /// Its name, where it is made beforehand (provider docker).
    pub name: String,
    /// Whether it was made beforehand, or was about to be.
    pub made: bool,
    /// Whether the subnet may be changed for another: it was chosen, and nobody lives in it.
    pub free: bool,
    /// Members by instance.
    pub hosts: BTreeMap<String, Host>,
}

/// A member's place in the network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// Last part of its address.
    pub number: u8,
    /// What the others call it.
    pub names: Vec<String>,
}

impl Network {
    /// A network for the cluster of `identity`; none where the provider or the section has none.
    pub fn choose(settings: &Settings, identity: &Identity) -> Option<Self> {
        identity.cluster.as_ref()?;
        let subnet = match settings.cluster_network {
            ClusterNetwork::None => return None,
            ClusterNetwork::Given(subnet) => subnet,
            ClusterNetwork::Chosen => {
                let routes = std::fs::read_to_string("/proc/net/route").unwrap_or_default();
                let taken = taken(&routes);
                let mut all = candidates(&settings.provider(), identity);
                let first = *all.first()?;
                let is_free =
                    |it: &Subnet| !taken.iter().any(|(net, mask)| it.overlaps(*net, *mask));
                all.retain(is_free);
                all.first().copied().unwrap_or(first)
            }
        };
        Some(Self {
            subnet,
            name: labels::name(identity.group(), identity),
            made: false,
            free: settings.cluster_network == ClusterNetwork::Chosen,
            hosts: BTreeMap::new(),
        })
    }

    /// The subnets to try, this one first.
    pub fn alternatives(&self, settings: &Settings, identity: &Identity) -> Vec<Subnet> {
        let mut all = vec![self.subnet];
        if self.free {
            let others = candidates(&settings.provider(), identity).into_iter();
            all.extend(others.filter(|it| *it != self.subnet));
        }
        all
    }

    /// Gives every peer a place, in the order of the configuration; who has one keeps it.
    pub fn seat(&mut self, peers: &Peers, cx: &Context, host_name: Option<&str>) -> Result<()> {
        let own = Peer {
            suite: cx.identity.suite.clone(),
            instance: cx.identity.instance.clone(),
            hostname: host_name.map(str::to_owned),
            ..Peer::default()
        };
        let others = peers.0.iter().filter(|peer| peer.instance != own.instance);
        // A member that is known by itself alone is the first.
        let mut all: Vec<&Peer> = others.collect();
        let at = peers
            .0
            .iter()
            .position(|peer| peer.instance == own.instance);
        all.insert(at.unwrap_or(all.len()), &own);
        for peer in all {
            let names = || peer.names().into_iter().map(str::to_owned).collect();
            let number = match self.hosts.get(&peer.instance) {
                Some(host) => host.number,
                None => self.vacant()?,
            };
            let host = self
                .hosts
                .entry(peer.instance.clone())
                .or_insert_with(|| Host {
                    number,
                    names: names(),
                });
            if peer.instance == own.instance {
                host.names = names();
            }
        }
        Ok(())
    }

    fn vacant(&self) -> Result<u8> {
        let taken = |number: &u8| self.hosts.values().any(|host| host.number == *number);
        (FIRST..=LAST).find(|number| !taken(number)).ok_or_else(|| {
            Error::machine(format!(
                "give the machine an address: {} is full",
                self.subnet
            ))
        })
    }

    /// The address of a member.
    pub fn address(&self, instance: &str) -> Option<Ipv4Addr> {
        Some(self.subnet.address(self.hosts.get(instance)?.number))
    }
}

/// Subnets that a provider can use, in an order that differs between clusters and runs. VirtualBox
/// allows no others for networks with the workstation (its manual, "Host-Only Networking").
fn candidates(provider: &str, identity: &Identity) -> Vec<Subnet> {
    let all: Vec<Subnet> = match provider {
        // Vagrant cannot make networks of Hyper-V.
        "hyperv" => Vec::new(),
        "virtualbox" => (56..64).map(|c| Subnet([192, 168, c])).collect(),
        "docker" => (0..=255).map(|c| Subnet([10, 213, c])).collect(),
        _ => (0..=255).map(|c| Subnet([10, 214, c])).collect(),
    };
    let hash = labels::hash(&[&identity.project, identity.group(), &identity.run]);
    let start = usize::from(hash[0]) % all.len().max(1);
    all[start..].iter().chain(&all[..start]).copied().collect()
}

/// Networks that the workstation reaches through anything but a provider's own bridges, which
/// clusters may share: from the text of `/proc/net/route`, little-endian hexadecimal.
fn taken(routes: &str) -> Vec<(u32, u32)> {
    let shared = ["vboxnet", "virbr", "vmnet", "vnic"];
    let number = |text: &str| u32::from_str_radix(text, 16).ok().map(u32::swap_bytes);
    let routes = routes.lines().skip(1).filter_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (name, network, mask) = (words.first()?, words.get(1)?, words.get(7)?);
        let (network, mask) = (number(network)?, number(mask)?);
        (mask != 0 && !shared.iter().any(|it| name.starts_with(it))).then_some((network, mask))
    });
    routes.collect()
}

#[cfg(test)]
mod tests {
    use banquet_sdk::conformance::settings as section;
    use serde_json::json;

    use super::*;
    use crate::machine::tests::{cx, in_cluster};

    fn chosen(values: serde_json::Value) -> Option<Network> {
        let cx = in_cluster(section(values));
        Network::choose(&Settings::of(&cx).unwrap(), &cx.identity)
    }

    #[test]
    fn every_member_has_an_address_before_it_is_there_and_keeps_it() {
        let cx = in_cluster(section(json!({"cluster_network": "10.1.2.0/24"})));
        let mut network = Network::choose(&Settings::of(&cx).unwrap(), &cx.identity).unwrap();
        let peer = |suite: &str| Peer {
            suite: suite.into(),
            instance: format!("{suite}-linux"),
            ..Peer::default()
        };
        network
            .seat(&Peers(vec![peer("db"), peer("web")]), &cx, Some("w.x"))
            .unwrap();
        assert_eq!(
            network.address("db-linux").unwrap().to_string(),
            "10.1.2.10"
        );
        assert_eq!(
            network.address("web-linux").unwrap().to_string(),
            "10.1.2.11"
        );
        assert_eq!(
            network.hosts["web-linux"].names,
            ["web", "web-linux", "w.x"]
        );
        let later = Peers(vec![peer("new"), peer("db"), peer("web")]);
        network.seat(&later, &cx, None).unwrap();
        assert_eq!(
            network.address("db-linux").unwrap().to_string(),
            "10.1.2.10"
        );
        assert_eq!(
            network.address("new-linux").unwrap().to_string(),
            "10.1.2.12"
        );
        assert_eq!(network.address("other"), None);
    }

    #[test]
    fn a_full_network_says_so() {
        let cx = in_cluster(section(json!({"cluster_network": "10.1.2.0/24"})));
        let mut network = Network::choose(&Settings::of(&cx).unwrap(), &cx.identity).unwrap();
        let many = (0..=255).map(|i| Peer {
            instance: format!("i{i}"),
            ..Peer::default()
        });
        let error = network.seat(&Peers(many.collect()), &cx, None).unwrap_err();
        assert!(error.message.contains("10.1.2.0/24 is full"), "{error}");
    }

    #[test]
    fn who_has_a_network_and_where() {
        assert!(chosen(json!({"provider": "hyperv"})).is_none());
        assert!(chosen(json!({"cluster_network": false})).is_none());
        let alone = cx(section(json!({})));
        assert!(Network::choose(&Settings::of(&alone).unwrap(), &alone.identity).is_none());
        let network = chosen(json!({"provider": "virtualbox"})).unwrap();
        assert!(
            network.subnet.to_string().starts_with("192.168."),
            "{network:?}"
        );
    }

    #[test]
    fn runs_begin_with_different_subnets() {
        let mut cx = in_cluster(section(json!({})));
        let starts: std::collections::BTreeSet<String> = (0..20)
            .map(|run| {
                cx.identity.run = run.to_string();
                candidates("docker", &cx.identity)[0].to_string()
            })
            .collect();
        assert!(starts.len() > 5, "{starts:?}");
        assert_eq!(candidates("docker", &cx.identity).len(), 256);
    }

    #[test]
    fn a_given_network_has_no_alternative() {
        let cx = in_cluster(section(json!({"cluster_network": "10.1.2.0/24"})));
        let settings = Settings::of(&cx).unwrap();
        let mut network = Network::choose(&settings, &cx.identity).unwrap();
        assert_eq!(network.alternatives(&settings, &cx.identity).len(), 1);
        network.free = true;
        assert!(network.alternatives(&settings, &cx.identity).len() > 1);
    }

    #[test]
    fn routes_of_others_are_taken() {
        let routes = "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT\n\
            eth0 00000000 0100A8C0 0003 0 0 0 00000000 0 0 0\n\
            eth0 0000A8C0 00000000 0001 0 0 0 0000FFFF 0 0 0\n\
            vboxnet0 0038A8C0 00000000 0001 0 0 0 00FFFFFF 0 0 0\n";
        let taken = taken(routes);
        assert_eq!(taken, [(0xc0a8_0000, 0xffff_0000)]);
        let overlaps = |text: &str| {
            text.parse::<Subnet>()
                .unwrap()
                .overlaps(taken[0].0, taken[0].1)
        };
        assert!(overlaps("192.168.56.0/24"));
        assert!(!overlaps("10.213.0.0/24"));
    }
}
