//! The network of a container, entered from the workstation: where the engine is on this machine
//! and the kitchen is root, a container needs neither tools nor rights of its own for faults of its
//! links.

use std::fs;

use banquet_sdk::{Error, LinkFault, links};
use bollard::models::ContainerInspectResponse;

use crate::endpoint::{Endpoint, Surroundings};
use crate::settings::Settings;

/// Words before a command so that it runs in the container's network; none where this machine does
/// not run it, or the kitchen is not root.
pub fn prefix(
    endpoint: &Endpoint,
    id: &str,
    found: &ContainerInspectResponse,
) -> Option<Vec<String>> {
    if !is_in_reach(endpoint) {
        return None;
    }
    let pid = found.state.as_ref()?.pid.filter(|pid| *pid > 0)?;
    // An engine in a virtual machine has numbers of its own.
    let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    groups.contains(id).then(|| {
        let words = ["nsenter", "--target", &pid.to_string(), "--net", "--"];
        words.map(String::from).to_vec()
    })
}

/// Why links of containers cannot have this fault.
pub fn lacks(settings: &Settings, fault: LinkFault) -> Option<Error> {
    let endpoint = Endpoint::find(settings.socket.as_deref(), &Surroundings::real()).ok()?;
    if is_in_reach(&endpoint) {
        return links::lacks(fault);
    }
    let allowed = |cap: &String| {
        let cap = cap.to_uppercase();
        ["NET_ADMIN", "ALL"].contains(&cap.trim_start_matches("CAP_"))
    };
    if settings.privileged || settings.cap_add.0.iter().any(allowed) {
        return None;
    }
    Some(
        Error::unsupported(
            "the links of a container are out of reach: the kitchen is not root on the engine's \
             machine, and the container may not change its network",
        )
        .hint("Add `cap_add: NET_ADMIN` to the driver, with nftables or iptables in the image.")
        .hint("Or run the kitchen as root beside the engine."),
    )
}

fn is_in_reach(endpoint: &Endpoint) -> bool {
    cfg!(target_os = "linux") && endpoint.host.starts_with("unix://") && is_root()
}

fn is_root() -> bool {
    fs::read_to_string("/proc/self/status").is_ok_and(|status| {
        let line = status.lines().find_map(|line| line.strip_prefix("Uid:"));
        // Real, effective, saved, file system.
        line.and_then(|ids| ids.split_whitespace().nth(1)) == Some("0")
    })
}
