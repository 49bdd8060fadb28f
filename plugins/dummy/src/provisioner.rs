//! Converges that change nothing.

use std::path::PathBuf;

use banquet_sdk::lenient::{List, Seconds, Text};
use banquet_sdk::{
    Changes, Connection, Context, Converged, Error, ErrorKind, PluginInfo, Provisioner, Result,
    State, async_trait,
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::act::{Behaviour, act, fails_again};

/// Settings of the provisioner; the first three are Test Kitchen's (provisioner/dummy.rb).
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Config {
    /// Seconds that a converge takes.
    pub sleep: Seconds,
    /// Whether a converge fails half of the time.
    pub random_failure: bool,
    /// Whether a converge fails.
    pub fail: bool,
    /// How many converges fail before one succeeds.
    pub fail_times: u64,
    /// What a converge says that it changed, each a line.
    pub changes: List<Text>,
    /// Whether a converge says that it changed something; without it `changes` decides, and
    /// without both it does not say.
    pub changed: Option<bool>,
    /// File to which every converge appends its lines.
    pub journal: Option<PathBuf>,
}

impl Config {
    fn changes(&self) -> Changes {
        let lines: Vec<String> = self.changes.0.iter().map(|text| text.0.clone()).collect();
        match self.changed {
            Some(false) => Changes::None,
            Some(true) if lines.is_empty() => Changes::Some(vec!["something".into()]),
            None if lines.is_empty() => Changes::Unknown,
            _ => Changes::Some(lines),
        }
    }
}

/// Says that it converged.
#[derive(Clone, Copy, Debug, Default)]
pub struct Dummy;

#[async_trait]
impl Provisioner for Dummy {
    fn info(&self) -> PluginInfo {
        PluginInfo::of::<Config>("dummy", "converges that change nothing")
    }

    fn tells_changes(&self, cx: &Context) -> Result<()> {
        match cx.config::<Config>()?.changes() {
            Changes::Unknown => Err(Error::unsupported(
                "provisioner dummy does not tell what it changed",
            )
            .hint("Set `changed` or `changes` in its settings.")),
            _ => Ok(()),
        }
    }

    async fn converge(
        &self,
        cx: &Context,
        _connection: &dyn Connection,
        state: &mut State,
    ) -> Result<Converged> {
        let config: Config = cx.config()?;
        let behaviour = Behaviour {
            journal: config.journal.as_deref(),
            sleep: config.sleep,
            fail: config.fail || fails_again(state, "converge", config.fail_times)?,
            random_failure: config.random_failure,
        };
        act(cx, ErrorKind::Action, "converge", &behaviour).await?;
        Ok(Converged {
            changes: config.changes(),
        })
    }
}
