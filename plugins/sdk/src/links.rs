//! Faults of a machine's links to its peers: packets that are cut off, lost or late.
//!
//! One script does and undoes all of it, wherever it runs: behind [`Driver::network`] on the
//! workstation, or over the transport on the machine. It is declarative: it removes what an earlier
//! call added and adds what is wanted now, so that healing leaves exactly what was there before. All
//! of it lives in a table, chains and queues of our own.

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::process::{self, Collect};
use crate::{Context, Driver, Error, Exec, Result, State, Stdin};

/// A kind of fault of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkFault {
    /// No packet passes.
    Cut,
    /// Packets come late.
    Delay,
    /// Packets are lost.
    Drop,
}

/// All that is wrong with a machine's links. The default is that nothing is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Links {
    /// Addresses with which no packet is exchanged, in either direction.
    pub cut: Vec<IpAddr>,
    /// Addresses which `delay` and `drop` concern.
    pub peers: Vec<IpAddr>,
    /// What is sent to the peers leaves so much later.
    pub delay: Option<Delay>,
    /// So many of a hundred packets from and to the peers are lost.
    pub drop: Option<f64>,
}

/// How late packets are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delay {
    /// By so much.
    pub by: Duration,
    /// More or less so much.
    pub jitter: Duration,
}

impl Links {
    /// Whether nothing is wrong.
    pub fn are_whole(&self) -> bool {
        self.cut.is_empty()
            && (self.peers.is_empty() || (self.delay.is_none() && self.drop.is_none()))
    }

    /// A script for a shell that is root where the links are. Few processes, so that a fault is in
    /// force soon: one of nft removes and adds in one step, and tells whether there may be rules
    /// of iptables.
    pub fn script(&self) -> String {
        let rules = self.rules();
        let (table, fallback) = match rules.is_empty() {
            true => (String::new(), ":\n".into()),
            false => (nft(&rules), iptables(&rules)),
        };
        let mut script = format!(
            "{FUNCTIONS}if has nft && tables=$(nft -f - 2>&1 <<'END'\n\
             table inet banquet_links {{\n}}\ndelete table inet banquet_links\n{table}list tables\nEND\n\
             ); then set=yes; else said=$tables; tables=filter; has nft && nft delete table inet banquet_links 2>/dev/null || :; fi\n{REMOVE}"
        );
        if !rules.is_empty() {
            script += &format!(
                "if [ -z \"$set\" ]; then\nhas iptables || tell \"neither nft nor iptables sets rules: $said\"\n{fallback}fi\n"
            );
        }
        if let Some(delay) = self.delay.filter(|_| !self.peers.is_empty()) {
            script += "has tc && has ip || tell 'tc and ip (package iproute2) are needed to delay packets'\n";
            for peer in &self.peers {
                script += &format!(
                    "late {peer} {} {}\n",
                    delay.by.as_micros(),
                    delay.jitter.as_micros()
                );
            }
        }
        script
    }

    fn rules(&self) -> Vec<Rule> {
        let cut = self.cut.iter().map(|peer| (*peer, None));
        let lost = self.peers.iter().filter_map(|peer| {
            let percent = self.drop?;
            Some((*peer, Some((percent * 100.0).round() as u32)))
        });
        cut.chain(lost).collect()
    }
}

/// Whose packets are lost, and how many of 10,000; none: all.
type Rule = (IpAddr, Option<u32>);

/// What the script needs.
const FUNCTIONS: &str = r#"set -e
PATH=$PATH:/usr/sbin:/sbin
set= said=
tell() { echo "$*" >&2; exit 41; }
has() { command -v "$1" >/dev/null 2>&1; }
unfilter() {
    has $1 && $1 -w -S BANQUET-INPUT >/dev/null 2>&1 || return 0
    for hook in INPUT OUTPUT; do
        while $1 -w -D $hook -j BANQUET-$hook 2>/dev/null; do :; done
        $1 -w -F BANQUET-$hook 2>/dev/null || :
        $1 -w -X BANQUET-$hook 2>/dev/null || :
    done
}
late() {
    family=ip protocol=ip
    case $1 in *:*) family=ip6 protocol=ipv6 ;; esac
    dev=$(ip -o route get "$1" | sed -n 's/.* dev \([^ ]*\).*/\1/p')
    [ -n "$dev" ] || tell "no route to $1"
    if ! tc qdisc show dev "$dev" | grep -q '^qdisc prio ba9:'; then
        said=$(tc qdisc add dev "$dev" root handle ba9: prio bands 4 \
            priomap 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 2>&1 &&
            tc qdisc add dev "$dev" parent ba9:4 handle ba8: netem delay "$2us" "$3us" 2>&1) || {
            tc qdisc del dev "$dev" root 2>/dev/null || :
            tell "the kernel $(uname -r) has no netem, or $dev has a queue of its own: $said"
        }
    fi
    tc filter add dev "$dev" parent ba9: protocol $protocol u32 \
        match $family dst "$1" flowid ba9:4
}
"#;

