//! Whose a process is, written in its arguments: so that it is found when the state is lost, and
//! so that nothing is signalled that merely has the number of a process that was ours.

use std::ffi::OsString;
use std::fs;

use banquet_sdk::Identity;
use banquet_sdk::outside::Claim;
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use crate::HELPER;
use crate::wire::Process;

/// The labels of a helper.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Labels {
    /// What it does: `keep`, `boot`, `run`, …
    pub verb: String,
    /// The project.
    pub project: String,
    /// The cluster; empty for a plain instance.
    pub cluster: String,
    /// The instance; empty for what the members of a cluster share.
    pub instance: String,
    /// The instance's suite.
    pub suite: String,
    /// The instance's platform.
    pub platform: String,
    /// The run that made it.
    pub run: String,
    /// Random name of the instance or the group.
    pub id: String,
}

impl Labels {
    /// Labels of something that belongs to one instance.
    pub fn of_instance(verb: &str, identity: &Identity, id: &str) -> Self {
        Self {
            verb: verb.into(),
            project: identity.project.clone(),
            cluster: identity.cluster.clone().unwrap_or_default(),
            instance: identity.instance.clone(),
            suite: identity.suite.clone(),
            platform: identity.platform.clone(),
            run: identity.run.clone(),
            id: id.into(),
        }
    }

    /// Labels of something that all members share. For a plain instance it is the instance's.
    pub fn of_group(verb: &str, identity: &Identity, id: &str) -> Self {
        let mut labels = Self::of_instance(verb, identity, id);
        if identity.cluster.is_some() {
            labels.instance.clear();
            labels.suite.clear();
        }
        labels
    }

    /// As arguments of a helper.
    pub fn arguments(&self) -> Vec<String> {
        let mut arguments = vec![HELPER.to_owned(), self.verb.clone()];
        let mut copy = self.clone();
        for (name, value) in copy.fields() {
            arguments.push(format!("--{name}={value}"));
        }
        arguments
    }

    /// From a helper's arguments, its name left out.
    pub fn parse(arguments: impl Iterator<Item = OsString>) -> Option<Self> {
        let mut arguments = arguments.map(|argument| argument.to_string_lossy().into_owned());
        if arguments.next()? != HELPER {
            return None;
        }
        let mut labels = Self {
            verb: arguments.next()?,
            ..Self::default()
        };
        for argument in arguments {
            let (name, value) = argument.strip_prefix("--")?.split_once('=')?;
            let mut fields = labels.fields().into_iter();
            if let Some((_, field)) = fields.find(|(field, _)| *field == name) {
                *field = value.to_owned();
            }
        }
        Some(labels)
    }

    fn fields(&mut self) -> [(&'static str, &mut String); 7] {
        [
            ("project", &mut self.project),
            ("cluster", &mut self.cluster),
            ("instance", &mut self.instance),
            ("suite", &mut self.suite),
            ("platform", &mut self.platform),
            ("run", &mut self.run),
            ("id", &mut self.id),
        ]
    }

    /// Whose it is, in the words of the contract; none where it holds what this program never
    /// writes: what runs inside of an instance may call itself anything.
    pub fn identity(&self) -> Option<Identity> {
        let claim = Claim {
            project: self.project.clone(),
            cluster: Some(self.cluster.clone()),
            instance: self.instance.clone(),
            suite: self.suite.clone(),
            platform: self.platform.clone(),
            run: self.run.clone(),
        };
        claim.identity().ok()
    }

    /// Whether it belongs to the instance of `identity`, of any run, made with a cluster or without.
    pub fn is_of_instance(&self, identity: &Identity) -> bool {
        self.project == identity.project && self.instance == identity.instance
    }

    /// Whether it belongs to the cluster of `identity`, of any run.
    pub fn is_of_cluster(&self, identity: &Identity) -> bool {
        self.project == identity.project
            && !self.cluster.is_empty()
            && Some(self.cluster.as_str()) == identity.cluster.as_deref()
    }
}

/// All helpers of this user that live, with their labels.
pub fn scan() -> Vec<(Process, Labels)> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let own = rustix::process::geteuid().as_raw();
    entries
        .flatten()
        .filter_map(|entry| {
            use std::os::unix::fs::MetadataExt;
            let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
            if entry.metadata().ok()?.uid() != own {
                return None;
            }
            let labels = labels_of(pid)?;
            let start = stat_of(pid)?.start;
            Some((Process { pid, start }, labels))
        })
        .collect()
}

