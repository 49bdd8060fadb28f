//! Processes and what they descend from, where Linux tells.

/// A process, as `/proc` tells of it.
#[derive(Clone, Copy, Debug)]
struct Relative {
    id: u32,
    parent: u32,
    group: u32,
    start: u64,
}

/// All living processes below `id`, in whatever group or session; none where there is no `/proc`.
pub(crate) fn descendants(id: u32) -> Vec<u32> {
    below(&[id], &all())
}

/// When a process was started, in the kernel's count; none where there is no `/proc`.
pub(crate) fn start_of(id: u32) -> Option<u64> {
    Some(stat(&id.to_string())?.start)
}

/// Kills what is left of the group that process `id` led, and what descends from it: only processes
/// that were started with a variable (`NAME=VALUE`) that `is_mark` knows. `start` tells
/// whether the process that has the number now is the one that was meant. Says whether there were any.
#[cfg(target_os = "linux")]
pub(crate) fn end_marked_group(
    id: u32,
    start: Option<u64>,
    is_mark: impl Fn(&[u8]) -> bool,
) -> bool {
    /// A group that goes on forking is looked at again, but not for ever.
    const ROUNDS: usize = 20;
    let mut found = false;
    for _ in 0..ROUNDS {
        let all = all();
        let taken = all.iter().any(|it| it.id == id && Some(it.start) != start);
        let has_mark = |id: u32| {
            let environment = std::fs::read(format!("/proc/{id}/environ")).unwrap_or_default();
            environment.split(|byte| *byte == 0).any(&is_mark)
        };
        let of_group = all.iter().filter(|it| it.group == id && !taken);
        let mut ours: Vec<u32> = of_group
            .map(|it| it.id)
            .filter(|id| has_mark(*id))
            .collect();
        ours.extend(below(&ours, &all).into_iter().filter(|id| has_mark(*id)));
        if ours.is_empty() {
            break;
        }
        found = true;
        let started = |id: u32| all.iter().find(|it| it.id == id).map(|it| it.start);
        ours.into_iter().for_each(|id| kill_one(id, started(id)));
    }
    found
}

/// Kills a process, unless another one has its number by now.
#[cfg(target_os = "linux")]
fn kill_one(id: u32, start: Option<u64>) {
    use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
    let Some(pid) = Pid::from_raw(id.cast_signed()) else {
        return;
    };
    if let Ok(handle) = pidfd_open(pid, PidfdFlags::empty())
        && start_of(id) == start
    {
        // Gone already is what is wanted.
        let _ = pidfd_send_signal(handle, Signal::KILL);
    }
}

fn below(above: &[u32], all: &[Relative]) -> Vec<u32> {
    let mut children = std::collections::HashMap::<u32, Vec<u32>>::new();
    for it in all {
        children.entry(it.parent).or_default().push(it.id);
    }
    let mut family = above.to_vec();
    let mut next = 0;
    while let Some(parent) = family.get(next) {
        family.extend(children.remove(parent).unwrap_or_default());
        next += 1;
    }
    family.split_off(above.len())
}

fn all() -> Vec<Relative> {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.filter_map(|name| stat(&name)).collect()
}

fn stat(name: &str) -> Option<Relative> {
    let id = name.parse().ok()?;
    let stat = std::fs::read_to_string(format!("/proc/{name}/stat")).ok()?;
    // `12 (a name) S 1 …`: the name may contain anything.
    let (_, rest) = stat.rsplit_once(')')?;
    let words: Vec<&str> = rest.split_whitespace().collect();
    Some(Relative {
        id,
        parent: words.get(1)?.parse().ok()?,
        group: words.get(2)?.parse().ok()?,
        start: words.get(19)?.parse().ok()?,
    })
}
