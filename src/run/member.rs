//! One machine of a job: its state, on disk at every checkpoint, and the way to it.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use banquet_sdk::{Connection, Peer, Secrets, State, StateStore};
use serde_json::{Map, Value};

use super::Failure;
use super::sink::learn_state;
use crate::matrix::{Instance, Plugins};
use crate::plan::as_made;
use crate::state::{Error, Maker, StateFile};

/// One machine.
pub(super) struct Member {
    pub instance: Arc<Instance>,
    store: Arc<Store>,
    /// Held by the action that works on it: two at once would not know of each other's state.
    pub busy: tokio::sync::Mutex<()>,
    /// Held while its links are set: of two changes at once the later one is the last.
    pub links: tokio::sync::Mutex<()>,
    /// Kept from one action to the next.
    pub connection: tokio::sync::Mutex<Option<Arc<dyn Connection>>>,
}

/// Puts each checkpoint on disk, then before the eyes of all who only read.
struct Store {
    file: StateFile,
    /// What a driver notes may be a secret from then on.
    secrets: Secrets,
    /// Noted in every state that does not say who made its machine.
    maker: Maker,
    current: Mutex<Map<String, Value>>,
}

impl Store {
    fn current(&self) -> MutexGuard<'_, Map<String, Value>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store {
    /// Goes on where the file could not be written and `is_allowed` says so.
    fn put(
        &self,
        values: &Map<String, Value>,
        is_allowed: impl FnOnce(&Error) -> bool,
    ) -> banquet_sdk::Result<()> {
        learn_state(&self.secrets, values);
        let mut values = values.clone();
        let noted = Maker::of(&self.current());
        noted.as_ref().unwrap_or(&self.maker).noted_in(&mut values);
        match self.file.write(&values) {
            Err(error) if !is_allowed(&error) => return Err(error.into()),
            _ => *self.current() = values,
        }
        Ok(())
    }
}

impl StateStore for Store {
    fn save(&self, values: &Map<String, Value>) -> banquet_sdk::Result<()> {
        self.put(values, |_| false)
    }
}

/// The store of a machine that is being removed: on a full disk the file still names what is gone by
/// then, which the next `destroy` looks for in vain. Of too much known nothing is lost.
struct Fading(Arc<Store>);

impl StateStore for Fading {
    fn save(&self, values: &Map<String, Value>) -> banquet_sdk::Result<()> {
        self.0.put(values, Error::is_full)
    }
}

impl Member {
    pub fn new(
        instance: &Arc<Instance>,
        file: StateFile,
        values: Map<String, Value>,
        secrets: &Secrets,
        file_of_configuration: Option<&Path>,
    ) -> Self {
        learn_state(secrets, &values);
        Self {
            instance: instance.clone(),
            store: Arc::new(Store {
                file,
                secrets: secrets.clone(),
                maker: Maker {
                    driver: instance.driver.name.clone(),
                    suite: instance.suite.clone(),
                    platform: instance.platform.clone(),
                    cluster: instance.cluster.clone(),
                    file: file_of_configuration.map(Path::to_path_buf),
                },
                current: Mutex::new(values),
            }),
            busy: tokio::sync::Mutex::default(),
            links: tokio::sync::Mutex::default(),
            connection: tokio::sync::Mutex::default(),
        }
    }

    /// A copy of the state, for one action to work with.
    pub fn state(&self) -> State {
        State::new(self.store.current().clone(), self.store.clone())
    }

    /// `state` for a driver that removes the machine: its checkpoints need no room on a disk.
    pub fn fading(&self, state: &State) -> State {
        State::new(state.values().clone(), Arc::new(Fading(self.store.clone())))
    }

    /// `state` with checkpoints that must be kept.
    pub fn kept(&self, state: &State) -> State {
        State::new(state.values().clone(), self.store.clone())
    }

    /// The last action that succeeded.
    pub fn last_action(&self) -> Option<String> {
        let current = self.store.current();
        Some(current.get("last_action")?.as_str()?.to_owned())
    }

    /// The instance as its machine was made, where the configuration says otherwise now.
    pub fn as_made(&self, plugins: &dyn Plugins) -> Option<Arc<Instance>> {
        as_made(&self.instance, Maker::of(&self.store.current()), plugins)
    }

    /// Whether it was made, and not removed since.
    pub fn lives(&self) -> bool {
        self.last_action().is_some_and(|last| last != "destroy")
    }

    /// Whether anything is known of it.
    pub fn is_known(&self) -> bool {
        !self.store.current().is_empty()
    }

    /// Forgets everything (lib/kitchen/instance.rb: the file is removed after destroy).
    pub fn forget(&self) -> Result<(), Failure> {
        self.store.current().clear();
        Ok(self.store.file.remove()?)
    }

    /// What the others may know of it.
    pub fn peer(&self) -> Peer {
        self.instance.peer(&self.state())
    }
}
