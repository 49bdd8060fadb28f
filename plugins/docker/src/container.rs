//! The container of an instance: what is asked of the engine, and what it answers.

use std::collections::HashMap;

use banquet_sdk::{Identity, Status};
use bollard::models::{
    ContainerCreateBody, ContainerInspectResponse, ContainerStateStatusEnum, DeviceMapping,
    EndpointSettings, HostConfig, HostConfigCgroupnsModeEnum, NetworkingConfig,
};

use crate::endpoint::Endpoint;
use crate::labels;
use crate::settings::Settings;
use crate::values;

/// Keeps a container alive, ends at once when it is told to, and reaps what is left to it.
const WAIT: &str = "trap 'exit 0' TERM INT; while :; do sleep 3600 & wait; done";

/// Networks that know no names of their members.
const WITHOUT_NAMES: [&str; 4] = ["host", "none", "bridge", "default"];

/// What the engine is asked to make. `network` is the network to join, none for the engine's own.
pub fn body(
    settings: &Settings,
    identity: &Identity,
    image: &str,
    network: Option<&str>,
) -> ContainerCreateBody {
    let host_name = settings.host_name(&identity.instance);
    let (exposed, _) = ports(settings);
    let (entrypoint, cmd) = commands(settings);
    let shares_host_name =
        network.is_some_and(|network| network == "host" || network.starts_with("container:"));
    let environment = settings.environment();
    ContainerCreateBody {
        image: Some(image.to_owned()),
        hostname: (!shares_host_name).then(|| host_name.clone()),
        labels: Some(labels::of_instance(identity)),
        env: Some(
            environment
                .iter()
                .map(|(k, v)| format!("{k}={v}"))
                .collect(),
        ),
        entrypoint,
        cmd,
        exposed_ports: Some(exposed),
        tty: Some(settings.tty),
        open_stdin: Some(settings.interactive),
        stop_signal: settings.stop_signal.clone(),
        volumes: Some(volumes(settings, false)),
        host_config: Some(host_config(settings, network)),
        networking_config: network
            .filter(|name| !WITHOUT_NAMES.contains(name) && !name.contains(':'))
            .map(|name| {
                endpoint_of(
                    name,
                    labels::aliases(identity, &host_name, &settings.hostname_aliases.0),
                )
            }),
        ..ContainerCreateBody::default()
    }
}

fn endpoint_of(network: &str, aliases: Vec<String>) -> NetworkingConfig {
    let settings = EndpointSettings {
        aliases: Some(aliases),
        ..EndpointSettings::default()
    };
    NetworkingConfig {
        endpoints_config: Some(HashMap::from([(network.to_owned(), settings)])),
    }
}

/// Entry point and command. An empty `run_command` means the image's own.
fn commands(settings: &Settings) -> (Option<Vec<String>>, Option<Vec<String>>) {
    let entrypoint = settings.entrypoint.clone().map(|command| command.0);
    match &settings.run_command {
        Some(command) if command.0.is_empty() => (entrypoint, None),
        Some(command) => (entrypoint, Some(command.0.clone())),
        None if entrypoint.is_some() => (entrypoint, None),
        // The image's entry point would take the waiting command for its arguments.
        None => (
            Some(vec!["sh".into(), "-c".into(), WAIT.into()]),
            Some(Vec::new()),
        ),
    }
}

fn ports(settings: &Settings) -> (Vec<String>, bollard::models::PortMap) {
    // Checked when the section was read.
    values::ports(&settings.all_ports()).unwrap_or_default()
}

/// Volumes: those mounted from somewhere, or those of the container's own.
fn volumes(settings: &Settings, mounted: bool) -> Vec<String> {
    [&settings.volume, &settings.volumes, &settings.binds]
        .into_iter()
        .flat_map(|many| many.0.iter())
        .filter(|volume| volume.contains(':') == mounted)
        .cloned()
        .collect()
}

