//! Provisioner `external`: the work is done by a program of the user's, which speaks Test Kitchen's
//! external provider protocol 1.0 (schemas/external-provider-protocol.v1.openapi.yaml).
//!
//! [`request`] is what the program is told, [`answer`] what it says, [`provider`] runs it.

mod answer;
mod config;
mod environment;
mod provider;
mod request;

use banquet_sdk::{
    Changes, Connection, Context, Converged, Error, Fault, LocalPath, PluginInfo, Provisioner,
    Result, State, async_trait,
};
use serde_json::Value;

pub use config::Config;
use provider::Provider;

/// The provisioner.
#[derive(Clone, Copy, Debug, Default)]
pub struct External;

/// State key: what providers have noted, by their names.
const PROVIDERS: &str = "providers";

#[async_trait]
impl Provisioner for External {
    fn info(&self) -> PluginInfo {
        PluginInfo::of::<Config>(
            "external",
            "a program of your own, by the external provider protocol 1.0",
        )
        .paths([LocalPath::command("/command")])
    }

    fn check(&self, cx: &Context) -> Result<()> {
        Config::of(cx).map(drop)
    }

    fn tells_changes(&self, _cx: &Context) -> Result<()> {
        Err(
            Error::unsupported("the external provider protocol has no word for what was changed")
                .hint("Compare two converges in a verify step instead."),
        )
    }

    async fn converge(
        &self,
        cx: &Context,
        _connection: &dyn Connection,
        state: &mut State,
    ) -> Result<Converged> {
        let provider = Provider::new(cx, state)?;
        cx.bounded("the external provider", async {
            provider.capabilities().await?;
            provider.validate().await?;
            if let Some(noted) = provider.run().await? {
                let mut all = state.get(PROVIDERS).and_then(Value::as_object).cloned();
                let all = all.get_or_insert_default();
                all.insert(provider.name().into(), noted);
                state.set(PROVIDERS, all.clone());
                state.checkpoint()?;
            }
            Ok(())
        })
        .await?;
        Ok(Converged {
            changes: Changes::Unknown,
        })
    }

    async fn doctor(&self, cx: &Context) -> Result<Vec<Fault>> {
        let config = Config::of(cx)?;
        let words = config.words()?;
        Ok(match provider::program(cx, &words[0]) {
            Ok(_) => Vec::new(),
            Err(error) => vec![Fault {
                advice: error.hints.join(" "),
                message: error.message,
            }],
        })
    }
}
