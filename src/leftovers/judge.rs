//! Whether anybody still wants a thing: data in, a word out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use banquet_sdk::{Identity, Orphan};
use serde_json::{Map, Value};

use crate::matrix::Matrix;
use crate::state::{Error, Holder, Lock, Project};

/// How a thing stands to the project as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The run that made it was killed.
    Killed(Holder),
    /// The configuration has no such instance or cluster any more.
    Unconfigured,
    /// Its instance has no state.
    Lost,
    /// The state of its instance does not know it.
    Replaced,
    /// No command on its instance has ended since it was made.
    Unfinished,
    /// The state of its instance knows it.
    InUse,
    /// It is kept to be used again.
    Cached,
    /// It was kept to be used again, and nothing that the configuration has would.
    Superseded,
    /// The state of its instance cannot be read.
    Unreadable,
}

impl Standing {
    /// Whether it was left behind; with `all`, what instances use that exist counts as well.
    pub fn is_left(&self, all: bool) -> bool {
        match self {
            Self::Killed(_)
            | Self::Unconfigured
            | Self::Lost
            | Self::Replaced
            | Self::Unfinished
            | Self::Superseded => true,
            Self::InUse | Self::Cached => all,
            Self::Unreadable => false,
        }
    }

    /// One word, for programs.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Killed(_) => "killed",
            Self::Unconfigured => "unconfigured",
            Self::Lost => "lost",
            Self::Replaced => "replaced",
            Self::Unfinished => "unfinished",
            Self::InUse => "in_use",
            Self::Cached => "cached",
            Self::Superseded => "superseded",
            Self::Unreadable => "unreadable",
        }
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Killed(holder) => {
                return write!(
                    f,
                    "kitchen {} of {} was killed",
                    holder.command, holder.since
                );
            }
            Self::Unconfigured => "not in the configuration any more",
            Self::Lost => "its state is lost",
            Self::Replaced => "its state does not know it",
            Self::Unfinished => "its creation never ended",
            Self::InUse => "in use",
            Self::Cached => "kept to be used again",
            Self::Superseded => "nothing uses it as it is",
            Self::Unreadable => "its state cannot be read",
        };
        f.write_str(text)
    }
}

/// What is known of a project, to judge by.
#[derive(Debug, Default)]
pub struct Facts {
    /// The locks of the instances that the configuration has.
    instances: BTreeMap<String, String>,
    /// The members of the clusters that the configuration has.
    clusters: BTreeMap<String, Vec<String>>,
    /// The states that there are; none where one cannot be read.
    pub states: BTreeMap<String, Option<Map<String, Value>>>,
}

impl Facts {
    /// What the configuration has.
    pub fn of(matrix: &Matrix) -> Self {
        let instances = matrix.instances.iter().map(|instance| {
            let lock = instance.cluster.as_ref().unwrap_or(&instance.name);
            (instance.name.clone(), lock.clone())
        });
        let clusters = matrix.clusters.iter().map(|cluster| {
            let members = cluster.members.iter().map(|member| member.name.clone());
            (cluster.name.clone(), members.collect())
        });
        Self {
            instances: instances.collect(),
            clusters: clusters.collect(),
            states: BTreeMap::new(),
        }
    }

    /// Reads all states anew.
    pub fn read_states(&mut self, project: &Project) -> Result<(), Error> {
        let read = project.state_files()?.into_iter().map(|(name, file)| {
            let values = file.read().ok();
            (name, values)
        });
        self.states = read
            .filter(|(_, it)| it.as_ref().is_none_or(|it| !it.is_empty()))
            .collect();
        Ok(())
    }

    /// The locks under which something of `identity` is worked on: by the labels, and by the
    /// configuration as it is now.
    pub fn locks(&self, identity: &Identity) -> BTreeSet<String> {
        let by_label = identity.cluster.as_ref().unwrap_or(&identity.instance);
        let now = self.instances.get(&identity.instance);
        now.into_iter().chain([by_label]).cloned().collect()
    }

    /// Those of `locks` that the configuration has, or that were taken here before: a label may
    /// name what it likes, and no file is made, opened or emptied for it.
    pub fn ours(
        &self,
        project: &Project,
        locks: &BTreeSet<String>,
    ) -> Result<BTreeSet<String>, Error> {
        let known = Lock::known(&project.kitchen())?;
        let configured: BTreeSet<&String> = self.instances.values().collect();
        let ours = locks
            .iter()
            .filter(|name| configured.contains(name) || known.contains(*name));
        Ok(ours.cloned().collect())
    }

    /// The members that the configuration gives a cluster.
    pub fn members(&self, cluster: &str) -> &[String] {
        self.clusters.get(cluster).map_or(&[], Vec::as_slice)
    }

