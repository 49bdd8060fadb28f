//! Links, addresses and routes, by the kernel's own messages.

use std::io;
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netdevice, recv, send,
    socket_with,
};

/// A way to the network namespace that the process was in when it was opened.
pub struct Netlink(OwnedFd);

pub const ACKNOWLEDGED: u16 = (libc::NLM_F_REQUEST | libc::NLM_F_ACK) as u16;
const NEW: u16 = ACKNOWLEDGED | (libc::NLM_F_CREATE | libc::NLM_F_EXCL) as u16;
/// Index of the loopback link in every network namespace.
pub const LOOPBACK: u32 = 1;

impl Netlink {
    pub fn open() -> io::Result<Self> {
        let socket = socket_with(
            AddressFamily::NETLINK,
            SocketType::RAW,
            SocketFlags::CLOEXEC,
            // Protocol 0: routes.
            None,
        )?;
        Ok(Self(socket))
    }

    /// The index of link `name`.
    pub fn index(&self, name: &str) -> io::Result<u32> {
        // This call wants a socket of another family, but of the same namespace: netlink's will do.
        Ok(netdevice::name_to_index(&self.0, name)?)
    }

    /// A new bridge.
    pub fn add_bridge(&self, name: &str) -> io::Result<()> {
        let mut message = Message::new(libc::RTM_NEWLINK, NEW);
        message.link(0, 0);
        message.text(libc::IFLA_IFNAME, name);
        message.nest(libc::IFLA_LINKINFO, |info| {
            info.text(libc::IFLA_INFO_KIND, "bridge");
        });
        self.ask(message)
    }

    /// A new pair of links: `name` here, up and a port of bridge `bridge`; `peer` with the address
    /// `mac` in network namespace `other`.
    pub fn add_pair(
        &self,
        name: &str,
        bridge: u32,
        peer: &str,
        mac: [u8; 6],
        other: BorrowedFd<'_>,
    ) -> io::Result<()> {
        let mut message = Message::new(libc::RTM_NEWLINK, NEW);
        message.link(0, libc::IFF_UP as u32);
        message.text(libc::IFLA_IFNAME, name);
        message.attribute(libc::IFLA_MASTER, &bridge.to_ne_bytes());
        message.nest(libc::IFLA_LINKINFO, |info| {
            info.text(libc::IFLA_INFO_KIND, "veth");
            info.nest(libc::IFLA_INFO_DATA, |data| {
                const VETH_INFO_PEER: u16 = 1;
                data.nest(VETH_INFO_PEER, |far| {
                    far.link(0, 0);
                    far.text(libc::IFLA_IFNAME, peer);
                    far.attribute(libc::IFLA_ADDRESS, &mac);
                    far.attribute(libc::IFLA_NET_NS_FD, &other.as_raw_fd().to_ne_bytes());
                });
            });
        });
        self.ask(message)
    }

    /// Removes link `name`, and with it the other end of a pair.
    pub fn remove(&self, name: &str) -> io::Result<()> {
        let mut message = Message::new(libc::RTM_DELLINK, ACKNOWLEDGED);
        message.link(0, 0);
        message.text(libc::IFLA_IFNAME, name);
        self.ask(message)
    }

    /// Switches a link on.
    pub fn up(&self, index: u32) -> io::Result<()> {
        let mut message = Message::new(libc::RTM_NEWLINK, ACKNOWLEDGED);
        message.link(index, libc::IFF_UP as u32);
        self.ask(message)
    }

    /// Gives a link an address.
    pub fn add_address(&self, index: u32, address: Ipv4Addr, prefix: u8) -> io::Result<()> {
        let mut message = Message::new(libc::RTM_NEWADDR, NEW);
        message.raw(&[libc::AF_INET as u8, prefix, 0, libc::RT_SCOPE_UNIVERSE]);
        message.raw(&index.to_ne_bytes());
        message.attribute(libc::IFA_LOCAL, &address.octets());
        message.attribute(libc::IFA_ADDRESS, &address.octets());
        self.ask(message)
    }

    /// Sends all that has no better way to `gateway`.
    pub fn add_default_route(&self, gateway: Ipv4Addr) -> io::Result<()> {
        let mut message = Message::new(libc::RTM_NEWROUTE, NEW);
        message.raw(&[libc::AF_INET as u8, 0, 0, 0]);
        message.raw(&[
            libc::RT_TABLE_MAIN,
            libc::RTPROT_STATIC,
            libc::RT_SCOPE_UNIVERSE,
            libc::RTN_UNICAST,
        ]);
        message.raw(&0u32.to_ne_bytes());
        message.attribute(libc::RTA_GATEWAY, &gateway.octets());
        self.ask(message)
    }

