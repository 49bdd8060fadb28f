//! Tests of nothing.

use std::path::PathBuf;

use banquet_sdk::lenient::Seconds;
use banquet_sdk::{
    CaseStatus, Connection, Context, ErrorKind, PluginInfo, Result, State, TestCase, Verifier,
    async_trait,
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::act::{Behaviour, act, fails_again};

/// Settings of the verifier; the first three are Test Kitchen's (verifier/dummy.rb).
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Config {
    /// Seconds that a verify takes.
    pub sleep: Seconds,
    /// Whether a verify fails half of the time.
    pub random_failure: bool,
    /// Whether a verify fails before it has any cases.
    pub fail: bool,
    /// How many verifies fail before one succeeds.
    pub fail_times: u64,
    /// Whether setup fails.
    pub fail_setup: bool,
    /// The tests that it tells of; default: one, `dummy`, that passed.
    pub cases: Vec<Case>,
    /// File to which every setup and verify appends its lines.
    pub journal: Option<PathBuf>,
}

/// One test.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Its name.
    pub name: String,
    /// How it ended: `passed`, `failed` or `skipped`.
    #[serde(default)]
    pub status: Ending,
    /// What was said about it.
    pub message: Option<String>,
}

/// How a test ended.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Ending {
    /// It held.
    #[default]
    Passed,
    /// It did not.
    Failed,
    /// It was not run.
    Skipped,
}

impl From<Case> for TestCase {
    fn from(case: Case) -> Self {
        Self {
            name: case.name,
            status: match case.status {
                Ending::Passed => CaseStatus::Passed,
                Ending::Failed => CaseStatus::Failed,
                Ending::Skipped => CaseStatus::Skipped,
            },
            duration: None,
            message: case.message,
        }
    }
}

/// Says that it verified.
#[derive(Clone, Copy, Debug, Default)]
pub struct Dummy;

#[async_trait]
impl Verifier for Dummy {
    fn info(&self) -> PluginInfo {
        PluginInfo::of::<Config>("dummy", "tests of nothing")
    }

    async fn setup(
        &self,
        cx: &Context,
        _connection: &dyn Connection,
        _state: &mut State,
    ) -> Result<()> {
        let config: Config = cx.config()?;
        let behaviour = Behaviour {
            journal: config.journal.as_deref(),
            fail: config.fail_setup,
            ..Behaviour::default()
        };
        act(cx, ErrorKind::Action, "setup", &behaviour).await
    }

    async fn verify(
        &self,
        cx: &Context,
        _connection: &dyn Connection,
        state: &mut State,
    ) -> Result<Vec<TestCase>> {
        let config: Config = cx.config()?;
        let behaviour = Behaviour {
            journal: config.journal.as_deref(),
            sleep: config.sleep,
            fail: config.fail || fails_again(state, "verify", config.fail_times)?,
            random_failure: config.random_failure,
        };
        act(cx, ErrorKind::Action, "verify", &behaviour).await?;
        if config.cases.is_empty() {
            let name = "dummy".into();
            let only = Case {
                name,
                status: Ending::Passed,
                message: None,
            };
            return Ok(vec![only.into()]);
        }
        Ok(config.cases.into_iter().map(TestCase::from).collect())
    }
}
