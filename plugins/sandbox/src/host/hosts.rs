//! Names of the peers in an instance's `/etc/hosts`: a marked block that is replaced as a whole.

use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;

use banquet_sdk::outside::file::{read_from, regular};
use banquet_sdk::{Error, Peers, Result};
use rustix::fs::{AtFlags, CWD, Mode, OFlags, ResolveFlags, openat, openat2, renameat, unlinkat};

use crate::wire::Process;

const BEGIN: &str = "# kitchen peers: begin";
const END: &str = "# kitchen peers: end";
const FRESH: &str = ".hosts.kitchen";
/// Largest file, in bytes; lists against advertisements have some MiB.
const LARGEST: u64 = 16 << 20;

/// Writes the block into the `/etc/hosts` of the instance whose first process is `init`.
pub fn write(init: Process, peers: &Peers) -> Result<()> {
    let failed = |error: std::io::Error| Error::machine(format!("write /etc/hosts: {error}"));
    let etc = open_etc(init).map_err(|error| failed(error.into()))?;
    // It may have been made a fifo, to make this wait for a writer.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = openat(&etc, "hosts", flags, Mode::empty());
    // What is missing, or no regular file, or no text, is made anew.
    let text = match file.map(File::from).map(regular) {
        Ok(Ok(file)) => String::from_utf8(read_from(&file, LARGEST).map_err(failed)?),
        _ => Ok(String::new()),
    };
    let text = text.unwrap_or_default();
    let wanted = with_block(&text, peers);
    if wanted == text {
        return Ok(());
    }
    replace(&etc, &wanted).map_err(failed)
}

/// The instance's `/etc`. Its links must not lead out of the instance, where this process is.
fn open_etc(init: Process) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = openat(
        CWD,
        format!("/proc/{}/root", init.pid),
        flags,
        Mode::empty(),
    )?;
    // Only what is opened before this is surely the instance's.
    init.open().ok_or(rustix::io::Errno::SRCH)?;
    openat2(&root, "etc", flags, Mode::empty(), ResolveFlags::IN_ROOT)
}

fn replace(etc: &OwnedFd, text: &str) -> std::io::Result<()> {
    let _ = unlinkat(etc, FRESH, AtFlags::empty());
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
    let file = openat(etc, FRESH, flags, Mode::from_raw_mode(0o644))?;
    File::from(file).write_all(text.as_bytes())?;
    Ok(renameat(etc, FRESH, etc, "hosts")?)
}

/// `text` with its block replaced, or with one at its end.
fn with_block(text: &str, peers: &Peers) -> String {
    let before = text.find(BEGIN).unwrap_or(text.len());
    let after = text[before..]
        .find(END)
        .map_or(text.len(), |at| before + at + END.len() + 1)
        .min(text.len());
    let mut result = text[..before].to_owned();
    if !result.is_empty() && !result.ends_with('\n') {
        result.push('\n');
    }
    result.push_str(BEGIN);
    result.push('\n');
    for peer in &peers.0 {
        if let Some(address) = &peer.address {
            result.push_str(&format!("{address}\t{}\n", peer.names().join(" ")));
        }
    }
    result.push_str(END);
    result.push('\n');
    result.push_str(&text[after..]);
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use banquet_sdk::Peer;

    fn peers(address: &str) -> Peers {
        Peers(vec![Peer {
            suite: "db".into(),
            instance: "db-debian".into(),
            address: Some(address.into()),
            ..Peer::default()
        }])
    }

    #[test]
    fn the_block_is_replaced_and_nothing_else() {
        let first = with_block("127.0.0.1\tlocalhost", &peers("10.77.0.2"));
        assert_eq!(
            first,
            format!("127.0.0.1\tlocalhost\n{BEGIN}\n10.77.0.2\tdb db-debian\n{END}\n")
        );
        assert_eq!(with_block(&first, &peers("10.77.0.2")), first);
        let more = format!("{first}10.0.0.1\tother\n");
        let second = with_block(&more, &peers("10.77.0.9"));
        assert_eq!(second, more.replace("10.77.0.2", "10.77.0.9"));
    }
}
