//! Settings that protect less than what is usual.

use banquet_sdk::weaker::{self, Weaker};
use serde_json::Value;

/// What `kitchen doctor` tells of.
pub(crate) const WEAKER: [Weaker; 7] = [
    Weaker {
        at: "/privileged",
        when: weaker::is_on,
        means: "whoever is root in the container is root on the engine's host",
        instead: "Leave it out and add the few capabilities that are needed with `cap_add`.",
    },
    Weaker {
        at: "/cap_add/*",
        when: is_host_capability,
        means: "it is as good as `privileged`",
        instead: "Add only what is needed, such as NET_ADMIN; leave ALL and SYS_ADMIN out.",
    },
    Weaker {
        at: "/security_opt/*",
        when: is_unconfined,
        means: "the engine's filter of system calls or its profile is off",
        instead: "Leave it out, or name a profile that allows what is needed.",
    },
    Weaker {
        at: "/network",
        when: is_host,
        means: "the container shares the host's network and reaches what listens on its loopback",
        instead: "Use a network of its own; members of a cluster have one anyway.",
    },
    Weaker {
        at: "/network_mode",
        when: is_host,
        means: "the container shares the host's network and reaches what listens on its loopback",
        instead: "Use a network of its own; members of a cluster have one anyway.",
    },
    Weaker {
        at: "/volumes/*",
        when: is_engine,
        means: "whoever is in the container rules the engine and with it the host",
        instead: "Run an engine of its own inside, or do without.",
    },
    Weaker {
        at: "/socket",
        when: is_open_port,
        means: "the engine is asked without encryption and without knowing who answers",
        instead: "Use `ssh://`, or TLS with DOCKER_TLS_VERIFY and DOCKER_CERT_PATH.",
    },
];

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_ascii_lowercase()
}

fn is_host_capability(value: &Value) -> bool {
    let name = text(value);
    matches!(name.trim_start_matches("cap_"), "all" | "sys_admin")
}

fn is_unconfined(value: &Value) -> bool {
    text(value).ends_with("unconfined")
}

fn is_host(value: &Value) -> bool {
    text(value) == "host"
}

fn is_engine(value: &Value) -> bool {
    let text = text(value);
    let source = text.split(':').next().unwrap_or_default();
    source.ends_with("docker.sock") || source.ends_with("podman.sock")
}

/// TCP beyond this workstation where no variable asks for TLS.
fn is_open_port(value: &Value) -> bool {
    let text = text(value);
    let Some(host) = text.strip_prefix("tcp://") else {
        return false;
    };
    let here = ["localhost", "127.", "[::1]"];
    std::env::var_os("DOCKER_TLS_VERIFY").is_none() && !here.iter().any(|it| host.starts_with(it))
}

#[cfg(test)]
mod tests {
    use banquet_sdk::Section;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_gives_the_host_away_is_told() {
        let section = |values: Value| Section {
            values: values.as_object().cloned().unwrap_or_default(),
            ..Section::default()
        };
        let weak = json!({"privileged": true, "cap_add": ["NET_ADMIN", "CAP_SYS_ADMIN"],
            "security_opt": "seccomp=unconfined", "network": "host",
            "volumes": ["/var/run/docker.sock:/var/run/docker.sock", "/data:/data"]});
        assert_eq!(weaker::findings(&section(weak), &WEAKER).len(), 5);
        let usual = json!({"privileged": false, "cap_add": "NET_ADMIN", "network": "test",
            "volumes": "/data", "socket": "unix:///var/run/docker.sock"});
        assert!(weaker::findings(&section(usual), &WEAKER).is_empty());
    }
}
