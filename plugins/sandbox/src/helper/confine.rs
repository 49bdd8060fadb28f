//! What a process that runs in an instance gives up before it starts: keys, capabilities, system
//! calls. The choice is that of systemd-nspawn, with what bubblewrap's users refuse beyond it.

use std::collections::BTreeMap;

use rustix::thread::{CapabilitySet, remove_capability_from_bounding_set, set_no_new_privs};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule,
};

use super::{Doing, Failure, Result};
use crate::raw;

/// What root in an instance may do; all else is given up for good.
const KEPT: CapabilitySet = CapabilitySet::AUDIT_WRITE
    .union(CapabilitySet::CHOWN)
    .union(CapabilitySet::DAC_OVERRIDE)
    .union(CapabilitySet::DAC_READ_SEARCH)
    .union(CapabilitySet::FOWNER)
    .union(CapabilitySet::FSETID)
    .union(CapabilitySet::IPC_OWNER)
    .union(CapabilitySet::KILL)
    .union(CapabilitySet::LEASE)
    .union(CapabilitySet::MKNOD)
    .union(CapabilitySet::NET_ADMIN)
    .union(CapabilitySet::NET_BIND_SERVICE)
    .union(CapabilitySet::NET_BROADCAST)
    .union(CapabilitySet::NET_RAW)
    .union(CapabilitySet::SETFCAP)
    .union(CapabilitySet::SETGID)
    .union(CapabilitySet::SETPCAP)
    .union(CapabilitySet::SETUID)
    .union(CapabilitySet::SYS_ADMIN)
    .union(CapabilitySet::SYS_CHROOT)
    .union(CapabilitySet::SYS_NICE)
    .union(CapabilitySet::SYS_PTRACE)
    .union(CapabilitySet::SYS_RESOURCE);

/// System calls that reach the workstation's kernel, clock, keys, swap or devices.
const DENIED: &[libc::c_long] = &[
    libc::SYS_acct,
    libc::SYS_add_key,
    libc::SYS_adjtimex,
    libc::SYS_bpf,
    libc::SYS_clock_adjtime,
    libc::SYS_clock_settime,
    libc::SYS_delete_module,
    libc::SYS_finit_module,
    libc::SYS_init_module,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_io_uring_setup,
    libc::SYS_kexec_load,
    libc::SYS_keyctl,
    libc::SYS_lookup_dcookie,
    libc::SYS_open_by_handle_at,
    libc::SYS_perf_event_open,
    libc::SYS_quotactl,
    libc::SYS_reboot,
    libc::SYS_request_key,
    libc::SYS_settimeofday,
    libc::SYS_swapoff,
    libc::SYS_swapon,
    libc::SYS_syslog,
    libc::SYS_userfaultfd,
    libc::SYS_vhangup,
];
/// As [`DENIED`], for one kind of processor.
#[cfg(target_arch = "x86_64")]
const DENIED_HERE: &[libc::c_long] = &[
    libc::SYS_ioperm,
    libc::SYS_iopl,
    libc::SYS_kexec_file_load,
    libc::SYS_uselib,
];
#[cfg(target_arch = "aarch64")]
const DENIED_HERE: &[libc::c_long] = &[libc::SYS_kexec_file_load];
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const DENIED_HERE: &[libc::c_long] = &[];

/// Families of sockets that stay within the instance's network. Others (virtual machines' sockets,
/// the kernel's cryptography, radio) know no namespaces, or nobody needs them here.
const FAMILIES: [i32; 6] = [
    libc::AF_UNSPEC,
    libc::AF_UNIX,
    libc::AF_INET,
    libc::AF_INET6,
    libc::AF_NETLINK,
    libc::AF_PACKET,
];

/// Requests to a terminal that put keys into it (TIOCSTI) or paste into the console (TIOCLINUX).
const KEYS: [u64; 2] = [0x5412, 0x541c];