    /// How `orphan` stands; `killed` are the last holders of its locks that were killed.
    pub fn judge(&self, orphan: &Orphan, killed: &[Holder]) -> Standing {
        let identity = &orphan.identity;
        let mut states = self.states.values().flatten();
        let noted = states.any(|state| orphan.is_noted_in(state));
        let shared = identity.instance.is_empty();
        // The project's own, whatever its instances: what is kept is so on purpose.
        if shared && identity.cluster.is_none() {
            return match orphan.cache || noted {
                true => Standing::Cached,
                false => Standing::Superseded,
            };
        }
        let configured = match (&identity.cluster, shared) {
            (Some(cluster), true) => self.clusters.contains_key(cluster),
            // One that was made in a cluster that is no more is not the one of the configuration.
            (cluster, _) => self
                .instances
                .get(&identity.instance)
                .is_some_and(|now| cluster.as_ref().is_none_or(|it| it == now)),
        };
        if orphan.cache && (configured || noted) {
            return Standing::Cached;
        }
        let maker = |holder: &&Holder| holder.run.as_ref() == Some(&identity.run);
        if let Some(killer) = killed.iter().find(maker) {
            return Standing::Killed(killer.clone());
        }
        if !configured {
            return Standing::Unconfigured;
        }
        match shared {
            true => self.judge_shared(orphan, noted),
            false => self.judge_own(orphan, noted),
        }
    }

    fn judge_own(&self, orphan: &Orphan, noted: bool) -> Standing {
        match self.states.get(&orphan.identity.instance) {
            None => Standing::Lost,
            Some(None) => Standing::Unreadable,
            Some(Some(_)) if !noted && !orphan.names.is_empty() => Standing::Replaced,
            Some(Some(state)) if !is_ended(state) => Standing::Unfinished,
            Some(Some(_)) => Standing::InUse,
        }
    }

    /// Of what the members of a cluster share.
    fn judge_shared(&self, orphan: &Orphan, noted: bool) -> Standing {
        let cluster = orphan.identity.cluster.as_deref().unwrap_or_default();
        let members = self.members(cluster).iter();
        let states: Vec<_> = members.filter_map(|it| self.states.get(it)).collect();
        if states.is_empty() {
            Standing::Lost
        } else if noted || orphan.names.is_empty() {
            Standing::InUse
        } else if states.contains(&&None) {
            Standing::Unreadable
        } else {
            Standing::Replaced
        }
    }
}

