//! Faults and heartbeats on hosts that the kitchen did not make, over SSH as an ordinary user:
//! containers that a test starts by itself, with the right to set rules in their own networks.
#![cfg(target_os = "linux")]

use std::process::Command;

use crate::support::{Project, needs};

const IMAGE: &str = "banquet/debian-links:1";

/// Hosts of a network of their own, which are removed with it.
struct Hosts {
    network: String,
    all: Vec<Host>,
}

struct Host {
    container: String,
    address: String,
}

fn docker(arguments: &[&str]) -> String {
    let ran = Command::new("docker").args(arguments).output();
    let ran = ran.expect("docker runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    assert!(
        ran.status.success(),
        "docker {arguments:?}: {}",
        text(&ran.stderr)
    );
    text(&ran.stdout)
}

impl Hosts {
    /// `count` hosts that run `command` first and then the image's SSH server.
    fn start(count: usize, command: &str, more: &[&str]) -> Self {
        let network = format!("banquet-test-{:016x}", rand::random::<u64>());
        docker(&["network", "create", &network]);
        let mut hosts = Self {
            network,
            all: Vec::new(),
        };
        let first = format!("{command}; exec /usr/sbin/sshd -D -e");
        for _ in 0..count {
            let run = [
                "run",
                "-d",
                "--cap-add",
                "NET_ADMIN",
                "--network",
                &hosts.network,
            ];
            let container = docker(&[&run, more, &[IMAGE, "sh", "-c", &first]].concat());
            let format = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
            let address = docker(&["inspect", "-f", format, &container]);
            hosts.all.push(Host { container, address });
        }
        hosts
    }

    /// The pool as the driver has it, each host with commands that switch it.
    fn pool(&self) -> String {
        let host = |Host { container, address }: &Host| {
            let commands = [
                ("kill", "kill"),
                ("start", "start"),
                ("pause", "pause"),
                ("resume", "unpause"),
            ];
            let commands = commands.map(|(key, word)| format!("{key}: docker {word} {container}"));
            format!(
                "  - {{host: {address}, power: {{{}}}}}\n",
                commands.join(", ")
            )
        };
        self.all.iter().map(host).collect()
    }

    /// What a command prints on each of them, as root.
    fn each(&self, command: &str) -> Vec<String> {
        let all = self.all.iter();
        all.map(|host| docker(&["exec", &host.container, "sh", "-c", command]))
            .collect()
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        for host in &self.all {
            let _ = Command::new("docker")
                .args(["rm", "-f", &host.container])
                .output();
        }
        let _ = Command::new("docker")
            .args(["network", "rm", &self.network])
            .output();
    }
}

/// A cluster of a, b and c, of which b answers HTTP on port 8080.
fn project(hosts: &Hosts, steps: &str) -> Project {
    let text = format!(
        "driver:\n  name: proxy\n  lease_directory: leases\n  hosts:\n{}\
         transport: {{name: ssh, username: kitchen, password: kitchen, connection_retry_sleep: 0.1, max_wait_until_ready: 60}}\n\
         provisioner: {{name: shell, command: 'true'}}\nverifier: {{name: shell, command: 'true'}}\n\
         platforms: [{{name: lab}}]\nsuites: [{{name: a}}, {{name: b}}, {{name: c}}]\n\
         multisuites:\n- name: trio\n  steps:\n  - converge a\n  - converge c\n{LISTEN}{steps}",
        hosts.pool()
    );
    Project::new().file("kitchen.yml", &text)
}

const LISTEN: &str = "  - step: exec b
    command: nohup python3 -m http.server 8080 --directory /srv >/dev/null 2>&1 &
  - step: wait b
    http: :8080/
";

/// A step that must, or must not, be able to ask b from another member.
fn reach(from: &str, can: bool) -> String {
    format!(
        "  - step: exec {from}\n    command: curl -sS -m 2 -o /dev/null http://{{{{peers.b.address}}}}:8080/\n    expect_failure: {}\n",
        !can
    )
}

/// How many lines of rules and queues are ours.
const OURS: &str = "{ nft list ruleset; iptables-save; tc qdisc show; } 2>/dev/null | grep -ciE 'banquet|ba9:' || :";

#[test]
fn rules_over_ssh_cut_hosts_off_and_leave_nothing_when_they_are_healed() {
    if !needs("docker-links") {
        return;
    }
    // By nft; and by iptables where there is no nft.
    for first in [":", "rm -f /usr/sbin/nft"] {
        let hosts = Hosts::start(3, first, &[]);
        let ours = format!(
            "  - step: exec a\n    command: sudo sh -c \"{OURS}\" | grep -qx 0\n    expect_failure: "
        );
        let steps = [
            reach("a", true),
            format!("{ours}false\n"),
            "  - partition a | b\n".into(),
            reach("a", false),
            reach("c", true),
            format!("{ours}true\n"),
            "  - heal\n".into(),
            reach("a", true),
            format!("{ours}false\n"),
            "  - step: drop b\n    percent: 100\n".into(),
            reach("a", false),
            reach("c", false),
            "  - heal b\n".into(),
            reach("a", true),
            "  - step: partition a | b c\n    for: 10ms\n".into(),
            reach("a", true),
        ];
        project(&hosts, &steps.concat())
            .kitchen("test --destroy=never")
            .succeeds()
            .prints("In force: partition a | b")
            .prints("Healed: drop b");
        assert_eq!(hosts.each(OURS), ["0", "0", "0"]);
    }
}

