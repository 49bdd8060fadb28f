//! One rule of packet filtering, by the kernel's own messages: connections that members open to
//! the world arrive at the gate. It lives in the group's network namespace and ends with it.

use std::io;
use std::net::Ipv4Addr;

use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, recv, send, socket_with,
};

use super::netlink::{ACKNOWLEDGED, Message, acknowledgements};

const TABLE: &str = "banquet";
const CHAIN: &str = "out";
/// The register that every expression here reads or writes.
const REGISTER: u32 = 1;
const TCP: u8 = 6;

// Numbers of attributes, from `linux/netfilter/nf_tables.h`; the crate libc has none of them.
const TABLE_NAME: u16 = 1;
const CHAIN_TABLE: u16 = 1;
const CHAIN_NAME: u16 = 3;
const CHAIN_HOOK: u16 = 4;
const CHAIN_TYPE: u16 = 7;
const HOOK_NUMBER: u16 = 1;
const HOOK_PRIORITY: u16 = 2;
const RULE_TABLE: u16 = 1;
const RULE_CHAIN: u16 = 2;
const RULE_EXPRESSIONS: u16 = 4;
const LIST_ELEMENT: u16 = 1;
const EXPRESSION_NAME: u16 = 1;
const EXPRESSION_DATA: u16 = 2;
const DATA_VALUE: u16 = 1;
/// Priority of rules that change destinations.
const DESTINATIONS: i32 = -100;

/// Sends every TCP connection that comes from the network `network/prefix` and leads out of it to
/// `port` of this namespace.
pub fn redirect(network: Ipv4Addr, prefix: u8, port: u16) -> io::Result<()> {
    let socket = socket_with(
        AddressFamily::NETLINK,
        SocketType::RAW,
        SocketFlags::CLOEXEC,
        Some(netlink::NETFILTER),
    )?;
    let mut batch = boundary(libc::NFNL_MSG_BATCH_BEGIN);
    let messages = [table(), chain(), rule(network, prefix, port)];
    let count = messages.len();
    for message in messages {
        batch.extend(message.finish());
    }
    batch.extend(boundary(libc::NFNL_MSG_BATCH_END));
    send(&socket, &batch, SendFlags::empty())?;
    let mut buffer = [0; 8192];
    let mut answered = 0;
    while answered < count {
        let (_, read) = recv(&socket, &mut buffer[..], RecvFlags::empty())?;
        answered += acknowledgements(&buffer[..read])?;
    }
    Ok(())
}

/// All messages between two of these take effect at once.
fn boundary(kind: i32) -> Vec<u8> {
    let mut message = Message::new(kind as u16, libc::NLM_F_REQUEST as u16);
    message.raw(&[0, 0]);
    message.raw(&(libc::NFNL_SUBSYS_NFTABLES as u16).to_be_bytes());
    message.finish()
}

fn of_tables(kind: i32, flags: i32) -> Message {
    let kind = (libc::NFNL_SUBSYS_NFTABLES << 8) | kind;
    let mut message = Message::new(kind as u16, ACKNOWLEDGED | flags as u16);
    message.raw(&[libc::AF_INET as u8, 0, 0, 0]);
    message
}

fn table() -> Message {
    let mut message = of_tables(libc::NFT_MSG_NEWTABLE, libc::NLM_F_CREATE);
    message.text(TABLE_NAME, TABLE);
    message
}

fn chain() -> Message {
    let mut message = of_tables(libc::NFT_MSG_NEWCHAIN, libc::NLM_F_CREATE);
    message.text(CHAIN_TABLE, TABLE);
    message.text(CHAIN_NAME, CHAIN);
    message.nest(CHAIN_HOOK, |hook| {
        hook.attribute(HOOK_NUMBER, &libc::NF_INET_PRE_ROUTING.to_be_bytes());
        hook.attribute(HOOK_PRIORITY, &DESTINATIONS.to_be_bytes());
    });
    message.text(CHAIN_TYPE, "nat");
    message
}

fn rule(network: Ipv4Addr, prefix: u8, port: u16) -> Message {
    let mask = u32::MAX << (32 - u32::from(prefix));
    let flags = libc::NLM_F_CREATE | libc::NLM_F_APPEND;
    let mut message = of_tables(libc::NFT_MSG_NEWRULE, flags);
    message.text(RULE_TABLE, TABLE);
    message.text(RULE_CHAIN, CHAIN);
    message.nest(RULE_EXPRESSIONS, |list| {
        let mut add = |name: &str, numbers: &[(u16, u32)], data: &[(u16, &[u8])]| {
            list.nest(LIST_ELEMENT, |element| {
                element.text(EXPRESSION_NAME, name);
                element.nest(EXPRESSION_DATA, |inner| {
                    for (kind, number) in numbers {
                        inner.attribute(*kind, &number.to_be_bytes());
                    }
                    for (kind, value) in data {
                        inner.nest(*kind, |inner| inner.attribute(DATA_VALUE, value));
                    }
                });
            });
        };
        let (equal, unequal) = (0, libc::NFT_CMP_NEQ as u32);
        let header = libc::NFT_PAYLOAD_NETWORK_HEADER as u32;
        add(
            "meta",
            &[(1, REGISTER), (2, libc::NFT_META_L4PROTO as u32)],
            &[],
        );
        add("cmp", &[(1, REGISTER), (2, equal)], &[(3, &[TCP])]);
        // The four bytes from the 16th are the destination.
        add(
            "payload",
            &[(1, REGISTER), (2, header), (3, 16), (4, 4)],
            &[],
        );
        add(
            "bitwise",
            &[(1, REGISTER), (2, REGISTER), (3, 4)],
            &[(4, &mask.to_be_bytes()), (5, &[0; 4])],
        );
        let own = (network.to_bits() & mask).to_be_bytes();
        add("cmp", &[(1, REGISTER), (2, unequal)], &[(3, &own)]);
        add("immediate", &[(1, REGISTER)], &[(2, &port.to_be_bytes())]);
        add("redir", &[(1, REGISTER)], &[]);
    });
    message
}