/// Whether a command has ended since the machine was begun, well or not.
pub fn is_ended(state: &Map<String, Value>) -> bool {
    ["last_action", "last_attempted_action"]
        .iter()
        .any(|key| state.get(*key).is_some_and(|value| !value.is_null()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn identity(cluster: Option<&str>, instance: &str) -> Identity {
        Identity {
            project: "p".into(),
            cluster: cluster.map(Into::into),
            instance: instance.into(),
            suite: "s".into(),
            platform: "host".into(),
            run: "r1".into(),
        }
    }

    fn orphan(cluster: Option<&str>, instance: &str) -> Orphan {
        Orphan {
            names: vec!["id1".into(), "name1".into()],
            ..Orphan::new(identity(cluster, instance), "container name1")
        }
    }

    /// A cluster `app-host` of `a-host` and `b-host`, and an instance `c-host`, with these states.
    fn facts(states: Value) -> Facts {
        let Value::Object(states) = states else {
            panic!("states by instance");
        };
        let states = states
            .into_iter()
            .map(|(name, state)| (name, state.as_object().cloned()));
        let lock = |name: &str, lock: &str| (name.to_owned(), lock.to_owned());
        Facts {
            instances: [
                lock("a-host", "app-host"),
                lock("b-host", "app-host"),
                lock("c-host", "c-host"),
            ]
            .into(),
            clusters: [("app-host".into(), vec!["a-host".into(), "b-host".into()])].into(),
            states: states.collect(),
        }
    }

    fn holder(run: &str) -> Holder {
        Holder {
            pid: 7,
            command: "test".into(),
            since: "2026-01-01 00:00:00".into(),
            run: Some(run.into()),
        }
    }

    #[test]
    fn a_machine_is_judged_by_its_state() {
        for (states, standing) in [
            (json!({}), Standing::Lost),
            (json!({"b-host": {"container_id": "id1"}}), Standing::Lost),
            (json!({"a-host": null}), Standing::Unreadable),
            (
                json!({"a-host": {"container_name": "name1"}}),
                Standing::Unfinished,
            ),
            (
                json!({"a-host": {"container_id": "id1", "last_action": "create"}}),
                Standing::InUse,
            ),
            (
                json!({"a-host": {"container_id": "id1", "last_action": null,
                    "last_attempted_action": "create", "last_error": "no"}}),
                Standing::InUse,
            ),
            (
                json!({"a-host": {"container_id": "id2", "last_action": "create"}}),
                Standing::Replaced,
            ),
        ] {
            let judged = facts(states.clone()).judge(&orphan(Some("app-host"), "a-host"), &[]);
            assert_eq!(judged, standing, "{states}");
        }
    }

    #[test]
    fn a_driver_whose_states_do_not_tell_gets_the_benefit_of_the_doubt() {
        let mut machine = orphan(None, "c-host");
        machine.names.clear();
        let facts = facts(json!({"c-host": {"last_action": "verify"}}));
        assert_eq!(facts.judge(&machine, &[]), Standing::InUse);
    }

    #[test]
    fn what_members_share_is_judged_by_all_of_them() {
        let network = orphan(Some("app-host"), "");
        for (states, standing) in [
            (json!({}), Standing::Lost),
            (json!({"c-host": {"last_action": "create"}}), Standing::Lost),
            (json!({"b-host": {"network": "name1"}}), Standing::InUse),
            (json!({"b-host": {"network": "name2"}}), Standing::Replaced),
            (
                json!({"a-host": {"network": "name2"}, "b-host": null}),
                Standing::Unreadable,
            ),
        ] {
            assert_eq!(
                facts(states.clone()).judge(&network, &[]),
                standing,
                "{states}"
            );
        }
    }

    #[test]
    fn a_killed_run_leaves_behind_what_it_made_and_nothing_else() {
        let state = json!({"a-host": {"container_id": "id1", "last_action": "create"}});
        let machine = orphan(Some("app-host"), "a-host");
        let facts = facts(state);
        assert_eq!(
            facts.judge(&machine, &[holder("r1")]),
            Standing::Killed(holder("r1"))
        );
        assert_eq!(facts.judge(&machine, &[holder("r2")]), Standing::InUse);
        let nameless = Holder {
            run: None,
            ..holder("")
        };
        assert_eq!(facts.judge(&machine, &[nameless]), Standing::InUse);
    }

    #[test]
    fn what_the_configuration_lacks_was_left_behind_whatever_the_states_say() {
        let known = facts(json!({"old-host": {"container_id": "id1", "last_action": "create"}}));
        assert_eq!(
            known.judge(&orphan(None, "old-host"), &[]),
            Standing::Unconfigured
        );
        assert_eq!(
            known.judge(&orphan(Some("old"), ""), &[]),
            Standing::Unconfigured
        );
        // A member is in the network of its cluster, and that has another name now.
        let moved = orphan(Some("old"), "a-host");
        assert_eq!(known.judge(&moved, &[]), Standing::Unconfigured);
    }

    #[test]
    fn an_image_is_kept_for_instances_that_may_want_it_again() {
        let image = |instance| Orphan {
            cache: true,
            ..orphan(None, instance)
        };
        let none = facts(json!({}));
        assert_eq!(
            none.judge(&image("c-host"), &[holder("r1")]),
            Standing::Cached
        );
        assert_eq!(none.judge(&image("old-host"), &[]), Standing::Unconfigured);
        let used = facts(json!({"c-host": {"docker_image": "name1", "last_action": "create"}}));
        assert_eq!(used.judge(&image("old-host"), &[]), Standing::Cached);
        assert!(!Standing::Cached.is_left(false) && Standing::Cached.is_left(true));
    }

    #[test]
    fn what_is_the_projects_own_is_kept_while_the_driver_or_a_state_wants_it() {
        let image = |cache| Orphan {
            cache,
            ..orphan(None, "")
        };
        let none = facts(json!({}));
        assert_eq!(none.judge(&image(true), &[]), Standing::Cached);
        assert_eq!(none.judge(&image(false), &[]), Standing::Superseded);
        let used = facts(json!({"c-host": {"docker_image": "name1", "last_action": "create"}}));
        assert_eq!(used.judge(&image(false), &[]), Standing::Cached);
        assert!(Standing::Superseded.is_left(false));
    }

    #[test]
    fn locks_are_those_of_the_labels_and_of_the_configuration() {
        let locks = |cluster, instance| {
            let found = facts(json!({})).locks(&identity(cluster, instance));
            found.into_iter().collect::<Vec<_>>()
        };
        assert_eq!(locks(Some("app-host"), "a-host"), ["app-host"]);
        assert_eq!(locks(Some("old"), "a-host"), ["app-host", "old"]);
        assert_eq!(locks(None, "a-host"), ["a-host", "app-host"]);
        assert_eq!(locks(Some("app-host"), ""), ["app-host"]);
        assert_eq!(locks(None, "old-host"), ["old-host"]);
    }
}
