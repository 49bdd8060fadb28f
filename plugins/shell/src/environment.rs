//! Variables that reach a verifier's command besides those of the kitchen.

use std::collections::BTreeMap;

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
