//! `.kitchen/clusters/<cluster>.yml`: how far a cluster has come.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};

use super::file::yaml;
use super::{Error, append, read_if_there, remove_if_there, write_atomically};

/// What is remembered of a cluster between commands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClusterRecord {
    /// Id of the last run.
    pub run: String,
    /// Whether every living member has heard of all others.
    pub gossiped: bool,
    /// What is broken, noted before it is broken, until it is mended.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub broken: Vec<Broken>,
    /// The steps of the last `test` that have ended, in the order of their ends. They are the end of
    /// the file, a line each.
    #[serde(skip_serializing, deserialize_with = "none_or_all")]
    pub steps: Vec<Ended>,
}

/// A list without items is written as nothing.
fn none_or_all<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Ended>, D::Error> {
    Option::<Vec<Ended>>::deserialize(from).map(Option::unwrap_or_default)
}

/// Something that a run broke and has not mended yet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Broken {
    /// Unique in the record.
    pub id: u64,
    /// The step, as written.
    pub step: String,
    /// What.
    pub what: Damage,
    /// The instances, in the groups that are cut from each other; one group for all else.
    pub groups: Vec<Vec<String>>,
    /// Since when.
    pub since: Timestamp,
}

/// What can be broken until it is mended.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Damage {
    /// Switched off.
    Off,
    /// Frozen.
    Frozen,
    /// The groups are cut from each other.
    Cut,
    /// Late packets, times in microseconds.
    Delay {
        /// By so much.
        by: u64,
        /// More or less so much.
        jitter: u64,
    },
    /// Lost packets.
    Drop {
        /// So many of a hundred.
        percent: f64,
    },
}

impl Damage {
    /// Whether it is one of links.
    pub fn is_of_links(self) -> bool {
        !matches!(self, Self::Off | Self::Frozen)
    }
}

impl Broken {
    /// The instances that it concerns.
    pub fn instances(&self) -> impl Iterator<Item = &String> {
        self.groups.iter().flatten()
    }

    /// The names of these instances, for people.
    pub fn members(&self) -> String {
        let names: Vec<&str> = self.instances().map(String::as_str).collect();
        names.join(", ")
    }

    /// Since when, for people.
    pub fn when(&self) -> impl std::fmt::Display {
        self.since.strftime("%Y-%m-%d %H:%M:%S UTC")
    }

    /// Whether it concerns `instance`.
    pub fn concerns(&self, instance: &str) -> bool {
        self.instances().any(|it| it == instance)
    }

    /// The same without `instance`; none where nothing is left of it.
    pub fn without(mut self, instance: &str) -> Option<Self> {
        for group in &mut self.groups {
            group.retain(|it| it != instance);
        }
        let filled = self.groups.iter().filter(|group| !group.is_empty()).count();
        let needed = if self.what == Damage::Cut { 2 } else { 1 };
        (filled >= needed).then_some(self)
    }
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

impl Ended {
    /// The item of the list, as JSON, which YAML is a superset of.
    fn line(&self, path: &Path) -> Result<String, Error> {
        let json = serde_json::to_string(self).map_err(|error| Error::Broken {
            path: path.into(),
            reason: error.to_string(),
        })?;
        Ok(format!("- {json}\n"))
    }
}

impl ClusterRecord {
    fn path(kitchen: &Path, cluster: &str) -> PathBuf {
        kitchen.join("clusters").join(format!("{cluster}.yml"))
    }

