//! What the members of a cluster share: a keeper and the addresses, in a file that is locked while
//! it is read and changed. A plain instance is a group of its own.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Seek, Write};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use banquet_sdk::{Context, Error, Result};
use serde::{Deserialize, Serialize};

use super::client::Helper;
use super::{names, processes};
use crate::Internet;
use crate::internet::Permits;
use crate::labels::Labels;
use crate::wire::{Answer, Request, Target};

/// Length of the prefix of every group's network.
pub const PREFIX: u8 = 16;

/// The keeper of a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keeper {
    /// Its random name.
    pub id: String,
    /// The process.
    pub target: Target,
}

impl Keeper {
    /// Whether it lives.
    pub fn lives(&self) -> bool {
        self.target.process.open_labelled(&self.id).is_some()
    }
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Record {
    /// First two numbers of the network.
    network: Option<[u8; 2]>,
    keeper: Option<Keeper>,
    /// The process that is the way out.
    gate: Option<Keeper>,
    /// Last two numbers of each member's address, by instance.
    members: BTreeMap<String, u16>,
}

/// The file of a group, locked until it is dropped.
pub struct Group {
    file: File,
    record: Record,
}

impl Group {
    fn path(cx: &Context) -> PathBuf {
        let name = cx.identity.group().replace('/', "_");
        cx.kitchen_dir.join("work").join(format!("{name}.lock"))
    }

    /// The file of what members may reach beyond the group's network. The gate has another working
    /// directory: the path is absolute.
    fn permits(cx: &Context) -> PathBuf {
        let path = Self::path(cx).with_extension("permits");
        std::path::absolute(&path).unwrap_or(path)
    }

    /// Waits for the lock and reads the file.
    pub async fn lock(cx: &Context) -> Result<Self> {
        let path = Self::path(cx);
        let opening = tokio::task::spawn_blocking(move || {
            if let Some(directory) = path.parent() {
                banquet_sdk::private::directory(directory)?;
            }
            let mut file = banquet_sdk::private::options()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(&path)?;
            file.lock()?;
            let mut text = String::new();
            file.read_to_string(&mut text)?;
            // A file that a crash cut off knows nothing; what it knew is found by labels.
            let record = serde_json::from_str(&text).unwrap_or_default();
            Ok(Self { file, record })
        });
        let waiting = async {
            let opened: std::io::Result<Self> = opening.await.map_err(std::io::Error::other)?;
            opened.map_err(|error| {
                let path = Self::path(cx);
                Error::machine(format!("lock {}: {error}", path.display()))
            })
        };
        cx.bounded("waiting for the cluster's lock", waiting).await
    }

    fn save(&mut self) -> Result<()> {
        let text = serde_json::to_string(&self.record).map_err(std::io::Error::from)?;
        self.file.rewind()?;
        self.file.set_len(0)?;
        self.file.write_all(text.as_bytes())?;
        Ok(())
    }

    /// Address of the bridge.
    pub fn gateway(&mut self) -> Result<Ipv4Addr> {
        if self.record.network.is_none() {
            let routes = fs::read_to_string("/proc/net/route").unwrap_or_default();
            self.record.network = Some(free_network(&routes));
            self.save()?;
        }
        Ok(self.address(1))
    }

    fn address(&self, member: u16) -> Ipv4Addr {
        let [a, b] = self.record.network.unwrap_or(NETWORKS[0]);
        let [c, d] = member.to_be_bytes();
        Ipv4Addr::new(a, b, c, d)
    }

    /// Address of the member `instance`: the same for as long as the group exists.
    pub fn member(&mut self, instance: &str) -> Result<Ipv4Addr> {
        self.gateway()?;
        if let Some(number) = self.record.members.get(instance) {
            return Ok(self.address(*number));
        }
        let number = free_number(&self.record.members)
            .ok_or_else(|| Error::machine("the cluster's network is full"))?;
        self.record.members.insert(instance.to_owned(), number);
        self.save()?;
        Ok(self.address(number))
    }

    /// The keeper; made where there is none that lives.
    pub async fn keeper(&mut self, cx: &Context, helper: &Helper) -> Result<Keeper> {
        if let Some(keeper) = self.record.keeper.as_ref().filter(|keeper| keeper.lives()) {
            return Ok(keeper.clone());
        }
        // One that is not in the file was never used: its maker was killed before it could be.
        processes::kill_all(cx, |labels| {
            labels.verb == "keep" && is_of_group(cx, labels)
        })
        .await?;
        let id = new_id();
        let request = Request::Keep {
            gateway: self.gateway()?,
            prefix: PREFIX,
        };
        let labels = Labels::of_group("keep", &cx.identity, &id);
        let target = helper.ask(&labels, &request, false).await?.ready().await?;
        let keeper = Keeper { id, target };
        self.record.keeper = Some(keeper.clone());
        self.save()?;
        Ok(keeper)
    }

