//! Variables that reach the user's code on an instance besides those of the kitchen.

use std::collections::BTreeMap;

use crate::Context;

/// Variables of the workstation that Test Kitchen hands on (configurable.rb, `env_wrapped`).
const HANDED_ON: [&str; 2] = ["CI", "CHEF_LICENSE"];

/// The variables of `cx` and what the workstation hands on, with these proxies: where one is none,
/// the workstation's; where it is empty, none.
pub fn variables<'a>(
    cx: &Context,
    proxies: impl IntoIterator<Item = (&'a str, &'a Option<String>)>,
) -> BTreeMap<String, String> {
    let own = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let mut all = of_the_workstation(own);
    for (name, value) in proxies {
        set_proxy(&mut all, name, value.as_deref());
    }
    all.extend(cx.environment.to_map());
    all
}

/// `TEST_KITCHEN`, what the workstation hands on, and `TKENV_NAME` of it as `NAME`.
fn of_the_workstation(
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
fn set_proxy(all: &mut BTreeMap<String, String>, name: &str, value: Option<&str>) {
    let Some(value) = value else { return };
    for name in [name.to_string(), name.to_ascii_uppercase()] {
        all.remove(&name);
        if !value.is_empty() {
            all.insert(name, value.into());
        }
    }
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
}
