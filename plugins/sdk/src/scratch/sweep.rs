//! What killed processes left below `.kitchen/tmp`.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::Path;

use super::held::{BELOW, ELSEWHERE, LETTERS, LOCK, elsewhere_prefix, is_no_link};

/// What was found and dealt with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Programs that were still running and were killed, each with its number.
    pub ended: Vec<String>,
    /// Numbers of process groups that may still run where the system does not tell whose they are.
    pub doubtful: Vec<u32>,
    /// What could not be removed, and why.
    pub failed: Vec<String>,
}

/// Ends the processes and removes the directories that killed processes left below `kitchen_dir`
/// (`.kitchen`). What a living process holds stays as it is. Blocks.
pub fn sweep(kitchen_dir: &Path) -> Swept {
    let mut swept = Swept::default();
    let place = kitchen_dir.join(BELOW);
    if !place.exists() || is_no_link(&place).is_err() {
        return swept;
    }
    for entry in std::fs::read_dir(&place).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Some(id) = name.to_str().and_then(|name| name.strip_suffix(LOCK)) else {
            continue;
        };
        if id.len() != LETTERS || !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            continue;
        }
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        // For writing: some file systems lock nothing else.
        if is_file
            && let Ok(lock) = File::options().read(true).write(true).open(entry.path())
            && lock.try_lock().is_ok()
        {
            one(&place, id, &lock, &mut swept);
        }
    }
    let _ = std::fs::remove_dir(&place);
    swept
}

/// `_lock` is held meanwhile: no other process sweeps the same.
fn one(place: &Path, id: &str, _lock: &File, swept: &mut Swept) {
    let directory = place.join(id);
    #[cfg(unix)]
    if !end_processes(&directory, id, swept) {
        return;
    }
    remove_elsewhere(&directory, id, swept);
    if gone(&directory, std::fs::remove_dir_all(&directory), swept) {
        let lock = place.join(format!("{id}{LOCK}"));
        gone(&lock, std::fs::remove_file(&lock), swept);
    }
}

fn gone(path: &Path, removed: io::Result<()>, swept: &mut Swept) -> bool {
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            swept
                .failed
                .push(format!("remove {}: {error}", path.display()));
            false
        }
        _ => true,
    }
}

/// Kills what is left of the groups that are noted. Says whether the notes are of no more use.
#[cfg(target_os = "linux")]
fn end_processes(directory: &Path, id: &str, swept: &mut Swept) -> bool {
    // The way to the project may be another one now.
    let (name, directory_of_it) = (format!("{}=", super::MARK), format!("/{id}"));
    let is_mark = |variable: &[u8]| {
        variable.starts_with(name.as_bytes()) && variable.ends_with(directory_of_it.as_bytes())
    };
    for noted in super::note::read(directory) {
        if crate::family::end_marked_group(noted.pid, noted.start, is_mark) {
            let (program, pid) = (noted.program, noted.pid);
            swept.ended.push(format!("{program} (process {pid})"));
        }
    }
    true
}

/// Without `/proc` nobody can tell whether a group is still the one that was noted.
#[cfg(all(unix, not(target_os = "linux")))]
fn end_processes(directory: &Path, _id: &str, swept: &mut Swept) -> bool {
    use rustix::process::{Pid, test_kill_process_group};
    let living = super::note::read(directory).into_iter().filter(|noted| {
        let group = Pid::from_raw(noted.pid.cast_signed());
        group.is_some_and(|group| test_kill_process_group(group).is_ok())
    });
    let before = swept.doubtful.len();
    swept.doubtful.extend(living.map(|noted| noted.pid));
    swept.doubtful.len() == before
}

/// Removes the directories that were made outside of `.kitchen`.
fn remove_elsewhere(directory: &Path, id: &str, swept: &mut Swept) {
    let Ok(noted) = crate::outside::file::read(&directory.join(ELSEWHERE), 1 << 20) else {
        return;
    };
    let prefix = elsewhere_prefix(id);
    let noted = String::from_utf8_lossy(&noted);
    let places: BTreeSet<&str> = noted.lines().collect();
    for place in places {
        for entry in std::fs::read_dir(place).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let is_named = name.to_str().is_some_and(|it| it.starts_with(&prefix));
            if is_named && is_own_directory(&entry) {
                gone(&entry.path(), std::fs::remove_dir_all(entry.path()), swept);
            }
        }
    }
}