fn host_config(settings: &Settings, network: Option<&str>) -> HostConfig {
    let list = |values: &[String]| (!values.is_empty()).then(|| values.to_vec());
    let (_, bindings) = ports(settings);
    let hosts: Vec<String> = settings
        .add_host
        .0
        .iter()
        .map(|(name, address)| format!("{name}:{address}"))
        .collect();
    let cgroupns = match settings.cgroupns.as_deref() {
        Some("private") => Some(HostConfigCgroupnsModeEnum::PRIVATE),
        Some("host") => Some(HostConfigCgroupnsModeEnum::HOST),
        _ if settings.cgroupns_host => Some(HostConfigCgroupnsModeEnum::HOST),
        _ => None,
    };
    #[allow(clippy::cast_possible_truncation)] // processors fit
    let nano_cpus = settings.cpus.map(|cpus| (cpus * 1e9) as i64);
    HostConfig {
        network_mode: network.map(String::from),
        port_bindings: (!bindings.is_empty()).then_some(bindings),
        publish_all_ports: Some(settings.publish_all),
        binds: Some(volumes(settings, true)),
        volumes_from: list(&settings.volumes_from.0),
        tmpfs: Some(settings.tmpfs.0.iter().cloned().collect()),
        devices: Some(
            settings
                .devices
                .0
                .iter()
                .map(|device| self::device(device))
                .collect(),
        ),
        shm_size: settings.shm_size.map(|size| size.0),
        memory: settings.memory.map(|size| size.0),
        nano_cpus,
        cpu_shares: settings.cpu,
        cap_add: list(&settings.cap_add.0),
        cap_drop: list(&settings.cap_drop.0),
        privileged: Some(settings.privileged),
        security_opt: list(&settings.security_opt.0),
        userns_mode: if settings.userns_host {
            Some("host".into())
        } else {
            settings.userns_mode.clone()
        },
        cgroupns_mode: cgroupns,
        dns: list(&settings.dns.0),
        dns_search: list(&settings.dns_search.0),
        extra_hosts: list(&hosts),
        links: list(&settings.links.0),
        init: settings.init,
        ..HostConfig::default()
    }
}

/// `SOURCE[:TARGET[:PERMISSIONS]]`.
fn device(text: &str) -> DeviceMapping {
    let mut parts = text.splitn(3, ':');
    let source = parts.next().unwrap_or_default().to_owned();
    DeviceMapping {
        path_in_container: Some(parts.next().unwrap_or(&source).to_owned()),
        cgroup_permissions: Some(parts.next().unwrap_or("rwm").to_owned()),
        path_on_host: Some(source),
    }
}

/// Whether the machine exists, from what the engine knows of it.
pub fn status(container: &ContainerInspectResponse) -> Status {
    let status = container.state.as_ref().and_then(|state| state.status);
    match status {
        Some(ContainerStateStatusEnum::RUNNING | ContainerStateStatusEnum::RESTARTING) => {
            Status::Running
        }
        Some(ContainerStateStatusEnum::PAUSED) => Status::Paused,
        Some(ContainerStateStatusEnum::REMOVING) | None => Status::Absent,
        _ => Status::Stopped,
    }
}

/// Whether the container ran and has ended, as against one that was never started.
pub fn has_ended(container: &ContainerInspectResponse) -> bool {
    let status = container.state.as_ref().and_then(|state| state.status);
    matches!(
        status,
        Some(ContainerStateStatusEnum::EXITED | ContainerStateStatusEnum::DEAD)
    )
}

/// The port of the engine's machine that leads to TCP port `port` of the container.
pub fn published(container: &ContainerInspectResponse, port: u16) -> Option<u16> {
    let ports = container.network_settings.as_ref()?.ports.as_ref()?;
    let bindings = ports.get(&format!("{port}/tcp"))?.as_ref()?;
    bindings
        .iter()
        .find_map(|binding| binding.host_port.as_ref()?.parse().ok())
}

/// The address under which peers reach the container: that of `network` where it is given, else the
/// first it has; none where it shares the engine's own network.
pub fn address(container: &ContainerInspectResponse, network: Option<&str>) -> Option<String> {
    let settings = container.network_settings.as_ref()?;
    let networks = settings.networks.as_ref()?;
    let of = |endpoint: &EndpointSettings| {
        [&endpoint.ip_address, &endpoint.global_ipv6_address]
            .into_iter()
            .flatten()
            .find(|address| !address.is_empty())
            .cloned()
    };
    network
        .and_then(|name| networks.get(name))
        .and_then(of)
        .or_else(|| {
            let mut names: Vec<_> = networks.keys().collect();
            names.sort();
            names.into_iter().find_map(|name| of(&networks[name]))
        })
}

