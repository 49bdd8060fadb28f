//! A plugin may send anything: each message is taken or refused, and nothing more.

use banquet_sdk::outside::Claim;
use banquet_sdk::wire::message::OrphansResult;
use banquet_sdk::{Identity, Orphan};
use proptest::prelude::*;
use serde_json::Value;

/// Any JSON, with keys that messages have more often than others.
fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".*".prop_map(Value::from),
        "(\\.\\./){1,3}x".prop_map(Value::from),
    ];
    let key = prop_oneof![
        Just("jsonrpc".to_owned()),
        Just("id".to_owned()),
        Just("method".to_owned()),
        Just("params".to_owned()),
        Just("result".to_owned()),
        Just("error".to_owned()),
        Just("identity".to_owned()),
        Just("project".to_owned()),
        Just("cluster".to_owned()),
        Just("instance".to_owned()),
        Just("orphans".to_owned()),
        Just("resource".to_owned()),
        ".*",
    ];
    leaf.prop_recursive(4, 48, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::hash_map(key.clone(), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_line_is_a_message_or_is_refused(text in ".*", value in json()) {
        banquet_sdk::wire::is_message(text.as_bytes());
        banquet_sdk::wire::is_message(value.to_string().as_bytes());
    }

    #[test]
    fn any_list_of_things_holds_sound_names_or_is_refused(
        cluster in prop_oneof![".*", "(\\.\\./){0,3}[a-z/]{0,6}"],
        instance in prop_oneof![".*", "(\\.\\./){0,3}[a-z/]{0,6}"],
    ) {
        let identity = serde_json::json!({"project": "p", "cluster": cluster, "instance": instance,
            "suite": "s", "platform": "p", "run": "r"});
        let list = serde_json::json!({"orphans": [{"identity": identity, "resource": "x"}]});
        let told: OrphansResult = serde_json::from_value(list).expect("it has the form");
        for it in told.orphans {
            if let Ok(orphan) = Orphan::try_from(it) {
                prop_assert!(orphan.identity.is_sound());
            }
        }
        let read: Result<Identity, _> = serde_json::from_value(identity.clone());
        let claim: Claim = serde_json::from_value(identity).expect("it has the form");
        prop_assert_eq!(read.is_ok(), claim.identity().is_ok());
    }
}

#[test]
fn a_message_nested_without_end_is_refused() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(!banquet_sdk::wire::is_message(deep.as_bytes()));
    let text = format!("{{\"jsonrpc\": \"2.0\", \"method\": \"output\", \"params\": {deep}}}");
    assert!(!banquet_sdk::wire::is_message(text.as_bytes()));
}
