//! Who has which host of a pool: one file a host, whole from the moment it exists, which only one
//! can make. It outlives the kitchen that made it, as the instance does.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use banquet_sdk::{Error, Identity, Result};
use serde::{Deserialize, Serialize};

/// A host in somebody's hands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Lease {
    /// The host, with its port where the pool gives one.
    pub host: String,
    /// Who has it.
    pub identity: Identity,
    /// Directory of that project, for people.
    #[serde(default)]
    pub directory: PathBuf,
    /// Since when, in seconds since 1970.
    pub since: u64,
}

impl Lease {
    pub fn new(host: &str, identity: &Identity, directory: &Path) -> Self {
        Self {
            host: host.to_owned(),
            identity: identity.clone(),
            directory: directory.to_owned(),
            since: now(),
        }
    }

    /// Whether it is that instance's, whichever run took it.
    pub fn is_of(&self, identity: &Identity) -> bool {
        self.identity.project == identity.project && self.identity.instance == identity.instance
    }

    /// Seconds since it was taken.
    pub fn age(&self) -> u64 {
        now().saturating_sub(self.since)
    }
}

/// The leases of one directory.
pub(crate) struct Leases(pub PathBuf);

impl Leases {
    /// Takes the host unless somebody has it; then gives that lease. Ours is taken already.
    pub fn take(&self, lease: &Lease) -> Result<Option<Lease>> {
        let file = self.file(&lease.host);
        let taken = fs::create_dir_all(&self.0).and_then(|()| {
            let mut written = tempfile::NamedTempFile::new_in(&self.0)?;
            written.write_all(&serde_json::to_vec(lease)?)?;
            written.as_file().sync_all()?;
            // Fails where the file exists, whoever was faster.
            match written.persist_noclobber(&file) {
                Ok(_) => Ok(true),
                Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
                Err(error) => Err(error.error),
            }
        });
        if taken.map_err(|error| during("write", &file, &error))? {
            return Ok(None);
        }
        let held = read(&file)?;
        Ok(held.filter(|held| !held.is_of(&lease.identity)))
    }

    /// The lease of that instance.
    pub fn of(&self, identity: &Identity) -> Result<Option<Lease>> {
        Ok(self.all()?.into_iter().find(|lease| lease.is_of(identity)))
    }

    /// Gives back what that instance has.
    pub fn release(&self, identity: &Identity) -> Result<()> {
        for lease in self.all()? {
            if lease.is_of(identity) {
                let file = self.file(&lease.host);
                match fs::remove_file(&file) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => {
                        return Err(during("remove", &file, &error));
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// Every lease of this directory.
    pub fn all(&self) -> Result<Vec<Lease>> {
        let entries = match fs::read_dir(&self.0) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(during("read", &self.0, &error)),
        };
        let mut leases = Vec::new();
        for entry in entries {
            let path = entry
                .map_err(|error| during("read", &self.0, &error))?
                .path();
            if path
                .extension()
                .is_some_and(|extension| extension == "lease")
            {
                leases.extend(read(&path)?);
            }
        }
        Ok(leases)
    }

    /// Where the lease of `host` is: every character that may mean something to a file system as
    /// its number.
    pub fn file(&self, host: &str) -> PathBuf {
        let name: String = host
            .bytes()
            .map(|byte| match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' => {
                    char::from(byte).to_string()
                }
                other => format!("%{other:02x}"),
            })
            .collect();
        self.0.join(format!("{name}.lease"))
    }
}

/// None where it was given back meanwhile.
fn read(file: &Path) -> Result<Option<Lease>> {
    let text = match fs::read(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(during("read", file, &error)),
    };
    serde_json::from_slice(&text)
        .map(Some)
        .map_err(|error| during("read", file, &error.into()))
}

fn during(what: &str, path: &Path, error: &io::Error) -> Error {
    Error::machine(format!("{what} {}: {error}", path.display()))
}

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(instance: &str) -> Identity {
        Identity {
            project: "p".into(),
            cluster: None,
            instance: instance.into(),
            suite: "s".into(),
            platform: "x".into(),
            run: "r".into(),
        }
    }

    fn lease(host: &str, identity: &Identity) -> Lease {
        Lease::new(host, identity, Path::new("/p"))
    }

    #[test]
    fn of_many_at_once_one_gets_the_host() {
        let directory = tempfile::tempdir().unwrap();
        let winners = std::thread::scope(|scope| {
            let race: Vec<_> = (0..16)
                .map(|i| {
                    let leases = Leases(directory.path().join("new"));
                    scope.spawn(move || {
                        let lease = lease("web:22", &identity(&format!("i{i}")));
                        leases.take(&lease).unwrap().is_none()
                    })
                })
                .collect();
            race.into_iter()
                .filter_map(|one| one.join().ok())
                .filter(|won| *won)
                .count()
        });
        assert_eq!(winners, 1);
    }

    #[test]
    fn ours_is_taken_again_and_given_back_only_by_us() {
        let directory = tempfile::tempdir().unwrap();
        let leases = Leases(directory.path().into());
        let (us, them) = (identity("us"), identity("them"));
        let mut later = us.clone();
        later.run = "another".into();
        assert_eq!(leases.take(&lease("web", &us)).unwrap(), None);
        assert_eq!(leases.take(&lease("web", &later)).unwrap(), None);
        let held = leases.take(&lease("web", &them)).unwrap();
        assert_eq!(held.unwrap().identity, us);
        leases.release(&them).unwrap();
        assert!(leases.of(&us).unwrap().is_some());
        leases.release(&later).unwrap();
        leases.release(&later).unwrap();
        assert!(leases.all().unwrap().is_empty());
    }

    #[test]
    fn no_name_leads_out_of_the_directory() {
        let leases = Leases("/leases".into());
        assert_eq!(leases.file("../x:1"), Path::new("/leases/..%2fx%3a1.lease"));
    }
}
