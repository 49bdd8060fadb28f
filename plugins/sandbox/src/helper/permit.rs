//! Which connections the gate opens: not to the workstation itself, and not to what only the
//! workstation's own link reaches, unless the member's settings name it.

use std::fs::File;
use std::io::{self, Read};
use std::net::{IpAddr, Ipv4Addr, SocketAddrV4, TcpStream};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, openat};

use super::gate::PATIENCE;
use super::netlink::Netlink;
use crate::internet::{Permits, within};

/// Longest list of permits, in bytes.
const MOST: u64 = 4 << 20;

/// Where the permits of a group are, and its own network, which lies behind the gate.
pub struct Guard {
    permits: PathBuf,
    network: (Ipv4Addr, u8),
}

impl Guard {
    pub fn new(permits: PathBuf, network: (Ipv4Addr, u8)) -> Self {
        Self { permits, network }
    }

    /// The permits as they are now; none where the list cannot be read.
    fn permits(&self) -> Permits {
        read(&self.permits).unwrap_or_default()
    }

    /// Whether the member may leave the group's network at all.
    pub fn lets_out(&self, member: io::Result<IpAddr>) -> bool {
        matches!(member, Ok(IpAddr::V4(member)) if self.permits().contains_key(&member))
    }

    /// Connects `member` to `to`, if it may.
    pub fn connect(&self, member: IpAddr, to: SocketAddrV4) -> io::Result<TcpStream> {
        let named = self.names(member, to).ok_or_else(refused)?;
        if !named && !self.is_beyond(*to.ip()) {
            return Err(refused());
        }
        let stream = TcpStream::connect_timeout(&to.into(), PATIENCE)?;
        // An address that became the workstation's own meanwhile.
        if !named && stream.local_addr()?.ip() == stream.peer_addr()?.ip() {
            return Err(refused());
        }
        Ok(stream)
    }

    /// Whether the settings of `member` name `to`; none where it may not leave the network.
    fn names(&self, member: IpAddr, to: SocketAddrV4) -> Option<bool> {
        let IpAddr::V4(member) = member else {
            return None;
        };
        let permits = self.permits();
        let named = permits.get(&member)?;
        Some(named.iter().any(|destination| destination.contains(to)))
    }

    /// Whether `address` is neither the workstation nor a member.
    fn is_beyond(&self, address: Ipv4Addr) -> bool {
        let (network, prefix) = self.network;
        !is_local(address.into()) && !within(address, network, prefix) && is_elsewhere(address)
    }
}

/// Why a connection is not made.
pub fn refused() -> io::Error {
    io::ErrorKind::PermissionDenied.into()
}

fn read(path: &Path) -> io::Result<Permits> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(openat(CWD, path, flags, Mode::empty())?);
    let mut text = String::new();
    file.take(MOST).read_to_string(&mut text)?;
    Ok(serde_json::from_str(&text)?)
}

/// Addresses that mean the workstation or its link, whatever its routes are: loopback, "this
/// network", link-local (clouds serve credentials there), multicast, broadcast; IPv4 in IPv6 as IPv4.
pub fn is_local(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            address.is_loopback()
                || address.octets()[0] == 0
                || address.is_link_local()
                || address.is_multicast()
                || address.is_broadcast()
        }
        IpAddr::V6(address) => {
            address.is_loopback()
                || address.is_unspecified()
                || address.is_unicast_link_local()
                || address.is_multicast()
                || address
                    .to_ipv4()
                    .is_some_and(|inner| is_local(inner.into()))
        }
    }
}

/// Whether the workstation's routes lead away from it: an address of any of its own links does not,
/// nor a broadcast. An address without a route is nowhere.
fn is_elsewhere(address: Ipv4Addr) -> bool {
    let kind = Netlink::open().and_then(|routes| routes.kind_of_route(address));
    kind.is_ok_and(|kind| kind == libc::RTN_UNICAST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::SocketAddr;

    #[test]
    fn the_workstation_and_its_link_are_local_in_every_form() {
        for address in [
            "127.0.0.1",
            "127.9.9.9",
            "0.0.0.0",
            "0.1.2.3",
            "169.254.169.254",
            "224.0.0.1",
            "239.255.255.250",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "febf::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::ffff:0.0.0.0",
            "::127.0.0.1",
        ] {
            assert!(is_local(address.parse().unwrap()), "{address}");
        }
        for address in [
            "1.1.1.1",
            "10.0.0.1",
            "192.168.1.1",
            "2001:db8::1",
            "::ffff:8.8.8.8",
        ] {
            assert!(!is_local(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn own_addresses_are_not_elsewhere() {
        assert!(!is_elsewhere(Ipv4Addr::LOCALHOST));
        assert!(!is_elsewhere(Ipv4Addr::new(127, 1, 2, 3)));
        let route = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
        if route.connect("198.51.100.1:9").is_ok()
            && let IpAddr::V4(own) = route.local_addr().unwrap().ip()
        {
            assert!(!is_elsewhere(own), "{own}");
            assert!(is_elsewhere(Ipv4Addr::new(198, 51, 100, 1)));
        }
    }

    #[test]
    fn who_has_no_permit_reaches_nothing() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("permits");
        let guard = Guard::new(path.clone(), (Ipv4Addr::new(10, 77, 0, 1), 16));
        let (member, other) = (Ipv4Addr::new(10, 77, 0, 2), Ipv4Addr::new(10, 77, 0, 3));
        let to = |text: &str| text.parse::<SocketAddrV4>().unwrap();
        let lets_out = |member: Ipv4Addr| guard.lets_out(Ok(member.into()));
        assert!(!lets_out(member));
        std::fs::write(
            &path,
            "{\"10.77.0.2\": [\"127.0.0.1:8080\", \"10.77.0.9\"]}",
        )
        .unwrap();
        assert!(lets_out(member) && !lets_out(other));
        let names = |member: Ipv4Addr, text: &str| guard.names(member.into(), to(text));
        assert_eq!(names(member, "127.0.0.1:8080"), Some(true));
        assert_eq!(names(member, "127.0.0.1:8081"), Some(false));
        assert_eq!(names(other, "127.0.0.1:8080"), None);
        assert!(!guard.is_beyond(Ipv4Addr::new(10, 77, 0, 8)));
        let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let SocketAddr::V4(here) = server.local_addr().unwrap() else {
            panic!("an IPv4 address");
        };
        assert!(guard.connect(member.into(), here).is_err());
        std::fs::write(&path, format!("{{\"10.77.0.2\": [\"{here}\"]}}")).unwrap();
        guard.connect(member.into(), here).unwrap();
        assert!(guard.connect(other.into(), here).is_err());
    }
}