/// Others may have put something of that name into a place that all share.
fn is_own_directory(entry: &std::fs::DirEntry) -> bool {
    #[cfg(unix)]
    let is_own = |about: &std::fs::Metadata| {
        use std::os::unix::fs::MetadataExt;
        about.uid() == rustix::process::geteuid().as_raw()
    };
    #[cfg(not(unix))]
    let is_own = |_: &std::fs::Metadata| true;
    entry
        .metadata()
        .is_ok_and(|about| about.is_dir() && is_own(&about))
}

#[cfg(test)]
mod tests {
    use super::super::Scratch;
    use super::*;

    #[test]
    fn what_a_living_process_holds_stays() {
        let kitchen = tempfile::tempdir().unwrap();
        let scratch = Scratch::below(kitchen.path()).unwrap();
        assert_eq!(sweep(kitchen.path()), Swept::default());
        assert!(scratch.path().is_dir());
    }

    #[test]
    fn what_nobody_holds_goes_and_nothing_else() {
        let kitchen = tempfile::tempdir().unwrap();
        let place = kitchen.path().join(BELOW);
        let dead = place.join("abcdefGHIJ12/.tmpxyz");
        std::fs::create_dir_all(&dead).unwrap();
        std::fs::write(dead.join("variables.json"), "secret").unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        let named = |id: &str| elsewhere.path().join(elsewhere_prefix(id) + "x");
        std::fs::create_dir_all(named("abcdefGHIJ12").join("socket")).unwrap();
        std::fs::create_dir_all(named("abcdefGHIJ13")).unwrap();
        let noted = elsewhere.path().display().to_string();
        std::fs::write(place.join("abcdefGHIJ12").join(ELSEWHERE), noted).unwrap();
        std::fs::write(place.join("abcdefGHIJ12.lock"), "").unwrap();
        std::fs::write(place.join("notes.lock"), "").unwrap();
        std::fs::create_dir(place.join("notes")).unwrap();
        assert_eq!(sweep(kitchen.path()), Swept::default());
        let mut left: Vec<_> = std::fs::read_dir(&place)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        left.sort();
        assert!(!named("abcdefGHIJ12").exists() && named("abcdefGHIJ13").exists());
        assert_eq!(left, ["notes", "notes.lock"]);
    }

    /// A group of `sleep`s below a shell, started with and without the mark of `id`.
    #[cfg(target_os = "linux")]
    fn group(mark: Option<&str>) -> (std::process::Child, u32) {
        use std::io::BufRead;
        use std::os::unix::process::CommandExt;
        let mut command = std::process::Command::new("sh");
        command
            .args(["-c", "sleep 600 & echo $!; wait"])
            .process_group(0);
        command.stdout(std::process::Stdio::piped());
        command.envs(mark.map(|mark| (super::super::MARK, mark)));
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        let out = child.stdout.take().unwrap();
        std::io::BufReader::new(out).read_line(&mut line).unwrap();
        let below = line.trim().parse().unwrap();
        (child, below)
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn processes_that_are_noted_end_and_others_of_the_same_number_do_not() {
        use std::os::unix::process::ExitStatusExt;
        let kitchen = tempfile::tempdir().unwrap();
        let place = kitchen.path().join(BELOW);
        let id = "abcdefGHIJ12";
        std::fs::create_dir_all(place.join(id)).unwrap();
        std::fs::write(place.join(format!("{id}{LOCK}")), "").unwrap();
        let (mut ours, below) = group(Some(&format!("/a/link/.kitchen/tmp/{id}")));
        let (mut unmarked, _) = group(None);
        let (mut reused, _) = group(Some(&format!("/x/{id}")));
        for (pid, start) in [
            (ours.id(), crate::family::start_of(ours.id())),
            (unmarked.id(), crate::family::start_of(unmarked.id())),
            (reused.id(), Some(1)),
        ] {
            let noted = serde_json::json!({"pid": pid, "start": start, "program": "sh"});
            let note = place.join(id).join(format!("process-{pid}"));
            std::fs::write(note, noted.to_string()).unwrap();
        }
        let swept = sweep(kitchen.path());
        assert_eq!(swept.ended, [format!("sh (process {})", ours.id())]);
        assert_eq!(ours.wait().unwrap().signal(), Some(9));
        assert_eq!(unmarked.try_wait().unwrap(), None);
        assert_eq!(reused.try_wait().unwrap(), None);
        let environment = std::fs::read(format!("/proc/{below}/environ"));
        assert!(environment.unwrap_or_default().is_empty(), "{below} lives");
        for mut other in [unmarked, reused] {
            crate::process::kill_group(other.id());
            other.wait().unwrap();
        }
        assert!(!place.exists());
    }
}