    /// What the routes of this namespace do with `to`: `RTN_UNICAST`, `RTN_LOCAL`, …
    pub fn kind_of_route(&self, to: Ipv4Addr) -> io::Result<u8> {
        let mut message = Message::new(libc::RTM_GETROUTE, libc::NLM_F_REQUEST as u16);
        message.raw(&[libc::AF_INET as u8, 32, 0, 0]);
        message.raw(&[0; 8]);
        message.attribute(libc::RTA_DST, &to.octets());
        send(&self.0, &message.finish(), SendFlags::empty())?;
        let mut buffer = [0; 4096];
        let (_, read) = recv(&self.0, &mut buffer[..], RecvFlags::empty())?;
        route_kind(&buffer[..read])
    }

    /// Sends a message and reads what the kernel says to it.
    fn ask(&self, message: Message) -> io::Result<()> {
        send(&self.0, &message.finish(), SendFlags::empty())?;
        let mut buffer = [0; 4096];
        let (_, read) = recv(&self.0, &mut buffer[..], RecvFlags::empty())?;
        acknowledgements(&buffer[..read]).map(drop)
    }
}

/// The type of the route that the kernel's answer describes.
fn route_kind(answer: &[u8]) -> io::Result<u8> {
    // The message's type stands in its 5th and 6th byte, the route's in the 8th after the header.
    let route = answer.get(4..6) == Some(&libc::RTM_NEWROUTE.to_ne_bytes());
    match (route, answer.get(16 + 7)) {
        (true, Some(kind)) => Ok(*kind),
        _ => Err(acknowledgements(answer)
            .err()
            .unwrap_or_else(|| io::Error::other("the kernel gave another answer than a route"))),
    }
}

/// How many messages the kernel says it has done; an error where it says that it has not.
pub fn acknowledgements(mut answers: &[u8]) -> io::Result<usize> {
    let mut count = 0;
    while !answers.is_empty() {
        let number = |at: usize| {
            let bytes = answers.get(at..at + 4)?;
            Some(u32::from_ne_bytes(bytes.try_into().ok()?))
        };
        // A header of 16 bytes that starts with the length, then the error's number, negative.
        let (Some(length), Some(code)) = (number(0), number(16)) else {
            return Err(io::Error::other("the kernel's answer is cut off"));
        };
        if code != 0 {
            return Err(io::Error::from_raw_os_error(-code.cast_signed()));
        }
        count += 1;
        let next = (length as usize).next_multiple_of(4).max(20);
        answers = answers.get(next..).unwrap_or_default();
    }
    Ok(count)
}

/// A message that is being written.
pub struct Message(Vec<u8>);

impl Message {
    pub fn new(kind: u16, flags: u16) -> Self {
        let mut message = Self(vec![0; 4]);
        message.raw(&kind.to_ne_bytes());
        message.raw(&flags.to_ne_bytes());
        message.raw(&[0; 8]);
        message
    }

    pub fn raw(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// The fixed part of a message about a link; the flags that are given are set.
    fn link(&mut self, index: u32, flags: u32) {
        self.raw(&[0; 4]);
        self.raw(&index.to_ne_bytes());
        self.raw(&flags.to_ne_bytes());
        self.raw(&flags.to_ne_bytes());
    }

    pub fn attribute(&mut self, kind: u16, value: &[u8]) {
        self.nest(kind, |inner| inner.raw(value));
    }

    pub fn text(&mut self, kind: u16, value: &str) {
        self.nest(kind, |inner| {
            inner.raw(value.as_bytes());
            inner.raw(&[0]);
        });
    }

    pub fn nest(&mut self, kind: u16, fill: impl FnOnce(&mut Self)) {
        let start = self.0.len();
        self.raw(&[0; 2]);
        self.raw(&kind.to_ne_bytes());
        fill(self);
        let length = (self.0.len() - start) as u16;
        self.0[start..start + 2].copy_from_slice(&length.to_ne_bytes());
        self.0.resize(self.0.len().next_multiple_of(4), 0);
    }

    pub fn finish(mut self) -> Vec<u8> {
        let length = self.0.len() as u32;
        self.0[..4].copy_from_slice(&length.to_ne_bytes());
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_nest_and_are_padded() {
        let mut message = Message::new(16, 5);
        message.nest(18, |info| info.text(1, "veth"));
        let bytes = message.finish();
        assert_eq!(bytes.len(), 16 + 4 + 4 + 8);
        assert_eq!(bytes[..4], 32u32.to_ne_bytes());
        assert_eq!(bytes[16..18], 16u16.to_ne_bytes());
        assert_eq!(bytes[20..22], 9u16.to_ne_bytes());
        assert_eq!(&bytes[24..32], b"veth\0\0\0\0");
    }
}