#[test]
fn sudo_gets_its_password_for_rules_too() {
    if !needs("docker-links") {
        return;
    }
    let hosts = Hosts::start(3, "sed -i s/NOPASSWD:// /etc/sudoers.d/kitchen", &[]);
    let steps = ["  - partition a | b\n".into(), reach("a", false)];
    project(&hosts, &steps.concat())
        .kitchen("test --destroy=always")
        .succeeds();
    assert_eq!(hosts.each(OURS), ["0", "0", "0"]);
}

#[test]
fn a_delay_over_ssh_is_in_force_or_told_and_leaves_nothing() {
    if !needs("docker-links") {
        return;
    }
    let hosts = Hosts::start(3, ":", &[]);
    let ran = project(&hosts, "  - step: delay a\n    by: 20ms\n").kitchen("test --destroy=always");
    match ran.code {
        Some(0) => drop(ran.prints("In force: delay a")),
        _ => drop(ran.exits(20).complains("has no netem")),
    }
    assert_eq!(hosts.each(OURS), ["0", "0", "0"]);
}

#[test]
fn hosts_are_killed_frozen_and_given_back_whole() {
    if !needs("docker-links") {
        return;
    }
    let hosts = Hosts::start(3, ":", &[]);
    let steps = [
        "  - kill b\n".into(),
        reach("a", false),
        "  - start b\n".into(),
        LISTEN.into(),
        reach("a", true),
        "  - pause b\n".into(),
        reach("a", false),
        "  - resume b\n".into(),
        reach("a", true),
        // What is still broken when all is given back: rules on a host that is frozen, too.
        "  - partition a | b\n  - pause b\n  - kill c\n".into(),
    ];
    project(&hosts, &steps.concat())
        .kitchen("test --destroy=always")
        .succeeds();
    assert_eq!(hosts.each(OURS), ["0", "0", "0"]);
}

#[test]
fn after_a_kill_9_the_next_command_heals_hosts_over_ssh() {
    if !needs("docker-links") {
        return;
    }
    let hosts = Hosts::start(3, ":", &[]);
    let project = project(&hosts, "  - partition a | b\n  - kill c\n  - sleep 600s\n");
    project
        .start("test --destroy=never")
        .until("sleep 600s")
        .signal("KILL")
        .wait();
    project
        .kitchen("exec a -c 'curl -sS -m 2 -o /dev/null http://{{peers.b.address}}:8080/ || true; echo in'")
        .succeeds()
        .complains("left `partition a | b` in force")
        .complains("Healed: kill c")
        .prints("in");
    assert_eq!(hosts.each(OURS), ["0", "0", "0"]);
}

#[test]
fn heartbeats_of_a_member_over_ssh_see_an_outage() {
    if !needs("docker-links") {
        return;
    }
    let hosts = Hosts::start(3, ":", &[]);
    let beat = |probe: &str, more: &str| {
        format!(
            "  - during:\n      heartbeat: {{from: a, {probe}, every: 100ms, timeout: 1s, {more}}}\n    steps:\n    - sleep 1s\n"
        )
    };
    let http = "http: {url: 'http://{{peers.b.address}}:8080/', status: 200, body: Directory}";
    let tcp = "tcp: 'b:8080'";
    let cut = "    - step: partition a | b\n      for: 1s\n    - sleep 1s\n";
    let steps = [
        beat(http, "allow_failures: 0"),
        beat(tcp, "allow_failures: 0"),
        "  - step: exec a\n    command: sudo rm /usr/bin/nc /etc/alternatives/nc\n".into(),
        // Bash connects as well.
        beat(tcp, "allow_failures: 0"),
        beat(http, "max_outage: 20s") + cut,
        beat(tcp, "max_outage: 100ms") + cut,
    ];
    let ran = project(&hosts, &steps.concat())
        .kitchen("test --destroy=always")
        .exits(10)
        .complains("an outage may last 100ms; longest outage")
        .complains("after `partition a | b`");
    let whole = ran.out.matches(" 0 lost").count();
    assert_eq!(whole, 3, "{}", ran.transcript());
}

/// A stand-in for a machine that boots: a container with a boot id of its own, whose `shutdown`
/// ends its first process, and which the engine starts again.
#[test]
fn a_host_that_reboots_is_waited_for_until_it_has_another_boot_id() {
    if !needs("docker-links") {
        return;
    }
    let boots = "id=/proc/sys/kernel/random/boot_id; cat /proc/sys/kernel/random/uuid >/run/id && \
                 mount --bind /run/id $id; printf '#!/bin/sh\\nkill 1\\n' >/usr/sbin/shutdown; \
                 chmod +x /usr/sbin/shutdown; echo boot >>/run/boots";
    let hosts = Hosts::start(3, boots, &["--restart", "always", "--cap-add", "SYS_ADMIN"]);
    let steps = [
        "  - partition a | b\n  - reboot b\n",
        LISTEN,
        &reach("a", false),
        &reach("c", true),
    ];
    project(&hosts, &steps.concat())
        .kitchen("test --destroy=always")
        .succeeds();
    let mut boots = hosts.each("wc -l </run/boots");
    boots.sort();
    assert_eq!(boots, ["1", "1", "2"]);
    assert_eq!(hosts.each(OURS), ["0", "0", "0"]);
}

#[test]
fn a_container_of_this_workstation_is_not_told_to_reboot() {
    if !needs("docker-links") {
        return;
    }
    let hosts = Hosts::start(3, ":", &[]);
    project(&hosts, "  - reboot a\n")
        .kitchen("test --destroy=always")
        .exits(3)
        .complains("it has the boot id of this workstation")
        .complains("`power: {reboot: COMMAND}`");
}