/// Gives up what no process of an instance needs. With users of its own (`own_users`) the instance
/// has one user only, so that nothing in it can gain rights by set-uid programs.
pub fn confine(own_users: bool) -> Result<()> {
    raw::own_keyring().doing("take a session keyring of one's own")?;
    for capability in CapabilitySet::all().difference(KEPT).iter() {
        match remove_capability_from_bounding_set(capability) {
            // The kernel is older than the capability.
            Err(rustix::io::Errno::INVAL) => {}
            other => other.doing("give up a capability")?,
        }
    }
    if own_users {
        set_no_new_privs(true).doing("give up new privileges")?;
    }
    for filter in [calls(), sockets()] {
        let filter = filter.map_err(|error| Failure::new(format!("make the filter: {error}")))?;
        raw::filter_calls(&filter).doing("filter system calls")?;
    }
    Ok(())
}

type Filtered<T> = std::result::Result<T, seccompiler::BackendError>;
type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Refuses calls as what nobody may do.
fn calls() -> Filtered<BpfProgram> {
    let calls = DENIED.iter().chain(DENIED_HERE);
    let mut rules: Rules = calls.map(|call| (*call, Vec::new())).collect();
    rules.insert(libc::SYS_ioctl, key_rules()?);
    #[cfg(target_arch = "x86_64")]
    {
        /// Calls of which programs with short pointers have a variant of their own.
        const IOCTL: i64 = X32 | 514;
        const KEXEC_LOAD: i64 = X32 | 528;
        rules.insert(IOCTL, key_rules()?);
        rules.insert(KEXEC_LOAD, Vec::new());
    }
    filter(rules, libc::EPERM)
}

/// Refuses sockets as what the kernel does not have: that is what `su` and `sudo` expect where they
/// cannot reach the kernel's log of audits.
fn sockets() -> Filtered<BpfProgram> {
    let rules = Rules::from([(libc::SYS_socket, socket_rules()?)]);
    filter(rules, libc::EAFNOSUPPORT)
}

fn filter(mut rules: Rules, error: i32) -> Filtered<BpfProgram> {
    #[cfg(target_arch = "x86_64")]
    add_x32(&mut rules);
    let refuse = SeccompAction::Errno(error.cast_unsigned());
    let processor = std::env::consts::ARCH.try_into()?;
    SeccompFilter::new(rules, SeccompAction::Allow, refuse, processor)?.try_into()
}

/// The argument that says what is asked for is a number of 32 bits: what stands above it does not
/// count, for the kernel as for this.
fn is(argument: u8, kind: SeccompCmpOp, value: u64) -> Filtered<SeccompCondition> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, kind, value)
}

fn key_rules() -> Filtered<Vec<SeccompRule>> {
    let rule = |request: &u64| SeccompRule::new(vec![is(1, SeccompCmpOp::Eq, *request)?]);
    KEYS.iter().map(rule).collect()
}

fn socket_rules() -> Filtered<Vec<SeccompRule>> {
    let other = |family: &i32| is(0, SeccompCmpOp::Ne, *family as u64);
    let audit = vec![
        is(0, SeccompCmpOp::Eq, libc::AF_NETLINK as u64)?,
        is(2, SeccompCmpOp::Eq, libc::NETLINK_AUDIT as u64)?,
    ];
    Ok(vec![
        SeccompRule::new(FAMILIES.iter().map(other).collect::<Filtered<_>>()?)?,
        SeccompRule::new(audit)?,
    ])
}

/// What marks a call of a program with short pointers: the kernel takes the same calls from it
/// under other numbers.
#[cfg(target_arch = "x86_64")]
const X32: i64 = 0x4000_0000;

#[cfg(target_arch = "x86_64")]
fn add_x32(rules: &mut Rules) {
    let same: Vec<(i64, Vec<SeccompRule>)> = rules
        .iter()
        .map(|(call, rules)| (call | X32, rules.clone()))
        .collect();
    rules.extend(same);
}
