//! Which driver made the machine of a state, and for whom: the configuration may have changed since.

use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Key of a state, beside those of Test Kitchen and of drivers.
const KEY: &str = "made_by";

/// What a state notes of the making of its machine: enough to remove it without a configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Maker {
    /// Name of the driver.
    pub driver: String,
    /// Name of the suite.
    pub suite: String,
    /// Name of the platform.
    pub platform: String,
    /// Name of the cluster that the machine is a member of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// The configuration, where `KITCHEN_YAML` chose another than `kitchen.yml`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
}

impl Maker {
    /// The maker that `state` notes; none in states of Test Kitchen and of earlier versions, and
    /// where the note names no cluster that could be one: its name becomes a path.
    pub fn of(state: &Map<String, Value>) -> Option<Self> {
        let maker: Self = serde_json::from_value(state.get(KEY)?.clone()).ok()?;
        let named = |cluster: &String| {
            let mut parts = Path::new(cluster).components();
            matches!((parts.next(), parts.next()), (Some(Component::Normal(it)), None) if it == cluster.as_str())
        };
        maker.cluster.as_ref().is_none_or(named).then_some(maker)
    }

    /// `state` with this note, unless it has one.
    pub fn noted_in(&self, state: &mut Map<String, Value>) {
        if !state.contains_key(KEY)
            && let Ok(note) = serde_json::to_value(self)
        {
            state.insert(KEY.into(), note);
        }
    }
}

/// Whether `values` are the state of an instance, not another file that ends in `.yml`: they say who
/// made its machine or, as Test Kitchen's, what was done to it last.
pub fn is_state(values: &Map<String, Value>) -> bool {
    [KEY, "last_action", "last_attempted_action"]
        .iter()
        .any(|key| values.contains_key(*key))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_maker_is_noted_once_and_read_again() {
        let maker = Maker {
            driver: "docker".into(),
            suite: "web".into(),
            platform: "host".into(),
            cluster: Some("app-host".into()),
            file: None,
        };
        let mut state = Map::new();
        maker.noted_in(&mut state);
        let other = Maker {
            driver: "sandbox".into(),
            ..maker.clone()
        };
        other.noted_in(&mut state);
        assert_eq!(Maker::of(&state), Some(maker));
    }

    #[test]
    fn a_name_that_leads_elsewhere_is_no_cluster() {
        for cluster in ["..", "../../home", "/etc", "a/b", "", "./a", "a/"] {
            let state = json!({"made_by": {"driver": "d", "suite": "s", "platform": "p", "cluster": cluster}});
            assert_eq!(Maker::of(state.as_object().unwrap()), None, "{cluster:?}");
        }
        assert_eq!(Maker::of(&Map::new()), None);
    }
}
