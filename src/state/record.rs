//! `.kitchen/clusters/<cluster>.yml`: how far a cluster has come.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::file::yaml;
use super::{Error, read_if_there, remove_if_there, write_atomically};

/// What is remembered of a cluster between commands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClusterRecord {
    /// Id of the last run.
    pub run: String,
    /// Whether every living member has heard of all others.
    pub gossiped: bool,
    /// The steps of the last `test` that have ended, in the order of their ends.
    pub steps: Vec<Ended>,
}

/// A numbered step that has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// Counts from 1.
    pub number: usize,
    /// Its text or name.
    pub title: String,
    /// Whether the run went on.
    pub passed: bool,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl ClusterRecord {
    fn path(kitchen: &Path, cluster: &str) -> PathBuf {
        kitchen.join("clusters").join(format!("{cluster}.yml"))
    }

    /// The record of `cluster` in directory `kitchen` (`.kitchen`); an empty one where there is none.
    pub fn read(kitchen: &Path, cluster: &str) -> Result<Self, Error> {
        let path = Self::path(kitchen, cluster);
        match read_if_there(&path)?.filter(|text| !text.trim().is_empty()) {
            Some(text) => serde_saphyr::from_str(&text).map_err(|error| Error::Broken {
                reason: error.to_string(),
                path,
            }),
            None => Ok(Self::default()),
        }
    }

    /// Puts it in its place.
    pub fn write(&self, kitchen: &Path, cluster: &str) -> Result<(), Error> {
        let path = Self::path(kitchen, cluster);
        write_atomically(&path, yaml(self, &path)?.as_bytes())
    }

    /// Removes it, with the directory that the members' plugins shared; gone already is success.
    pub fn remove(kitchen: &Path, cluster: &str) -> Result<(), Error> {
        let shared = kitchen.join("clusters").join(cluster);
        match std::fs::remove_dir_all(&shared) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Error::unwritable(&shared, error));
            }
            _ => {}
        }
        remove_if_there(&Self::path(kitchen, cluster))
    }

    /// The last step that ended.
    pub fn last(&self) -> Option<&Ended> {
        self.steps.last()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let kitchen = tempfile::tempdir().unwrap();
        let nothing = ClusterRecord::read(kitchen.path(), "web").unwrap();
        assert_eq!(nothing, ClusterRecord::default());
        let record = ClusterRecord {
            run: "r".into(),
            gossiped: true,
            steps: vec![Ended {
                number: 2,
                title: "verify web1: all".into(),
                passed: false,
                error: Some("exit code 1\nno".into()),
            }],
        };
        record.write(kitchen.path(), "web").unwrap();
        assert_eq!(ClusterRecord::read(kitchen.path(), "web").unwrap(), record);
        ClusterRecord::remove(kitchen.path(), "web").unwrap();
        assert_eq!(
            ClusterRecord::read(kitchen.path(), "web").unwrap(),
            ClusterRecord::default()
        );
    }
}
