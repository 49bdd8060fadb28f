//! The directory of a Vagrant environment: Vagrantfile, lock, records, and what Vagrant itself
//! keeps below `.vagrant`.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use banquet_sdk::{Context, Error, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::network::Network;
use crate::record::Record;

/// Name of the usual Vagrantfile.
pub const VAGRANTFILE: &str = "Vagrantfile";
/// Time between two looks at a lock.
const ASK_AGAIN: Duration = Duration::from_millis(50);

/// An environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    /// Its directory.
    pub root: PathBuf,
}

/// How an environment is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// By one alone, who may make machines.
    Alone,
    /// By all who each work on a machine of their own.
    Shared,
}

/// Holds an environment until it is dropped, also against other processes.
#[derive(Debug)]
pub struct Held(#[expect(dead_code, reason = "closing it gives the lock back")] File);

impl Environment {
    /// Takes the environment, waiting for others; makes its directory. What a process that was
    /// killed left running there is ended.
    pub async fn hold(&self, cx: &Context, hold: Hold) -> Result<Held> {
        let mut waited = false;
        loop {
            let file = self.lock_file()?;
            // Whoever has it alone is the only one: what else works here was left behind.
            match file.try_lock() {
                Ok(()) if !self.is_current(&file) => continue,
                Ok(()) => {
                    crate::command::end_leftovers(cx, &self.root).await?;
                    if hold == Hold::Alone {
                        return Ok(Held(file));
                    }
                    file.unlock()?;
                }
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(self.failed("lock", error)),
            }
            if hold == Hold::Shared && file.try_lock_shared().is_ok() && self.is_current(&file) {
                return Ok(Held(file));
            }
            if !waited {
                waited = true;
                cx.note("waiting for another member's call of vagrant")
                    .await;
            }
            tokio::time::sleep(ASK_AGAIN).await;
        }
    }

    fn lock_file(&self) -> Result<File> {
        let path = self.root.join("lock");
        let open = || {
            fs::create_dir_all(&self.root)?;
            File::options()
                .create(true)
                .truncate(false)
                .write(true)
                .open(&path)
        };
        match open() {
            // Somebody removed the directory meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => open(),
            other => other,
        }
        .map_err(|error| self.failed("open the lock of", error))
    }

    /// Whether the lock is still that of the directory, which its last holder may have removed.
    fn is_current(&self, file: &File) -> bool {
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            let ours = file.metadata().map(|it| (it.dev(), it.ino())).ok();
            let there = fs::metadata(self.root.join("lock"))
                .map(|it| (it.dev(), it.ino()))
                .ok();
            ours.is_some() && ours == there
        }
        #[cfg(not(unix))]
        {
            let _ = file;
            true
        }
    }

    fn failed(&self, what: &str, error: io::Error) -> Error {
        Error::machine(format!("{what} {}: {error}", self.root.display()))
    }

    /// The record of a machine.
    pub fn record(&self, machine: &str) -> Result<Option<Record>> {
        read(&self.record_file(machine))
    }

    /// The records of all machines, by name.
    pub fn records(&self) -> Result<Vec<Record>> {
        let entries = match fs::read_dir(self.root.join("machines")) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(self.failed("list the machines of", error)),
        };
        let mut records: Vec<Record> = Vec::new();
        for entry in entries {
            let path = entry
                .map_err(|error| self.failed("list the machines of", error))?
                .path();
            if path.extension().is_some_and(|it| it == "json") {
                records.extend(read(&path)?);
            }
        }
        records.sort_by(|a, b| a.machine.cmp(&b.machine));
        Ok(records)
    }

    /// Puts a record in its place.
    pub fn save(&self, record: &Record) -> Result<()> {
        write_json(&self.record_file(&record.machine), record)
    }

    fn record_file(&self, machine: &str) -> PathBuf {
        self.root.join("machines").join(format!("{machine}.json"))
    }

    /// What the members share.
    pub fn network(&self) -> Result<Option<Network>> {
        read(&self.root.join("network.json"))
    }

    /// Puts what the members share in its place.
    pub fn save_network(&self, network: &Network) -> Result<()> {
        write_json(&self.root.join("network.json"), network)
    }

    /// Where the Vagrantfile is.
    pub fn vagrantfile(&self) -> PathBuf {
        self.root.join(VAGRANTFILE)
    }

    /// Puts a file in its place: a Vagrantfile, the usual one or another.
    pub fn write_file(&self, name: &str, text: &str) -> Result<()> {
        write(&self.root.join(name), text.as_bytes())
    }

    /// What Vagrant calls the machine; none where it has not made it.
    pub fn id(&self, machine: &str) -> Option<String> {
        let providers = fs::read_dir(self.data(machine)).ok()?;
        let ids = providers.flatten().map(|entry| entry.path().join("id"));
        let mut ids = ids.filter_map(|path| fs::read_to_string(path).ok());
        ids.find(|id| !id.trim().is_empty())
            .map(|id| id.trim().to_owned())
    }

    fn data(&self, machine: &str) -> PathBuf {
        self.root.join(".vagrant/machines").join(machine)
    }

    /// Forgets a machine, and what Vagrant keeps of it.
    pub fn forget(&self, machine: &str) -> Result<()> {
        remove_tree(&self.data(machine))?;
        match fs::remove_file(self.record_file(machine)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(self.failed("forget a machine of", error))
            }
            _ => Ok(()),
        }
    }

    /// Removes the directory.
    pub fn remove(&self) -> Result<()> {
        remove_tree(&self.root)
    }
}