/// Where the workstation connects: the container's address where it is in reach, else the engine's
/// machine, whose published ports lead to the container.
pub fn reachable_at(endpoint: &Endpoint, address: Option<&str>) -> String {
    match address {
        Some(address) if endpoint.is_local() => address.to_owned(),
        _ => endpoint.remote_host().unwrap_or("localhost").to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn someone() -> Identity {
        Identity {
            project: "p".into(),
            cluster: None,
            instance: "web-debian".into(),
            suite: "web".into(),
            platform: "debian".into(),
            run: "r".into(),
        }
    }

    fn asked(section: serde_json::Value, network: Option<&str>) -> serde_json::Value {
        let settings: Settings = serde_json::from_value(section).unwrap();
        serde_json::to_value(body(&settings, &someone(), "i:1", network)).unwrap()
    }

    #[test]
    fn a_container_waits_and_is_labelled() {
        let body = asked(json!({}), None);
        assert_eq!(body["Entrypoint"][0], "sh");
        assert_eq!(body["Hostname"], "web-debian");
        assert_eq!(body["Labels"]["org.banquet.run"], "r");
        assert_eq!(body["Image"], "i:1");
    }

    #[test]
    fn a_command_goes_to_the_images_entry_point() {
        let body = asked(json!({"run_command": "/sbin/init quiet"}), None);
        assert_eq!(body["Cmd"], json!(["/sbin/init", "quiet"]));
        assert!(body.get("Entrypoint").is_none());
        let own = asked(json!({"run_command": ""}), None);
        assert!(own.get("Cmd").is_none() && own.get("Entrypoint").is_none());
        let entry = asked(json!({"entrypoint": "/e"}), None);
        assert_eq!(entry["Entrypoint"], json!(["/e"]));
    }

    #[test]
    fn limits_capabilities_and_mounts() {
        let body = asked(
            json!({
                "memory": "64m", "cpus": 0.5, "cap_add": "SYS_ADMIN", "cap_drop": ["CHOWN"],
                "tmpfs": {"/run": "size=1m"}, "volume": ["/data", "/a:/b:ro"], "ports": ["8080:80"],
                "devices": "/dev/fuse", "dns": ["1.1.1.1"], "cgroupns": "private", "privileged": true,
                "security_opt": "seccomp=unconfined", "env": {"A": 1}, "add_host": {"h": "1.2.3.4"},
            }),
            None,
        );
        let host = &body["HostConfig"];
        assert_eq!(host["Memory"], 64 << 20);
        assert_eq!(host["NanoCpus"], 500_000_000);
        assert_eq!(host["CapAdd"], json!(["SYS_ADMIN"]));
        assert_eq!(host["CapDrop"], json!(["CHOWN"]));
        assert_eq!(host["Tmpfs"]["/run"], "size=1m");
        assert_eq!(host["Binds"], json!(["/a:/b:ro"]));
        assert_eq!(body["Volumes"], json!({"/data": {}}));
        assert_eq!(body["ExposedPorts"], json!({"80/tcp": {}}));
        assert_eq!(host["PortBindings"]["80/tcp"][0]["HostPort"], "8080");
        assert_eq!(host["Devices"][0]["PathInContainer"], "/dev/fuse");
        assert_eq!(host["Dns"], json!(["1.1.1.1"]));
        assert_eq!(host["CgroupnsMode"], "private");
        assert_eq!(host["Privileged"], true);
        assert_eq!(host["SecurityOpt"], json!(["seccomp=unconfined"]));
        assert_eq!(host["ExtraHosts"], json!(["h:1.2.3.4"]));
        assert_eq!(body["Env"], json!(["A=1"]));
    }

    #[test]
    fn names_are_given_where_the_network_knows_names() {
        let body = asked(json!({"hostname": "db"}), Some("lan"));
        let endpoint = &body["NetworkingConfig"]["EndpointsConfig"]["lan"];
        assert_eq!(endpoint["Aliases"], json!(["web", "web-debian", "db"]));
        assert_eq!(body["HostConfig"]["NetworkMode"], "lan");
        let host = asked(json!({}), Some("host"));
        assert!(host.get("NetworkingConfig").is_none() && host.get("Hostname").is_none());
    }

    #[test]
    fn addresses() {
        let container: ContainerInspectResponse = serde_json::from_value(json!({
            "NetworkSettings": {"Networks": {
                "a": {"IPAddress": "10.0.0.2"}, "b": {"IPAddress": "10.1.0.2"}, "c": {"IPAddress": ""},
            }}
        }))
        .unwrap();
        assert_eq!(address(&container, Some("b")).as_deref(), Some("10.1.0.2"));
        assert_eq!(address(&container, None).as_deref(), Some("10.0.0.2"));
        assert_eq!(address(&container, Some("c")).as_deref(), Some("10.0.0.2"));
        let remote = Endpoint {
            host: "tcp://lab:2376".into(),
            certificates: None,
            origin: String::new(),
        };
        assert_eq!(reachable_at(&remote, Some("10.0.0.2")), "lab");
    }
}
