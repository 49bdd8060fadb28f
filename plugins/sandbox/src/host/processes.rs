//! Ends, stops and finds processes, each only while it is the one that was meant.

use std::collections::BTreeSet;
use std::fs;
use std::os::fd::OwnedFd;
use std::time::Duration;

use banquet_sdk::{Context, Error, Result};
use rustix::process::{Signal, pidfd_send_signal};

use crate::labels::{self, Labels, stat_of};
use crate::wire::Process;

/// How long the kernel may take to end a killed process and its namespaces.
const KILL_LIMIT: Duration = Duration::from_secs(60);

/// Kills the process and waits until it is gone.
pub async fn kill(cx: &Context, process: Process, handle: OwnedFd) -> Result<()> {
    signal(&handle, Signal::KILL)?;
    if gone_within(cx.within(KILL_LIMIT), handle).await? {
        return Ok(());
    }
    let message = format!("process {} does not end though it was killed", process.pid);
    Err(Error::machine(message))
}

/// Sends a signal; success where the process is gone already.
pub fn signal(handle: &OwnedFd, signal: Signal) -> Result<()> {
    match pidfd_send_signal(handle, signal) {
        Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
        Err(error) => Err(Error::machine(format!("signal the instance: {error}"))),
    }
}

/// Whether the process ends within `limit`.
pub async fn gone_within(limit: Duration, handle: OwnedFd) -> Result<bool> {
    let handle = crate::raw::watch(handle)?;
    match tokio::time::timeout(limit, handle.readable()).await {
        Ok(ready) => Ok(ready.map(|_| true)?),
        Err(_) => Ok(false),
    }
}

/// Kills all helpers whose labels are `ours`, also those that appear meanwhile.
pub async fn kill_all(cx: &Context, ours: impl Fn(&Labels) -> bool) -> Result<()> {
    loop {
        let mut found = false;
        for (process, labels) in labels::scan() {
            // The one that runs a command ends with it, and must be there to wait for it.
            if labels.verb == "run" || !ours(&labels) {
                continue;
            }
            if let Some(handle) = process.open_labelled(&labels.id) {
                found = true;
                kill(cx, process, handle).await?;
            }
        }
        if !found {
            return Ok(());
        }
    }
}

/// Sends a signal to every process of the PID namespace whose first process is `init`, to that one
/// first: then nothing is born that is not seen. Gives their numbers.
pub fn signal_all(init: Process, kind: Signal) -> Result<BTreeSet<u32>> {
    let namespace = |pid: u32| fs::read_link(format!("/proc/{pid}/ns/pid")).ok();
    let Some(inside) = namespace(init.pid) else {
        return Err(Error::machine("the instance is not running"));
    };
    let mut done = BTreeSet::new();
    let mut next = vec![init.pid];
    while !next.is_empty() {
        for pid in next.drain(..) {
            let process = stat_of(pid).map(|stat| Process {
                pid,
                start: stat.start,
            });
            if let Some(handle) = process.and_then(Process::open)
                && namespace(pid).as_ref() == Some(&inside)
            {
                signal(&handle, kind)?;
            }
            done.insert(pid);
        }
        next = fs::read_dir("/proc")?
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .filter(|pid| !done.contains(pid) && namespace(*pid).as_ref() == Some(&inside))
            .collect();
    }
    Ok(done)
}