/// The labels of process `pid`; none where it is no helper, or is gone.
pub fn labels_of(pid: u32) -> Option<Labels> {
    use std::os::unix::ffi::OsStringExt;
    let line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let arguments = line
        .strip_suffix(b"\0")?
        .split(|byte| *byte == 0)
        .map(|argument| OsString::from_vec(argument.to_vec()));
    Labels::parse(arguments.skip(1))
}

/// What `/proc/PID/stat` tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// One letter: R, S, D, T (stopped), Z, …
    pub state: char,
    /// Parent.
    pub parent: u32,
    /// Session.
    pub session: u32,
    /// Clock ticks from boot to its start.
    pub start: u64,
}

/// What `/proc/PID/stat` tells of `pid` (a number or `self`); none where it is gone.
pub fn stat_of(pid: impl std::fmt::Display) -> Option<Stat> {
    parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// Reads a line of `/proc/PID/stat`.
pub fn parse_stat(line: &str) -> Option<Stat> {
    // The command's name stands in parentheses and may itself contain some.
    let fields: Vec<&str> = line[line.rfind(')')? + 1..].split_whitespace().collect();
    Some(Stat {
        state: fields.first()?.chars().next()?,
        parent: fields.get(1)?.parse().ok()?,
        session: fields.get(3)?.parse().ok()?,
        start: fields.get(19)?.parse().ok()?,
    })
}

impl Process {
    /// A handle to the process, if it lives and still is the one that was meant.
    pub fn open(self) -> Option<std::os::fd::OwnedFd> {
        let pid = Pid::from_raw(self.pid.cast_signed())?;
        let handle = pidfd_open(pid, PidfdFlags::empty()).ok()?;
        let stat = stat_of(self.pid)?;
        (stat.start == self.start && stat.state != 'Z').then_some(handle)
    }

    /// As [`Process::open`], if its labels also bear `id`.
    pub fn open_labelled(self, id: &str) -> Option<std::os::fd::OwnedFd> {
        let handle = self.open()?;
        labels_of(self.pid)
            .is_some_and(|labels| labels.id == id)
            .then_some(handle)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(cluster: Option<&str>) -> Identity {
        Identity {
            project: "p1".into(),
            cluster: cluster.map(Into::into),
            instance: "web1-debian".into(),
            suite: "web1".into(),
            platform: "debian".into(),
            run: "r1".into(),
        }
    }

    #[test]
    fn labels_survive_the_command_line() {
        for cluster in [None, Some("web-debian")] {
            let labels = Labels::of_instance("boot", &identity(cluster), "x1");
            let parsed = Labels::parse(labels.arguments().into_iter().map(OsString::from));
            assert_eq!(parsed.as_ref(), Some(&labels));
            assert_eq!(labels.identity(), Some(identity(cluster)));
            let cluster = "../../../..".into();
            assert_eq!(Labels { cluster, ..labels }.identity(), None);
        }
    }

    #[test]
    fn other_commands_have_no_labels() {
        assert_eq!(Labels::parse(["converge".into()].into_iter()), None);
        assert_eq!(labels_of(std::process::id()), None);
    }

    #[test]
    fn what_is_shared_belongs_to_the_cluster_only() {
        let of_cluster = identity(Some("web-debian"));
        let keeper = Labels::of_group("keep", &of_cluster, "x");
        assert!(keeper.is_of_cluster(&of_cluster));
        assert!(!keeper.is_of_instance(&of_cluster));
        let plain = Labels::of_group("keep", &identity(None), "x");
        assert!(plain.is_of_instance(&identity(None)));
        assert!(!plain.is_of_cluster(&identity(None)));
    }

    #[test]
    fn a_stat_line_with_a_wicked_name() {
        let line = "42 (a) S 1 (b)) T 7 42 40 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 1 0 8899 0 0";
        let stat = parse_stat(line).unwrap();
        assert_eq!((stat.state, stat.parent), ('T', 7));
        assert_eq!((stat.session, stat.start), (40, 8899));
    }

    #[test]
    fn a_process_is_opened_only_with_its_own_start_time() {
        let pid = std::process::id();
        let start = stat_of(pid).unwrap().start;
        assert!(Process { pid, start }.open().is_some());
        let other = Process {
            pid,
            start: start + 1,
        };
        assert!(other.open().is_none());
        assert!(Process { pid, start }.open_labelled("x").is_none());
    }
}