fn remove_tree(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::machine(format!(
            "remove {}: {error}",
            path.display()
        ))),
        _ => Ok(()),
    }
}

/// A file of ours; none where there is none, or where it is not one of this version's.
fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    match fs::read(path) {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::machine(format!("read {}: {error}", path.display()))),
    }
}

fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    let bytes = serde_json::to_vec_pretty(value)
        .map_err(|error| Error::new(banquet_sdk::ErrorKind::Internal, error.to_string()))?;
    write(path, &bytes)
}

/// Puts a file in its place, whole, for the user's eyes alone: it may hold secrets.
fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    banquet_sdk::private::replace(path, bytes)
        .map_err(|error| Error::machine(format!("write {}: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use banquet_sdk::Section;

    use super::*;
    use crate::machine::tests::cx;

    fn environment() -> (tempfile::TempDir, Environment) {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("env");
        (dir, Environment { root })
    }

    #[tokio::test]
    async fn one_alone_or_many_together() {
        let (_dir, environment) = environment();
        let cx = cx(Section::default());
        let one = environment.hold(&cx, Hold::Shared).await.unwrap();
        let two = environment.hold(&cx, Hold::Shared).await.unwrap();
        let alone = environment.hold(&cx, Hold::Alone);
        let mut alone = std::pin::pin!(alone);
        let early = tokio::time::timeout(Duration::from_millis(120), alone.as_mut()).await;
        assert!(early.is_err(), "two others are at work");
        drop((one, two));
        let alone = alone.await.unwrap();
        let shared = tokio::time::timeout(
            Duration::from_millis(120),
            environment.hold(&cx, Hold::Shared),
        );
        assert!(shared.await.is_err());
        drop(alone);
        environment.hold(&cx, Hold::Shared).await.unwrap();
    }

    #[tokio::test]
    async fn a_directory_that_went_is_made_anew() {
        let (_dir, environment) = environment();
        let cx = cx(Section::default());
        let held = environment.hold(&cx, Hold::Alone).await.unwrap();
        let next = environment.hold(&cx, Hold::Alone);
        let mut next = std::pin::pin!(next);
        let early = tokio::time::timeout(Duration::from_millis(120), next.as_mut()).await;
        assert!(early.is_err());
        environment.remove().unwrap();
        drop(held);
        next.await.unwrap();
        assert!(environment.root.join("lock").is_file());
    }

    #[test]
    fn ids_are_vagrants() {
        let (_dir, environment) = environment();
        assert_eq!(environment.id("web"), None);
        let data = environment.root.join(".vagrant/machines/web/docker");
        fs::create_dir_all(&data).unwrap();
        fs::write(data.join("id"), "abc\n").unwrap();
        assert_eq!(environment.id("web").as_deref(), Some("abc"));
        environment.forget("web").unwrap();
        assert_eq!(environment.id("web"), None);
        environment.remove().unwrap();
        environment.remove().unwrap();
    }

    #[test]
    fn a_file_of_another_version_is_as_good_as_none() {
        let (_dir, environment) = environment();
        fs::create_dir_all(environment.root.join("machines")).unwrap();
        fs::write(environment.root.join("machines/web.json"), "{}").unwrap();
        assert_eq!(environment.record("web").unwrap(), None);
        assert_eq!(environment.records().unwrap(), []);
    }
}
