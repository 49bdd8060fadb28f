//! One instance, for commands that reach it outside of a run.

use std::sync::Arc;

use banquet_sdk::{Connection, Context, MemoryStore, State};

use super::exit::Exit;
use super::fault::{self, Fault};
use super::loaded::Loaded;
use super::mask;
use crate::matrix::{Instance, Kind};
use crate::plan;
use crate::registry::Unknown;
use crate::state;

/// An instance, and what is remembered of it.
pub struct Machine<'a> {
    loaded: &'a Loaded,
    /// The instance.
    pub instance: &'a Arc<Instance>,
    /// Its state; checkpoints are not kept.
    pub state: State,
}

impl<'a> Machine<'a> {
    /// The instance with its state as it is now.
    pub fn read(loaded: &'a Loaded, instance: &'a Arc<Instance>) -> Result<Self, Fault> {
        let values = loaded.project.state_file(&instance.name).read()?;
        mask::learn_state(&values);
        Ok(Self {
            loaded,
            instance,
            state: State::new(values, Arc::new(MemoryStore::default())),
        })
    }

    /// As [`Machine::read`], but the instance must exist.
    pub fn living(loaded: &'a Loaded, instance: &'a Arc<Instance>) -> Result<Self, Fault> {
        let machine = Self::read(loaded, instance)?;
        let maker = state::Maker::of(machine.state.values());
        if let Some(made) = plan::as_made(instance, maker, &loaded.registry) {
            let (message, hints) = plan::made_otherwise(instance, &made);
            return Err(Fault::new(Exit::Config, message, hints));
        }
        match machine.lives() {
            true => Ok(machine),
            false => Err(Fault::usage(
                format!("Instance <{}> has not yet been created", instance.name),
                [format!("Run `kitchen create {}`.", instance.name)],
            )),
        }
    }

    /// Whether it was created and not destroyed.
    pub fn lives(&self) -> bool {
        self.state
            .str("last_action")
            .is_some_and(|last| last != "destroy")
    }

    /// What a plugin of this instance is told.
    pub fn context(&self, kind: Kind) -> Context {
        let section = self.instance.plugin(kind).section.clone();
        let mut context = plan::context(&self.loaded.project, self.instance, section, "");
        context.secrets = mask::secrets().clone();
        context
    }

    /// A connection to it.
    pub async fn connect(&self) -> Result<Box<dyn Connection>, Fault> {
        let transport = self
            .loaded
            .registry
            .transport(&self.instance.transport.name)?;
        let connected = transport
            .connect(&self.context(Kind::Transport), &self.state)
            .await;
        connected.map_err(|error| self.failed(&error))
    }

    /// What a plugin said when it failed.
    pub fn failed(&self, error: &banquet_sdk::Error) -> Fault {
        fault::plugin(&self.instance.name, error)
    }
}

impl From<state::Error> for Fault {
    fn from(error: state::Error) -> Self {
        Self::new(Exit::Infrastructure, error.to_string(), error.hints())
    }
}

impl From<Unknown> for Fault {
    fn from(unknown: Unknown) -> Self {
        Self::new(Exit::Config, unknown.to_string(), [unknown.hint()])
    }
}
