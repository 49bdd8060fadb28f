//! Where the machine of an instance is: its environment and its name there, as the state notes it
//! or as it would be made.

use std::path::PathBuf;

use banquet_sdk::{Context, Result, State};

use crate::environment::Environment;

/// State keys.
pub const ROOT: &str = "vagrant_root";
const MACHINE: &str = "vagrant_machine";
const PROVIDER: &str = "vagrant_provider";
/// State keys: what the provider calls the machine, and the cluster's network.
pub const NAME: &str = "vagrant_name";
pub const NETWORK: &str = "vagrant_network";
/// Keys of the state that this driver sets.
const KEYS: [&str; 14] = [
    ROOT,
    MACHINE,
    PROVIDER,
    NAME,
    NETWORK,
    "hostname",
    "port",
    "username",
    "password",
    "ssh_key",
    "proxy_command",
    "rdp_port",
    "address",
    "host_name",
];

/// A machine's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The environment.
    pub environment: Environment,
    /// The machine's name in it.
    pub machine: String,
    /// Whether the environment is a cluster's.
    pub shared: bool,
}

impl Place {
    /// The place that the state notes, else the one where the machine would be made: as
    /// kitchen-vagrant has it for an instance, one environment for all members of a cluster.
    pub fn of(cx: &Context, state: &State) -> Self {
        let noted = state.str(ROOT).map(PathBuf::from).zip(state.str(MACHINE));
        match noted {
            Some((root, machine)) => Self {
                shared: machine != ALONE,
                machine: machine.to_owned(),
                environment: match root.file_name().and_then(|name| name.to_str()) {
                    // The project has moved since.
                    Some(group) if !root.is_dir() => environment(cx, group),
                    _ => Environment { root },
                },
            },
            None => match &cx.identity.cluster {
                Some(cluster) => Self::member(cx, cluster),
                None => Self::alone(cx),
            },
        }
    }

    fn alone(cx: &Context) -> Self {
        Self {
            environment: environment(cx, &cx.identity.instance),
            machine: ALONE.into(),
            shared: false,
        }
    }

    fn member(cx: &Context, cluster: &str) -> Self {
        Self {
            environment: environment(cx, cluster),
            machine: cx.identity.instance.clone(),
            shared: true,
        }
    }

    /// Puts the place into the state.
    pub fn note(&self, state: &mut State, provider: &str) {
        let root = self.environment.root.display().to_string();
        state.set(ROOT, root);
        state.set(MACHINE, self.machine.clone());
        state.set(PROVIDER, provider);
    }
}

/// The name of a machine that is alone in its environment: what Vagrant calls one without a name.
const ALONE: &str = "default";

/// The environment of a cluster or an instance.
pub fn environment(cx: &Context, group: &str) -> Environment {
    Environment {
        root: cx.kitchen_dir.join("kitchen-vagrant").join(group),
    }
}

/// The provider that the state notes.
pub fn provider(state: &State) -> Option<&str> {
    state.str(PROVIDER)
}

/// Forgets all that this driver noted.
pub fn forget(state: &mut State) -> Result<()> {
    for key in KEYS {
        state.remove(key);
    }
    state.checkpoint()
}

#[cfg(test)]
pub mod tests {
    use banquet_sdk::{Identity, Section};

    use super::*;

    /// A context of an instance by itself.
    pub fn cx(section: Section) -> Context {
        let identity = Identity {
            project: "p1".into(),
            cluster: None,
            instance: "web-linux".into(),
            suite: "web".into(),
            platform: "linux".into(),
            run: "r1".into(),
        };
        Context::for_tests(identity, "/project".into(), section)
    }

    /// A context of a member of a cluster.
    pub fn in_cluster(section: Section) -> Context {
        let mut cx = cx(section);
        cx.identity.cluster = Some("shop-linux".into());
        cx
    }

    #[test]
    fn an_instance_is_where_test_kitchen_has_it_and_members_are_together() {
        let state = State::in_memory();
        let alone = Place::of(&cx(Section::default()), &state);
        assert_eq!(
            alone.environment.root,
            PathBuf::from("/project/.kitchen/kitchen-vagrant/web-linux")
        );
        assert_eq!((alone.machine.as_str(), alone.shared), ("default", false));
        let member = Place::of(&in_cluster(Section::default()), &state);
        assert_eq!(
            member.environment.root,
            PathBuf::from("/project/.kitchen/kitchen-vagrant/shop-linux")
        );
        assert_eq!(
            (member.machine.as_str(), member.shared),
            ("web-linux", true)
        );
    }

    #[test]
    fn what_was_made_stays_where_it_is() {
        let mut state = State::in_memory();
        let alone = Place::of(&cx(Section::default()), &state);
        alone.note(&mut state, "docker");
        assert_eq!(Place::of(&in_cluster(Section::default()), &state), alone);
        assert_eq!(provider(&state), Some("docker"));
        forget(&mut state).unwrap();
        assert!(state.values().is_empty());
    }
}
