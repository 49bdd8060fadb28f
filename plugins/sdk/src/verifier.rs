//! Judges machines.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::lenient::Seconds;
use crate::lookup::Tests;
use crate::{Connection, Context, PluginInfo, Result, State, async_trait};

/// How one test ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CaseStatus {
    /// It held.
    Passed,
    /// It did not.
    Failed,
    /// It was not run.
    Skipped,
}

/// One test as the verifier's tool counts them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TestCase {
    /// The tool's name for it.
    pub name: String,
    /// How it ended.
    pub status: CaseStatus,
    /// How long it took, where the tool tells; written as seconds.
    #[serde(default, with = "seconds")]
    #[schemars(with = "Option<f64>")]
    pub duration: Option<Duration>,
    /// What the tool said about it.
    pub message: Option<String>,
}

/// A duration as seconds with a fraction, to the microsecond.
mod seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(
        duration: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let seconds = duration.map(|it| it.as_micros() as f64 / 1e6);
        seconds.serialize(serializer)
    }

    /// Fails below zero, and where there are more seconds than a duration holds.
    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        let seconds = Option::<f64>::deserialize(deserializer)?;
        let duration = seconds.map(Duration::try_from_secs_f64).transpose();
        duration.map_err(serde::de::Error::custom)
    }
}

/// The keys of every verifier, which the kitchen itself reads and obeys.
#[derive(Clone, Copy, Debug, Default, Deserialize, schemars::JsonSchema)]
#[serde(default)]
pub struct VerifierKeys {
    /// Seconds after which the tests are ended, on the machine as well; default: no limit.
    pub timeout: Option<Seconds>,
    /// Whether a verify that ran no test has failed; default: yes for the steps of a cluster, no
    /// for an instance outside of clusters, which is warned of, as in Test Kitchen.
    pub require_tests: Option<bool>,
}

/// Runs tests on a machine, or from the workstation against it.
#[async_trait]
pub trait Verifier: Send + Sync {
    /// Name and keys.
    fn info(&self) -> PluginInfo;

    /// What it would run of the directory [`Context::tests`], which is one of several that the
    /// kitchen asks about ([`look_up`](crate::lookup::look_up)). Asks no machine.
    fn tests(&self, _cx: &Context) -> Result<Tests> {
        Ok(Tests::Settings)
    }

    /// What keeps the tests from being run, told before anything runs: settings that are wrong,
    /// tests that no tool here runs. Asks no machine; that a plan may not know an address yet is no
    /// error.
    fn check(&self, _cx: &Context) -> Result<()> {
        Ok(())
    }

    /// Prepares the machine (installs the tool). Called once, before the first verify.
    async fn setup(
        &self,
        _cx: &Context,
        _connection: &dyn Connection,
        _state: &mut State,
    ) -> Result<()> {
        Ok(())
    }

    /// Runs the tests. Failed tests are cases; the kitchen fails the step for them. An error means
    /// that the tests could not be run. A verifier whose tool tells no cases of its own tells one
    /// for all that it ran ([`TestCase::whole`]). No case at all, or none but skipped ones, means
    /// that no test ran: in a cluster the step has failed, elsewhere the kitchen warns.
    async fn verify(
        &self,
        cx: &Context,
        connection: &dyn Connection,
        state: &mut State,
    ) -> Result<Vec<TestCase>>;

    /// Checks what it needs on the workstation.
    async fn doctor(&self, _cx: &Context) -> Result<Vec<crate::Fault>> {
        Ok(Vec::new())
    }

    /// Checks what it needs on a machine that is there.
    async fn examine(
        &self,
        _cx: &Context,
        _connection: &dyn Connection,
    ) -> Result<Vec<crate::Fault>> {
        Ok(Vec::new())
    }
}
