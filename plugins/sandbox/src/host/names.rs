//! The workstation's name servers.

use std::fs;
use std::net::Ipv4Addr;

/// The first name server that the workstation asks.
pub fn server() -> Option<Ipv4Addr> {
    first_server(&own())
}

/// Content of an instance's `/etc/resolv.conf`: the workstation's own, but the group's gate answers
/// where there is one. Without one nobody does.
pub fn resolv_conf(gate: Option<Ipv4Addr>) -> String {
    match gate {
        Some(gate) => with_server(&own(), gate),
        None => own(),
    }
}

fn own() -> String {
    fs::read_to_string("/etc/resolv.conf").unwrap_or_default()
}

fn first_server(text: &str) -> Option<Ipv4Addr> {
    text.lines()
        .filter_map(|line| line.trim().strip_prefix("nameserver"))
        .find_map(|address| address.trim().parse().ok())
}

fn with_server(text: &str, server: Ipv4Addr) -> String {
    let rest = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("nameserver"));
    let first = format!("nameserver {server}");
    std::iter::once(first.as_str())
        .chain(rest)
        .map(|line| format!("{line}\n"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# by hand\nnameserver fe80::1\nnameserver 127.0.0.53\nsearch lan\n";

    #[test]
    fn the_gate_takes_the_place_of_the_servers() {
        assert_eq!(first_server(TEXT), Some(Ipv4Addr::new(127, 0, 0, 53)));
        let with = with_server(TEXT, Ipv4Addr::new(10, 77, 0, 1));
        assert_eq!(with, "nameserver 10.77.0.1\n# by hand\nsearch lan\n");
    }
}