    /// The clusters that have a record in directory `kitchen` (`.kitchen`), by name.
    pub fn names(kitchen: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(kitchen.join("clusters"));
        let names = entries.into_iter().flatten().flatten().filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let name = name.strip_suffix(".yml")?;
            (!name.is_empty() && !name.starts_with('.')).then(|| name.to_owned())
        });
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
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
        let mut text = yaml(self, &path)?;
        text.push_str("steps:\n");
        for step in &self.steps {
            text.push_str(&step.line(&path)?);
        }
        write_atomically(&path, text.as_bytes())
    }

    /// Notes that a step has ended which has not ended before, in a record that is in its place: a
    /// line is added, however many there are.
    pub fn add(&mut self, step: &Ended, kitchen: &Path, cluster: &str) -> Result<(), Error> {
        let path = Self::path(kitchen, cluster);
        append(&path, step.line(&path)?.as_bytes())?;
        self.steps.push(step.clone());
        Ok(())
    }

    /// Removes it, with the directory that the members' plugins shared; gone already is success.
    /// Only what the directory of clusters lists under this very name is removed: the name may come
    /// from a label, and a label may hold a path.
    pub fn remove(kitchen: &Path, cluster: &str) -> Result<(), Error> {
        let (file, clusters) = (format!("{cluster}.yml"), kitchen.join("clusters"));
        for entry in super::listed(&clusters)? {
            let (name, path) = (entry.file_name(), entry.path());
            // A link is no directory, and nothing behind it is touched.
            let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if name == cluster && is_directory {
                match std::fs::remove_dir_all(&path) {
                    Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                        return Err(Error::unwritable(&path, error));
                    }
                    _ => {}
                }
            } else if name == file.as_str() || name == cluster {
                remove_if_there(&path)?;
            }
        }
        Ok(())
    }

    /// The last step that ended.
    pub fn last(&self) -> Option<&Ended> {
        self.steps.last()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut() -> Broken {
        Broken {
            id: 1,
            step: "partition a | b c".into(),
            what: Damage::Cut,
            groups: vec![
                vec!["a-host".into()],
                vec!["b-host".into(), "c-host".into()],
            ],
            since: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_cut_needs_two_sides() {
        let two = cut().without("b-host").unwrap();
        assert_eq!(two.groups, [["a-host"], ["c-host"]]);
        assert_eq!(two.without("a-host"), None);
        let off = Broken {
            what: Damage::Off,
            groups: vec![vec!["a-host".into()]],
            ..cut()
        };
        assert_eq!(off.clone().without("b-host"), Some(off.clone()));
        assert_eq!(off.without("a-host"), None);
    }

    #[test]
    fn a_name_that_is_a_path_removes_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let (kitchen, victim) = (directory.path().join("k"), directory.path().join("victim"));
        std::fs::create_dir_all(kitchen.join("clusters")).unwrap();
        std::fs::create_dir(&victim).unwrap();
        std::fs::write(directory.path().join("victim.yml"), "").unwrap();
        let absolute = victim.display().to_string();
        for name in ["../../victim", absolute.as_str(), "..", ".", ""] {
            ClusterRecord::remove(&kitchen, name).unwrap();
        }
        assert!(victim.is_dir() && directory.path().join("victim.yml").is_file());
        assert!(kitchen.join("clusters").is_dir());
    }

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
            broken: vec![
                cut(),
                Broken {
                    what: Damage::Delay {
                        by: 1500,
                        jitter: 0,
                    },
                    groups: vec![vec!["a-host".into()]],
                    ..cut()
                },
            ],
        };
        let mut record = record;
        record.write(kitchen.path(), "web").unwrap();
        assert_eq!(ClusterRecord::read(kitchen.path(), "web").unwrap(), record);
        let next = Ended {
            number: 3,
            title: "say \"ja\": {ü} # \u{1}\t\u{2028}".into(),
            passed: true,
            error: None,
        };
        record.add(&next, kitchen.path(), "web").unwrap();
        assert_eq!(record.steps.len(), 2);
        assert_eq!(ClusterRecord::read(kitchen.path(), "web").unwrap(), record);
        record.steps.clear();
        record.write(kitchen.path(), "web").unwrap();
        assert_eq!(ClusterRecord::read(kitchen.path(), "web").unwrap(), record);
        ClusterRecord::remove(kitchen.path(), "web").unwrap();
        assert_eq!(
            ClusterRecord::read(kitchen.path(), "web").unwrap(),
            ClusterRecord::default()
        );
    }
}
