//! Variables that reach the user's code on a machine besides those of the kitchen.

use std::collections::BTreeMap;

/// Variables of the workstation that Test Kitchen hands on (configurable.rb, `env_wrapped`).
const HANDED_ON: [&str; 2] = ["CI", "CHEF_LICENSE"];

/// `TEST_KITCHEN`, what the workstation hands on, and `TKENV_NAME` of it as `NAME`.
pub fn of_the_workstation(
    variables: impl IntoIterator<Item = (String, String)>,
) -> BTreeMap<String, String> {
    let mut all = BTreeMap::from([("TEST_KITCHEN".to_string(), "1".to_string())]);
    for (name, value) in variables {
        if let Some(name) = name.strip_prefix("TKENV_").filter(|name| !name.is_empty()) {
            all.insert(name.into(), value);
        } else if HANDED_ON.contains(&name.as_str()) || is_proxy(&name) {
            all.insert(name, value);
        }
    }
    all
}

fn is_proxy(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let known = ["http_proxy", "https_proxy", "ftp_proxy", "no_proxy"].contains(&lower.as_str());
    known && (name == lower || name == name.to_ascii_uppercase())
}

/// Sets or, where `value` is empty, takes out a proxy variable in both spellings; leaves what the
/// workstation says where nothing is configured.
pub fn set_proxy(all: &mut BTreeMap<String, String>, name: &str, value: Option<&str>) {
    let Some(value) = value else { return };
    for name in [name.to_string(), name.to_ascii_uppercase()] {
        all.remove(&name);
        if !value.is_empty() {
            all.insert(name, value.into());
        }
    }
}

/// Every key of the state in capitals behind `KITCHEN_` (verifier/shell.rb). What no process can
/// have as a variable is left out.
pub fn of_the_state(
    values: &serde_json::Map<String, serde_json::Value>,
) -> BTreeMap<String, String> {
    values
        .iter()
        .map(|(key, value)| {
            let text = match value {
                serde_json::Value::Null => String::new(),
                serde_json::Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            (format!("KITCHEN_{}", key.to_uppercase()), text)
        })
        .filter(|(name, text)| !name.contains(['=', '\0']) && !text.contains('\0'))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(list: &[(&str, &str)]) -> BTreeMap<String, String> {
        list.iter()
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .collect()
    }

    #[test]
    fn the_workstation_hands_on_little() {
        let have = pairs(&[
            ("CI", "true"),
            ("HOME", "/root"),
            ("TKENV_COLOR", "red"),
            ("https_proxy", "http://p"),
            ("Http_Proxy", "no"),
        ]);
        assert_eq!(
            of_the_workstation(have),
            pairs(&[
                ("CI", "true"),
                ("COLOR", "red"),
                ("TEST_KITCHEN", "1"),
                ("https_proxy", "http://p"),
            ])
        );
    }

    #[test]
    fn a_configured_proxy_replaces_that_of_the_workstation() {
        let mut all = pairs(&[
            ("http_proxy", "old"),
            ("HTTPS_PROXY", "old"),
            ("ftp_proxy", "old"),
        ]);
        set_proxy(&mut all, "http_proxy", Some("new"));
        set_proxy(&mut all, "https_proxy", Some(""));
        set_proxy(&mut all, "ftp_proxy", None);
        assert_eq!(
            all,
            pairs(&[
                ("HTTP_PROXY", "new"),
                ("ftp_proxy", "old"),
                ("http_proxy", "new")
            ])
        );
    }

    #[test]
    fn the_state_is_in_capitals() {
        let serde_json::Value::Object(state) = serde_json::json!({
            "hostname": "h", "port": 22, "gone": null, "a=b": 1, "nul": "\0", "list": [1, "b"]
        }) else {
            unreachable!()
        };
        assert_eq!(
            of_the_state(&state),
            pairs(&[
                ("KITCHEN_GONE", ""),
                ("KITCHEN_HOSTNAME", "h"),
                ("KITCHEN_LIST", "[1,\"b\"]"),
                ("KITCHEN_PORT", "22"),
            ])
        );
    }
}