/// Removes what an earlier call added, but for the table of nft.
const REMOVE: &str = r#"for names in /proc/net/ip_tables_names /proc/net/ip6_tables_names; do
    [ -r $names ] || continue
    while read -r name; do tables="$tables $name"; done <$names
done
case $tables in *filter*) unfilter iptables; unfilter ip6tables ;; esac
if has tc; then
    queues=$(tc qdisc show 2>/dev/null || :)
    case $queues in *'qdisc prio ba9:'*)
        for dev in $(echo "$queues" | sed -n 's/^qdisc prio ba9: dev \([^ ]*\) root.*/\1/p'); do
            tc qdisc del dev "$dev" root
        done ;;
    esac
fi
"#;

fn nft(rules: &[Rule]) -> String {
    let chain = |hook: &str, side: &str| {
        let mut text = format!("chain {hook} {{\ntype filter hook {hook} priority -300\n");
        for (peer, share) in rules {
            let family = if peer.is_ipv4() { "ip" } else { "ip6" };
            let share = match share {
                Some(share) => format!(" numgen random mod 10000 < {share}"),
                None => String::new(),
            };
            text += &format!("{family} {side} {peer}{share} drop\n");
        }
        text + "}\n"
    };
    format!(
        "table inet banquet_links {{\n{}{}}}\n",
        chain("input", "saddr"),
        chain("output", "daddr")
    )
}

fn iptables(rules: &[Rule]) -> String {
    let mut text = String::new();
    for (tool, v4) in [("iptables", true), ("ip6tables", false)] {
        let mut rules = rules
            .iter()
            .filter(|(peer, _)| peer.is_ipv4() == v4)
            .peekable();
        if rules.peek().is_none() {
            continue;
        }
        for hook in ["INPUT", "OUTPUT"] {
            text += &format!("{tool} -w -N BANQUET-{hook}\n");
        }
        for (peer, share) in rules {
            let share = match share {
                Some(share) => format!(
                    " -m statistic --mode random --probability {:.4}",
                    f64::from(*share) / 10_000.0
                ),
                None => String::new(),
            };
            for (hook, side) in [("INPUT", "-s"), ("OUTPUT", "-d")] {
                text += &format!("{tool} -w -A BANQUET-{hook} {side} {peer}{share} -j DROP\n");
            }
        }
        for hook in ["INPUT", "OUTPUT"] {
            text += &format!("{tool} -w -I {hook} -j BANQUET-{hook}\n");
        }
    }
    text
}

/// [`Driver::links`] by the script: behind [`Driver::network`], else over the transport.
pub async fn apply(
    driver: &(impl Driver + ?Sized),
    cx: &Context,
    state: &State,
    links: &Links,
) -> Result<()> {
    let said = Collect::default();
    let script = Stdin::Bytes(links.script().into_bytes());
    let status = match driver.network(cx, state).await? {
        Some(prefix) => process::run(process::shell(&prefix, "exec sh -s"), &script, &said).await?,
        None => {
            let connection = cx.connect(state).await?;
            let mut exec = Exec::new("exec sh -s");
            exec.user = Some("root".into());
            exec.stdin = script;
            connection.exec(&exec, &said).await?
        }
    };
    if status.success() {
        return Ok(());
    }
    let (_, err) = said.into_parts();
    let error = Error::machine(format!("set the rules of its links: {}", err.trim()));
    Err(error.hint(
        "This needs root, or `sudo` and its password, and nft, iptables or, to delay, tc with netem.",
    ))
}

