//! The JSON Schema of the protocol.

use std::sync::LazyLock;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::message::{
    ConnectionId, ConvergeResult, DialResult, Done, ErrorObject, ExecResult, FaultsResult,
    Initialized, LacksResult, LoginResult, Nothing, Notification, OrphansResult, PackageResult,
    PluginRequest, PrefixResult, ReclaimResult, Request, StatusResult, TargetResult, VerifyResult,
};

/// Always `2.0`.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
enum Version {
    #[default]
    #[serde(rename = "2.0")]
    Two,
}

/// A request of the kitchen.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct KitchenRequestMessage {
    jsonrpc: Version,
    id: u64,
    #[serde(flatten)]
    request: Request,
}

/// A request of a plugin.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct PluginRequestMessage {
    jsonrpc: Version,
    id: u64,
    #[serde(flatten)]
    request: PluginRequest,
}

/// A notification, either way.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct NotificationMessage {
    jsonrpc: Version,
    #[serde(flatten)]
    notification: Notification,
}

/// The answer to a request that succeeded: what `results` has for its method.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct ResultMessage {
    jsonrpc: Version,
    id: u64,
    result: Map<String, Value>,
}

/// The answer to a request that failed.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct ErrorMessage {
    jsonrpc: Version,
    /// Null where the request could not be read.
    id: Option<u64>,
    error: ErrorObject,
}

/// JSON Schema of every message; `results` has the schema of each method's result.
pub fn schema() -> Schema {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let messages = [
        generator.subschema_for::<KitchenRequestMessage>(),
        generator.subschema_for::<PluginRequestMessage>(),
        generator.subschema_for::<NotificationMessage>(),
        generator.subschema_for::<ResultMessage>(),
        generator.subschema_for::<ErrorMessage>(),
    ];
    let results = results(&mut generator);
    json_schema!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Message of a plugin in another process, or to one",
        "anyOf": messages,
        "results": results,
        "$defs": generator.take_definitions(true),
    })
}

/// The names of all methods of requests, of either side.
pub(super) fn methods() -> impl Iterator<Item = &'static str> {
    static METHODS: LazyLock<Vec<String>> = LazyLock::new(|| {
        let results = results(&mut SchemaSettings::draft2020_12().into_generator());
        let keys = results.as_object().map(|it| it.keys().cloned().collect());
        keys.unwrap_or_default()
    });
    METHODS.iter().map(String::as_str)
}

fn results(generator: &mut SchemaGenerator) -> Value {
    let mut results = Map::new();
    let mut of = |schema: Schema, methods: &[&str]| {
        for method in methods {
            results.insert((*method).into(), schema.clone().to_value());
        }
    };
    of(generator.subschema_for::<Initialized>(), &["initialize"]);
    of(
        generator.subschema_for::<Done>(),
        &[
            "driver/gossip",
            "driver/create",
            "driver/late_gossip",
            "driver/destroy",
            "driver/power",
            "driver/links",
            "provisioner/introduce",
            "verifier/setup",
        ],
    );
    of(
        generator.subschema_for::<Nothing>(),
        &[
            "shutdown",
            "driver/dissolve",
            "connection/upload",
            "connection/download",
            "connection/close",
            "driver/check",
            "transport/check",
            "provisioner/tells_changes",
            "provisioner/check",
            "verifier/check",
            "state/checkpoint",
        ],
    );
    of(
        generator.subschema_for::<FaultsResult>(),
        &[
            "driver/doctor",
            "transport/doctor",
            "provisioner/doctor",
            "verifier/doctor",
            "verifier/examine",
        ],
    );
    of(
        generator.subschema_for::<StatusResult>(),
        &["driver/status"],
    );
    of(generator.subschema_for::<LacksResult>(), &["driver/lacks"]);
    of(
        generator.subschema_for::<PrefixResult>(),
        &["driver/network", "driver/local_prefix"],
    );
    of(
        generator.subschema_for::<PackageResult>(),
        &["driver/package"],
    );
    of(
        generator.subschema_for::<OrphansResult>(),
        &["driver/orphans"],
    );
    of(
        generator.subschema_for::<ConnectionId>(),
        &["transport/connect", "connection/open"],
    );
    of(
        generator.subschema_for::<ReclaimResult>(),
        &["driver/reclaim"],
    );
    of(
        generator.subschema_for::<LoginResult>(),
        &["transport/login"],
    );
    of(
        generator.subschema_for::<TargetResult>(),
        &["transport/target"],
    );
    of(
        generator.subschema_for::<ExecResult>(),
        &["connection/exec"],
    );
    of(
        generator.subschema_for::<DialResult>(),
        &["connection/dial"],
    );
    of(
        generator.subschema_for::<ConvergeResult>(),
        &["provisioner/converge"],
    );
    of(
        generator.subschema_for::<crate::Tests>(),
        &["verifier/tests"],
    );
    of(
        generator.subschema_for::<VerifyResult>(),
        &["verifier/verify"],
    );
    Value::Object(results)
}
