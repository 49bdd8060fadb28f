//! Settings of the provisioner.

use std::path::Path;

use banquet_sdk::lenient::List;
use banquet_sdk::{Context, Error, Result};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

/// Settings of the provisioner (provisioner/external.rb). Every other key is the provider's own.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("additionalProperties" = true))]
pub struct Config {
    /// The provider's command line; words as a shell reads them [default: required].
    pub command: String,
    /// Name of the provider, under which its state is kept; default: the program's name without
    /// `kitchen-provider-`.
    pub provider: Option<String>,
    /// Names of variables that the provider may see, beside those that every program needs (`PATH`,
    /// `HOME`, the locale) and those that carry the transport's secrets. Their values are secrets.
    pub pass_env: List<String>,
}

impl Config {
    /// The section's; an error where there is no command.
    pub fn of(cx: &Context) -> Result<Self> {
        let config: Self = cx.config()?;
        config.words()?;
        Ok(config)
    }

    /// The words of the command; never none.
    pub fn words(&self) -> Result<Vec<String>> {
        let words = shell_words::split(&self.command)
            .map_err(|error| Error::config("/command", format!("{error} in {:?}", self.command)))?;
        if words.is_empty() {
            return Err(Error::config("/command", "external needs a `command`")
                .hint("Set `command` to the program that speaks the external provider protocol."));
        }
        Ok(words)
    }

    /// The provider's name.
    pub fn name(&self) -> Result<String> {
        if let Some(name) = self.provider.as_ref().filter(|name| !name.is_empty()) {
            return Ok(name.clone());
        }
        let words = self.words()?;
        let file = Path::new(&words[0]).file_name().unwrap_or_default();
        let file = file.to_string_lossy();
        let name = file.strip_prefix("kitchen-provider-").unwrap_or(&file);
        Ok(name.to_owned())
    }

    /// The keys that are the provider's own.
    pub fn of_provider(values: &Map<String, Value>) -> Map<String, Value> {
        const OURS: [&str; 8] = [
            "command",
            "provider",
            "pass_env",
            "kitchen_root",
            "test_base_path",
            "retry_on_exit_code",
            "max_retries",
            "wait_for_retry",
        ];
        let mut values = values.clone();
        values.retain(|key, _| !OURS.contains(&key.as_str()));
        values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_provider_is_named_after_its_program() {
        let named = |command: &str, provider: Option<&str>| {
            let config = Config {
                command: command.into(),
                provider: provider.map(str::to_owned),
                ..Config::default()
            };
            config.name().map_err(|error| error.message)
        };
        assert_eq!(
            named("/opt/kitchen-provider-cinc -v", None),
            Ok("cinc".into())
        );
        assert_eq!(named("ruby provider.rb", None), Ok("ruby".into()));
        assert_eq!(named("ruby provider.rb", Some("mine")), Ok("mine".into()));
        assert_eq!(named(" ", None), Err("external needs a `command`".into()));
        assert!(named("'half", None).unwrap_err().contains("'half"));
    }
}