/// Why this workstation's kernel and tools cannot set the fault in a network namespace of its own;
/// tried in one that vanishes again.
pub fn lacks(fault: LinkFault) -> Option<Error> {
    let peer = [IpAddr::from([127, 0, 0, 2])];
    let links = match fault {
        LinkFault::Cut => Links {
            cut: peer.into(),
            ..Links::default()
        },
        LinkFault::Drop => Links {
            peers: peer.into(),
            drop: Some(1.0),
            ..Links::default()
        },
        LinkFault::Delay => Links {
            peers: peer.into(),
            delay: Some(Delay {
                by: Duration::from_millis(1),
                jitter: Duration::ZERO,
            }),
            ..Links::default()
        },
    };
    let script = format!("ip link set lo up 2>/dev/null\n{}", links.script());
    let tried = std::process::Command::new("unshare")
        .args(["-rn", "sh", "-c", &script])
        .stdin(std::process::Stdio::null())
        .output();
    match tried {
        Ok(output) if output.status.success() => None,
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            Some(
                Error::unsupported(format!("this workstation cannot do it: {}", said.trim()))
                    .hint(match fault {
                        LinkFault::Delay => {
                            "Delays need a kernel with netem (module sch_netem). `drop`, `pause` and `partition` do without."
                        }
                        _ => "Install nftables or iptables.",
                    }),
            )
        }
        Err(error) => Some(Error::unsupported(format!("run unshare: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links() -> Links {
        Links {
            cut: vec![[10, 0, 0, 2].into(), "fd00::2".parse().unwrap()],
            peers: vec![[10, 0, 0, 3].into()],
            delay: Some(Delay {
                by: Duration::from_millis(100),
                jitter: Duration::from_millis(5),
            }),
            drop: Some(12.5),
        }
    }

    #[test]
    fn whole_links_have_no_rules() {
        assert!(Links::default().are_whole());
        assert!(!Links::default().script().contains("drop"));
        let alone = Links {
            drop: Some(5.0),
            ..Links::default()
        };
        assert!(alone.are_whole(), "a fault that concerns nobody");
        assert!(!links().are_whole());
    }

    #[test]
    fn rules_are_for_both_directions_and_both_families() {
        let rules = links().rules();
        let text = nft(&rules);
        for line in [
            "ip saddr 10.0.0.2 drop",
            "ip daddr 10.0.0.2 drop",
            "ip6 saddr fd00::2 drop",
            "ip saddr 10.0.0.3 numgen random mod 10000 < 1250 drop",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
        let text = iptables(&rules);
        for line in [
            "\niptables -w -A BANQUET-INPUT -s 10.0.0.2 -j DROP\n",
            "\nip6tables -w -A BANQUET-OUTPUT -d fd00::2 -j DROP\n",
            "-d 10.0.0.3 -m statistic --mode random --probability 0.1250 -j DROP\n",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
        assert!(links().script().ends_with("late 10.0.0.3 100000 5000\n"));
    }

    /// Runs a script beside programs that only write down how they were called: stand-ins, for a
    /// kernel may have no netem. Gives what they wrote, and how the script ended.
    #[cfg(unix)]
    fn with_stand_ins(script: &str, tc: &str) -> (String, std::process::Output) {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("log");
        let programs = [
            ("ip", "echo '10.0.0.3 dev eth7 src 10.0.0.2'"),
            ("tc", tc),
            ("nft", ":"),
            ("iptables", "exit 1"),
            ("ip6tables", "exit 1"),
        ];
        for (name, does) in programs {
            let path = directory.path().join(name);
            let text = format!(
                "#!/bin/sh\necho \"{name} $*\" >> {}\n{does}\n",
                log.display()
            );
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        let path = std::env::var("PATH").unwrap_or_default();
        let ended = std::process::Command::new("sh")
            .args(["-c", script])
            .env("PATH", format!("{}:{path}", directory.path().display()))
            .output()
            .unwrap();
        (std::fs::read_to_string(log).unwrap(), ended)
    }

    fn late() -> Links {
        Links {
            cut: Vec::new(),
            drop: None,
            ..links()
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_delay_is_a_queue_of_our_own_for_the_peers_alone() {
        let (log, ended) = with_stand_ins(&late().script(), ":");
        assert!(ended.status.success(), "{ended:?}");
        let lines: Vec<&str> = log.lines().filter(|it| it.starts_with("tc ")).collect();
        assert_eq!(
            lines,
            [
                "tc qdisc show",
                "tc qdisc show dev eth7",
                "tc qdisc add dev eth7 root handle ba9: prio bands 4 priomap 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0",
                "tc qdisc add dev eth7 parent ba9:4 handle ba8: netem delay 100000us 5000us",
                "tc filter add dev eth7 parent ba9: protocol ip u32 match ip dst 10.0.0.3 flowid ba9:4",
            ]
        );
    }

    #[cfg(unix)]
    #[test]
    fn healing_removes_our_queue_and_no_other() {
        let shows = "if [ \"$*\" = 'qdisc show' ]; then echo 'qdisc prio ba9: dev eth7 root refcnt 2'; echo 'qdisc fq 8001: dev eth8 root'; fi";
        let (log, ended) = with_stand_ins(&Links::default().script(), shows);
        assert!(ended.status.success(), "{ended:?}");
        let removed: Vec<&str> = log
            .lines()
            .filter(|it| it.starts_with("tc qdisc del"))
            .collect();
        assert_eq!(removed, ["tc qdisc del dev eth7 root"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_kernel_without_netem_is_told_and_nothing_is_left() {
        let fails =
            "case $* in *netem*) echo 'Specified qdisc kind is unknown.' >&2; exit 2 ;; esac";
        let (log, ended) = with_stand_ins(&late().script(), fails);
        assert_eq!(ended.status.code(), Some(41));
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(
            said.contains("has no netem") && said.contains("kind is unknown"),
            "{said}"
        );
        assert!(log.ends_with("tc qdisc del dev eth7 root\n"), "{log}");
    }
}
