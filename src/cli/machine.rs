//! One instance, for commands that reach it outside of a run.

use std::sync::Arc;
use std::time::Duration;

use banquet_sdk::{Connection, Context, MemoryStore, State};
use tokio::time::Instant;

use super::exit::Exit;
use super::fault::{self, Fault};
use super::loaded::Loaded;
use super::mask;
use crate::leftovers::LAST_WORD;
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
    /// How long a plugin may take to answer; none: no limit.
    limit: Option<Duration>,
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
            limit: None,
        })
    }

    /// The same, whose plugins must answer within `limit`.
    pub fn within(self, limit: Duration) -> Self {
        let limit = Some(limit);
        Self { limit, ..self }
    }

    /// What a plugin answers, within the limit.
    pub async fn bounded<T>(
        &self,
        kind: Kind,
        work: impl Future<Output = banquet_sdk::Result<T>>,
    ) -> banquet_sdk::Result<T> {
        let Some(limit) = self.limit else {
            return work.await;
        };
        let late = tokio::time::timeout(limit + LAST_WORD, work);
        let (name, instance) = (&self.instance.plugin(kind).name, &self.instance.name);
        late.await.unwrap_or_else(|_| {
            let what = format!("an answer of {} {name} for {instance}", kind.key());
            Err(banquet_sdk::Error::timeout(what, limit)
                .hint("Look whether what it talks to still answers; --timeout gives it more time."))
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
        context.deadline = self.limit.map(|limit| Instant::now() + limit);
        context
    }

    /// A connection to it.
    pub async fn connect(&self) -> Result<Box<dyn Connection>, Fault> {
        let transport = self
            .loaded
            .registry
            .transport(&self.instance.transport.name)?;
        let context = self.context(Kind::Transport);
        let connecting = transport.connect(&context, &self.state);
        let connected = self.bounded(Kind::Transport, connecting).await;
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