    /// Notes for the gate what the member at `address` may reach; the gate reads it anew at every
    /// connection.
    pub fn permit(&mut self, cx: &Context, address: Ipv4Addr, internet: &Internet) -> Result<()> {
        let path = Self::permits(cx);
        let known = fs::read_to_string(&path).unwrap_or_default();
        let mut permits: Permits = serde_json::from_str(&known).unwrap_or_default();
        match internet {
            Internet::On(allow) => permits.insert(address, allow.clone()),
            Internet::Off => permits.remove(&address),
        };
        if permits.is_empty() {
            return remove(&path);
        }
        let text = serde_json::to_string(&permits).map_err(std::io::Error::from)?;
        if text == known {
            return Ok(());
        }
        Ok(banquet_sdk::private::replace(&path, text.as_bytes())?)
    }

    /// Opens the way out of the group of `keeper`, unless it is open.
    pub async fn open_gate(
        &mut self,
        cx: &Context,
        helper: &Helper,
        keeper: &Keeper,
    ) -> Result<()> {
        if self.record.gate.as_ref().is_some_and(Keeper::lives) {
            return Ok(());
        }
        processes::kill_all(cx, |labels| {
            labels.verb == "gate" && is_of_group(cx, labels)
        })
        .await?;
        let id = new_id();
        let labels = Labels::of_group("gate", &cx.identity, &id);
        let request = Request::OpenGate {
            keeper: keeper.target,
            gateway: self.gateway()?,
            prefix: PREFIX,
            name_server: names::server(),
            permits: Self::permits(cx),
        };
        let mut call = helper.ask(&labels, &request, true).await?;
        let Answer::Ready(target) = call.answer().await?.0 else {
            return Err(Error::machine("the gate gave another answer than expected"));
        };
        self.record.gate = Some(Keeper { id, target });
        self.save()
    }

    /// Ends the keeper and all that is left of the group, and removes the file.
    pub async fn dissolve(cx: &Context) -> Result<()> {
        if !Self::path(cx).exists() {
            return processes::kill_all(cx, |labels| is_of_group(cx, labels)).await;
        }
        let group = Self::lock(cx).await?;
        if let Some(keeper) = &group.record.keeper
            && let Some(handle) = keeper.target.process.open_labelled(&keeper.id)
        {
            // With it all namespaces below end, at once.
            processes::kill(cx, keeper.target.process, handle).await?;
        }
        processes::kill_all(cx, |labels| is_of_group(cx, labels)).await?;
        remove(&Self::permits(cx))?;
        remove(&Self::path(cx))
    }
}

/// Removes a file; success where there is none.
fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

fn is_of_group(cx: &Context, labels: &Labels) -> bool {
    match cx.identity.cluster {
        Some(_) => labels.is_of_cluster(&cx.identity),
        None => labels.is_of_instance(&cx.identity),
    }
}

/// A name that nothing else has.
pub fn new_id() -> String {
    format!("{:016x}", rand::random::<u64>())
}

/// Networks to choose from: private, and seldom used.
const NETWORKS: [[u8; 2]; 6] = [
    [10, 77],
    [10, 177],
    [172, 29],
    [10, 211],
    [172, 23],
    [192, 168],
];

/// The first network that the workstation has no way into; `routes` is `/proc/net/route`.
fn free_network(routes: &str) -> [u8; 2] {
    let hex = |text: &str| u32::from_str_radix(text, 16).ok().map(u32::swap_bytes);
    let taken: Vec<(u32, u32)> = routes
        .lines()
        .skip(1)
        .filter_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            Some((hex(fields.get(1)?)?, hex(fields.get(7)?)?))
        })
        .filter(|(_, mask)| *mask != 0)
        .collect();
    let free = |network: &&[u8; 2]| {
        let start = u32::from_be_bytes([network[0], network[1], 0, 0]);
        let own = 0xffff_0000;
        taken
            .iter()
            .all(|(to, mask)| (start & mask & own) != (to & mask & own))
    };
    *NETWORKS.iter().find(free).unwrap_or(&NETWORKS[0])
}

/// The first number above the bridge's that no member has.
fn free_number(members: &BTreeMap<String, u16>) -> Option<u16> {
    (2..u16::MAX).find(|number| !members.values().any(|taken| taken == number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_that_the_workstation_uses_is_avoided() {
        let head = "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT\n";
        assert_eq!(free_network(head), [10, 77]);
        let default = format!("{head}eth0 00000000 010200C0 3 0 0 0 00000000 0 0 0\n");
        assert_eq!(free_network(&default), [10, 77]);
        // 10.0.0.0/8, then also 172.29.5.0/24.
        let wide = format!("{head}tun0 0000000A 00000000 1 0 0 0 000000FF 0 0 0\n");
        assert_eq!(free_network(&wide), [172, 29]);
        let both = format!("{wide}eth1 00051DAC 00000000 1 0 0 0 00FFFFFF 0 0 0\n");
        assert_eq!(free_network(&both), [172, 23]);
    }

    #[test]
    fn numbers_are_given_once() {
        let mut members = BTreeMap::new();
        for (name, number) in [("a", 2), ("b", 3), ("c", 4)] {
            assert_eq!(free_number(&members), Some(number));
            members.insert(name.to_owned(), number);
        }
        members.remove("b");
        assert_eq!(free_number(&members), Some(3));
    }
}
